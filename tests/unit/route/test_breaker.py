"""Circuit breakers: when they open, what they let through, how they close."""

import pytest

from isochrone_gateway.route.breaker import Breaker, Settings, State, Ticket

SETTINGS = Settings(failures_in_a_row=3, window=10, open_s=2.0, open_max_s=8.0, probes=1, successes=2)
EVEN = 0.5  # the random number that leaves times as they are


def ticket(breaker: Breaker, now: float = 0.0, *, is_last_resort: bool = False) -> Ticket:
    given = breaker.begin(now, is_last_resort=is_last_resort)
    assert given is not None
    return given


def state(breaker: Breaker) -> State:
    return breaker.state


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker(SETTINGS)
    for _ in range(3):
        breaker.failed(ticket(breaker), now, EVEN)
    assert state(breaker) is State.OPEN
    return breaker


def test_failures_in_a_row_open() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(2):
        breaker.failed(ticket(breaker), 0, EVEN)
    assert state(breaker) is State.CLOSED
    breaker.failed(ticket(breaker), 0, EVEN)
    assert state(breaker) is State.OPEN


def test_a_large_share_of_failures_opens() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(3):
        breaker.failed(ticket(breaker), 0, EVEN)
        breaker.failed(ticket(breaker), 0, EVEN)
        breaker.succeeded(ticket(breaker))
    assert state(breaker) is State.CLOSED, "fewer than the window"
    breaker.failed(ticket(breaker), 0, EVEN)
    assert state(breaker) is State.OPEN


def test_few_failures_do_not_open() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(200):
        breaker.succeeded(ticket(breaker))
        breaker.succeeded(ticket(breaker))
        breaker.failed(ticket(breaker), 0, EVEN)
    assert state(breaker) is State.CLOSED


def test_an_open_breaker_refuses_until_its_time_is_over() -> None:
    breaker = opened(now=10)
    assert breaker.refused_until(11.9) == 12
    assert breaker.begin(11.9) is None
    assert breaker.refused_until(12) is None
    assert ticket(breaker, 12).is_probe
    assert state(breaker) is State.HALF_OPEN


def test_jitter_spreads_the_return() -> None:
    times = []
    for rand in (0.0, 0.999):
        breaker = Breaker(SETTINGS)
        for _ in range(3):
            breaker.failed(ticket(breaker), 0, rand)
        times.append(breaker.refused_until(0))
    assert times == [pytest.approx(1.5), pytest.approx(2.5, abs=0.01)]


def test_half_open_lets_probes_through_one_at_a_time_and_closes_after_enough() -> None:
    breaker = opened()
    first = ticket(breaker, 2)
    assert breaker.begin(2) is None
    assert breaker.refused_until(2) == 2
    breaker.succeeded(first)
    assert state(breaker) is State.HALF_OPEN
    breaker.succeeded(ticket(breaker, 2))
    assert state(breaker) is State.CLOSED


def test_a_failed_probe_opens_for_twice_as_long_up_to_a_limit() -> None:
    breaker = opened()
    now = 2.0
    for length in (4.0, 8.0, 8.0):
        breaker.failed(ticket(breaker, now), now, EVEN)
        assert breaker.refused_until(now) == now + length
        now += length


def test_closing_forgets_how_long_it_was_open() -> None:
    breaker = opened()
    breaker.failed(ticket(breaker, 2), 2, EVEN)
    for _ in range(2):
        breaker.succeeded(ticket(breaker, 6))
    for _ in range(3):
        breaker.failed(ticket(breaker, 6), 6, EVEN)
    assert breaker.refused_until(6) == 8


def test_an_abandoned_probe_frees_its_place() -> None:
    breaker = opened()
    breaker.abandoned(ticket(breaker, 2))
    assert ticket(breaker, 2).is_probe


def test_what_was_begun_before_says_nothing_about_now() -> None:
    breaker = Breaker(SETTINGS)
    early = [ticket(breaker) for _ in range(9)]
    for each in early[:3]:
        breaker.failed(each, 0, EVEN)
    assert state(breaker) is State.OPEN
    breaker.succeeded(early[3])
    probe = ticket(breaker, 2)
    breaker.succeeded(early[4])
    breaker.failed(early[5], 2, EVEN)
    breaker.abandoned(early[6])
    assert state(breaker) is State.HALF_OPEN
    assert breaker.begin(2) is None
    breaker.succeeded(probe)
    breaker.succeeded(ticket(breaker, 2))
    breaker.failed(probe, 2, EVEN)
    assert state(breaker) is State.CLOSED


def test_a_probe_of_an_earlier_turn_frees_no_place_and_closes_nothing() -> None:
    breaker = Breaker(Settings(failures_in_a_row=1, open_s=1.0, probes=2, successes=1))
    breaker.failed(ticket(breaker), 0, EVEN)
    late, failing = ticket(breaker, 2), ticket(breaker, 2)
    breaker.failed(failing, 2, EVEN)
    ticket(breaker, 9), ticket(breaker, 9)
    breaker.succeeded(late)
    assert breaker.begin(9) is None
    assert state(breaker) is State.HALF_OPEN


def test_old_outcomes_fade() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(1_000):
        breaker.succeeded(ticket(breaker))
    for _ in range(20):
        if state(breaker) is State.CLOSED:
            breaker.failed(ticket(breaker), 0, EVEN)
            breaker.failed(ticket(breaker), 0, EVEN)
        if state(breaker) is State.CLOSED:
            breaker.succeeded(ticket(breaker))
    assert state(breaker) is State.OPEN


def test_the_last_resort_comes_earlier_but_not_at_once() -> None:
    breaker = opened(now=10)
    assert breaker.last_resort_at() == 11
    assert breaker.begin(10.9, is_last_resort=True) is None
    assert ticket(breaker, 11, is_last_resort=True).is_probe
    assert breaker.begin(11, is_last_resort=True) is None
    assert breaker.last_resort_at() is None


def test_a_closed_breaker_needs_no_last_resort() -> None:
    breaker = Breaker(SETTINGS)
    assert breaker.last_resort_at() is None
    assert not ticket(breaker, is_last_resort=True).is_probe
