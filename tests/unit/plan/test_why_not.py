"""Why a route is not at a site: one case for each reason, and which of two reasons is told."""

import pytest
from tests.unit.plan.small import CHAT, FRA, NOW, Json, chat, lost, network, planned, pool, site
from tests.unit.validate import sample
from tests.unit.validate.sample import needs

from isochrone.model import Observed, RouteKey, Running, SiteObservation, WhyNot
from isochrone.plan import explain
from isochrone.plan.filters import POOLS, REACH, SITES

HEALTH: Json = {"dataClasses": ["health"]}

CASES = [
    pytest.param([site("fra", "FRA", state="Draining"), pool("fra")], {}, "SiteDraining", None, id="draining"),
    pytest.param([site("fra", "FRA", state="Disabled"), pool("fra")], {}, "SiteDisabled", None, id="disabled"),
    pytest.param([site("fra", "QQQ"), pool("fra")], {}, "UnknownPlace", None, id="no such airport"),
    pytest.param(
        [FRA, pool("fra")],
        {"placement": {"edgeNodeSelector": {"matchLabels": {"region": "east"}}}},
        "SiteNotSelected",
        None,
        id="another site is selected",
    ),
    pytest.param([FRA, pool("fra"), sample.policy("us", "US")], {}, "UnlawfulInference", None, id="inference"),
    pytest.param(
        [
            FRA,
            pool("fra"),
            sample.policy(
                "us",
                allow=[
                    {"scope": "Inference", "places": {"include": ["EU"]}},
                    {"scope": "Ingress", "places": {"include": ["US"]}},
                ],
            ),
        ],
        {},
        "UnlawfulInference",
        None,
        id="nobody may send it there",
    ),
    pytest.param(
        [
            FRA,
            pool("fra"),
            sample.policy(
                "weights",
                allow=[
                    {"scope": "Inference", "places": {"include": ["EU"]}},
                    {"scope": "Weights", "places": {"include": ["US"]}},
                ],
            ),
        ],
        {},
        "UnlawfulWeights",
        None,
        id="weights",
    ),
    pytest.param([FRA], {}, "NoPool", None, id="no pool"),
    pytest.param(
        [FRA, pool("fra")],
        {"placement": {"poolSelector": {"matchLabels": {"tier": "gold"}}}},
        "PoolNotSelected",
        "gpu-fra",
        id="another pool is selected",
    ),
    pytest.param(
        [FRA, pool("fra", allowedNamespaces={"names": ["bank"]})], {}, "NamespaceNotAllowed", "gpu-fra", id="namespace"
    ),
    pytest.param(
        [FRA, pool("fra", capacityType="Spot")],
        {"placement": {"capacityTypes": ["Reserved"]}},
        "CapacityType",
        "gpu-fra",
        id="capacity type",
    ),
    pytest.param(
        [FRA, pool("fra", maxPriority=5)], {"serving": {"priority": 6}}, "PriorityTooHigh", "gpu-fra", id="priority"
    ),
    pytest.param(
        [FRA, pool("fra")],
        {"serving": needs(deviceProducts=["AMD-MI300X"])},
        "DeviceProduct",
        "gpu-fra",
        id="product",
    ),
    pytest.param([FRA, pool("fra")], {"serving": needs(deviceMemory="81Gi")}, "DeviceMemory", "gpu-fra", id="memory"),
    pytest.param(
        [FRA, pool("fra", nodes=8)], {"serving": needs(devices=2)}, "DevicesPerNode", "gpu-fra", id="two nodes"
    ),
]

FITS = [
    pytest.param([FRA, pool("fra", maxPriority=5)], {"serving": {"priority": 5}}, id="priority"),
    pytest.param([FRA, pool("fra")], {"serving": needs(deviceMemory="80Gi")}, id="memory"),
    pytest.param(
        [site("fra", "FRA", labels={"region": "east"}), pool("fra", labels={"tier": "gold"})],
        {
            "placement": {
                "edgeNodeSelector": {"matchLabels": {"region": "east"}},
                "poolSelector": {"matchLabels": {"tier": "gold"}},
            }
        },
        id="site and pool are selected",
    ),
    pytest.param([FRA, pool("fra")], {"serving": needs(deviceProducts=["L4", "NVIDIA-H100"])}, id="product"),
    pytest.param(
        [FRA, pool("fra", capacityType="Spot")], {"placement": {"capacityTypes": ["Spot"]}}, id="capacity type"
    ),
    pytest.param([FRA, pool("fra", devicesPerNode=2)], {"serving": needs(devices=2)}, id="devices"),
    pytest.param([FRA], {"serving": needs(devices=0)}, id="no devices, no pool"),
    pytest.param(
        [FRA, pool("fra", allowedNamespaces={"names": ["bank"]}), sample.pool("other", "fra")],
        {},
        id="the other pool",
    ),
    pytest.param([FRA, pool("fra"), sample.policy("eu", "EU", binds=HEALTH)], {}, id="a policy that doesn't bind"),
    pytest.param([FRA, pool("fra"), sample.policy("us", "US", mode="Audit")], {}, id="a policy that only reports"),
]


