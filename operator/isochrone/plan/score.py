"""How good it is for a route to be somewhere, by its strategy. Whole numbers; the lower the better."""

from typing import TypeVar

from isochrone.api.model_route import Strategy
from isochrone.plan.latency import Ints
from isochrone.plan.view import Chosen
from isochrone.plan.wants import Want

_PER_MILLE = 1000

Figure = TypeVar("Figure", int, Ints)


def score(want: Want, total: Figure, cost: Figure) -> Figure:
    """Of a set of sites with this sum of round trips, one of which costs that much; of many at once, too.

    Balanced: twice as far weighs as much as twice as dear, beside the nearest and the cheapest that the route could
    have. Those don't change with what happens to be free, so neither does the balance.
    """
    match want.strategy:
        case Strategy.NEAREST:
            return total
        case Strategy.CHEAPEST:
            return cost
        case Strategy.BALANCED:
            return total * _PER_MILLE // want.least_total + cost * _PER_MILLE // want.least_cost


def is_met(want: Want, chosen: Chosen) -> bool:
    """Whether enough demand is within the route's objective, if it has one."""
    return want.limit is None or want.view.missed(want.limit, chosen) <= want.may_miss


def is_met_amply(want: Want, chosen: Chosen) -> bool:
    """Whether it would stay so: half way from the objective to all. What is stopped isn't missed again tomorrow."""
    return want.limit is None or want.view.missed(want.limit, chosen) * 2 <= want.may_miss
