"""What keeps engines where they are, what sends them away, and what is told of it."""

import dataclasses

import pytest
from tests.unit.plan.small import (
    AMS,
    CDG,
    CHAT,
    FRA,
    IAD,
    NOW,
    POOLS,
    Json,
    chat,
    europe,
    lost,
    network,
    planned,
    pool,
    running,
    site,
    sites,
    told,
)
from tests.unit.validate import sample
from tests.unit.validate.sample import needs
from tests.worlds import applied

from isochrone.model import Because, Observed, Running, Snapshot
from isochrone.plan import counts, plan

GERMANY: Json = {"origins": ["DE"]}
HERE = running("fra")


def shop(*objects: Json, runs: tuple[Running, ...] = (HERE,), **seen: object) -> Snapshot:
    """Frankfurt and Amsterdam, a tenant in Germany, and what runs."""
    observed = Observed(running=runs, **seen)  # type: ignore[arg-type]
    return network(*objects, sample.tenant(**GERMANY), observed=observed)


CASES = [
    pytest.param(shop(FRA, AMS, *POOLS, chat()), ["fra"], [], id="nothing speaks against it"),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(), sample.policy("nl", "NL")),
        ["ams"],
        ["Start fra>ams NoLongerLawful", "Stop fra NoLongerLawful"],
        id="the law doesn't wait for others to be ready",
    ),
    pytest.param(
        shop(FRA, *POOLS, chat(), sample.policy("nl", "NL")),
        [],
        ["Stop fra NoLongerLawful"],
        id="the law doesn't wait for another site",
    ),
    pytest.param(
        shop(site("fra", "FRA", state="Draining"), AMS, *POOLS, chat()),
        ["ams"],
        ["Move fra>ams SiteDraining"],
        id="draining",
    ),
    pytest.param(
        shop(site("fra", "FRA", state="Draining"), *POOLS, chat()),
        ["fra"],
        [],
        id="draining, and nowhere else to go",
    ),
    pytest.param(
        shop(site("fra", "FRA", state="Draining"), AMS, *POOLS, chat(), runs=(HERE, running("ams", ready=1))),
        ["ams"],
        ["Stop fra SiteDraining"],
        id="draining, and replaced",
    ),
    pytest.param(
        shop(site("fra", "FRA", state="Draining"), AMS, *POOLS, chat(), runs=(HERE, running("ams", ready=0))),
        ["ams"],
        ["Move fra>ams SiteDraining"],
        id="draining, and what replaces it is starting",
    ),
    pytest.param(
        shop(site("fra", "FRA", state="Disabled"), AMS, *POOLS, chat()),
        ["ams"],
        ["Start fra>ams SiteDisabled", "Stop fra SiteDisabled"],
        id="disabled",
    ),
    pytest.param(
        shop(AMS, pool("ams"), chat()), ["ams"], ["Start fra>ams SiteGone", "Stop fra SiteGone"], id="site gone"
    ),
    pytest.param(shop(FRA, AMS, pool("ams"), chat()), ["ams"], ["Move fra>ams PoolGone"], id="pool gone"),
    pytest.param(
        shop(FRA, sample.pool("new", "fra"), chat()),
        ["fra"],
        ["Move fra>fra PoolGone"],
        id="another pool at the same site",
    ),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(placement={"edgeNodeSelector": {"matchExpressions": []}})),
        ["fra"],
        [],
        id="a selector that matches all",
    ),
    pytest.param(
        shop(
            FRA,
            site("ams", "AMS", labels={"new": "yes"}),
            *POOLS,
            chat(placement={"edgeNodeSelector": {"matchLabels": {"new": "yes"}}}),
        ),
        ["ams"],
        ["Move fra>ams NoLongerFits"],
        id="no longer selected",
    ),
    pytest.param(
        shop(FRA, AMS, pool("fra"), pool("ams", devicesPerNode=2), chat(serving=needs(devices=2))),
        ["ams"],
        ["Move fra>ams NoLongerFits"],
        id="needs more devices than a node has",
    ),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(), runs=(running("fra", ready=0, is_failing=True),)),
        ["ams"],
        ["Move fra>ams Failing"],
        id="failing",
    ),
    pytest.param(
        shop(FRA, *POOLS, chat(), runs=(running("fra", ready=0, is_failing=True),)),
        ["fra"],
        [],
        id="failing, and nowhere else to go",
    ),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(), sites=lost("fra")),
        ["ams", "fra"],
        ["Start fra>ams SiteLost"],
        id="lost: there as well, and elsewhere",
    ),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(), runs=(HERE, running("ams")), sites=lost("fra")),
        ["ams", "fra"],
        [],
        id="lost, and replaced",
    ),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(), runs=(HERE, running("ams"))),
        ["fra"],
        ["Stop ams TooManySites"],
        id="back again: the better one stays",
    ),
    pytest.param(
        shop(FRA, AMS, *POOLS, chat(), runs=(running("ams"), running("fra", ready=0))),
        ["fra"],
        ["Move ams>fra TooManySites"],
        id="too many, and the better one is starting",
    ),
    pytest.param(shop(FRA, *POOLS, runs=(HERE,)), [], ["Stop fra RouteGone"], id="route gone"),
    pytest.param(
        shop(FRA, *POOLS, sample.route("chat", tiers=sample.tiers(sample.to_provider()))),
        [],
        ["Stop fra RouteGone"],
        id="serves no longer itself",
    ),
    pytest.param(
        shop(FRA, pool("fra", devicesPerNode=2), chat(serving={"replicasPerSite": 2})),
        ["fra"],
        ["Resize fra Resized"],
        id="more replicas",
    ),
    pytest.param(
        shop(FRA, pool("fra", devicesPerNode=2), chat(), runs=(running("fra", replicas=2),)),
        ["fra"],
        ["Resize fra Resized"],
        id="fewer replicas",
    ),
    pytest.param(
        shop(
            FRA,
            pool("fra", devicesPerNode=4),
            chat(serving={"replicasManagedBy": "Autoscaler", "maxReplicasPerSite": 3}),
        ),
        ["fra"],
        [],
        id="how many an autoscaler made is its own business",
    ),
    pytest.param(
        shop(FRA, *POOLS, chat(), runs=(dataclasses.replace(HERE, replicas=0),)),
        ["fra"],
        ["Start fra MinSites"],
        id="none",
    ),
]


