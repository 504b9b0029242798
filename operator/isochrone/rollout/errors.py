"""Whether requests fail more than before, so clearly that no more sites get what this one got.

Errors have risen for a route, or for all requests of a site together, if under the new config

* at least `least_failures` requests failed,
* of a hundred at least `least_percent` more failed than before, and
* that is more than five standard deviations above what would be expected if nothing had changed: of n requests n * p,
  give or take sqrt(n * p * (1 - p)).

p is what failed before: (failed + 1) / (all + 2), as Laplace's rule of succession has it, so that few requests prove
little. Where none failed before, there are taken to have been ten at least: without any past, it is 1 of 12.
A few bad minutes of an upstream that fails now and then are within that; a wrong address or key is not.
"""

import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Final

from isochrone.model import RouteServed, Served

_DEVIATIONS: Final = 5.0
_LEAST_PAST: Final = 10
_ALL: Final = "all routes together"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a site is watched after it was given something new, before others are."""

    seconds: float = 60.0
    """Of serving. 0: nothing is watched."""
    least_failures: int = 10
    least_percent: float = 5.0


def together(parts: Iterable[Served]) -> Served:
    """What several pods say, of the time that is known from all of them."""
    known = list(parts)
    routes: dict[str, tuple[int, int]] = {}
    for each in (each for part in known for each in part.worst):
        answered, failed = routes.get(each.route, (0, 0))
        routes[each.route] = answered + each.answered, failed + each.failed
    worst = (RouteServed(route=name, answered=each[0], failed=each[1]) for name, each in routes.items())
    return Served(
        seconds=min((each.seconds for each in known), default=0),
        answered=sum(each.answered for each in known),
        failed=sum(each.failed for each in known),
        worst=tuple(sorted(worst, key=lambda each: (-each.failed, each.route))),
    )


def risen(before: Served, now: Served, watch: Watch) -> str:
    """By how much, in words, of the worst route that can be named; empty if errors have not risen."""
    return next((_words(was, each) for was, each in _pairs(before, now) if _has_risen(was, each, watch)), "")


def _pairs(before: Served, now: Served) -> Iterator[tuple[RouteServed, RouteServed]]:
    known = {each.route: each for each in before.worst}
    for each in sorted(now.worst, key=lambda each: (-each.failed, each.route)):
        yield known.get(each.route, RouteServed(route=each.route)), each
    yield _whole(before), _whole(now)


def _whole(served: Served) -> RouteServed:
    return RouteServed(route=_ALL, answered=served.answered, failed=served.failed)


def _has_risen(before: RouteServed, now: RouteServed, watch: Watch) -> bool:
    if now.failed < watch.least_failures or _percent(now) < _percent(before) + watch.least_percent:
        return False
    count, likely = _count(now), _likely(before)
    return now.failed > count * likely + _DEVIATIONS * math.sqrt(count * likely * (1 - likely))


def _likely(before: RouteServed) -> float:
    count = _count(before) if before.failed else max(_count(before), _LEAST_PAST)
    return (before.failed + 1) / (count + 2)


def _words(before: RouteServed, now: RouteServed) -> str:
    past = f"before, {_percent(before):.3g}% of {_count(before)}" if _count(before) else "before, none was known to"
    return f"{_percent(now):.3g}% of {_count(now)} requests to {now.route} fail; {past}"


def _count(served: RouteServed) -> int:
    return served.answered + served.failed


def _percent(served: RouteServed) -> float:
    return 100.0 * served.failed / _count(served) if _count(served) else 0.0
