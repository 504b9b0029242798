"""What must hold of the plan of every world: the law, devices, reasons, and that nothing else has a say.

An example is a whole installation with what was observed in it. The soak takes ten thousand, `make test` the same
hundred each time; so many of them must be hard ones that the rules meet.
"""

import collections
import dataclasses
import math
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from tests.oracle import planning as oracle
from tests.oracle import reasons
from tests.oracle.planning import Oracle
from tests.worlds import NOW, Dice, applied, edited, seeds, shuffled, world
from tests.worlds.drawing import WORLDS, examples

from isochrone.api.edge_node import State
from isochrone.model import Because, Change, ChangeKind, Plan, Running, Snapshot, WhyNot
from isochrone.plan import counts, plan, replan
from isochrone.plan.changes import AT_ONCE
from isochrone.plan.world import World

pytestmark = pytest.mark.soak

HARD: Final = 0.3
"""The part of all worlds that have five sites or more, two policies or more, an outage and scarce devices at once."""


def test_plans_are_lawful_possible_and_reasoned() -> None:
    seen: collections.Counter[str] = collections.Counter()

    @examples(WORLDS, part=100)
    @given(seeds)
    def hold(seed: int) -> None:
        seen.update(kinds_of(*judged(seed)))

    hold()
    report(seen)
    by_chance = 3 * math.sqrt(seen["worlds"] * HARD * (1 - HARD))
    assert seen["hard"] >= HARD * seen["worlds"] - by_chance


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(68630563308567251850770269610, id="a move comes to nothing while other engines fail"),
        pytest.param(4931780569809125320356318475, id="all of a route waits for what others hold"),
        pytest.param(37967009965627582879095692626, id="what no longer fits serves alone while others are begun"),
        pytest.param(77744546381311439831051420336, id="a pool that is gone is at a site that isn't selected"),
        pytest.param(50980635009035750439811426689, id="an unlawful site isn't selected either"),
        pytest.param(8946574109168259161887769057, id="a move is undone by another, and its end is one site more"),
    ],
)
def test_what_was_once_told_wrongly(seed: int) -> None:
    judged(seed)


def judged(seed: int) -> tuple[Oracle, Plan]:
    """A plan that is as it must be, and its world."""
    before = world(seed)
    made, judge = plan(before, now=NOW), Oracle(before)
    assert_lawful(judge, made)
    assert_possible(judge, made)
    assert_complete(judge, made)
    assert_reasoned(judge, made)
    assert_handed_over(judge, made)
    return judge, made


def kinds_of(judge: Oracle, made: Plan) -> Iterator[str]:
    """What is special about a world."""
    before = judge.snapshot
    lost = any(judge.is_lost(name, NOW) for name in judge.sites)
    scarce = any(why is WhyNot.NO_CAPACITY for each in made.shortfalls for why, _ in each.why_not)
    kinds = {
        "5+ sites": len(before.edge_nodes) >= 5,
        "2+ policies": len(before.policies) >= 2,
        "an outage": lost,
        "scarce devices": scarce,
    }
    yield "worlds"
    yield from (kind for kind, holds in kinds.items() if holds)
    if all(kinds.values()):
        yield "hard"
    yield from sorted({f"{each.kind.value} {each.because.value}" for each in made.changes})
    yield from sorted({f"kept {each.because.value}" for each in made.placements})
    if made.deferred:
        yield "deferred moves"


def report(seen: collections.Counter[str]) -> None:
    for kind, count in seen.most_common():
        print(f"{kind:32} {count:6} {100 * count / seen['worlds']:5.1f} %")  # noqa: T201 - the coverage is asked for


# Law and devices


def assert_lawful(judge: Oracle, made: Plan) -> None:
    for each in made.placements:
        place = oracle.place_of(judge.sites[each.site])
        assert judge.is_lawful(each.route, place, oracle.ENGINES), each


def assert_possible(judge: Oracle, made: Plan) -> None:
    """Only where it suits, no more than there is, and each replica on one node."""
    assert len({(each.route, each.site) for each in made.placements}) == len(made.placements)
    for each in made.placements:
        route = judge.routes[each.route]
        serving, edge = route.spec.serving, judge.sites[each.site]
        assert serving is not None
        assert oracle.serves(route)
        assert judge.suits(route, each.pool, each.site), each
        assert 1 <= each.replicas <= (serving.max_replicas_per_site or serving.replicas_per_site)
        assert edge.spec.state is not State.DISABLED
        if not ran(judge, each.route, each.site, each.pool):
            assert edge.spec.state is State.ACTIVE, each
            assert not judge.is_lost(each.site, NOW), each
            assert (each.route, each.site) not in judge.snapshot.observed.failed, each
    assert judge.fits(made.placements)
    for key, route in judge.routes.items():
        most = route.spec.placement.max_sites
        counted = [each for each in made.placements if each.route == key and not judge.is_lost(each.site, NOW)]
        assert most is None or len(counted) <= most


