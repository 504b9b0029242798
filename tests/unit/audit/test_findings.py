"""What is said of each thing that can be found, and where it is: all of it, so nothing is said twice."""

import base64
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import pytest
from tests.unit.audit import writing
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Rule, keys
from isochrone.audit.finding import Extent

FIRST: Final = "w0-20261126T230100Z-1a2b3c4d"
NEXT: Final = "w0-20261126T230200Z-00000000"
ONE: Final = f"chains/{FIRST}/000000.jsonl"
"""Boot, Intent and Outcome of request a."""
TWO: Final = f"chains/{FIRST}/000001.jsonl"
"""Intent and Outcome of request b, End."""
THREE: Final = f"chains/{NEXT}/000000.jsonl"
"""Boot, Intent and Outcome of request c."""
SIGNED: Final = "checkpoints/000000.jsonl"
"""Two checkpoints."""
KEY: Final = "public-key.pem"

Said = tuple[Rule, str, int, str]
"""What was found: in which file, at which line, and what is said of it."""


def _told(root: pathlib.Path, **given: Any) -> list[Said]:
    folder = root / "fra1" / "gateway-0"
    return [
        (each.rule, str(each.path.relative_to(folder)), each.line, each.message)
        for each in audit.check(root, **given).findings
    ]


def _lines(made: Instance, name: str) -> list[bytes]:
    return (made.folder / name).read_bytes().splitlines(keepends=True)


def _put(made: Instance, name: str, lines: Sequence[bytes]) -> None:
    (made.folder / name).write_bytes(b"".join(lines))


def _changed(name: str, line: int, old: bytes, new: bytes) -> Callable[[Instance], None]:
    """A line in which something was replaced."""

    def change(made: Instance) -> None:
        lines = _lines(made, name)
        assert old in lines[line - 1]
        lines[line - 1] = lines[line - 1].replace(old, new)
        _put(made, name, lines)

    return change


def _cut(name: str, size: int) -> Callable[[Instance], None]:
    """A file without its last bytes."""
    return lambda made: _put(made, name, [(made.folder / name).read_bytes()[:-size]])


def _without(name: str, *lines: int) -> Callable[[Instance], None]:
    """A file without some of its lines."""
    return lambda made: _put(
        made, name, [each for number, each in enumerate(_lines(made, name), 1) if number not in lines]
    )


def _appended(name: str, data: bytes) -> Callable[[Instance], None]:
    return lambda made: _put(made, name, [*_lines(made, name), data])


