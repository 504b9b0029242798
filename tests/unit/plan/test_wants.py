"""What a route wants and could have, in figures."""

from typing import Any

import numpy as np
import pytest
from tests.unit.plan.small import AMS, CHAT, FRA, NOW, Json, chat, network, pool, site
from tests.unit.validate import sample
from tests.unit.validate.sample import needs

from isochrone.api.model_route import Strategy
from isochrone.plan import wants
from isochrone.plan.planner import prepare
from isochrone.plan.wants import Fresh, Want


def want(*objects: Json, **settings: Any) -> Want:
    return prepare(network(*objects, **settings), now=NOW).wants[CHAT]


def costs(found: Want) -> list[tuple[str, str | None, int]]:
    return [(option.name, option.pool, option.cost) for at in found.options.values() for option in at]


def priced(name: str, price: str, at: str = "fra") -> Json:
    return sample.pool(name, at, pricePerDeviceHour=price)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param(
            [FRA, AMS, priced("c", "1"), priced("b", "2"), priced("d", "1"), priced("a", "3"), pool("ams"), chat()],
            [
                ("ams", "gpu-ams", 2_950_000),
                ("fra", "c", 1_000_000),
                ("fra", "d", 1_000_000),
                ("fra", "b", 2_000_000),
                ("fra", "a", 3_000_000),
            ],
            id="the cheapest pool of a site first",
        ),
        pytest.param(
            [site("fra", "FRA", egress={"pricePerGiB": "0.3"}), priced("a", "2"), chat(serving=needs(devices=3))],
            [("fra", "a", 6_300_000)],
            id="all devices of a replica, and a GiB of what it sends",
        ),
        pytest.param(
            [site("fra", "FRA", egress={"pricePerGiB": "0.3"}), chat(serving=needs(devices=0))],
            [("fra", None, 300_000)],
            id="without devices only what it sends",
        ),
    ],
)
def test_what_a_place_costs(objects: list[Json], expected: list[tuple[str, str | None, int]]) -> None:
    assert costs(want(*objects)) == expected


def test_costs_have_bounds() -> None:
    dear = site("fra", "FRA", egress={"pricePerGiB": "999999999"})
    found = want(dear, priced("a", "999999999"), chat())

    assert (found.least_cost, costs(found)) == (10**12, [("fra", "a", 10**12)])
    assert costs(want(dear, chat(serving=needs(devices=0)))) == [("fra", None, 10**12)]
    assert want(FRA, priced("a", "0"), chat()).least_cost == 10_000
    assert want(FRA, chat()).least_cost == 10_000


def test_the_least_is_that_of_all_that_could_be_had() -> None:
    found = want(FRA, AMS, priced("a", "2"), priced("b", "1", "ams"), chat(), sample.tenant(origins=["DE"]))

    assert found.least_cost == 1_000_000
    assert found.least_total == min(found.view.least_totals(()).tolist()) < max(found.view.least_totals(()).tolist())


def test_sites_that_take_nothing_new_are_options_all_the_same() -> None:
    found = want(FRA, site("ams", "AMS", state="Draining"), pool("fra"), pool("ams"), chat())

    assert sorted(found.options) == [0, 1]
    assert ([option.name for option in found.fresh.options], found.fresh.sites.tolist()) == (["fra"], [1])
    assert found.fresh.costs.tolist() == [2_950_000]


def test_columns_hold_whole_numbers_if_there_are_none() -> None:
    assert Fresh(()).sites.dtype == np.dtype(np.int64)
    assert Fresh(()).costs.dtype == np.dtype(np.int64)


@pytest.mark.parametrize(
    ("serving", "replicas", "is_autoscaled"),
    [
        pytest.param({}, 1, False, id="one"),
        pytest.param({"replicasPerSite": 3}, 3, False, id="as many as are declared"),
        pytest.param({"replicasPerSite": 2, "maxReplicasPerSite": 5}, 2, False, id="no autoscaler"),
        pytest.param({"replicasManagedBy": "Autoscaler", "maxReplicasPerSite": 5}, 5, True, id="an autoscaler"),
        pytest.param({"replicasManagedBy": "Autoscaler", "replicasPerSite": 2}, 2, True, id="that has no bound"),
    ],
)
def test_how_many_replicas(serving: Json, replicas: int, *, is_autoscaled: bool) -> None:
    found = want(FRA, pool("fra"), chat(serving=serving))

    assert (found.replicas, found.is_autoscaled) == (replicas, is_autoscaled)


def test_what_is_declared_is_wanted() -> None:
    placement = {
        "minSites": 2,
        "maxSites": 3,
        "strategy": "Cheapest",
        "latencyObjective": {"rtt": "50ms", "percentile": 93},
    }
    found = want(FRA, pool("fra"), chat(placement=placement, serving={**needs(devices=2), "priority": 7}))

    assert (found.priority, found.devices, found.min_sites, found.max_sites) == (7, 2, 2, 3)
    assert (found.limit, found.may_miss, found.strategy) == (50_000, found.view.total * 7 // 100, Strategy.CHEAPEST)


def test_without_an_objective_nothing_may_be_missed() -> None:
    found = want(FRA, pool("fra"), chat())

    assert (found.limit, found.may_miss) == (None, 0)
    assert found.least_total == found.view.least_totals(())[0] > 1


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([FRA, pool("fra"), sample.tenant(origins=["AQ"])], id="where nobody lives"),
        pytest.param([FRA], id="no place to be"),
    ],
)
def test_the_least_is_never_nothing(objects: list[Json]) -> None:
    assert want(*objects, chat()).least_total == 1


def test_who_serves_nothing_wants_nothing() -> None:
    found = prepare(
        network(FRA, pool("fra"), chat(), sample.route("z", tiers=sample.tiers(sample.to_provider()))), now=NOW
    )
    some, route = found.wants[CHAT], list(found.world.routes.values())[1]

    with pytest.raises(ValueError, match="shop/z serves nothing"):
        wants.want_of(route, some.ask, wants.options_of(found.world, some.ask), some.view)
