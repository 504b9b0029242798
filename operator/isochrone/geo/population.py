"""How many people live where: what demand is assumed to be like until some has been seen.

Each country is told by a few centres, those of AU, BR, CA, CN, IN, RU and US by subdivision, so that latency can be
told for parts of a country too. A centre is a large town that stands for the people around it, on average 60 km away;
all centres of a country together have all its people. Nobody lives for good in AQ, BV, GS, HM, TF and UM, so these have
no centre.

Latency from a centre is `latency.rtt_between_ms(centre.point, site)`. Numbers of people are estimates for 2024 (Unicode
CLDR), spread by towns (GeoNames) and censuses; `data/SOURCES.md` has the details.
"""

import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence

from isochrone.geo import codes, tables
from isochrone.geo.latency import Point


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Centre:
    """A town, and the people whose requests are taken to come from there."""

    code: str
    """Canonical ISO 3166-2 code where the country is told by subdivision, else the ISO 3166-1 code."""
    latitude: float
    """Degrees north, WGS 84, to about a kilometre."""
    longitude: float
    """Degrees east."""
    people: int

    @property
    def point(self) -> Point:
        return Point(self.latitude, self.longitude)


@functools.cache
def population() -> tuple[Centre, ...]:
    """All centres of the world, in order of their codes, those of one code by people, most first."""
    return _in_order(tables.rows("population.csv"))


def centres_of(code: str) -> tuple[Centre, ...]:
    """The centres of a country or subdivision, those of its own subdivisions included; none where nobody lives.

    A ValueError says that the code is none, or that its country isn't told by subdivision.
    """
    known = codes.canonical(code)
    if not codes.is_code(known):
        raise ValueError(f"{code!r} is no code of ISO 3166-1 or 3166-2")
    country = codes.country_of(known)
    if known not in _by_code() and country in _by_code():
        raise ValueError(f"how many people live in {code} is not known, only how many in all of {country}")
    return _by_code().get(known, ())


def _in_order(rows: Iterable[Sequence[str]]) -> tuple[Centre, ...]:
    found = (
        Centre(code=code, latitude=float(latitude), longitude=float(longitude), people=int(people))
        for code, latitude, longitude, people in rows
    )
    return tuple(sorted(found, key=lambda each: (each.code, -each.people, each.latitude, each.longitude)))


@functools.cache
def _by_code() -> Mapping[str, tuple[Centre, ...]]:
    """Code -> the centres of it and of all that lies within it."""
    found: dict[str, tuple[Centre, ...]] = {}
    for centre in population():
        for code in (centre.code, *codes.ancestors(centre.code)):
            found[code] = (*found.get(code, ()), centre)
    return found
