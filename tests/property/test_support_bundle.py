"""Whatever is secret, and wherever it stands, no archive has it."""

import base64
import io
import json
import string
import tarfile
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isochrone.support import archive, bundle
from isochrone.support.bundle import Collected, Trouble
from isochrone.support.scrubbing import Scrubber

Json = dict[str, Any]

_LETTERS: Final = string.ascii_letters + string.digits
SECRETS: Final = st.builds(
    "{}{}".format,
    st.text(_LETTERS, min_size=10, max_size=30),
    st.text(_LETTERS + "+/=_-.~", max_size=20),
)
"""As tokens are: RFC 6750, 2.1."""


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def thing(kind: str, name: str, **more: Any) -> Json:
    metadata = {"name": name, "namespace": "isochrone-system", "uid": name, **more.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **more}


def pod_with(container: Json) -> Json:
    return thing("Pod", "chat-1", spec={"containers": [{"name": "engine", "image": "example.com/a:1", **container}]})


def applied(secret: str) -> Json:
    last = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps({"spec": {"env": [{"value": secret}]}})}
    return thing("Deployment", "chat", metadata={"annotations": last})


def managed(secret: str) -> Json:
    return thing("Deployment", "chat", metadata={"managedFields": [{"fieldsV1": {f"k:{secret}": {}}}]})


PLACES: Final[dict[str, Any]] = {
    "a Secret": lambda secret: thing("Secret", "keys", data={"key": encoded(secret)}),
    "a Secret's text": lambda secret: thing("Secret", "keys", stringData={"key": secret}),
    "a ConfigMap": lambda secret: thing("ConfigMap", "settings", data={"key": secret}),
    "an annotation": lambda secret: thing("Service", "chat", metadata={"annotations": {"example.com/key": secret}}),
    "an annotation as kubectl writes it": applied,
    "who manages it": managed,
    "a variable": lambda secret: pod_with({"env": [{"name": "MODE", "value": secret}]}),
    "an option": lambda secret: pod_with({"args": ["--port", "80", "--api-key", secret]}),
    "an option with equals": lambda secret: pod_with({"args": [f"--hf-token={secret}"]}),
    "a script": lambda secret: pod_with({"command": ["sh", "-c", f"curl -H 'Authorization: Bearer {secret}' x"]}),
    "a probe's header": lambda secret: pod_with(
        {"readinessProbe": {"httpGet": {"httpHeaders": [{"name": "x-any", "value": secret}]}}}
    ),
    "an overlay": lambda secret: thing(
        "ModelRoute",
        "chat",
        spec={"serving": {"podTemplate": {"spec": {"containers": [{"env": [{"value": secret}]}]}}}},
    ),
    "a field named so": lambda secret: thing("Other", "a", spec={"apiKey": secret, "deep": [{"password": secret}]}),
    "the address of weights": lambda secret: thing(
        "ModelRoute", "chat", spec={"weights": {"uri": f"https://me:{secret}@example.com/w?sig={secret}"}}
    ),
    "a tenant": lambda secret: thing("InferenceTenant", "a", spec={"keys": [{"name": "k", "sha256": secret}]}),
    "a status": lambda secret: thing(
        "EdgeNode", "fra1", status={"conditions": [{"message": f"refused: api-key={secret}"}]}
    ),
    "an event": lambda secret: thing("Event", "e", note=f"failed with token: {secret}", regarding={"name": "chat"}),
}
LINES: Final = (
    "Authorization: Bearer {}",
    'INFO {{"request": {{"headers": {{"authorization": "Bearer {}"}}}}}}',
    "api-key={}",
    "x-api-key: {}",
    '{{"token": "{}"}}',
    "password={} refused",
    "GET https://me:{}@example.com/",
    "GET https://example.com/weights?se={}",
)
KNOWN: Final = "said without any context: {}"


def read(packed: bytes) -> bytes:
    """All of an archive: names and contents."""
    with tarfile.open(fileobj=io.BytesIO(packed)) as opened:
        names = "\n".join(opened.getnames()).encode()
        contents = [file.read() for each in opened.getmembers() if (file := opened.extractfile(each)) is not None]
    return b"\n".join([names, *contents])


@pytest.mark.parametrize("secret", ["0000000000/", "a1b2c3d4e5/+=_-.~", "aaaaaaaaaa"])
@pytest.mark.parametrize("line", LINES)
def test_no_line_keeps_it(line: str, secret: str) -> None:
    assert secret not in Scrubber().text(line.format(secret))


@settings(max_examples=150)
@given(st.lists(SECRETS, min_size=1, max_size=4, unique=True), st.data())
def test_no_secret_is_in_an_archive(secrets: list[str], data: st.DataObject) -> None:
    hub, away = Collected(name="hub"), Collected(name="cluster-cdg1")
    for index, secret in enumerate(secrets):
        place = data.draw(st.sampled_from(sorted(PLACES)))
        item = PLACES[place](secret)
        item["metadata"]["name"] += str(index)
        data.draw(st.sampled_from([hub, away])).objects.append(item)
        lines = data.draw(st.lists(st.sampled_from(LINES), max_size=3))
        if place in {"a Secret", "a tenant"}:
            lines.append(KNOWN)
        text = "\n".join(line.format(secret) for line in lines)
        hub.logs[f"gateway-{index}"] = away.metrics[f"operator-{index}"] = text
        hub.facts[f"said {index}"] = text
        away.troubles.append(Trouble(cluster="hub", what="all", why=text))
    found = bundle.files([hub, away], version="0", made_at="now")
    content = read(archive.packed("isochrone-support", found, now=1))
    for secret in secrets:
        assert secret.encode() not in content
        assert encoded(secret).encode() not in content


def test_what_was_got_is_told() -> None:
    hub = Collected(name="hub", facts={"apiServer": "v1.34.1"}, logs={"gateway-1": "INFO all is well"})
    hub.objects = [
        thing("Secret", "keys", type="Opaque", data={"key": encoded("twelve letters")}),
        pod_with({"env": [{"name": "MODE", "value": "x"}], "args": ["--port", "80"]}),
        thing("EdgeNode", "fra1", status={"conditions": [{"type": "Ready", "status": "True"}]}),
    ]
    hub.troubles = [Trouble(cluster="hub", what="metrics of Pod a", why="it did not answer")]
    found = bundle.files([hub], version="0.1.0", made_at="2026-11-26T10:00:00Z")
    assert list(found) == [
        "README.md",
        "versions.json",
        "errors.txt",
        "hub/edgenode.yaml",
        "hub/pod.yaml",
        "hub/secret.yaml",
        "hub/logs/gateway-1.log",
    ]
    assert found["errors.txt"] == "hub: metrics of Pod a: it did not answer\n"
    assert "key: 20" in found["hub/secret.yaml"]
    assert "- '--port'\n" in found["hub/pod.yaml"]
    assert "name: MODE\n" in found["hub/pod.yaml"]
    assert "type: Ready" in found["hub/edgenode.yaml"]
    assert found["hub/logs/gateway-1.log"] == "INFO all is well"
    assert all(f"| {name} |" in found["README.md"] for name in found if name != "README.md")


def test_it_does_not_grow_without_end(monkeypatch: Any) -> None:
    monkeypatch.setattr(bundle, "MOST", 1000)
    hub = Collected(name="hub", logs={f"gateway-{index}": "word " * 100 for index in range(5)})
    found = bundle.files([hub], version="0", made_at="now")
    assert sum(len(text) for name, text in found.items() if "/" in name) <= 1000
    assert "hub: logs/gateway-4.log: left out: the bundle would be too large\n" in found["errors.txt"]
