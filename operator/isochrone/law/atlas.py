"""All places of an installation in one order, which operator and gateways share: a place's index is its bit in masks.

Sites come first, then what endpoints of providers name, each in order of names. What isn't known (an airport that there
isn't, a bloc that nobody defines) is a place without jurisdiction, which no policy that binds allows.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from isochrone.api import EdgeNode, ModelProvider
from isochrone.api.edge_node import Evidence
from isochrone.api.model_provider import Endpoint
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

    @property
    def places(self) -> tuple[Place, ...]:
        return tuple(each.place for each in self.located)

    @classmethod
    def of(cls, edge_nodes: Iterable[EdgeNode], providers: Iterable[ModelProvider]) -> "Atlas":
        located = {
            edge.metadata.name: of_site(edge) for edge in sorted(edge_nodes, key=lambda edge: edge.metadata.name)
        }
        index = list(located.values())
        endpoints: dict[tuple[str, str], int] = {}
        stores: dict[tuple[str, str], int] = {}
        seen: dict[Place, int] = {}
        for provider, endpoint in _endpoints(providers):
            key = (provider, endpoint.name)
            for found, where in ((endpoints, processing(endpoint)), (stores, storing(endpoint))):
                if where not in seen:
                    seen[where] = len(index)
                    index.append(Located(place=where))
                found[key] = seen[where]
        sites = {name: i for i, name in enumerate(located)}
        return cls(located=tuple(index), sites=sites, endpoints=endpoints, stores=stores)


def of_site(edge: EdgeNode) -> Located:
    """Where a site is."""
    declared = edge.spec.place
    airport = places.place(declared.iata) if declared.iata else None
    code = airport.jurisdiction if airport else declared.jurisdiction
    known = frozenset({codes.canonical(code)} if code is not None and codes.is_code(code) else ())
    at = declared.coordinates
    point = airport.point if airport else Point(float(at.latitude), float(at.longitude)) if at else None
    return Located(place=Place(known, declared.evidence), point=point)


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
