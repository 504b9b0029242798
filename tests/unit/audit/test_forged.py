"""What was anchored, or linked, isn't taken back by who has the key, nor by who adds to the evidence."""

import pathlib
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule

CHAIN: Final = "w0-20261126T230100Z-1a2b3c4d"
NEXT: Final = "20261126T230200Z-00000000"
FORGED: Final = "20261126T230300Z-00000000"


def _anchor(said: dict[str, Any]) -> audit.Anchor:
    return audit.Anchor(said["site"], said["instance"], said["n"], said["digest"])


def _found(root: pathlib.Path, *anchors: audit.Anchor) -> list[tuple[Rule, str]]:
    """What is tampering, and with which file or folder."""
    report = audit.check(root, anchors=anchors)
    return [(each.rule, each.path.name) for each in report.findings if each.is_tampering]


def _of_chain(made: Instance) -> pathlib.Path:
    return made.folder / "chains" / CHAIN / "000000.jsonl"


def _written_anew(made: Instance, *names: str) -> None:
    """The chain again, with these requests."""
    _of_chain(made).unlink()
    made.heads.pop(CHAIN, None)
    made.boot("w0", CHAIN.removeprefix("w0-"))
    for each in names:
        made.request(CHAIN, each)


@pytest.mark.parametrize(
    ("names", "rule", "path"),
    [
        pytest.param("ab", None, "", id="as it was"),
        pytest.param("abc", None, "", id="and more"),
        pytest.param("a", Rule.MISSING, CHAIN, id="shorter"),
        pytest.param("ac", Rule.NOT_AS_SIGNED, "000000.jsonl", id="another of the same length"),
        pytest.param("acb", Rule.NOT_AS_SIGNED, "000000.jsonl", id="another that is longer"),
    ],
)
def test_who_has_the_key_cannot_sign_away_what_was_anchored(
    tmp_path: pathlib.Path, names: str, rule: Rule | None, path: str
) -> None:
    """By a checkpoint after it that says other things of the chain."""
    made = Instance(tmp_path)
    made.boot("w0", CHAIN.removeprefix("w0-"))
    made.request(CHAIN, "a")
    made.request(CHAIN, "b")
    anchor = _anchor(made.checkpoint())
    _written_anew(made, *names)
    made.checkpoint()
    assert _found(tmp_path, anchor) == ([(rule, path)] if rule is not None else [])


@pytest.mark.parametrize(
    ("names", "rule", "path"),
    [
        pytest.param("a", Rule.MISSING, CHAIN, id="shorter"),
        pytest.param("ac", Rule.NOT_AS_SIGNED, "000000.jsonl", id="another of the same length"),
    ],
)
def test_what_a_checkpoint_says_last_of_a_chain_a_later_one_does_not_take_back(
    tmp_path: pathlib.Path, names: str, rule: Rule, path: str
) -> None:
    """Where there are no anchors, too."""
    made = Instance(tmp_path)
    made.boot("w0", CHAIN.removeprefix("w0-"))
    made.request(CHAIN, "a")
    made.request(CHAIN, "b")
    made.checkpoint()
    _written_anew(made, *names)
    made.checkpoint()
    assert _found(tmp_path) == [(rule, path)]


def _signed_thrice(root: pathlib.Path, second: str = "b") -> tuple[Instance, list[audit.Anchor]]:
    made = Instance(root)
    made.boot("w0", CHAIN.removeprefix("w0-"))
    anchors = []
    for each in ("a", second, "c"):
        made.request(CHAIN, each)
        anchors.append(_anchor(made.checkpoint()))
    return made, anchors


def test_each_anchor_that_was_kept_is_held_against_it(tmp_path: pathlib.Path) -> None:
    """Not the latest alone: that one may have come from who wrote all of it anew."""
    _, before = _signed_thrice(tmp_path / "before")
    _, after = _signed_thrice(tmp_path / "after", second="x")
    assert _found(tmp_path / "before", *before) == []
    assert _found(tmp_path / "after", *after) == []
    assert _found(tmp_path / "after", before[0], after[2]) == [], "until then they are the same"
    for anchors in ((before[1], after[2]), (after[2], before[1]), (before[1], after[1]), (after[1], before[1])):
        assert _found(tmp_path / "after", *anchors) == [(Rule.NOT_AS_ANCHORED, "000000.jsonl")]


