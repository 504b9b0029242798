"""What failures mean, whether and when another attempt is made, and what the client reads in the end."""

import pytest
from msgspec.structs import replace

from isochrone_gateway.config.routes import Retry, RetryOn
from isochrone_gateway.route.retry import (
    MAX_REPLAYED_BODY,
    Failure,
    Fault,
    GiveUp,
    RetryBudget,
    Situation,
    backoff_s,
    fault_of,
    final_error,
    reason_to_give_up,
    retry_after_s,
)


@pytest.mark.parametrize(
    ("status", "fault", "is_targets"),
    [
        pytest.param(200, None, False, id="200"),
        pytest.param(304, None, False, id="304"),
        pytest.param(400, Fault.REJECTED, False, id="400"),
        pytest.param(401, Fault.CREDENTIAL_REFUSED, False, id="401"),
        pytest.param(402, Fault.CREDENTIAL_REFUSED, False, id="402"),
        pytest.param(403, Fault.CREDENTIAL_REFUSED, False, id="403"),
        pytest.param(404, Fault.SERVER_ERROR, False, id="404"),
        pytest.param(408, Fault.TIMEOUT, False, id="408"),
        pytest.param(413, Fault.REJECTED, False, id="413"),
        pytest.param(422, Fault.REJECTED, False, id="422"),
        pytest.param(429, Fault.RATE_LIMITED, False, id="429"),
        pytest.param(500, Fault.SERVER_ERROR, True, id="500"),
        pytest.param(503, Fault.SERVER_ERROR, True, id="503"),
        pytest.param(529, Fault.SERVER_ERROR, True, id="529"),
    ],
)
def test_what_a_status_means(status: int, fault: Fault | None, *, is_targets: bool) -> None:
    assert fault_of(status) is fault
    if fault is not None:
        assert Failure(fault=fault, status=status).is_targets_fault is is_targets


@pytest.mark.parametrize("fault", [Fault.CONNECT, Fault.TIMEOUT, Fault.SERVER_ERROR], ids=lambda fault: fault.name)
def test_failures_without_a_status_are_the_targets(fault: Fault) -> None:
    assert Failure(fault=fault).is_targets_fault


POLICY = Retry(attempts=3, backoff_base_ms=100, backoff_max_ms=1_000, jitter_percent=50)
FRESH = Situation(attempts=1, is_committed=False, body_bytes=100, now=5.0, deadline=60.0)


@pytest.mark.parametrize(
    ("fault", "changes", "reason"),
    [
        pytest.param(Fault.CONNECT, {}, None, id="no connection"),
        pytest.param(Fault.TIMEOUT, {}, None, id="timeout"),
        pytest.param(Fault.RATE_LIMITED, {}, None, id="rate limit"),
        pytest.param(Fault.SERVER_ERROR, {"attempts": 2}, None, id="the last attempt"),
        pytest.param(Fault.SERVER_ERROR, {"attempts": 3}, GiveUp.ATTEMPTS_USED, id="no attempt left"),
        pytest.param(Fault.CONNECT, {"is_committed": True}, GiveUp.COMMITTED, id="the client has a part"),
        pytest.param(Fault.REJECTED, {}, GiveUp.REJECTED, id="the client's mistake"),
        pytest.param(Fault.CONNECT, {"body_bytes": MAX_REPLAYED_BODY}, None, id="a body that is kept"),
        pytest.param(Fault.CONNECT, {"body_bytes": MAX_REPLAYED_BODY + 1}, GiveUp.BODY_NOT_KEPT, id="too large a body"),
        pytest.param(Fault.CONNECT, {"now": 60.0}, GiveUp.DEADLINE, id="no time left"),
    ],
)
def test_when_to_give_up(fault: Fault, changes: dict[str, float], reason: GiveUp | None) -> None:
    assert reason_to_give_up(POLICY, Failure(fault=fault), replace(FRESH, **changes)) is reason


@pytest.mark.parametrize(
    ("on", "fault"),
    [
        pytest.param(RetryOn.CONNECT_FAILURE, Fault.CONNECT, id="connect"),
        pytest.param(RetryOn.TIMEOUT, Fault.TIMEOUT, id="timeout"),
        pytest.param(RetryOn.RATE_LIMITED, Fault.RATE_LIMITED, id="rate limit"),
        pytest.param(RetryOn.SERVER_ERROR, Fault.SERVER_ERROR, id="server error"),
    ],
)
def test_each_class_is_configured(on: RetryOn, fault: Fault) -> None:
    only, others = replace(POLICY, on=frozenset({on})), replace(POLICY, on=frozenset(RetryOn) - {on})
    assert reason_to_give_up(only, Failure(fault=fault), FRESH) is None
    assert reason_to_give_up(others, Failure(fault=fault), FRESH) is GiveUp.NOT_CONFIGURED


def test_our_own_keys_are_tried_whatever_is_configured() -> None:
    nothing = replace(POLICY, on=frozenset())
    assert reason_to_give_up(nothing, Failure(fault=Fault.CREDENTIAL_REFUSED), FRESH) is None


