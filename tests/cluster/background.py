"""An asyncio loop in a thread of its own, for what plays a part of a cluster while a test goes on.

What it runs must not end by itself: a task that fails is remembered, and the test that relied on it fails with it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

_T = TypeVar("_T")

_LIMIT = 60.0
_LAST_TURNS = 5
"""Of the loop, in which connections that were closed are told so; TLS is a connection on a connection."""


class Background:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._tasks: list[asyncio.Task[None]] = []
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_LIMIT)
        self._loop.close()
        self.check()

    def call(self, work: Coroutine[Any, Any, _T], *, limit: float = _LIMIT) -> _T:
        """Run it there, wait for it here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(limit)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Let it run until the end."""

        async def begin() -> None:
            task = asyncio.create_task(work)
            task.add_done_callback(self._note_end)
            self._tasks.append(task)

        self.call(begin())

    def soon(self, action: Callable[[], object]) -> None:
        """Do it in the loop's thread, where its objects may be touched."""
        self._loop.call_soon_threadsafe(action)

    def check(self) -> None:
        """Raise what went wrong there."""
        if self._failures:
            raise BaseExceptionGroup("in the background", self._failures)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failures.append(error)

    async def _end(self) -> None:
        for task in reversed(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):  # noted by _note_end
                await task
        await asyncio.get_running_loop().shutdown_asyncgens()
        for _ in range(_LAST_TURNS):
            await asyncio.sleep(0)