@pytest.mark.parametrize(("world", "expected", "changes"), CASES)
def test_engines_stay_unless_something_sends_them_away(
    world: Snapshot, expected: list[str], changes: list[str]
) -> None:
    found = planned(world)

    assert sites(found) == expected
    assert told(found) == changes


def test_what_stays_in_spite_of_something_says_of_what() -> None:
    worlds = {
        Because.SITE_LOST: shop(FRA, *POOLS, chat(), sites=lost("fra")),
        Because.SITE_DRAINING: shop(site("fra", "FRA", state="Draining"), *POOLS, chat()),
        Because.FAILING: shop(FRA, *POOLS, chat(), runs=(running("fra", ready=0, is_failing=True),)),
        Because.KEPT: shop(FRA, *POOLS, chat()),
    }
    assert {because: planned(world).placements[0].because for because, world in worlds.items()} == {
        because: because for because in worlds
    }


# Better elsewhere


def cheaper(price: str, **settings: int) -> Snapshot:
    """Chat runs in Frankfurt for 2.00 an hour; Amsterdam costs this much."""
    return network(
        FRA,
        AMS,
        pool("fra", pricePerDeviceHour="2.00"),
        pool("ams", pricePerDeviceHour=price),
        chat(placement={"strategy": "Cheapest"}),
        observed=Observed(running=(HERE,)),
        **settings,
    )


@pytest.mark.parametrize(
    ("price", "settings", "changes"),
    [
        pytest.param("1.50", {}, ["Move fra>ams ClearlyBetter"], id="a quarter cheaper"),
        pytest.param("1.51", {}, [], id="not quite a quarter"),
        pytest.param("1.99", {"move_gain_percent": 0}, ["Move fra>ams ClearlyBetter"], id="any gain"),
        pytest.param("2.00", {"move_gain_percent": 0}, [], id="no gain"),
        pytest.param("0.01", {"max_moves_per_hour": 0}, [], id="no moves allowed"),
    ],
)
def test_what_is_well_moves_only_if_it_clearly_pays(price: str, settings: dict[str, int], changes: list[str]) -> None:
    assert told(planned(cheaper(price, **settings))) == changes


def test_a_move_that_waits_is_told() -> None:
    found = planned(cheaper("0.50", max_moves_per_hour=0))

    assert [(each.from_site, each.site, each.because) for each in found.deferred] == [("fra", "ams", Because.BETTER)]