DEEP: Final = b"[" * 20_000 + b"]" * 20_000
OPEN: Final = "{} requests were sent, and of their end nothing is known; this is the first"
ENDS: Final = "{} lines were signed, and it ends after {}: lines were cut off or removed"
NOT_YET: Final = "its last {} lines are not yet signed: a cut at their end would not be seen"
FOLLOWS: Final = "checkpoint {} doesn't follow the one before: one was changed or removed"
EDITED: Final = "its hash is not that of its text and all lines before: one of them was changed"
NOT_OF_TEXT: Final = "its signature is not of this text: it was changed after it was signed"
IN_PLACE: Final = "bytes were put in place of the line's end, or after it"
UNCLEAN: Final = f"{FIRST} before it ended without End: killed, or crashed"
CUT: Final = "it had 6 lines when its worker started again, and has {}, or others"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(_changed(ONE, 2, b"DE", b"US"), [(Rule.EDITED, ONE, 2, EDITED)], id="a line's text"),
        pytest.param(
            _changed(ONE, 3, b'"hash":"', b'"mash":"'),
            [
                (Rule.EDITED, ONE, 3, "line 2 of the chain is no line of evidence any more"),
                (Rule.NO_OUTCOME, ONE, 2, OPEN.format(1)),
            ],
            id="a line without a hash",
        ),
        pytest.param(
            _changed(TWO, 1, b'"kind":', b'"mind":'),
            [(Rule.EDITED, TWO, 1, "line 3 of the chain is no line of evidence any more")],
            id="a line without a kind",
        ),
        pytest.param(
            _changed(TWO, 1, b'"id":"b"', b'"id":"\xff"'),
            [(Rule.EDITED, TWO, 1, "line 3 of the chain is no line of evidence any more")],
            id="a line that is no text",
        ),
        pytest.param(
            _changed(TWO, 1, b'"kind":', b'"x":' + DEEP + b',"kind":'),
            [(Rule.EDITED, TWO, 1, "line 3 of the chain is no line of evidence any more")],
            id="a line that goes deeper than anybody reads",
        ),
        pytest.param(
            _without(ONE, 2),
            [(Rule.OUT_OF_ORDER, ONE, 2, "it is line 2 of the chain where 1 should be")],
            id="a line removed",
        ),
        pytest.param(
            _cut(ONE, 1),
            [
                (Rule.EDITED, ONE, 3, "this line has lost its end, yet others follow: it was edited"),
                (Rule.OUT_OF_ORDER, TWO, 1, "it is line 3 of the chain where 2 should be"),
                (Rule.NO_OUTCOME, ONE, 2, OPEN.format(1)),
            ],
            id="an end removed in the middle",
        ),
        pytest.param(
            _cut(THREE, 1),
            [
                (Rule.EDITED, THREE, 3, IN_PLACE),
                (Rule.NO_OUTCOME, THREE, 2, OPEN.format(1)),
                (Rule.MISSING, f"chains/{NEXT}", 0, ENDS.format(3, 2)),
            ],
            id="the last line's end removed",
        ),
        pytest.param(
            _cut(THREE, 9),
            [
                (Rule.NO_OUTCOME, THREE, 2, OPEN.format(1)),
                (Rule.MISSING, f"chains/{NEXT}", 0, ENDS.format(3, 2)),
                (Rule.TORN, THREE, 3, "its last line is not whole"),
            ],
            id="half a line at the end",
        ),
        pytest.param(
            _appended(TWO, b'{"n":6'),
            [(Rule.EDITED, TWO, 4, "its last line is not whole")],
            id="half a line that the worker's next life would have cut off",
        ),
        pytest.param(
            _without(TWO, 3),
            [
                (Rule.MISSING, f"chains/{FIRST}", 0, ENDS.format(6, 5)),
                (Rule.NOT_AS_SIGNED, f"chains/{FIRST}", 0, CUT.format(5)),
            ],
            id="the last line removed",
        ),
        pytest.param(
            lambda made: [(made.folder / each).unlink() for each in (ONE, TWO)],
            [
                (Rule.MISSING, f"chains/{FIRST}", 0, ENDS.format(6, 0)),
                (Rule.MISSING, f"chains/{FIRST}", 0, "the worker's next chain speaks of it: it was removed"),
            ],
            id="all lines removed",
        ),
        pytest.param(
            _without(ONE, 1, 2, 3),
            [
                (Rule.OUT_OF_ORDER, TWO, 1, "it is line 3 of the chain where 0 should be"),
                (Rule.MISSING, f"chains/{FIRST}", 0, "its first line, the Boot, is missing"),
            ],
            id="its beginning removed",
        ),
        pytest.param(
            lambda made: (made.folder / "chains" / NEXT).rename(made.folder / "chains" / f"{NEXT}0"),
            [
                (Rule.MISPLACED, f"chains/{NEXT}0", 0, f"its Boot is of fra1/gateway-0/{NEXT}"),
                (Rule.MISSING, f"chains/{NEXT}", 0, ENDS.format(3, 0)),
                (Rule.NOT_ANCHORED, f"chains/{NEXT}0", 0, NOT_YET.format(3)),
            ],
            id="another name",
        ),
    ],
)
def test_what_is_said_of_a_chain(
    tmp_path: pathlib.Path, change: Callable[[Instance], object], told: list[Said]
) -> None:
    made, _ = writing.small(tmp_path)
    change(made)
    assert _told(tmp_path) == told


