"""Whether requests fail clearly more than before."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.model import RouteServed, Served
from isochrone.rollout import errors
from isochrone.rollout.errors import Watch

WATCH = Watch()


def of(answered: int, failed: int, **routes: tuple[int, int]) -> Served:
    worst = tuple(RouteServed(route=f"demo/{name}", answered=each[0], failed=each[1]) for name, each in routes.items())
    return Served(seconds=60, answered=answered, failed=failed, worst=worst)


@pytest.mark.parametrize(
    ("before", "now", "is_so"),
    [
        pytest.param(of(0, 0), of(0, 0), False, id="nobody-asks"),
        pytest.param(of(5000, 0), of(0, 9), False, id="too-few-to-tell"),
        pytest.param(of(5000, 0), of(0, 10), True, id="all-fail"),
        pytest.param(of(5000, 5), of(960, 40), False, id="below-the-floor"),
        pytest.param(of(5000, 5), of(940, 60), True, id="above-the-floor"),
        pytest.param(of(800, 200), of(75, 25), False, id="a-fifth-failed-before-and-chance-does-the-rest"),
        pytest.param(of(800, 200), of(55, 45), True, id="a-fifth-failed-before-and-now-twice-as-many"),
        pytest.param(of(0, 300), of(0, 300), False, id="all-failed-before"),
        pytest.param(of(0, 3), of(0, 30), False, id="all-of-a-few-failed-before"),
        pytest.param(of(10, 0), of(88, 12), False, id="little-is-known-of-before"),
        pytest.param(of(1000, 0), of(88, 12), True, id="much-is-known-of-before"),
        pytest.param(of(0, 0), of(85, 15), False, id="nothing-is-known-and-few-fail"),
        pytest.param(of(0, 0), of(0, 20), True, id="nothing-is-known-and-all-fail"),
        pytest.param(of(0, 0), of(80, 40), True, id="nothing-is-known-and-many-fail"),
        pytest.param(of(500, 400), of(900, 10), False, id="it-gets-better"),
    ],
)
def test_what_has_risen(before: Served, now: Served, *, is_so: bool) -> None:
    assert bool(errors.risen(before, now, WATCH)) == is_so


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        pytest.param(
            of(90_000, 3, chat=(40, 3)),
            of(9000, 31, chat=(9, 30), other=(500, 1)),
            "76.9% of 39 requests to demo/chat fail; before, 6.98% of 43",
            id="one-route-among-many",
        ),
        pytest.param(
            of(90_000, 0),
            of(9000, 30, chat=(0, 30)),
            "100% of 30 requests to demo/chat fail; before, none was known to",
            id="one-of-which-nothing-was-told",
        ),
        pytest.param(
            of(900, 9, old=(0, 9)),
            of(500, 100, **{f"r{number}": (5, 5) for number in range(8)}),
            "16.7% of 600 requests to all routes together fail; before, 0.99% of 909",
            id="a-little-everywhere",
        ),
        pytest.param(of(90, 30, old=(0, 30)), of(90, 30, old=(0, 30)), "", id="one-that-always-fails"),
    ],
)
def test_who_is_named(before: Served, now: Served, words: str) -> None:
    assert errors.risen(before, now, WATCH) == words


@pytest.mark.parametrize(
    ("watch", "is_so"),
    [
        pytest.param(Watch(least_failures=41), False, id="failures"),
        pytest.param(Watch(least_percent=40.5), False, id="percent"),
        pytest.param(Watch(least_failures=40, least_percent=40.0), True, id="just-so"),
    ],
)
def test_both_can_be_set(watch: Watch, *, is_so: bool) -> None:
    assert bool(errors.risen(of(1000, 0), of(60, 40), watch)) == is_so


def test_pods_are_taken_together() -> None:
    one, other = of(10, 4, a=(1, 3), b=(2, 1)), Served(seconds=20, answered=5, failed=2)
    assert errors.together([one, other]) == Served(seconds=20, answered=15, failed=6, worst=one.worst)
    assert errors.together([one, one]).worst == (
        RouteServed(route="demo/a", answered=2, failed=6),
        RouteServed(route="demo/b", answered=4, failed=2),
    )
    assert errors.together([]) == Served()


SERVED = st.builds(
    Served,
    seconds=st.integers(0, 900),
    answered=st.integers(0, 10**6),
    failed=st.integers(0, 10**6),
    worst=st.lists(
        st.builds(RouteServed, route=st.sampled_from("abc"), answered=st.integers(0, 99), failed=st.integers(1, 99)),
        unique_by=lambda each: each.route,
    ).map(tuple),
)


@given(SERVED)
def test_what_stays_as_it_was_has_not_risen(served: Served) -> None:
    assert errors.risen(served, served, WATCH) == ""


@given(SERVED, st.integers(0, 10**6))
def test_what_does_not_fail_has_not_risen(before: Served, answered: int) -> None:
    assert errors.risen(before, Served(seconds=60, answered=answered), WATCH) == ""


@given(st.lists(SERVED, max_size=4), st.randoms())
def test_the_order_of_pods_means_nothing(parts: list[Served], dice: random.Random) -> None:
    assert errors.together(dice.sample(parts, len(parts))) == errors.together(parts)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.05, 0.2, 0.5])
def test_chance_alone_hardly_ever_stops_a_roll_out(share: float) -> None:
    """Five hundred sites whose upstream fails as it always did, each looked at ten times while requests come in."""
    dice, stops = random.Random(4), 0
    for _ in range(500):
        past = sum(dice.random() < share for _ in range(2000))
        failed, found = 0, False
        for count in range(40, 440, 40):
            failed += sum(dice.random() < share for _ in range(40))
            found |= bool(errors.risen(of(2000 - past, past), of(count - failed, failed), WATCH))
        stops += found
    assert stops <= 1
