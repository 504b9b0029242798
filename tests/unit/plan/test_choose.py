"""The next site, and a better one: bounds spare looking at most sites, and never change which is chosen."""

import random
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pytest
from tests.unit.plan.wanted import option, view, want

from isochrone.api.model_route import Strategy
from isochrone.plan import choose
from isochrone.plan.wants import Option, Want

SITES: Final = 5
WORLDS: Final = 400
TRIPS: Final = (1000, 2000, 3000, 9000)


class Drawn:
    """A route, what it has, and where there is room: drawn so that there are equals, and little to gain."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)
        columns = dice.randint(1, 4)
        self.rtts = [[dice.choice(TRIPS) for _ in range(columns)] for _ in range(SITES)]
        self.shares = [dice.choice((1, 2, 40, 3000)) for _ in range(columns)]
        names = [None] if dice.random() < 0.3 else ["a", "b"]
        options = [
            option(site, cost, pool)
            for site in range(SITES)
            for cost, pool in sorted((dice.choice((10, 20, 30)), pool) for pool in names)
        ]
        strategy = dice.choice(list(Strategy))
        self.want: Want = want(
            view(self.rtts, self.shares),
            options,
            closed=[site for site in range(SITES) if dice.random() < 0.1],
            limit=dice.choice((None, 1000, 2000, 3000)),
            may_miss=dice.choice((0, 1, sum(self.shares) // 2)),
            min_sites=dice.randint(1, 4),
            strategy=strategy,
            least_total=dice.choice((500, 1000)),
            least_cost=10,
        )
        self.chosen = tuple(sorted(dice.sample(range(SITES), dice.randint(0, 3))))
        self.places = [dice.randint(0, 2) for _ in range(SITES)]
        self.rooms = {each: dice.randint(0, 3) for each in options}
        self.most = dice.choice((10, 20, 3_000, 10_000_000))

    def has_room(self, each: Option) -> bool:
        return self.rooms[each] > 0

    def total(self, chosen: Sequence[int]) -> int:
        nearest = [min((self.rtts[site][at] for site in chosen), default=0) for at in range(len(self.shares))]
        return sum(share * rtt for share, rtt in zip(self.shares, nearest, strict=True))

    def missed(self, chosen: Sequence[int]) -> int:
        limit = self.want.limit or 0
        return sum(share for at, share in enumerate(self.shares) if all(self.rtts[site][at] > limit for site in chosen))

    def score(self, total: int, cost: int) -> int:
        match self.want.strategy:
            case Strategy.NEAREST:
                return total
            case Strategy.CHEAPEST:
                return cost
            case Strategy.BALANCED:
                return total * 1000 // self.want.least_total + cost * 1000 // self.want.least_cost

    def new(self, least: int) -> list[Option]:
        return [each for each in self.want.fresh.options if each.site not in self.chosen and self.rooms[each] >= least]

    def best_gain(self, least: int) -> Option | None:
        """What brings most within the objective, or a share of it for the best score."""
        before, taken = self.missed(self.chosen), {self.places[site] for site in self.chosen}
        ranked = []
        for rank, each in enumerate(self.new(least)):
            more = (*self.chosen, each.site)
            missed, total = self.missed(more), self.total(more)
            worth = self.score(total, each.cost) * 1024 // max(1, (before - missed) * 1024 // sum(self.shares))
            if missed < before:
                first = missed if self.want.strategy is Strategy.NEAREST else worth
                ranked.append((first, total, self.places[each.site] in taken, each.name, rank))
        return self.new(least)[min(ranked)[-1]] if ranked else None

    def best_score(self, least: int) -> Option | None:
        taken, ranked = {self.places[site] for site in self.chosen}, []
        for rank, each in enumerate(self.new(least)):
            total = self.total((*self.chosen, each.site))
            other = each.cost if self.want.strategy is Strategy.NEAREST else total
            ranked.append((self.score(total, each.cost), other, self.places[each.site] in taken, each.name, rank))
        return self.new(least)[min(ranked)[-1]] if ranked else None

    def is_met(self) -> bool:
        return self.want.limit is None or self.missed(self.chosen) <= self.want.may_miss

    def best_instead(self, site: int) -> Option | None:
        rest = [each for each in self.chosen if each != site]
        ranked = []
        for rank, each in enumerate(self.new(1)):
            total = self.total((*rest, each.site))
            score, missed = self.score(total, each.cost), self.missed((*rest, each.site))
            is_near = self.want.limit is None or missed <= max(self.want.may_miss, self.missed(self.chosen))
            if score <= self.most and is_near:
                ranked.append((score, total, each.name, rank))
        return self.new(1)[min(ranked)[-1]] if ranked else None


def test_the_next_site_is_the_best_of_all() -> None:
    kinds = set()
    for seed in range(WORLDS):
        drawn = Drawn(seed)
        least = seed % 3
        expected = None if drawn.is_met() else drawn.best_gain(least)
        if expected is None and len(drawn.chosen) < drawn.want.min_sites:
            expected = drawn.best_score(least)
        found = choose.addition(
            drawn.want, drawn.chosen, drawn.places.__getitem__, room=drawn.rooms.__getitem__, least=least
        )
        assert found == expected, seed
        kinds.add((drawn.is_met(), found is None))
    assert len(kinds) == 4


def test_a_better_site_is_the_best_of_all() -> None:
    found = []
    for seed in range(WORLDS):
        drawn = Drawn(seed)
        for site in drawn.chosen:
            best = choose.replacement(drawn.want, drawn.chosen, site, most=drawn.most, has_room=drawn.has_room)
            assert (best[1] if best else None) == drawn.best_instead(site), seed
            found.append(best is not None)
    assert {True, False} == set(found)


def test_of_equals_the_first_is_taken() -> None:
    options = tuple(option(site) for site in range(40))
    bounds = np.full(40, 7, dtype=np.int64)
    found = choose.first(bounds, options, lambda _: (7, 0, False, "same"), lambda each: each.site > 2)

    assert found == ((7, 0, False, "same"), options[3])


GAIN: Final[dict[str, Any]] = {"limit": 1000, "may_miss": 0}
SCORE: Final[dict[str, Any]] = {"limit": None, "min_sites": 2}


@pytest.mark.parametrize("wish", [pytest.param(GAIN, id="for the objective"), pytest.param(SCORE, id="as one more")])
@pytest.mark.parametrize("strategy", Strategy)
def test_of_equals_the_first_by_name_is_added_and_another_place_before_that(
    wish: dict[str, Any], strategy: Strategy
) -> None:
    """Site 0 is there. Of three that are as near to the others and as dear, the first by name stands beside it."""
    near = view([[1000, 9000], [9000, 1000], [9000, 1000], [9000, 1000]], [10, 10])
    options = [Option(1, "a", "gpu", 5), Option(2, "z", "gpu", 5), Option(3, "m", "gpu", 5)]
    places = ["here", "here", "there", "elsewhere"]
    wanted = want(near, options, strategy=strategy, **wish)

    found = choose.addition(wanted, (0,), places.__getitem__, room=lambda _: 1, least=1)

    assert found == options[2]


@pytest.mark.parametrize("strategy", Strategy)
def test_of_equals_the_first_by_name_comes_instead(strategy: Strategy) -> None:
    options = [Option(1, "z", "gpu", 5), Option(2, "a", "gpu", 5)]
    wanted = want(view([[9000], [1000], [1000]], [10]), options, strategy=strategy)

    found = choose.replacement(wanted, (0,), 0, most=1_000_000_000, has_room=lambda _: True)

    assert found is not None
    assert found[1] == options[1]


@pytest.mark.parametrize(
    ("everybody", "expected"),
    [
        pytest.param(1024, "s2", id="two parts at half as much again"),
        pytest.param(1025, "s1", id="less than a part counts as one, and less than two as one"),
    ],
)
def test_what_comes_nearer_is_counted_in_parts_of_all_demand(everybody: int, expected: str) -> None:
    """Of all demand site 1 brings one share within the objective for 10, site 2 brings two for 15."""
    near = view([[1000, 9000, 9000], [9000, 1000, 9000], [9000, 9000, 1000]], [everybody - 3, 1, 2])
    wanted = want(near, [option(1, 10), option(2, 15)], strategy=Strategy.CHEAPEST, **GAIN)

    found = choose.addition(wanted, (0,), lambda site: site, room=lambda _: 1, least=1)

    assert found is not None
    assert found.name == expected


class Looking:
    """Room everywhere, and who was asked about it."""

    def __init__(self) -> None:
        self.at: list[str] = []

    def __call__(self, each: Option) -> int:
        self.at.append(each.name)
        return 1


@pytest.mark.parametrize(
    ("strategy", "other", "elsewhere", "chosen"),
    [
        pytest.param(Strategy.CHEAPEST, [1000, 9000], 1000, (), id="as near, but dearer"),
        pytest.param(Strategy.CHEAPEST, [1000, 9000], 1_023_000, (2,), id="dearer, and a part is all to gain"),
        pytest.param(Strategy.BALANCED, [1000, 9000], 1000, (), id="as near, but dearer, on balance"),
        pytest.param(Strategy.NEAREST, [9000, 9000], 1000, (), id="not as near"),
    ],
)
def test_what_surely_gains_less_is_not_looked_at(
    strategy: Strategy, other: list[int], elsewhere: int, chosen: tuple[int, ...]
) -> None:
    """Site 0 is near to a thousand for 10, site 1 costs 15, and site 2 is near to all others."""
    near = view([[1000, 9000], other, [9000, 1000]], [1000, elsewhere])
    wanted = want(
        near, [option(0, 10), option(1, 15)], strategy=strategy, least_total=10_000_000, least_cost=10, **GAIN
    )
    room = Looking()

    found = choose.addition(wanted, chosen, lambda site: site, room=room, least=1)

    assert (found, room.at) == (option(0, 10), ["s0"])


def test_what_surely_misses_more_or_costs_too_much_is_not_looked_at() -> None:
    """Site 1 is cheapest, but far from all; site 3 is dearer than it may be."""
    near = view([[1000], [9000], [1000], [1000]], [1000])
    wanted = want(near, [option(1, 5), option(2, 10), option(3, 25)], strategy=Strategy.CHEAPEST, **GAIN)
    room = Looking()

    found = choose.replacement(wanted, (0,), 0, most=20, has_room=lambda each: room(each) > 0)

    assert (found, room.at) == (((10, 1_000_000, "s2"), option(2, 10)), ["s2"])


@pytest.mark.parametrize(
    ("bounds", "looked_at"),
    [
        pytest.param([1, 5, 9], ["s0", "s1"], id="what can't be better is not looked at"),
        pytest.param([5, 5, 5], ["s0", "s1", "s2"], id="what may be as good is"),
        pytest.param([6, 1, 4], ["s1", "s2"], id="the most promising first"),
    ],
)
def test_only_what_may_be_better_is_looked_at(bounds: list[int], looked_at: list[str]) -> None:
    seen = []

    def exact(each: Option) -> tuple[int, int, bool, str]:
        seen.append(each.name)
        return (5, 9, False, each.name)

    choose.first(np.array(bounds), tuple(option(site) for site in range(3)), exact, lambda _: True)

    assert seen == looked_at
