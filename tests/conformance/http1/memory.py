"""A connection without a socket: a loop that is wound by hand, a transport that keeps what is written, and handlers.

The server side is driven exactly as an event loop would drive it, so that time, segments and full buffers are the
test's to choose.
"""

import asyncio
import dataclasses
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from isochrone_gateway.server import Exchange, ExchangeHandler, Handler, Limits, Listener, ServerConnection, Timeouts
from isochrone_gateway.wire.http import status_line


class ManualTimer(asyncio.TimerHandle):
    """A timer of the manual loop."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when_due = when
        self.callback = callback


class ManualLoop:
    """Time passes when `advance` says so; what was scheduled runs when `run` says so."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.soon: deque[Callable[[], object]] = deque()
        self.failures: list[dict[str, Any]] = []
        self._timers: list[tuple[float, int, ManualTimer]] = []
        self._order = itertools.count()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[[], object], /) -> None:
        self.soon.append(callback)

    def call_at(self, when: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        timer = ManualTimer(when, callback)
        heapq.heappush(self._timers, (when, next(self._order), timer))
        return timer

    def call_exception_handler(self, context: dict[str, Any], /) -> None:
        self.failures.append(context)

    @property
    def timers(self) -> int:
        return len(self._timers)

    def run(self) -> None:
        for _ in range(100_000):
            if not self.soon:
                return
            self.soon.popleft()()
        raise AssertionError("the loop never comes to rest")

    def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            when, _, timer = heapq.heappop(self._timers)
            self.now = max(self.now, when)
            timer.callback()
            self.run()
        self.now = until


class MemoryTransport(asyncio.Transport):
    """Keeps what is written. `take` plays a client that reads; until then the buffer fills if `slow`."""

    def __init__(self, loop: ManualLoop, *, slow: bool = False) -> None:
        super().__init__()
        self.loop = loop
        self.protocol: ServerConnection | None = None
        self.written = bytearray()
        self.writes = 0
        self.pending = 0
        self.high = 64 * 1024
        self.slow = slow
        self.eof_written = False
        self.closing = False
        self.lost = False
        self.aborted = False
        self.reading = True
        self.paused_protocol = False

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return ("192.0.2.1", 4711) if name == "peername" else default

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:  # noqa: ARG002
        self.high = self.high if high is None else high

    def get_write_buffer_size(self) -> int:
        return self.pending

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self.closing:
            return
        assert not self.eof_written, "wrote after the half-close"
        self.written += data
        self.writes += 1
        if self.slow:
            self.pending += len(data)
            if self.pending > self.high and not self.paused_protocol:
                self.paused_protocol = True
                self._connection().pause_writing()

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def take(self, size: int) -> None:
        """Let the client read."""
        if self.lost:
            return
        self.pending -= min(size, self.pending)
        if self.paused_protocol and self.pending <= self.high // 4:
            self.paused_protocol = False
            self._connection().resume_writing()
        if self.closing and not self.pending:
            self._lose()

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        assert not self.closing
        self.eof_written = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        if not self.pending:
            self._lose()

    def abort(self) -> None:
        self.closing = self.aborted = True
        self._lose()

    def was_aborted(self) -> bool:
        return self.aborted

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def _connection(self) -> ServerConnection:
        assert self.protocol is not None
        return self.protocol

    def _lose(self) -> None:
        if not self.lost:
            self.lost = True
            self.loop.call_soon(self._report_loss)

    def _report_loss(self) -> None:
        protocol, self.protocol = self.protocol, None
        if protocol is not None:
            protocol.connection_lost(None)


@dataclasses.dataclass
class Seen:
    """What a handler got of one request, in order."""

    exchange: Exchange
    events: list[str] = dataclasses.field(default_factory=list)
    body: bytearray = dataclasses.field(default_factory=bytearray)

    def on_body(self, data: bytes) -> None:
        assert data
        assert self.events == []
        self.body += data

    def on_body_end(self) -> None:
        self.events.append("end")

    def on_disconnect(self) -> None:
        self.events.append("gone")

    def on_writable(self) -> None:
        self.events.append("writable")


OK_HEAD = status_line(200) + b"content-type: text/plain\r\n"


class Echo(Seen):
    """Answers with the body."""

    def on_body_end(self) -> None:
        super().on_body_end()
        self.exchange.respond(OK_HEAD, bytes(self.body))


class EchoHandler:
    """Reads every body at once and answers with it."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        echo = Echo(exchange)
        self.seen.append(echo)
        exchange.read_body()
        return echo


class HoldingHandler:
    """Does nothing by itself: the test plays the handler."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        self.seen.append(Seen(exchange))
        return self.seen[-1]


@dataclasses.dataclass(frozen=True)
class Answer:
    """One answer as a client reads it."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


H = TypeVar("H", bound=Handler)


class Session(Generic[H]):
    """One connection in memory."""

    def __init__(
        self,
        handler: H,
        *,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        slow: bool = False,
        share: "Session[H] | None" = None,
    ) -> None:
        loop = share.loop if share else ManualLoop()
        self.loop: ManualLoop = loop
        self.handler = handler
        self.listener: Listener = (
            share.listener
            if share
            else Listener(
                handler,
                loop=loop,
                limits=limits or Limits(),
                timeouts=timeouts or Timeouts(),
                wall=lambda: loop.now,
            )
        )
        self.transport = MemoryTransport(loop, slow=slow)
        self.connection = ServerConnection(self.listener)
        self.transport.protocol = self.connection
        self.inbox: deque[bytes] = deque()
        self.connection.connection_made(self.transport)

    def is_open(self) -> bool:
        return not (self.transport.eof_written or self.transport.closing)

    def send(self, *segments: bytes) -> None:
        """Let the client send; what comes while the reading is paused waits in the socket."""
        self.inbox += [segment for segment in segments if segment]
        self.deliver()

    def send_eof(self) -> None:
        self.inbox.append(b"")
        self.deliver()

    def deliver(self) -> None:
        """Deliver what a loop would: nothing while the reading is paused, nothing after the end."""
        while self.inbox and self.transport.reading and not self.transport.closing:
            segment = self.inbox.popleft()
            protocol = self.transport.protocol
            assert protocol is not None
            if segment:
                protocol.data_received(segment)
            elif not protocol.eof_received():
                self.transport.close()
            self.loop.run()

    def answers(self, *methods: bytes) -> list[Answer]:
        """Read what was written; `methods` are those of the requests, as far as they aren't all GET or POST."""
        return read_answers(bytes(self.transport.written), methods)


def read_answers(data: bytes, methods: Iterable[bytes] = ()) -> list[Answer]:
    """Read answers as strictly as they must be written."""
    answers: list[Answer] = []
    methods = iter(methods)
    while data:
        head, separator, data = data.partition(b"\r\n\r\n")
        assert separator, "the head is incomplete"
        first, *lines = head.split(b"\r\n")
        assert first.startswith(b"HTTP/1.1 ")
        status = int(first[9:12])
        pairs = [line.split(b": ", 1) for line in lines]
        headers = {pair[0]: pair[1] for pair in pairs}
        assert len(headers) == len(pairs), "a header was repeated"
        if status == 100:
            answers.append(Answer(status, headers, b""))
            continue
        method = next(methods, b"GET")
        assert b"date" in headers
        if method == b"HEAD" or status in {204, 304}:
            body = b""
        elif headers.get(b"transfer-encoding") == b"chunked":
            assert b"content-length" not in headers
            body, data = read_chunked(data)
        else:
            length = int(headers[b"content-length"])
            body, data = data[:length], data[length:]
            assert len(body) == length, "the answer is cut off"
        answers.append(Answer(status, headers, body))
    return answers


def read_chunked(data: bytes) -> tuple[bytes, bytes]:
    pieces = []
    while True:
        line, _, data = data.partition(b"\r\n")
        size = int(line, 16)
        pieces.append(data[:size])
        assert data[size : size + 2] == b"\r\n"
        data = data[size + 2 :]
        if not size:
            return b"".join(pieces), data
