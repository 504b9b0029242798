"""Which sites a route gets: by what its strategy likes, as many as its objective needs."""

import pytest
from tests.unit.plan.small import FRA, IAD, Json, chat, network, planned, pool, site, sites
from tests.unit.validate import sample

from isochrone.model import Because, Observed, RouteKey, Snapshot

FIELD: Json = {"origins": ["DE", "US"]}


def priced(strategy: str, *, germany: str = "2.00", america: str = "1.00", **placement: object) -> Snapshot:
    """Frankfurt and Ashburn at these prices, for callers in Germany."""
    return network(
        FRA,
        IAD,
        pool("fra", pricePerDeviceHour=germany),
        pool("iad", pricePerDeviceHour=america),
        chat(placement={"strategy": strategy, **placement}),
        sample.tenant(origins=["DE"]),
    )


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        pytest.param(priced("Nearest"), "fra", id="the nearest, though dearer"),
        pytest.param(priced("Cheapest"), "iad", id="the cheapest, though further"),
        pytest.param(priced("Cheapest", america="2.00"), "fra", id="of equal prices the nearer"),
        pytest.param(priced("Balanced"), "fra", id="balanced: seven times as far weighs more than half the price"),
        pytest.param(priced("Balanced", germany="20.00"), "iad", id="balanced: twenty times as dear weighs more"),
        pytest.param(priced("Cheapest", america="0"), "iad", id="what is free"),
        pytest.param(
            priced("Cheapest", latencyObjective={"rtt": "40ms"}), "fra", id="the cheapest that is near enough"
        ),
        pytest.param(
            priced("Cheapest", latencyObjective={"rtt": "1ms"}), "iad", id="nobody is near enough: the cheapest"
        ),
    ],
)
def test_one_site_is_chosen_by_strategy(world: Snapshot, expected: str) -> None:
    assert sites(planned(world)) == [expected]


def test_egress_is_part_of_the_price() -> None:
    world = network(
        site("fra", "FRA", egress={"pricePerGiB": "0.30"}),
        site("ams", "AMS"),
        pool("fra", pricePerDeviceHour="1.00"),
        pool("ams", pricePerDeviceHour="1.20"),
        chat(placement={"strategy": "Cheapest"}),
    )
    assert sites(planned(world)) == ["ams"]


def test_the_second_site_is_where_the_first_is_far() -> None:
    """Munich is nearer to all than Ashburn is, but not once there is Frankfurt."""
    world = network(
        FRA,
        site("muc", "MUC"),
        IAD,
        pool("fra"),
        pool("muc"),
        pool("iad"),
        chat(placement={"strategy": "Nearest", "minSites": 2}),
        sample.tenant(**FIELD),
    )
    assert sites(planned(world)) == ["fra", "iad"]


@pytest.mark.parametrize(
    ("placement", "expected"),
    [
        pytest.param({}, 1, id="no objective"),
        pytest.param({"latencyObjective": {"rtt": "50ms", "percentile": 90}}, 2, id="both continents"),
        pytest.param({"latencyObjective": {"rtt": "50ms", "percentile": 10}}, 1, id="a tenth of the callers"),
        pytest.param({"latencyObjective": {"rtt": "50ms", "percentile": 90}, "maxSites": 1}, 1, id="at most one"),
        pytest.param({"latencyObjective": {"rtt": "400ms", "percentile": 100}}, 1, id="one is near enough to all"),
    ],
)
def test_there_are_as_many_sites_as_the_objective_needs(placement: Json, expected: int) -> None:
    world = network(FRA, IAD, pool("fra"), pool("iad"), chat(placement=placement), sample.tenant(**FIELD))

    assert len(sites(planned(world))) == expected


def test_a_site_for_the_objective_says_so() -> None:
    placement = {"strategy": "Nearest", "latencyObjective": {"rtt": "50ms", "percentile": 90}}
    world = network(FRA, IAD, pool("fra"), pool("iad"), chat(placement=placement), sample.tenant(**FIELD))

    assert sorted(each.because for each in planned(world).placements) == [Because.OBJECTIVE, Because.MIN_SITES]


def test_an_objective_that_can_t_be_met_is_told() -> None:
    placement = {"latencyObjective": {"rtt": "20ms", "percentile": 90}}
    world = network(IAD, pool("iad"), chat(placement=placement), sample.tenant(origins=["DE"]))
    found = planned(world)

    assert sites(found) == ["iad"]
    assert [(each.wanted_sites, each.sites) for each in found.shortfalls] == [(2, 1)]


def test_demand_that_was_seen_counts_before_population() -> None:
    """More people live in the US; all requests come from Germany."""
    seen = Observed(demand={RouteKey("shop", "chat"): {"DE": 10}})
    for observed, expected in ((Observed(), ["iad"]), (seen, ["fra"])):
        world = network(
            FRA,
            IAD,
            pool("fra"),
            pool("iad"),
            chat(placement={"strategy": "Nearest"}),
            sample.tenant(**FIELD),
            observed=observed,
        )
        assert sites(planned(world)) == expected


def test_a_site_that_may_not_serve_somebody_is_out_of_his_reach() -> None:
    """For most callers Frankfurt is nearer, but Indian data has to stay there."""
    world = network(
        FRA,
        site("del", "DEL"),
        pool("fra"),
        pool("del"),
        chat(placement={"strategy": "Nearest"}),
        sample.tenant(origins=["DE", "FR", "IN"], originHeader="Trust"),
        sample.policy("india", "IN", binds={"origins": {"include": ["IN"]}}),
    )
    assert sites(planned(world)) == ["del"]


def test_of_equals_the_first_by_name_is_taken_and_then_another_place() -> None:
    world = network(
        site("b", "FRA"),
        site("c", "FRA"),
        site("a", "FRA"),
        pool("a"),
        pool("b"),
        pool("c"),
        chat(placement={"minSites": 2}),
    )
    assert sites(planned(world)) == ["a", "b"]


def test_without_engines_of_its_own_there_is_nothing_to_place() -> None:
    for spec in (
        {"tiers": sample.tiers(sample.to_provider())},
        {"serving": sample.serving(), "tiers": sample.tiers(sample.to_provider())},
    ):
        found = planned(network(FRA, pool("fra"), sample.route("chat", **spec)))

        assert (found.placements, found.shortfalls) == ((), ())


def test_of_two_pools_at_a_site_the_cheaper_with_room_is_taken() -> None:
    cheap = sample.pool("cheap", "fra", devicesPerNode=1, pricePerDeviceHour="1")
    dear = sample.pool("dear", "fra", devicesPerNode=1, pricePerDeviceHour="2")
    found = planned(network(FRA, cheap, dear, chat("a"), chat("b")))

    assert [(each.route.name, each.pool) for each in found.placements] == [("a", "cheap"), ("b", "dear")]
