"""Airports, ISO 3166 codes and blocs that do not exist, with what may have been meant."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from isochrone.api import DataResidencyPolicy, EdgeNode
from isochrone.api.residency_policy import Areas
from isochrone.geo import blocs, codes, places
from isochrone.geo.blocs import Fault, Own
from isochrone.geo.latency import Point, distance_km
from isochrone.geo.suggestions import suggest
from isochrone.law.atlas import bucket_of
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World

_NONE: Own = {}
_FAR_KM = 1500
"""Farther than any inhabited place is from the next airport of its own country."""
_RULES = {
    Fault.UNKNOWN: Rule.UNKNOWN_BLOC,
    Fault.CYCLE: Rule.BLOC_CYCLE,
    Fault.NAME_TAKEN: Rule.BLOC_NAME_TAKEN,
    Fault.BAD_NAME: Rule.BLOC_NAME_TAKEN,
    Fault.EMPTY: Rule.UNKNOWN_BLOC,
}


def sites(world: World) -> Iterator[Finding]:
    """The place of each EdgeNode, and that of its bucket."""
    for edge in world.edge_nodes:
        place = edge.resource.spec.place
        if place.iata and places.place(place.iata) is None:
            yield _unknown_airport(edge, place.iata)
        if place.jurisdiction and not codes.is_code(place.jurisdiction):
            field = "spec.place.jurisdiction"
            yield _unknown(edge, field, place.jurisdiction, (*codes.countries(), *codes.subdivisions()))
        bucket = bucket_of(edge.resource)
        if bucket is not None and not codes.is_code(bucket.jurisdiction):
            field = "spec.gateway.evidence.objectStorage.jurisdiction"
            yield _unknown(edge, field, bucket.jurisdiction, (*codes.countries(), *codes.subdivisions()))


def distant_sites(world: World) -> Iterator[Finding]:
    """Coordinates that are nowhere near the jurisdiction: one of the two is wrong."""
    for edge in world.edge_nodes:
        place = edge.resource.spec.place
        if place.jurisdiction is None or place.coordinates is None or not codes.is_code(place.jurisdiction):
            continue
        point = Point(float(place.coordinates.latitude), float(place.coordinates.longitude))
        away = min((distance_km(point, each) for each in _points(codes.canonical(place.jurisdiction))), default=0.0)
        if away > _FAR_KM:
            near = places.nearest(point)
            yield edge.warning(
                Rule.DISTANT_PLACE,
                "spec.place.coordinates",
                f"{away:,.0f} km from the nearest airport in {place.jurisdiction};"
                f" nearest of all is {near.iata} ({near.city}, {near.jurisdiction})",
                way_out="correct the coordinates (latitude is north, longitude is east) or the jurisdiction",
            )


@functools.cache
def _points(code: str) -> tuple[Point, ...]:
    """The airports of a jurisdiction; of a subdivision for which none is known, those of its country."""
    own = tuple(each.point for each in places.places().values() if code in (each.jurisdiction, _country(each)))
    country = codes.country_of(code)
    return own or (_points(country) if country and country != code else ())


def _country(place: places.Place) -> str | None:
    return codes.country_of(place.jurisdiction)


def providers(world: World) -> Iterator[Finding]:
    """Where endpoints process and store."""
    for provider in world.providers:
        for i, endpoint in enumerate(provider.resource.spec.endpoints):
            yield from _names(provider, f"spec.endpoints[{i}].processesIn", endpoint.processes_in)
            yield from _names(provider, f"spec.endpoints[{i}].storesIn", endpoint.stores_in or ())


def tenants(world: World) -> Iterator[Finding]:
    """Where tenants' data comes from."""
    for tenant in world.tenants:
        yield from _names(tenant, "spec.origins", tenant.resource.spec.origins or ())


def policies(world: World) -> Iterator[Finding]:
    """Origins, places, and blocs of one's own."""
    for policy in world.policies:
        spec = policy.resource.spec
        own: Own = {bloc.name: tuple(bloc.members) for bloc in spec.blocs or ()}
        yield from _areas(policy, "spec.binds.origins", spec.binds.origins, own)
        for i, entry in enumerate(spec.allow):
            yield from _areas(policy, f"spec.allow[{i}].places", entry.places, own)
        yield from _own_blocs(policy, own)


def _own_blocs(policy: Item[DataResidencyPolicy], own: Own) -> Iterator[Finding]:
    problems = {problem.name: problem for problem in blocs.check(own) if problem.fault is not Fault.UNKNOWN}
    for i, bloc in enumerate(policy.resource.spec.blocs or ()):
        yield from _names(policy, f"spec.blocs[{i}].members", bloc.members, own)
        if bloc.name in problems:
            problem = problems[bloc.name]
            way_out = "remove it from the circle" if problem.fault is Fault.CYCLE else "choose another name"
            yield policy.error(_RULES[problem.fault], f"spec.blocs[{i}].name", problem.message, way_out=way_out)


def _areas(policy: Item[DataResidencyPolicy], field: str, areas: Areas | None, own: Own) -> Iterator[Finding]:
    if areas is not None:
        yield from _names(policy, f"{field}.include", areas.include, own)
        yield from _names(policy, f"{field}.exclude", areas.exclude or (), own)


def _names(item: Item[Any], field: str, names: Sequence[str], own: Own = _NONE) -> Iterator[Finding]:
    known = blocs.known_names(own)
    for i, name in enumerate(names):
        if name not in known and not codes.is_code(name):
            yield _unknown(item, f"{field}[{i}]", name, known)


def _unknown(item: Item[Any], field: str, name: str, known: Iterable[str]) -> Finding:
    is_code = len(name.partition("-")[0]) == 2  # noqa: PLR2004 - as codes of countries are
    kind = "no ISO 3166 code" if is_code else "neither an ISO 3166 code nor a bloc"
    guess = suggest(name, known)
    return item.error(
        Rule.UNKNOWN_PLACE if is_code else Rule.UNKNOWN_BLOC,
        field,
        f'"{name}" is {kind}',
        way_out=f'did you mean "{guess}"?'
        if guess
        else "write an ISO 3166 code, a shipped bloc such as EU, or one of the policy's own blocs",
    )


def _unknown_airport(edge: Item[EdgeNode], iata: str) -> Finding:
    guess = places.suggest_place(iata)
    return edge.error(
        Rule.UNKNOWN_PLACE,
        "spec.place.iata",
        f'no airport has the code "{iata}"',
        way_out=f'did you mean "{guess.iata}" ({guess.city}, {guess.jurisdiction})?'
        if guess
        else "give jurisdiction and coordinates instead",
    )
