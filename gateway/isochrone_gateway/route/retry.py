"""What a failed attempt means, whether another one may be made, when, and what the client reads in the end.

| what happened                        | fault             | the target's fault | another attempt                 |
|--------------------------------------|-------------------|--------------------|---------------------------------|
| no connection                        | Connect           | yes                | if ConnectFailure is retried    |
| no first byte, or silence, in time   | Timeout           | yes                | if Timeout is retried           |
| 408                                  | Timeout           | no                 | if Timeout is retried           |
| 429                                  | RateLimited       | no: its key rests  | if RateLimited is retried       |
| 401, 402, 403                        | CredentialRefused | no: its key rests  | always: the keys are ours       |
| 404, 405                             | ServerError       | no                 | if ServerError is retried       |
| 5xx, a broken answer, an error frame | ServerError       | yes                | if ServerError is retried       |
| any other 4xx                        | Rejected          | no                 | never: the client's own mistake |
| a peer refuses by its own law        | Unlawful          | no                 | elsewhere, at once: see below   |
| a peer doesn't have the route's pool | NotThere          | no                 | elsewhere, at once: see below   |

Retries multiply: the client's SDK makes three attempts, each of ours makes three, the provider's own come on top. So
they draw on a budget that grows with requests, not with failures; and when a chain is used up, the answer says
`x-should-retry: false`, whatever its status. One case apart: all are at their limits, and it is known until when. Then
the answer is a 429 with that time, which SDKs wait out before they ask again (if it is two minutes at most), and our
keys rest as long. A 429 without a time would have them ask again within a second, each three times.

That a peer refuses by its own law is no failed attempt: nobody has worked on the request. It is as if the peer had not
been lawful from the first, so the next candidate is tried whatever the rules for retries say, and the peer never again.
The same if it doesn't have the route or the pool that it is asked for: its config is older than ours, or newer. It then
counts as not ready for a few seconds, since thousands of requests would find out the same.
"""

import email.utils
import enum
import math
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from isochrone_gateway.config.routes import Retry, RetryOn
from isochrone_gateway.wire.errors import ApiError, ErrorKind

MAX_REPLAYED_BODY: Final = 1_048_576
"""Larger bodies aren't kept for a second attempt."""


class Fault(enum.Enum):
    """Why an attempt failed."""

    CONNECT = "Connect"
    TIMEOUT = "Timeout"
    RATE_LIMITED = "RateLimited"
    CREDENTIAL_REFUSED = "CredentialRefused"
    SERVER_ERROR = "ServerError"
    REJECTED = "Rejected"
    UNLAWFUL = "Unlawful"
    NOT_THERE = "NotThere"


class GiveUp(enum.StrEnum):
    """Why no other attempt is made."""

    COMMITTED = "Committed"
    REJECTED = "Rejected"
    NOT_CONFIGURED = "NotConfigured"
    ATTEMPTS_USED = "AttemptsUsed"
    BODY_NOT_KEPT = "BodyNotKept"
    DEADLINE = "Deadline"
    BUDGET = "Budget"


