"""One bundle per site: everything that its cluster is to have of it, and one digest over all.

    render(snapshot, plan, routing_at=...) -> Bundle, Bundle, ...       sites in order of their names
    index_object(bundle, release, signers=...)                          the last object to apply; it has the revision

Objects stand in the order in which they are applied: what others need first. The index comes after all of them, so a
gateway hears of engines whose objects are there. What is no longer in a bundle is removed after that. Pure.
"""

import bisect
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import msgspec

from isochrone.api import EdgeNode, GPUPool
from isochrone.api.edge_node import State
from isochrone.model import Placement, Plan, RouteKey, Routing, SiteObservation, Snapshot
from isochrone.model.declared import SYSTEM_NAMESPACE, key_of, present
from isochrone.render import pod_parts
from isochrone.render.clusters import cluster_of, speakers
from isochrone.render.config import Installation
from isochrone.render.config.installation import Calls
from isochrone.render.config.peers import hopping
from isochrone.render.engines import engine_objects, namespace
from isochrone.render.gateway import access, certificate, config_maps, deployment, entries, network, scaling, service
from isochrone.render.gateway.subject import Subject
from isochrone.render.gateway_settings import GatewaySettings
from isochrone.render.labels import gateway_labels
from isochrone.render.manifest import Json
from isochrone.render.names import gateway_name
from isochrone.render.secrets import NeededSecret
from isochrone.render.settings import RenderSettings
from isochrone_gateway.config import Kind, Pack, Release, Signer, combine, issue

J = TypeVar("J", bound=Mapping[str, Any])
RoutingAt = Callable[[str], Routing]
"""Who answers which route at a site, as the planner says."""

_ORDER: Final = (
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "NetworkPolicy",
    "CiliumNetworkPolicy",
    "FQDNNetworkPolicy",
    "Service",
    "ConfigMap",
    "Lease",
    "ResourceClaimTemplate",
    "PodDisruptionBudget",
    "Deployment",
    "StatefulSet",
    "HorizontalPodAutoscaler",
)
"""Kinds that aren't named come last: monitors, routes and exports lead to what is there."""
_RANKS: Final = {kind: rank for rank, kind in enumerate(_ORDER)}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bundle:
    """All of one site. A Disabled site's is empty: nothing runs there."""

    site: str
    cluster: str
    """What tells the site's cluster from others."""
    gateway: str
    """The name of its gateway's objects."""
    labels: dict[str, str]
    """Of its gateway's objects."""
    objects: tuple[Json, ...]
    config: Pack | None
    """The gateway's config, whose shards are among the objects; None where no gateway runs."""
    secrets: tuple[NeededSecret, ...]
    """What must be in isochrone-system beside them."""
    resting: str
    """The digest of all objects but the law's: it takes long, and a change of the law leaves it as it is."""

    @property
    def digest(self) -> str:
        """Of the objects and the config: equal digests are equal bundles, wherever they were made."""
        law = [each for each in self.objects if config_maps.is_law(each)]
        return _digest([self.resting, law, self.config.digest if self.config else ""])


def render(
    snapshot: Snapshot,
    plan: Plan,
    routing_at: RoutingAt,
    *,
    settings: RenderSettings | None = None,
    gateway: GatewaySettings | None = None,
) -> Iterator[Bundle]:
    """The bundles of all sites, one after the other. What they share is made with the first."""
    renderer = Renderer(snapshot, plan, settings=settings, gateway=gateway)
    return (renderer.bundle(routing_at(site)) for site in renderer.sites)


def index_object(bundle: Bundle, release: Release, *, signers: Iterable[Signer] = ()) -> Json:
    """The ConfigMap that makes the site's gateway load the bundle's config, with its revision."""
    if bundle.config is None:
        raise ValueError(f"site {bundle.site} runs no gateway")
    index = issue(bundle.config, site=bundle.site, release=release, signers=signers)
    return config_maps.index_map(index, f"{bundle.gateway}-config", bundle.labels)


def with_law(bundle: Bundle, law: Pack, installation: str) -> Bundle:
    """The same with another law, as if it had been rendered anew; it must be over the same places and routes."""
    if bundle.config is None:
        return bundle
    entries = [each for each in bundle.config.entries if each.kind is not Kind.LAW]
    blobs = {each.name: bundle.config.blobs[each.name] for each in entries}
    config = combine([Pack(entries=tuple(entries), blobs=blobs), law])
    objects = with_shards_of_law(bundle.objects, config_maps.shards(law, installation))
    return dataclasses.replace(bundle, objects=objects, config=config)


def with_shards_of_law(objects: Iterable[J], shards: Iterable[J]) -> tuple[J, ...]:
    """These objects, which are in order, with these pieces of a config in place of those that hold the law."""
    found = [each for each in objects if not config_maps.is_law(each)]
    for shard in shards:
        bisect.insort(found, shard, key=_place)
    return tuple(found)


