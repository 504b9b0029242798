"""Many files, of which one digest says what they are: with their list, in a repository, on a volume."""

import hashlib
import json
import pathlib
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.unit.fetch.conftest import Fetch
from tests.unit.fetch.server import Reply, Seen, Server

from isochrone_fetch import manifest
from isochrone_fetch.errors import FetchError

FILES = {"config.json": b"{}", "model-1.safetensors": b"1" * 3_000_000, "deep/er/vocab.txt": b"a\nb", "B.txt": b""}
COMMAND = manifest.__doc__.split("\n\n")[2].strip() if manifest.__doc__ else ""


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


LIST = manifest.text({path: sha256(content) for path, content in FILES.items()})
DIGEST = f"--digest=sha256:{sha256(LIST.encode())}"


@pytest.fixture
def folder(server: Server) -> str:
    """The URL of a folder with its list."""
    server.files = {f"/llama/{path}": content for path, content in FILES.items()}
    server.files["/llama/SHA256SUMS"] = LIST.encode()
    return f"{server.url}/llama/"


def found(place: pathlib.Path) -> dict[str, bytes]:
    return {str(each.relative_to(place)): each.read_bytes() for each in place.rglob("*") if each.is_file()}


def test_all_files_of_the_list(fetch: Fetch, folder: str, tmp_path: pathlib.Path) -> None:
    fetch(DIGEST, folder)
    assert found(tmp_path / "models") == FILES


