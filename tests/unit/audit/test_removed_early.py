"""What was removed must have been as old as it had to be, by what checkpoints had said of it before."""

import datetime as dt
import pathlib
import shutil
from typing import Final

import pytest
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule
from isochrone.audit.retention import Growth, Removal, early

HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR
KEEP: Final = 10 * DAY
BOOT: Final = dt.datetime(2026, 11, 26, 23, 1, tzinfo=dt.UTC).timestamp()
CHAIN: Final = "w0-20261126T230100Z-1a2b3c4d"
SIX: Final = ((0.0, 3), (5 * DAY, 6))
"""When lines were signed, after the boot, and how many there were."""


def _written(root: pathlib.Path, grown: tuple[tuple[float, int], ...]) -> Instance:
    """A chain of a Boot and of requests, each of two lines, in a file for each checkpoint."""
    made = Instance(root)
    made.boot("w0", CHAIN.removeprefix("w0-"))
    for segment, (after, count) in enumerate(grown):
        while made.heads[CHAIN]["count"] < count:
            made.line(CHAIN, "Lost", segment=segment, count=1, why="QueueFull")
        made.checkpoint(at=BOOT + after)
    return made


def _remove(made: Instance, count: int, after: float) -> None:
    files = sorted((made.folder / "chains" / CHAIN).iterdir())
    lines = [line for each in files for line in each.read_bytes().splitlines()]
    made.checkpoint(at=BOOT + after, dropped={CHAIN: {"count": count, "hash": lines[count - 1][-66:-2].decode()}})
    if count == len(lines):
        shutil.rmtree(made.folder / "chains" / CHAIN)
    else:
        files[0].unlink()


def _told(root: pathlib.Path, keep: float | None = KEEP) -> list[tuple[Rule, str]]:
    found = audit.check(root, keep=keep).findings
    return [(each.rule, each.message) for each in found if each.rule in {Rule.REMOVED_EARLY, Rule.MISSING}]


EARLY: Final = (
    "its first {} lines were removed when the last of them were at most {} days old, as a checkpoint says,"
    " and had to be kept for 10"
)


@pytest.mark.parametrize(
    ("count", "after", "told"),
    [
        pytest.param(3, 11 * DAY, None, id="the first file, old"),
        pytest.param(3, 9 * DAY, "9.0", id="the first file, young"),
        pytest.param(6, 16 * DAY, None, id="all, old"),
        pytest.param(6, 14 * DAY, None, id="all, perhaps old: its end may have been written right after the boot"),
        pytest.param(6, 9.5 * DAY, "9.5", id="all, young"),
        pytest.param(3, 10 * DAY - 0.9 * HOUR, None, id="as young as what isn't signed yet can be"),
        pytest.param(3, 10 * DAY - 1.1 * HOUR, "10.0", id="younger than that"),
        pytest.param(3, -DAY, "-1.0", id="before it began"),
    ],
)
def test_what_was_removed_had_to_be_old(tmp_path: pathlib.Path, count: int, after: float, told: str | None) -> None:
    made = _written(tmp_path, SIX)
    _remove(made, count, after)
    assert _told(tmp_path) == ([] if told is None else [(Rule.REMOVED_EARLY, EARLY.format(count, told))])
    assert audit.check(tmp_path, keep=KEEP).holds == (told is None)
    assert audit.check(tmp_path).holds, "nobody has said how old it had to be"


def test_the_last_checkpoint_that_did_not_speak_of_a_line_bounds_its_age(tmp_path: pathlib.Path) -> None:
    made = _written(tmp_path, ((0.0, 3), (5 * DAY, 4), (5 * DAY + 10, 6)))
    _remove(made, 6, 14 * DAY)
    assert _told(tmp_path) == [(Rule.REMOVED_EARLY, EARLY.format(6, "9.0"))]


def test_what_is_still_here_was_not_removed_early(tmp_path: pathlib.Path) -> None:
    """A bucket may have what the volume has no longer."""
    made = _written(tmp_path, SIX)
    shutil.copytree(made.folder / "chains" / CHAIN, tmp_path / "kept")
    _remove(made, 6, DAY)
    assert _told(tmp_path) != []
    (tmp_path / "kept").rename(made.folder / "chains" / CHAIN)
    assert _told(tmp_path) == []


