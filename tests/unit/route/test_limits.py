"""Rates: what is admitted, what is refused and until when, and how reservations settle."""

import math

import pytest

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.limits import Admission, Exceeded, Limit, Meter, Window, admit


def admitted(meters: list[Meter], now: float = 0.0, tokens: int = 0) -> Admission:
    given = admit(meters, now, tokens)
    assert isinstance(given, Admission), given
    return given


def refused(meters: list[Meter], now: float = 0.0, tokens: int = 0) -> Exceeded:
    given = admit(meters, now, tokens)
    assert isinstance(given, Exceeded), given
    return given


def test_requests_are_counted_over_any_minute() -> None:
    meters = [Meter("shop/web", Rates(requests_per_minute=2))]
    admitted(meters, 0.9)
    admitted(meters, 30)
    assert refused(meters, 59) == ("shop/web", Limit.REQUESTS, 2, 61.0)
    assert refused(meters, 60.95).until == 61.0
    admitted(meters, 61)
    assert refused(meters, 62).until == 91.0


def test_tokens_are_reserved_and_settled() -> None:
    meters = [Meter("t", Rates(tokens_per_minute=100))]
    first = admitted(meters, 0, tokens=80)
    assert refused(meters, 1, tokens=30).limit is Limit.TOKENS
    first.settle(2, used=10)
    admitted(meters, 3, tokens=90)
    assert refused(meters, 3, tokens=1).until == 61.0


def test_what_was_used_beyond_the_reservation_counts() -> None:
    meters = [Meter("t", Rates(tokens_per_minute=100))]
    admitted(meters, 0, tokens=10).settle(1, used=150)
    assert refused(meters, 2, tokens=1).until == 61.0
    admitted(meters, 61, tokens=100)


def test_a_reservation_stays_if_nobody_knows_what_was_used() -> None:
    meters = [Meter("t", Rates(tokens_per_minute=100))]
    admitted(meters, 0, tokens=100).settle(1, used=None)
    refused(meters, 2, tokens=1)


def test_settling_after_the_minute_changes_nothing_later() -> None:
    window = Window(100)
    entry = window.take(0, 60)
    window.take(61, 10)
    window.settle(61, entry, -60)
    assert window.used == 10


def test_what_can_never_be_granted_has_no_time_to_come_back() -> None:
    assert refused([Meter("t", Rates(tokens_per_minute=100))], tokens=101).until == math.inf


def test_requests_at_a_time() -> None:
    meters = [Meter("t", Rates(concurrent_requests=2))]
    first = admitted(meters)
    admitted(meters)
    assert refused(meters).limit is Limit.CONCURRENT
    first.settle(1, used=None)
    first.settle(1, used=None)
    assert meters[0].concurrent == 1
    admitted(meters)
    refused(meters)


def test_a_request_is_counted_by_all_limits_or_by_none() -> None:
    tenant, route = Meter("tenant", Rates(requests_per_minute=10)), Meter("route", Rates(requests_per_minute=1))
    admitted([tenant, route])
    assert refused([tenant, route]).whose == "route"
    assert tenant.requests is not None
    assert (tenant.requests.used, tenant.concurrent) == (1, 1)


def test_no_limits_admit_everything() -> None:
    meters = [Meter("t", Rates())]
    for _ in range(1000):
        admitted(meters, 0, tokens=10**9)


@pytest.mark.parametrize(
    ("share", "most"), [pytest.param(1, 10, id="one"), pytest.param(3, 3, id="three"), pytest.param(99, 1, id="many")]
)
def test_processes_share_a_limit(share: int, most: int) -> None:
    meters = [Meter("t", Rates(requests_per_minute=10), share=share)]
    for _ in range(most):
        admitted(meters)
    refused(meters)


def test_time_that_goes_back_a_little_is_no_error() -> None:
    window = Window(10)
    window.take(100.0, 1)
    window.take(99.0, 1)
    assert window.free(99.0) == 8
    assert window.free(161.0) == 10
