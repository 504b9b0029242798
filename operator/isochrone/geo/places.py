"""Airports by IATA code, as names of places.

Operators of networks have named their sites by the nearest airport since there were such sites: `FRA` says where, and
by which law. The jurisdiction is the ISO 3166-2 subdivision where the source names one that is certain, else the
country; it is never finer than what is known. What ISO does not know as a country has no entry (PRN, in Kosovo).
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Final

from isochrone.geo import tables
from isochrone.geo.latency import Point, distance_km
from isochrone.geo.suggestions import fold

METROPOLITAN: Final[Mapping[str, str]] = {
    "BJS": "PEK",
    "BUE": "EZE",
    "BUH": "OTP",
    "CHI": "ORD",
    "DTT": "DTW",
    "EAP": "BSL",
    "JKT": "CGK",
    "LON": "LHR",
    "MIL": "MXP",
    "MMA": "MMX",
    "MOW": "SVO",
    "NYC": "JFK",
    "OSA": "KIX",
    "PAR": "CDG",
    "REK": "KEF",
    "RIO": "GIG",
    "ROM": "FCO",
    "SAO": "GRU",
    "SEL": "ICN",
    "SPK": "CTS",
    "STO": "ARN",
    "TYO": "HND",
    "WAS": "IAD",
    "YEA": "YEG",
    "YMQ": "YUL",
    "YTO": "YYZ",
}
"""IATA's codes of cities with several airports -> the airport that most likely is meant. None of them is a place."""

_CODE: Final = len("FRA")
_ENOUGH = 0.8
"""How alike a city's name must be (difflib's ratio): one wrong letter in five still passes."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """An airport."""

    iata: str
    name: str
    city: str
    jurisdiction: str
    """Canonical ISO 3166-1 or -2 code."""
    point: Point


def place(iata: str) -> Place | None:
    """The airport of this IATA code."""
    return places().get(iata)


def nearest(point: Point) -> Place:
    """The airport nearest to this point; of several at one distance, the first by code."""
    return min(places().values(), key=lambda found: (distance_km(point, found.point), found.iata))


def suggest_place(text: str) -> Place | None:
    """The airport that `text` most likely means: by code, by the name of its city or its own, or by part of one.

    Three letters are a code or nothing: any of them begins some name.
    """
    plain = fold(text)
    code = plain.upper()
    if len(code) == _CODE:
        return places().get(METROPOLITAN.get(code, code))
    exact = _by_name().get(plain)
    return exact or (_by_part(plain) or _by_spelling(plain) if plain else None)


@functools.cache
def places() -> Mapping[str, Place]:
    """All airports by code, in order of their codes."""
    return {
        iata: Place(
            iata=iata,
            name=name,
            city=city,
            jurisdiction=jurisdiction,
            point=Point(float(latitude), float(longitude)),
        )
        for iata, jurisdiction, latitude, longitude, city, name in tables.rows("places.csv")
    }


@functools.cache
def _by_name() -> Mapping[str, Place]:
    """Folded name of a city or airport -> airport: one called international before others, then the first by code."""
    found: dict[str, Place] = {}
    for airport in sorted(places().values(), key=lambda airport: "International" not in airport.name):
        found.setdefault(fold(airport.city), airport)
        found.setdefault(fold(airport.name), airport)
    found.pop("", None)
    return found


def _by_part(plain: str) -> Place | None:
    """`frankfurt` begins `frankfurt am main`; `heathrow` is a word of `london heathrow airport`."""
    begins = (found for name, found in _by_name().items() if name.startswith(f"{plain} "))
    within = (found for name, found in _by_name().items() if f" {plain} " in f" {name} ")
    return next(begins, None) or next(within, None)


def _by_spelling(plain: str) -> Place | None:
    import difflib

    close = difflib.get_close_matches(plain, _by_name(), n=1, cutoff=_ENOUGH)
    return _by_name()[close[0]] if close else None
