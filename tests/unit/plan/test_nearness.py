"""How near sites are: demand by place, exact figures, and bounds that are never above them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.plan import small

from isochrone import law
from isochrone.geo.latency import EARTH_RADIUS_KM, Point, distance_km, rtt_ms
from isochrone.geo.places import places
from isochrone.geo.population import centres_of, population
from isochrone.law import Origin
from isochrone.model import Observed
from isochrone.plan.demand import POINTS, SHARES, Demand, centres, demand, touched
from isochrone.plan.latency import UNREACHED, Between, rtts
from isochrone.plan.view import KEPT, View
from isochrone.plan.world import World

EVERYWHERE = 0b111
FRANKFURT, ASHBURN, DELHI = Point(50.03, 8.57), Point(38.94, -77.46), Point(28.57, 77.11)


def of(*codes: str) -> Origin:
    return Origin.of(*codes)


def codes_of(found: Demand) -> set[str]:
    return {population()[index].code for index, _ in found.shares}


@pytest.mark.parametrize(
    ("reach", "seen", "expected"),
    [
        pytest.param([(of("DE"), 1)], {}, {"DE"}, id="a country"),
        pytest.param([(of("US-CA"), 1)], {}, {"US-CA"}, id="a part that is told by itself"),
        pytest.param([(of("DE-BY"), 1)], {}, {"DE"}, id="a part that is not: the whole country"),
        pytest.param([(of("DE", "FR"), 1)], {}, {"DE", "FR"}, id="one of two"),
        pytest.param([(of("DE"), 1), (of("FR"), 2)], {}, {"DE", "FR"}, id="two origins"),
        pytest.param([(of("DE"), 1), (of("FR"), 0)], {}, {"DE"}, id="whom no site may serve"),
        pytest.param([(of("DE"), 8)], {}, set(), id="whom only a place may serve that is no site"),
        pytest.param([(of("DE"), 1), (of("FR"), 1)], {"FR": 3}, {"FR"}, id="seen from one of them"),
        pytest.param([(of("DE"), 1)], {"FR": 3}, {"DE"}, id="seen from elsewhere only"),
        pytest.param([(of("DE", "FR", "IT"), 1)], {"DE,FR": 3}, {"DE", "FR"}, id="seen from one of two"),
        pytest.param([(of("DE"), 1)], {"DE,FR": 3}, {"DE"}, id="of two only one may be served"),
        pytest.param([(of("DE"), 1), (of("FR"), 1)], {"": 3}, {"DE", "FR"}, id="seen, but not from where"),
        pytest.param([(of("DE"), 1)], {"DE": 0}, {"DE"}, id="nothing seen"),
        pytest.param([(of("DE"), 1)], {"AQ": 5, "Atlantis": 5}, {"DE"}, id="seen from where nobody lives"),
    ],
)
def test_demand_comes_from_where_callers_are(
    reach: list[tuple[Origin, int]], seen: dict[str, int], expected: set[str]
) -> None:
    assert codes_of(demand(reach, seen, 3)) == expected


@pytest.mark.parametrize("origin", [law.UNKNOWN, of("DE", "Atlantis"), of()], ids=["unknown", "or elsewhere", "none"])
def test_demand_of_unknown_origin_comes_from_everywhere(origin: Origin) -> None:
    assert codes_of(demand([(origin, EVERYWHERE)], {}, 3)) == set(centres())


def test_data_from_a_place_may_be_where_one_of_its_origins_may() -> None:
    found = demand([(of("DE"), 0b001), (of("DE", "FR"), 0b110), (of("ES"), 0b100)], {}, 3)
    assert dict(found.lawful) == {"DE": 0b111, "FR": 0b110, "ES": 0b100}


def test_equal_demand_is_told_alike_in_whatever_order_it_was_asked_for() -> None:
    reach = [(of(code), EVERYWHERE) for code in ("DE", "FR", "ES", "IT", "PL", "US")]
    seen = {"US": 3, "US-CA": 1, "DE": 2}

    assert demand(reach[::-1], {}, 3) == demand(reach, {}, 3)
    assert demand(reach, dict(reversed(seen.items())), 3) == demand(reach, seen, 3)


def test_shares_follow_people() -> None:
    found = demand([(of("DE"), 1), (of("LU"), 1)], {}, 3)
    shares = {code: sum(share for at, share in found.shares if population()[at].code == code) for code in ("DE", "LU")}
    people = {code: sum(each.people for each in centres_of(code)) for code in ("DE", "LU")}

    assert shares["DE"] / shares["LU"] == pytest.approx(people["DE"] / people["LU"], rel=0.01)
    assert sum(shares.values()) == pytest.approx(SHARES, rel=0.001)


def test_requests_of_a_country_are_spread_over_its_centres_by_people() -> None:
    found = demand([(of("DE"), 1), (of("FR"), 1)], {"DE": 1, "FR": 3}, 3)
    by_code = {code: [share for at, share in found.shares if population()[at].code == code] for code in ("DE", "FR")}

    assert sum(by_code["FR"]) == pytest.approx(3 * sum(by_code["DE"]), rel=0.001)
    people = [each.people for each in centres_of("DE")]
    assert by_code["DE"][0] / by_code["DE"][1] == pytest.approx(people[0] / people[1], rel=0.001)


def test_requests_of_unknown_origin_come_from_where_people_live() -> None:
    reach = [(of("DE"), 1), (of("FR"), 1)]
    assert demand(reach, {"": 7}, 3).shares == demand(reach, {"DE,FR": 7}, 3).shares
    people = dict(demand(reach, {}, 3).shares)
    for index, share in demand(reach, {"": 7}, 3).shares:
        assert share == pytest.approx(people[index], abs=2)


def test_requests_of_a_country_and_of_a_part_of_it_add_up() -> None:
    found = demand([(of("US"), 1)], {"US": 1, "US-CA": 1}, 3)
    californian = sum(share for at, share in found.shares if population()[at].code == "US-CA")
    people = {code: sum(each.people for each in centres_of(code)) for code in ("US", "US-CA")}

    assert californian / SHARES == pytest.approx((1 + people["US-CA"] / people["US"]) / 2, rel=0.001)


def test_requests_count_only_where_they_may_be_answered() -> None:
    """All that comes from the US comes from California, since nobody else's data may be anywhere."""
    assert demand([(of("US-CA"), 1)], {"US": 1}, 3) == demand([(of("US-CA"), 1)], {"US-CA": 1}, 3)


