"""A listening socket that several processes accept from.

Accepting is ours, not the event loop's: loops take all that waits at once, so the worker that wakes first would get a
whole burst. This one takes one at a time, and lets the others have a turn when it is ahead of them (see `balance`). And
it can stop and go on at any time without closing the socket: at the limit of connections, or when files have run out.
"""

import asyncio
import dataclasses
import errno
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from isochrone_gateway.server.exchange import Address
from isochrone_gateway.server.supervisor import sockets
from isochrone_gateway.server.supervisor.proxied import Proxied, Unknown

_MOST_AT_ONCE: Final = 64
_TURN: Final = 0.002
"""Seconds that a worker which is ahead leaves to the others."""
_PAUSE: Final = 0.05
"""Seconds until the next try when there are too many connections or no file descriptors."""
_HANDSHAKE: Final = 10.0
_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Terms:
    """How connections are taken. `tls` and `proxied` are asked for each, as certificates and configs change."""

    protocol: Callable[[Address | None], asyncio.Protocol]
    """Given whose connection it is; None: its peer's own."""
    tls: Callable[[], ssl.SSLContext | None]
    has_room: Callable[[], bool]
    is_ahead: Callable[[], bool]
    proxied: Callable[[], Proxied | None] = lambda: None


class Acceptor:
    """Accepts from one socket, which it owns."""

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, terms: Terms) -> None:
        self._loop = loop
        self._sock = sock
        self._terms = terms
        self._opening: set[asyncio.Task[None]] = set()
        self._reading = False
        self._waited = 0
        """How often in a row the others had their turn and left something."""
        self._has_waited = False
        self._allowed = False
        self._pause: asyncio.TimerHandle | None = None
        self._finishing: asyncio.TimerHandle | None = None
        self._closed = asyncio.Event()
        self.failed = 0
        """Connections that were lost before their first byte: mostly failed handshakes."""
        self.exhausted = 0
        """Times that the system had no resources for another connection."""
        self.unknown: Counter[str] = Counter()
        """Connections that were closed as it isn't known whose they are, by `Unknown.why`."""

    @property
    def opening(self) -> int:
        """Connections whose PROXY header or handshake isn't finished."""
        return len(self._opening)

    async def wait_closed(self) -> None:
        """Wait until the socket is closed and each connection open, or lost. Only after `finish` or `close`."""
        await self._closed.wait()
        while self._opening:
            await asyncio.wait(self._opening)

    def allow(self, allowed: bool) -> None:  # noqa: FBT001 - a switch
        """Accept, or don't for now."""
        self._allowed = allowed
        self._update()

    def finish(self, settle: float = 0.0) -> None:
        """Take what waits and, for `settle` seconds, what is half-way, since closing would reset it; then close."""
        if self._closed.is_set():
            return
        if not self._allowed:  # There is nobody to give it to.
            self.close()
            return
        if self._finishing is not None:
            self._finishing.cancel()
        sockets.take_no_more(self._sock)
        self._take_all()
        if settle:
            self._finishing = self._loop.call_later(settle, self._finish)
        else:
            self._finish()

    def close(self) -> None:
        self.allow(False)
        for timer in (self._pause, self._finishing):
            if timer is not None:
                timer.cancel()
        self._closed.set()
        self._sock.close()

    def _finish(self) -> None:
        self._take_all()
        self.close()

    def _take_all(self) -> None:
        while self._accept():
            pass

    def _update(self) -> None:
        wanted = self._allowed and self._pause is None and not self._closed.is_set()
        if wanted and not self._reading:
            self._loop.add_reader(self._sock.fileno(), self._on_readable)
        elif self._reading and not wanted:
            self._loop.remove_reader(self._sock.fileno())
        self._reading = wanted

    def _on_readable(self) -> None:
        if self._finishing is not None:
            self._take_all()
            return
        if self._terms.is_ahead():
            if not self._has_waited:
                self._has_waited = True
                self._rest(_TURN)
                return
            self._waited += 1
        else:
            self._waited = 0
        self._has_waited = False
        # What the others leave again and again they don't want, so take more of it each time.
        for _ in range(min(_MOST_AT_ONCE, 2**self._waited)):
            if not self._terms.has_room():
                self._rest(_PAUSE)
                return
            if not self._accept():
                self._waited = 0
                return

    def _accept(self) -> bool:
        """Take one connection, if one waits."""
        try:
            connection, peer = self._sock.accept()
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:  # accept(2): errors of the new connection are reported here too
            if error.errno in _EXHAUSTED:
                self.exhausted += 1
                self._rest(_PAUSE)
                return False
            return error.errno == errno.ECONNABORTED
        connection.setblocking(False)
        task = self._loop.create_task(self._open(connection, peer))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)
        return True

    async def _open(self, connection: socket.socket, peer: Any) -> None:
        context, proxied = self._terms.tls(), self._terms.proxied()
        try:
            client = None if proxied is None else await proxied.client(connection, peer)
            if isinstance(client, Unknown):
                self.unknown[client.why] += 1
                connection.close()
                return
            await self._loop.connect_accepted_socket(
                lambda: self._terms.protocol(client),
                connection,
                ssl=context,
                ssl_handshake_timeout=None if context is None else _HANDSHAKE,
            )
        except OSError:  # TLS errors and time-outs are OSErrors too: a client that can't speak costs only itself
            self.failed += 1
            connection.close()
        except asyncio.CancelledError:
            connection.close()
            raise

    def _rest(self, seconds: float) -> None:
        """The socket stays readable; without a pause the loop would spin."""
        if self._pause is None and not self._closed.is_set():
            self._pause = self._loop.call_later(seconds, self._wake)
            self._update()

    def _wake(self) -> None:
        self._pause = None
        self._update()
