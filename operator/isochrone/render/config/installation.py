"""The gateway's config of every site: what is equal everywhere is made and packed once, the rest per site.

A hub makes hundreds of configs at a time, which share nearly all their bytes: places, law and tenants are the same
sections everywhere, and sites that may call the same providers share that section too.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from isochrone.api import EdgeNode, InferenceTenant, ModelProvider, ModelRoute
from isochrone.api.edge_node import State
from isochrone.law import Labelled
from isochrone.law.atlas import Atlas
from isochrone.law.rights import namespace_of
from isochrone.model import Plan, RouteKey, Routing, Snapshot, ToEngine, ToProvider
from isochrone.model.declared import key_of, present, public_names
from isochrone.render.config import law as compiling
from isochrone.render.config.copies import lawful
from isochrone.render.config.engines import pool_of
from isochrone.render.config.peers import peers_of
from isochrone.render.config.places import places_of
from isochrone.render.config.providers import provider_of
from isochrone.render.config.routes import Answering, route_of, with_tiers
from isochrone.render.config.site import front_doors, hub_of, site_of
from isochrone.render.config.tenants import tenants_of
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import Config, Kind, Pack, combine, pack_section
from isochrone_gateway.config.canonical import plain
from isochrone_gateway.config.engines import EnginePool
from isochrone_gateway.config.law import Law
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Places
from isochrone_gateway.config.routes import Route
from isochrone_gateway.config.tenants import Tenants

_SHARED = (Kind.PLACES, Kind.TENANTS)
_PLAIN = (Kind.ROUTES, Kind.PEERS)
"""Sections that are made plain here, record by record, before they are put together for each site."""
_OF_THE_SITE = (Kind.SITE, Kind.ROUTES, Kind.ENGINES, Kind.PEERS)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """What of an installation one site's gateway calls itself."""

    engines: tuple[RouteKey, ...]
    """Routes whose engines run at the site, or are to run there; sorted."""
    providers: tuple[str, ...]
    """Sorted."""


