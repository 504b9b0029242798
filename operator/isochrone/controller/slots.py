"""So many at once, and those first for whom it is urgent: what is to be delivered does not wait behind looks."""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator


class Slots:
    """Use from one event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._urgent: collections.deque[asyncio.Future[None]] = collections.deque()
        self._others: collections.deque[asyncio.Future[None]] = collections.deque()

    @contextlib.asynccontextmanager
    async def one(self, *, is_urgent: bool) -> AsyncIterator[None]:
        """A slot, for as long as this lasts."""
        await self._take(self._urgent if is_urgent else self._others)
        try:
            yield
        finally:
            self._give_back()

    async def _take(self, queue: "collections.deque[asyncio.Future[None]]") -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._give_back()  # it was our turn already
            raise

    def _give_back(self) -> None:
        for queue in (self._urgent, self._others):
            while queue:
                turn = queue.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
