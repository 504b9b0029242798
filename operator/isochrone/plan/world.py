"""The snapshot, resolved once: which site has which pools, and in which order routes are asked.

Nothing is decided here. References that lead nowhere lead nowhere, an object that is being deleted is gone, and of two
objects with one name the older is there. Sites are in order of their names, so that a site's index is its place's in
the atlas; routes are in the order in which they get scarce GPUs.
"""

import collections
import dataclasses
from collections.abc import Iterable, Mapping
from fractions import Fraction

from isochrone.api import EdgeNode, GPUPool, ModelProvider, ModelRoute
from isochrone.api.edge_node import State
from isochrone.api.gpu_pool import CapacityType
from isochrone.api.selectors import Namespaces
from isochrone.geo.latency import Point
from isochrone.law import Labelled, Place
from isochrone.law.atlas import Atlas, Located
from isochrone.law.rights import namespace_of
from isochrone.law.subject import is_at
from isochrone.model import Observed, RouteKey, Running, Settings, Snapshot, lost_sites
from isochrone.model.amounts import micro_dollars, number
from isochrone.model.declared import age_of, key_of, present, serves
from isochrone.plan.pack import with_room_for


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """An EdgeNode. `index` counts sites, and is that of its place in the atlas."""

    index: int
    name: str
    labels: Mapping[str, str]
    state: State
    is_lost: bool
    is_advertised: bool
    """Whether other gateways can reach its own."""
    is_open: bool
    """Whether it answers requests without a key."""
    place: Place
    point: Point | None
    is_known: bool
    """Whether it is known where it is, by law and on the map."""
    egress: int
    """Micro-dollars per GiB."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What decides whether a pool suits a route; many pools are of one kind."""

    labels: Mapping[str, str]
    allowed: Namespaces | None
    capacity_type: CapacityType
    max_priority: int
    product: str
    memory: Fraction
    """Bytes of one device."""
    devices_per_node: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A GPUPool, at one or more sites."""

    name: str
    kind: Kind
    price: int
    """Micro-dollars for a device for an hour."""
    nodes: int
    sites: frozenset[int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A ModelRoute."""

    key: RouteKey
    resource: ModelRoute
    age: tuple[bool, str]

    @property
    def serves(self) -> bool:
        """Whether it has engines of its own that a tier names."""
        return serves(self.resource)

    @property
    def priority(self) -> int:
        serving = self.resource.spec.serving
        return serving.priority if serving else 0

    @property
    def order(self) -> tuple[int, tuple[bool, str], RouteKey]:
        """Who is asked first: by priority, then by age."""
        return (-self.priority, self.age, self.key)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class World:
    """All of it, resolved."""

    settings: Settings
    observed: Observed
    atlas: Atlas
    sites: tuple[Site, ...]
    pools: Mapping[str, Pool]
    pools_at: tuple[tuple[Pool, ...], ...]
    """For each site its pools, by name."""
    routes: Mapping[RouteKey, Route]
    """In order."""
    resources: Mapping[RouteKey, ModelRoute]
    """The routes as they are declared."""
    providers: Mapping[str, ModelProvider]
    namespaces: Mapping[str, Mapping[str, str]]
    site_index: Mapping[str, int]
    ready: Mapping[tuple[str, str | None], Mapping[RouteKey, int]]
    """(EdgeNode, GPUPool) -> replicas that can answer: they hold their devices, whatever is said of others."""

    @classmethod
    def of(cls, snapshot: Snapshot, *, now: int) -> "World":
        edges = present(snapshot.edge_nodes)
        providers = present(snapshot.providers)
        atlas = Atlas.of(edges.values(), providers.values())
        lost = lost_sites(snapshot, now=now)
        sites = tuple(
            _site(edge, index, atlas.located[index], is_lost=name in lost)
            for index, (name, edge) in enumerate(edges.items())
        )
        pools = {pool.metadata.name: _pool(pool, sites) for pool in present(snapshot.pools).values()}
        routes = sorted((_route(each) for each in present(snapshot.routes).values()), key=lambda route: route.order)
        return cls(
            settings=snapshot.settings,
            observed=snapshot.observed,
            atlas=atlas,
            sites=sites,
            pools=pools,
            pools_at=tuple(tuple(pool for pool in pools.values() if site.index in pool.sites) for site in sites),
            routes={route.key: route for route in routes},
            resources={route.key: route.resource for route in routes},
            providers=providers,
            namespaces=snapshot.namespaces,
            site_index={site.name: site.index for site in sites},
            ready=_ready(snapshot.observed.running),
        )

    def namespace(self, name: str) -> Labelled:
        """A namespace with the labels that are known of it."""
        return namespace_of(name, self.namespaces)

    def taken(self, pool: str, site: int) -> tuple[int, ...]:
        """Devices that others hold, one number per node on which they hold any."""
        seen = self.observed.sites.get(self.sites[site].name)
        return seen.taken.get(pool, ()) if seen is not None else ()

    def free(self, pool: Pool, site: int) -> tuple[int, ...]:
        """Devices that others leave free, one number per node."""
        taken, each = self.taken(pool.name, site), pool.kind.devices_per_node
        free = _free(pool.nodes, each, taken)
        return with_room_for(self._running_in(pool, site), free, most=pool.nodes * each) if any(taken) else free

    def _running_in(self, pool: Pool, site: int) -> dict[int, int]:
        """Devices per replica -> replicas of ours that are ready there."""
        load = collections.Counter[int]()
        for key, replicas in self.ready.get((self.sites[site].name, pool.name), {}).items():
            resource = self.resources.get(key)
            if resource is not None and resource.spec.serving is not None:
                load[resource.spec.serving.resources.devices] += replicas
        return {size: count for size, count in load.items() if 0 < size <= pool.kind.devices_per_node}


