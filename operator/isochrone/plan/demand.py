"""Where a route's requests come from: how much of it from which centre of population, as whole numbers.

Until requests have been seen, as many come from everywhere as people live there. Only origins count that the route's
callers may have, and of these only those whose data some site may serve: nobody is nearer to the others anyway.
"""

import collections
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from isochrone.geo import codes
from isochrone.geo.latency import distance_km
from isochrone.geo.population import population
from isochrone.law import Origin

SHARES: Final = 1 << 30
"""All demand of a route, in shares: fine enough for a village, and a sum of round trips stays far below 2^63."""
POINTS: Final = 512
"""From how many centres demand is taken to come. Of more, the smallest are counted with a larger one near by."""


@dataclasses.dataclass(frozen=True, slots=True)
class Demand:
    """Shares of demand by centre, and where each may be served: values, so that equal ones can be shared."""

    shares: tuple[tuple[int, int], ...]
    """(index of the centre, its share), in order; no zeros."""
    lawful: tuple[tuple[str, int], ...]
    """Code of centres -> places that may serve them, in order; everything else isn't lawful."""


Reach = Sequence[tuple[Origin, int]]
"""Where the engines for data of each origin may be."""


def demand(reach: Reach, observed: Mapping[str, int], sites: int) -> Demand:
    """A route's demand, with so many sites."""
    lawful = lawful_by_code(reach, sites)
    known = {code: mask for code, mask in lawful.items() if mask}
    weights = _observed(observed, known) if observed else {}
    if not weights:
        weights = {index: population()[index].people for code in known for index in centres()[code]}
    return Demand(shares=_shares(_merged(weights)), lawful=tuple(sorted(known.items())))


@functools.cache
def centres() -> Mapping[str, tuple[int, ...]]:
    """Code -> indexes of the centres that carry it, by people, most first."""
    found: dict[str, list[int]] = {}
    for index, centre in enumerate(population()):
        found.setdefault(centre.code, []).append(index)
    return {code: tuple(indexes) for code, indexes in found.items()}


@functools.cache
def touched(code: str) -> frozenset[str]:
    """The codes of centres from which data of this origin may come."""
    known = codes.canonical(code)
    lineage = {known, *codes.ancestors(known)}
    return frozenset(each for each in centres() if each in lineage or known in codes.ancestors(each))


def lawful_by_code(reach: Reach, sites: int) -> Mapping[str, int]:
    """For each code of centres from which callers' data may come, which of so many sites may serve it."""
    every, found = (1 << sites) - 1, collections.Counter[str]()
    for origin, mask in reach:
        for code in _codes(origin):
            found[code] |= mask & every
    return found


@functools.cache
def _codes(origin: Origin) -> frozenset[str]:
    if not origin.is_known:
        return frozenset(centres())
    return frozenset().union(*(touched(code) for code in origin.codes))


def _observed(observed: Mapping[str, int], lawful: Mapping[str, int]) -> dict[int, int]:
    """Requests by centre: those of an origin are spread over its centres by people."""
    weights = collections.Counter[int]()
    for origin, requests in observed.items():
        among = _codes_of(origin, lawful) if requests > 0 else ()
        there = {index: population()[index].people for each in among for index in centres()[each]}
        everybody = sum(there.values())
        for index, people in there.items():
            weights[index] += requests * SHARES * people // everybody
    return weights


def _codes_of(origin: str, lawful: Mapping[str, int]) -> AbstractSet[str]:
    """The codes that requests of an origin may come from: all of them, where it isn't known."""
    if not origin:
        return lawful.keys()
    return frozenset[str]().union(*map(touched, origin.split(","))) & lawful.keys()


def _merged(weights: Mapping[int, int]) -> Mapping[int, int]:
    """No more centres than are needed to tell near from far: small ones of a code go to the next larger."""
    left = collections.Counter(weights)
    for index, larger in _smallest_first():
        if len(left) <= POINTS:
            break
        if index in left:
            left[larger] += left.pop(index)
    return left


@functools.cache
def _smallest_first() -> tuple[tuple[int, int], ...]:
    """Centres by people, each with the nearest larger one of its code; not the largest of a code."""
    found = []
    for by_people in centres().values():
        for rank, index in enumerate(by_people[1:], 1):
            here = population()[index].point
            near = min(by_people[:rank], key=lambda other: distance_km(here, population()[other].point))
            found.append((population()[index].people, index, near))
    return tuple((index, near) for _, index, near in sorted(found))


def _shares(weights: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
    everything = sum(weights.values())
    return tuple((index, max(1, weight * SHARES // everything)) for index, weight in sorted(weights.items()))
