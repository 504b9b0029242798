"""Time in which this process ran.

A machine that is frozen and goes on (a virtual machine that is moved, a laptop's lid, a cgroup's freezer, a debugger)
stops everybody alike. Who then looks at a clock finds that the others have been silent for long, and that was its own
absence. So patience with others is counted in moments that this process has seen pass.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

_MOMENT: Final = 1.0
_MOST: Final = 2.0
"""A moment that took longer counts as this: most of it nobody was there."""


class Awake:
    """Measures from one look to the next."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, most: float = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._last = clock()

    def look(self) -> float:
        """Seconds since the last look, as far as this process ran."""
        now = self._clock()
        passed, self._last = now - self._last, now
        return min(passed, self._most)


async def wait(future: asyncio.Future[Any], limit: float) -> bool:
    """Wait for it, for so many seconds; gives whether it has come. Doesn't cancel it."""
    awake = Awake()
    left = limit
    while not future.done() and left > 0:
        await asyncio.wait([future], timeout=min(left, _MOMENT))
        left -= awake.look()
    return future.done()
