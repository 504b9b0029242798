"""Which pod gets a request."""

import collections

import pytest

from isochrone_gateway.route.endpoints import Endpoint, pick, two_of


def pods(*loads: int) -> list[Endpoint]:
    return [Endpoint(name=f"pod-{number}", in_flight=load) for number, load in enumerate(loads)]


def test_nobody_and_only_one() -> None:
    assert pick([], None, 0.5) is None
    (only,) = pods(1_000)
    assert pick([only], 7, 0.5) is only


def test_without_a_key_the_less_busy_of_two_is_taken() -> None:
    busy, idle = pods(5, 1)
    assert {pick([busy, idle], None, rand) is idle for rand in (0.0, 0.3, 0.6, 0.99)} == {True}


def test_the_busiest_is_never_taken_at_random() -> None:
    endpoints = pods(1, 2, 9, 3)
    picked = collections.Counter(str(pick(endpoints, None, step / 1_000)) for step in range(1_000))
    assert str(endpoints[2]) not in picked
    assert len(picked) == 3


def test_a_key_keeps_to_its_pod_until_that_is_clearly_busier() -> None:
    endpoints = pods(0, 0, 0, 0)
    first = pick(endpoints, 42, 0.1)
    assert first is not None
    assert pick(list(reversed(endpoints)), 42, 0.9) is first
    first.in_flight = 2
    assert pick(endpoints, 42, 0.1) is first
    first.in_flight = 3
    assert pick(endpoints, 42, 0.1) is not first
    for endpoint in endpoints:
        endpoint.in_flight = 8
    first.in_flight = 12
    assert pick(endpoints, 42, 0.1) is first, "below 1.25 times the mean of 9, rounded up, and 2 more"
    first.in_flight = 15
    assert pick(endpoints, 42, 0.1) is not first


@pytest.mark.parametrize(
    "figure",
    [
        pytest.param({"waiting": 9.0}, id="a queue"),
        pytest.param({"kv_use": 0.99}, id="a full cache"),
        pytest.param({"in_flight": 9}, id="requests of ours"),
    ],
)
def test_what_counts_as_load(figure: dict[str, float]) -> None:
    calm, busy = Endpoint(name="a"), Endpoint(name="b")
    for name, value in figure.items():
        setattr(busy, name, value)
    assert busy.load > calm.load
    assert pick([busy, calm], None, 0.1) is calm


@pytest.mark.parametrize("count", [2, 3, 7])
def test_all_pairs_are_equally_likely(count: int) -> None:
    steps = 100 * count * (count - 1)
    drawn = collections.Counter(two_of(count, step / steps) for step in range(steps))
    assert len(drawn) == count * (count - 1)
    assert all(first != second for first, second in drawn)
    assert max(drawn.values()) - min(drawn.values()) <= 2
    assert two_of(count, 0.9999999999999999) == (count - 1, count - 2)
