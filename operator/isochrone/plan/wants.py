"""What one route wants, and all that it could have: worked out before any route is given anything."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from isochrone.api.edge_node import State
from isochrone.api.model_route import Strategy
from isochrone.model import RouteKey
from isochrone.model.amounts import milliseconds
from isochrone.plan import filters
from isochrone.plan.filters import Ask
from isochrone.plan.latency import Ints
from isochrone.plan.view import View
from isochrone.plan.world import Pool, Route, Site, World

EGRESS_GIB: Final = 1
"""What a busy replica sends in an hour: about 1,500 tokens a second, each some 200 bytes of an event stream."""
LEAST_COST: Final = 10_000
"""A cent: what costs less is compared as if it cost that, so that next to nothing isn't infinitely better."""
MOST_COST: Final = 1_000_000_000_000
"""A million dollars: all beyond is one, so that no sum grows out of bounds."""
_ALL: Final = 100


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """A place for a route's replicas. `cost` is micro-dollars for one of them for an hour."""

    site: int
    name: str
    """The site's, to break ties by."""
    pool: str | None
    cost: int


class Fresh:
    """Options at sites that take new engines, also as columns."""

    def __init__(self, options: Iterable[Option]) -> None:
        self.options: Final = tuple(options)
        self.sites: Final[Ints] = np.array([option.site for option in self.options], dtype=np.int64)
        self.costs: Final[Ints] = np.array([option.cost for option in self.options], dtype=np.int64)


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
    may_miss: int
    """The shares of demand that may be beyond the objective."""
    strategy: Strategy
    view: View
    ask: Ask
    options: Mapping[int, tuple[Option, ...]]
    """Site -> where replicas may be; also at sites that take nothing new."""
    fresh: Fresh
    least_total: int
    least_cost: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Options:
    """All that routes could have that ask for the same."""

    at: Mapping[int, tuple[Option, ...]]
    fresh: Fresh
    least_cost: int


def options_of(world: World, ask: Ask) -> Options:
    """Where a route's engines may be."""
    suits = {name for name, pool in world.pools.items() if filters.of_pool(ask, pool.kind) is None}
    found: dict[int, tuple[Option, ...]] = {}
    for site in world.sites:
        here = [] if filters.lasting(ask, site) is not None else _at(world, ask, site, suits)
        if here:
            found[site.index] = tuple(sorted(here, key=lambda option: option.cost))
    every = [option for here in found.values() for option in here]
    return Options(
        at=found,
        fresh=Fresh(option for option in every if _takes_new(world.sites[option.site])),
        least_cost=max(LEAST_COST, min((option.cost for option in every), default=LEAST_COST)),
    )


def cost_of(ask: Ask, site: Site, pool: Pool | None) -> int:
    """Micro-dollars for one replica for an hour: its devices, and what it sends."""
    devices = pool.price * ask.devices if pool is not None else 0
    return min(MOST_COST, devices + site.egress * EGRESS_GIB)


def want_of(route: Route, ask: Ask, options: Options, view: View) -> Want:
    """All that a route wants and could have."""
    spec = route.resource.spec
    serving, placement = spec.serving, spec.placement
    if serving is None:
        raise ValueError(f"{route.key} serves nothing")
    is_autoscaled = serving.replicas_managed_by == "Autoscaler"
    most = serving.max_replicas_per_site or serving.replicas_per_site
    objective = placement.latency_objective
    alone = view.least_totals(())
    return Want(
        key=route.key,
        priority=serving.priority,
        devices=serving.resources.devices,
        replicas=most if is_autoscaled else serving.replicas_per_site,
        is_autoscaled=is_autoscaled,
        min_sites=placement.min_sites,
        max_sites=placement.max_sites,
        limit=milliseconds(objective.rtt) * 1000 if objective else None,
        may_miss=view.total * (_ALL - objective.percentile) // _ALL if objective else 0,
        strategy=placement.strategy,
        view=view,
        ask=ask,
        options=options.at,
        fresh=options.fresh,
        least_total=max(1, min((int(alone[site]) for site in options.at), default=1)),
        least_cost=options.least_cost,
    )


def _at(world: World, ask: Ask, site: Site, suits: set[str]) -> list[Option]:
    if not ask.devices:
        return [Option(site.index, site.name, None, cost_of(ask, site, None))]
    return [
        Option(site.index, site.name, pool.name, cost_of(ask, site, pool))
        for pool in world.pools_at[site.index]
        if pool.name in suits
    ]


def _takes_new(site: Site) -> bool:
    return site.state is State.ACTIVE and not site.is_lost
