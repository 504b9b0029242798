"""Checkpoints that don't follow each other, or that say what none can say."""

import pathlib

import pytest
from tests.unit.audit import files, telling, writing
from tests.unit.audit.files import FIRST, SIGNED
from tests.unit.audit.telling import FOLLOWS, NOT_YET
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule


def test_what_was_added_between_two_files_of_checkpoints_is_no_half_of_the_last(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    first, last = files.lines(made, SIGNED)
    files.put(made, SIGNED, [first, b'{"n":1'])
    files.put(made, "checkpoints/000001.jsonl", [last, b'{"n":2'])
    assert telling.told(tmp_path) == [
        (Rule.EDITED, SIGNED, 2, "this line has lost its end, yet others follow: it was edited"),
        (
            Rule.TORN,
            "checkpoints/000001.jsonl",
            2,
            "the last checkpoint was being written: it counts for nothing",
        ),
    ]


@pytest.mark.parametrize(
    ("number", "prev"), [pytest.param(2, None, id="number"), pytest.param(1, "0" * 64, id="the one before")]
)
def test_a_signed_checkpoint_follows_the_one_before_by_both(
    tmp_path: pathlib.Path, number: int, prev: str | None
) -> None:
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint()
    made.checkpoints, made.prev = number, prev or made.prev
    made.checkpoint()
    assert telling.told(tmp_path) == [(Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(number))]


@pytest.mark.parametrize("digest", ["ab" * 31, "ab" * 32 + "\n", "xy" * 32, "AB" * 32])
@pytest.mark.parametrize("said", ["chains", "dropped"])
def test_a_checkpoint_of_which_a_hash_is_none_says_nothing(tmp_path: pathlib.Path, said: str, digest: str) -> None:
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint(**{said: {FIRST: {"count": 1, "hash": digest}}})
    assert telling.told(tmp_path) == [
        (Rule.EDITED, SIGNED, 1, "checkpoint 0 can't be read any more"),
        (Rule.NOT_SIGNED, f"chains/{FIRST}", 0, NOT_YET.format(1)),
    ]


def test_after_a_gap_the_next_checkpoints_are_counted_on(tmp_path: pathlib.Path) -> None:
    """One that was removed is one finding, and those after it are held against their anchors."""
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    for _ in range(3):
        made.checkpoint()
    said = made.checkpoint()
    files.without(SIGNED, 2)(made)
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    assert telling.told(tmp_path, anchors=[anchor]) == [(Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(2))]
    assert audit.check(tmp_path).checkpoints == 4
