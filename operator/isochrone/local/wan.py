"""How far sites and the client are from each other, by the latency model that the planner uses."""

import dataclasses
import itertools
from collections.abc import Iterable, Mapping

from isochrone.api import EdgeNode
from isochrone.geo import codes, places
from isochrone.geo.latency import Point, rtt_between_ms
from isochrone.geo.population import centres_of
from isochrone.law.atlas import of_site

FAR: float = 1000.0
"""Milliseconds to and from a place that nobody knows."""


class PlaceUnknown(ValueError):  # noqa: N818 - it says what is wrong
    """A place that the client can't be put at; the message says why."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The client that is simulated: where the front door is."""

    name: str
    """In words."""
    code: str | None
    """ISO 3166."""
    point: Point | None


def client_at(said: str) -> Client:
    """A client at an airport, or in a country or a part of one. Raises PlaceUnknown."""
    airport = places.place(said)
    if airport is not None:
        return Client(name=f"{airport.city}, {airport.jurisdiction}", code=airport.jurisdiction, point=airport.point)
    try:
        centres = centres_of(said)
    except ValueError as error:
        raise PlaceUnknown(f"{said} is neither an IATA code, such as FRA, nor an ISO 3166 code, such as DE") from error
    if not centres:
        raise PlaceUnknown(f"nobody lives in {said} for good, so it is not known where a client there would be")
    most = max(centres, key=lambda each: each.people)
    return Client(name=codes.name_of(said) or said, code=codes.canonical(said), point=most.point)


def beside(edges: Iterable[EdgeNode]) -> Client | None:
    """A client beside the site that is nearest to all others together; None where no site's place is known."""
    located = {edge.metadata.name: (of_site(edge), edge) for edge in edges}
    points = {name: where.point for name, (where, _) in sorted(located.items()) if where.point is not None}
    if not points:
        return None
    total = {name: sum(rtt(point, other) for other in points.values()) for name, point in points.items()}
    name = min(total, key=lambda each: (total[each], each))
    known = sorted(located[name][0].place.codes)
    return Client(name=f"beside {name}", code=known[0] if known else None, point=points[name])


def points_of(edges: Iterable[EdgeNode]) -> Mapping[str, Point | None]:
    """Where each site is."""
    return {edge.metadata.name: of_site(edge).point for edge in edges}


def rtt(here: Point | None, there: Point | None) -> float:
    """The round trip in milliseconds."""
    return FAR if here is None or there is None else rtt_between_ms(here, there)


def between(points: Mapping[str, Point | None]) -> Mapping[tuple[str, str], float]:
    """(site, site) -> the round trip in milliseconds, each way round."""
    return {(a, b): rtt(points[a], points[b]) for a, b in itertools.permutations(sorted(points), 2)}
