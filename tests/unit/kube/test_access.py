"""Access: TLS contexts that leave nothing behind, one's own kubeconfig, and a pod's service account."""

import asyncio
import json
import pathlib
import ssl
import sys
import tempfile
from typing import Any, Final

import pytest
import yaml
from tests.cluster.pki import new_authority
from tests.unit.kube import configs
from tests.unit.kube.configs import AUTHORITY, CLIENT, TOKEN, config

from isochrone.kube import access, errors
from isochrone.kube.access import Access, AccessError

ENVIRONMENT: Final = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}
CERTIFIED: Final = Access(
    url="https://127.0.0.1", authority=AUTHORITY.pair.certificate, client_certificate=CLIENT.certificate,
    client_key=CLIENT.key,
)  # fmt: skip


def open_files() -> set[str]:
    return {str(path.readlink()) for path in pathlib.Path("/proc/self/fd").iterdir() if path.is_symlink()}


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_no_file_is_left_behind(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = open_files()
    CERTIFIED.tls()
    assert list(tmp_path.iterdir()) == []
    assert not any("isochrone" in path for path in open_files() - before)


def server_context() -> ssl.SSLContext:
    """Of an API server that asks for a client's certificate, and says who came."""
    made = AUTHORITY.issue_server("127.0.0.1")
    context = Access(url="", authority=None, client_certificate=made.certificate, client_key=made.key)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with access._unnamed(context.client_certificate or b"") as certificate, access._unnamed(made.key) as key:
        serving.load_cert_chain(certificate, key)
    serving.verify_mode = ssl.CERT_OPTIONAL
    serving.load_verify_locations(cadata=AUTHORITY.pair.certificate.decode())
    return serving


async def asked(with_what: Access) -> dict[str, Any]:
    """Who a server says that we are, over real TLS."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        shown: Any = writer.get_extra_info("peercert") or {}
        names = [value for part in shown.get("subject", ()) for _, value in part]
        tokens = [line[22:].decode() for line in head.split(b"\r\n") if line.startswith(b"Authorization: Bearer ")]
        body = json.dumps({"names": names, "tokens": tokens}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_context())
    port = server.sockets[0].getsockname()[1]
    reached = Access(
        url=f"https://127.0.0.1:{port}",
        authority=with_what.authority,
        client_certificate=with_what.client_certificate,
        client_key=with_what.client_key,
        token=with_what.token,
        server_name=with_what.server_name,
    )
    async with server, asyncio.timeout(60), reached.api() as api:
        return dict(await api.get("/version"))


@pytest.mark.parametrize(
    ("with_what", "names", "tokens"),
    [
        pytest.param(CERTIFIED, ["hub"], [], id="certificate"),
        pytest.param(Access(url="", authority=CERTIFIED.authority, token=TOKEN), [], [TOKEN], id="token"),
        pytest.param(
            Access(url="", authority=CERTIFIED.authority, token=TOKEN, server_name="kubernetes"),
            [],
            [TOKEN],
            id="another-name",
        ),
    ],
)
def test_who_we_are_at_the_server(with_what: Access, names: list[str], tokens: list[str]) -> None:
    assert asyncio.run(asked(with_what)) == {"names": names, "tokens": tokens}


@pytest.mark.parametrize(
    "with_what",
    [
        pytest.param(
            Access(url="", authority=new_authority().pair.certificate, token=TOKEN), id="of-another-authority"
        ),
        pytest.param(Access(url="", token=TOKEN), id="not-of-the-system"),
        pytest.param(
            Access(url="", authority=CERTIFIED.authority, token=TOKEN, server_name="elsewhere"), id="another-name"
        ),
    ],
)
def test_a_server_that_is_another_is_not_talked_to(with_what: Access) -> None:
    with pytest.raises(errors.Unreachable, match="certificate verify failed"):
        asyncio.run(asked(with_what))


def test_a_kubeconfig_of_ones_own(tmp_path: pathlib.Path) -> None:
    (tmp_path / "ca.crt").write_bytes(AUTHORITY.pair.certificate)
    (tmp_path / "own").write_bytes(
        config(configs.Parts(cluster={"server": configs.SERVER, "certificate-authority": "ca.crt"}))
    )
    found = access.from_file(tmp_path / "own")
    assert (found.url, found.authority, found.bearer()) == (configs.SERVER, AUTHORITY.pair.certificate, TOKEN)


def test_programs_run_for_ones_own_kubeconfig(tmp_path: pathlib.Path) -> None:
    told = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "made-by-a-program"},
    }
    program = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(json.dumps(told))})"],
        "interactiveMode": "Never",
    }
    (tmp_path / "own").write_bytes(config(configs.Parts(user={"exec": program})))
    assert access.from_file(tmp_path / "own").bearer() == "made-by-a-program"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(None, "there is no such file", id="missing"),
        pytest.param(b"a: b: c", "is not YAML", id="not-yaml"),
        pytest.param(b"root:x:0:0:root:/root:/bin/bash\n", "is YAML, but no kubeconfig", id="text"),
        pytest.param(b"[1, 2]", "is YAML, but no kubeconfig", id="a-list"),
        pytest.param(b"", "Invalid kube-config", id="empty"),
        *(
            pytest.param(config(top={each: 5}), "is YAML, but no kubeconfig", id=f"{each}-is-a-number")
            for each in ("contexts", "clusters", "users")
        ),
        pytest.param(config(top={"contexts": [5]}), "is YAML, but no kubeconfig", id="a-context-is-a-number"),
        pytest.param(config(top={"current-context": "x"}), "x", id="no-such-context"),
        pytest.param(config(user={"token": None, "password": "canary"}), "Expected key token", id="empty-token"),
        pytest.param(config(cluster={"insecure-skip-tls-verify": True}), "skips the check", id="insecure"),
        pytest.param(config(configs.Parts(user={})), "there are no credentials in it", id="no-credentials"),
        pytest.param(
            config(cluster={"certificate-authority-data": configs.encoded(b"x")}),
            "the cluster's certificate authority is not a certificate",
            id="authority",
        ),
    ],
)
def test_a_kubeconfig_of_ones_own_that_can_not_be_used(
    tmp_path: pathlib.Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "own"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AccessError, match=said) as refused:
        access.from_file(path)
    assert str(path) in str(refused.value)
    assert "canary" not in str(refused.value)


def test_another_context_of_ones_own(tmp_path: pathlib.Path) -> None:
    whole = yaml.safe_load(config())
    whole["contexts"].append({"name": "second", "context": {"cluster": "second", "user": "hub"}})
    whole["clusters"].append({"name": "second", "cluster": {"server": "https://second.example"}})
    (tmp_path / "own").write_text(yaml.safe_dump(whole))
    assert access.from_file(tmp_path / "own", "second").url == "https://second.example"


@pytest.mark.parametrize(
    ("names", "context", "url"),
    [
        pytest.param("a:b", None, "https://a-of-a", id="the-first-context"),
        pytest.param("b:a", None, "https://b-of-b", id="the-other-way-round"),
        pytest.param("a:b", "in-b", "https://b-of-b", id="a-context-of-another"),
        pytest.param("a:b", "in-shared", "https://shared-of-a", id="a-name-that-both-have"),
        pytest.param("b:a", "in-shared", "https://shared-of-b", id="a-name-that-both-have-the-other-way-round"),
        pytest.param("missing::b:", None, "https://b-of-b", id="one-that-is-there"),
        pytest.param("none:b:a", None, "https://b-of-b", id="the-first-that-names-a-context"),
        pytest.param("none:empty:b", None, "https://b-of-b", id="an-empty-name-is-none"),
    ],
)
def test_several_of_ones_own(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, names: str, context: str | None, url: str
) -> None:
    """As kubectl reads them: what the first says of a name counts, and files that are missing don't."""
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b"):
        pathlib.Path(name).mkdir()
        pathlib.Path(f"{name}/ca.crt").write_bytes(AUTHORITY.pair.certificate)
        said = {
            "clusters": [
                {"name": each, "cluster": {"server": f"https://{each}-of-{name}", "certificate-authority": "ca.crt"}}
                for each in (name, "shared")
            ],
            "users": [{"name": name, "user": {"token": TOKEN}}],
            "contexts": [
                {"name": f"in-{each}", "context": {"cluster": each, "user": name}} for each in (name, "shared")
            ],
            "current-context": f"in-{name}",
        }
        pathlib.Path(f"{name}/config").write_text(yaml.safe_dump(said))
    pathlib.Path("none").write_text("kind: Config\n")
    pathlib.Path("empty").write_text('current-context: ""\n')
    paths = ":".join(f"{each}/config" if each in {"a", "b"} else each for each in names.split(":"))
    found = access.from_file(pathlib.Path(paths), context)
    assert (found.url, found.authority) == (url, AUTHORITY.pair.certificate)


def account(folder: pathlib.Path, token: str = TOKEN) -> pathlib.Path:
    (folder / "token").write_text(token)
    (folder / "ca.crt").write_bytes(AUTHORITY.pair.certificate)
    return folder


@pytest.mark.parametrize(
    ("host", "url"), [("10.96.0.1", "https://10.96.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_pod_reaches_its_own_api_server(tmp_path: pathlib.Path, host: str, url: str) -> None:
    found = access.in_cluster(account(tmp_path), ENVIRONMENT | {"KUBERNETES_SERVICE_HOST": host})
    assert (found.url, found.bearer()) == (url, TOKEN)
    assert TOKEN not in repr(found)
    found.tls()


def test_a_token_that_is_renewed_is_used(tmp_path: pathlib.Path) -> None:
    found = access.in_cluster(account(tmp_path), ENVIRONMENT)
    (tmp_path / "next").write_text("another-token\n")
    (tmp_path / "next").replace(tmp_path / "token")
    assert found.bearer() == "another-token"
    (tmp_path / "token").write_text("")
    assert found.bearer() == "another-token"
    (tmp_path / "token").unlink()
    assert found.bearer() == "another-token"


@pytest.mark.parametrize(
    ("environment", "missing", "said"),
    [
        pytest.param({}, "", "this is no pod; use --kubeconfig", id="no-pod"),
        pytest.param(ENVIRONMENT | {"KUBERNETES_SERVICE_PORT": "x"}, "", "this is no pod", id="port"),
        pytest.param(ENVIRONMENT, "token", "token can't be read", id="no-token"),
        pytest.param(ENVIRONMENT, "ca.crt", "ca.crt can't be read", id="no-authority"),
    ],
)
def test_what_is_no_service_account(
    tmp_path: pathlib.Path, environment: dict[str, str], missing: str, said: str
) -> None:
    folder = account(tmp_path)
    if missing:
        (folder / missing).unlink()
    with pytest.raises(AccessError, match=said):
        access.in_cluster(folder, environment)


def test_an_empty_token_is_none(tmp_path: pathlib.Path) -> None:
    with pytest.raises(AccessError, match="there are no credentials in it"):
        access.in_cluster(account(tmp_path, token=""), ENVIRONMENT)
