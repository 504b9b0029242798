"""What gateways count becomes what is planned by: seldom, for good reason, and for good."""

import itertools
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.model import RouteDemand, RouteKey, SiteReport
from isochrone.rollout.demand import Heard, Rules, Taken, at_site, everywhere, heard, planned_by, shares_of
from isochrone_gateway.config.report import Demand

ROUTE = "demo/chat"
DAY, HOUR = 86_400, 3_600
RULES = Rules(requests=100, points=10, seconds=HOUR, between=6 * HOUR)
NOW = 1_000_000
JAPAN = Taken(at=NOW - DAY, percent={"JP": 100})


def asked(seconds: int = DAY, requests: int = 1_000, **daily: int) -> dict[str, RouteDemand]:
    return {ROUTE: RouteDemand(requests=requests, seconds=seconds, daily=daily)}


def taken(heard: Heard) -> Mapping[str, int] | None:
    found = heard.taken.get(ROUTE)
    return None if found is None else found.percent


def report(site: str, demand: Mapping[str, RouteDemand] | None) -> SiteReport:
    return SiteReport(site=site, at=NOW, demand=demand)


def test_pods_of_a_site_add_up_as_rates() -> None:
    """A pod that has started an hour ago has counted less, and is asked as much."""
    long, short = Demand(seconds=DAY, routes={ROUTE: {"DE": 2_400}}), Demand(seconds=HOUR, routes={ROUTE: {"DE": 100}})
    assert at_site([long, short]) == {ROUTE: RouteDemand(requests=2_500, seconds=DAY, daily={"DE": 4_800})}


def test_a_pod_that_has_just_started_says_little() -> None:
    young = Demand(seconds=10, routes={ROUTE: {"DE": 1}})
    assert at_site([young])[ROUTE].daily == {"DE": 24}, "not 8640"


def test_of_very_many_pairs_the_largest_are_told() -> None:
    many = {f"demo/r{number:03}": {"DE": 1_000 + number, "FR": 1} for number in range(300)}
    found = at_site([Demand(seconds=DAY, routes=many)])
    assert sum(len(each.daily) for each in found.values()) == 256
    assert "demo/r299" in found
    assert "demo/r000" not in found


def test_sites_add_up() -> None:
    one, other = report("fra1", asked(DE=100)), report("nrt1", asked(JP=50, DE=5))
    found = everywhere([one, other, report("iad1", {})])
    assert found == {ROUTE: RouteDemand(requests=2_000, seconds=DAY, daily={"DE": 105, "JP": 50})}


@pytest.mark.parametrize(
    "other",
    [pytest.param(None, id="never looked at"), pytest.param(report("nrt1", None), id="a gateway that doesn't count")],
)
def test_a_site_of_which_nothing_is_known_says_that_not_all_is(other: SiteReport | None) -> None:
    assert everywhere([report("fra1", asked(DE=100)), other]) is None


@pytest.mark.parametrize(
    ("daily", "percent"),
    [
        pytest.param({"DE": 1, "FR": 1, "IT": 1}, {"DE": 34, "FR": 33, "IT": 33}, id="a-hundred-in-all"),
        pytest.param({"DE": 999, "FR": 1}, {"DE": 100}, id="less-than-a-percent"),
        pytest.param({"": 30, "DE": 10}, {"": 75, "DE": 25}, id="unknown"),
        pytest.param({}, {}, id="nothing"),
    ],
)
def test_shares(daily: dict[str, int], percent: dict[str, int]) -> None:
    assert shares_of(daily) == percent


