"""By which weights the backends of a tier share it, with other routes written out."""

import itertools
from typing import Any

import pytest
from tests.unit.plan.small import CHAT, FRA, NOW, Json, network
from tests.unit.plan.test_tables import shared, weighed
from tests.unit.validate import sample
from tests.unit.validate.sample import to_provider, to_route

from isochrone.plan.planner import prepare
from isochrone.plan.tiers import Engines, tiers_of

PROVIDERS = [sample.provider(name) for name in "abc"]
LARGEST = 1_000_000


def route(name: str, *tiers: Json, **spec: Any) -> Json:
    return sample.route(name, tiers=list(tiers), **spec)


def weights(*routes: Json) -> list[dict[str, int]]:
    """Of each tier, in order."""
    world = prepare(network(FRA, *PROVIDERS, *routes), now=NOW).world
    return [
        {who.route.name if isinstance(who, Engines) else who.provider: weight for who, weight in tier.items()}
        for tier in tiers_of(world, world.routes[CHAT])
    ]


OTHER = route("other", shared(weighed(to_provider("a"), 1), weighed(to_route("third"), 99)))
THIRD = route("third", shared(weighed(to_provider("b"), 1), weighed(to_provider("c"), 99)))


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        pytest.param(
            [route("chat", shared(to_provider("b"), to_provider("a"), {"serving": {}}), serving=sample.serving())],
            [("chat", 1), ("a", 1), ("b", 1)],
            id="engines first, then by name",
        ),
        pytest.param(
            [route("chat", shared(weighed(to_provider("a"), 2), weighed(to_provider("b"), 4)))],
            [("a", 2), ("b", 4)],
            id="as they are declared",
        ),
        pytest.param(
            [route("chat", shared(to_provider("a"), weighed(to_route("other"), 100))), OTHER, THIRD],
            [("a", 200), ("b", 99), ("c", 9801)],
            id="shares of shares",
        ),
    ],
)
def test_a_tier_is_shared(routes: list[Json], expected: list[tuple[str, int]]) -> None:
    assert [list(tier.items()) for tier in weights(*routes)] == [expected]


def deep(levels: int, weight: int) -> list[Json]:
    """Each route sends a share to a provider of its own, and the rest on; the last one to another."""
    names = ["chat", *(f"r{level}" for level in range(levels))]
    here = [
        route(name, shared(to_provider("a"), weighed(to_route(below), weight)))
        for name, below in itertools.pairwise(names)
    ]
    return [*here, route(names[-1], shared(to_provider("b"), weighed(to_provider("c"), weight)))]


def test_the_greatest_weight_is_bounded_and_the_smallest_is_not_lost() -> None:
    (found,) = weights(*deep(3, 100))

    assert found == {"a": 30_604, "b": 10_000, "c": LARGEST}
    (fine,) = weights(*deep(4, 100))
    assert fine["c"] == LARGEST
    assert (fine["a"], fine["b"]) == (41_010, 10_000)


def test_a_share_that_is_next_to_nothing_counts_all_the_same() -> None:
    lines = [
        route("chat", shared(weighed(to_route("r0"), 1), weighed(to_provider("a"), 100))),
        *(
            route(f"r{level}", shared(weighed(to_route(f"r{level + 1}"), 1), weighed(to_provider("a"), 100)))
            for level in range(4)
        ),
        route("r4", shared(to_provider("b"))),
    ]
    assert weights(*lines) == [{"a": LARGEST, "b": 1}]
