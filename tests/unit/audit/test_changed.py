"""What is said of what was changed, cut off or removed, and where: all of it, so nothing is said twice."""

import pathlib
from collections.abc import Callable
from typing import Final

import pytest
from tests.unit.audit import files, telling, writing
from tests.unit.audit.files import FIRST, NEXT, ONE, SIGNED, THREE, TWO
from tests.unit.audit.telling import EDITED, ENDS, FOLLOWS, NOT_YET, OPEN, Said
from tests.unit.audit.writing import Instance

from isochrone.audit import Rule

DEEP: Final = b"[" * 20_000 + b"]" * 20_000
NOT_OF_TEXT: Final = "its signature is not of this text: it was changed after it was signed"
IN_PLACE: Final = "bytes were put in place of the line's end, or after it"
CUT: Final = "it had 6 lines when its worker started again, and has {}, or others"
UNSIGNED: Final = [
    (Rule.NOT_SIGNED, f"chains/{FIRST}", 0, NOT_YET.format(3)),
    (Rule.NOT_SIGNED, f"chains/{NEXT}", 0, NOT_YET.format(3)),
]
"""What the second checkpoint signs."""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(files.changed(ONE, 2, b"DE", b"US"), [(Rule.EDITED, ONE, 2, EDITED)], id="chain: a line's text"),
        pytest.param(
            files.changed(ONE, 3, b'"hash":"', b'"mash":"'),
            [
                (Rule.EDITED, ONE, 3, "line 2 of the chain is no line of evidence any more"),
                (Rule.NO_OUTCOME, ONE, 2, OPEN.format(1)),
            ],
            id="chain: a line without a hash",
        ),
        pytest.param(
            files.changed(TWO, 1, b'"kind":', b'"mind":'),
            [(Rule.EDITED, TWO, 1, "line 3 of the chain is no line of evidence any more")],
            id="chain: a line without a kind",
        ),
        pytest.param(
            files.changed(TWO, 1, b'"id":"b"', b'"id":"\xff"'),
            [(Rule.EDITED, TWO, 1, "line 3 of the chain is no line of evidence any more")],
            id="chain: a line that is no text",
        ),
        pytest.param(
            files.changed(TWO, 1, b'"kind":', b'"x":' + DEEP + b',"kind":'),
            [(Rule.EDITED, TWO, 1, "line 3 of the chain is no line of evidence any more")],
            id="chain: a line that goes deeper than anybody reads",
        ),
        pytest.param(
            files.without(ONE, 2),
            [(Rule.OUT_OF_ORDER, ONE, 2, "it is line 2 of the chain where 1 should be")],
            id="chain: a line removed",
        ),
        pytest.param(
            files.cut(ONE, 1),
            [
                (Rule.EDITED, ONE, 3, "this line has lost its end, yet others follow: it was edited"),
                (Rule.OUT_OF_ORDER, TWO, 1, "it is line 3 of the chain where 2 should be"),
                (Rule.NO_OUTCOME, ONE, 2, OPEN.format(1)),
            ],
            id="chain: an end removed in the middle",
        ),
        pytest.param(
            files.cut(THREE, 1),
            [
                (Rule.EDITED, THREE, 3, IN_PLACE),
                (Rule.NO_OUTCOME, THREE, 2, OPEN.format(1)),
                (Rule.MISSING, f"chains/{NEXT}", 0, ENDS.format(3, 2)),
            ],
            id="chain: the last line's end removed",
        ),
        pytest.param(
            files.cut(THREE, 9),
            [
                (Rule.NO_OUTCOME, THREE, 2, OPEN.format(1)),
                (Rule.MISSING, f"chains/{NEXT}", 0, ENDS.format(3, 2)),
                (Rule.TORN, THREE, 3, "its last line is not whole"),
            ],
            id="chain: half a line at the end",
        ),
        pytest.param(
            files.appended(TWO, b'{"n":6'),
            [(Rule.EDITED, TWO, 4, "its last line is not whole")],
            id="chain: half a line that the worker's next life would have cut off",
        ),
        pytest.param(
            files.without(TWO, 3),
            [
                (Rule.MISSING, f"chains/{FIRST}", 0, ENDS.format(6, 5)),
                (Rule.NOT_AS_SIGNED, f"chains/{FIRST}", 0, CUT.format(5)),
            ],
            id="chain: the last line removed",
        ),
        pytest.param(
            lambda made: [(made.folder / each).unlink() for each in (ONE, TWO)],
            [
                (Rule.MISSING, f"chains/{FIRST}", 0, ENDS.format(6, 0)),
                (Rule.MISSING, f"chains/{FIRST}", 0, "the worker's next chain speaks of it: it was removed"),
            ],
            id="chain: all lines removed",
        ),
        pytest.param(
            files.without(ONE, 1, 2, 3),
            [
                (Rule.OUT_OF_ORDER, TWO, 1, "it is line 3 of the chain where 0 should be"),
                (Rule.MISSING, f"chains/{FIRST}", 0, "its first line, the Boot, is missing"),
            ],
            id="chain: its beginning removed",
        ),
        pytest.param(
            lambda made: (made.folder / "chains" / NEXT).rename(made.folder / "chains" / f"{NEXT}0"),
            [
                (Rule.MISPLACED, f"chains/{NEXT}0", 0, f"its Boot is of fra1/gateway-0/{NEXT}"),
                (Rule.MISSING, f"chains/{NEXT}", 0, ENDS.format(3, 0)),
                (Rule.NOT_SIGNED, f"chains/{NEXT}0", 0, NOT_YET.format(3)),
            ],
            id="chain: another name",
        ),
        pytest.param(
            files.changed(SIGNED, 2, b'"at":2.5', b'"at":2.6'),
            [(Rule.EDITED, SIGNED, 2, NOT_OF_TEXT), *UNSIGNED],
            id="signed: text",
        ),
        pytest.param(
            files.changed(SIGNED, 1, b'"at":2.5', b'"at":2.6'),
            [(Rule.EDITED, SIGNED, 1, NOT_OF_TEXT), (Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(1))],
            id="signed: text of the first",
        ),
        pytest.param(
            files.changed(SIGNED, 2, b'"signature":"', b'"signature":"x'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="signed: signature",
        ),
        pytest.param(
            files.changed(SIGNED, 2, b'"n":', b'"m":'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="signed: without a number",
        ),
        pytest.param(
            files.changed(SIGNED, 2, b'"site":"fra1"', b'"site":"\xff"'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="signed: no text",
        ),
        pytest.param(
            files.changed(SIGNED, 2, b'"n":', b'"x":' + DEEP + b',"n":'),
            [(Rule.EDITED, SIGNED, 2, "checkpoint 1 can't be read any more"), *UNSIGNED],
            id="signed: deeper than anybody reads",
        ),
        pytest.param(
            files.without(SIGNED, 1),
            [(Rule.OUT_OF_ORDER, SIGNED, 1, FOLLOWS.format(1))],
            id="signed: the first removed",
        ),
        pytest.param(files.without(SIGNED, 2), UNSIGNED, id="signed: the last removed, and no anchor"),
        pytest.param(
            lambda made: files.put(made, SIGNED, files.lines(made, SIGNED)[::-1]),
            [(Rule.OUT_OF_ORDER, SIGNED, 1, FOLLOWS.format(1)), (Rule.OUT_OF_ORDER, SIGNED, 2, FOLLOWS.format(0))],
            id="signed: swapped",
        ),
        pytest.param(
            files.cut(SIGNED, 1), [(Rule.EDITED, SIGNED, 2, IN_PLACE), *UNSIGNED], id="signed: the end removed"
        ),
        pytest.param(
            files.cut(SIGNED, 9),
            [(Rule.TORN, SIGNED, 2, "the last checkpoint was being written: it counts for nothing"), *UNSIGNED],
            id="signed: half of it",
        ),
    ],
)
def test_what_is_said_of_what_was_changed(
    tmp_path: pathlib.Path, change: Callable[[Instance], object], told: list[Said]
) -> None:
    made, _ = writing.small(tmp_path)
    change(made)
    assert telling.told(tmp_path) == told
