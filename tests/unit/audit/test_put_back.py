"""Lines below what retention removed, put back by somebody without a key: what leads to no signed hash isn't proved."""

import hashlib
import json
import pathlib
import shutil
from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.unit.audit import files, telling, writing
from tests.unit.audit.files import FIRST, NEXT, ONE, TWO
from tests.unit.audit.telling import EDITED, Said
from tests.unit.audit.writing import Instance

from isochrone import audit
from isochrone.audit import Proof, Rule
from isochrone.audit.finding import Extent

FREE: Final = "it counts for nothing, as the line before it was removed: whoever can write there could have written it"
CUT: Final = "what held its last {} lines was removed: whoever can write there could have written them"
ANEW: Final = "a signed checkpoint has another hash for it: the chain was written anew"
REMOVED: Final = "its first {} lines were removed because they were old, as a checkpoint says"


def _digest(line: bytes) -> str:
    return line[-67:-3].decode()


def _first_lines(made: Instance) -> list[bytes]:
    return [each for name in (ONE, TWO) for each in files.lines(made, name)]


def _drop(made: Instance, count: int) -> None:
    made.checkpoint(dropped={FIRST: {"count": count, "hash": _digest(_first_lines(made)[count - 1])}})


def _invented(number: int, digest: str, kind: str, **fields: Any) -> bytes:
    """A line that fits nothing, with a hash that it doesn't have."""
    text = json.dumps({"n": number, "kind": kind, "at": 1.5, **fields}, separators=(",", ":"))[:-1].encode()
    return text + b',"hash":"' + digest.encode() + b'"}\n'


def _edited(line: bytes) -> bytes:
    assert b'"DE"' in line
    return line.replace(b'"DE"', b'"FR"')


def _shown(root: pathlib.Path, **given: Any) -> dict[str, tuple[Proof, tuple[str, ...]]]:
    """Of each request whether it is proved, and where it was sent."""
    sources = audit.sources([root], audit.prove([root], **given))
    return {
        each.id: (each.proof, tuple(tried.place for tried in each.tries))
        for each in audit.every(sources, audit.Reading())
    }


PROVED: Final = (Proof.PROVED, ("DE",))
NO_PLACE: Final = (Proof.PROVED, ("",))


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"kind": "Intent", "id": "x", "try": 1, "jurisdiction": "DE"}, id="a request"),
        pytest.param({"kind": "Outcome", "id": "x", "outcome": "Refused"}, id="a refusal"),
        pytest.param({"kind": "Lost", "count": 7, "why": "Withheld"}, id="what was not written"),
        pytest.param({"kind": "Config", "revision": "", "policies": {"eu": {}}}, id="policies"),
    ],
)
def test_a_line_that_was_invented_with_the_hash_that_is_told_counts_for_nothing(
    tmp_path: pathlib.Path, fields: dict[str, Any]
) -> None:
    """It is the first that is here, so nothing says what comes before its text in its hash."""
    made, _ = writing.small(tmp_path)
    _drop(made, 3)
    files.put(made, ONE, [_invented(2, _digest(files.lines(made, ONE)[2]), **fields)])
    assert telling.told(tmp_path) == [
        (Rule.NOT_SIGNED, ONE, 1, FREE),
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(3)),
    ]
    assert audit.check(tmp_path).extents[made.folder / "chains" / FIRST] == Extent(6, 6, 3)
    assert audit.check(tmp_path).loose == 0
    assert _shown(tmp_path) == {"b": PROVED, "c": PROVED}
    source, _ = audit.sources([tmp_path], audit.prove([tmp_path]))
    reading = audit.Reading()
    (visit,) = audit.every([source], reading)
    assert (visit.tries[0].versions, reading.lost, reading.lines, reading.unreadable) == (None, [], 3, 1)


