"""A change of the law waits for nothing: what a pass is at is given up, and the next pass begins with the law."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final, ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")

_IN_A_ROW: Final = 3
"""After so many passes that were given up, one is made to its end: placements must follow the law some time."""


class InterruptedPassError(Exception):
    """The law is another than the one that this pass has looked at."""


class Turn:
    """One pass, which may be given up."""

    def __init__(self, *, may_be_given_up: bool) -> None:
        self._may_be_given_up = may_be_given_up
        self._law = asyncio.Event()

    def happen(self) -> None:
        """The law has changed."""
        self._law.set()

    def check(self) -> None:
        """Raises InterruptedPassError if what is done is of no use any more. Threads may ask."""
        if self._may_be_given_up and self._law.is_set():
            raise InterruptedPassError

    async def unless(self, work: Awaitable[T]) -> T:
        """What comes of it. Raises InterruptedPassError as soon as the law changes, and gives the work up."""
        task = asyncio.ensure_future(work)
        law = asyncio.ensure_future(self._law.wait())
        try:
            if self._may_be_given_up:
                await asyncio.wait((task, law), return_when=asyncio.FIRST_COMPLETED)
                if not task.done():
                    raise InterruptedPassError
            return await task
        finally:
            law.cancel()
            if not task.done():
                task.cancel()


class Interruption:
    """Of one pass after the other. Use from one event loop."""

    def __init__(self) -> None:
        self.turn = Turn(may_be_given_up=True)
        self._given_up = 0
        self._thread: asyncio.Future[Any] | None = None

    def begin(self) -> Turn:
        """A pass begins, and looks at the law as it is now."""
        self._given_up += 1
        self.turn = Turn(may_be_given_up=self._given_up <= _IN_A_ROW)
        return self.turn

    def end(self) -> None:
        """It came to its end."""
        self._given_up = 0

    def happen(self) -> None:
        """The law has changed."""
        self.turn.happen()

    async def in_thread(self, turn: Turn, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Work in a thread, unless the law changes. Nobody can end a thread: the next waits until it has ended."""
        if self._thread is not None:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._thread)
        self._thread = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
        self._thread.add_done_callback(_heard)
        return await turn.unless(asyncio.shield(self._thread))


def _heard(thread: asyncio.Future[Any]) -> None:
    """Whatever went wrong in a pass that was given up is of no interest."""
    if not thread.cancelled():
        thread.exception()
