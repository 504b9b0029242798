"""How good it is to be somewhere, in figures, and when an objective is met."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from tests.unit.plan.small import CHAT, FRA, NOW, chat, network, pool

from isochrone.api.model_route import Strategy
from isochrone.geo.population import population
from isochrone.plan import score
from isochrone.plan.demand import Demand, centres
from isochrone.plan.planner import prepare
from isochrone.plan.view import View
from isochrone.plan.wants import Want


def want(**fields: Any) -> Want:
    """Of ten shares of demand site 0 is near to seven, site 1 to the other three."""
    near, far = centres()["DE"][0], centres()["FR"][0]
    table = np.full((2, len(population())), 90_000, dtype=np.int64)
    table[0, near] = table[1, far] = 10_000
    demand = Demand(tuple(sorted([(near, 7), (far, 3)])), (("DE", 0b11), ("FR", 0b11)))
    some = prepare(network(FRA, pool("fra"), chat()), now=NOW).wants[CHAT]
    return dataclasses.replace(some, view=View(demand, table), **fields)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        pytest.param(Strategy.NEAREST, 700, id="nearest"),
        pytest.param(Strategy.CHEAPEST, 90, id="cheapest"),
        pytest.param(Strategy.BALANCED, 7000 + 3000, id="balanced: in thousandths of the nearest and the cheapest"),
    ],
)
def test_a_score_is_what_the_strategy_counts(strategy: Strategy, expected: int) -> None:
    assert score.score(want(strategy=strategy, least_total=100, least_cost=30), 700, 90) == expected


@pytest.mark.parametrize(
    ("limit", "may_miss", "chosen", "is_met", "amply"),
    [
        pytest.param(None, 0, (), True, True, id="no objective"),
        pytest.param(20_000, 0, (0, 1), True, True, id="all are near"),
        pytest.param(20_000, 2, (0,), False, False, id="three are far, two may be"),
        pytest.param(20_000, 3, (0,), True, False, id="three are far, three may be"),
        pytest.param(20_000, 5, (0,), True, False, id="three are far, five may be: nearly half way to all"),
        pytest.param(20_000, 6, (0,), True, True, id="three are far, six may be: half way to all"),
        pytest.param(10_000, 3, (0,), True, False, id="as far as the limit is within it"),
        pytest.param(9_999, 9, (0,), False, False, id="a bit further is not"),
    ],
)
def test_an_objective_is_met_if_few_enough_are_far(
    limit: int | None, may_miss: int, chosen: tuple[int, ...], *, is_met: bool, amply: bool
) -> None:
    found = want(limit=limit, may_miss=may_miss)

    assert score.is_met(found, chosen) is is_met
    assert score.is_met_amply(found, chosen) is amply
