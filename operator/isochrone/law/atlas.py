"""All places of an installation in one order, which operator and gateways share: a place's index is its bit in masks.

Sites come first, then what endpoints of providers name, then where buckets are, each in order of names. What isn't
known (an airport that there isn't, a bloc that nobody defines) is a place without jurisdiction, which no policy that
binds allows.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from isochrone.api import EdgeNode, ModelProvider
from isochrone.api.evidence_level import Evidence
from isochrone.api.model_provider import Endpoint
from isochrone.api.object_storage import ObjectStorage
from isochrone.geo import codes, places
from isochrone.geo.areas import Area, expand
from isochrone.geo.latency import Point
from isochrone.law.policy import Place


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """A place, and the point on the map if there is one."""

    place: Place
    point: Point | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Atlas:
    """The places, and which of them sites and endpoints are at."""

    located: tuple[Located, ...]
    sites: Mapping[str, int]
    """EdgeNode -> index."""
    endpoints: Mapping[tuple[str, str], int]
    """(ModelProvider, endpoint) -> index of where it processes."""
    stores: Mapping[tuple[str, str], int]
    """(ModelProvider, endpoint) -> index of where it keeps state."""
    buckets: Mapping[str, int]
    """EdgeNode -> index of where the bucket is that its evidence is copied to, if it is to be."""

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(each.place for each in self.located)

    @classmethod
    def of(cls, edge_nodes: Iterable[EdgeNode], providers: Iterable[ModelProvider]) -> "Atlas":
        edges = sorted(edge_nodes, key=lambda edge: edge.metadata.name)
        located = {edge.metadata.name: of_site(edge) for edge in edges}
        index = list(located.values())
        endpoints: dict[tuple[str, str], int] = {}
        stores: dict[tuple[str, str], int] = {}
        seen: dict[Place, int] = {}

        def number(where: Place) -> int:
            if where not in seen:
                seen[where] = len(index)
                index.append(Located(place=where))
            return seen[where]

        for provider, endpoint in _endpoints(providers):
            key = (provider, endpoint.name)
            endpoints[key], stores[key] = number(processing(endpoint)), number(storing(endpoint))
        buckets = {edge.metadata.name: number(of_bucket(bucket)) for edge in edges if (bucket := bucket_of(edge))}
        sites = {name: i for i, name in enumerate(located)}
        return cls(located=tuple(index), sites=sites, endpoints=endpoints, stores=stores, buckets=buckets)


def of_site(edge: EdgeNode) -> Located:
    """Where a site is."""
    declared = edge.spec.place
    airport = places.place(declared.iata) if declared.iata else None
    code = airport.jurisdiction if airport else declared.jurisdiction
    known = frozenset({codes.canonical(code)} if code is not None and codes.is_code(code) else ())
    at = declared.coordinates
    point = airport.point if airport else Point(float(at.latitude), float(at.longitude)) if at else None
    return Located(place=Place(known, declared.evidence), point=point)


def bucket_of(edge: EdgeNode) -> ObjectStorage | None:
    """Where a site's evidence is to be copied to."""
    evidence = edge.spec.gateway.evidence
    return None if evidence is None else evidence.object_storage


def of_bucket(bucket: ObjectStorage) -> Place:
    """Where a bucket is."""
    code = bucket.jurisdiction
    return Place(frozenset({codes.canonical(code)} if codes.is_code(code) else ()), bucket.evidence)


def processing(endpoint: Endpoint) -> Place:
    """Where an endpoint may process a request."""
    return _place(endpoint, endpoint.processes_in)


def storing(endpoint: Endpoint) -> Place:
    """Where an endpoint may keep state."""
    return _place(endpoint, endpoint.stores_in or endpoint.processes_in)


def _place(endpoint: Endpoint, areas: Iterable[str]) -> Place:
    area = expand(areas)
    return Place(area.include if isinstance(area, Area) else frozenset(), Evidence(endpoint.evidence))


def _endpoints(providers: Iterable[ModelProvider]) -> Iterable[tuple[str, Endpoint]]:
    for provider in sorted(providers, key=lambda provider: provider.metadata.name):
        for endpoint in provider.spec.endpoints:
            yield provider.metadata.name, endpoint
