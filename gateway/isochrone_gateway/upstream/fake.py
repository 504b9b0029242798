"""A scripted upstream: a real server whose every answer, good or bad, is written down in advance.

For tests of whatever calls upstreams, and for benchmarks: an ordinary answer is one write. It speaks just enough HTTP
to find where requests end, and records what it saw and when connections came and went: a cancelled attempt must be
seen here at once.
"""

import asyncio
import collections
import dataclasses
import socket
import ssl
import struct
from collections.abc import Callable
from typing import Self, cast

import httptools

from isochrone_gateway.upstream.scripts import Close, Hang, Repeat, Reset, Script, Send, Step, Wait


@dataclasses.dataclass(slots=True)
class Received:
    """A request. `body` is empty if only its size is recorded."""

    path: bytes
    headers: list[tuple[bytes, bytes]]
    body: bytes = b""
    size: int = 0


@dataclasses.dataclass(slots=True, eq=False)
class Seen:
    """A connection, with times of the loop's clock."""

    opened: float
    closed: float | None = None
    requests: int = 0
    client_name: str | None = None
    """The common name of the client's certificate."""
    protocol: str | None = None
    """What was agreed on by ALPN."""


Choose = Callable[[Received], Script]


class FakeUpstream:
    """Serves scripts: `async with FakeUpstream(script) as upstream: ... upstream.port`."""

    def __init__(
        self,
        script: Script | Choose,
        *,
        greeting: Script | None = None,
        context: ssl.SSLContext | None = None,
        record: bool = True,
        read: bool = True,
    ) -> None:
        self.choose: Choose = script if callable(script) else lambda _: script
        self.greeting = greeting  # Done when a connection comes, before any request.
        self.connections: list[Seen] = []
        self.requests: list[Received] = []
        self.record = record
        self.read = read  # False: leave request bodies in the socket until `resume` is called.
        self.port = 0
        self.changed = asyncio.Event()
        self._context = context
        self._open: set[FakeConnection] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: FakeConnection(self, loop), host, port, ssl=self._context, backlog=4096
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._open):
            connection.abort()
        await self.wait(lambda: not self._open)
        await asyncio.sleep(0)

    @property
    def open(self) -> int:
        """How many connections are open now."""
        return len(self._open)

    async def wait(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until what was seen meets the condition, or raise TimeoutError."""
        async with asyncio.timeout(seconds):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def pause(self) -> None:
        """Leave what comes in the socket."""
        for connection in self._open:
            connection.pause()

    def resume(self) -> None:
        """Read what was left in the socket."""
        self.read = True
        for connection in self._open:
            connection.resume()

    def close_idle(self) -> None:
        """Close the connections that wait for a request, as servers do after a while."""
        for connection in tuple(self._open):
            if connection.is_idle:
                connection.close()

    # The connections' calls.

    def opened(self, connection: "FakeConnection", seen: Seen) -> None:
        self._open.add(connection)
        if self.record:
            self.connections.append(seen)
        self.changed.set()

    def closed(self, connection: "FakeConnection") -> None:
        self._open.discard(connection)
        self.changed.set()

    def received(self, request: Received) -> Script:
        if self.record:
            self.requests.append(request)
            self.changed.set()
        return self.choose(request)


class FakeConnection(asyncio.Protocol):
    """One connection: runs the script of each request, one after the other."""

    def __init__(self, upstream: FakeUpstream, loop: asyncio.AbstractEventLoop) -> None:
        self._upstream = upstream
        self._loop = loop
        self._parser: httptools.HttpRequestParser | None = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._seen = Seen(loop.time())
        self._path = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._steps: collections.deque[Step] = collections.deque()
        self._timer: asyncio.TimerHandle | None = None
        self._blocked = False
        self.is_idle = True

    def abort(self) -> None:
        """Reset the connection: what is on its way in either direction is lost."""
        if self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    # The event loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it.
        certificate = transport.get_extra_info("peercert") or {}
        names = dict(pair for parts in certificate.get("subject", ()) for pair in parts)
        self._seen.client_name = names.get("commonName")
        tls = transport.get_extra_info("ssl_object")
        self._seen.protocol = None if tls is None else tls.selected_alpn_protocol()
        self._upstream.opened(self, self._seen)
        if self._upstream.greeting is not None:
            self._steps.extend(self._upstream.greeting.steps)
            self._run()

    def data_received(self, data: bytes) -> None:
        if self._parser is None:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except httptools.HttpParserError:
            self.close()  # Not a request.

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the event loop's signature
        self._seen.closed = self._loop.time()
        self._parser = None
        self._transport = None
        self._steps.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._upstream.closed(self)

    def pause_writing(self) -> None:
        self._blocked = True

    def resume_writing(self) -> None:
        self._blocked = False
        self._run()

    # Called by llhttp.

    def on_url(self, url: bytes) -> None:
        self._path += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.is_idle = False
        if not self._upstream.read and self._transport is not None:
            self._transport.pause_reading()

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._upstream.record:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._seen.requests += 1
        request = Received(self._path, self._headers, b"".join(self._body), self._size)
        self._path, self._headers, self._body, self._size = b"", [], [], 0
        self._steps.extend(self._upstream.received(request).steps)
        self._run()

    # The script.

    def _run(self) -> None:
        while self._steps and not self._blocked and self._transport is not None:
            if not self._do(self._transport, self._steps.popleft()):
                return
        if not self._steps:
            self.is_idle = True

    def _do(self, transport: asyncio.Transport, step: Step) -> bool:
        """Do a step; False: the next has to wait."""
        match step:
            case Send(data):
                transport.write(data)
            case Repeat(data, times):
                transport.write(data)
                if times > 1:
                    self._steps.appendleft(Repeat(data, times - 1))
            case Wait(seconds):
                self._timer = self._loop.call_later(seconds, self._run)
                return False
            case Hang():
                return False
            case Close():
                transport.close()
            case Reset():
                self.abort()
        return True
