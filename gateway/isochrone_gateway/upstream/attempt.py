"""One attempt under way, as the pool keeps it: the `Call` that its caller holds."""

from typing import Final, Protocol

from isochrone_gateway.upstream.call import Failure, Nobody, Sink
from isochrone_gateway.upstream.target import Outgoing, Timeouts

_NOBODY: Final = Nobody()


class Carrier(Protocol):
    """What an attempt needs of the connection that carries it."""

    def close(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Queue(Protocol):
    """What an attempt needs of the lane that it waits in."""

    def forget(self, attempt: "Attempt") -> None: ...
    def report(self, error: Exception) -> None: ...


class Attempt:
    """Waits in a lane, is carried by a connection, or is over (then the sink is gone)."""

    __slots__ = (
        "_queue",
        "connect_due",
        "connection",
        "due",
        "outgoing",
        "paused",
        "sink",
        "size",
        "timeouts",
    )

    def __init__(  # noqa: PLR0917 - made once a request, and keywords cost more
        self, queue: Queue, outgoing: Outgoing, sink: Sink, timeouts: Timeouts, due: float
    ) -> None:
        self._queue = queue
        self.outgoing = outgoing
        self.sink = sink
        self.timeouts = timeouts
        self.due = due
        self.connect_due = due
        self.connection: Carrier | None = None
        self.paused = False
        size = len(outgoing.head)
        for part in outgoing.body:
            size += part.nbytes if isinstance(part, memoryview) else len(part)
        self.size = size

    @property
    def over(self) -> bool:
        return self.sink is _NOBODY

    def cancel(self) -> None:
        if self.sink is _NOBODY:
            return
        self.sink = _NOBODY
        if self.connection is None:
            self._queue.forget(self)
        else:
            self.connection.close()

    def pause(self) -> None:
        self.paused = True
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        self.paused = False
        if self.connection is not None:
            self.connection.resume()

    # The connection's and the lane's calls.

    def end(self) -> None:
        sink, self.sink = self.sink, _NOBODY
        try:
            sink.on_end()
        except Exception as error:  # noqa: BLE001 - the connection may carry another attempt by now
            self._queue.report(error)

    def fail(self, failure: Failure) -> None:
        sink, self.sink = self.sink, _NOBODY
        try:
            sink.on_failure(failure)
        except Exception as error:  # noqa: BLE001 - as in `end`
            self._queue.report(error)
