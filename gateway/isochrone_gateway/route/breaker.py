"""Circuit breakers: a backend that fails is left alone for a while, then tried with a few requests.

    Closed --failures in a row, or too many of the last ones--> Open --its time is over--> HalfOpen
      ^                                                           ^                          |  |
      |                                                           +------ a probe fails -----+  |
      +---------------------------- enough probes succeed -------------------------------------+

Every attempt takes a ticket and gives it back with its outcome. A ticket knows when it was taken: what was begun before
the breaker opened says nothing about now, and is ignored. While open, each time is twice the one before, up to a
limit, with jitter, so that gateways don't come back all at once.
"""

import enum
from typing import Final, NamedTuple

import msgspec


class State(enum.StrEnum):
    """Where a breaker stands."""

    CLOSED = "Closed"
    OPEN = "Open"
    HALF_OPEN = "HalfOpen"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """When to open, for how long, and how to close again."""

    failures_in_a_row: int = 5
    failed_share: float = 0.5
    window: int = 20
    """The share is over this many outcomes."""
    open_s: float = 2.0
    open_max_s: float = 60.0
    probes: int = 1
    """Attempts at the same time while half-open."""
    successes: int = 2
    last_resort_s: float = 1.0
    """Open for at least this long, even if nobody else is left."""


class Ticket(NamedTuple):
    """Leave for one attempt."""

    turn: int
    is_probe: bool


DEFAULT: Final = Settings()
_CLOSED: Final = State.CLOSED  # Looking a member up on its class costs more than the comparison.


class Breaker:
    """The breaker of one target. `now` is monotonic seconds, `rand` a number in [0, 1)."""

    __slots__ = (
        "_failed",
        "_in_a_row",
        "_opened",
        "_outcomes",
        "_probes",
        "_settings",
        "_successes",
        "_ticket",
        "_turn",
        "_until",
        "_widening",
        "state",
    )

    def __init__(self, settings: Settings = DEFAULT) -> None:
        self.state = State.CLOSED
        self._settings = settings
        self._turn = 0
        self._ticket = Ticket(0, False)
        """For each attempt while the breaker is closed."""
        self._outcomes = 0
        self._failed = 0
        self._in_a_row = 0
        self._probes = 0
        self._successes = 0
        self._widening = 0
        self._opened = 0.0
        self._until = 0.0

    def refused_until(self, now: float) -> float | None:
        """None if an attempt may begin; else when to ask again. A half-open breaker doesn't know, and says now."""
        if self.state is _CLOSED:
            return None
        if self.state is State.OPEN:
            return None if now >= self._until else self._until
        return None if self._probes < self._settings.probes else now

    def last_resort_at(self) -> float | None:
        """When an open breaker may be tried because no other backend is left; None if it isn't open."""
        if self.state is not State.OPEN:
            return None
        return min(self._until, self._opened + self._settings.last_resort_s)

    def begin(self, now: float, *, is_last_resort: bool = False) -> Ticket | None:
        """Take leave for an attempt, or get none."""
        if self.state is _CLOSED:
            return self._ticket
        if self.state is State.OPEN:
            earliest = self.last_resort_at() if is_last_resort else None
            if now < (self._until if earliest is None else earliest):
                return None
            self.state = State.HALF_OPEN
            self._turn += 1
            self._probes = self._successes = 0
        if self._probes >= self._settings.probes:
            return None
        self._probes += 1
        return Ticket(self._turn, True)

    def succeeded(self, ticket: Ticket) -> None:
        """The attempt was answered."""
        if ticket.turn != self._turn:
            return
        self._in_a_row = 0
        if not ticket.is_probe:
            self._count(0)
            return
        self._probes -= 1
        self._successes += 1
        if self._successes >= self._settings.successes:
            self.state = State.CLOSED
            self._turn += 1
            self._ticket = Ticket(self._turn, False)
            self._outcomes = self._failed = self._widening = 0

    def failed(self, ticket: Ticket, now: float, rand: float) -> None:
        """The attempt failed in a way that says something about the target."""
        if ticket.turn != self._turn:
            return
        if ticket.is_probe:
            self._widening += 1
            self._open(now, rand)
            return
        self._in_a_row += 1
        self._count(1)
        settings = self._settings
        is_too_many = self._outcomes >= settings.window and self._failed >= settings.failed_share * self._outcomes
        if self._in_a_row >= settings.failures_in_a_row or is_too_many:
            self._open(now, rand)

    def abandoned(self, ticket: Ticket) -> None:
        """The attempt ended without saying anything about the target: the client went away."""
        if ticket.turn == self._turn and ticket.is_probe:
            self._probes -= 1

    def _count(self, failed: int) -> None:
        """Count an outcome. At twice the window both counts are halved, so that old outcomes fade."""
        self._outcomes += 1
        self._failed += failed
        if self._outcomes >= 2 * self._settings.window:
            self._outcomes //= 2
            self._failed //= 2

    def _open(self, now: float, rand: float) -> None:
        settings = self._settings
        length = min(settings.open_s * 2.0 ** min(self._widening, 32), settings.open_max_s)
        self.state = State.OPEN
        self._turn += 1
        self._opened = now
        self._until = now + length * (0.75 + rand / 2)
        self._outcomes = self._failed = self._in_a_row = self._probes = self._successes = 0
