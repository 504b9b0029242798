"""Rates: requests and tokens per minute, and requests at a time.

A limit of N per minute means: in no 60 seconds more than N, whenever they begin. A refilling bucket would let nearly
twice as many through around a pause, and a fixed window around its edge. So this counts by the second and forgets a
second once all of it is more than 60 seconds old.

Tokens are known only afterwards. A request reserves what it may use at most, and settles when it is known: what it
didn't use is given back, what it used beyond is taken from the minute that it was admitted in.

A `Meter` counts what its own process admits; `sharing` has one for several. `share` divides the limits where several
gateways serve the same tenants.
"""

import collections
import enum
import math
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from isochrone_gateway.config.rates import Rates

WINDOW_S: Final = 60


class Limit(enum.StrEnum):
    """What is limited."""

    REQUESTS = "Requests"
    TOKENS = "Tokens"
    CONCURRENT = "Concurrent"


class Window:
    """How much of something was used in the last minute."""

    __slots__ = ("most", "newest", "room", "seconds", "until", "used")

    def __init__(self, most: int) -> None:
        self.most = most
        self.room = most
        """What others leave of `most`; all of it where nobody else uses the same."""
        self.used = 0
        self.seconds: collections.deque[list[int]] = collections.deque()
        """How much was used in each second that counts, oldest first."""
        self.newest = [0, 0]
        """The last of them: what is used now is added to it."""
        self.until = -math.inf
        """When the next one begins."""

    def free(self, now: float) -> int:
        """How much may still be used; below zero if more was used than reserved."""
        if now >= self.until:
            self.advance(now)
        return self.room - self.used

    def take(self, now: float, amount: int) -> list[int]:
        """Use some. The entry that is returned is for `settle`."""
        if now >= self.until:
            self.advance(now)
        self.used += amount
        entry = self.newest
        entry[1] += amount
        return entry

    def settle(self, now: float, entry: list[int], difference: int) -> None:
        """Correct what was taken. What is older than the window no longer counts either way."""
        if now >= self.until:
            self.advance(now)
        if entry[0] >= self.seconds[0][0]:
            entry[1] += difference
            self.used += difference

    def free_at(self, now: float, amount: int) -> float:
        """When this much can be used, if nothing else is; at the latest when the window has passed."""
        return free_at(self.seconds, amount - self.free(now), now)

    def advance(self, now: float) -> None:
        """Begin the second that it is, which hasn't begun yet, and forget those that no longer count."""
        second = math.floor(now)
        seconds = self.seconds
        while seconds and seconds[0][0] + WINDOW_S < second:
            self.used -= seconds.popleft()[1]
        self.newest = [second, 0]
        seconds.append(self.newest)
        self.until = second + 1.0

    def restore(self, seconds: Sequence[list[int]]) -> None:
        """Go on with what was used in these seconds, at least one, oldest first."""
        self.seconds = collections.deque(seconds)
        self.newest = seconds[-1]
        self.used = sum(used for _, used in seconds)
        self.until = self.newest[0] + 1.0


def free_at(seconds: Iterable[Sequence[int]], missing: int, now: float) -> float:
    """When so much of what was used in these seconds, oldest first, no longer counts."""
    for second, used in seconds:
        if missing <= 0:
            break
        missing -= used
        now = max(now, float(second + WINDOW_S + 1))
    return now