def assert_complete(judge: Oracle, made: Plan) -> None:
    """Whoever lacks something is told why, once for each site that doesn't serve all that is wanted."""
    short = {each.route: each for each in made.shortfalls}
    assert len(short) == len(made.shortfalls)
    for key, route in judge.routes.items():
        serving = route.spec.serving
        if serving is None or not oracle.serves(route):
            assert key not in short
            continue
        served = [each for each in made.placements if each.route == key and not judge.is_lost(each.site, NOW)]
        scaled = serving.replicas_managed_by == "Autoscaler"
        wanted = (serving.max_replicas_per_site or 0) if scaled else serving.replicas_per_site
        full = [each for each in served if each.replicas == wanted]
        if len(full) < max(route.spec.placement.min_sites, len(served)):
            assert key in short
        if key in short:
            assert sum(count for _, count in short[key].why_not) == len(judge.sites) - len(full)
            assert (short[key].sites, short[key].replicas) == (len(served), sum(each.replicas for each in served))
            assert short[key].wanted_sites > len(served) or short[key].wanted_replicas > short[key].replicas


# Reasons


def assert_reasoned(judge: Oracle, made: Plan) -> None:
    """Each difference is told exactly once, and its reason is true."""
    placed = {(each.route, each.site, each.pool) for each in made.placements}
    running = {key(each) for each in judge.snapshot.observed.running if each.replicas > 0}
    arrives = [(each.route, each.site, each.pool) for each in made.changes if each.kind is not ChangeKind.STOP]
    new = placed - running
    assert new <= set(arrives)
    gone = [(each.route, each.from_site or each.site) for each in made.changes if leaves(each)]
    assert sorted(gone) == sorted((route, site) for route, site, _ in running - placed)
    for each in made.changes:
        assert reasons.holds(judge, made, each), each
    for each in made.deferred:
        assert each.because is Because.BETTER
        assert (each.route, each.from_site) in {(route, site) for route, site, _ in placed & running}
    recent = sum(1 for moved in judge.snapshot.observed.moves if moved > NOW - 3600)
    most = max(0, judge.snapshot.settings.max_moves_per_hour - recent)
    assert sum(map(counts, made.changes)) <= most
    assert not made.deferred or sum(map(counts, made.changes)) == most


def assert_handed_over(judge: Oracle, made: Plan) -> None:
    """What serves goes on until others do, unless it must go at once."""
    observed = judge.snapshot.observed
    serving = {(each.route, each.site) for each in observed.running if each.ready and each.replicas}
    placed = {(each.route, each.site) for each in made.placements}
    staying = {(each.route, each.site) for each in made.staying}
    assert staying <= serving - placed
    for each in made.staying:
        place = oracle.place_of(judge.sites[each.site])
        assert judge.is_lawful(each.route, place, oracle.ENGINES), each
        assert judge.sites[each.site].spec.state is not State.DISABLED
        assert each.pool is None or each.pool in judge.pools
    for route in {route for route, _ in placed}:
        before = {at for at in serving if at[0] == route}
        known = before & placed - observed.unknown
        going = [each for each in made.changes if each.route == route and leaves(each)]
        if before and not known and not any(each.because in {*AT_ONCE, Because.POOL_GONE} for each in going):
            assert before & (placed | staying), route


def leaves(change: Change) -> bool:
    return change.kind in {ChangeKind.STOP, ChangeKind.MOVE}


def key(running: Running) -> tuple[object, str, str | None]:
    return (running.route, running.site, running.pool)


def ran(judge: Oracle, *wanted: object) -> bool:
    return any(key(each) == wanted and each.replicas > 0 for each in judge.snapshot.observed.running)


# Nothing else has a say


@examples(WORLDS, part=100)
@given(seeds)
def test_the_order_of_what_is_known_means_nothing(seed: int) -> None:
    before = world(seed)
    assert plan(shuffled(Dice(seed), before), now=NOW) == plan(before, now=NOW)


@examples(WORLDS, part=100)
@given(seeds)
def test_to_plan_again_what_was_carried_out_changes_nothing(seed: int) -> None:
    """Where what others hold and what runs add up; where they don't, a plan holds until the next look, when they do."""
    before = world(seed)
    if not adds_up(before):
        return
    made = plan(before, now=NOW)
    again = plan(applied(before, made), now=NOW)
    assert again.changes == ()
    assert places(again) == places(made)


def adds_up(before: Snapshot) -> bool:
    """Whether others leave room for what is ready in each pool."""
    known = World.of(before, now=NOW)
    said = dataclasses.replace(known, ready={})
    return all(known.free(pool, site) == said.free(pool, site) for pool in known.pools.values() for site in pool.sites)


def places(made: Plan) -> list[tuple[object, str, str | None, int]]:
    return [(each.route, each.site, each.pool, each.replicas) for each in made.placements]


@examples(WORLDS, part=100)
@given(seeds)
def test_what_a_change_cannot_touch_is_not_planned_again_and_the_plan_is_the_same(seed: int) -> None:
    dice, before = Dice(seed), world(seed)
    planned = replan(None, before, now=NOW)
    for _ in range(3):
        if dice.chance(30):
            before = applied(before, planned.plan)
        before = edited(dice, before)
        planned = replan(planned, before, now=NOW)
        assert planned.plan == plan(before, now=NOW)
