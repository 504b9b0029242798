"""Why a route is not at a site, worked out again from what was planned. A plan itself keeps only how many sites each
reason holds for.
"""

import collections
import dataclasses
from collections.abc import Iterable, Mapping

from isochrone.model import Placement, RouteKey, Shortfall, WhyNot
from isochrone.plan import filters, score
from isochrone.plan.filters import REACH, Ask
from isochrone.plan.pack import Bin
from isochrone.plan.wants import Want
from isochrone.plan.world import Pool, World


class Occupied:
    """The devices that a plan leaves free."""

    def __init__(self, world: World, placements: Iterable[tuple[Placement, int]]) -> None:
        """`placements` come with the devices of one replica."""
        self._world = world
        self._bins: dict[tuple[str, int], Bin] = {}
        for placement, devices in placements:
            if placement.pool is not None:
                pool, site = world.pools[placement.pool], world.site_index[placement.site]
                self.bin(pool, site).put(devices, placement.replicas)

    def bin(self, pool: Pool, site: int) -> Bin:
        """A pool at a site, with all that the plan puts there."""
        found = self._bins.get((pool.name, site))
        if found is None:
            found = self._bins[pool.name, site] = Bin(self._world.free(pool, site))
        return found


@dataclasses.dataclass(frozen=True, slots=True)
class Reason:
    """Why not, and the pool that got furthest."""

    why: WhyNot
    pool: Pool | None


def reason(world: World, ask: Ask, site: int, *, route: RouteKey, occupied: Occupied) -> Reason:
    """Why a route has nothing, or nothing more, at a site."""
    here = world.pools_at[site]
    why, pool = filters.furthest(ask, world.sites[site], here)
    if why is not None:
        return Reason(why, pool)
    if (route, world.sites[site].name) in world.observed.failed:
        return Reason(WhyNot.FAILED_LATELY, None)
    if not ask.devices:
        return Reason(WhyNot.NOT_NEEDED, None)
    suitable = [pool for pool in here if filters.of_pool(ask, pool.kind) is None]
    for pool in suitable:
        if occupied.bin(pool, site).room(ask.devices, 1):
            return Reason(WhyNot.NOT_NEEDED, pool)
    return Reason(WhyNot.NO_CAPACITY, suitable[0])


def shortfall(world: World, want: Want, placed: Mapping[int, Placement], occupied: Occupied) -> Shortfall | None:
    """What a route wants and doesn't get; None if nothing. Engines at lost sites count for nothing."""
    serving = {site: each for site, each in placed.items() if not world.sites[site].is_lost}
    chosen = tuple(sorted(serving))
    wanted_sites = max(want.min_sites, len(chosen))
    may_have_more = want.max_sites is None or len(chosen) < want.max_sites
    if may_have_more and not score.is_met(want, chosen):
        wanted_sites = max(wanted_sites, len(chosen) + 1)
    wanted, replicas = wanted_sites * want.replicas, sum(each.replicas for each in serving.values())
    if replicas >= wanted:
        return None
    full = {site for site, each in serving.items() if each.replicas >= want.replicas}
    open_sites = (site.index for site in world.sites if site.index not in full)
    counted = collections.Counter(
        reason(world, want.ask, site, route=want.key, occupied=occupied).why for site in open_sites
    )
    return Shortfall(
        route=want.key,
        wanted_sites=wanted_sites,
        sites=len(chosen),
        wanted_replicas=wanted,
        replicas=replicas,
        why_not=tuple(sorted(counted.items(), key=lambda item: (-item[1], REACH[item[0]]))),
    )
