"""One small request as a coroutine: for probes and other work that is not on the request path."""

import asyncio
import dataclasses
from typing import Final

from isochrone_gateway.upstream.call import Call, Failure, FailureKind
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.target import Outgoing, Target, Timeouts
from isochrone_gateway.wire.http import ResponseHead

MIB: Final = 1024 * 1024


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    head: ResponseHead
    body: bytes


def get(target: Target, path: str) -> Outgoing:
    """Make a GET request."""
    lines = b"GET %b HTTP/1.1\r\nhost: %b\r\naccept-encoding: identity\r\n\r\n"
    return Outgoing(lines % (path.encode("ascii"), target.authority))


async def fetch(
    pool: Pool, target: Target, outgoing: Outgoing, *, timeouts: Timeouts, limit: int = 4 * MIB
) -> Answer | Failure:
    """Give the answer, or why there is none. A body over `limit` bytes is a failure."""
    collector = _Collector(asyncio.get_running_loop().create_future(), limit)
    collector.call = pool.send(target, outgoing, collector, timeouts=timeouts)
    try:
        return await collector.outcome
    finally:
        collector.call.cancel()  # Only matters if this coroutine was cancelled.


class _Collector:
    def __init__(self, outcome: asyncio.Future[Answer | Failure], limit: int) -> None:
        self.outcome = outcome
        self.call: Call | None = None
        self._limit = limit
        self._head: ResponseHead | None = None
        self._body = bytearray()

    def on_head(self, head: ResponseHead) -> None:
        self._head = head

    def on_data(self, data: bytes) -> None:
        self._body += data
        if len(self._body) > self._limit and self.call is not None:
            self.call.cancel()
            detail = f"the answer is over {self._limit} bytes"
            self._finish(Failure(kind=FailureKind.PROTOCOL, detail=detail, sent=True, answered=True))

    def on_end(self) -> None:
        if self._head is not None:
            self._finish(Answer(self._head, bytes(self._body)))

    def on_failure(self, failure: Failure) -> None:
        self._finish(failure)

    def _finish(self, outcome: Answer | Failure) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)
