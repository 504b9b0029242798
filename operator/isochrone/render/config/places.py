"""The places of an installation, and of geography what origins need, as the gateway's config has them."""

import functools
from collections.abc import Mapping

from isochrone.geo import codes
from isochrone.geo.latency import Point
from isochrone.law import Place
from isochrone.law.atlas import Atlas
from isochrone_gateway.config import places as contract


def places_of(atlas: Atlas) -> contract.Places:
    """All places, in the atlas's order: the index of one is its bit in every mask."""
    located = tuple(place_of(each.place, each.point) for each in atlas.located)
    return contract.Places(places=located, aliases=dict(codes.aliases()), within=within())


def place_of(place: Place, point: Point | None = None) -> contract.Place:
    """One place: none of its codes unless all are known."""
    known = frozenset(codes.canonical(code) for code in place.codes) if place.is_known else frozenset()
    return contract.Place(
        codes=known,
        country=_country(known),
        evidence=contract.Evidence(place.evidence.value),
        latitude=point.latitude if point else None,
        longitude=point.longitude if point else None,
    )


@functools.cache
def within() -> Mapping[str, frozenset[str]]:
    """What a code lies in, where that isn't simply the country that it begins with."""
    return {
        code: frozenset(codes.parents(code))
        for code in codes.subdivisions()
        if codes.canonical(code) == code and codes.parents(code) != (code[:2],)
    }


def _country(known: frozenset[str]) -> str | None:
    """The country or territory that all of it surely lies in; what lies in two is in neither."""
    countries = {above for code in known for above in (code, *codes.ancestors(code)) if codes.is_country(above)}
    return countries.pop() if len(countries) == 1 else None
