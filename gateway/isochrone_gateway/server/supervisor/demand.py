"""Where requests come from, for the pod's report: what workers have counted, of which the past counts less and less.

A request of a day ago counts half, and so does a second of a day ago. So by night the day is not forgotten, what
changes for good is known within days, and a gateway that has just started tells the same rates as others, only less
surely.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from isochrone_gateway.config.report import MAX_DEMAND, Demand
from isochrone_gateway.ledger.demand import NAME, UNKNOWN
from isochrone_gateway.ledger.exposition import Snapshots
from isochrone_gateway.ledger.metrics import OTHER

HALF_LIFE: Final = 86_400.0
_COUNTRY: Final = 2

Counts = Mapping[tuple[str, str], float]
"""By route and origin."""


def counts_of(snapshots: Snapshots) -> Counts:
    """What all workers have counted since they started."""
    samples = (sample for family in snapshots if family.name == NAME for sample in family.samples)
    return {(route, origin): each.values[0] for each in samples for route, origin in [each.labels] if route != OTHER}


class Fading:
    """What has been counted, the less of it the longer ago."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._seconds = 0.0
        self._before: Counts = {}
        self._counts: dict[tuple[str, str], float] = {}

    def begin(self, counts: Counts) -> None:
        """Forget all of it, and what has been counted: another law may let the hub know less."""
        self._at, self._seconds, self._before, self._counts = self._clock(), 0.0, counts, {}

    def told(self, counts: Counts) -> Demand:
        """What there is to tell, once so much has been counted."""
        now = self._clock()
        kept = 0.5 ** ((now - self._at) / HALF_LIFE)
        self._seconds = self._seconds * kept + (now - self._at)
        known = {key: each * kept for key, each in self._counts.items()}
        for key, count in counts.items():
            # A worker that died may have taken along what it counted last.
            known[key] = known.get(key, 0.0) + max(0.0, count - self._before.get(key, 0.0))
        self._at, self._before, self._counts = now, counts, known
        return Demand(seconds=int(self._seconds), routes=within(known, MAX_DEMAND))


def within(counts: Counts, most: int) -> dict[str, dict[str, int]]:
    """Route -> origin -> requests, in so many bytes of JSON: of countries, and of the largest, if all is too much.

    What is left out of a route counts as of unknown origin; routes with the fewest requests are left out as a whole.
    """
    whole = _by_route(counts, lambda origin: origin)
    if _size(whole) <= most:
        return whole
    routes = _by_route(counts, _countries)
    if _size(routes) <= most:
        return routes
    return _largest(routes, most)


def _largest(routes: Mapping[str, Mapping[str, int]], most: int) -> dict[str, dict[str, int]]:
    pairs = [(count, route, origin) for route, at in routes.items() for origin, count in at.items() if origin]
    room, found = most - len("{}"), dict[str, dict[str, int]]()
    for count, route, origin in sorted(pairs, key=lambda each: (-each[0], each[1], each[2])):
        # A route comes with what is left out of it, which is at most all of it.
        opening = 0 if route in found else _size({route: {UNKNOWN: sum(routes[route].values())}})
        cost = opening + _size({origin: count})
        if cost <= room:
            found.setdefault(route, {})[origin] = count
            room -= cost
    for route, at in found.items():
        if rest := sum(routes[route].values()) - sum(at.values()):
            at[UNKNOWN] = rest
    return found


def _by_route(counts: Counts, fold: Callable[[str], str]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, float]] = {}
    for (route, origin), count in counts.items():
        at, folded = sums.setdefault(route, {}), fold(origin)
        at[folded] = at.get(folded, 0.0) + count
    rounded = {route: {origin: round(count) for origin, count in at.items()} for route, at in sums.items()}
    told = {route: {origin: count for origin, count in at.items() if count} for route, at in rounded.items()}
    return {route: at for route, at in told.items() if route and at}


def _countries(origin: str) -> str:
    return ",".join(sorted({code[:_COUNTRY] for code in origin.split(",")}))


def _size(value: object) -> int:
    return len(msgspec.json.encode(value))
