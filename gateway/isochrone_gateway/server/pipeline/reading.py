"""A request's body, on its way to a decision: collected in memory that is accounted for, and read.

What takes long is done on a thread, beside the loop.
"""

import asyncio
import functools
from collections.abc import Callable
from typing import Final, TypeVar

from isochrone_gateway.server.exchange import Exchange
from isochrone_gateway.server.pipeline import decide
from isochrone_gateway.server.pipeline.entry import Entry
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.wire.body import Request, read_request
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.remote import unlawful

_T = TypeVar("_T")
_OFF_LOOP: Final = 1_048_576
"""Larger bodies are read on a thread."""
_OVERLOADED: Final = ApiError(
    kind=ErrorKind.OVERLOADED, message="Too many request bodies are in memory at once.", retry_after_s=1.0
)
_BROKEN: Final = ApiError(kind=ErrorKind.INTERNAL)


class Reading(Visit):
    """One request until its body was read."""

    __slots__ = ("_pieces", "_reserved", "is_over")

    def __init__(self, services: Services, exchange: Exchange, entry: Entry) -> None:
        super().__init__(services, exchange, entry)
        self.is_over = False
        self._pieces: list[bytes] = []
        self._reserved = 0

    # For the subclass.

    def _decide(self, request: Request | ApiError, *, is_looked_through: bool = False) -> None:
        raise NotImplementedError

    def _refuse(self, error: ApiError) -> None:
        raise NotImplementedError

    def _fail(self, error: ApiError) -> None:
        raise NotImplementedError

    # The body.

    def _take_in(self) -> bool:
        """Is there room for it?"""
        length = self.exchange.length or 0
        if not self.services.memory.take(length):
            self._refuse(_OVERLOADED)
            return False
        self._reserved = length
        return True

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)
        self.bytes_in += len(data)
        if self.bytes_in > self._reserved:  # Chunked: its length shows only as it comes.
            if not self.services.memory.take(self.bytes_in - self._reserved):
                self._refuse(_OVERLOADED)
                return
            self._reserved = self.bytes_in

    def on_body_end(self) -> None:
        pieces = self._pieces
        if self.bytes_in > _OFF_LOOP:
            self._pieces = []
            self._beside(functools.partial(_joined, pieces), self._read)
            return
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._decide(read_request(body))

    def _read_again(self, request: Request) -> None:
        """Nothing is kept of the last decision: the law may be another one now."""
        if self.bytes_in > _OFF_LOOP:
            self._read(request)
        else:
            self._decide(request)

    def _read(self, request: Request | ApiError) -> None:
        """A large body was read; under some policies it has to be looked through as well."""
        listed = None if isinstance(request, ApiError) else decide.to_look_for(self, request)
        if listed is None or isinstance(request, ApiError):
            self._decide(request)
        else:
            then = functools.partial(self._looked_through, request)
            self._beside(functools.partial(unlawful, request, listed), then)

    def _looked_through(self, request: Request, error: ApiError | None) -> None:
        self._decide(request if error is None else error, is_looked_through=True)

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


def _joined(pieces: list[bytes]) -> Request | ApiError:
    return read_request(b"".join(pieces))
