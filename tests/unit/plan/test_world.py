"""What a snapshot says, resolved: what is free, what sites are like, and in which order routes are asked."""

import pytest
from tests.unit.plan.small import AMS, FRA, NOW, Json, chat, lost, network, pool, running, site
from tests.unit.validate import sample
from tests.unit.validate.sample import needs

from isochrone.model import Observed, Running, SiteObservation
from isochrone.plan.world import Site, World


def world(*objects: Json, observed: Observed | None = None) -> World:
    return World.of(network(*objects, observed=observed), now=NOW)


@pytest.mark.parametrize(
    ("nodes", "each", "taken", "free"),
    [
        pytest.param(2, 4, (), (4, 4), id="all"),
        pytest.param(3, 4, (3, 1), (4, 3, 1), id="what others leave, on each node"),
        pytest.param(3, 4, (1, 3), (4, 3, 1), id="in whatever order it was seen"),
        pytest.param(2, 4, (0, 4, 1), (3, 0), id="of more nodes than the pool has the fullest count"),
        pytest.param(1, 4, (5,), (0,), id="others have more than there is"),
    ],
)
def test_free_devices_are_counted_by_node(nodes: int, each: int, taken: tuple[int, ...], free: tuple[int, ...]) -> None:
    seen = Observed(sites={"fra": SiteObservation(taken={"gpu-fra": taken}), "ams": SiteObservation(taken={"x": (9,)})})
    found = world(AMS, FRA, pool("fra", nodes=nodes, devicesPerNode=each), observed=seen)

    assert found.free(found.pools["gpu-fra"], found.site_index["fra"]) == free


def test_where_nothing_was_seen_all_is_free() -> None:
    found = world(FRA, pool("fra", nodes=2, devicesPerNode=4))
    assert found.free(found.pools["gpu-fra"], 0) == (4, 4)


PROVIDER = sample.route("chat", tiers=sample.tiers(sample.to_provider()))


@pytest.mark.parametrize(
    ("route", "there", "held"),
    [
        pytest.param(chat(serving=needs(devices=2)), [running("fra", replicas=2)], (2, 2), id="all that are ready"),
        pytest.param(chat(serving=needs(devices=2)), [running("fra", replicas=2, ready=1)], (2,), id="one of two"),
        pytest.param(chat(serving=needs(devices=2)), [running("fra", replicas=2, ready=0)], (), id="none of two"),
        pytest.param(
            chat(serving=needs(devices=2)), [running("fra", ready=2)], (2,), id="no more than there should be"
        ),
        pytest.param(
            chat(serving=needs(devices=2)), [running("fra", replicas=2), running("fra")], (2, 2), id="found twice"
        ),
        pytest.param(chat(serving=needs(devices=4)), [running("fra")], (4,), id="a whole node"),
        pytest.param(chat(serving=needs(devices=5)), [running("fra")], (), id="would need more than a node has"),
        pytest.param(chat(serving=needs(devices=0)), [running("fra")], (), id="needs none any more"),
        pytest.param(PROVIDER, [running("fra")], (), id="no engines of its own any more"),
        pytest.param(chat("other"), [running("fra")], (), id="a route that is gone"),
        pytest.param(chat(), [running("fra", pool=None)], (), id="without a pool"),
        pytest.param(chat(), [running("fra", pool="gpu-ams"), running("ams", pool="gpu-fra")], (), id="elsewhere"),
        pytest.param(chat(), [], (), id="nothing runs"),
    ],
)
def test_engines_that_answer_hold_devices_whatever_is_said_of_others(
    route: Json, there: list[Running], held: tuple[int, ...]
) -> None:
    """Others are said to hold both nodes of four devices."""
    seen = Observed(sites={"fra": SiteObservation(taken={"gpu-fra": (4, 4)})}, running=tuple(there))
    found = world(AMS, FRA, pool("ams"), pool("fra", nodes=2, devicesPerNode=4), route, observed=seen)

    free = found.free(found.pools["gpu-fra"], found.site_index["fra"])

    assert tuple(room for room in free if room) == held


def only(spec: Json, **seen: SiteObservation) -> Site:
    return world(spec, observed=Observed(sites=seen)).sites[0]


def test_sites_differ_by_what_is_declared_and_seen() -> None:
    plain = only(site("fra", "FRA", egress={"pricePerGiB": "0.05"}))
    assert (plain.is_lost, plain.is_advertised, plain.is_open, plain.is_known) == (False, True, False, True)
    assert plain.egress == 50_000
    assert only(FRA, **lost("fra")).is_lost
    assert only(site("fra", "FRA", gateway={"anonymousAccess": "Allow"})).is_open
    assert not only(sample.edge("fra", "FRA")).is_advertised
    assert only(site("fra", "FRA", labels={"a": "b"})).labels == {"a": "b"}


@pytest.mark.parametrize(
    ("place", "is_known"),
    [
        pytest.param({"iata": "FRA"}, True, id="an airport"),
        pytest.param({"iata": "QQQ"}, False, id="no airport"),
        pytest.param({"jurisdiction": "DE", "coordinates": {"latitude": "50", "longitude": "8"}}, True, id="both"),
        pytest.param({"jurisdiction": "XX", "coordinates": {"latitude": "50", "longitude": "8"}}, False, id="no law"),
        pytest.param({"jurisdiction": "DE"}, False, id="not on the map"),
    ],
)
def test_a_place_is_known_by_law_and_on_the_map(place: Json, is_known: bool) -> None:
    assert only(site("x", "FRA", place=place)).is_known is is_known


def test_pools_are_at_the_sites_that_they_name_or_select_in_order_of_names() -> None:
    east = {"labels": {"region": "east"}}
    found = world(
        site("ams", "AMS", **east),
        site("fra", "FRA", **east),
        site("iad", "IAD"),
        sample.pool("z", "fra"),
        sample.pool("m", edgeNodeSelector={"matchLabels": {"region": "east"}}),
        sample.pool("a", "fra"),
        sample.pool("nowhere", "gone"),
    )
    at = {each.name: [pool.name for pool in found.pools_at[each.index]] for each in found.sites}
    assert at == {"ams": ["m"], "fra": ["a", "m", "z"], "iad": []}


def test_routes_are_asked_by_priority_then_by_age_then_by_name() -> None:
    def aged(name: str, created: str | None, priority: int = 0) -> Json:
        route = chat(name, serving={"priority": priority})
        return {**route, "metadata": {**route["metadata"], **({"creationTimestamp": created} if created else {})}}

    found = world(
        aged("a-new", None),
        aged("b-young", "2026-02-01T00:00:00Z"),
        aged("d-old", "2026-01-01T00:00:00Z"),
        aged("c-old", "2026-01-01T00:00:00Z"),
        aged("low", "2025-01-01T00:00:00Z", -1),
        aged("high", None, 1),
    )
    assert [key.name for key in found.routes] == ["high", "c-old", "d-old", "b-young", "a-new", "low"]


def test_of_routes_as_old_the_namespace_counts_before_the_name() -> None:
    found = world(sample.route("a", ns="shop-eu"), sample.route("b", ns="shop"), sample.route("a", ns="shop"))
    assert [f"{key.namespace}/{key.name}" for key in found.routes] == ["shop/a", "shop/b", "shop-eu/a"]
