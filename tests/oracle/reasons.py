"""Whether the reason that a plan gives for a change holds in the world: one test per reason, by the oracle's means."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from tests.oracle import planning as oracle
from tests.oracle.planning import Oracle
from tests.worlds import NOW

from isochrone.api import EdgeNode, ModelRoute
from isochrone.api.edge_node import State
from isochrone.model import Because, Change, ChangeKind, Placement, Plan, Running


@dataclasses.dataclass(frozen=True)
class Case:
    """One change of one plan. `site` is where something goes, or where it comes if nothing goes."""

    judge: Oracle
    made: Plan
    change: Change

    @property
    def site(self) -> str:
        return self.change.from_site or self.change.site

    @property
    def edge(self) -> EdgeNode:
        return self.judge.sites[self.site]

    @property
    def route(self) -> ModelRoute:
        return self.judge.routes[self.change.route]

    @property
    def here(self) -> Sequence[Running]:
        """What of the route runs at the site."""
        running = self.judge.snapshot.observed.running
        return [each for each in running if (each.route, each.site) == (self.change.route, self.site)]

    @property
    def counted(self) -> Sequence[Placement]:
        """Where the route is to be, but for lost sites."""
        placed = [each for each in self.made.placements if each.route == self.change.route]
        return [each for each in placed if not self.judge.is_lost(each.site, NOW)]


def holds(judge: Oracle, made: Plan, change: Change) -> bool:
    """Whether a change's reason is true."""
    return TRUE[change.because](Case(judge, made, change))


def _is_gone(case: Case) -> bool:
    route = case.judge.routes.get(case.change.route)
    return route is None or not oracle.serves(route)


def _has_no_pool(case: Case) -> bool:
    judge = case.judge
    pools = [judge.pools.get(each.pool) for each in case.here if each.pool is not None]
    return any(pool is None or not judge.is_at(pool, case.site) for pool in pools)


def _suits_no_more(case: Case) -> bool:
    """The pool, the site or the route is another now; or all that runs there is more than the pool has."""
    return any(_unfit(case.judge, each) for each in case.here)


def _unfit(judge: Oracle, running: Running) -> bool:
    if not judge.suits(judge.routes[running.route], running.pool, running.site):
        return True
    if running.pool is None:
        return False
    free = judge.free(judge.pools[running.pool], running.site)
    there = [each for each in judge.snapshot.observed.running if (each.site, each.pool) == (running.site, running.pool)]
    sizes = [_devices(judge, each) for each in there for _ in range(each.replicas)]
    return not oracle.can_hold(tuple(sorted(free)), tuple(sorted((size for size in sizes if size), reverse=True)))


def _devices(judge: Oracle, running: Running) -> int:
    route = judge.routes.get(running.route)
    return route.spec.serving.resources.devices if route is not None and route.spec.serving is not None else 0


def _is_outbid(case: Case) -> bool:
    """A route of higher priority has devices of the same pool at the same site."""
    pools, mine = {each.pool for each in case.here}, case.route.spec.serving
    at = [each for each in case.made.placements if each.site == case.site and each.pool in pools]
    others = [case.judge.routes[each.route].spec.serving for each in at]
    return mine is not None and any(other is not None and other.priority > mine.priority for other in others)


def _pays(case: Case) -> bool:
    """It was well where it was; what is to be cheapest is as much cheaper as it must be."""
    if case.change.kind is not ChangeKind.MOVE or any(each.is_failing for each in case.here):
        return False
    if case.route.spec.placement.strategy.value != "Cheapest" or case.route.spec.serving is None:
        return True
    size, percent = case.route.spec.serving.resources.devices, case.judge.snapshot.settings.move_gain_percent
    after = _hourly(case.judge, case.change.site, case.change.pool, size)
    before = max(_hourly(case.judge, each.site, each.pool, size) for each in case.here)
    return after < before and after * 100 <= before * (100 - percent)


def _hourly(judge: Oracle, site: str, pool: str | None, size: int) -> int:
    """Millionths of a dollar."""
    price = float(judge.pools[pool].spec.price_per_device_hour) if pool is not None and pool in judge.pools else 0
    return round(1_000_000 * (price * size + float(judge.sites[site].spec.egress.price_per_gib)))


def _for_least_sites(case: Case) -> bool:
    told = [each for each in case.made.changes if each.route == case.change.route]
    asked = [each for each in told if each.because is Because.MIN_SITES]
    return len(asked) <= case.route.spec.placement.min_sites


def _for_objective(case: Case) -> bool:
    placement = case.route.spec.placement
    return len(case.counted) >= placement.min_sites and placement.latency_objective is not None


TRUE: Final[Mapping[Because, Callable[[Case], bool]]] = {
    Because.SITE_GONE: lambda case: case.site not in case.judge.sites,
    Because.ROUTE_GONE: _is_gone,
    Because.SITE_DISABLED: lambda case: case.edge.spec.state is State.DISABLED,
    Because.SITE_DRAINING: lambda case: case.edge.spec.state is State.DRAINING,
    Because.SITE_LOST: lambda case: case.judge.is_lost(case.site, NOW) and case.change.kind is ChangeKind.START,
    Because.FAILING: lambda case: any(each.is_failing for each in case.here),
    Because.POOL_GONE: _has_no_pool,
    Because.LAW_CHANGED: lambda case: (
        not case.judge.is_lawful(case.change.route, oracle.place_of(case.edge), oracle.ENGINES)
    ),
    Because.NO_LONGER_FITS: _suits_no_more,
    Because.OUTBID: _is_outbid,
    Because.TOO_MANY_SITES: lambda case: len(case.counted) >= case.route.spec.placement.min_sites or len(case.here) > 1,
    Because.BETTER: _pays,
    Because.RESIZED: lambda case: case.change.kind is ChangeKind.RESIZE,
    Because.MIN_SITES: _for_least_sites,
    Because.OBJECTIVE: _for_objective,
}
