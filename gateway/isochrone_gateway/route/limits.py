"""Rates: requests and tokens per minute, and requests at a time.

A limit of N per minute means: in no 60 seconds more than N, whenever they begin. A refilling bucket would let nearly
twice as many through around a pause, and a fixed window around its edge. So this counts by the second and forgets a
second once all of it is more than 60 seconds old.

Tokens are known only afterwards. A request reserves what it may use at most, and settles when it is known: what it
didn't use is given back, what it used beyond is taken from the minute that it was admitted in.

These limits hold for one gateway process. `share` divides them where several processes serve the same tenants.
"""

import collections
import enum
import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.config.rates import Rates

_WINDOW_S: Final = 60


class Limit(enum.StrEnum):
    """What is limited."""

    REQUESTS = "Requests"
    TOKENS = "Tokens"
    CONCURRENT = "Concurrent"


class Window:
    """How much of something was used in the last minute."""

    __slots__ = ("_seconds", "most", "used")

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self._seconds: collections.deque[list[int]] = collections.deque()

    def free(self, now: float) -> int:
        """How much may still be used; below zero if more was used than reserved."""
        self._forget(math.floor(now))
        return self.most - self.used

    def take(self, now: float, amount: int) -> list[int]:
        """Use some. The entry that is returned is for `settle`."""
        second = math.floor(now)
        self._forget(second)
        self.used += amount
        if self._seconds and self._seconds[-1][0] >= second:
            self._seconds[-1][1] += amount
        else:
            self._seconds.append([second, amount])
        return self._seconds[-1]

    def settle(self, now: float, entry: list[int], difference: int) -> None:
        """Correct what was taken. What is older than the window no longer counts either way."""
        self._forget(math.floor(now))
        if self._seconds and entry[0] >= self._seconds[0][0]:
            entry[1] += difference
            self.used += difference

    def free_at(self, now: float, amount: int) -> float:
        """When this much can be used, if nothing else is; at the latest when the window has passed."""
        missing = amount - self.free(now)
        for second, used in self._seconds:
            if missing <= 0:
                break
            missing -= used
            now = max(now, float(second + _WINDOW_S + 1))
        return now

    def _forget(self, second: int) -> None:
        seconds = self._seconds
        while seconds and seconds[0][0] + _WINDOW_S < second:
            self.used -= seconds.popleft()[1]


class Meter:
    """The limits of one tenant, route or provider."""

    __slots__ = ("_concurrent", "_most_concurrent", "name", "requests", "tokens")

    def __init__(self, name: str, rates: Rates, *, share: int = 1) -> None:
        self.name = name
        self.requests = None if rates.requests_per_minute is None else Window(_part(rates.requests_per_minute, share))
        self.tokens = None if rates.tokens_per_minute is None else Window(_part(rates.tokens_per_minute, share))
        most = rates.concurrent_requests
        self._most_concurrent = None if most is None else _part(most, share)
        self._concurrent = 0

    @property
    def concurrent(self) -> int:
        """Requests that are admitted and not done."""
        return self._concurrent

    def exceeded(self, now: float, tokens: int) -> "Exceeded | None":
        """The first limit that a request would exceed."""
        if self._most_concurrent is not None and self._concurrent >= self._most_concurrent:
            return Exceeded(self.name, Limit.CONCURRENT, self._most_concurrent, now)
        window = self.requests
        if window is not None and window.free(now) < 1:
            return Exceeded(self.name, Limit.REQUESTS, window.most, window.free_at(now, 1))
        window = self.tokens
        if window is not None and window.free(now) < tokens:
            # What can't ever be free is refused too, but has no time to come back at.
            until = window.free_at(now, tokens) if tokens <= window.most else math.inf
            return Exceeded(self.name, Limit.TOKENS, window.most, until)
        return None

    def _take(self, now: float, tokens: int) -> list[int] | None:
        self._concurrent += 1
        if self.requests is not None:
            self.requests.take(now, 1)
        return None if self.tokens is None else self.tokens.take(now, tokens)

    def _give_back(self, now: float, entry: list[int] | None, difference: int) -> None:
        self._concurrent -= 1
        if self.tokens is not None and entry is not None:
            self.tokens.settle(now, entry, difference)


class Exceeded(NamedTuple):
    """Whose limit it is, which one, how much it allows, and when there is room again (never: infinity)."""

    whose: str
    limit: Limit
    most: int
    until: float


class Admission(msgspec.Struct, gc=False):
    """One admitted request. Settle it once, however the request ends."""

    meters: Sequence[Meter]
    entries: list[list[int] | None]
    tokens: int
    is_settled: bool = False

    def settle(self, now: float, used: int | None) -> None:
        """The request is done; `used` is None if nobody knows, and then what was reserved stays."""
        if self.is_settled:
            return
        self.is_settled = True
        difference = 0 if used is None else used - self.tokens
        for meter, entry in zip(self.meters, self.entries, strict=True):
            meter._give_back(now, entry, difference)  # noqa: SLF001 - a meter is only changed through its admissions


def admit(meters: Sequence[Meter], now: float, tokens: int) -> Admission | Exceeded:
    """Admit a request under all of these limits, or under none of them."""
    for meter in meters:
        exceeded = meter.exceeded(now, tokens)
        if exceeded is not None:
            return exceeded
    return Admission(meters, [meter._take(now, tokens) for meter in meters], tokens)  # noqa: SLF001 - as above


def _part(most: int, share: int) -> int:
    """Rounded down, so that the parts never add up to more; but a part of nothing would refuse everything."""
    return max(1, most // share)
