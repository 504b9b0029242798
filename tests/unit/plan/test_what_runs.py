"""What of all that runs can be kept, and why the rest can't: whatever order it was found in."""

import itertools
from collections.abc import Sequence

import pytest
from tests.unit.plan.small import AMS, CHAT, FRA, NOW, Json, chat, network, pool, running
from tests.unit.validate import sample

from isochrone.model import Because, Observed, RouteKey, Running, SiteObservation
from isochrone.plan import held
from isochrone.plan.held import Held
from isochrone.plan.planner import prepare

TWO = (pool("fra"), sample.pool("gpu-new", "fra", allowedNamespaces={"selector": {}}))
NEW = running("fra", pool="gpu-new")
OTHER = RouteKey("shop", "other")


def sorted_out(
    runs: Sequence[Running], *objects: Json
) -> tuple[list[tuple[str, str | None, int]], list[tuple[str, str]]]:
    """Names, pools and replicas of what is kept; sites and reasons of what is not."""
    prepared = prepare(network(FRA, AMS, *TWO, pool("ams"), chat(), *objects), now=NOW)
    kept, ended = held.sort(prepared.world, prepared.wants, runs)
    return (
        [(each.route.name, each.pool, each.replicas) for each in kept],
        [(each.running.pool or "", each.because) for each in ended],
    )


@pytest.mark.parametrize(
    ("runs", "kept", "ended"),
    [
        pytest.param(
            [running("fra", ready=0), running("fra", pool="gpu-new")],
            [("chat", "gpu-new", 1)],
            [("gpu-fra", Because.TOO_MANY_SITES)],
            id="of two pools at a site that with more ready",
        ),
        pytest.param(
            [running("fra"), NEW],
            [("chat", "gpu-fra", 1)],
            [("gpu-new", Because.TOO_MANY_SITES)],
            id="of equals the first by name",
        ),
        pytest.param(
            [running("fra", replicas=2, ready=1), running("fra", replicas=1)],
            [("chat", "gpu-fra", 1)],
            [],
            id="found twice, it counts once",
        ),
        pytest.param(
            [running("fra", replicas=2), running("ams"), running("ams", "other")],
            [("chat", "gpu-ams", 1), ("chat", "gpu-fra", 2), ("other", "gpu-ams", 1)],
            [],
            id="other sites and other routes don't matter",
        ),
        pytest.param(
            [running("fra"), running("fra", pool="gpu-ams", ready=0)],
            [("chat", "gpu-fra", 1)],
            [("gpu-ams", Because.POOL_GONE)],
            id="a pool that is elsewhere now is gone, though another is kept",
        ),
        pytest.param(
            [running("fra", pool=None)], [], [("", Because.NO_LONGER_FITS)], id="without devices, where some are needed"
        ),
        pytest.param(
            [running("fra", pool=None), running("fra"), running("fra", pool="gpu-gone")],
            [("chat", "gpu-fra", 1)],
            [("", Because.NO_LONGER_FITS), ("gpu-gone", Because.POOL_GONE)],
            id="without devices comes first",
        ),
        pytest.param(
            [running("gone"), running("away")],
            [],
            [("gpu-away", Because.SITE_GONE), ("gpu-gone", Because.SITE_GONE)],
            id="two sites are gone",
        ),
    ],
)
def test_one_of_a_route_is_kept_at_a_site(
    runs: list[Running], kept: list[tuple[str, str, int]], ended: list[tuple[str, Because]]
) -> None:
    for order in itertools.permutations(runs):
        assert sorted_out(order, chat("other")) == (kept, ended)


@pytest.mark.parametrize(
    ("because", "is_wanted"),
    [
        pytest.param(because, because not in {Because.SITE_LOST, Because.SITE_DRAINING, Because.FAILING}, id=because)
        for because in Because
    ],
)
def test_what_speaks_against_engines(because: Because, is_wanted: bool) -> None:
    here = Held(route=OTHER, site=0, pool=None, replicas=1, is_running=True, is_ready=True, because=because)
    assert here.is_wanted is is_wanted


def test_weights_that_may_no_longer_be_there_go_by_law() -> None:
    weights = sample.policy(
        "weights",
        allow=[
            {"scope": "Inference", "places": {"include": ["EU"]}},
            {"scope": "Weights", "places": {"include": ["US"]}},
        ],
    )
    assert sorted_out([running("fra")], weights, sample.tenant(origins=["DE"])) == (
        [],
        [("gpu-fra", Because.LAW_CHANGED)],
    )


