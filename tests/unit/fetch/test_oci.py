"""Files of an OCI image, where clusters can't mount it: from a registry that wants a token, all of it by digest."""

import hashlib
import io
import json
import pathlib
import tarfile
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.unit.fetch.server import Reply, Seen, Server

from isochrone_fetch import oci
from isochrone_fetch.errors import FetchError

CONFIG = "reader:secret"
BASIC = "Basic cmVhZGVyOnNlY3JldA=="


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def archive(*entries: tarfile.TarInfo | tuple[str, bytes], mode: str = "w:gz") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
                continue
            info = tarfile.TarInfo(entry[0])
            info.size = len(entry[1])
            tar.addfile(info, io.BytesIO(entry[1]))
    return out.getvalue()


class Registry:
    """Blobs and manifests by digest."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.blobs: dict[str, bytes] = {}
        self.challenge: str | None = None
        self.wanted: str | None = None
        server.script = self.answer

    def add(self, content: bytes | dict[str, Any]) -> str:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.blobs[sha256(data)] = data
        return f"sha256:{sha256(data)}"

    def image(self, *layers: bytes, titles: tuple[str | None, ...] = ()) -> str:
        titles = titles or (None,) * len(layers)
        found = [
            {"digest": self.add(layer), "annotations": {"org.opencontainers.image.title": title} if title else {}}
            for layer, title in zip(layers, titles, strict=True)
        ]
        return self.add({"layers": found})

    def answer(self, seen: Seen) -> Reply:
        parts = urlsplit(seen.path)
        if parts.path == "/token":
            is_known = seen.headers.get("Authorization") == BASIC
            return Reply(b'{"token": "t"}') if is_known else Reply(status=401)
        if self.wanted is not None and seen.headers.get("Authorization") != self.wanted:
            return Reply(status=401, headers={"WWW-Authenticate": self.challenge or ""})
        content = self.blobs.get(parts.path.rpartition("sha256:")[2])
        return Reply(status=404) if content is None else Reply(content)

    def fetch(self, digest: str, to: pathlib.Path, config: str | None = None) -> None:
        host = self.server.url.removeprefix("http://")
        entry = {"auths": {host: {"auth": BASIC.removeprefix("Basic ")}}} if config else None
        environment = {"DOCKER_CONFIG_JSON": json.dumps(entry)} if entry else {}
        image = oci.image(f"{host}/org/llama@{digest}", environment, sleep=lambda _: None, scheme="http")
        oci.fetch(image, to, sleep=lambda _: None)


@pytest.fixture
def registry(server: Server) -> Registry:
    return Registry(server)


def found(place: pathlib.Path) -> dict[str, bytes]:
    return {str(each.relative_to(place)): each.read_bytes() for each in place.rglob("*") if each.is_file()}


def test_layers_are_unpacked_in_order(registry: Registry, tmp_path: pathlib.Path) -> None:
    first = archive(("config.json", b"old"), ("deep/a.bin", b"a"))
    second = archive(("config.json", b"new"), mode="w")
    registry.fetch(registry.image(first, second), tmp_path)
    assert found(tmp_path) == {"config.json": b"new", "deep/a.bin": b"a"}


def test_layers_with_a_title_are_files(registry: Registry, tmp_path: pathlib.Path) -> None:
    registry.fetch(registry.image(b"GGUF", titles=("model.gguf",)), tmp_path)
    assert found(tmp_path) == {"model.gguf": b"GGUF"}


def test_an_index_leads_to_an_image(registry: Registry, tmp_path: pathlib.Path) -> None:
    image = registry.image(b"GGUF", titles=("model.gguf",))
    registry.fetch(registry.add({"manifests": [{"digest": image}]}), tmp_path)
    assert found(tmp_path) == {"model.gguf": b"GGUF"}


@pytest.mark.parametrize(
    ("challenge", "wanted"),
    [
        pytest.param(
            'Bearer realm="{url}/token",service="r",scope="repository:org/llama:pull"', "Bearer t", id="token"
        ),
        pytest.param('Basic realm="r"', BASIC, id="name and password"),
    ],
)
def test_credentials(registry: Registry, tmp_path: pathlib.Path, challenge: str, wanted: str) -> None:
    registry.challenge, registry.wanted = challenge.replace("{url}", registry.server.url), wanted
    image = registry.image(b"GGUF", titles=("model.gguf",))
    with pytest.raises(FetchError, match="it wants credentials"):
        registry.fetch(image, tmp_path)
    registry.fetch(image, tmp_path, CONFIG)
    assert found(tmp_path) == {"model.gguf": b"GGUF"}


def test_another_manifest(registry: Registry, tmp_path: pathlib.Path) -> None:
    digest = registry.image(b"GGUF", titles=("model.gguf",))
    registry.blobs[digest.removeprefix("sha256:")] = b'{"layers": []}'
    with pytest.raises(FetchError, match="sent another manifest"):
        registry.fetch(digest, tmp_path)


def test_another_layer(registry: Registry, tmp_path: pathlib.Path) -> None:
    digest = registry.image(b"GGUF", titles=("model.gguf",))
    registry.blobs[sha256(b"GGUF")] = b"evil"
    with pytest.raises(FetchError, match="is not what was asked for"):
        registry.fetch(digest, tmp_path)
    assert found(tmp_path) == {}


def link(name: str, target: str) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(archive(("../evil", b"x")), id="out of the folder"),
        pytest.param(archive(link("a", "/etc")), id="a link out of the folder"),
        pytest.param(b"no archive", id="no archive"),
    ],
)
def test_layers_that_can_t_be_unpacked(registry: Registry, tmp_path: pathlib.Path, layer: bytes) -> None:
    with pytest.raises(FetchError, match="can't be unpacked"):
        registry.fetch(registry.image(layer), tmp_path / "models")
    assert not (tmp_path / "evil").exists()


def extract_plain(content: bytes, to: pathlib.Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        oci.extract_plain(tar, to)


def test_files_and_folders_of_a_layer_where_python_looks_at_no_path(tmp_path: pathlib.Path) -> None:
    folders = [tarfile.TarInfo(name) for name in (".", "./empty")]
    for each in folders:
        each.type = tarfile.DIRTYPE
    extract_plain(archive(*folders, ("./deep/a.bin", b"a"), ("config.json", b"old")), tmp_path)
    extract_plain(archive(("config.json", b"new")), tmp_path)
    assert (tmp_path / "empty").is_dir()
    assert (tmp_path / "deep/a.bin").read_bytes() == b"a"
    assert (tmp_path / "config.json").read_bytes() == b"new"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        pytest.param(("../evil", b"x"), "no path inside the folder", id="out of the folder"),
        pytest.param(("a/../../evil", b"x"), "no path inside the folder", id="out by a detour"),
        pytest.param(("/evil", b"x"), "no path inside the folder", id="from the root"),
        pytest.param(link("a", "/etc"), "a is no file; Python 3.11.4", id="a link"),
    ],
)
def test_what_is_not_unpacked_where_python_looks_at_no_path(
    tmp_path: pathlib.Path, entry: tarfile.TarInfo | tuple[str, bytes], why: str
) -> None:
    with pytest.raises(tarfile.TarError, match=why):
        extract_plain(archive(entry), tmp_path / "models")
    assert not list(tmp_path.glob("**/evil"))


def test_a_title_that_leads_out_of_the_folder(registry: Registry, tmp_path: pathlib.Path) -> None:
    with pytest.raises(FetchError, match="no path inside the folder"):
        registry.fetch(registry.image(b"x", titles=("../evil",)), tmp_path / "models")
