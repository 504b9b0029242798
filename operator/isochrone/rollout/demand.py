"""Where requests come from, as the plan takes it: what gateways have counted, taken over seldom and for good reason.

What is planned by must not change with every look, or engines would move with it. So of each route its shares by origin
are taken over, in whole percent, and kept until others

* come from enough requests,
* differ from them by so many points of a hundred,
* have done so at each look for so long (shorter than that, a site whose gateways start anew looks like one that nobody
  asks), and
* so long after the last time: an hour of the day is no reason to move.

What was taken is kept beside the releases, so another leader plans by it too. Where less is counted than is needed, as
after a restart of gateways, it stays: nothing newer is known. Nothing is taken while there is a site of which nobody
knows what it is asked: the others would seem to be asked everything.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import msgspec

from isochrone.model import RouteDemand, RouteKey, SiteReport
from isochrone_gateway.config.report import Demand

UNKNOWN: Final = ""
LEAST_SPAN: Final = 3_600
"""Seconds. A gateway that has counted for less counts as if it had for so long: a few requests are no rate yet."""
_DAY: Final = 86_400
_MOST_PAIRS: Final = 256
"""Of routes and origins at a site: what a site that pulls tells the hub with each sign of life is short."""
_MOST_ORIGINS: Final = 32
"""Of one route, as it is kept."""
_WHOLE: Final = 100


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """The shares by which a route is placed."""

    at: int
    """Since when, in seconds since the epoch."""
    percent: dict[str, int]
    """By origin, of all requests; empty for an unknown one."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When what gateways count is planned by."""

    requests: int = 100
    """Counted for a route, at least."""
    points: int = 10
    """Of a hundred requests, at least so many come from elsewhere than what is planned by says."""
    seconds: float = 3600.0
    """For so long, without a break."""
    between: float = 21_600.0
    """Seconds between two changes of one route."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is known of all routes."""

    taken: Mapping[str, Taken] = dataclasses.field(default_factory=dict)
    since: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Route -> since when what is counted has differed from what was taken."""


def at_site(pods: Iterable[Demand]) -> dict[str, RouteDemand]:
    """What all gateways of a site have counted; of very much that which is most."""
    daily: dict[str, dict[str, float]] = {}
    requests: dict[str, int] = {}
    seconds: dict[str, int] = {}
    for pod in pods:
        for route, at in pod.routes.items():
            rates = daily.setdefault(route, {})
            for origin, count in at.items():
                rates[origin] = rates.get(origin, 0.0) + count * _DAY / max(pod.seconds, LEAST_SPAN)
            requests[route] = requests.get(route, 0) + sum(at.values())
            seconds[route] = max(seconds.get(route, 0), pod.seconds)
    kept = _most(daily)
    return {
        route: RouteDemand(requests=requests[route], seconds=seconds[route], daily=rates)
        for route, rates in sorted(kept.items())
    }


def _most(daily: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, int]]:
    pairs = [(rate, route, origin) for route, at in daily.items() for origin, rate in at.items()]
    found: dict[str, dict[str, int]] = {}
    for rate, route, origin in sorted(pairs, key=lambda each: (-each[0], each[1], each[2]))[:_MOST_PAIRS]:
        if round(rate):
            found.setdefault(route, {})[origin] = round(rate)
    return {route: dict(sorted(at.items())) for route, at in found.items()}


def everywhere(reports: Iterable[SiteReport | None]) -> dict[str, RouteDemand] | None:
    """Of all sites together; None while there is one of which it isn't known."""
    found: dict[str, RouteDemand] = {}
    for report in reports:
        if report is None or report.demand is None:
            return None
        for route, more in report.demand.items():
            found[route] = _added(found[route], more) if route in found else more
    return found


def _added(one: RouteDemand, other: RouteDemand) -> RouteDemand:
    origins = sorted({*one.daily, *other.daily})
    return RouteDemand(
        requests=one.requests + other.requests,
        seconds=max(one.seconds, other.seconds),
        daily={origin: one.daily.get(origin, 0) + other.daily.get(origin, 0) for origin in origins},
    )


def heard(
    before: Heard, counted: Mapping[str, RouteDemand] | None, routes: Collection[str], *, rules: Rules, now: int
) -> Heard:
    """What is known of these routes by now; `counted` is None while not all of it is known."""
    taken = {route: each for route, each in before.taken.items() if route in routes}
    if counted is None:
        return Heard(taken=taken)
    since: dict[str, int] = {}
    for route in sorted(routes & counted.keys()):
        told, known = counted[route], taken.get(route)
        shares = shares_of(told.daily)
        if told.requests < rules.requests or not _differs(known, shares, rules.points):
            continue
        # Gateways have counted long enough before anybody looked: a hub that was made anew need not wait for that.
        first = now - told.seconds if known is None else now
        began = before.since.get(route, first)
        if now - began >= rules.seconds and (known is None or now - known.at >= rules.between):
            taken[route] = Taken(at=now, percent=shares)
        else:
            since[route] = began
    return Heard(taken=taken, since=since)


def shares_of(daily: Mapping[str, int]) -> dict[str, int]:
    """Whole percent by origin, a hundred together; the smallest of very many count as of unknown origin."""
    ranked = sorted(daily.items(), key=lambda each: (-each[1], each[0]))
    kept = dict(ranked[:_MOST_ORIGINS])
    kept[UNKNOWN] = kept.get(UNKNOWN, 0) + sum(rate for _, rate in ranked[_MOST_ORIGINS:])
    everything = sum(kept.values())
    if not everything:
        return {}
    percent = {origin: _WHOLE * rate // everything for origin, rate in kept.items()}
    by_remainder = sorted(kept, key=lambda origin: (-(_WHOLE * kept[origin] % everything), origin))
    for origin in by_remainder[: _WHOLE - sum(percent.values())]:
        percent[origin] += 1
    return {origin: share for origin, share in sorted(percent.items()) if share}


def _differs(known: Taken | None, shares: Mapping[str, int], points: int) -> bool:
    """Whether it is worth a change. That nothing is known is what is taken at first."""
    before = known.percent if known is not None else {UNKNOWN: _WHOLE}
    origins = {*before, *shares}
    moved = sum(abs(before.get(origin, 0) - shares.get(origin, 0)) for origin in origins)
    return bool(shares) and moved >= 2 * points


def planned_by(taken: Mapping[str, Taken]) -> dict[RouteKey, Mapping[str, int]]:
    """Demand as the planner takes it: of routes of which it is known where anybody asks from."""
    found = ((RouteKey(*route.split("/", 1)), each.percent) for route, each in sorted(taken.items()))
    return {key: percent for key, percent in found if any(percent[origin] for origin in percent if origin)}