def test_whoever_asks_counts_however_few_there_are() -> None:
    found = demand([(of("DE"), 1), (of("LU"), 1)], {"DE": 10**12, "LU": 1}, 3)
    assert {share for at, share in found.shares if population()[at].code == "LU"} == {1}


def test_the_world_is_told_by_few_points_and_loses_nobody() -> None:
    found = demand([(law.UNKNOWN, EVERYWHERE)], {}, 3)

    assert len(found.shares) == max(POINTS, len(centres()))
    assert sum(share for _, share in found.shares) == pytest.approx(SHARES, rel=0.001)


def test_the_smallest_are_counted_with_the_nearest_larger_one_of_their_code() -> None:
    """One at a time, each time looked for among all."""
    everybody = population()
    left = {index: each.people for index, each in enumerate(everybody)}

    def larger(index: int) -> list[int]:
        here = everybody[index]
        return [at for at in left if everybody[at].code == here.code and everybody[at].people > here.people]

    for index in sorted(left, key=lambda index: everybody[index].people):
        among = larger(index) if len(left) > POINTS else []
        if among:
            point = everybody[index].point
            near = min(among, key=lambda at: distance_km(point, everybody[at].point))
            left[near] += left.pop(index)
    shares = dict(demand([(law.UNKNOWN, EVERYWHERE)], {}, 3).shares)

    assert shares.keys() == left.keys()
    people = sum(left.values())
    for index, count in left.items():
        assert shares[index] == pytest.approx(SHARES * count / people, abs=1)


def test_a_code_touches_its_parts_and_what_it_is_part_of() -> None:
    assert touched("DE-BY") == {"DE"}
    assert "US-CA" in touched("US")
    assert touched("US-PR") == {"PR"}


def test_round_trips_are_those_of_the_model() -> None:
    points = [FRANKFURT, ASHBURN, DELHI]
    found = rtts(points, points)
    for here, row in zip(points, found.tolist(), strict=True):
        # To the nearest microsecond.
        assert row == pytest.approx([1000 * rtt_ms(distance_km(here, there)) for there in points], rel=0, abs=0.501)


def test_where_it_is_not_known_is_out_of_reach() -> None:
    assert rtts([None, FRANKFURT], [FRANKFURT]).tolist() == [[UNREACHED], [10_000]]
    assert rtts([], [FRANKFURT]).shape == (0, 1)


def test_the_other_side_of_the_earth_is_within_reach_from_everywhere() -> None:
    here = [Point(float(latitude), 10.0) for latitude in range(-90, 91)]
    there = [Point(-point.latitude, -170.0) for point in here]
    half_way = 1000 * rtt_ms(math.pi * EARTH_RADIUS_KM)

    assert rtts(here, there).diagonal().tolist() == pytest.approx([half_way] * len(here), abs=1)