class Meter:
    """The limits of one tenant, route or provider."""

    __slots__ = ("_concurrent", "_most_concurrent", "_room", "_until", "name", "requests", "tokens")

    def __init__(self, name: str, rates: Rates, *, share: int = 1) -> None:
        self.name = name
        self.requests = None if rates.requests_per_minute is None else Window(_part(rates.requests_per_minute, share))
        self.tokens = None if rates.tokens_per_minute is None else Window(_part(rates.tokens_per_minute, share))
        most = rates.concurrent_requests
        self._most_concurrent = None if most is None else _part(most, share)
        self._room = self._most_concurrent or 0
        """As that of a window, for requests at a time."""
        self._concurrent = 0
        self._until = -math.inf

    @property
    def concurrent(self) -> int:
        """Requests that are admitted and not done."""
        return self._concurrent

    def exceeded(self, now: float, tokens: int) -> "Exceeded | None":
        """The first limit that a request would exceed."""
        if now >= self._until:
            self._advance(now)
        return None if self._short_of(1, tokens) is None else self._refuse(now, tokens)

    def _short_of(self, requests: int, tokens: int) -> Limit | None:
        """The first limit that has no room for this."""
        if self._most_concurrent is not None and self._room - self._concurrent < requests:
            return Limit.CONCURRENT
        window = self.requests
        if window is not None and window.room - window.used < requests:
            return Limit.REQUESTS
        window = self.tokens
        if window is not None and window.room - window.used < tokens:
            return Limit.TOKENS
        return None

    def _refuse(self, now: float, tokens: int) -> "Exceeded | None":
        """As `exceeded`, but it may take its time: there seems to be no room."""
        limit = self._short_of(1, tokens)
        return None if limit is None else self._exceeded(limit, now, tokens)

    def _exceeded(self, limit: Limit, now: float, tokens: int) -> "Exceeded":
        window, amount = (self.requests, 1) if limit is Limit.REQUESTS else (self.tokens, tokens)
        if window is None or limit is Limit.CONCURRENT:
            return Exceeded(self.name, limit, self._most_concurrent or 0, now)
        # What can't ever be free is refused too, but has no time to come back at.
        is_possible = amount <= window.most
        missing = amount - (window.room - window.used)
        until = free_at(self._seconds_of(window), missing, now) if is_possible else math.inf
        return Exceeded(self.name, limit, window.most, until)

    def _seconds_of(self, window: Window) -> Iterable[Sequence[int]]:
        return window.seconds

    def _advance(self, now: float) -> None:
        self._until = math.floor(now) + 1.0
        for window in (self.requests, self.tokens):
            if window is not None and now >= window.until:
                window.advance(now)

    def _take(self, now: float, tokens: int) -> "list[int] | Exceeded | None":
        """Count a request, or not if others were faster. Gives what `_give_back` asks for."""
        self._concurrent += 1
        if self.requests is not None:
            self.requests.take(now, 1)
        return None if self.tokens is None else self.tokens.take(now, tokens)

    def _undo(self, tokens: int) -> None:
        """Undo what was just taken."""
        self._concurrent -= 1
        for window, amount in ((self.requests, 1), (self.tokens, tokens)):
            if window is not None:
                window.used -= amount
                window.newest[1] -= amount

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


class Admission:
    """One admitted request, and what each meter counted for it. Settle it once, however the request ends."""

    __slots__ = ("_is_settled", "_taken", "tokens")

    def __init__(self, taken: list[tuple[Meter, list[int] | None]], tokens: int) -> None:
        self._taken = taken
        self.tokens = tokens
        self._is_settled = False

    def settle(self, now: float, used: int | None) -> None:
        """The request is done; `used` is None if nobody knows, and then what was reserved stays."""
        if self._is_settled:
            return
        self._is_settled = True
        difference = 0 if used is None else used - self.tokens
        for meter, entry in self._taken:
            meter._give_back(now, entry, difference)  # noqa: SLF001 - a meter is only changed through its admissions


def admit(meters: Sequence[Meter], now: float, tokens: int) -> Admission | Exceeded:
    """Admit a request under all of these limits, or under none of them."""
    for meter in meters:
        exceeded = meter.exceeded(now, tokens)
        if exceeded is not None:
            return exceeded
    taken: list[tuple[Meter, list[int] | None]] = []
    for meter in meters:
        entry = meter._take(now, tokens)  # noqa: SLF001 - as above
        if isinstance(entry, Exceeded):
            for earlier, _ in taken:
                earlier._undo(tokens)  # noqa: SLF001 - as above
            return entry
        taken.append((meter, entry))
    return Admission(taken, tokens)


def _part(most: int, share: int) -> int:
    """Rounded down, so that the parts never add up to more; but a part of nothing would refuse everything."""
    return max(1, most // share)