def test_moves_that_wait_are_told_by_where_they_come_from() -> None:
    """Germans gain most if what is in Ashburn moves, so that is what is asked first."""
    world = network(
        FRA,
        IAD,
        AMS,
        pool("fra", pricePerDeviceHour="4"),
        pool("iad", pricePerDeviceHour="4"),
        pool("ams", pricePerDeviceHour="1"),
        chat(placement={"strategy": "Cheapest", "minSites": 2}),
        sample.tenant(**GERMANY),
        observed=Observed(running=(HERE, running("iad"))),
        max_moves_per_hour=0,
    )
    assert [(each.from_site, each.site) for each in planned(world).deferred] == [("fra", "ams"), ("iad", "ams")]


def test_engines_that_run_on_are_told_by_site() -> None:
    drained = [site(name, name.upper(), state="Draining") for name in ("fra", "cdg")]
    runs = (HERE, running("cdg"))
    world = shop(*drained, AMS, IAD, *POOLS, chat(placement={"minSites": 2}), runs=runs)

    assert [each.site for each in planned(world).staying] == ["cdg", "fra"]


def test_what_is_in_a_pool_that_is_gone_is_no_longer_made() -> None:
    assert planned(shop(FRA, AMS, pool("ams"), chat())).staying == ()


def test_what_needs_no_devices_is_in_no_pool_that_could_be_gone() -> None:
    world = shop(
        site("fra", "FRA", state="Draining"), AMS, chat(serving=needs(devices=0)), runs=(running("fra", pool=None),)
    )
    assert [each.site for each in planned(world).staying] == ["fra"]


@pytest.mark.parametrize(
    ("ago", "moves"),
    [pytest.param(3599, 0, id="within the hour"), pytest.param(3600, 1, id="before")],
)
def test_moves_of_the_last_hour_count(ago: int, moves: int) -> None:
    before = cheaper("0.50", max_moves_per_hour=1)
    seen = dataclasses.replace(before.observed, moves=(NOW - ago,))
    found = planned(dataclasses.replace(before, observed=seen))

    assert sum(map(counts, found.changes)) == moves
    assert len(found.deferred) == 1 - moves


def test_nobody_moves_into_the_place_of_somebody() -> None:
    """Amsterdam is cheaper, but what runs there has nowhere else to go."""
    world = network(
        FRA,
        AMS,
        pool("fra", pricePerDeviceHour="2.00", maxPriority=100),
        pool("ams", pricePerDeviceHour="0.50"),
        chat(placement={"strategy": "Cheapest"}, serving={"priority": 100}),
        chat("other", placement={"edgeNodeSelector": {"matchLabels": {"x": "y"}}}),
        observed=Observed(running=(HERE, running("ams", "other"))),
    )
    other = dataclasses.replace(world, routes=tuple(each for each in world.routes if each.metadata.name == "chat"))
    assert told(planned(other)) == ["Move fra>ams ClearlyBetter", "Stop ams RouteGone"]


def test_what_the_objective_needs_is_not_given_up_for_a_price() -> None:
    world = network(
        FRA,
        IAD,
        pool("fra", pricePerDeviceHour="9"),
        pool("iad", pricePerDeviceHour="1"),
        chat(placement={"strategy": "Cheapest", "latencyObjective": {"rtt": "40ms"}}),
        sample.tenant(**GERMANY),
        observed=Observed(running=(HERE,)),
    )
    assert told(planned(world)) == []


# Priorities


def crowd(*routes: Json, runs: tuple[Running, ...] = (), devices: int = 1) -> Snapshot:
    return network(FRA, AMS, pool("fra", devicesPerNode=devices), *routes, observed=Observed(running=runs))


def test_the_higher_priority_gets_what_is_scarce() -> None:
    found = planned(crowd(chat("low"), chat("high", serving={"priority": 1})))

    assert (sites(found, "high"), sites(found, "low")) == (["fra"], [])


def test_a_higher_priority_takes_the_place_of_a_lower_one_that_runs() -> None:
    found = planned(crowd(chat("low"), chat("high", serving={"priority": 1}), runs=(running("fra", "low"),)))

    assert told(found) == ["Start fra MinSites", "Stop fra OutbidByPriority"]


