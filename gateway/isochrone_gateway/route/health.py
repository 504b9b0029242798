"""Whether a target is well: by probes, and by what requests meet.

| said by  | healthy                                  | unhealthy                                           |
|----------|------------------------------------------|-----------------------------------------------------|
| a probe  | stays until `fall` probes in a row fail  | becomes healthy after `rise` successes in a row     |
| requests | a refused connection counts as a failed probe, so a dead engine is seen before the next one |          |
| silence  | a target that wasn't probed for `stale_s` is not trusted |                                     |

A target begins as unknown, which is not ready: an engine that was never seen alive gets no request. Targets that
can't be probed (providers) begin as healthy and leave the rest to their circuit breaker.
"""

import enum
from typing import Final

import msgspec


class State(enum.StrEnum):
    """What is known."""

    UNKNOWN = "Unknown"
    HEALTHY = "Healthy"
    UNHEALTHY = "Unhealthy"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How many results in a row change the state, and how long one lasts."""

    rise: int = 1
    fall: int = 3
    stale_s: float | None = 30.0


PROBED: Final = Settings()
NOT_PROBED: Final = Settings(stale_s=None)
_HEALTHY: Final = State.HEALTHY  # Looking a member up on its class costs more than the comparison.


class Health:
    """The health of one target. `now` is monotonic seconds."""

    __slots__ = ("_failures", "_seen", "_settings", "_stale", "_state", "_successes")

    def __init__(self, settings: Settings = PROBED) -> None:
        self._settings = settings
        self._stale = settings.stale_s
        self._state = State.UNKNOWN if settings.stale_s is not None else State.HEALTHY
        self._seen = 0.0
        self._successes = 0
        self._failures = 0

    def state(self, now: float) -> State:
        """What is known now."""
        return State.UNKNOWN if self._state is _HEALTHY and not self.is_ready(now) else self._state

    def is_ready(self, now: float) -> bool:
        """Whether it may get requests."""
        return self._state is _HEALTHY and (self._stale is None or now - self._seen <= self._stale)

    def probed(self, now: float, *, is_well: bool) -> None:
        """The result of a probe."""
        self._seen = now
        if is_well:
            self._failures = 0
            self._successes += 1
            # The first result decides what was unknown; a known state needs more to change.
            if self._state is State.UNKNOWN or self._successes >= self._settings.rise:
                self._state = State.HEALTHY
        else:
            self._fail()

    def refused_connection(self) -> None:
        """A request met a closed port or no host."""
        self._fail()

    def _fail(self) -> None:
        self._successes = 0
        self._failures += 1
        if self._state is State.UNKNOWN or self._failures >= self._settings.fall:
            self._state = State.UNHEALTHY
