"""What a plan costs, how near it is, and who is served from where: figures that can be worked out by hand."""

import dataclasses
import decimal
import pathlib

import pytest
import yaml
from tests.unit.plan import small
from tests.unit.validate import sample
from tests.worlds.build import seen, snapshot

from isochrone.geo.latency import rtt_between_ms
from isochrone.geo.places import places
from isochrone.geo.population import centres_of
from isochrone.model import RouteKey, Running, SiteObservation, Snapshot
from isochrone.plan import plan, reached, summary

EXAMPLE = pathlib.Path(__file__).parents[3] / "examples" / "quickstart-multicluster"
QWEN, BGE = RouteKey("demo", "qwen"), RouteKey("demo", "bge")


@pytest.fixture(scope="module")
def network() -> Snapshot:
    files = sorted(EXAMPLE.glob("*.yaml"))
    return snapshot(each for file in files for each in yaml.safe_load_all(file.read_text()))


def nearest(code: str, *sites: str) -> tuple[float, float]:
    """The mean round trip to the nearest of these airports by people, and their number."""
    points = [places()[site].point for site in sites]
    each = [
        (centre.people, min(rtt_between_ms(centre.point, point) for point in points)) for centre in centres_of(code)
    ]
    people = sum(count for count, _ in each)
    return sum(count * rtt for count, rtt in each) / people, people


def test_a_route_is_summed_up(network: Snapshot) -> None:
    served = {each.route: each for each in summary(network, plan(network, now=0), now=0)}

    qwen = served[QWEN]
    assert (qwen.sites, qwen.replicas, qwen.devices) == (2, 4, 4)
    # Four GPUs; a GiB an hour from two replicas in Frankfurt and two in Paris.
    assert qwen.cost == 4 * decimal.Decimal("0.71") + 2 * decimal.Decimal("0.01") + 2 * decimal.Decimal("0.02")
    assert (qwen.limit, qwen.percentile) == (50_000, 95)
    assert qwen.within == 100
    assert (served[BGE].limit, served[BGE].percentile, served[BGE].within) == (None, 0, None)


def test_the_mean_round_trip_is_that_of_people(network: Snapshot) -> None:
    served = {each.route: each for each in summary(network, plan(network, now=0), now=0)}
    (germans, of_germany), (french, of_france) = nearest("DE", "FRA", "CDG"), nearest("FR", "FRA", "CDG")

    expected = (germans * of_germany + french * of_france) / (of_germany + of_france)
    assert served[QWEN].rtt == pytest.approx(expected * 1000, abs=10)


def test_a_route_that_is_nowhere_has_no_round_trip(network: Snapshot) -> None:
    nowhere = dataclasses.replace(network, pools=())
    served = {each.route: each for each in summary(nowhere, plan(nowhere, now=0), now=0)}
    assert served[QWEN].rtt is None
    assert served[QWEN].sites == 0
    assert served[QWEN].cost == 0
    assert served[QWEN].within == 0


def test_engines_that_can_not_be_reached_serve_nobody(network: Snapshot) -> None:
    running = (Running(route=QWEN, site="cdg1", pool="europe-l4", replicas=2, ready=2),)
    lost = seen(network, running=running, sites={"cdg1": SiteObservation(unreachable_since=0)})
    found = plan(lost, now=1_000_000)
    served = {each.route: each for each in summary(lost, found, now=1_000_000)}

    assert "cdg1" in {each.site for each in found.placements if each.route == QWEN}
    assert served[QWEN].sites == sum(each.route == QWEN and each.site != "cdg1" for each in found.placements)
    assert "cdg1" not in {each.site for each in reached(lost, found, now=1_000_000)}


def test_everybody_is_served_from_the_nearest_lawful_site(network: Snapshot) -> None:
    found = list(reached(network, plan(network, now=0), now=0))

    # The only tenant's data is of Germany and France, and so are those who ask.
    assert {each.centre.code for each in found} == {"DE", "FR"}
    assert {each.site for each in found} == {"cdg1", "fra1"}
    by = {"cdg1": places()["CDG"].point, "fra1": places()["FRA"].point}
    for each in found:
        rtts = {name: rtt_between_ms(each.centre.point, point) for name, point in by.items()}
        assert each.site == min(rtts, key=lambda name: rtts[name])
        assert each.rtt is not None
        assert each.rtt / 1000 == pytest.approx(min(rtts.values()), abs=0.001)


