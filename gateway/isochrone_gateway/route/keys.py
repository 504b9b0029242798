"""Several credentials of one provider: which one is used next, and which rest.

| answer         | the credential                                                                              |
|----------------|---------------------------------------------------------------------------------------------|
| 401, 402, 403  | is refused: rests for minutes, twice as long each time; the next is tried at once           |
| 429            | is limited: rests as long as `Retry-After` says, else briefly and longer each time          |
| success        | its rests become short again                                                                |

A rest that is running is never shortened by a later, shorter one.
"""

import enum
from collections.abc import Callable
from typing import Final

import msgspec

from isochrone_gateway.config.providers import KeyRotation


class Rest(enum.Enum):
    """Why a credential rests."""

    REFUSED = "Refused"
    LIMITED = "Limited"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """First and longest rests."""

    refused_s: float = 60.0
    refused_max_s: float = 3_600.0
    limited_s: float = 1.0
    limited_max_s: float = 60.0
    retry_after_max_s: float = 600.0


DEFAULT: Final = Settings()


class KeyRing:
    """The credentials of one provider, by their position. `now` is monotonic seconds."""

    __slots__ = ("_count", "_next", "_rests", "_rotation", "_settings", "_until")

    def __init__(self, count: int, rotation: KeyRotation, settings: Settings = DEFAULT) -> None:
        self._count = count
        self._rotation = rotation
        self._settings = settings
        self._next = 0
        self._until = [0.0] * count
        self._rests = [0] * count

    def resting_until(self, now: float) -> float | None:
        """None if a credential is free; else when the first one is."""
        if not self._count:
            return None
        first = min(self._until)
        return first if first > now else None

    def take(self, now: float, is_tried: Callable[[int], bool] = lambda _: False) -> int | None:
        """The credential to use next that wasn't tried for this request; None if all rest.

        In turn, or the first that is free: `Failover` goes back to the first as soon as it is.
        """
        start = self._next if self._rotation is KeyRotation.ROUND_ROBIN else 0
        for step in range(self._count):
            index = (start + step) % self._count
            if self._until[index] <= now and not is_tried(index):
                self._next = (index + 1) % self._count
                return index
        return None

    def succeeded(self, index: int) -> None:
        """The provider took this credential."""
        self._rests[index] = 0

    def rest(self, index: int, why: Rest, now: float, retry_after_s: float | None = None) -> None:
        """The provider refused or limited this credential."""
        settings = self._settings
        if why is Rest.REFUSED:
            length = _grown(settings.refused_s, settings.refused_max_s, self._rests[index])
        elif retry_after_s is not None:
            length = min(max(0.0, retry_after_s), settings.retry_after_max_s)
        else:
            length = _grown(settings.limited_s, settings.limited_max_s, self._rests[index])
        self._rests[index] += 1
        self._until[index] = max(self._until[index], now + length)


def _grown(first: float, most: float, times: int) -> float:
    return min(first * 2.0 ** min(times, 32), most)