class Renderer:
    """Renders the sites of one plan, in any order."""

    def __init__(
        self,
        snapshot: Snapshot,
        plan: Plan,
        *,
        settings: RenderSettings | None = None,
        gateway: GatewaySettings | None = None,
    ) -> None:
        self._settings = dataclasses.replace(settings or RenderSettings(), installation=snapshot.settings.installation)
        self._gateway = gateway or GatewaySettings()
        self._observed = snapshot.observed.sites
        self._installation = Installation(snapshot, plan)
        self._pools = present(snapshot.pools)
        self._edges = self._installation.edges
        self._hopping = hopping(self._edges.values())
        self._clusters = {name: cluster_of(edge) for name, edge in self._edges.items()}
        self._speakers = speakers(self._edges.values())
        self._placements: dict[str, list[Placement]] = {}
        for placement in (*plan.placements, *plan.staying):
            self._placements.setdefault(placement.site, []).append(placement)

    @property
    def sites(self) -> tuple[str, ...]:
        """In order."""
        return tuple(self._edges)

    def bundle(self, routing: Routing) -> Bundle:
        """One site's."""
        edge = self._edges[routing.site]
        if edge.spec.state is State.DISABLED:
            return self._made(edge, (), None, ())
        calls = self._installation.calls(routing)
        subject = self._subject(edge, calls)
        config = self._installation.pack(self._installation.config(routing, ports=self._gateway.ports))
        objects = [*self._engines(edge), *_gateway_objects(subject), *self._entries(subject)]
        objects += config_maps.trusted(self._settings.trusted_keys, self._settings.installation)
        objects += config_maps.shards(config, self._settings.installation)
        return self._made(edge, tuple(ordered(objects)), config, subject.secrets)

    def _made(
        self, edge: EdgeNode, objects: tuple[Json, ...], config: Pack | None, secrets: tuple[NeededSecret, ...]
    ) -> Bundle:
        return Bundle(
            site=edge.metadata.name,
            cluster=cluster_of(edge),
            gateway=gateway_name(edge),
            labels=gateway_labels(edge, self._settings.installation),
            objects=objects,
            config=config,
            secrets=secrets,
            resting=_digest([each for each in objects if not config_maps.is_law(each)]),
        )

    def _subject(self, edge: EdgeNode, calls: Calls) -> Subject:
        installation = self._installation
        return Subject(
            site=edge,
            settings=self._settings,
            gateway=self._gateway,
            observation=self._observation(edge),
            others=tuple(other for other in self._hopping if other is not edge),
            beside=frozenset(
                other.metadata.name
                for other in self._hopping
                if other is not edge and self._clusters[other.metadata.name] == self._clusters[edge.metadata.name]
            ),
            engines=tuple(installation.routes[key] for key in calls.engines),
            providers=tuple(installation.providers[name] for name in calls.providers),
        )

    def _observation(self, edge: EdgeNode) -> SiteObservation:
        return self._observed.get(edge.metadata.name, SiteObservation())

    def _engines(self, edge: EdgeNode) -> Iterator[Json]:
        for placement in self._placements.get(edge.metadata.name, ()):
            route = self._installation.routes.get(placement.route)
            pool: GPUPool | None = self._pools.get(placement.pool) if placement.pool is not None else None
            if route is not None and (pool is not None or placement.pool is None):
                yield from engine_objects(
                    route,
                    placement,
                    site=edge,
                    pool=pool,
                    settings=self._settings,
                    observation=self._observation(edge),
                )

    def _entries(self, subject: Subject) -> Iterator[Json]:
        """The Services of all routes, where this site speaks for its cluster."""
        if self._speakers[cluster_of(subject.site)] != subject.site.metadata.name:
            return
        routes = self._installation.called
        yield from (namespace(each, self._settings.installation) for each in sorted(_namespaces(routes)))
        yield from entries.route_services(subject, (self._installation.routes[key] for key in routes))


def _gateway_objects(subject: Subject) -> Iterator[Json]:
    yield namespace(SYSTEM_NAMESPACE, subject.settings.installation)
    yield from (namespace(each, subject.settings.installation) for each in _namespaces(map(key_of, subject.engines)))
    yield access.account(subject)
    yield from access.roles(subject)
    yield access.lease(subject)
    yield from certificate.certificates(subject)
    yield from network.policies(subject)
    yield from service.services(subject)
    yield deployment.workload(subject)
    yield pod_parts.disruption_budget(subject.selector, subject.manifest)
    yield from scaling.autoscalers(subject)
    yield from entries.monitors(subject)
    yield from entries.http_routes(subject)
    yield from entries.exports(subject)


def _digest(content: object) -> str:
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _namespaces(routes: Iterable[RouteKey]) -> set[str]:
    return {key.namespace for key in routes}


def ordered(objects: Iterable[J]) -> list[J]:
    """Each object once, the first of its name, in the order in which they are applied."""
    first: dict[tuple[str, str, str, str], J] = {}
    for each in objects:
        first.setdefault(identity(each), each)
    return sorted(first.values(), key=_place)


def _place(item: Mapping[str, Any]) -> tuple[int, str, str, str, str]:
    version, kind, namespace, name = identity(item)
    return _rank(item), namespace, name, version, kind


def identity(item: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """What tells an object from others: apiVersion, kind, namespace, name."""
    metadata = item["metadata"]
    return item["apiVersion"], item["kind"], metadata.get("namespace", ""), metadata["name"]


def _rank(item: Mapping[str, Any]) -> int:
    return len(_ORDER) + 1 if config_maps.is_index(item) else _RANKS.get(item["kind"], len(_ORDER))
