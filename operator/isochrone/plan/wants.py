"""What one route wants, and all that it could have: worked out before any route is given anything."""

import dataclasses
from collections.abc import Mapping
from typing import Final

from isochrone.api.edge_node import State
from isochrone.api.model_route import Strategy
from isochrone.model import RouteKey
from isochrone.plan import filters
from isochrone.plan.filters import Ask
from isochrone.plan.view import View
from isochrone.plan.world import Pool, Route, World, micros

EGRESS_GIB: Final = 1
"""What a busy replica sends in an hour: about 1,500 tokens a second, each some 200 bytes of an event stream."""
LEAST_COST: Final = 10_000
"""A cent: what costs less is compared as if it cost that, so that next to nothing isn't infinitely better."""


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """A place for a route's replicas. `cost` is micro-dollars for one of them for an hour."""

    site: int
    name: str
    """The site's, to break ties by."""
    pool: str | None
    cost: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Want:
    """One route's engines."""

    key: RouteKey
    priority: int
    devices: int
    replicas: int
    """Per site. Capacity is planned for as many as an autoscaler may make."""
    is_autoscaled: bool
    min_sites: int
    max_sites: int | None
    limit: int | None
    """The objective's round trip, in microseconds."""
    percentile: int
    strategy: Strategy
    view: View
    ask: Ask
    options: Mapping[int, tuple[Option, ...]]
    """Site -> where replicas may be; also at sites that take nothing new."""
    fresh: tuple[Option, ...]
    """Those at sites that take new engines."""
    least_total: int
    least_cost: int

    def needed(self) -> int:
        """The shares of demand that are to be within the objective."""
        return -(-self.view.total * self.percentile // 100) if self.limit is not None else 0


def want_of(world: World, route: Route, ask: Ask, view: View) -> Want:
    """All that a route wants and could have."""
    spec = route.resource.spec
    serving, placement = spec.serving, spec.placement
    if serving is None:
        raise ValueError(f"{route.key} serves nothing")
    is_autoscaled = serving.replicas_managed_by == "Autoscaler"
    objective = placement.latency_objective
    options = _options(world, ask)
    alone = view.totals(())
    every = [option for at in options.values() for option in at]
    return Want(
        key=route.key,
        priority=serving.priority,
        devices=serving.resources.devices,
        replicas=(serving.max_replicas_per_site or serving.replicas_per_site)
        if is_autoscaled
        else serving.replicas_per_site,
        is_autoscaled=is_autoscaled,
        min_sites=placement.min_sites,
        max_sites=placement.max_sites,
        limit=micros(objective.rtt) if objective else None,
        percentile=objective.percentile if objective else 0,
        strategy=placement.strategy,
        view=view,
        ask=ask,
        options=options,
        fresh=tuple(option for option in every if _takes_new(world, option.site)),
        least_total=max(1, min((alone[option.site] for option in every), default=1)),
        least_cost=max(LEAST_COST, min((option.cost for option in every), default=1)),
    )


def _options(world: World, ask: Ask) -> dict[int, tuple[Option, ...]]:
    suits: dict[str, bool] = {}
    found: dict[int, tuple[Option, ...]] = {}
    for site in world.sites:
        if filters.lasting(ask, site) is not None:
            continue
        egress = site.egress * EGRESS_GIB
        if not ask.devices:
            found[site.index] = (Option(site.index, site.name, None, egress),)
            continue
        here = [
            Option(site.index, site.name, pool.name, pool.price * ask.devices + egress)
            for pool in world.pools_at[site.index]
            if _suits(ask, pool, suits)
        ]
        if here:
            found[site.index] = tuple(sorted(here, key=lambda option: (option.cost, option.pool)))
    return found


def _suits(ask: Ask, pool: Pool, known: dict[str, bool]) -> bool:
    if pool.name not in known:
        known[pool.name] = filters.of_pool(ask, pool.kind) is None
    return known[pool.name]


def _takes_new(world: World, site: int) -> bool:
    return world.sites[site].state is State.ACTIVE and not world.sites[site].is_lost