class Installation:
    """All that is declared, as gateways will know it, and where engines are to run."""

    def __init__(self, snapshot: Snapshot, plan: Plan) -> None:
        self._snapshot = snapshot
        declared = present(snapshot.edge_nodes)
        self.edges: Mapping[str, EdgeNode] = lawful(declared, present(snapshot.policies).values())
        self.providers: Mapping[str, ModelProvider] = present(snapshot.providers)
        self.routes: Mapping[RouteKey, ModelRoute] = {
            key_of(route): route for route in present(snapshot.routes).values()
        }
        self.tenants: tuple[InferenceTenant, ...] = tuple(present(snapshot.tenants).values())
        # With the buckets that get nothing: a law that is changed may not renumber places.
        self.atlas = Atlas.of(declared.values(), self.providers.values())
        self._placed: dict[str, set[RouteKey]] = {}
        for placement in plan.placements:
            self._placed.setdefault(placement.site, set()).add(placement.route)
        self._provider_packs: dict[tuple[str, ...], Pack] = {}

    @property
    def name(self) -> str:
        return self._snapshot.settings.installation

    @property
    def has_peers(self) -> bool:
        """Whether requests may hop between sites at all."""
        return bool(self._peers)

    @property
    def called(self) -> tuple[RouteKey, ...]:
        """The routes that clients can call, sorted."""
        return tuple(self._base_routes)

    def calls(self, routing: Routing) -> Calls:
        """What a site's gateway is to reach in its own cluster, and outside."""
        engines, providers = set(self._placed.get(routing.site, ())), set()
        for candidate in (each for tiers in routing.routes.values() for tier in tiers for each in tier):
            if isinstance(candidate.target, ToEngine):
                engines.add(candidate.target.route)
            elif isinstance(candidate.target, ToProvider):
                providers.add(candidate.target.provider)
        serving = (key for key in engines if key in self.routes and self.routes[key].spec.serving is not None)
        return Calls(engines=tuple(sorted(serving)), providers=tuple(sorted(providers)))

    def config(self, routing: Routing, *, ports: Ports | None = None) -> Config:
        """The whole config of one site."""
        edge, calls = self.edges[routing.site], self.calls(routing)
        site = site_of(
            edge,
            atlas=self.atlas,
            jurisdictions=self._front_doors,
            unbound=self._snapshot.settings.unbound,
            ports=ports or Ports(),
            has_peers=self.has_peers,
        )
        return Config(
            site=replace(site, hub=self._hub),
            places=self._places,
            law=self._law,
            routes=self._routes_at(routing),
            engines=self._pools(edge, calls.engines),
            providers=tuple(provider_of(self.providers[name], self.atlas) for name in calls.providers),
            tenants=self._tenants,
            peers=tuple(peer for peer in self._peers if peer.site != routing.site),
        )

    def pack(self, config: Config) -> Pack:
        """One site's config in pieces, of which all that others have too is packed once."""
        calling = tuple(provider.name for provider in config.providers)
        if calling not in self._provider_packs:
            self._provider_packs[calling] = pack_section(Kind.PROVIDERS, config)
        own = (pack_section(kind, config, is_plain=kind in _PLAIN) for kind in _OF_THE_SITE)
        return combine([self._shared_pack, self.law_pack, self._provider_packs[calling], *own])

    # What is the same at every site.

    @functools.cached_property
    def law_pack(self) -> Pack:
        """The law of all sites."""
        return pack_section(Kind.LAW, self._any)

    @functools.cached_property
    def _shared_pack(self) -> Pack:
        return combine(pack_section(kind, self._any) for kind in _SHARED)

    @functools.cached_property
    def _any(self) -> Config:
        return self.config(Routing(site=next(iter(self.edges)), routes={}))

    @functools.cached_property
    def _hub(self) -> frozenset[int]:
        return hub_of(self.edges.values(), self.atlas)

    @functools.cached_property
    def _places(self) -> Places:
        return places_of(self.atlas)

    @functools.cached_property
    def _law(self) -> Law:
        active = [edge for edge in self.edges.values() if edge.spec.state is State.ACTIVE]
        policies = (
            compiling.declared(each, edges=active, atlas=self.atlas)
            for each in present(self._snapshot.policies).values()
        )
        return compiling.compile_law(policies, self._ids, self.atlas.places)

    @functools.cached_property
    def _ids(self) -> compiling.Ids:
        routes = {str(key): Labelled(key.name, self.routes[key].metadata.labels) for key in self._base_routes}
        tenants = {str(key_of(each)): Labelled(each.metadata.name, each.metadata.labels) for each in self.tenants}
        names = {key.namespace for key in self._base_routes} | {key_of(each).namespace for each in self.tenants}
        namespaces = {name: namespace_of(name, self._snapshot.namespaces) for name in sorted(names)}
        return compiling.Ids(routes=routes, tenants=tenants, namespaces=namespaces)

    @functools.cached_property
    def _tenants(self) -> Tenants:
        known = {key: self.routes[key] for key in self._base_routes}
        return tenants_of(self.tenants, known, self._snapshot.namespaces)

    @functools.cached_property
    def _base_routes(self) -> Mapping[RouteKey, Route]:
        """The routes that clients can call. One that lost all of its names is none, though its engines may run."""
        names = public_names(self.routes.values())
        return {key: plain(route_of(self.routes[key], names[key])) for key in names if names[key]}

    @functools.cached_property
    def _answering(self) -> Answering:
        return Answering(self.routes, self.providers.values())

    @functools.cached_property
    def _peers(self) -> tuple[Peer, ...]:
        return tuple(map(plain, peers_of(self.edges.values(), self.atlas, self.name)))

    @functools.cached_property
    def _front_doors(self) -> dict[str, str]:
        return front_doors(self.edges.values(), self.atlas)

    # One site.

    def _routes_at(self, routing: Routing) -> tuple[Route, ...]:
        tiers, answering = routing.routes, self._answering
        return tuple(with_tiers(route, answering.tiers(tiers.get(key, ()))) for key, route in self._base_routes.items())

    def _pools(self, edge: EdgeNode, engines: Iterable[RouteKey]) -> tuple[EnginePool, ...]:
        found = []
        for key in engines:
            route = self.routes[key]
            if route.spec.serving is not None:
                found.append(pool_of(route, route.spec.serving.engine, edge))
        return tuple(found)
