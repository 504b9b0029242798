"""The network at each step of a drill: what is planned, which configs gateways have, who has engines. Pure."""

import dataclasses
from collections.abc import Container, Iterable, Mapping

from isochrone import plan as planning
from isochrone.api.edge_node import State
from isochrone.api.model_provider import Dialect
from isochrone.geo.latency import Point
from isochrone.law import atlas
from isochrone.model import Plan, RouteKey, Running, SiteObservation, Snapshot, lost_sites
from isochrone.model.declared import present
from isochrone.plan.tiers import Engines, Who, tiers_of
from isochrone.render.config import Installation
from isochrone_gateway.config import Pack


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """What the hub decided, with some sites lost."""

    configs: Mapping[str, Pack]
    """Site -> its gateway's config, of those that aren't lost."""
    engines: Mapping[RouteKey, frozenset[str]]
    """Route -> the sites that have its engines."""
    answering: Mapping[str, tuple["Able", ...]]
    """Route -> who is to answer it, in any tier."""
    plan: Plan


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Able:
    """Engines of a route, wherever they are; or a provider."""

    engines: RouteKey | None = None
    provider: str = ""


def points(snapshot: Snapshot) -> dict[str, Point | None]:
    """Site -> where it is, of those that run a gateway."""
    edges = present(snapshot.edge_nodes)
    return {name: atlas.of_site(each).point for name, each in edges.items() if each.spec.state is not State.DISABLED}


def away(snapshot: Snapshot, *, now: int) -> tuple[str, ...]:
    """Sites that are lost already, in order."""
    return tuple(sorted(lost_sites(snapshot, now=now) & points(snapshot).keys()))


def plan(snapshot: Snapshot, lost: Iterable[str], before: Planned | None, *, now: int) -> Planned:
    """What the hub makes of it, once these sites count as lost. What ran elsewhere goes on running.

    Gateways hear of new engines when these are ready, so it is planned once more with all of them ready.
    """
    found = _observed(snapshot, frozenset(lost), before, now=now)
    first = planning.replan(None, found, now=now)
    found = _running(found, first.plan.as_running())
    planned = planning.replan(first, found, now=now)
    routings = planning.routing(found, planned.plan, now=now, prepared=planned.prepared)
    installation = Installation(found, planned.plan)
    gone = lost_sites(found, now=now)
    live = [name for name in points(snapshot) if name not in gone]
    engines: dict[RouteKey, set[str]] = {}
    for each in (*planned.plan.placements, *planned.plan.staying):
        engines.setdefault(each.route, set()).add(each.site)
    world = planned.prepared.world
    spoken = {name for name, each in world.providers.items() if each.spec.dialect is Dialect.OPEN_AI}
    return Planned(
        configs={name: installation.pack(installation.config(routings.at(name))) for name in live},
        engines={key: frozenset(sites) for key, sites in engines.items()},
        answering={str(key): _answering(tiers_of(world, route), spoken) for key, route in world.routes.items()},
        plan=planned.plan,
    )


def _answering(tiers: Iterable[Mapping[Who, int]], spoken: Container[str]) -> tuple[Able, ...]:
    """Who can: engines, and the providers whose dialect gateways speak."""
    named = (who for tier in tiers for who, weight in tier.items() if weight)
    return tuple(
        Able(engines=who.route) if isinstance(who, Engines) else Able(provider=who.provider)
        for who in named
        if isinstance(who, Engines) or who.provider in spoken
    )


def _observed(snapshot: Snapshot, lost: frozenset[str], before: Planned | None, *, now: int) -> Snapshot:
    since = now - snapshot.settings.lost_after
    known = snapshot.observed.sites
    sites = {
        name: dataclasses.replace(known.get(name, SiteObservation()), unreachable_since=since) for name in sorted(lost)
    }
    running = before.plan.as_running() if before is not None else snapshot.observed.running
    left = tuple(each for each in running if each.site not in lost)
    seen = dataclasses.replace(snapshot, observed=dataclasses.replace(snapshot.observed, sites={**known, **sites}))
    return _running(seen, left)


def _running(snapshot: Snapshot, running: tuple[Running, ...]) -> Snapshot:
    return dataclasses.replace(snapshot, observed=dataclasses.replace(snapshot.observed, running=running))
