"""What gateways themselves say: records that were lost, requests without an end, boots."""

import pathlib
from typing import Any

import pytest
from tests.unit.audit import telling
from tests.unit.audit.files import FIRST, NEXT, ONE, THREE
from tests.unit.audit.telling import OPEN, UNCLEAN, Said
from tests.unit.audit.writing import Instance

from isochrone.audit import Rule


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
    assert telling.told(tmp_path) == [
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
    assert telling.told(tmp_path) == ([(Rule.NO_OUTCOME, ONE, line, OPEN.format(count))] if count else [])


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
    assert telling.told(tmp_path) == told


def test_a_boot_that_says_nothing_is_of_nobody(tmp_path: pathlib.Path) -> None:
    made = Instance(tmp_path)
    made.line(FIRST, "Boot")
    made.checkpoint()
    assert telling.told(tmp_path) == [(Rule.MISPLACED, f"chains/{FIRST}", 0, "its Boot is of //-")]


def test_a_boot_that_could_not_read_the_chain_before_says_nothing_of_its_lines(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path)
    made.boot("w0", NEXT.removeprefix("w0-"), after=FIRST)
    made.checkpoint()
    assert telling.told(tmp_path) == [
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
    assert telling.told(tmp_path) == [(Rule.NO_OUTCOME, ONE, 2, OPEN.format(2))]


def test_a_worker_that_ended_without_saying_so(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path)
    last = made.heads[FIRST]
    made.boot("w0", NEXT.removeprefix("w0-"), after=FIRST, afterCount=last["count"], afterHash=last["hash"])
    made.checkpoint()
    assert telling.told(tmp_path) == [(Rule.UNCLEAN, THREE, 1, UNCLEAN)]


def test_a_chain_has_one_boot(tmp_path: pathlib.Path) -> None:
    made = _chain(tmp_path)
    made.boot("w0", FIRST.removeprefix("w0-"))
    made.checkpoint()
    assert telling.told(tmp_path) == [(Rule.OUT_OF_ORDER, ONE, 2, "a chain has one Boot, its first line")]
