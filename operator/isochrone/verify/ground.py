"""The earth as bits, so that what lies within what is arithmetic.

Each jurisdiction is cut into the smallest parts that ISO 3166 can tell apart, one bit each, and is the integer of its
bits. Its subdivisions don't add up to all of it, so "the rest of it" is a part of its own. What lies within two others
has a part in each. Anywhere is every bit, those of what is on no list too. Then *covers* is "has no bit outside", and
*touches* is "has a bit in common" (docs/decisions/0002-residency-law.md, section 1).

Of `isochrone.geo` only the lists are used, ISO's codes and the members of blocs, not its areas.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from isochrone.geo import blocs, codes

Own = Mapping[str, Sequence[str]]
"""Blocs of a policy's own: name -> members."""

NOWHERE: Final = 0
_ANYWHERE: Final = ~NOWHERE
_WORLD: Final = "World"


class Unreadable(Exception):  # noqa: N818 - what it is, not that it went wrong
    """A name that means nothing, or not one thing. Says which."""


@functools.cache
def _ground() -> Mapping[str, int]:
    """Canonical code -> its bits."""
    found: dict[str, int] = dict.fromkeys(known(), 0)
    for number, way in enumerate(way for code in known() for way in _ways_to(code)):
        for code in way:
            found[code] |= 1 << number
    return found


@functools.cache
def known() -> tuple[str, ...]:
    """All canonical codes, sorted."""
    return tuple(sorted({codes.canonical(code) for code in (*codes.countries(), *codes.subdivisions())}))


def _ways_to(code: str) -> Iterator[tuple[str, ...]]:
    above = codes.parents(code)
    if not above:
        yield (code,)
    for each in above:
        yield from ((*way, code) for way in _ways_to(each))


def anywhere() -> int:
    return _ANYWHERE


def canonical(code: str) -> str | None:
    """The one code of the territory; None if ISO has assigned none."""
    found = codes.canonical(code)
    return found if found in _ground() else None


def territory(code: str) -> int:
    """The bits of a jurisdiction. What is not known could be anywhere."""
    found = codes.canonical(code)
    return _ground().get(found, anywhere())


def country_of(code: str) -> str | None:
    """The country or territory on whose list a code is."""
    found = canonical(code)
    while found is not None and len(found) > len("DE"):
        above = codes.parents(found)
        found = above[0] if above else None
    return found


def covers(area: int, code: str) -> bool:
    """Whether all of a jurisdiction surely lies inside."""
    return not territory(code) & ~area


def touches(area: int, code: str) -> bool:
    """Whether some of a jurisdiction may lie inside."""
    return bool(territory(code) & area)


def area(include: Iterable[str], exclude: Iterable[str], own: Own) -> int:
    """What is included less what is excluded. Raises Unreadable: half a list would be another law."""
    return union(include, own) & ~union(exclude, own)


def union(names: Iterable[str], own: Own) -> int:
    """All that these codes and blocs stand for."""
    found = NOWHERE
    for name in names:
        found |= _meant(name, own, ())
    return found


def members(names: Iterable[str], own: Own) -> frozenset[str]:
    """The canonical codes behind these codes and blocs, `World` as itself. Raises Unreadable."""
    return frozenset(code for name in names for code in _codes(name, own, ()))


def _meant(name: str, own: Own, inside: tuple[str, ...]) -> int:
    found = NOWHERE
    for code in _codes(name, own, inside):
        found |= anywhere() if code == _WORLD else territory(code)
    return found


def _codes(name: str, own: Own, inside: tuple[str, ...]) -> Iterator[str]:
    """What a name stands for; `inside` are the blocs that it was found in."""
    is_taken = name == _WORLD or canonical(name) is not None or name in blocs.shipped()
    if name in inside:
        raise Unreadable(f"the bloc {name} contains itself")
    if name in own and is_taken:
        raise Unreadable(f"the name {name} has a meaning already")
    if name in own or name in blocs.shipped():
        listed = own[name] if name in own else blocs.shipped()[name].members
        if not listed:
            raise Unreadable(f"the bloc {name} is empty")
        for each in listed:
            yield from _codes(each, own, (*inside, name))
    elif is_taken:
        yield canonical(name) or _WORLD
    else:
        raise Unreadable(f"{name} is no ISO 3166 code and no bloc")