def test_the_list_is_what_the_documented_command_writes(tmp_path: pathlib.Path) -> None:
    for path, content in {**FILES, ".git/config": b"x", ".hidden": b"x", "SHA256SUMS": b"old"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    written = subprocess.run(["bash", "-c", COMMAND], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert written == LIST
    assert manifest.text(manifest.of_folder(tmp_path)) == LIST


def test_another_list(fetch: Fetch, folder: str, server: Server, tmp_path: pathlib.Path) -> None:
    server.files["/llama/SHA256SUMS"] += f"{sha256(b'')}  evil\n".encode()
    with pytest.raises(FetchError, match="SHA256SUMS is not what was asked for"):
        fetch(DIGEST, folder)
    assert found(tmp_path) == {}


def test_another_file(fetch: Fetch, folder: str, server: Server, tmp_path: pathlib.Path) -> None:
    server.files["/llama/deep/er/vocab.txt"] = b"evil"
    with pytest.raises(FetchError, match=r"vocab\.txt is not what was asked for"):
        fetch(DIGEST, folder)
    assert "deep/er/vocab.txt" not in found(tmp_path / "models")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a\\b", ""])
def test_no_path_leads_out_of_the_folder(fetch: Fetch, server: Server, path: str) -> None:
    listing = f"{'0' * 64}  {path}\n".encode()
    server.files["/llama/SHA256SUMS"] = listing
    with pytest.raises(FetchError, match=r"is no path inside the folder|would not write"):
        fetch(f"--digest=sha256:{sha256(listing)}", f"{server.url}/llama/")
    assert server.paths == ["/llama/SHA256SUMS"]


def test_a_folder_on_a_volume(fetch: Fetch, folder: str, tmp_path: pathlib.Path) -> None:
    fetch(DIGEST, folder)
    place = tmp_path / "models"
    fetch(DIGEST, f"file://{place}")
    (place / "more.bin").write_bytes(b"evil")
    with pytest.raises(FetchError, match="is not what was asked for"):
        fetch(DIGEST, f"file://{place}")


class Hub:
    """What Hugging Face answers, in pages of two files."""

    def __init__(self, server: Server, token: str | None = None) -> None:
        self.server = server
        self.token = token
        self.files = {**FILES, ".gitattributes": b"not weights"}
        server.script = self.answer

    def answer(self, seen: Seen) -> Reply:
        if self.token and seen.headers.get("Authorization") != f"Bearer {self.token}":
            return Reply(status=401)
        path = urlsplit(seen.path).path
        if path == "/api/models/org/model/tree/main":
            return self.page(int(urlsplit(seen.path).query.partition("cursor=")[2] or 0))
        content = self.files.get(path.removeprefix("/org/model/resolve/main/"))
        return Reply(status=404) if content is None else Reply(content)

    def page(self, start: int) -> Reply:
        entries = [self.entry(*each) for each in sorted(self.files.items())] + [{"type": "directory", "path": "deep"}]
        following = f"{self.server.url}/api/models/org/model/tree/main?recursive=true&cursor={start + 2}"
        headers = {"Link": f'<{following}>; rel="next"'} if start + 2 < len(entries) else {}
        return Reply(json.dumps(entries[start : start + 2]).encode(), headers=headers)

    def entry(self, path: str, content: bytes) -> dict[str, Any]:
        large = {"lfs": {"oid": sha256(content), "size": len(content)}} if path.endswith(".safetensors") else {}
        return {"type": "file", "path": path, "oid": "0" * 40, "size": len(content), **large}

    @property
    def resolved(self) -> list[str]:
        return [each.rpartition("/resolve/main/")[2] for each in self.server.paths if "/resolve/" in each]


def test_all_files_of_a_repository(fetch: Fetch, server: Server, tmp_path: pathlib.Path) -> None:
    hub = Hub(server)
    fetch(DIGEST, f"--hf-endpoint={server.url}", "hf://org/model")
    assert found(tmp_path / "models") == FILES
    assert sorted(hub.resolved) == sorted(FILES), "each once"


def test_a_repository_that_changed_is_noticed_before_anything_large_comes(fetch: Fetch, server: Server) -> None:
    hub = Hub(server)
    hub.files["config.json"] = b'{"evil": true}'
    with pytest.raises(FetchError, match=r"org/model at main is not what was asked for: .* hf://org/model@REVISION"):
        fetch(DIGEST, f"--hf-endpoint={server.url}", "hf://org/model")
    assert "model-1.safetensors" not in hub.resolved


def test_a_large_file_that_isn_t_what_the_hub_said(fetch: Fetch, server: Server, tmp_path: pathlib.Path) -> None:
    hub = Hub(server)
    honest = hub.entry("model-1.safetensors", FILES["model-1.safetensors"])
    hub.entry = lambda path, content: honest if path == honest["path"] else Hub.entry(hub, path, content)  # type: ignore[method-assign]
    hub.files["model-1.safetensors"] = b"evil"
    with pytest.raises(FetchError, match=r"model-1\.safetensors is not what was asked for"):
        fetch(DIGEST, f"--hf-endpoint={server.url}", "hf://org/model")
    assert "model-1.safetensors" not in found(tmp_path / "models")


def test_one_file_of_a_private_repository(fetch: Fetch, server: Server, tmp_path: pathlib.Path) -> None:
    Hub(server, token="secret")
    arguments = (f"--digest=sha256:{sha256(b'a' + bytes([10]) + b'b')}", f"--hf-endpoint={server.url}")
    with pytest.raises(FetchError, match="it wants credentials"):
        fetch(*arguments, "hf://org/model/deep/er/vocab.txt")
    fetch(*arguments, "hf://org/model@main/deep/er/vocab.txt", environment={"HF_TOKEN": "secret"})
    assert found(tmp_path / "models") == {"vocab.txt": b"a\nb"}


def test_a_list_that_goes_on_elsewhere(fetch: Fetch, server: Server, other: Server) -> None:
    server.replies = [Reply(b"[]", headers={"Link": f'<{other.url}/x>; rel="next"'})]
    with pytest.raises(FetchError, match="goes on elsewhere"):
        fetch(DIGEST, f"--hf-endpoint={server.url}", "hf://org/model", environment={"HF_TOKEN": "secret"})
    assert other.seen == []
