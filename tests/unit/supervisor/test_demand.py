"""Where requests come from, as a pod tells it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.config.report import MAX_DEMAND, Demand
from isochrone_gateway.ledger import exposition
from isochrone_gateway.ledger.demand import family_in, origin_of
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.server.supervisor.demand import HALF_LIFE, Fading, counts_of, within

CHAT, NOTES = "demo/chat", "clinic/notes"
ORIGINS = st.sampled_from(["", "DE", "FR", "US-CA", "US-NY", "AT,CH,DE"])
ROUTES = st.sampled_from([f"{'n' * 40}{number}/{'r' * 50}" for number in range(60)])


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("codes", "is_told", "origin"),
    [
        pytest.param((), True, "", id="unknown"),
        pytest.param(("DE",), True, "DE", id="one"),
        pytest.param(("DE", "FR"), True, "DE,FR", id="any-of-two"),
        pytest.param(("", "DE"), True, "", id="or-anywhere"),
        pytest.param(("DE",), False, "", id="not-for-the-hub"),
        pytest.param(tuple(f"{a}A" for a in "ABCDEFGHIJ") * 7, True, "", id="from-nearly-anywhere"),
    ],
)
def test_how_an_origin_counts(codes: tuple[str, ...], is_told: bool, origin: str) -> None:
    assert origin_of(codes, is_told=is_told) == origin


def test_what_all_workers_count_is_added_up() -> None:
    registries = [Registry(), Registry()]
    for registry in registries:
        family_in(registry).child(CHAT, "DE").add(3)
        family_in_other = registry.counter("isochrone_requests_total", "Others.", "route", "outcome")
        family_in_other.child(CHAT, "Answered").add(9)
    assert counts_of(exposition.merge(each.snapshot() for each in registries)) == {(CHAT, "DE"): 6}


def test_a_request_of_a_day_ago_counts_half_and_so_does_its_second() -> None:
    clock = Clock()
    fading = Fading(clock)
    clock.now += HALF_LIFE
    assert fading.told({(CHAT, "DE"): 1_000}) == Demand(seconds=86_400, routes={CHAT: {"DE": 1_000}})
    clock.now += HALF_LIFE
    told = fading.told({(CHAT, "DE"): 1_000, (CHAT, "FR"): 1_500})
    assert told == Demand(seconds=129_600, routes={CHAT: {"DE": 500, "FR": 1_500}})


def test_another_law_begins_anew() -> None:
    clock = Clock()
    fading = Fading(clock)
    clock.now += 60
    fading.told({(CHAT, "DE"): 10})
    fading.begin({(CHAT, "DE"): 12})
    clock.now += 60
    assert fading.told({(CHAT, "DE"): 12, (CHAT, ""): 5}) == Demand(seconds=60, routes={CHAT: {"": 5}})


def test_a_worker_that_dies_takes_nothing_away() -> None:
    clock = Clock()
    fading = Fading(clock)
    fading.told({(CHAT, "DE"): 10})
    assert fading.told({(CHAT, "DE"): 4}).routes == {CHAT: {"DE": 10}}
    assert fading.told({(CHAT, "DE"): 6}).routes == {CHAT: {"DE": 12}}


@pytest.mark.parametrize(
    ("most", "told"),
    [
        pytest.param(200, {CHAT: {"US-CA": 5, "US-NY": 4, "DE": 3}, NOTES: {"DE": 1}}, id="all"),
        pytest.param(60, {CHAT: {"US": 9, "DE": 3}, NOTES: {"DE": 1}}, id="countries"),
        pytest.param(34, {CHAT: {"US": 9, "": 3}}, id="the-most"),
        pytest.param(10, {}, id="none"),
    ],
)
def test_what_is_too_much_is_folded(most: int, told: dict[str, dict[str, int]]) -> None:
    counts = {(CHAT, "US-CA"): 5.0, (CHAT, "US-NY"): 4.0, (CHAT, "DE"): 3.0, (NOTES, "DE"): 1.0, (NOTES, "FR"): 0.2}
    assert within(counts, most) == told


@given(st.dictionaries(st.tuples(ROUTES, ORIGINS), st.floats(0, 1e9), max_size=200))
def test_it_is_never_too_long_and_never_more_than_was_counted(counts: dict[tuple[str, str], float]) -> None:
    told = within(counts, MAX_DEMAND)
    assert len(msgspec.json.encode(told)) <= MAX_DEMAND
    for route, at in told.items():
        of_route = [each for (name, _), each in counts.items() if name == route]
        assert abs(sum(at.values()) - sum(of_route)) <= len(of_route), "the total is kept"
