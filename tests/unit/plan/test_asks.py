"""What a route asks of sites and pools, and which routes ask for the same."""

from fractions import Fraction

import pytest
from tests.unit.plan.small import CHAT, FRA, NOW, Json, chat, network, pool
from tests.unit.validate import sample
from tests.unit.validate.sample import needs

from isochrone.model import RouteKey, WhyNot
from isochrone.plan import filters
from isochrone.plan.filters import Ask
from isochrone.plan.lawful import RouteLaw
from isochrone.plan.planner import prepare

OUTSIDE = sample.tiers(sample.to_provider())
LABELS: Json = {"matchLabels": {"a": "b"}}
WHOLE: Json = {
    "placement": {"edgeNodeSelector": LABELS, "poolSelector": LABELS, "capacityTypes": ["Spot"]},
    "serving": needs(devices=2, deviceMemory="40Gi", deviceProducts=["L4"]),
}


def law(inference: int = 0b11, engines: int = 0b01) -> RouteLaw:
    return RouteLaw(askings=(), without_key=(), inference=inference, engines=engines, reach=())


def ask(route: Json, by_law: RouteLaw | None = None) -> Ask | None:
    world = prepare(network(FRA, route), now=NOW).world
    return filters.ask_of(world, next(iter(world.routes.values())), by_law or law())


def placed(**placement: object) -> Json:
    return chat(placement={**WHOLE["placement"], **placement}, serving=WHOLE["serving"])


def needing(**resources: object) -> Json:
    return chat(placement=WHOLE["placement"], serving=needs(devices=2, deviceMemory="40Gi", **resources))


@pytest.mark.parametrize(
    ("route", "by_law", "is_same"),
    [
        pytest.param(chat("other", **WHOLE), law(), True, id="another name"),
        pytest.param(placed(minSites=2), law(), True, id="another number of sites"),
        pytest.param(
            chat(placement=WHOLE["placement"], serving={**WHOLE["serving"], "replicasPerSite": 3}),
            law(),
            True,
            id="another number of replicas",
        ),
        pytest.param(
            chat(
                placement=WHOLE["placement"],
                serving=needs(devices=2, deviceMemory="40Gi", deviceProducts=["L4"], cpu="3"),
            ),
            law(),
            True,
            id="other processors",
        ),
        pytest.param(chat(**WHOLE), law(inference=0b01), False, id="other places for inference"),
        pytest.param(chat(**WHOLE), law(engines=0b11), False, id="other places for engines"),
        pytest.param(sample.route("chat", ns="bank", **WHOLE), law(), False, id="another namespace"),
        pytest.param(
            chat(placement=WHOLE["placement"], serving={**WHOLE["serving"], "priority": 1}),
            law(),
            False,
            id="another priority",
        ),
        pytest.param(placed(edgeNodeSelector={"matchLabels": {"a": "c"}}), law(), False, id="other sites"),
        pytest.param(placed(poolSelector={"matchLabels": {"a": "c"}}), law(), False, id="other pools"),
        pytest.param(placed(capacityTypes=["Reserved"]), law(), False, id="other capacity"),
        pytest.param(needing(deviceProducts=["H100"]), law(), False, id="other devices"),
        pytest.param(
            chat(placement=WHOLE["placement"], serving=needs(devices=2, deviceProducts=["L4"], deviceMemory="41Gi")),
            law(),
            False,
            id="more memory",
        ),
        pytest.param(
            chat(placement=WHOLE["placement"], serving=needs(devices=3, deviceProducts=["L4"], deviceMemory="40Gi")),
            law(),
            False,
            id="more devices",
        ),
    ],
)
def test_routes_that_ask_for_the_same_have_one_key(route: Json, by_law: RouteLaw, *, is_same: bool) -> None:
    one, other = ask(chat(**WHOLE)), ask(route, by_law)

    assert one is not None
    assert other is not None
    assert (one.key == other.key) is is_same


@pytest.mark.parametrize(
    "route",
    [
        pytest.param(sample.route("chat", tiers=OUTSIDE), id="no engines"),
        pytest.param(sample.route("chat", serving=sample.serving(), tiers=OUTSIDE), id="engines that no tier names"),
    ],
)
def test_who_serves_nothing_asks_for_nothing(route: Json) -> None:
    assert ask(route) is None


def test_who_says_nothing_of_memory_needs_none() -> None:
    found = ask(chat())

    assert found is not None
    assert found.memory == Fraction(0)


def test_without_devices_no_pool_is_needed() -> None:
    for route, expected in ((chat(serving=needs(devices=0)), None), (chat(), WhyNot.NO_POOL)):
        prepared = prepare(network(FRA, route), now=NOW)
        found = prepared.wants[CHAT].ask

        assert filters.furthest(found, prepared.world.sites[0], ()) == (expected, None)


def test_routes_that_ask_for_the_same_share_what_they_could_have() -> None:
    wants = prepare(network(FRA, pool("fra"), chat("a"), chat("b"), chat("c", serving=needs(devices=0))), now=NOW).wants
    a, b, c = (wants[RouteKey("shop", name)] for name in "abc")

    assert a.fresh is b.fresh
    assert a.fresh is not c.fresh
