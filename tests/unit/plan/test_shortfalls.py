"""What a route wants and doesn't get, and for how many sites each reason holds."""

import pytest
from tests.unit.plan.small import AMS, CDG, CHAT, FRA, IAD, Json, chat, lost, network, planned, pool, running, site
from tests.unit.validate import sample

from isochrone.model import Observed, Shortfall, WhyNot

GERMANS = sample.tenant(origins=["DE"])
FAR: Json = {"latencyObjective": {"rtt": "20ms", "percentile": 90}}


def test_routes_are_told_by_name_whoever_is_asked_first() -> None:
    found = planned(network(FRA, chat("a"), chat("b", serving={"priority": 1})))

    assert [each.route.name for each in found.shortfalls] == ["a", "b"]


def short(wanted: tuple[int, int], found: tuple[int, int], *why_not: tuple[WhyNot, int]) -> tuple[Shortfall, ...]:
    """Sites and replicas."""
    return (
        Shortfall(
            route=CHAT,
            wanted_sites=wanted[0],
            wanted_replicas=wanted[1],
            sites=found[0],
            replicas=found[1],
            why_not=why_not,
        ),
    )


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([FRA, pool("fra"), chat()], (), id="nothing"),
        pytest.param(
            [FRA, AMS, CDG, pool("fra"), pool("ams"), chat(placement={"minSites": 3})],
            short((3, 3), (2, 2), (WhyNot.NO_POOL, 1)),
            id="sites: those that serve all that is wanted have no reason",
        ),
        pytest.param(
            [FRA, AMS, pool("fra"), pool("ams", devicesPerNode=2), chat(serving={"replicasPerSite": 2})],
            (),
            id="where all replicas fit there is enough",
        ),
        pytest.param(
            [FRA, AMS, pool("fra", nodes=2), chat(serving={"replicasPerSite": 3})],
            short((1, 3), (1, 2), (WhyNot.NO_POOL, 1), (WhyNot.NO_CAPACITY, 1)),
            id="replicas: the site that has some of them is short itself",
        ),
        pytest.param(
            [
                site("a", "FRA", state="Draining"),
                site("b", "FRA"),
                site("c", "FRA", state="Disabled"),
                site("d", "FRA"),
                chat(),
            ],
            short((1, 1), (0, 0), (WhyNot.NO_POOL, 2), (WhyNot.SITE_DISABLED, 1), (WhyNot.SITE_DRAINING, 1)),
            id="what holds for most sites first, then what refuses first",
        ),
        pytest.param(
            [IAD, pool("iad"), chat(placement=FAR), GERMANS],
            short((2, 2), (1, 1)),
            id="an objective: one site more",
        ),
        pytest.param(
            [IAD, pool("iad"), chat(placement={**FAR, "maxSites": 2}), GERMANS],
            short((2, 2), (1, 1)),
            id="an objective, if there may be one more",
        ),
        pytest.param(
            [IAD, pool("iad"), chat(placement={**FAR, "maxSites": 1}), GERMANS],
            (),
            id="an objective, but there may be no site more",
        ),
        pytest.param(
            [IAD, pool("iad"), chat(placement={**FAR, "minSites": 3}), GERMANS],
            short((3, 3), (1, 1)),
            id="an objective that wants no more than is wanted anyway",
        ),
    ],
)
def test_what_is_missing_is_told(objects: list[Json], expected: tuple[Shortfall, ...]) -> None:
    assert planned(network(*objects)).shortfalls == expected


def test_engines_at_a_lost_site_are_missing() -> None:
    seen = Observed(running=(running("fra"),), sites=lost("fra"))
    world = network(FRA, AMS, pool("fra"), chat(), observed=seen)

    assert planned(world).shortfalls == short((1, 1), (0, 0), (WhyNot.SITE_LOST, 1), (WhyNot.NO_POOL, 1))


def test_what_runs_elsewhere_is_no_reason_why_another_route_has_nothing() -> None:
    """A device is free at ams, none at fra: of two routes for fra the older has it."""
    at_fra = {"edgeNodeSelector": {"matchLabels": {"at": "fra"}}}
    world = network(
        site("fra", "FRA", labels={"at": "fra"}),
        AMS,
        pool("fra"),
        pool("ams"),
        chat(placement=at_fra),
        chat("z", placement=at_fra),
    )
    found = planned(world).shortfalls

    assert [(each.route.name, each.why_not) for each in found] == [
        ("z", ((WhyNot.SITE_NOT_SELECTED, 1), (WhyNot.NO_CAPACITY, 1)))
    ]
