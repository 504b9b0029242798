"""Checks of the places, and of the geography beside them: what lies where is said without going in circles."""

from collections.abc import Iterator, Mapping

from isochrone_gateway.config.census import Census, Subject
from isochrone_gateway.config.document import Config, Kind
from isochrone_gateway.config.errors import Problem
from isochrone_gateway.config.places import Places

_COUNTRY_LENGTH = 2


def check_places(config: Config, _: Census) -> Iterator[Problem]:
    places = config.places
    for index, place in enumerate(places.places):
        subject = Subject(kind=Kind.PLACES, path=f"$.places.places[{index}]")
        countries = {country for code in place.codes for country in _countries(code, places.within)}
        country = countries.pop() if len(countries) == 1 else None
        if place.country != country:
            yield subject.problem(".country", f"is {place.country}, but the codes say {country}")
        if (place.latitude is None) != (place.longitude is None):
            yield subject.problem("", "has one coordinate; give both or none")
    yield from _check_geography(places)


def _check_geography(places: Places) -> Iterator[Problem]:
    subject = Subject(kind=Kind.PLACES, path="$.places.aliases")
    for alias, code in sorted(places.aliases.items()):
        if code in places.aliases:
            yield subject.problem(f".{alias}", f"leads to {code}, which is an alias itself; name the final code")
    subject = Subject(kind=Kind.PLACES, path="$.places.within")
    for code, above in sorted(places.within.items()):
        if not above:
            yield subject.problem(f".{code}", "is empty; leave it out if the code lies in the country it begins with")
        elif code in _above(code, places.within):
            yield subject.problem(f".{code}", "goes in a circle; every code must lie in a country in the end")


def _countries(code: str, within: Mapping[str, frozenset[str]]) -> set[str]:
    """The countries that a code lies in, wholly or partly."""
    return {each for each in {code, *_above(code, within)} if len(each) == _COUNTRY_LENGTH and each not in within}


def _above(code: str, within: Mapping[str, frozenset[str]]) -> set[str]:
    """All that a code lies in. The code itself is among them only if it goes in a circle."""
    found: set[str] = set()
    left = [code]
    while left:
        each = left.pop()
        default = () if len(each) == _COUNTRY_LENGTH else (each[:_COUNTRY_LENGTH],)
        new = set(within.get(each, default)) - found
        found |= new
        left += new
    return found
