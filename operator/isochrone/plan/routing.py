"""Who answers a route's requests that come in at a site: own engines here, peers by distance, providers.

What is the same for all sites is worked out once; for each site only peers have to be put in order. A candidate is
listed if it is lawful for some caller and origin, and of each backend's peers and endpoints every kind of caller keeps
its best few: the list gets shorter for nobody who would be left without. All candidates of a backend carry its weight,
as gateways expect.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from isochrone.api.edge_node import State
from isochrone.law import Scope
from isochrone.model import (
    Candidate,
    Plan,
    RouteKey,
    Routing,
    Snapshot,
    Target,
    ToEngine,
    ToPeer,
    ToProvider,
)
from isochrone.plan.latency import Between
from isochrone.plan.lawful import Asking
from isochrone.plan.planner import Prepared, prepare
from isochrone.plan.tiers import Engines, Outside, tiers_of
from isochrone.plan.world import Route, Site

T = TypeVar("T")


@dataclasses.dataclass(frozen=True, slots=True)
class Masks:
    """Where callers whom the law can't tell apart may be answered: directly, and by way of a peer."""

    direct: int
    hop: int


@dataclasses.dataclass(frozen=True, slots=True)
class Own:
    """A route's engines, at the sites that have them."""

    route: RouteKey
    weight: int
    stands: frozenset[int]
    """Sites whose own gateway sends to them."""
    peers: tuple[int, ...]
    """Sites whose engines other gateways can reach."""


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """A route's tiers, for all sites that let the same callers in."""

    masks: tuple[Masks, ...]
    here: int
    """Where engines may answer somebody who comes in there, or at a peer."""
    tiers: tuple[tuple[Own | tuple[Candidate, ...], ...], ...]


class Routings:
    """The tables of all sites, made one at a time."""

    def __init__(self, prepared: Prepared, plan: Plan) -> None:
        self._world = prepared.world
        self._prepared = prepared
        self._few = prepared.world.settings.candidates
        self._between = Between(prepared.world)
        self._stands = _Stands(prepared, plan)
        self._routes: dict[bool, list[tuple[RouteKey, Table]]] = {}
        self._lets_anybody_in = any(site.is_open for site in prepared.world.sites)

    def at(self, site: str) -> Routing:
        """The table of one site."""
        here = self._world.sites[self._world.site_index[site]]
        row = self._between.row(here.index)
        routes = self._of_entry(is_open=here.is_open)
        return Routing(site=site, routes={key: self._tiers(each, here, row) for key, each in routes})

    def _of_entry(self, *, is_open: bool) -> list[tuple[RouteKey, Table]]:
        if is_open not in self._routes:
            routes = self._world.routes
            self._routes[is_open] = [(key, self._prepare(routes[key], is_open=is_open)) for key in sorted(routes)]
        return self._routes[is_open]

    def _prepare(self, route: Route, *, is_open: bool) -> Table:
        law, book = self._prepared.laws[route.key], self._prepared.book
        askings: Iterable[Asking] = (*law.askings, *law.without_key) if is_open else law.askings
        masks = tuple({Masks(book.lawful(each, Scope.INFERENCE), book.hop(each)) for each in askings})
        # A peer that lets anybody in sends their requests on, also to a site that wants a key itself.
        hosted: Iterable[Asking] = (*askings, *law.without_key) if self._lets_anybody_in else askings
        here = 0
        for each in hosted:
            here |= book.lawful(each, Scope.INFERENCE)
        tiers = []
        for tier in tiers_of(self._world, route):
            parts: list[Own | tuple[Candidate, ...]] = []
            for who, weight in tier.items():
                if isinstance(who, Engines):
                    stands, peers = self._stands.of(who.route, masks)
                    parts.append(Own(who.route, weight, stands, peers))
                else:
                    parts.append(self._outside(who, weight, masks))
            tiers.append(tuple(parts))
        return Table(masks, here, tuple(tiers))

    def _outside(self, who: Outside, weight: int, masks: Sequence[Masks]) -> tuple[Candidate, ...]:
        """A provider's endpoints, in the order in which they are declared."""
        endpoints = self._world.providers[who.provider].spec.endpoints
        every = (
            Candidate(
                target=ToProvider(who.provider, each.name, who.model),
                place=self._world.atlas.endpoints[who.provider, each.name],
                weight=weight,
            )
            for each in endpoints
        )
        return tuple(_few(every, [mask.direct for mask in masks], self._few, lambda candidate: candidate.place))

    def _tiers(self, each: Table, here: Site, row: Sequence[int]) -> tuple[tuple[Candidate, ...], ...]:
        tiers = []
        for parts in each.tiers:
            tier: list[Candidate] = []
            for part in parts:
                tier += self._own(part, each, here, row) if isinstance(part, Own) else part
            if tier:
                tiers.append(tuple(tier))
        return tuple(tiers)

    def _own(self, own: Own, table: Table, here: Site, row: Sequence[int]) -> list[Candidate]:
        """The engines of this very site, then peers, the nearest first."""
        found = []
        bit = 1 << here.index
        if here.index in own.stands and table.here & bit:
            found.append(Candidate(target=ToEngine(own.route), place=here.index, weight=own.weight))
        peers = [site for site in own.peers if site != here.index]
        peers.sort(key=lambda site: row[site])
        sites, few = self._world.sites, self._few
        for site in _few(peers, [mask.hop for mask in table.masks], few, lambda site: site):
            target: Target = ToPeer(sites[site].name, own.route)
            found.append(Candidate(target=target, place=site, weight=own.weight, rtt=row[site]))
        return found


