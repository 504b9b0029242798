"""What retention removed, as a checkpoint says, and what it didn't."""

import pathlib
from collections.abc import Callable
from typing import Final

import pytest
from tests.unit.audit import files, telling, writing
from tests.unit.audit.files import FIRST, ONE, TWO
from tests.unit.audit.telling import EDITED, ENDS, Said
from tests.unit.audit.writing import Instance

from isochrone.audit import Rule


def _dropped(made: Instance, count: int) -> None:
    """A checkpoint that says that the first chain's first lines are removed."""
    line = [each for name in (ONE, TWO) for each in files.lines(made, name)][count - 1]
    made.checkpoint(dropped={FIRST: {"count": count, "hash": line[-67:-3].decode()}})


FREE: Final = "it counts for nothing, as the line before it was removed: whoever can write there could have written it"
REMOVED: Final = "its first {} lines were removed because they were old, as a checkpoint says"


@pytest.mark.parametrize(
    ("count", "change", "told"),
    [
        pytest.param(3, lambda made: (made.folder / ONE).unlink(), [], id="removed"),
        pytest.param(3, lambda _: None, [], id="about to be removed"),
        pytest.param(
            3,
            files.changed(ONE, 1, b'"at":1.5', b'"at":1.6'),
            [(Rule.EDITED, ONE, 1, EDITED)],
            id="what is about to be removed is held to its beginning, if that is there",
        ),
        pytest.param(
            3,
            lambda made: [(made.folder / ONE).unlink(), files.changed(TWO, 1, b"DE", b"US")(made)],
            [(Rule.EDITED, TWO, 1, EDITED)],
            id="what follows is held to it",
        ),
        pytest.param(
            5,
            files.without(ONE, 1, 2, 3),
            [(Rule.NOT_SIGNED, TWO, 1, FREE)],
            id="less is removed than was said, and the first of the rest is held to nothing",
        ),
        pytest.param(
            3,
            lambda made: [(made.folder / ONE).unlink(), files.without(TWO, 1)(made)],
            [(Rule.OUT_OF_ORDER, TWO, 1, "it is line 4 of the chain where 0 should be")],
            id="more is removed than was said",
        ),
    ],
)
def test_what_retention_removed(
    tmp_path: pathlib.Path, count: int, change: Callable[[Instance], object], told: list[Said]
) -> None:
    made, _ = writing.small(tmp_path)
    _dropped(made, count)
    change(made)
    retention = (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(count))
    assert telling.told(tmp_path) == [*told, retention]


def test_the_boot_alone_may_be_removed(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.request(FIRST, "b", segment=1)
    _dropped(made, 1)
    (made.folder / ONE).unlink()
    assert telling.told(tmp_path) == [(Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(1))]


def test_what_is_about_to_be_removed_has_the_hash_that_was_said_of_it(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    made.checkpoint(dropped={FIRST: {"count": 4, "hash": "00" * 32}})
    anew = "a signed checkpoint has another hash for it: the chain was written anew"
    assert telling.told(tmp_path) == [
        (Rule.NOT_AS_SIGNED, TWO, 1, anew),
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(4)),
    ]


def test_of_a_chain_that_retention_removed_as_a_whole_the_next_may_speak(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    _dropped(made, 6)
    for each in (ONE, TWO):
        (made.folder / each).unlink()
    assert [each[0] for each in telling.told(tmp_path)] == [Rule.RETENTION], "its folder is still there"
    (made.folder / "chains" / FIRST).rmdir()
    gone = "removed as a whole because of their age, as checkpoints say: 1 of its chains"
    assert telling.told(tmp_path) == [(Rule.RETENTION, "chains", 0, gone)]


@pytest.mark.parametrize("is_folder_there", [True, False])
def test_of_more_than_retention_removed_the_next_may_not_speak(
    tmp_path: pathlib.Path, *, is_folder_there: bool
) -> None:
    """Nor may a checkpoint have signed more."""
    made, _ = writing.small(tmp_path)
    _dropped(made, 5)
    for each in (ONE, TWO):
        (made.folder / each).unlink()
    if not is_folder_there:
        (made.folder / "chains" / FIRST).rmdir()
    where = f"chains/{FIRST}"
    retention = [(Rule.RETENTION, where, 0, REMOVED.format(5))] if is_folder_there else []
    assert telling.told(tmp_path) == [
        *retention,
        (Rule.MISSING, where, 0, ENDS.format(6, 5)),
        (Rule.MISSING, where, 0, "the worker's next chain speaks of it: it was removed"),
    ]