@pytest.mark.parametrize(("objects", "spec", "why", "at"), CASES)
def test_a_site_is_refused_for_its_reason(objects: list[Json], spec: Json, why: str, at: str | None) -> None:
    world = network(*objects, chat(**spec))
    found = planned(world)
    explained = explain(world, found, CHAT, now=NOW)

    assert found.placements == ()
    assert found.shortfalls[0].why_not == ((WhyNot(why), 1),)
    assert explained is not None
    assert (explained.sites[0].why_not, explained.sites[0].pool) == (WhyNot(why), at)


@pytest.mark.parametrize(("objects", "spec"), FITS)
def test_a_site_that_just_suits_is_taken(objects: list[Json], spec: Json) -> None:
    assert [each.site for each in planned(network(*objects, chat(**spec))).placements] == ["fra"]


def test_a_site_is_lost_after_a_while_without_contact() -> None:
    for since, expected in ((NOW - 119, ["fra"]), (NOW - 120, [])):
        seen = Observed(sites={"fra": SiteObservation(unreachable_since=since)})
        found = planned(network(FRA, pool("fra"), chat(), observed=seen))

        assert [each.site for each in found.placements] == expected


def test_where_engines_failed_lately_is_not_tried_again() -> None:
    seen = Observed(failed=frozenset({(CHAT, "fra")}))
    world = network(FRA, pool("fra"), chat(), observed=seen)
    found = planned(world)
    explained = explain(world, found, CHAT, now=NOW)

    assert found.placements == ()
    assert found.shortfalls[0].why_not == ((WhyNot.FAILED_LATELY, 1),)
    assert explained is not None
    assert explained.sites[0].why_not is WhyNot.FAILED_LATELY


def test_where_another_route_failed_is_no_matter() -> None:
    seen = Observed(failed=frozenset({(RouteKey("shop", "other"), "fra"), (CHAT, "elsewhere")}))
    assert [each.site for each in planned(network(FRA, pool("fra"), chat(), observed=seen)).placements] == ["fra"]


def test_engines_that_run_where_others_failed_stay() -> None:
    seen = Observed(
        running=(Running(route=CHAT, site="fra", pool="gpu-fra", replicas=1, ready=1),),
        failed=frozenset({(CHAT, "fra")}),
    )
    assert [each.site for each in planned(network(FRA, pool("fra"), chat(), observed=seen)).placements] == ["fra"]


def test_devices_of_others_are_not_there() -> None:
    seen = Observed(sites={"fra": SiteObservation(taken={"gpu-fra": (1,)})})
    found = planned(network(FRA, pool("fra"), chat(), observed=seen))

    assert found.shortfalls[0].why_not == ((WhyNot.NO_CAPACITY, 1),)


def test_of_more_nodes_than_there_are_the_fullest_count() -> None:
    seen = Observed(sites={"fra": SiteObservation(taken={"gpu-fra": (0, 1, 0)})})

    assert planned(network(FRA, pool("fra"), chat(), observed=seen)).placements == ()


def test_the_pool_that_gets_furthest_speaks_for_the_site() -> None:
    small = sample.pool("a-small", "fra", device={"product": "L4", "memory": "24Gi", "resourceName": "nvidia.com/gpu"})
    barred = sample.pool("z-barred", "fra", allowedNamespaces={"names": ["bank"]})
    world = network(FRA, barred, small, chat(serving=needs(deviceMemory="80Gi")))
    explained = explain(world, planned(world), CHAT, now=NOW)

    assert explained is not None
    assert (explained.sites[0].why_not, explained.sites[0].pool) == (WhyNot.DEVICE_MEMORY, "a-small")


def test_a_site_that_is_lost_and_disabled_is_disabled() -> None:
    seen = Observed(sites=lost("fra"))
    found = planned(network(site("fra", "FRA", state="Disabled"), pool("fra"), chat(), observed=seen))

    assert found.shortfalls[0].why_not == ((WhyNot.SITE_DISABLED, 1),)


def test_every_reason_has_a_place_in_the_order() -> None:
    assert set(REACH) == set(WhyNot)
    others = {WhyNot.NO_POOL, WhyNot.FAILED_LATELY, WhyNot.NO_CAPACITY, WhyNot.NOT_NEEDED}
    assert set(SITES) | set(POOLS) | others == set(WhyNot)