def test_each_anchor_fixes_the_chains_as_they_were(tmp_path: pathlib.Path) -> None:
    """Also where the checkpoints after it were anchored too."""
    made, anchors = _signed_thrice(tmp_path)
    _written_anew(made, *"xbcd")
    last = _anchor(made.checkpoint())
    assert _found(tmp_path, *anchors[:1], last) == [(Rule.NOT_AS_SIGNED, "000000.jsonl")]
    assert _found(tmp_path, *anchors, last) == [(Rule.NOT_AS_SIGNED, "000000.jsonl")] * 3


def test_what_is_not_anchored_yet_is_what_came_after_the_last_anchor(tmp_path: pathlib.Path) -> None:
    made, anchors = _signed_thrice(tmp_path)
    made.request(CHAIN, "d")
    loose = (Rule.NOT_SIGNED, "its last 2 lines are not signed yet: whoever can write there could have written them")
    for kept, more in ((anchors[:1], 4), (anchors[:2], 2), (anchors, 0), (anchors[::-1], 0)):
        said = f"signed after the last anchor: {more} of its lines, so a cut after it would not be seen"
        notes = [(each.rule, each.message) for each in audit.check(tmp_path, anchors=kept).findings]
        assert notes == ([loose, (Rule.NOT_ANCHORED, said)] if more else [loose])


def test_checkpoints_that_are_gone_are_those_up_to_the_last_anchor(tmp_path: pathlib.Path) -> None:
    made, anchors = _signed_thrice(tmp_path)
    path = made.folder / "checkpoints" / "000000.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    for kept in (anchors, anchors[::-1]):
        (missing,) = (each for each in audit.check(tmp_path, anchors=kept).findings if each.is_tampering)
        assert (missing.rule, missing.message) == (
            Rule.MISSING,
            "checkpoint 2 was anchored, and only 2 are here: the others were removed",
        )


# What a worker's next chain says of the one before, which no checkpoint had signed yet when the worker was killed


@pytest.fixture
def killed(tmp_path: pathlib.Path) -> Instance:
    """The first chain is fixed by the next one alone."""
    made = Instance(tmp_path)
    made.boot("w0", CHAIN.removeprefix("w0-"))
    made.request(CHAIN, "a")
    last = made.heads.pop(CHAIN)
    made.boot("w0", NEXT, after=CHAIN, afterCount=last["count"], afterHash=last["hash"])
    made.checkpoint()
    return made


def _shorter(made: Instance) -> None:
    path = _of_chain(made)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))


def _hash(made: Instance) -> str:
    """Of the chain's last line."""
    return _of_chain(made).read_bytes()[-67:-3].decode()


def _longer(made: Instance) -> None:
    made.heads[CHAIN] = {"count": 3, "hash": _hash(made)}
    made.request(CHAIN, "b")


def _empty(made: Instance) -> None:
    _of_chain(made).write_bytes(b"")


def _gone(made: Instance) -> None:
    _of_chain(made).unlink()
    _of_chain(made).parent.rmdir()


def _shorter_and_so_says_another(made: Instance) -> None:
    """A chain that nobody has signed, and whose name comes after that of the one that was."""
    _shorter(made)
    made.boot("w0", FORGED, after=CHAIN, afterCount=2, afterHash=_hash(made))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        pytest.param(lambda _: None, None, id="untouched"),
        pytest.param(_shorter, Rule.NOT_AS_SIGNED, id="shorter"),
        pytest.param(_longer, Rule.NOT_AS_SIGNED, id="longer"),
        pytest.param(lambda made: _written_anew(made, "b"), Rule.NOT_AS_SIGNED, id="another of the same length"),
        pytest.param(_empty, Rule.MISSING, id="emptied"),
        pytest.param(_gone, Rule.MISSING, id="removed"),
        pytest.param(_shorter_and_so_says_another, Rule.NOT_AS_SIGNED, id="shorter, and a forged chain says so too"),
    ],
)
def test_a_chain_is_as_the_next_one_says(
    killed: Instance, change: Callable[[Instance], None], rule: Rule | None
) -> None:
    change(killed)
    assert _found(killed.root) == ([(rule, CHAIN)] if rule is not None else [])
