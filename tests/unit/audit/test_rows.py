"""Rows have every try once, and nothing that a spreadsheet would compute."""

import collections
import pathlib
import tempfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.audit import network

from isochrone import audit
from isochrone.audit import Wanted, area, rows

ENDS = ("Answered", "Partial", "Failed", "ClientGone", None)
PLACES = ("DE", "DE-BE", "US", "US-CA", "FR", "", "XX")
Request = tuple[list[tuple[str, bool]], str | None, int]
"""Tries by place, failed or not; how it ended; the site."""
requests = st.lists(
    st.tuples(
        st.lists(st.tuples(st.sampled_from(PLACES), st.booleans()), max_size=3),
        st.sampled_from(ENDS),
        st.integers(0, 1),
    ),
    max_size=8,
)


def _lines(name: str, request: Request) -> list[tuple[str, dict[str, Any]]]:
    tries, end, _ = request
    found: list[tuple[str, dict[str, Any]]] = []
    for number, (place, has_failed) in enumerate(tries, 1):
        found.append(("Intent", {"id": name, "try": number, "jurisdiction": place}))
        if has_failed:
            found.append(("Outcome", {"id": name, "try": number, "outcome": "TryFailed"}))
    if not tries:
        found.append(("Outcome", {"id": name, "outcome": "Refused"}))
    elif end is not None:
        found.append(("Outcome", {"id": name, "try": len(tries), "outcome": end}))
    return found


def _written(root: pathlib.Path, asked: list[Request], order: list[int]) -> tuple[audit.Source, ...]:
    """Two gateways; requests are under way at once, in an order."""
    sites = [network.Gateway(root, site=site, seed=number) for number, site in enumerate(("fra1", "iad1"), 1)]
    chains = [
        made.begun("w0", "20261126T230000Z-00000001", place)
        for made, place in zip(sites, ("DE-HE", "US-VA"), strict=True)
    ]
    waiting = {number: _lines(f"r{number}", each) for number, each in enumerate(asked)}
    for pick in order:
        if not waiting:
            break
        number = sorted(waiting)[pick % len(waiting)]
        kind, fields = waiting[number].pop(0)
        site = asked[number][2]
        sites[site].said(chains[site], kind, 1.0, **fields)
        if not waiting[number]:
            del waiting[number]
    for number, lines in waiting.items():
        site = asked[number][2]
        for kind, fields in lines:
            sites[site].said(chains[site], kind, 2.0, **fields)
    return audit.sources([root], None)


@settings(max_examples=25)
@given(requests, st.lists(st.integers(0, 99), max_size=40))
def test_whatever_is_under_way_at_once_each_try_has_one_row(asked: list[Request], order: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sources = _written(pathlib.Path(folder), asked, order)
        found = list(audit.every(sources, audit.Reading()))
    exported = [row for visit in found for row in rows.rows(visit)]
    assert all(tuple(sorted(row)) == tuple(sorted(rows.COLUMNS)) for row in exported)
    assert collections.Counter(row["id"] for row in exported) == {
        f"r{number}": max(1, len(tries)) for number, (tries, _, _) in enumerate(asked)
    }
    assert {(row["id"], row["requestOutcome"]) for row in exported} == {
        (f"r{number}", (end or "Unknown") if tries else "Refused") for number, (tries, end, _) in enumerate(asked)
    }


@settings(max_examples=25)
@given(requests, st.sampled_from(["EU", "DE-BE", "US", "US,DE", "World", "FR"]))
def test_what_was_processed_is_inside_an_area_or_outside_and_never_both(asked: list[Request], names: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = list(audit.every(_written(pathlib.Path(folder), asked, []), audit.Reading()))
    there = area(names)
    inside = {each.id for each in found if Wanted(inside=there).has(each)}
    outside = {each.id for each in found if Wanted(outside=there).has(each)}
    assert not inside & outside
    assert inside | outside == {f"r{number}" for number, (tries, _, _) in enumerate(asked) if tries}


cells = st.text(alphabet="=+-@\t\r\n'＝a1", max_size=4)  # noqa: RUF001 - the wide one, too


@given(cells, cells)
def test_defused_cells_are_no_formulas_and_can_be_read_back(one: str, other: str) -> None:
    assert not rows.defused(one).startswith(tuple("=+-@\t\r\n"))
    assert rows.defused(one).removeprefix("'") == one
    assert (rows.defused(one) == rows.defused(other)) == (one == other)


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'"])  # noqa: RUF001
def test_each_begin_of_a_formula_is_defused(begins: str) -> None:
    assert rows.defused(f"{begins}1") == f"'{begins}1"
    assert rows.defused(f"1{begins}") == f"1{begins}"


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (0.0, "1970-01-01T00:00:00.000000Z"),
        (network.START + 0.25, "2026-11-26T23:00:00.250000Z"),
        (1e300, "1e+300"),
    ],
)
def test_times_are_utc(at: float, said: str) -> None:
    assert rows.utc(at) == said
