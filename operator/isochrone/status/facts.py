"""What the statuses of several kinds are made from, looked up once."""

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import TypeVar

from isochrone import law
from isochrone.api import EdgeNode, GPUPool, InferenceTenant, ModelProvider, ModelRoute
from isochrone.api.edge_node import State
from isochrone.api.model_route import Backend
from isochrone.law import Place, Policy, atlas, copies, references
from isochrone.law.subject import is_at
from isochrone.model import (
    Delivery,
    Placement,
    Plan,
    RouteKey,
    Routing,
    Running,
    Shortfall,
    Snapshot,
    ToProvider,
    hosts,
    lost_sites,
)
from isochrone.model.declared import by_age, key_of, present, public_names
from isochrone.status.binding import Bindings

K = TypeVar("K")
V = TypeVar("V")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Who is asked for what, as the tables of all sites say."""

    providers: Mapping[str, frozenset[str]]
    """EdgeNode -> providers that its gateway may call."""
    answered: frozenset[RouteKey]
    """Routes for which at least one site has somebody to ask."""

    @classmethod
    def of(cls, routings: Iterable[Routing]) -> "Asked":
        providers: dict[str, frozenset[str]] = {}
        answered: set[RouteKey] = set()
        for routing in routings:
            answered |= {key for key, tiers in routing.routes.items() if tiers}
            every = (each.target for tiers in routing.routes.values() for tier in tiers for each in tier)
            providers[routing.site] = frozenset(each.provider for each in every if isinstance(each, ToProvider))
        return cls(providers=providers, answered=frozenset(answered))

    @classmethod
    def together(cls, parts: Iterable["Asked"]) -> "Asked":
        """What several say, each of other sites."""
        providers: dict[str, frozenset[str]] = {}
        answered: set[RouteKey] = set()
        for part in parts:
            providers |= part.providers
            answered |= part.answered
        return cls(providers=providers, answered=frozenset(answered))


class Facts:
    """A snapshot, a plan and a delivery at one moment. Objects that are being deleted are not in the look-ups."""

    def __init__(self, snapshot: Snapshot, plan: Plan, delivery: Delivery, *, now: int, asked: Asked | None) -> None:
        self.snapshot, self.plan, self.delivery, self.now = snapshot, plan, delivery, now
        self._asked = asked
        self.edges: Mapping[str, EdgeNode] = present(snapshot.edge_nodes)
        self.pools: Mapping[str, GPUPool] = present(snapshot.pools)
        self.providers: Mapping[str, ModelProvider] = present(snapshot.providers)
        self.routes: Mapping[RouteKey, ModelRoute] = {key_of(each): each for each in present(snapshot.routes).values()}
        self.tenants: Mapping[RouteKey, InferenceTenant] = {
            key_of(each): each for each in present(snapshot.tenants).values()
        }
        self.lost = lost_sites(snapshot, now=now)
        self.placed_at: Mapping[str, list[Placement]] = _grouped((each.site, each) for each in plan.placements)
        self.placed_in: Mapping[str, list[Placement]] = _grouped((each.pool or "", each) for each in plan.placements)
        self.placed_of: Mapping[RouteKey, list[Placement]] = _grouped((each.route, each) for each in plan.placements)
        running = snapshot.observed.running
        self.running_at: Mapping[str, list[Running]] = _grouped((each.site, each) for each in running)
        self.running_in: Mapping[str, list[Running]] = _grouped((each.pool or "", each) for each in running)
        self.running_of: Mapping[RouteKey, list[Running]] = _grouped((each.route, each) for each in running)
        self.shortfalls: Mapping[RouteKey, Shortfall] = {each.route: each for each in plan.shortfalls}

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """Where each site is, for the law."""
        return {name: atlas.of_site(edge).place for name, edge in self.edges.items()}

    @cached_property
    def names(self) -> Mapping[RouteKey, tuple[str, ...]]:
        """The names by which each route is called."""
        return public_names(self.snapshot.routes)

    @cached_property
    def owners(self) -> Mapping[str, RouteKey]:
        """Who has a name."""
        return {name: key for key, names in self.names.items() for name in names}

    @cached_property
    def key_owners(self) -> Mapping[str, RouteKey]:
        """Hash of an API key -> the tenant whose it is."""
        found: dict[str, RouteKey] = {}
        for tenant in by_age(self.tenants.values()):
            for key in tenant.spec.keys:
                found.setdefault(key.sha256, key_of(tenant))
        return found

    @cached_property
    def policies(self) -> Mapping[str, Policy]:
        """What the policies that are there say."""
        return {name: law.read(each)[0] for name, each in present(self.snapshot.policies).items()}

    @cached_property
    def buckets(self) -> copies.Buckets:
        """Which of sites' buckets may have their evidence."""
        return copies.Buckets(self.policies.values())

    @cached_property
    def bindings(self) -> Bindings:
        """Whom each policy may bind."""
        return Bindings(self.policies.values(), self.routes, self.tenants, self.snapshot.namespaces)

    @cached_property
    def leading(self) -> Mapping[RouteKey, list[RouteKey]]:
        """The routes to which each route's backends lead."""
        return {
            key: [references.target(each, key.namespace) for each in _backends(route) if each.route is not None]
            for key, route in self.routes.items()
        }

    @cached_property
    def running_sites(self) -> tuple[str, ...]:
        """The sites that have a gateway."""
        return tuple(name for name, edge in self.edges.items() if edge.spec.state is not State.DISABLED)

    @cached_property
    def users(self) -> Mapping[str, list[RouteKey]]:
        """Provider -> routes that name it, whether they may or not."""
        found: dict[str, list[RouteKey]] = {}
        for key, route in self.routes.items():
            for name in sorted({each.provider.name for each in _backends(route) if each.provider is not None}):
                found.setdefault(name, []).append(key)
        return found

    @cached_property
    def named_peers(self) -> Mapping[str, str]:
        """Site -> the host by which others reach its gateway, where nothing but its name is known."""
        advertised = ((name, self.edges[name].spec.gateway.advertise) for name in self.running_sites)
        found = ((name, hosts.of_peer(each)) for name, each in advertised if each is not None)
        return {name: each.host for name, each in found if each.by_name and not hosts.SERVICE.fullmatch(each.host)}

    def calls(self, site: str) -> frozenset[str]:
        """The providers that a site's gateway may call; without tables, all that a route may use."""
        return self._asked.providers.get(site, frozenset()) if self._asked is not None else self._used

    def is_answered(self, route: RouteKey) -> bool | None:
        """Whether somebody may answer for a route somewhere; None where that is not known."""
        return route in self._asked.answered if self._asked is not None else None

    def pools_at(self, site: EdgeNode) -> list[GPUPool]:
        name, labels = site.metadata.name, site.metadata.labels
        return [pool for pool in self.pools.values() if is_at(pool, name, labels)]

    def devices(self, placements: Iterable[Placement]) -> int:
        """GPUs that these placements hold."""
        return sum(each.replicas * self._devices_of(each.route) for each in placements if each.pool is not None)

    def of_others(self, pools: Iterable[str], sites: Iterable[str]) -> int | None:
        """GPUs of pools at sites that pods of others hold; None where that isn't known of any."""
        names, seen = set(pools), [self.delivery.reports[site].observation for site in self._looked_at(sites)]
        held = (sum(devices) for each in seen for pool, devices in each.taken.items() if pool in names)
        return sum(held) if seen else None

    def untold(self, sites: Iterable[str]) -> Iterator[tuple[str, str]]:
        """Sites where it isn't known what others hold, and why."""
        for site in sites:
            report = self.delivery.reports.get(site)
            if report is not None and report.observation.untold:
                yield site, report.observation.untold

    def _looked_at(self, sites: Iterable[str]) -> Iterator[str]:
        for site in sites:
            report = self.delivery.reports.get(site)
            if report is not None and report.version and (report.observation.taken or not report.observation.untold):
                yield site

    def _devices_of(self, route: RouteKey) -> int:
        found = self.routes.get(route)
        return found.spec.serving.resources.devices if found is not None and found.spec.serving is not None else 0

    @cached_property
    def _used(self) -> frozenset[str]:
        return frozenset(
            each.provider.name
            for key, route in self.routes.items()
            for each in _backends(route)
            if each.provider is not None
            and references.of_backend(
                each, key.namespace, routes=self.routes, providers=self.providers, namespaces=self.snapshot.namespaces
            )
            is None
        )


def _grouped(pairs: Iterable[tuple[K, V]]) -> Mapping[K, list[V]]:
    found: dict[K, list[V]] = collections.defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return found


def _backends(route: ModelRoute) -> Iterator[Backend]:
    return (each for tier in route.spec.tiers or () for each in tier.backends)
