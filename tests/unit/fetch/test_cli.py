"""The command as a pod runs it: what it says, and how it ends."""

import hashlib
import pathlib
import subprocess
import sys

import pytest
from tests.unit.fetch.server import Server
from tests.unit.render.sample import CASES

from isochrone_fetch import cli

COMMAND = pathlib.Path(sys.executable).with_name("isochrone-fetch")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], capture_output=True, text=True, timeout=120, check=False)


def test_good_weights(server: Server, tmp_path: pathlib.Path) -> None:
    server.files["/a.gguf"] = b"GGUF"
    digest = hashlib.sha256(b"GGUF").hexdigest()
    ended = run(f"--to={tmp_path}", f"--digest=sha256:{digest}", f"{server.url}/a.gguf")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    assert (tmp_path / "a.gguf").read_bytes() == b"GGUF"


def test_bad_weights(server: Server, tmp_path: pathlib.Path) -> None:
    server.files["/a.gguf"] = b"GGUF"
    ended = run(f"--to={tmp_path}", f"--digest=sha256:{'0' * 64}", f"{server.url}/a.gguf")
    assert ended.returncode == 1
    assert ended.stderr.startswith("isochrone-fetch: a.gguf is not what was asked for")
    assert ended.stderr.count("\n") == 1


def test_a_folder_that_can_t_be_written_to(server: Server, tmp_path: pathlib.Path) -> None:
    server.files["/a.gguf"] = b"GGUF"
    (tmp_path / "file").touch()
    ended = run(f"--to={tmp_path / 'file'}", f"--digest=sha256:{'0' * 64}", f"{server.url}/a.gguf")
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr


def test_a_source_that_talks_nonsense(server: Server, tmp_path: pathlib.Path) -> None:
    server.files["/api/models/org/model/tree/main?recursive=true"] = b"<html>"
    ended = run(f"--to={tmp_path}", f"--digest=sha256:{'0' * 64}", f"--hf-endpoint={server.url}", "hf://org/model")
    assert ended.returncode == 1
    assert ended.stderr.startswith("isochrone-fetch: the source answers with something that it should not")


@pytest.mark.parametrize("name", CASES)
def test_it_knows_all_that_pods_tell_it(name: str) -> None:
    fetchers = [each for each in CASES[name].pod.get("initContainers", []) if each["name"] == "isochrone-weights"]
    for fetcher in fetchers:
        assert fetcher["command"] == ["isochrone-fetch"]
        options = cli._parser().parse_args(fetcher["args"])
        assert options.uri == fetcher["args"][-1]
