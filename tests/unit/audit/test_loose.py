"""Lines that no checkpoint signs: whoever can write there could have written them, keys and hashes notwithstanding."""

import pathlib
from typing import Final

import pytest
from tests.unit.audit import telling, writing
from tests.unit.audit.telling import NOT_YET, Said
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule
from isochrone.audit.finding import Extent

CHAIN: Final = "w0-20261126T230100Z-1a2b3c4d"
FOLDER: Final = f"chains/{CHAIN}"
DUE: Final = "its last {} lines, of {} seconds, are not signed: checkpoints are missing"


def _written(root: pathlib.Path, *times: float) -> Instance:
    """A Boot, which is signed, and lines of these times, which aren't."""
    made = Instance(root)
    made.boot("w0", CHAIN.removeprefix("w0-"), at=0.0)
    made.checkpoint(at=1.0)
    for at in times:
        made.line(CHAIN, "Lost", at=at, count=1, why="Withheld")
    return made


def _told(root: pathlib.Path) -> list[Said]:
    return [each for each in telling.told(root) if each[0] is not Rule.WITHHELD]


@pytest.mark.parametrize(
    ("times", "told"),
    [
        pytest.param([], [], id="none"),
        pytest.param([5.0], [(Rule.NOT_SIGNED, FOLDER, 0, NOT_YET.format(1))], id="one"),
        pytest.param([3_600.0], [(Rule.NOT_SIGNED, FOLDER, 0, NOT_YET.format(1))], id="after an hour without any"),
        pytest.param([5.0, 65.0], [(Rule.NOT_SIGNED, FOLDER, 0, NOT_YET.format(2))], id="a minute"),
        pytest.param([5.0, 65.5], [(Rule.MISSING, FOLDER, 0, DUE.format(2, 60))], id="more than a minute"),
        pytest.param([5.0, 64.5], [(Rule.NOT_SIGNED, FOLDER, 0, NOT_YET.format(2))], id="less than a minute"),
        pytest.param([65.5, 30.0, 5.0], [(Rule.MISSING, FOLDER, 0, DUE.format(3, 60))], id="by a clock that was set"),
        pytest.param([5.0, 90.0, 50.0], [(Rule.MISSING, FOLDER, 0, DUE.format(3, 85))], id="the latest in between"),
    ],
)
def test_a_checkpoint_is_due(tmp_path: pathlib.Path, times: list[float], told: list[Said]) -> None:
    _written(tmp_path, *times)
    assert _told(tmp_path) == told


def test_evidence_that_was_written_anew_without_a_key_is_not_proved(tmp_path: pathlib.Path) -> None:
    """All of its checkpoints are gone, and its hashes fit."""
    made = _written(tmp_path, 5.0, 70.0)
    made.checkpoint(at=80.0)
    (made.folder / "checkpoints" / "000000.jsonl").write_bytes(b"")
    assert _told(tmp_path) == [(Rule.MISSING, FOLDER, 0, DUE.format(3, 70))]


def test_a_chain_is_as_sure_as_what_its_workers_next_life_says_of_it(tmp_path: pathlib.Path) -> None:
    """Who was killed leaves lines that no checkpoint signs, ever."""
    made = _written(tmp_path, 5.0, 70.0)
    before = made.heads.pop(CHAIN)
    last = {"after": CHAIN, "afterCount": before["count"], "afterHash": before["hash"], "clean": True}
    new = made.boot("w0", "20261126T230300Z-00000000", at=200.0, **last)
    loose = [(Rule.MISSING, FOLDER, 0, DUE.format(2, 65)), (Rule.NOT_SIGNED, f"chains/{new}", 0, NOT_YET.format(1))]
    assert _told(tmp_path) == loose, "its own first line may have been written by anybody"
    made.checkpoint(at=201.0)
    assert _told(tmp_path) == []
    assert audit.check(tmp_path).extents == {
        made.folder / "chains" / CHAIN: Extent(3, 3),
        made.folder / "chains" / new: Extent(1, 1),
    }
    assert audit.check(tmp_path).loose == 0


def test_what_was_anchored_is_as_sure_by_a_next_life(tmp_path: pathlib.Path) -> None:
    made = _written(tmp_path, 5.0)
    before = made.heads.pop(CHAIN)
    last = {"after": CHAIN, "afterCount": before["count"], "afterHash": before["hash"], "clean": True}
    made.boot("w0", "20261126T230300Z-00000000", at=200.0, **last)
    said = made.checkpoint(at=201.0)
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    assert [each.rule for each in audit.check(tmp_path, anchors=[anchor]).findings] == [Rule.WITHHELD]
    assert audit.check(tmp_path, anchors=[anchor]).bare == 0


def test_a_chain_that_was_cut_tells_no_more_than_is_left_of_it(tmp_path: pathlib.Path) -> None:
    made = _written(tmp_path, 2.0)
    said = made.checkpoint(at=3.0)
    for at in (4.0, 5.0):
        made.line(CHAIN, "Lost", at=at, count=1, why="Withheld")
    made.checkpoint(at=6.0)
    path = made.folder / FOLDER / "000000.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:3]))
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    later = "signed after the last anchor: 1 of its lines, so a cut after it would not be seen"
    assert [each for each in telling.told(tmp_path, anchors=[anchor]) if each[0] is not Rule.WITHHELD] == [
        (Rule.MISSING, FOLDER, 0, telling.ENDS.format(4, 3)),
        (Rule.NOT_ANCHORED, FOLDER, 0, later),
    ]


def test_what_is_due_counts_from_the_last_checkpoint(tmp_path: pathlib.Path) -> None:
    """Not from an anchor before it."""
    made = _written(tmp_path, 2.0)
    said = made.checkpoint(at=3.0)
    made.line(CHAIN, "Lost", at=4.0, count=1, why="Withheld")
    made.checkpoint(at=80.0)
    made.line(CHAIN, "Lost", at=90.0, count=1, why="Withheld")
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    found = audit.check(tmp_path, anchors=[anchor]).findings
    assert [each.rule for each in found] == [Rule.WITHHELD, Rule.NOT_SIGNED, Rule.NOT_ANCHORED]


def test_no_chain_makes_up_for_what_another_lacks(tmp_path: pathlib.Path) -> None:
    """Of one that was cut, more is signed than is here."""
    made, _ = writing.small(tmp_path)
    made.request("w0-20261126T230200Z-00000000", "d")
    (made.folder / FOLDER / "000001.jsonl").unlink()
    assert audit.check(tmp_path).loose == 2
