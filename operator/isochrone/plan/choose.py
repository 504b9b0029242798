"""The next site for a route: of all that have room, the best on top of those that it has.

While too few callers are within the objective, a site is worth what it brings nearer; after that, what the strategy
says. Equals are told apart by what the strategy leaves out, then by whether nothing of the route stands at that very
place yet, then by name.
"""

from collections.abc import Callable, Iterable, Iterator

from isochrone.api.model_route import Strategy
from isochrone.plan.score import is_met, score
from isochrone.plan.view import Chosen
from isochrone.plan.wants import Option, Want

Key = tuple[int, int, bool, str, str]
Places = Callable[[int], object]
"""What tells whether two sites are at one place."""
Room = Callable[[Option], int]
"""How many replicas of the route there is room for."""


def addition(want: Want, chosen: Chosen, place_of: Places, *, room: Room, least: int) -> Option | None:
    """The best site to add that has room for at least so many replicas; None if none helps."""
    ranked = _by_gain(want, chosen, place_of) if not is_met(want, chosen) else None
    found = _first(ranked, room, least) if ranked is not None else None
    if found is None and len(chosen) < want.min_sites:
        found = _first(_by_score(want, chosen, place_of), room, least)
    return found


def _first(ranked: Iterable[tuple[Key, Option]], room: Room, least: int) -> Option | None:
    """The best that has room; room is asked only for what would be the best so far."""
    best: tuple[Key, Option] | None = None
    for each in ranked:
        if (best is None or each[0] < best[0]) and room(each[1]) >= least:
            best = each
    return best[1] if best else None


def _by_gain(want: Want, chosen: Chosen, place_of: Places) -> Iterator[tuple[Key, Option]]:
    limit = want.limit or 0
    before, after = want.view.covered_by(limit, chosen), want.view.covered(limit, chosen)
    totals, taken = want.view.totals(chosen), {place_of(site) for site in chosen}
    for option in _others(want, chosen):
        site = option.site
        gain = after[site] - before
        if gain > 0:
            worth = -gain if want.strategy is Strategy.NEAREST else _each(want, totals[site], option.cost, gain)
            yield (worth, totals[site], place_of(site) in taken, option.name, option.pool or ""), option


def _each(want: Want, total: int, cost: int, gain: int) -> int:
    """What a share of demand costs that comes within the objective."""
    return score(want, total, cost) * want.view.total // gain


def _by_score(want: Want, chosen: Chosen, place_of: Places) -> Iterator[tuple[Key, Option]]:
    totals, taken = want.view.totals(chosen), {place_of(site) for site in chosen}
    for option in _others(want, chosen):
        total, cost = totals[option.site], option.cost
        other = cost if want.strategy is Strategy.NEAREST else total
        yield (
            (score(want, total, cost), other, place_of(option.site) in taken, option.name, option.pool or ""),
            option,
        )


def _others(want: Want, chosen: Chosen) -> Iterator[Option]:
    had = set(chosen)
    return (option for option in want.fresh if option.site not in had)