@pytest.mark.parametrize(
    ("change", "told", "shown"),
    [
        pytest.param(lambda kept: kept, [(Rule.NOT_SIGNED, ONE, 1, FREE)], {"a": NO_PLACE}, id="as they were"),
        pytest.param(
            lambda kept: [_edited(kept[0]), kept[1]],
            [(Rule.NOT_SIGNED, ONE, 1, FREE)],
            {"a": NO_PLACE},
            id="the first edited",
        ),
        pytest.param(
            lambda kept: [kept[0], kept[1].replace(b"Answered", b"Failed")],
            [(Rule.NOT_SIGNED, ONE, 1, FREE), (Rule.EDITED, ONE, 2, EDITED)],
            None,
            id="the next edited",
        ),
        pytest.param(
            lambda kept: [_invented(1, "00" * 32, "Intent", id="a"), kept[1]],
            [(Rule.NOT_SIGNED, ONE, 1, FREE), (Rule.EDITED, ONE, 2, EDITED)],
            None,
            id="another hash of the first",
        ),
        pytest.param(
            lambda _: [_invented(2, "00" * 32, "Intent", id="a")],
            [(Rule.NOT_SIGNED, ONE, 1, FREE), (Rule.NOT_AS_SIGNED, ONE, 1, ANEW), (Rule.EDITED, TWO, 1, EDITED)],
            None,
            id="another hash of the last",
        ),
        pytest.param(
            lambda kept: [_invented(2, _digest(kept[1]), "Boot", place="FR")],
            [
                (Rule.NOT_SIGNED, ONE, 1, FREE),
                (Rule.OUT_OF_ORDER, ONE, 1, "a chain has one Boot, its first line"),
                (Rule.MISPLACED, f"chains/{FIRST}", 0, "its Boot is of //-"),
            ],
            None,
            id="a Boot",
        ),
    ],
)
def test_of_a_stretch_all_but_its_first_line_is_held_to_what_is_signed(
    tmp_path: pathlib.Path,
    change: Callable[[list[bytes]], list[bytes]],
    told: list[Said],
    shown: dict[str, tuple[Proof, tuple[str, ...]]] | None,
) -> None:
    made, _ = writing.small(tmp_path)
    _drop(made, 3)
    files.put(made, ONE, change(files.lines(made, ONE)[1:]))
    assert [each for each in telling.told(tmp_path) if each[0] is not Rule.RETENTION] == told
    if shown is not None:
        assert _shown(tmp_path) == {**shown, "b": PROVED, "c": PROVED}


def _in_two_files(root: pathlib.Path) -> tuple[Instance, dict[str, Any]]:
    """A chain whose first file a checkpoint signs, and that checkpoint."""
    made = Instance(root)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.request(FIRST, "a")
    said = made.checkpoint()
    made.request(FIRST, "b", segment=1)
    made.line(FIRST, "End", segment=1)
    return made, said


@pytest.mark.parametrize("is_edited", [False, True])
@pytest.mark.parametrize("how", ["an earlier removal", "an anchor"])
def test_a_first_line_is_held_to_the_hash_before_it_if_that_is_signed(
    tmp_path: pathlib.Path, how: str, *, is_edited: bool
) -> None:
    """Retention was stopped between two files, and had removed the first of them before; or that was anchored."""
    made, said = _in_two_files(tmp_path)
    if how == "an earlier removal":
        _drop(made, 3)
    _drop(made, 6)
    (made.folder / ONE).unlink()
    if is_edited:
        files.put(
            made, TWO, [_edited(each) if number == 0 else each for number, each in enumerate(files.lines(made, TWO))]
        )
    anchors = [audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])] if how == "an anchor" else []
    found = [each for each in telling.told(tmp_path, anchors=anchors) if each[0] is not Rule.RETENTION]
    unanchored = [(Rule.NOT_ANCHORED, f"chains/{FIRST}", 0)]
    assert [each[:3] for each in found] == [
        *([(Rule.EDITED, TWO, 1)] if is_edited else []),
        *(unanchored if anchors else []),
    ]
    if not is_edited:
        assert _shown(tmp_path, anchors=anchors) == {"b": PROVED}


def _written_anew(made: Instance, *kept: bytes) -> None:
    """A chain that retention removed as a whole, begun by other lines with hashes that fit."""
    shutil.rmtree(made.folder / "chains" / FIRST)
    files_of = made.folder / ONE
    files_of.parent.mkdir()
    before, lines = "00" * 32, []
    for each in kept:
        digest = hashlib.sha256(bytes.fromhex(before) + each).hexdigest()
        lines.append(each + b',"hash":"' + digest.encode() + b'"}\n')
        before = digest
    files_of.write_bytes(b"".join(lines))


BOOT: Final = (
    b'{"n":0,"kind":"Boot","at":1.5,"site":"fra1","instance":"gateway-0","writer":"w0",'
    b'"boot":"20261126T230100Z-1a2b3c4d","place":"FR"'
)
SENT: Final = b'{"n":1,"kind":"Intent","at":1.5,"id":"x","try":1,"jurisdiction":"DE"'


def _alone(root: pathlib.Path) -> Instance:
    """The first chain of `small` without the next, signed, and removed as a whole."""
    made, _ = writing.small(root)
    shutil.rmtree(made.folder / "chains" / NEXT)
    (made.folder / "checkpoints" / "000000.jsonl").unlink()
    made.checkpoints, made.prev = 0, writing.ZERO
    del made.heads[NEXT]
    made.checkpoint()
    _drop(made, 6)
    return made


