"""Which routes are settled together: those that may have a pool in common, or whose others may."""

import itertools
from collections.abc import Mapping, Sequence

import pytest
from tests.unit.plan.wanted import option, view, want

from isochrone.model import RouteKey
from isochrone.plan.groups import groups

SEEN = view([[1], [1]], [1])


def grouped(pools: Mapping[str, Sequence[str | None]]) -> list[list[str]]:
    """Names of the routes that may have these pools, by group."""
    wants = {
        RouteKey("shop", name): want(SEEN, [option(at % 2, pool=pool) for at, pool in enumerate(each)], name=name)
        for name, each in pools.items()
    }
    return [[each.key.name for each in group] for group in groups(wants)]


@pytest.mark.parametrize(
    ("pools", "expected"),
    [
        pytest.param({}, [], id="no routes"),
        pytest.param({"a": ["x"], "b": ["y"]}, [["a"], ["b"]], id="nothing in common"),
        pytest.param({"a": ["x"], "b": ["y"], "c": ["x"]}, [["a", "c"], ["b"]], id="one pool"),
        pytest.param({"a": ["x", "y"], "b": ["z", "y"]}, [["a", "b"]], id="one of two, at another site"),
        pytest.param({"a": ["x"], "b": ["y"], "c": ["x", "y"]}, [["a", "b", "c"]], id="a third that joins them"),
        pytest.param({"a": ["x"], "b": ["x", "y"], "c": ["y"], "d": ["z"]}, [["a", "b", "c"], ["d"]], id="a chain"),
        pytest.param(
            {"a": ["w"], "b": ["x"], "c": ["y"], "d": ["w", "x"], "e": ["x", "y"]},
            [["a", "b", "c", "d", "e"]],
            id="a chain that is joined late",
        ),
        pytest.param({"a": [None], "b": [None]}, [["a"], ["b"]], id="without devices there is no pool"),
        pytest.param({"a": [], "b": []}, [["a"], ["b"]], id="nowhere to be"),
    ],
)
def test_routes_are_together_if_they_could_want_the_same_devices(
    pools: Mapping[str, Sequence[str | None]], expected: list[list[str]]
) -> None:
    assert grouped(pools) == expected


def test_who_is_together_does_not_depend_on_the_order() -> None:
    pools = {"a": ["w"], "b": ["x"], "c": ["w", "x"], "d": ["y"]}
    for order in itertools.permutations(pools):
        found = grouped({name: pools[name] for name in order})
        assert {frozenset(group) for group in found} == {frozenset("abc"), frozenset("d")}
        assert found == sorted(found, key=lambda group: order.index(group[0]))