class _Stands:
    """Where each route's engines can be asked: where they are to be, and where they run until others are ready."""

    def __init__(self, prepared: Prepared, plan: Plan) -> None:
        world = self._world = prepared.world
        self._ready = {(each.route, each.site) for each in world.observed.running if each.ready > 0}
        self._at: dict[RouteKey, set[str]] = {}
        for placed in (*plan.placements, *plan.staying):
            self._at.setdefault(placed.route, set()).add(placed.site)

    def of(self, route: RouteKey, masks: Sequence[Masks]) -> tuple[frozenset[int], tuple[int, ...]]:
        """The sites that have the engines, and those of them that peers may send to."""
        index = self._world.site_index
        names = sorted(name for name in self._at.get(route, ()) if name in index)
        peers = [index[name] for name in names if _is_peer(self._world.sites[index[name]])]
        ready = [site for site in peers if (route, self._world.sites[site].name) in self._ready]
        return frozenset(index[name] for name in names), tuple(_if_enough(ready, peers, masks))


def routing(snapshot: Snapshot, plan: Plan, *, now: int, prepared: Prepared | None = None) -> Routings:
    """The tables of all sites. `prepared` spares the work of resolving the snapshot again."""
    return Routings(prepared or prepare(snapshot, now=now), plan)


def _is_peer(site: Site) -> bool:
    return site.is_advertised and not site.is_lost and site.state is not State.DISABLED


def _if_enough(ready: Sequence[int], peers: Sequence[int], masks: Sequence[Masks]) -> Sequence[int]:
    """Those that are ready, unless that leaves somebody without any."""
    some, every = _mask(ready), _mask(peers)
    is_enough = all(mask.hop & some or not mask.hop & every for mask in masks)
    return ready if is_enough else peers


def _mask(sites: Iterable[int]) -> int:
    return sum(1 << site for site in sites)


def _few(candidates: Iterable[T], masks: Sequence[int], few: int, place_of: Callable[[T], int]) -> list[T]:
    """Of candidates in order, the first few that are lawful under each mask."""
    left = dict.fromkeys(masks, few)
    found = []
    for each in candidates:
        place = place_of(each)
        lawful = [mask for mask in left if mask >> place & 1]
        if lawful:
            found.append(each)
            for mask in lawful:
                left[mask] -= 1
                if not left[mask]:
                    del left[mask]
        if not left:
            break
    return found