@pytest.mark.parametrize(
    "hiding",
    [
        pytest.param(chat(placement={"edgeNodeSelector": {"matchLabels": {"fast": "yes"}}}), id="not selected"),
        pytest.param(chat(placement={"poolSelector": {"matchLabels": {"fast": "yes"}}}), id="pool not selected"),
        pytest.param(chat(serving={"priority": 1000}), id="pool doesn't take the priority"),
    ],
)
def test_the_law_comes_before_reasons_that_can_wait(hiding: Json) -> None:
    abroad = sample.policy("abroad", allow=[{"scope": "Inference", "places": {"include": ["US"]}}])
    objects = [FRA, pool("fra"), hiding, abroad, sample.tenant(origins=["DE"])]
    prepared = prepare(network(*objects), now=NOW)

    _, ended = held.sort(prepared.world, prepared.wants, [running("fra")])

    assert [each.because for each in ended] == [Because.LAW_CHANGED]


def test_a_pool_that_is_gone_comes_before_a_site_that_no_longer_fits() -> None:
    elsewhere = chat(placement={"edgeNodeSelector": {"matchLabels": {"fast": "yes"}}})
    prepared = prepare(network(FRA, pool("fra"), elsewhere), now=NOW)

    _, ended = held.sort(prepared.world, prepared.wants, [running("fra", pool="gone")])

    assert [each.because for each in ended] == [Because.POOL_GONE]


def test_engines_are_kept_as_ready_and_as_known_as_they_are() -> None:
    there = [running("fra", ready=0), running("ams")]
    observed = Observed(running=tuple(there), unknown=frozenset({(CHAT, "ams"), (OTHER, "fra")}))
    prepared = prepare(network(FRA, AMS, pool("fra"), pool("ams"), chat(), observed=observed), now=NOW)

    kept, _ = held.sort(prepared.world, prepared.wants, there)

    name_of = [site.name for site in prepared.world.sites]
    assert {(name_of[each.site], each.is_ready, each.is_known) for each in kept} == {
        ("fra", False, True),
        ("ams", True, False),
    }


WAITING = [
    pytest.param((2, 1), {"a-low": (1, 0), "z-high": (1, 0)}, {"a-low": 0, "z-high": 1}, id="a higher priority first"),
    pytest.param((2, 1), {"a-low": (1, 1), "z-high": (1, 0)}, {"a-low": 1, "z-high": 0}, id="who is ready before that"),
    pytest.param((2, 1), {"z-high": (3, 1)}, {"z-high": 1}, id="one of several is ready"),
    pytest.param((1,), {"z-high": (2, 1)}, {"z-high": 2}, id="no more than there were, though there is room"),
    pytest.param((), {"a-low": (2, 0), "z-high": (2, 0)}, {"a-low": 2, "z-high": 2}, id="others hold nothing"),
]


@pytest.mark.parametrize(("taken", "runs", "expected"), WAITING)
def test_of_those_that_wait_for_what_others_hold_as_many_stay_as_have_room(
    taken: tuple[int, ...], runs: dict[str, tuple[int, int]], expected: dict[str, int]
) -> None:
    there = [running("fra", name, replicas=replicas, ready=ready) for name, (replicas, ready) in runs.items()]
    routes = [chat("a-low"), chat("z-high", serving={"priority": 1})]
    site = SiteObservation(taken={"gpu-fra": taken})
    four = pool("fra", nodes=2, devicesPerNode=2)
    observed = Observed(sites={"fra": site}, running=tuple(there))
    prepared = prepare(network(FRA, four, *routes, observed=observed), now=NOW)
    kept, _ = held.sort(prepared.world, prepared.wants, there)

    left = held.without_waiting(prepared.world, prepared.wants, kept)

    assert {each.route.name: each.replicas for each in left} == expected


def test_found_twice_as_many_well_and_failing_it_is_well() -> None:
    prepared = prepare(network(FRA, *TWO, chat()), now=NOW)
    for order in itertools.permutations([running("fra"), running("fra", is_failing=True)]):
        kept, _ = held.sort(prepared.world, prepared.wants, order)
        assert [each.because for each in kept] == [Because.KEPT]