def test_between_sites_what_was_measured_counts_before_what_is_estimated() -> None:
    seen = {("fra", "iad"): 7, ("fra", "fra"): 9, ("fra", "gone"): 8, ("gone", "fra"): 8}
    between = Between(
        World.of(small.network(small.FRA, small.IAD, small.site("nowhere", "QQQ"), observed=Observed(rtts=seen)), now=0)
    )
    estimated = int(rtts([places()["IAD"].point], [places()["FRA"].point])[0, 0])

    assert between.row(0) == [0, 7, UNREACHED]
    assert between.row(1) == [estimated, 0, UNREACHED]


SITES = 6
TABLES = st.lists(st.lists(st.integers(0, UNREACHED), min_size=SITES, max_size=SITES), min_size=1, max_size=8)
SHARE = st.integers(1, SHARES)


@given(TABLES, st.data())
def test_a_view_s_figures_are_exact_and_its_bounds_below_them(table: list[list[int]], data: st.DataObject) -> None:
    columns = centres()["DE"] + centres()["FR"] + centres()["IT"]
    shares = [data.draw(SHARE) for _ in table]
    limit = data.draw(st.integers(1, 2 * UNREACHED) | st.sampled_from(table[0]))
    whole = np.full((SITES, len(population())), UNREACHED, dtype=np.int64)
    for index, column in zip(columns, table, strict=False):
        whole[:, index] = column
    used = list(zip(columns, shares, strict=False))
    everywhere = (1 << SITES) - 1
    view = View(Demand(tuple(sorted(used)), (("DE", everywhere), ("FR", everywhere), ("IT", everywhere))), whole)
    chosen = tuple(sorted(data.draw(st.sets(st.integers(0, SITES - 1), max_size=3))))

    def is_missed(sites: tuple[int, ...], index: int) -> bool:
        return nearest(sites, index) > limit or nearest(sites, index) == UNREACHED

    def nearest(sites: tuple[int, ...], index: int) -> int:
        return min((int(whole[site, index]) for site in sites), default=UNREACHED)

    for site in range(SITES):
        more = (*chosen, site)
        total = sum(share * nearest(more, index) for index, share in used)
        missed = sum(share for index, share in used if is_missed(more, index))
        assert view.total_with(chosen, site) == total
        assert view.missed_with(limit, chosen, site) == missed
        assert total * 0.999 - 1 <= view.least_totals(chosen)[site] <= total
        assert missed * 0.999 - 1 <= view.least_missed(limit, chosen)[site] <= missed
    assert view.total_of(chosen) == sum(share * nearest(chosen, index) for index, share in used)
    assert view.missed(limit, chosen) == sum(share for index, share in used if is_missed(chosen, index))


def test_a_site_is_out_of_reach_for_those_whom_it_may_not_serve() -> None:
    shares = tuple((index, 1) for index in sorted((centres()["DE"][0], centres()["FR"][0])))
    table = np.full((2, len(population())), 5_000, dtype=np.int64)
    view = View(Demand(shares, (("DE", 0b01), ("FR", 0b10))), table)

    assert view.total_of((0,)) == view.total_of((1,)) == 5_000 + UNREACHED
    assert view.total_of((0, 1)) == 10_000
    assert view.missed(5_000, (0,)) == 1
    assert view.missed(3_600_000_000, (0,)) == 1


def test_no_limit_is_so_high_that_what_is_out_of_reach_is_within_it() -> None:
    centre = centres()["DE"][0]
    for rtt, missed in ((UNREACHED - 1, 0), (UNREACHED, 1)):
        table = np.full((1, len(population())), rtt, dtype=np.int64)
        assert View(Demand(((centre, 1),), (("DE", 1),)), table).missed(2 * UNREACHED, (0,)) == missed


def test_answers_are_remembered_but_not_without_end() -> None:
    centre = centres()["DE"][0]
    view = View(Demand(((centre, 1),), (("DE", 1),)), np.full((1, len(population())), 7, dtype=np.int64))
    first, sets = view.to_nearest(()), [(0,) * count for count in range(1, KEPT + 1)]

    for chosen in sets[:-1]:
        view.to_nearest(chosen)
    assert view.to_nearest(()) is first
    last = view.to_nearest(sets[-1])
    assert view.to_nearest(sets[-1]) is last
    assert view.to_nearest(()) is not first