@pytest.mark.parametrize(
    ("kept", "is_early"),
    [
        pytest.param(range(1), True, id="the Boot"),
        pytest.param(range(5), True, id="all but one"),
        pytest.param(range(6), False, id="all"),
        pytest.param(range(1, 6), True, id="all but the Boot"),
    ],
)
def test_a_part_that_is_still_here_does_not_hide_that_others_were_removed_early(
    tmp_path: pathlib.Path, kept: range, *, is_early: bool
) -> None:
    """Who has the key could leave the Boot, or put it back."""
    made = _written(tmp_path, SIX)
    lines = [
        line
        for each in sorted((made.folder / "chains" / CHAIN).iterdir())
        for line in each.read_bytes().splitlines(True)
    ]
    _remove(made, 6, DAY)
    (made.folder / "chains" / CHAIN).mkdir()
    (made.folder / "chains" / CHAIN / "000000.jsonl").write_bytes(b"".join(lines[each] for each in kept))
    assert _told(tmp_path) == ([(Rule.REMOVED_EARLY, EARLY.format(6, "1.0"))] if is_early else [])


def test_what_is_still_here_of_the_first_removal_does_not_hide_the_next(tmp_path: pathlib.Path) -> None:
    """Though that was of older lines."""
    made = _written(tmp_path, SIX)
    first = made.folder / "chains" / CHAIN / "000000.jsonl"
    data = first.read_bytes()
    _remove(made, 3, DAY)
    first.write_bytes(data)
    _remove(made, 6, 8 * DAY)
    first.parent.mkdir()
    first.write_bytes(data)
    assert _told(tmp_path) == [(Rule.REMOVED_EARLY, EARLY.format(6, "8.0"))]


def test_the_rest_of_a_chain_does_not_hide_what_was_removed_early(tmp_path: pathlib.Path) -> None:
    made = _written(tmp_path, SIX)
    _remove(made, 3, DAY)
    found = [each for each in audit.check(tmp_path, keep=KEEP).findings if each.rule is Rule.REMOVED_EARLY]
    assert [each.path for each in found] == [made.folder / "chains" / CHAIN]


def test_chains_that_are_gone_as_a_whole_are_told_once(tmp_path: pathlib.Path) -> None:
    made = _written(tmp_path, SIX)
    other = made.boot("w1", "20261126T230100Z-00000001")
    made.checkpoint(at=BOOT + 6 * DAY)
    dropped = {CHAIN: made.heads[CHAIN], other: made.heads[other]}
    made.checkpoint(at=BOOT + 20 * DAY, dropped=dropped)
    shutil.rmtree(made.folder / "chains")
    (made.folder / "chains").mkdir()
    said = "removed as a whole because of their age, as checkpoints say: 2 of its chains"
    assert [(each.rule, each.path, each.message) for each in audit.check(tmp_path, keep=KEEP).findings] == [
        (Rule.RETENTION, made.folder / "chains", said)
    ]


# By itself.


@pytest.mark.parametrize(
    ("chain", "count", "age"),
    [
        pytest.param(CHAIN, 1, 20 * DAY, id="since its boot"),
        pytest.param(CHAIN, 3, 20 * DAY, id="the last of which the first checkpoint speaks"),
        pytest.param(CHAIN, 4, 19 * DAY, id="the next"),
        pytest.param(CHAIN, 7, 18 * DAY, id="of which none speaks"),
        pytest.param("w0-yesterday-1a2b3c4d", 3, float("inf"), id="of a boot at no time"),
        pytest.param("w0", 3, float("inf"), id="no name of a chain"),
    ],
)
def test_the_age_of_a_line_is_bounded(chain: str, count: int, age: float) -> None:
    growth = Growth(chain)
    growth.add(3, BOOT + DAY)
    growth.add(6, BOOT + 2 * DAY)
    assert BOOT + 20 * DAY - growth.without(count) == age


def test_no_checkpoint_makes_a_line_older_than_those_before_it() -> None:
    growth = Growth(CHAIN)
    for count, after in ((3, 2 * DAY), (6, -DAY), (9, 3 * DAY)):
        growth.add(count, BOOT + after)
    assert [growth.without(count) - BOOT for count in (3, 6, 9, 10)] == [0.0, 2 * DAY, 2 * DAY, 3 * DAY]


def test_of_several_removals_the_youngest_counts() -> None:
    removals = [Removal("a", count, age * DAY) for count, age in ((3, 9), (6, 1), (9, 2), (12, 1))]
    assert early([*removals, Removal("b", 1, KEEP)], KEEP) == {"a": Removal("a", 6, DAY)}


@pytest.mark.parametrize(("missing", "is_early"), [(3_599.5, False), (3_600.0, False), (3_600.5, True)])
def test_an_hour_is_left_for_what_is_not_signed_yet(missing: float, *, is_early: bool) -> None:
    assert bool(early([Removal("a", 3, KEEP - missing)], KEEP)) == is_early