@pytest.mark.parametrize(
    ("attempts", "rand", "seconds"),
    [
        pytest.param(1, 0.0, 0.1, id="first"),
        pytest.param(2, 0.0, 0.2, id="second"),
        pytest.param(3, 0.0, 0.4, id="third"),
        pytest.param(9, 0.0, 1.0, id="at most"),
        pytest.param(10_000, 0.0, 1.0, id="absurd"),
        pytest.param(1, 1.0, 0.05, id="jitter"),
    ],
)
def test_backoff_doubles_with_jitter(attempts: int, rand: float, seconds: float) -> None:
    assert backoff_s(POLICY, attempts, rand) == pytest.approx(seconds)


def test_the_budget_grows_with_requests() -> None:
    budget = RetryBudget(20, reserve=1, per_second=0)
    assert [budget.take(0), budget.take(0)] == [True, False]
    for _ in range(4):
        budget.request()
    assert not budget.take(0)
    budget.request()
    assert [budget.take(0), budget.take(0)] == [True, False]


def test_the_budget_trickles_and_is_bounded() -> None:
    budget = RetryBudget(20, reserve=1, per_second=0.5, most=5)
    assert [budget.take(0), budget.take(1), budget.take(2), budget.take(2)] == [True, False, True, False]
    assert [budget.take(1e6) for _ in range(6)] == [True] * 5 + [False]
    for _ in range(10_000):
        budget.request()
    assert [budget.take(1e6) for _ in range(6)] == [True] * 5 + [False]


def test_a_long_calm_saves_no_more_than_the_most() -> None:
    budget = RetryBudget(20, reserve=1, most=5)
    for _ in range(10_000):
        budget.request()
    assert [budget.take(0) for _ in range(6)] == [True] * 5 + [False]


def test_a_budget_of_nothing_is_nothing() -> None:
    budget = RetryBudget(0)
    budget.request()
    assert [budget.take(0), budget.take(1e9)] == [False, False]


WALL = 1_445_412_000.0  # Wed, 21 Oct 2015 07:20:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({b"retry-after": b"12"}, 12.0, id="seconds"),
        pytest.param({b"retry-after": b"0.5"}, 0.5, id="half a second"),
        pytest.param({b"retry-after": b"-3"}, 0.0, id="negative"),
        pytest.param({b"retry-after": b"Wed, 21 Oct 2015 07:28:00 GMT"}, 480.0, id="date"),
        pytest.param({b"retry-after": b"Wed, 21 Oct 2015 07:00:00 GMT"}, 0.0, id="past date"),
        pytest.param({b"retry-after-ms": b"250", b"retry-after": b"9"}, 0.25, id="milliseconds first"),
        pytest.param({b"x-ms-retry-after-ms": b"1500"}, 1.5, id="Azure"),
        pytest.param({b"retry-after-ms": b"soon", b"retry-after": b"9"}, 9.0, id="bad milliseconds"),
        pytest.param({b"retry-after": b"soon"}, None, id="bad"),
        pytest.param({b"retry-after": b"inf"}, None, id="infinite"),
        pytest.param({b"retry-after": b"nan"}, None, id="not a number"),
        pytest.param({b"retry-after": b"\xff\xfe"}, None, id="not ASCII"),
        pytest.param({b"retry-after": b"Wed, 99 Oct 99999 07:28:00 GMT"}, None, id="no such date"),
    ],
)
def test_retry_after(headers: dict[bytes, bytes], seconds: float | None) -> None:
    assert retry_after_s(headers.get, WALL) == seconds


def failures(*faults: Fault, retry_after: float | None = None) -> list[Failure]:
    return [Failure(fault=fault, retry_after_s=retry_after) for fault in faults]


@pytest.mark.parametrize(
    ("seen", "status", "should_retry"),
    [
        pytest.param(failures(Fault.RATE_LIMITED, Fault.RATE_LIMITED), 429, False, id="all limited, for how long?"),
        pytest.param(failures(Fault.RATE_LIMITED, retry_after=7.0), 429, None, id="all limited, for so long"),
        pytest.param(
            [*failures(Fault.RATE_LIMITED), *failures(Fault.RATE_LIMITED, retry_after=7.0)],
            429,
            None,
            id="all limited, one for so long",
        ),
        pytest.param(failures(Fault.CREDENTIAL_REFUSED), 502, False, id="all keys refused"),
        pytest.param(failures(Fault.TIMEOUT), 504, False, id="timeout"),
        pytest.param(failures(Fault.CONNECT, Fault.TIMEOUT), 502, False, id="mixed"),
        pytest.param(failures(Fault.RATE_LIMITED, Fault.SERVER_ERROR), 502, False, id="one was limited"),
        pytest.param([], 502, False, id="nothing was tried"),
    ],
)
def test_what_the_client_reads_in_the_end(seen: list[Failure], status: int, *, should_retry: bool | None) -> None:
    error = final_error(seen, now=0)
    assert (error.status, error.should_retry) == (status, should_retry)


def test_when_to_come_back() -> None:
    limited = failures(Fault.RATE_LIMITED, retry_after=7.0)
    assert final_error(limited, now=100).retry_after_s == 7
    assert final_error(limited, now=100, ready_at=103).retry_after_s == 3
    assert final_error(failures(Fault.RATE_LIMITED), now=100).retry_after_s is None
    assert final_error(failures(Fault.RATE_LIMITED), now=100, ready_at=103).retry_after_s == 3
    assert final_error(failures(Fault.RATE_LIMITED), now=100, ready_at=103).should_retry is None
    assert final_error(failures(Fault.CONNECT), now=100, ready_at=103).retry_after_s == 3
