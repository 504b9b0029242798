"""The next site for a route: of all that have room, the best on top of those that it has.

While too few callers are within the objective, a site is worth what it brings nearer; after that, what the strategy
says. Equals are told apart by what the strategy leaves out, then by whether nothing of the route stands at that very
place yet, then by name. Of one site's pools, the first that has room is the cheapest.
"""

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np

from isochrone.api.model_route import Strategy
from isochrone.plan.latency import Ints
from isochrone.plan.score import is_met, score
from isochrone.plan.view import Chosen
from isochrone.plan.wants import Option, Want

Key = TypeVar("Key", tuple[int, int, bool, str], tuple[int, int, str])
"""What options are compared by: first how good they are, last their name."""
Places = Callable[[int], object]
"""What tells whether two sites are at one place."""
Room = Callable[[Option], int]
"""How many replicas of the route there is room for."""

PARTS: Final = 1024
"""What comes nearer is counted in so many parts of all demand, where it is compared with its price."""
_OUT: Final = np.iinfo(np.int64).max


def addition(want: Want, chosen: Chosen, place_of: Places, *, room: Room, least: int) -> Option | None:
    """The best site to add that has room for at least so many replicas; None if none helps."""
    found = None
    if want.limit is not None and not is_met(want, chosen):
        found = _by_gain(want, want.limit, chosen, place_of, room=room, least=least)
    if found is None and len(chosen) < want.min_sites:
        found = _by_score(want, chosen, place_of, room=room, least=least)
    return found


def replacement(
    want: Want, chosen: Chosen, site: int, *, most: int, has_room: Callable[[Option], bool]
) -> tuple[tuple[int, int, str], Option] | None:
    """The best site instead of one of those chosen, with a score of at most so much, that misses no more demand."""
    rest = tuple(each for each in chosen if each != site)
    view, fresh, limit = want.view, want.fresh, want.limit
    may_miss = max(want.may_miss, view.missed(limit, chosen)) if limit is not None else view.total

    def exact(option: Option) -> tuple[int, int, str] | None:
        total = view.total_with(rest, option.site)
        value = score(want, total, option.cost)
        if value > most or (limit is not None and view.missed_with(limit, rest, option.site) > may_miss):
            return None
        return (value, total, option.name)

    bounds = score(want, view.least_totals(rest)[fresh.sites], fresh.costs)
    out = bounds > most
    if limit is not None:
        out |= view.least_missed(limit, rest)[fresh.sites] > may_miss
    return first(without(np.where(out, _OUT, bounds), want, chosen), fresh.options, exact, has_room)


def first(
    bounds: Ints, options: tuple[Option, ...], exact: Callable[[Option], Key | None], room: Callable[[Option], bool]
) -> tuple[Key, Option] | None:
    """The best that has room. No key is below its bound, so that all behind the best bound need not be looked at."""
    best: tuple[Key, Option] | None = None
    for index in np.argsort(bounds, kind="stable").tolist():
        if bounds[index] == _OUT or (best is not None and bounds[index] > best[0][0]):
            break
        if not room(options[index]):
            continue
        key = exact(options[index])
        if key is not None and (best is None or key < best[0]):
            best = (key, options[index])
    return best


def without(bounds: Ints, want: Want, chosen: Chosen) -> Ints:
    """The bounds of new sites only."""
    had = np.full(len(want.view.rtts), fill_value=False)
    had[list(chosen)] = True
    return np.where(had[want.fresh.sites], _OUT, bounds)


def _by_gain(want: Want, limit: int, chosen: Chosen, place_of: Places, *, room: Room, least: int) -> Option | None:
    """What brings most demand within the objective, or a share of it at the best price."""
    view, fresh = want.view, want.fresh
    before, taken = view.missed(limit, chosen), {place_of(site) for site in chosen}

    def worth(missed: int, total: int, cost: int) -> int:
        if want.strategy is Strategy.NEAREST:
            return missed
        return score(want, total, cost) * PARTS // max(1, (before - missed) * PARTS // view.total)

    def exact(option: Option) -> tuple[int, int, bool, str] | None:
        site = option.site
        missed = view.missed_with(limit, chosen, site)
        if missed >= before:
            return None
        total = view.total_with(chosen, site)
        return (worth(missed, total, option.cost), total, place_of(site) in taken, option.name)

    missed = view.least_missed(limit, chosen)[fresh.sites]
    if want.strategy is Strategy.NEAREST:
        bounds = missed
    else:
        gains = np.maximum(1, (before - missed) * PARTS // view.total)
        bounds = score(want, view.least_totals(chosen)[fresh.sites], fresh.costs) * PARTS // gains
    found = first(without(bounds, want, chosen), fresh.options, exact, lambda option: room(option) >= least)
    return found[1] if found else None


def _by_score(want: Want, chosen: Chosen, place_of: Places, *, room: Room, least: int) -> Option | None:
    """What the strategy likes best."""
    view, fresh = want.view, want.fresh
    taken = {place_of(site) for site in chosen}

    def exact(option: Option) -> tuple[int, int, bool, str]:
        total, cost = view.total_with(chosen, option.site), option.cost
        other = cost if want.strategy is Strategy.NEAREST else total
        return (score(want, total, cost), other, place_of(option.site) in taken, option.name)

    bounds = score(want, view.least_totals(chosen)[fresh.sites], fresh.costs)
    found = first(without(bounds, want, chosen), fresh.options, exact, lambda option: room(option) >= least)
    return found[1] if found else None
