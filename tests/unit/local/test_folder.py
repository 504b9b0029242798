"""The state folder: one network at a time, configs that are whole at every moment, secrets for their owner only."""

import pathlib
import stat

import pytest
from tests.contract.config_cases import RELEASE
from tests.unit.source.publishing import config

from isochrone.local.folder import Folder, FolderError, write_config, write_secrets
from isochrone_gateway.config import shard
from isochrone_gateway.source import files


def test_a_folder_is_one_networks(tmp_path: pathlib.Path) -> None:
    folder = Folder(tmp_path / "state")
    with folder.held(), pytest.raises(FolderError, match="a network runs already"), Folder(tmp_path / "state").held():
        pass
    with folder.held():
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_folder_begins_without_what_was_there(tmp_path: pathlib.Path) -> None:
    folder = Folder(tmp_path)
    old = folder.site("fra1") / "config" / "index.json"
    old.parent.mkdir(parents=True)
    old.write_text("{}")
    with folder.held():
        assert not old.exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("x" * 120, "too long a path for a socket", id="long"),
        pytest.param("file", "File exists", id="file"),
    ],
)
def test_a_folder_that_can_not_be_used(tmp_path: pathlib.Path, name: str, said: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=said), Folder(tmp_path / name).held():
        pass


def test_a_gateway_reads_what_is_written_and_old_pieces_go(tmp_path: pathlib.Path) -> None:
    first, second = (shard(config(hostname=name), RELEASE) for name in ("a.example.com", "b.example.com"))
    for index, blobs in (first, second):
        write_config(tmp_path, index, blobs)
        with files.opened(tmp_path) as opened:
            assert opened.shards(blobs) == blobs
    assert {each.name for each in tmp_path.iterdir()} == {*second[1], files.INDEX}


def test_secrets_are_their_owners_and_exactly_those(tmp_path: pathlib.Path) -> None:
    folder = tmp_path / "secrets"
    write_secrets(folder, {"providers/openai/key": "a", "peer/tls.key": "b"})
    write_secrets(folder, {"peer/tls.key": "c"})
    found = [each for each in folder.rglob("*") if each.is_file()]
    assert [str(each.relative_to(folder)) for each in found] == ["peer/tls.key"]
    assert found[0].read_text() == "c"
    assert stat.S_IMODE(found[0].stat().st_mode) == 0o600
