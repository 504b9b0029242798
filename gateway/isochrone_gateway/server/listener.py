"""What the connections of one listening socket share: handler, limits, clock, counters, and the way to drain them."""

import asyncio
import dataclasses
import email.utils
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from isochrone_gateway.server.exchange import Handler
from isochrone_gateway.server.heads import HeadParser
from isochrone_gateway.server.limits import Limits, Timeouts
from isochrone_gateway.server.timers import NEVER, Loop, Wheel

_DEFAULT_LIMITS: Final = Limits()
_DEFAULT_TIMEOUTS: Final = Timeouts()


class Connection(Protocol):
    """What the listener needs of a connection."""

    def drain(self, deadline: float) -> None: ...
    def cut(self) -> None: ...


class ServerLoop(Loop, Protocol):
    """An event loop, as far as the server side needs one."""

    def call_exception_handler(self, context: dict[str, Any], /) -> None: ...


class Counters:
    """Totals since the start."""

    __slots__ = ("connections", "refusals", "requests", "timeouts")

    def __init__(self) -> None:
        self.connections = 0
        self.requests = 0
        self.refusals: dict[str, int] = {}
        """By `Refusal.code`."""
        self.timeouts = 0
        """Connections closed without an answer because a client was idle, or too slow to read."""


class Listener:
    """Give `ServerConnection`s of one socket what they share."""

    __slots__ = (
        "_date_line",
        "_date_until",
        "_empty",
        "_grace",
        "_wall",
        "connections",
        "counters",
        "draining",
        "handler",
        "heads",
        "limits",
        "loop",
        "short_head",
        "timeouts",
        "wheel",
    )

    def __init__(
        self,
        handler: Handler,
        *,
        loop: ServerLoop,
        limits: Limits = _DEFAULT_LIMITS,
        timeouts: Timeouts = _DEFAULT_TIMEOUTS,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.handler = handler
        self.loop = loop
        self.limits = limits
        self.timeouts = timeouts
        self.short_head = min(limits.request_line, limits.head)
        self.heads = HeadParser(limits)
        self.wheel = Wheel(loop, timeouts.tick)
        self.connections: set[Connection] = set()
        self.counters = Counters()
        self.draining = False
        self._grace = NEVER
        self._empty: asyncio.Event | None = None
        self._wall = wall
        self._date_until = float("-inf")
        self._date_line = b""

    def use(self, handler: Handler, limits: Limits, timeouts: Timeouts) -> None:
        """Give new requests to this handler, by these limits."""
        self.handler = handler
        self.limits = limits
        self.timeouts = self._hurried(timeouts)
        self.heads = HeadParser(limits)
        self.short_head = min(limits.request_line, limits.head)

    def date_line(self) -> bytes:
        """Give the `date` header line, made once a second (RFC 9110 section 6.6.1)."""
        now = self.loop.time()
        if now >= self._date_until:
            wall = self._wall()
            self._date_until = now + 1.0 - wall % 1.0
            self._date_line = b"date: %b\r\n" % email.utils.formatdate(wall, usegmt=True).encode("ascii")
        return self._date_line

    def count_refusal(self, code: str) -> None:
        self.counters.refusals[code] = self.counters.refusals.get(code, 0) + 1

    def drain(self, grace: float) -> None:
        """End keep-alive: each answer says `connection: close`, and who doesn't ask for `grace` seconds is let go.

        Nobody is closed at once, since a request may be on its way: from a client that was idle, and from one whose
        last answer began before the drain and couldn't say that it was the last.
        """
        self.draining = True
        self._grace = grace
        self.timeouts = self._hurried(self.timeouts)
        deadline = self.loop.time() + grace
        for connection in tuple(self.connections):
            connection.drain(deadline)

    def _hurried(self, timeouts: Timeouts) -> Timeouts:
        """In a drain nobody is idle for longer than its grace, whether connected before it or after."""
        return dataclasses.replace(timeouts, idle=self._grace) if self._grace < timeouts.idle else timeouts

    def cut(self) -> None:
        """Abort what is left."""
        for connection in tuple(self.connections):
            connection.cut()

    def opened(self, connection: Connection) -> None:
        self.connections.add(connection)
        self.counters.connections += 1

    def closed(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if self._empty is not None and not self.connections:
            self._empty.set()

    async def wait_closed(self) -> None:
        """Wait until no connection is open."""
        while self.connections:
            self._empty = asyncio.Event()
            await self._empty.wait()
        self._empty = None