@pytest.mark.parametrize(
    ("before", "counted", "found"),
    [
        pytest.param(Heard(), asked(JP=100), {"JP": 100}, id="gateways counted for long before anybody looked"),
        pytest.param(Heard(), asked(seconds=HOUR - 1, JP=100), None, id="not yet for long"),
        pytest.param(Heard(), asked(requests=99, JP=100), None, id="too few requests"),
        pytest.param(Heard(), asked(**{"": 96, "JP": 4}), None, id="hardly any origin is known"),
        pytest.param(Heard(taken={ROUTE: JAPAN}), asked(DE=100), {"JP": 100}, id="differs only now"),
        pytest.param(
            Heard(taken={ROUTE: JAPAN}, since={ROUTE: NOW - HOUR}), asked(DE=100), {"DE": 100}, id="differs for long"
        ),
        pytest.param(
            Heard(taken={ROUTE: JAPAN}, since={ROUTE: NOW - HOUR}), asked(JP=91, DE=9), {"JP": 100}, id="hardly differs"
        ),
        pytest.param(
            Heard(taken={ROUTE: JAPAN}, since={ROUTE: NOW - HOUR}),
            asked(requests=99, DE=100),
            {"JP": 100},
            id="gateways that began anew know too little",
        ),
        pytest.param(
            Heard(taken={ROUTE: JAPAN}, since={ROUTE: NOW - HOUR}), {}, {"JP": 100}, id="nobody asks any more"
        ),
        pytest.param(
            Heard(taken={ROUTE: JAPAN}, since={ROUTE: NOW - HOUR}), None, {"JP": 100}, id="a site is not known"
        ),
        pytest.param(
            Heard(taken={ROUTE: Taken(at=NOW - HOUR, percent={"JP": 100})}, since={ROUTE: NOW - HOUR}),
            asked(DE=100),
            {"JP": 100},
            id="changed lately",
        ),
    ],
)
def test_what_is_planned_by(
    before: Heard, counted: dict[str, RouteDemand] | None, found: dict[str, int] | None
) -> None:
    assert taken(heard(before, counted, {ROUTE}, rules=RULES, now=NOW)) == found


def test_what_was_lately_changed_changes_later_without_waiting_anew() -> None:
    lately = Taken(at=NOW, percent={"JP": 100})
    known = Heard(taken={ROUTE: lately})
    for now in range(NOW, NOW + 6 * HOUR, 600):
        known = heard(known, asked(DE=100), {ROUTE}, rules=RULES, now=now)
        assert taken(known) == {"JP": 100}
    assert taken(heard(known, asked(DE=100), {ROUTE}, rules=RULES, now=NOW + 6 * HOUR)) == {"DE": 100}


def test_a_difference_that_goes_away_counts_anew_when_it_comes_back() -> None:
    known = Heard(taken={ROUTE: JAPAN}, since={ROUTE: NOW - HOUR + 1})
    known = heard(known, asked(JP=100), {ROUTE}, rules=RULES, now=NOW)
    assert not known.since
    assert heard(known, asked(DE=100), {ROUTE}, rules=RULES, now=NOW + 5).since == {ROUTE: NOW + 5}


def test_a_route_that_is_gone_is_forgotten() -> None:
    assert not heard(Heard(taken={ROUTE: JAPAN}), None, set(), rules=RULES, now=NOW).taken


def test_what_is_of_unknown_origin_alone_is_not_planned_by() -> None:
    found = planned_by({ROUTE: JAPAN, "demo/other": Taken(at=NOW, percent={"": 100})})
    assert found == {RouteKey("demo", "chat"): {"JP": 100}}


@given(st.lists(st.tuples(st.integers(-45, 45), st.integers(-45, 45)), min_size=1, max_size=60))
def test_noise_changes_nothing(noise: list[tuple[int, int]]) -> None:
    """Of a thousand requests some dozens come from elsewhere now and then."""
    first = heard(Heard(), asked(DE=500, JP=300, US=200), {ROUTE}, rules=RULES, now=NOW)
    known = first
    for look, (here, there) in enumerate(noise):
        counted = asked(DE=500 + here, JP=300 + there, US=200 - here - there)
        known = heard(known, counted, {ROUTE}, rules=RULES, now=NOW + look * 2 * HOUR)
        assert known.taken == first.taken


@given(st.lists(st.tuples(st.integers(0, 1_000), st.integers(1, 7_200)), min_size=1, max_size=80))
def test_however_demand_swings_it_is_taken_over_seldom(swings: list[tuple[int, int]]) -> None:
    known, now, changes = Heard(), NOW, []
    for share, passed in swings:
        before, now = known, now + passed
        known = heard(known, asked(DE=share, JP=1_000 - share), {ROUTE}, rules=RULES, now=now)
        if known.taken != before.taken:
            changes.append(now)
    assert all(later - earlier >= RULES.between for earlier, later in itertools.pairwise(changes))
