"""Whether one candidate's target can answer now, put together from all that keeps it from doing so.

The order is that of what passes latest: a target that isn't there, one whose circuit is open, one whose keys rest, one
that is at its limits.
"""

from typing import Final

from isochrone_gateway.route.breaker import Breaker
from isochrone_gateway.route.candidates import Blocked, Figures, Why
from isochrone_gateway.route.health import Health
from isochrone_gateway.route.keys import KeyRing
from isochrone_gateway.route.limits import Limit, Meter

_ABSENT_FOR: Final = 2.0


class TargetStanding:
    """The standing of one target; candidates that share the target share it."""

    __slots__ = ("breaker", "figures", "health", "keys", "meter")

    def __init__(
        self,
        *,
        health: Health,
        breaker: Breaker,
        keys: KeyRing | None = None,
        meter: Meter | None = None,
        figures: Figures | None = None,
    ) -> None:
        self.health = health
        self.breaker = breaker
        self.keys = keys
        self.meter = meter
        self.figures = figures or Figures()

    def blocked(self, now: float) -> Blocked | None:
        """Why it can't answer now."""
        if not self.health.is_ready(now):
            return Blocked(Why.NOT_READY)
        until = self.breaker.refused_until(now)
        if until is not None:
            return Blocked(Why.COOLING, until)
        return None if self.keys is None and self.meter is None else self._limited(now)

    def last_resort_at(self, now: float) -> float | None:
        """When it may be tried although its circuit is open, if that is all that blocks it."""
        is_cooling = self.health.is_ready(now) and self.breaker.refused_until(now) is not None
        return self.breaker.last_resort_at() if is_cooling and self._limited(now) is None else None

    def _limited(self, now: float) -> Blocked | None:
        if self.keys is not None:
            until = self.keys.resting_until(now)
            if until is not None:
                return Blocked(Why.KEYS_RESTING, until)
        exceeded = None if self.meter is None else self.meter.exceeded(now, 1)
        if exceeded is None:
            return None
        # When a running request ends is not known.
        return Blocked(Why.LIMITED, None if exceeded.limit is Limit.CONCURRENT else exceeded.until)


class PeerStanding(TargetStanding):
    """The standing of one pool at a peer, which may not have it yet, or not any more."""

    __slots__ = ("_absent_until",)

    def __init__(self, *, health: Health, breaker: Breaker, figures: Figures) -> None:
        super().__init__(health=health, breaker=breaker, figures=figures)
        self._absent_until = 0.0

    def not_there(self, now: float) -> None:
        """Its gateway says that it has no such pool."""
        self._absent_until = now + _ABSENT_FOR

    def blocked(self, now: float) -> Blocked | None:
        if now < self._absent_until:
            return Blocked(Why.NOT_READY, self._absent_until)
        return super().blocked(now)

    def last_resort_at(self, now: float) -> float | None:
        return None if now < self._absent_until else super().last_resort_at(now)