def test_who_is_sent_to_another_pool_of_the_same_site_starts_and_stops_there() -> None:
    pools = (
        sample.pool("new", "fra", maxPriority=0),
        sample.pool("old", "fra", pricePerDeviceHour="0.1", maxPriority=1),
    )
    world = network(
        FRA,
        *(dict(each, spec={**each["spec"], "devicesPerNode": 1}) for each in pools),
        chat("low"),
        chat("high", serving={"priority": 1}),
        observed=Observed(running=(running("fra", "low", pool="old"),)),
    )
    assert told(planned(world)) == [
        "Start fra MinSites",
        "Start fra>fra OutbidByPriority",
        "Stop fra OutbidByPriority",
    ]


def test_it_takes_what_is_free_first() -> None:
    world = network(
        FRA,
        AMS,
        pool("fra"),
        pool("ams"),
        chat("low"),
        chat("high", serving={"priority": 1}),
        sample.tenant(**GERMANY),
        observed=Observed(running=(running("fra", "low"),)),
    )
    assert (sites(planned(world), "low"), sites(planned(world), "high")) == (["fra"], ["ams"])


def test_what_runs_stays_before_an_older_route_of_the_same_priority() -> None:
    old = chat("old")
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    found = planned(crowd(old, chat("young"), runs=(running("fra", "young"),)))

    assert (sites(found, "young"), sites(found, "old")) == (["fra"], [])


def test_of_two_that_don_t_run_the_older_is_first() -> None:
    old, young = chat("z-old"), chat("a-young")
    old["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    young["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"

    assert sites(planned(crowd(old, young)), "z-old") == ["fra"]


def test_as_many_replicas_as_there_is_room_for_are_better_than_none() -> None:
    found = planned(crowd(chat(serving={"replicasPerSite": 3}), devices=2))

    assert [each.replicas for each in found.placements] == [2]
    assert (found.shortfalls[0].wanted_replicas, found.shortfalls[0].replicas) == (3, 2)


def test_a_site_with_room_for_all_comes_before_a_nearer_one() -> None:
    world = network(
        FRA,
        IAD,
        pool("fra", devicesPerNode=1),
        pool("iad", devicesPerNode=2),
        chat(serving={"replicasPerSite": 2}, placement={"strategy": "Nearest"}),
        sample.tenant(**GERMANY),
    )
    assert sites(planned(world)) == ["iad"]


def test_a_lost_site_does_not_count_against_the_most_sites() -> None:
    world = europe(chat(placement={"maxSites": 1}), observed=Observed(running=(HERE,), sites=lost("fra")))
    assert len(sites(planned(world))) == 2


def test_carried_out_it_is_done() -> None:
    world = europe(chat(placement={"minSites": 3}), sample.tenant(**GERMANY))
    found = plan(world, now=NOW)
    again = plan(applied(world, found, NOW), now=NOW)

    assert again.changes == ()
    assert {each.because for each in again.placements} == {Because.KEPT}


def test_no_route_means_nothing_to_do() -> None:
    found = planned(network(FRA, AMS, CDG, IAD))

    assert (found.placements, found.shortfalls, found.changes, found.deferred) == ((), (), (), ())


def test_a_network_without_sites_is_short_of_all() -> None:
    found = planned(network(chat()))

    assert [(each.route, each.wanted_sites, each.sites, each.why_not) for each in found.shortfalls] == [
        (CHAT, 1, 0, ())
    ]


@pytest.mark.parametrize("french", range(0, 61, 10))
def test_requests_that_come_from_a_little_farther_away_move_nothing(french: int) -> None:
    """Frankfurt runs it. Until most of its requests come from France, Paris isn't better by a quarter."""
    seen = {CHAT: {"DE": 100 - french, "FR": french}}
    tenant = sample.tenant(origins=["DE", "FR"])
    observed = Observed(running=(HERE,), demand=seen)
    found = planned(network(FRA, CDG, *POOLS, chat(placement={"strategy": "Nearest"}), tenant, observed=observed))
    assert (sites(found), told(found)) == (["fra"], [])


def test_requests_that_all_come_from_elsewhere_move_engines() -> None:
    observed = Observed(running=(HERE,), demand={CHAT: {"FR": 100}})
    tenant = sample.tenant(origins=["DE", "FR"])
    found = planned(network(FRA, CDG, *POOLS, chat(placement={"strategy": "Nearest"}), tenant, observed=observed))
    assert told(found) == ["Move fra>cdg ClearlyBetter"]
