"""The body of a request, from a client or a peer: collected in memory that is accounted for.

What takes long is done on a thread, beside the loop.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Final, TypeVar

from isochrone_gateway.server.exchange import Exchange
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.wire.errors import ApiError, ErrorKind

_T = TypeVar("_T")
OFF_LOOP: Final = 1_048_576
"""Larger bodies are read on a thread."""
_OVERLOADED: Final = ApiError(
    kind=ErrorKind.OVERLOADED, message="Too many request bodies are in memory at once.", retry_after_s=1.0
)
_BROKEN: Final = ApiError(kind=ErrorKind.INTERNAL)


class Collecting:
    """One request that may have a body."""

    __slots__ = ("_pieces", "_reserved", "bytes_in", "exchange", "is_over", "services")

    def __init__(self, services: Services, exchange: Exchange) -> None:
        self.services = services
        self.exchange = exchange
        self.bytes_in = 0
        self.is_over = False
        self._pieces: list[bytes] = []
        self._reserved = 0

    # For the subclass.

    def _no_room(self, error: ApiError) -> None:
        raise NotImplementedError

    def _fail(self, error: ApiError) -> None:
        raise NotImplementedError

    # The body.

    def _take_in(self) -> bool:
        """Is there room for it?"""
        length = self.exchange.length or 0
        if not self.services.memory.take(length):
            self._no_room(_OVERLOADED)
            return False
        self._reserved = length
        return True

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        self.bytes_in += len(data)
        if self.bytes_in > self._reserved:  # Chunked: its length shows only as it comes.
            if not self.services.memory.take(self.bytes_in - self._reserved):
                self._no_room(_OVERLOADED)
                return
            self._reserved = self.bytes_in

    def _let_go(self) -> None:
        """It is over: nothing of it is kept."""
        self.services.memory.give_back(self._reserved)
        self._pieces.clear()

    # What takes long.

    def _read_beside(self, read: Callable[[bytes], _T], then: Callable[[_T], None]) -> None:
        """Put it together, and read it, on a thread."""
        pieces, self._pieces = self._pieces, []
        self._beside(functools.partial(_joined, read, pieces), then)

    def _beside(self, work: Callable[[], _T], then: Callable[[_T], None]) -> None:
        """Do on a thread what takes long; what follows happens unless the request is over by then."""

        def done(future: asyncio.Future[_T]) -> None:
            if self.is_over or future.cancelled():
                return
            try:
                then(future.result())
            except Exception as error:  # noqa: BLE001 - a bug must cost its own request only, and that an answer
                context = {"message": "reading a request failed", "exception": error}
                self.services.loop.call_exception_handler(context)
                self._fail(_BROKEN)

        self.services.loop.run_in_executor(None, work).add_done_callback(done)


def _joined(read: Callable[[bytes], _T], pieces: list[bytes]) -> _T:
    return read(b"".join(pieces))
