"""Something has changed: wakes the loop, once for many changes that come together."""

import asyncio
import contextlib
from collections.abc import Callable


class Waker:
    """Set by anybody, waited for by the loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._urgent = asyncio.Event()

    def wake(self, *, is_urgent: bool = False) -> None:
        """What is urgent doesn't wait for what might come with it."""
        if is_urgent:
            self._urgent.set()
        self._event.set()

    async def wait(self, limit: float) -> None:
        """Until somebody wakes us, or for so many seconds."""
        await _within(limit, self._event)

    async def settled(self, limit: float, *, debounce: float, most: float, clock: Callable[[], float]) -> None:
        """The same, and then until no further change comes for `debounce` seconds, `most` seconds at most."""
        await self.wait(limit)
        until = clock() + most
        while self._event.is_set() and clock() < until and not self._urgent.is_set():
            self._event.clear()
            await _within(debounce, self._urgent)
        self._event.clear()
        self._urgent.clear()


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
