"""What runs, sorted into what a plan starts from: engines that can be kept, and those that something forces out.

Engines at a lost site stay in the plan, since nobody can tell them to stop and they may be back in a minute; they count
for nothing until then. Those at a draining site, and those that fail, stay until something better can be had.
"""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from isochrone.api.edge_node import State
from isochrone.model import Because, RouteKey, Running, WhyNot
from isochrone.plan import filters
from isochrone.plan.pack import Bin
from isochrone.plan.wants import Want
from isochrone.plan.world import World

_FORCED: Final[Mapping[WhyNot | None, Because]] = {
    WhyNot.SITE_DISABLED: Because.SITE_DISABLED,
    WhyNot.UNLAWFUL_INFERENCE: Because.LAW_CHANGED,
    WhyNot.UNLAWFUL_WEIGHTS: Because.LAW_CHANGED,
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Engines of a route at a site, as they run or as a round of planning left them."""

    route: RouteKey
    site: int
    pool: str | None
    replicas: int
    is_running: bool
    """Whether they run, rather than having been placed by this plan."""
    is_ready: bool
    is_known: bool = True
    """Whether all gateways know of them; before that, they can't stand for others."""
    because: Because
    """Why they are there; a reason to leave where something speaks against them."""

    @property
    def is_wanted(self) -> bool:
        """Whether nothing speaks against them."""
        return self.because not in RELUCTANT


RELUCTANT: Final = (Because.SITE_LOST, Because.SITE_DRAINING, Because.FAILING)


@dataclasses.dataclass(frozen=True, slots=True)
class Ended:
    """Engines that are to go, and why."""

    running: Running
    because: Because


def sort(world: World, wants: Mapping[RouteKey, Want], running: Iterable[Running]) -> tuple[list[Held], list[Ended]]:
    """What can be kept, and what can't. Of one route at one site only one stays: the Deployment has one pool."""
    kept: dict[tuple[RouteKey, str], Held] = {}
    ended: list[Ended] = []
    seen: set[tuple[RouteKey, str, str | None]] = set()
    for each in sorted(running, key=_order):
        if each.replicas <= 0 or (each.route, each.site, each.pool) in seen:
            continue
        seen.add((each.route, each.site, each.pool))
        reason = _forced(world, wants.get(each.route), each)
        at = (each.route, each.site)
        if reason is None and at in kept:
            reason = Because.TOO_MANY_SITES
        if reason is None:
            kept[at] = _held(world, each, world.site_index[each.site])
        else:
            ended.append(Ended(each, reason))
    return list(kept.values()), ended


def _order(running: Running) -> tuple[RouteKey, str, int, str, int, bool]:
    """Those that serve most come first."""
    return (running.route, running.site, -running.ready, running.pool or "", running.replicas, running.is_failing)


def _held(world: World, running: Running, site: int) -> Held:
    because = Because.KEPT
    if world.sites[site].is_lost:
        because = Because.SITE_LOST
    elif world.sites[site].state is State.DRAINING:
        because = Because.SITE_DRAINING
    elif running.is_failing:
        because = Because.FAILING
    return Held(
        route=running.route,
        site=site,
        pool=running.pool,
        replicas=running.replicas,
        is_running=True,
        is_ready=running.ready > 0,
        is_known=(running.route, running.site) not in world.observed.unknown,
        because=because,
    )


def _forced(world: World, want: Want | None, running: Running) -> Because | None:
    """Why it can't stay, whatever else could be had. Reasons that can't wait come first."""
    if want is None:
        return Because.ROUTE_GONE
    site = world.site_index.get(running.site)
    if site is None:
        return Because.SITE_GONE
    why = filters.lasting(want.ask, world.sites[site])
    if why in _FORCED:
        return _FORCED[why]
    if running.pool is not None and not _is_there(world, running.pool, site):
        return Because.POOL_GONE
    here = want.options.get(site, ())
    return None if any(option.pool == running.pool for option in here) else Because.NO_LONGER_FITS


def _is_there(world: World, name: str, site: int) -> bool:
    pool = world.pools.get(name)
    return pool is not None and site in pool.sites


def without_waiting(world: World, wants: Mapping[RouteKey, Want], kept: Sequence[Held]) -> list[Held]:
    """Without replicas that wait for devices which others hold: nobody who has his own makes room for them."""
    together: dict[tuple[str, int], list[Held]] = {}
    for each in kept:
        pool = each.pool or ""
        if any(world.taken(pool, each.site)):
            together.setdefault((pool, each.site), []).append(each)
    fewer = {
        (each.route, each.site): each
        for (pool, site), here in together.items()
        for each in _as_fits(world, wants, here, Bin(world.free(world.pools[pool], site)))
    }
    return [fewer.get((each.route, each.site), each) for each in kept]


def _as_fits(world: World, wants: Mapping[RouteKey, Want], here: Iterable[Held], room: Bin) -> Iterator[Held]:
    """Those that are ready come first, then by order of the routes."""
    ready = {each: min(each.replicas, _ready(world, each)) for each in here}
    for each, replicas in ready.items():
        room.put(wants[each.route].devices, replicas)
    order = {route: at for at, route in enumerate(wants)}
    for each in sorted(ready, key=lambda held: order[held.route]):
        devices = wants[each.route].devices
        more = room.room(devices, each.replicas - ready[each])
        room.put(devices, more)
        yield dataclasses.replace(each, replicas=ready[each] + more)


def _ready(world: World, held: Held) -> int:
    return world.ready[world.sites[held.site].name, held.pool][held.route]
