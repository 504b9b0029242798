"""How far a target is, by the probes that it answered.

Of the last few answers the fastest is believed: a handshake, a lost packet or a busy moment only ever make one slower,
and a way that has become longer is longer for all of them.
"""

import collections
from typing import Final

_REMEMBERED: Final = 8


class RoundTrip:
    """The round-trip time to one target, in milliseconds; None until it was measured."""

    __slots__ = ("_last",)

    def __init__(self) -> None:
        self._last: collections.deque[float] = collections.deque(maxlen=_REMEMBERED)

    @property
    def ms(self) -> float | None:
        return min(self._last, default=None)

    def answered(self, seconds: float) -> None:
        """A probe was answered after so long."""
        self._last.append(seconds * 1_000)
