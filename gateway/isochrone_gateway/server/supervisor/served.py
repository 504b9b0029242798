"""What became of requests under the config that runs, for the pod's report: from what workers count anyway.

No request pays for it: the counters of all workers are read when a report is made, and what they were when the config
began is taken off. Requests that begin under one config and end under the next count for the next.

    counts as failed     an answer of status 5xx or a stream that broke off, by our fault or that of whoever was asked
    counts for nothing   what clients, limits, budgets and the law have caused, and what a drain has
    no engine is ready   fails if the route was answered before; else its engines have yet to come
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.report import MAX_WORST, RouteServed, Served
from isochrone_gateway.ledger.exposition import Snapshots
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.wire.errors import ErrorKind

WINDOW: Final = 600.0
"""Seconds: what is told is of the last 600 to 1200."""
_FAMILIES: Final = frozenset({"isochrone_requests_total", "isochrone_peer_requests_total"})
_SERVER_ERRORS: Final = 500
_MISSING: Final = ErrorKind.NO_CAPACITY.value.code
_FAULTS: Final = frozenset(
    kind.value.code
    for kind in ErrorKind
    if kind.value.status >= _SERVER_ERRORS and kind not in {ErrorKind.DRAINING, ErrorKind.NO_CAPACITY}
)
_BAD_ENDS: Final = frozenset({Outcome.FAILED, Outcome.PARTIAL})


@dataclasses.dataclass(frozen=True, slots=True)
class Count:
    """Of one route, since the gateway started."""

    answered: int = 0
    failed: int = 0
    missing: int = 0
    """Failed because no engine was ready."""

    def __add__(self, other: "Count") -> "Count":
        return Count(self.answered + other.answered, self.failed + other.failed, self.missing + other.missing)


Counts = Mapping[str, Count]


def counts_of(snapshots: Snapshots) -> Counts:
    """Route -> its count, of what clients and peers have asked."""
    found: dict[str, Count] = {}
    for family in snapshots:
        if family.name not in _FAMILIES:
            continue
        where = {name: at for at, name in enumerate(family.labels)}
        for sample in family.samples:
            route, outcome, error = (sample.labels[where[name]] for name in ("route", "outcome", "error"))
            found[route] = found.get(route, Count()) + _count(outcome, error, int(sample.values[0]))
    return found


def _count(outcome: str, error: str, number: int) -> Count:
    if outcome == Outcome.ANSWERED:
        return Count(answered=number)
    if outcome in _BAD_ENDS and error == _MISSING:
        return Count(missing=number)
    return Count(failed=number) if outcome in _BAD_ENDS and error in _FAULTS else Count()


class Tally:
    """What has been counted since a config began, or lately if it has run for long."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._revision: Revision | None = None
        self._marks: list[tuple[float, Counts]] = []
        """When, and what had been counted by then. What is told begins with the first."""

    def begin(self, revision: Revision, counts: Counts) -> None:
        """Another config runs, and this was counted under those before it."""
        self._revision, self._marks = revision, [(self._clock(), counts)]

    def told(self, revision: Revision, counts: Counts) -> Served | None:
        """What there is to tell of the config with this revision; None if another one runs."""
        if revision != self._revision:
            return None
        now = self._clock()
        if now - self._marks[-1][0] >= WINDOW:
            self._marks = [self._marks[-1], (now, counts)]
        since, before = self._marks[0]
        routes = list(_since(before, counts))
        worst = sorted((each for each in routes if each.failed), key=lambda each: (-each.failed, each.route))
        return Served(
            seconds=int(now - since),
            answered=sum(each.answered for each in routes),
            failed=sum(each.failed for each in routes),
            worst=tuple(each for each in worst if each.route)[:MAX_WORST],
        )


def _since(before: Counts, counts: Counts) -> Iterator[RouteServed]:
    for route, count in counts.items():
        then = before.get(route, Count())
        missing = count.missing - then.missing if then.answered else 0
        # A worker that died may have taken along what it counted last.
        failed = max(0, count.failed - then.failed) + max(0, missing)
        yield RouteServed(route=route, answered=max(0, count.answered - then.answered), failed=failed)