class Failure(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One failed attempt."""

    fault: Fault
    status: int | None = None
    retry_after_s: float | None = None

    @property
    def is_targets_fault(self) -> bool:
        """Whether it counts against the target's circuit breaker."""
        if self.fault in (Fault.CONNECT, Fault.TIMEOUT):
            return self.status is None
        return self.fault is Fault.SERVER_ERROR and (self.status is None or self.status >= _SERVER_ERRORS)


class Situation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where a request stands after a failed attempt. Times are monotonic seconds."""

    attempts: int
    is_committed: bool
    body_bytes: int
    now: float
    deadline: float


_SERVER_ERRORS: Final = 500
_CLIENT_ERRORS: Final = 400
_BY_STATUS: Final = {
    401: Fault.CREDENTIAL_REFUSED,
    402: Fault.CREDENTIAL_REFUSED,
    403: Fault.CREDENTIAL_REFUSED,
    404: Fault.SERVER_ERROR,
    405: Fault.SERVER_ERROR,
    408: Fault.TIMEOUT,
    429: Fault.RATE_LIMITED,
}
_ON: Final = {
    Fault.CONNECT: RetryOn.CONNECT_FAILURE,
    Fault.TIMEOUT: RetryOn.TIMEOUT,
    Fault.RATE_LIMITED: RetryOn.RATE_LIMITED,
    Fault.SERVER_ERROR: RetryOn.SERVER_ERROR,
}


def fault_of(status: int) -> Fault | None:
    """What a status of an upstream means; None for an answer."""
    if status < _CLIENT_ERRORS:
        return None
    return _BY_STATUS.get(status) or (Fault.SERVER_ERROR if status >= _SERVER_ERRORS else Fault.REJECTED)


def reason_to_give_up(policy: Retry, failure: Failure, situation: Situation) -> GiveUp | None:
    """Why no other attempt may be made; None if one may, as far as the budget allows (ask it last)."""
    if situation.is_committed:
        return GiveUp.COMMITTED
    if failure.fault is Fault.REJECTED:
        return GiveUp.REJECTED
    on = _ON.get(failure.fault)
    if on is not None and on not in policy.on:
        return GiveUp.NOT_CONFIGURED
    if situation.attempts >= policy.attempts:
        return GiveUp.ATTEMPTS_USED
    if situation.body_bytes > MAX_REPLAYED_BODY:
        return GiveUp.BODY_NOT_KEPT
    return GiveUp.DEADLINE if situation.now >= situation.deadline else None


def backoff_s(policy: Retry, attempts: int, rand: float) -> float:
    """How long to wait before the same target is tried again, after so many attempts. Another target needs no wait."""
    full = min(policy.backoff_base_ms * 2.0 ** min(max(0, attempts - 1), 32), policy.backoff_max_ms)
    return full / 1_000 * (1 - policy.jitter_percent / 100 * rand)


class RetryBudget:
    """Retries as a share of requests, with a small reserve and a trickle for routes that are seldom used.

    Over any time, retries are at most `reserve` + `percent` of the requests + `per_second` for each second.
    """

    __slots__ = ("_most", "_now", "_per_second", "_percent", "_saved")

    def __init__(self, percent: int, *, reserve: int = 10, per_second: float = 0.1, most: int = 100) -> None:
        self._percent = percent
        self._per_second = per_second if percent else 0.0
        self._most = max(most, reserve) * 100.0
        self._saved = reserve * 100.0 if percent else 0.0
        self._now: float | None = None

    def request(self) -> None:
        """A request came: it pays for a part of a retry."""
        saved = self._saved + self._percent
        self._saved = min(saved, self._most)

    def take(self, now: float) -> bool:
        """Pay for one retry, if there is enough."""
        if self._now is not None:
            self._saved = min(self._most, self._saved + max(0.0, now - self._now) * self._per_second * 100)
        self._now = now
        if self._saved < 100:  # noqa: PLR2004 - per cent
            return False
        self._saved -= 100
        return True


def retry_after_s(get: Callable[[bytes], bytes | None], wall: float) -> float | None:
    """When an upstream wants to be asked again: `retry-after-ms`, else seconds or a date (RFC 9110, 10.2.3).

    `wall` is the time of day in seconds since 1970, for dates.
    """
    for name, unit in ((b"retry-after-ms", 1_000.0), (b"x-ms-retry-after-ms", 1_000.0), (b"retry-after", 1.0)):
        value = get(name)
        seconds = None if value is None else _number(value)
        if seconds is not None:
            return max(0.0, seconds / unit)
    value = get(b"retry-after")
    return None if value is None else _until(value, wall)


def final_error(failures: Sequence[Failure], *, now: float, ready_at: float | None = None) -> ApiError:
    """What the client reads when no attempt succeeded and none is left. `ready_at` is when a target is free again."""
    faults = {failure.fault for failure in failures}
    waits = [failure.retry_after_s for failure in failures if failure.retry_after_s is not None]
    retry_after = max(0.0, ready_at - now) if ready_at is not None else min(waits, default=None)
    if faults == {Fault.RATE_LIMITED}:
        text = "All backends of this model are at their rate limits."
        again = None if retry_after is not None else False
        return ApiError(kind=ErrorKind.RATE_LIMITED, message=text, retry_after_s=retry_after, should_retry=again)
    if faults == {Fault.CREDENTIAL_REFUSED}:
        return ApiError(kind=ErrorKind.CREDENTIALS_REFUSED, should_retry=False)
    kind = ErrorKind.UPSTREAM_TIMEOUT if faults == {Fault.TIMEOUT} else ErrorKind.UPSTREAM_FAILED
    return ApiError(kind=kind, retry_after_s=retry_after, should_retry=False)


def _number(value: bytes) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _until(value: bytes, wall: float) -> float | None:
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value.decode("ascii")).timestamp() - wall)
    except (ValueError, OverflowError):
        return None