def test_one_route_may_be_asked_for_alone(network: Snapshot) -> None:
    found = list(reached(network, plan(network, now=0), now=0, routes=[BGE]))
    assert {each.site for each in found} == {"fra1"}


def test_whom_nobody_may_serve_is_told_from_whom_nobody_serves(network: Snapshot) -> None:
    nowhere = dataclasses.replace(network, pools=())
    assert {(each.site, each.rtt, each.is_lawful) for each in reached(nowhere, plan(nowhere, now=0), now=0)} == {
        (None, None, True)
    }
    barred = dataclasses.replace(
        network, edge_nodes=tuple(each for each in network.edge_nodes if each.metadata.name == "iad1")
    )
    assert {(each.site, each.is_lawful) for each in reached(barred, plan(barred, now=0), now=0)} == {(None, False)}


def test_centres_come_in_order_of_their_codes_so_that_a_map_is_always_the_same() -> None:
    world = small.europe(small.chat())
    codes = [each.centre.code for each in reached(world, small.planned(world), now=small.NOW)]

    assert len(set(codes)) > 100
    assert codes == sorted(codes)


def test_without_sites_nobody_is_served() -> None:
    world = small.network(small.chat(), sample.tenant(origins=["DE"]))
    found = list(reached(world, small.planned(world), now=small.NOW))

    assert {(each.centre.code, each.site, each.is_lawful) for each in found} == {("DE", None, False)}


def test_routes_are_summed_up_by_name_with_the_devices_of_all_replicas() -> None:
    world = small.network(
        small.FRA,
        small.pool("fra", devicesPerNode=8, pricePerDeviceHour="2.00"),
        sample.pool("other", "fra", pricePerDeviceHour="3.00"),
        small.chat("z", serving={"priority": 9}),
        small.chat("a", serving={**sample.needs(devices=3), "replicasPerSite": 2}),
    )
    served = list(summary(world, small.planned(world), now=small.NOW))

    assert [each.route.name for each in served] == ["a", "z"]
    assert (served[0].sites, served[0].replicas, served[0].devices) == (1, 2, 6)
    assert served[0].cost == 12


@pytest.mark.parametrize(("rtt", "within"), [pytest.param("500ms", 100, id="all"), pytest.param("1ms", 0, id="nobody")])
def test_how_many_are_near_enough_is_told(rtt: str, within: int) -> None:
    objective = {"latencyObjective": {"rtt": rtt, "percentile": 90}}
    world = small.network(small.FRA, small.pool("fra"), small.chat(placement=objective))
    served = next(summary(world, small.planned(world), now=small.NOW))

    assert served.percentile == 90
    assert served.within == within


def test_of_data_from_where_nobody_lives_nothing_is_near_or_far() -> None:
    objective = {"latencyObjective": {"rtt": "50ms", "percentile": 90}}
    penguins = sample.tenant(origins=["AQ"])
    world = small.network(small.FRA, small.pool("fra"), small.chat(placement=objective), penguins)
    served = next(summary(world, small.planned(world), now=small.NOW))

    assert (served.sites, served.rtt, served.within, served.limit) == (1, None, None, 50_000)


def test_somebody_may_be_served_if_one_of_the_routes_may_serve_him() -> None:
    barred = sample.policy("gold-in-the-us", "US", binds={"routes": {"matchLabels": {"tier": "gold"}}})
    world = small.network(
        small.FRA, small.chat(), small.chat("gold", labels={"tier": "gold"}), sample.tenant(origins=["DE"]), barred
    )
    found = small.planned(world)

    for routes, is_lawful in ((None, True), ([RouteKey("shop", "gold")], False)):
        told = reached(world, found, now=small.NOW, routes=routes)
        assert {each.is_lawful for each in told} == {is_lawful}