def test_the_beginning_of_a_chain_that_was_removed_as_a_whole_is_nobodys(tmp_path: pathlib.Path) -> None:
    """Its end, which is signed, isn't here: nothing leads there."""
    made = _alone(tmp_path)
    _written_anew(made, BOOT, SENT)
    assert [each for each in telling.told(tmp_path) if each[0] is not Rule.NO_OUTCOME] == [
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(6)),
        (Rule.NOT_SIGNED, f"chains/{FIRST}", 0, CUT.format(2)),
    ]
    assert audit.check(tmp_path).loose == 2
    assert _shown(tmp_path) == {"x": (Proof.UNSIGNED, ("DE",))}


def test_what_leads_to_a_hash_within_what_was_removed_is_proved_and_no_more(tmp_path: pathlib.Path) -> None:
    made, said = _in_two_files(tmp_path)
    _drop(made, 6)
    files.put(made, TWO, files.lines(made, TWO)[:2])
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    assert telling.told(tmp_path, anchors=[anchor]) == [
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(6)),
        (Rule.NOT_SIGNED, f"chains/{FIRST}", 0, CUT.format(2)),
    ]
    (extent,) = audit.check(tmp_path, anchors=[anchor]).extents.values()
    assert extent == Extent(5, 3)
    assert _shown(tmp_path, anchors=[anchor]) == {"a": PROVED, "b": (Proof.UNSIGNED, ("DE",))}


def test_a_line_alone_that_leads_nowhere_is_told_once(tmp_path: pathlib.Path) -> None:
    made = _alone(tmp_path)
    (made.folder / TWO).unlink()
    files.put(made, ONE, [_invented(2, "00" * 32, "Intent", id="x")])
    said = made.checkpoint()
    anchor = audit.Anchor("fra1", "gateway-0", said["n"], said["digest"])
    assert telling.told(tmp_path, anchors=[anchor]) == [
        (Rule.NOT_SIGNED, ONE, 1, FREE),
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(6)),
    ]
    assert audit.check(tmp_path).extents == {made.folder / "chains" / FIRST: Extent(3, 3, 3)}
    assert _shown(tmp_path) == {}


def test_a_boot_that_is_nobodys_vouches_for_no_chain(tmp_path: pathlib.Path) -> None:
    """What it says of its worker's chain before would make lines proved that no checkpoint signs."""
    made = _alone(tmp_path)
    new = made.boot("w0", "20261126T230000Z-00000000")
    made.checkpoint()
    made.line(new, "Lost", at=2.0, count=1, why="QueueFull")
    head = made.heads[new]
    after = json.dumps({"after": new, "afterCount": head["count"], "afterHash": head["hash"], "clean": True}).encode()
    _written_anew(made, BOOT + b"," + after[1:-1])
    loose = [(each.path.name, each.message) for each in audit.check(tmp_path).findings if each.rule is Rule.NOT_SIGNED]
    assert loose == [(new, telling.NOT_YET.format(1)), (FIRST, CUT.format(1))]
    assert audit.check(tmp_path).extents == {
        made.folder / "chains" / FIRST: Extent(1, 0),
        made.folder / "chains" / new: Extent(2, 1),
    }


def test_what_follows_the_line_that_counts_for_nothing_is_told(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    for why in ("DiskFull", "QueueFull", "WriteFailed"):
        made.line(FIRST, "Lost", count=1, why=why)
    made.checkpoint(dropped={FIRST: made.heads[FIRST]})
    files.without(ONE, 1)(made)
    assert telling.told(tmp_path) == [
        (Rule.NOT_SIGNED, ONE, 1, FREE),
        (Rule.LOST, f"chains/{FIRST}", 0, "1 records were not written: QueueFull"),
        (Rule.LOST, f"chains/{FIRST}", 0, "1 records were not written: WriteFailed"),
        (Rule.RETENTION, f"chains/{FIRST}", 0, REMOVED.format(4)),
    ]


def test_where_retention_removed_nothing_a_chain_begins_with_its_boot(tmp_path: pathlib.Path) -> None:
    made, _ = writing.small(tmp_path)
    files.without(ONE, 1)(made)
    assert telling.told(tmp_path) == [
        (Rule.OUT_OF_ORDER, ONE, 1, "it is line 1 of the chain where 0 should be"),
        (Rule.MISSING, f"chains/{FIRST}", 0, "its first line, the Boot, is missing"),
    ]