def _ready(running: Iterable[Running]) -> Mapping[tuple[str, str | None], Mapping[RouteKey, int]]:
    found: dict[tuple[str, str | None], collections.Counter[RouteKey]] = collections.defaultdict(collections.Counter)
    for each in running:
        here = found[each.site, each.pool]
        here[each.route] = max(here[each.route], min(each.ready, each.replicas))
    return found


def _site(edge: EdgeNode, index: int, located: Located, *, is_lost: bool) -> Site:
    spec = edge.spec
    return Site(
        index=index,
        name=edge.metadata.name,
        labels=edge.metadata.labels,
        state=spec.state,
        is_lost=is_lost,
        is_advertised=spec.gateway.advertise is not None,
        is_open=spec.gateway.anonymous_access == "Allow",
        place=located.place,
        point=located.point,
        is_known=located.place.is_known and located.point is not None,
        egress=micro_dollars(spec.egress.price_per_gib),
    )


def _pool(pool: GPUPool, sites: tuple[Site, ...]) -> Pool:
    spec = pool.spec
    kind = Kind(
        labels=pool.metadata.labels,
        allowed=spec.allowed_namespaces,
        capacity_type=spec.capacity_type,
        max_priority=spec.max_priority,
        product=spec.device.product,
        memory=number(spec.device.memory),
        devices_per_node=spec.devices_per_node,
    )
    return Pool(
        name=pool.metadata.name,
        kind=kind,
        price=micro_dollars(spec.price_per_device_hour),
        nodes=spec.nodes,
        sites=frozenset(site.index for site in sites if is_at(pool, site.name, site.labels)),
    )


def _free(nodes: int, each: int, taken: tuple[int, ...]) -> tuple[int, ...]:
    """What is left on each node. Of more nodes than there are by the pool, the fullest count."""
    held = sorted(taken, reverse=True)[:nodes]
    untouched = (each,) * (nodes - len(held))
    return (*untouched, *(max(0, each - devices) for devices in reversed(held)))


def _route(resource: ModelRoute) -> Route:
    return Route(key=key_of(resource), resource=resource, age=age_of(resource))
