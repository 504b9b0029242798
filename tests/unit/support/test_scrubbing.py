"""What is taken out of text, and what stays so that it can be understood."""

import base64

import pytest

from isochrone.support.scrubbing import Scrubber, values_of

SECRET = "Zq7wRt_9-xKp2"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"Authorization: Bearer {SECRET}", id="a-header"),
        pytest.param(f'{{"headers": {{"authorization": "Basic {SECRET}"}}}}', id="a-header-in-json"),
        pytest.param(f"Cookie: session={SECRET}; a=b", id="a-cookie"),
        pytest.param(f"sent with bearer {SECRET} to it", id="bearer"),
        pytest.param(f"api-key={SECRET}", id="key-value"),
        pytest.param(f"OPENAI_API_KEY='{SECRET}'", id="a-variable"),
        pytest.param(f'"x-api-key": "{SECRET}"', id="json"),
        pytest.param(f'{{\\"token\\": \\"{SECRET}\\"}}', id="json-in-json"),
        pytest.param(f"password: {SECRET}", id="yaml"),
        pytest.param(f"private_key = {SECRET}", id="spaces"),
        pytest.param(f"hf_{SECRET}", id="a-shape"),
        pytest.param(f"sk-proj-{SECRET}", id="another-shape"),
        pytest.param(f"started with --api-key {SECRET} --port 80", id="an-option"),
        pytest.param(f"--hf-token={SECRET}", id="an-option-with-equals"),
        pytest.param(f"https://user:{SECRET}@example.com/a", id="a-url"),
        pytest.param(f"https://user:a/{SECRET}/@example.com/a", id="a-url-with-slashes"),
        pytest.param(f"https://user:0000000000/{SECRET}@example.com/a", id="a-url-with-digits-and-a-slash"),
        pytest.param(f"https://user:a@{SECRET}@example.com/a", id="a-url-with-an-at"),
        pytest.param(f"https://example.com/a?sv=2024&se={SECRET}&b=c", id="a-signed-url"),
        pytest.param(f"eyJhbGciOi.{SECRET}.abc", id="a-jwt"),
        pytest.param(f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----", id="pem"),
        pytest.param(f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n", id="pem-that-was-cut"),
        pytest.param(f"{SECRET}{SECRET}{SECRET}", id="long-and-mixed"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text: str) -> None:
    assert SECRET not in Scrubber().text(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://10.0.0.1:6443 can't be reached: Connect call failed ('10.0.0.1', 6443)",
        "registry.example.com/vllm@sha256:" + "0" * 63 + "a",
        "oci://registry.example.com:5000/vllm@sha256:" + "0" * 63 + "a",
        "https://example.com/npm/@scope/a:b and me@example.com",
        "3f2b8c1e-1111-4222-8333-0123456789ab",
        "there is no Secret isochrone-system/cdg1 with the kubeconfig of this site",
        "ModelRoute demo/chat: 3 of 4 replicas at fra1, max_tokens=500, tokens=20",
        "isochrone_operator_pass_seconds_sum 1.25",
        "2026-11-26T10:00:00.123456Z INFO isochrone.operator hub-a leads",
    ],
)
def test_what_helps_stays(text: str) -> None:
    assert Scrubber().text(text) == text


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def test_what_is_known_is_taken_out_wherever_it_is() -> None:
    known = Scrubber(values_of([encoded("correct horse"), encoded('{"auth": {"key-of-old": "abcdefghijklmnop"}}')]))
    assert known.text("the correct horse abcdefghijklmnop") == "the [redacted] [redacted]"
    assert encoded("correct horse") not in known.text(f"data {encoded('correct horse')}")


def test_names_are_no_secrets_and_short_values_are_everywhere() -> None:
    known = Scrubber(values_of([encoded("isochrone-system"), encoded("8443")], {"isochrone-system"}))
    assert known.text("isochrone-system:8443") == "isochrone-system:8443"


def test_addresses_in_a_kubeconfig_stay() -> None:
    known = Scrubber(values_of([encoded("server: https://10.0.0.1:6443\ntoken: abcdefghijklmnop")]))
    assert known.text("https://10.0.0.1:6443 abcdefghijklmnop") == "https://10.0.0.1:6443 [redacted]"
