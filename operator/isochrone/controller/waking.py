"""Something has changed: wakes the loop, once for many changes that come together."""

import asyncio
from collections.abc import Callable


class Waker:
    """Set by anybody, waited for by the loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self) -> None:
        self._event.set()

    async def wait(self, limit: float) -> None:
        """Until somebody wakes us, or for so many seconds."""
        try:
            async with asyncio.timeout(limit):
                await self._event.wait()
        except TimeoutError:
            return

    async def settled(self, limit: float, *, debounce: float, most: float, clock: Callable[[], float]) -> None:
        """The same, and then until no further change comes for `debounce` seconds, `most` seconds at most."""
        await self.wait(limit)
        until = clock() + most
        while self._event.is_set() and clock() < until:
            self._event.clear()
            await asyncio.sleep(debounce)
        self._event.clear()
