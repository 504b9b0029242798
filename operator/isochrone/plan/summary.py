"""How a plan serves each route, in figures: what it takes, what that costs, how near it is to those who ask."""

import dataclasses
import decimal
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from isochrone.model import Placement, Plan, RouteKey, Snapshot
from isochrone.plan.planner import Prepared, prepare
from isochrone.plan.view import Chosen
from isochrone.plan.wants import Want
from isochrone.plan.world import Route

_MICRO: Final = 1_000_000


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """One route with engines of its own."""

    route: RouteKey
    sites: int
    replicas: int
    devices: int
    cost: decimal.Decimal
    """US dollars for an hour, for devices and for what is sent."""
    rtt: int | None
    """Microseconds to those who ask, on average; None if it is nowhere."""
    percentile: int
    """How much of the demand is to be within the objective, in percent; 0 without one."""
    limit: int | None
    """The objective, in microseconds."""
    within: decimal.Decimal | None
    """How much of it is, in percent."""


def summary(snapshot: Snapshot, plan: Plan, *, now: int, prepared: Prepared | None = None) -> Iterator[Served]:
    """Every route that wants engines, by name. Engines at lost sites count for nothing. `prepared` as for `routing`."""
    prepared = prepared or prepare(snapshot, now=now)
    index = prepared.world.site_index
    lost = {site.name for site in prepared.world.sites if site.is_lost}
    for key, want in sorted(prepared.wants.items()):
        placed = [each for each in plan.placements if each.route == key and each.site not in lost]
        chosen = tuple(index[each.site] for each in placed)
        replicas = sum(each.replicas for each in placed)
        yield Served(
            route=key,
            sites=len(placed),
            replicas=replicas,
            devices=replicas * want.devices,
            cost=decimal.Decimal(sum(_costs(want, placed, index))) / _MICRO,
            rtt=want.view.total_of(chosen) // want.view.total if chosen and want.view.total else None,
            percentile=_percentile(prepared.world.routes[key]),
            limit=want.limit,
            within=_within(want, chosen),
        )


def _costs(want: Want, placed: Iterable[Placement], index: Mapping[str, int]) -> Iterator[int]:
    for each in placed:
        options = want.options[index[each.site]]
        yield from (option.cost * each.replicas for option in options if option.pool == each.pool)


def _within(want: Want, chosen: Chosen) -> decimal.Decimal | None:
    if want.limit is None or not want.view.total:
        return None
    near = want.view.total - want.view.missed(want.limit, chosen)
    return decimal.Decimal(near) * 100 / want.view.total


def _percentile(route: Route) -> int:
    objective = route.resource.spec.placement.latency_objective
    return objective.percentile if objective else 0
