"""The state folder: one network at a time, configs that are whole at every moment, secrets for their owner only."""

import pathlib
import stat

import pytest
from tests.contract.config_cases import RELEASE
from tests.unit.source.publishing import config

from isochrone.certificates import evidence_key, key_id
from isochrone.local.folder import Folder, FolderError, write_config, write_secrets
from isochrone_gateway.config import shard
from isochrone_gateway.ledger.evidence.checkpoint import key_id as gateway_key_id
from isochrone_gateway.ledger.evidence.instance import load_key
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


def test_the_key_of_evidence_is_made_once_and_its_public_half_lies_where_auditors_find_it(
    tmp_path: pathlib.Path,
) -> None:
    folder = Folder(tmp_path)
    path = folder.evidence_key("fra1")
    made = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    public = evidence_key(made).public
    assert {each.name: each.read_text() for each in (tmp_path / "keys").iterdir()} == {
        f"fra1.{key_id(public)}.pem": public
    }
    assert folder.evidence_key("fra1").read_text() == made
    path.write_text("no key")
    with pytest.raises(FolderError, match="move it away, and a new one is made"):
        folder.evidence_key("fra1")


def test_a_gateway_takes_the_key_that_was_made_for_it(tmp_path: pathlib.Path) -> None:
    path = Folder(tmp_path).evidence_key("fra1")
    raw = load_key(path).public_key().public_bytes_raw()
    (public,) = (tmp_path / "keys").iterdir()
    assert public.name == f"fra1.{gateway_key_id(raw)}.pem"