UNSIGNED: Final = [
    (Rule.NOT_ANCHORED, f"chains/{FIRST}", 0, NOT_YET.format(3)),
    (Rule.NOT_ANCHORED, f"chains/{NEXT}", 0, NOT_YET.format(3)),
]
"""What the second checkpoint signs."""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(
            _changed(SIGNED, 2, b'"at":2.5', b'"at":2.6'), [(Rule.EDITED, SIGNED, 2, NOT_OF_TEXT), *UNSIGNED], id="text"
        ),
        pytest.param(
            _changed(SIGNED, 1, b'"at":2.5', b'"at":2.6'),
            [(Rule.EDITED, SIGNED, 1, NOT_OF_TEXT), (Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(1))],
            id="text of the first",
        ),
        pytest.param(
            _changed(SIGNED, 2, b'"signature":"', b'"signature":"x'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="signature",
        ),
        pytest.param(
            _changed(SIGNED, 2, b'"n":', b'"m":'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="without a number",
        ),
        pytest.param(
            _changed(SIGNED, 2, b'"site":"fra1"', b'"site":"\xff"'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="no text",
        ),
        pytest.param(
            _changed(SIGNED, 2, b'"n":', b'"x":' + DEEP + b',"n":'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="deeper than anybody reads",
        ),
        pytest.param(_without(SIGNED, 1), [(Rule.OUT_OF_ORDER, SIGNED, 1, FOLLOWS.format(1))], id="the first removed"),
        pytest.param(_without(SIGNED, 2), UNSIGNED, id="the last removed, and no anchor"),
        pytest.param(
            lambda made: _put(made, SIGNED, _lines(made, SIGNED)[::-1]),
            [(Rule.OUT_OF_ORDER, SIGNED, 1, FOLLOWS.format(1)), (Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(0))],
            id="swapped",
        ),
        pytest.param(_cut(SIGNED, 1), [(Rule.EDITED, SIGNED, 2, IN_PLACE), *UNSIGNED], id="the end removed"),
        pytest.param(
            _cut(SIGNED, 9),
            [(Rule.TORN, SIGNED, 2, "the last checkpoint was being written: it counts for nothing"), *UNSIGNED],
            id="half of it",
        ),
    ],
)
def test_what_is_said_of_checkpoints(
    tmp_path: pathlib.Path, change: Callable[[Instance], object], told: list[Said]
) -> None:
    made, _ = writing.small(tmp_path)
    change(made)
    assert _told(tmp_path) == told


def test_what_was_added_between_two_files_of_checkpoints_is_no_half_of_the_last(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    first, last = _lines(made, SIGNED)
    _put(made, SIGNED, [first, b'{"n":1'])
    _put(made, "checkpoints/000001.jsonl", [last, b'{"n":2'])
    assert _told(tmp_path) == [
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
    assert _told(tmp_path) == [(Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(number))]


@pytest.mark.parametrize("digest", ["ab" * 31, "ab" * 32 + "\n", "xy" * 32, "AB" * 32])
@pytest.mark.parametrize("said", ["chains", "dropped"])
def test_a_checkpoint_of_which_a_hash_is_none_says_nothing(tmp_path: pathlib.Path, said: str, digest: str) -> None:
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint(**{said: {FIRST: {"count": 1, "hash": digest}}})
    assert _told(tmp_path) == [
        (Rule.EDITED, SIGNED, 1, "checkpoint 0 can't be read any more"),
        (Rule.NOT_ANCHORED, f"chains/{FIRST}", 0, NOT_YET.format(1)),
    ]


def test_after_a_gap_the_next_checkpoints_are_counted_on(tmp_path: pathlib.Path) -> None:
    """One that was removed is one finding, and those after it are held against their anchors."""
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    for _ in range(3):
        made.checkpoint()
    said = made.checkpoint()
    _without(SIGNED, 2)(made)
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    assert _told(tmp_path, anchors=[anchor]) == [(Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(2))]
    assert audit.check(tmp_path).checkpoints == 4


# Keys, folders and files


@pytest.mark.parametrize(("site", "name"), [("fra1", "gateway-1"), ("ber1", "gateway-0")])
def test_evidence_under_another_name(tmp_path: pathlib.Path, site: str, name: str) -> None:
    """What its checkpoints and its Boots say of themselves is another gateway, so nothing of it counts as signed."""
    made = Instance(tmp_path, site=site, name=name)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint()
    (tmp_path / "fra1").mkdir(exist_ok=True)
    made.folder.rename(tmp_path / "fra1" / "gateway-0")
    assert _told(tmp_path) == [
        (Rule.MISPLACED, SIGNED, 1, f"it is of {site}/{name}, not of this folder"),
        (Rule.MISPLACED, f"chains/{FIRST}", 0, f"its Boot is of {site}/{name}/{FIRST}"),
        (Rule.NOT_ANCHORED, f"chains/{FIRST}", 0, NOT_YET.format(1)),
    ]


def test_another_key_signs_nothing(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    other = Instance(tmp_path / "other", seed=2)
    key = keys.read(other.folder / KEY)
    by = f"it is signed by the key {made.key_id}, which is not trusted"
    nothing = [
        (Rule.NOT_ANCHORED, f"chains/{FIRST}", 0, NOT_YET.format(6)),
        (Rule.NOT_ANCHORED, f"chains/{NEXT}", 0, NOT_YET.format(3)),
    ]
    signed = [(Rule.OTHER_KEY, SIGNED, 1, by), (Rule.OTHER_KEY, SIGNED, 2, by)]
    beside = (Rule.OTHER_KEY, KEY, 0, f"the key beside the evidence, {made.key_id}, is not trusted")
    assert _told(tmp_path, trusted={key.id: key}) == [beside, *signed, *nothing]
    other.key, other.seed = made.key, made.seed
    (made.folder / KEY).write_bytes((other.folder / KEY).read_bytes())
    assert _told(tmp_path) == [*signed, *nothing], "the one that lies beside it is believed"
    mine = {made.key_id: keys.Key(made.key_id, made.key.public_key())}
    assert _told(tmp_path, trusted=mine) == [
        (Rule.OTHER_KEY, KEY, 0, f"the key beside the evidence, {key.id}, is not trusted")
    ]


@pytest.mark.parametrize(
    ("names", "is_trusted"),
    [
        pytest.param(["fra1.{}"], True, id="its-own-site"),
        pytest.param(["gateway"], True, id="any-site"),
        pytest.param(["cdg1.gateway"], True, id="a-name-that-says-no-key"),
        pytest.param(["{}"], True, id="a-name-that-says-no-site"),
        pytest.param(["cdg1.{}"], False, id="another-site"),
        pytest.param(["cdg1.{}", "fra1.{}"], True, id="both"),
        pytest.param(["cdg1.{}", "gateway"], True, id="another-and-any"),
        pytest.param(["any", "cdg1.{}"], True, id="any-and-another"),
        pytest.param(["cdg1.{}", "iad1.{}"], False, id="two-others"),
    ],
)
def test_a_key_signs_for_the_sites_that_its_files_name(
    tmp_path: pathlib.Path, names: list[str], is_trusted: bool
) -> None:
    made, _ = writing.small(tmp_path / "evidence")
    folder = tmp_path / "keys"
    folder.mkdir()
    for name in names:
        (folder / f"{name.format(made.key_id)}.pem").write_bytes((made.folder / KEY).read_bytes())
    found = audit.check(tmp_path / "evidence", trusted=keys.trusted(folder))
    assert found.holds == is_trusted
    said = [each.message for each in found.findings if each.rule is Rule.OTHER_KEY]
    by = [f"it is signed by the key {made.key_id}, which is not trusted"] * 2
    beside = f"the key beside the evidence, {made.key_id}, is not trusted for fra1"
    assert said == ([] if is_trusted else [beside, *by])


def test_a_file_that_is_no_key_is_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "a.pem").write_text("no key")
    with pytest.raises(ValueError, match=r"a\.pem is no public key"):
        keys.trusted(tmp_path)


def test_a_key_that_cannot_be_read(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    mine = {made.key_id: keys.Key(made.key_id, made.key.public_key())}
    pem = (made.folder / KEY).read_bytes()
    (made.folder / KEY).write_bytes(b"# mine\n" + pem)
    more = (Rule.OTHER_KEY, KEY, 0, "the key beside the evidence can't be read: there is more in it than a key")
    assert _told(tmp_path, trusted=mine) == [more]
    assert [each[0] for each in _told(tmp_path)][:3] == [Rule.OTHER_KEY] * 3, "then there is none to believe"
    assert audit.check(tmp_path).believed == ()
    (made.folder / KEY).unlink()
    (gone,) = _told(tmp_path, trusted=mine)
    assert gone[:3] == (Rule.OTHER_KEY, KEY, 0)
    assert "No such file" in gone[3]


def test_what_is_no_part_of_evidence_is_said_to_be_there(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    for own in ("lock", "w0.lock", "copied.json"):
        (made.folder / own).touch()
    assert _told(tmp_path) == []
    strange = ("chains/notes.txt", f"chains/{NEXT}/12345.jsonl", f"chains/{NEXT}/notes.txt", "checkpoints/notes.txt")
    for name in (*strange, "notes.txt"):
        (made.folder / name).touch()
    assert _told(tmp_path) == [
        (Rule.STRANGE, name, 0, "it is no part of evidence, and was not read") for name in (*strange, "notes.txt")
    ]
    assert audit.check(tmp_path).chains == 2


# What gateways themselves say


def _chain(root: pathlib.Path, *lines: dict[str, Any]) -> Instance:
    made = Instance(root)
    chain = made.boot("w0", FIRST.removeprefix("w0-"))
    for each in lines:
        made.line(chain, each["kind"], **{name: value for name, value in each.items() if name != "kind"})
    return made


def _of(kind: str, name: str, number: int = 1, **fields: Any) -> dict[str, Any]:
    return {"kind": kind, "id": name, "try": number, **fields}


def test_records_that_were_not_written_are_told_by_why(tmp_path: pathlib.Path) -> None:
    every = (("QueueFull", 3), ("Withheld", 5), ("DiskFull", 2), ("QueueFull", 4))
    _chain(tmp_path, *({"kind": "Lost", "why": why, "count": count} for why, count in every)).checkpoint()
    assert _told(tmp_path) == [
        (rule, f"chains/{FIRST}", 0, f"{count} records were not written: {why}")
        for rule, why, count in (
            (Rule.LOST, "DiskFull", 2),
            (Rule.LOST, "QueueFull", 7),
            (Rule.WITHHELD, "Withheld", 5),
        )
    ]


@pytest.mark.parametrize(
    ("lines", "count", "line"),
    [
        pytest.param([_of("Intent", "a"), _of("Outcome", "a")], 0, 0, id="ended"),
        pytest.param([_of("Intent", "a"), _of("Intent", "b"), _of("Outcome", "b")], 1, 2, id="one is open"),
        pytest.param([_of("Intent", "a"), _of("Intent", "b"), _of("Outcome", "a")], 1, 3, id="the other is open"),
        pytest.param([_of("Intent", "a"), _of("Intent", "a", 2), _of("Outcome", "a", 2)], 1, 2, id="another try"),
        pytest.param([_of("Intent", "a"), _of("Intent", "b"), _of("Intent", "a")], 2, 3, id="sent anew"),
        pytest.param(
            [_of("Intent", "a"), {"kind": "Outcome", "id": "a"}], 1, 2, id="another was refused before any try"
        ),
        pytest.param([_of("Outcome", "a", 0), _of("Intent", "b")], 1, 3, id="refused before any try"),
        pytest.param([_of("Marvel", "a")], 0, 0, id="a kind that isn't known"),
    ],
)
def test_requests_whose_end_is_not_known_are_counted_and_the_first_is_named(
    tmp_path: pathlib.Path, lines: list[dict[str, Any]], count: int, line: int
) -> None:
    _chain(tmp_path, *lines).checkpoint()
    assert _told(tmp_path) == ([(Rule.NO_OUTCOME, ONE, line, OPEN.format(count))] if count else [])


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param({"kind": "Intent"}, [(Rule.NO_OUTCOME, ONE, 2, OPEN.format(1))], id="Intent"),
        pytest.param({"kind": "Lost"}, [(Rule.LOST, f"chains/{FIRST}", 0, "0 records were not written: ")], id="Lost"),
    ],
)
def test_what_a_line_leaves_out_is_nothing(tmp_path: pathlib.Path, line: dict[str, Any], told: list[Said]) -> None:
    others = (_of("Outcome", "", 1), _of("Outcome", "x", 0), _of("Outcome", "", -1))
    _chain(tmp_path, line, *others).checkpoint()
    assert _told(tmp_path) == told


def test_a_boot_that_says_nothing_is_of_nobody(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.line(FIRST, "Boot")
    made.checkpoint()
    assert _told(tmp_path) == [(Rule.MISPLACED, f"chains/{FIRST}", 0, "its Boot is of //-")]


def test_a_boot_that_could_not_read_the_chain_before_says_nothing_of_its_lines(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path)
    made.boot("w0", NEXT.removeprefix("w0-"), after=FIRST)
    made.checkpoint()
    assert _told(tmp_path) == [
        (Rule.UNCLEAN, THREE, 1, UNCLEAN),
        (
            Rule.NOT_AS_SIGNED,
            f"chains/{FIRST}",
            0,
            "it had 0 lines when its worker started again, and has 1, or others",
        ),
    ]


def test_the_first_whose_end_is_not_known_is_in_the_first_file(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path, _of("Intent", "a"))
    made.line(FIRST, "Intent", segment=1, id="b", **{"try": 1})
    made.checkpoint()
    assert _told(tmp_path) == [(Rule.NO_OUTCOME, ONE, 2, OPEN.format(2))]


def test_a_worker_that_ended_without_saying_so(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path)
    last = made.heads[FIRST]
    made.boot("w0", NEXT.removeprefix("w0-"), after=FIRST, afterCount=last["count"], afterHash=last["hash"])
    made.checkpoint()
    assert _told(tmp_path) == [(Rule.UNCLEAN, THREE, 1, UNCLEAN)]


def test_a_chain_has_one_boot(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint()
    assert _told(tmp_path) == [(Rule.OUT_OF_ORDER, ONE, 2, "a chain has one Boot, its first line")]


# What retention removed


def _dropped(made: Instance, count: int) -> None:
    """A checkpoint that says that the first chain's first lines are removed."""
    line = [each for name in (ONE, TWO) for each in _lines(made, name)][count - 1]
    made.checkpoint(dropped={FIRST: {"count": count, "hash": line[-67:-3].decode()}})


REMOVED: Final = "its first {} lines were removed because they were old, as a checkpoint says"


@pytest.mark.parametrize(
    ("count", "change", "told"),
    [
        pytest.param(3, lambda made: (made.folder / ONE).unlink(), [], id="removed"),
        pytest.param(3, lambda _: None, [], id="about to be removed"),
        pytest.param(
            3,
            _changed(ONE, 1, b'"at":1.5', b'"at":1.6'),
            [(Rule.EDITED, ONE, 1, EDITED)],
            id="what is about to be removed is held to its beginning, if that is there",
        ),
        pytest.param(
            3,
            lambda made: [(made.folder / ONE).unlink(), _changed(TWO, 1, b"DE", b"US")(made)],
            [(Rule.EDITED, TWO, 1, EDITED)],
            id="what follows is held to it",
        ),
        pytest.param(5, _without(ONE, 1, 2, 3), [], id="less is removed than was said"),
        pytest.param(
            3,
            lambda made: [(made.folder / ONE).unlink(), _without(TWO, 1)(made)],
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
    assert _told(tmp_path) == [*told, retention]


def test_the_boot_alone_may_be_removed(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.request(FIRST, "b", segment=1)
    _dropped(made, 1)
    (made.folder / ONE).unlink()
    assert _told(tmp_path) == [(Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(1))]


def test_what_is_about_to_be_removed_has_the_hash_that_was_said_of_it(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    made.checkpoint(dropped={FIRST: {"count": 4, "hash": "00" * 32}})
    anew = "a signed checkpoint has another hash for it: the chain was written anew"
    assert _told(tmp_path) == [
        (Rule.NOT_AS_SIGNED, TWO, 1, anew),
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(4)),
    ]


def test_of_a_chain_that_retention_removed_as_a_whole_the_next_may_speak(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    _dropped(made, 6)
    for each in (ONE, TWO):
        (made.folder / each).unlink()
    assert [each[0] for each in _told(tmp_path)] == [Rule.RETENTION], "its folder is still there"
    (made.folder / "chains" / FIRST).rmdir()
    assert _told(tmp_path) == []


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
    assert _told(tmp_path) == [
        *retention,
        (Rule.MISSING, where, 0, ENDS.format(6, 5)),
        (Rule.MISSING, where, 0, "the worker's next chain speaks of it: it was removed"),
    ]


# Files and lines


def test_where_a_finding_is(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    lines = _lines(made, ONE)
    _changed(ONE, 3, b"Answered", b"answered")(made)
    (found,) = audit.check(tmp_path).findings
    assert (found.path, found.line, found.offset) == (made.folder / ONE, 3, len(lines[0]) + len(lines[1]))


def test_files_are_read_in_the_order_of_their_numbers(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    chain = made.boot("w0", FIRST.removeprefix("w0-"))
    for number in (9, 10, 999_999, 1_000_000):
        made.line(chain, "Config", segment=number)
    made.checkpoint()
    assert _told(tmp_path) == []
    assert audit.check(tmp_path).lines == 5


@pytest.mark.parametrize(("more", "is_whole"), [(0, True), (1, False)])
def test_a_line_has_64_kib_with_its_end_at_most(tmp_path: pathlib.Path, more: int, *, is_whole: bool) -> None:
    made = Instance(tmp_path)
    chain = made.boot("w0", FIRST.removeprefix("w0-"))
    made.line(chain, "Config", revision="")
    empty = len(_lines(made, ONE)[1])
    made.line(chain, "Config", revision="x" * (65_536 - empty + more))
    assert len(_lines(made, ONE)[2]) == 65_536 + more
    made.checkpoint()
    assert audit.check(tmp_path).holds is is_whole


def test_in_whichever_order_a_disk_lists_files_they_are_read_and_told_in_theirs(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = [f"20261126T230{number}00Z-00000000" for number in range(3)]
    for site in ("ber1", "fra1", "iad1"):
        made = Instance(tmp_path, site=site)
        for end in ends:
            chain = made.boot("w0", end)
            for number in range(1, 4):
                made.line(chain, "Config", segment=number)
        for name in "abc":
            (made.folder / name).touch()
    glob, iterdir = pathlib.Path.glob, pathlib.Path.iterdir
    monkeypatch.setattr(pathlib.Path, "glob", lambda path, pattern: sorted(glob(path, pattern), reverse=True))
    monkeypatch.setattr(pathlib.Path, "iterdir", lambda path: sorted(iterdir(path), reverse=True))
    found = audit.check(tmp_path)
    assert found.holds
    assert [str(each.path.relative_to(tmp_path)) for each in found.findings] == [
        f"{site}/gateway-0/{name}"
        for site in ("ber1", "fra1", "iad1")
        for name in (*(f"chains/w0-{end}" for end in ends), "a", "b", "c")
    ]


def test_chains_that_are_gone_are_told_in_the_order_of_their_names(tmp_path: pathlib.Path) -> None:
    """Those that were signed, and those of which only their workers' next chains speak."""
    made = Instance(tmp_path)
    for after, name in (("w0-c", "a"), ("w0-b", "c"), ("w0-a", "b")):
        made.boot("w1", name, after=after, afterCount=1)
    for name in ("w0-f", "w0-d", "w0-e"):
        made.heads[name] = {"count": 1, "hash": "00" * 32}
    made.checkpoint()
    gone = [each.path.name for each in audit.check(tmp_path).findings if each.is_tampering]
    assert gone == ["w0-d", "w0-e", "w0-f", "w0-a", "w0-b", "w0-c"]


# Keys


def _pem(der: bytes) -> bytes:
    return b"-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(der) + b"-----END PUBLIC KEY-----\n"


def test_a_key_has_the_id_that_its_bytes_say(tmp_path: pathlib.Path) -> None:
    """The first of RFC 8032: its SHA-256 begins with 21fe31dfa154a261, as sha256sum says."""
    raw = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    (tmp_path / KEY).write_bytes(_pem(bytes.fromhex("302a300506032b6570032100") + raw))
    key = keys.read(tmp_path / KEY)
    signature = bytes.fromhex(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    assert key.id == "21fe31dfa154a261"
    assert key.has_signed(b"", signature)
    assert not key.has_signed(b"x", signature)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"no key", id="no PEM"),
        pytest.param(_pem(bytes.fromhex("300d300506032a0304030400010203")), id="a kind that nobody knows"),
        pytest.param(_pem(bytes.fromhex("302a300506032b656e032100") + bytes(range(32))), id="a key that signs nothing"),
    ],
)
def test_what_is_no_key_that_signs(tmp_path: pathlib.Path, data: bytes) -> None:
    (tmp_path / KEY).write_bytes(data)
    with pytest.raises(ValueError, match=r"\S"):
        keys.read(tmp_path / KEY)


# The report


def test_findings_have_the_names_of_the_reference() -> None:
    """Those that prove that something was tampered with, and those that don't."""
    tampering = ["Edited", "OutOfOrder", "Missing", "NotAsSigned", "NotAsAnchored", "OtherKey", "Misplaced"]
    notes = [
        "UncleanBoot",
        "HalfALine",
        "Lost",
        "Withheld",
        "NoOutcome",
        "Retention",
        "NotAnchored",
        "NotRead",
    ]
    assert [each.value for each in Rule] == [*tampering, *notes]
    found = [audit.Finding(rule=each, path=pathlib.Path(), message="") for each in Rule]
    assert [each.rule for each in found if each.is_tampering] == tampering
    assert {(each.line, each.offset) for each in found} == {(0, 0)}, "of a whole file"


def test_what_a_report_counts(tmp_path: pathlib.Path) -> None:
    one, said = writing.small(tmp_path)
    two = Instance(tmp_path, site="ber1")
    chain = two.boot("w0", NEXT.removeprefix("w0-"))
    two.checkpoint()
    two.request(chain, "a")
    new = two.boot("w1", "20261126T230200Z-00000000")
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    report = audit.check(tmp_path, anchors=[anchor])
    assert (report.instances, report.chains, report.lines, report.checkpoints, report.anchored) == (2, 4, 13, 3, 1)
    assert report.believed == (f"ber1/gateway-0 {two.key_id}", f"fra1/gateway-0 {one.key_id}")
    assert report.extents == {
        two.folder / "chains" / NEXT: Extent(3, 1),
        two.folder / "chains" / new: Extent(1, 0),
        one.folder / "chains" / FIRST: Extent(6, 6),
        one.folder / "chains" / NEXT: Extent(3, 3),
    }
    alone = "none of the anchors is of it: a cut would not be seen"
    assert [(each.path, each.message) for each in report.findings] == [
        (two.folder, alone),
        (two.folder / "chains" / NEXT, NOT_YET.format(2)),
        (two.folder / "chains" / new, NOT_YET.format(1)),
    ]
    assert report.holds


def test_instances_that_are_gone_are_told_first_and_in_order(tmp_path: pathlib.Path) -> None:
    _, said = writing.small(tmp_path)
    names = "hgfedcba"  # As many as don't come in order by chance.
    gone = [audit.Anchor("iad1", each, 0, "00" * 32) for each in names] + [audit.Anchor("ber1", "c", 0, "00" * 32)]
    mine = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    report = audit.check(tmp_path, anchors=[*gone, mine])
    assert [(each.rule, str(each.path.relative_to(tmp_path)), each.message) for each in report.findings] == [
        (Rule.MISSING, path, "it was anchored, and all its evidence is gone")
        for path in ("ber1/c", *(f"iad1/{each}" for each in sorted(names)))
    ]


def test_a_folder_is_evidence_if_it_has_chains_or_checkpoints(tmp_path: pathlib.Path) -> None:
    Instance(tmp_path)
    with pytest.raises(audit.NotEvidence, match="one folder for each site"):
        audit.check(tmp_path)
    for site, part in (("ber1", "chains"), ("iad1", "checkpoints")):
        (Instance(tmp_path, site=site).folder / part).mkdir()
    report = audit.check(tmp_path)
    assert (report.instances, report.findings) == (2, ())
