"""The life of a connection: its socket, its deadlines, and an end that doesn't cost the client its answer.

What a connection reads and answers is for its subclass. What is here would be the same for any protocol: who falls
behind is measured, and who is done is let go in order, with a half-close first and a reset only at last.
"""

import asyncio
import contextlib
import select
import socket
from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from isochrone_gateway.server.exchange import Address
from isochrone_gateway.server.listener import Listener
from isochrone_gateway.server.timers import NEVER, Timed


class Gone(asyncio.Transport):
    """The transport of a connection that is closed: takes everything, does nothing. Saves checks for None."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        pass

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def pause_reading(self) -> None:
        pass

    def resume_reading(self) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


_GONE = Gone()
_NO_ADDRESS: Final[Address] = ("", 0)


class Connection(Timed):
    """A connection of a listener, without what it is for.

    An asyncio protocol, but for the base class, which mypyc can't compile.
    """

    __slots__ = (
        "_linger_left",
        "_lingering",
        "_listener",
        "_mark",
        "_peer",
        "_read_due",
        "_read_paused",
        "_received",
        "_tls",
        "_transport",
        "_write_due",
        "_write_mark",
        "_write_paused",
        "_writer_waits",
    )

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self._transport: asyncio.Transport = _GONE
        self._peer: Address = _NO_ADDRESS
        self._tls = False
        self._read_due = NEVER
        self._read_paused = False
        self._received = 0
        self._mark = 0
        self._write_due = NEVER
        self._write_mark = 0
        self._write_paused = False
        self._writer_waits = False
        self._lingering = False
        self._linger_left = listener.limits.linger

    def attribute_to(self, client: Address) -> None:
        """Before it is made: a proxy passes it on, and this is whose it is."""
        self._peer = client

    # For the subclass.

    def drain(self, deadline: float) -> None:
        """The listener drains: end at the deadline if nothing is going on."""
        raise NotImplementedError

    def _read_overdue(self, now: float) -> None:
        """The deadline for input has passed."""
        raise NotImplementedError

    def _writable(self) -> None:
        """The client has caught up."""
        raise NotImplementedError

    # The event loop's calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=self._listener.limits.write_buffer)
        if self._peer == _NO_ADDRESS:
            self._peer = _address_of(transport)
        self._tls = transport.get_extra_info("sslcontext") is not None
        _no_delay(transport)
        self._listener.opened(self)
        self._set_read_due(self._listener.loop.time() + self._listener.timeouts.idle)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it was lost changes nothing
        self._lingering = True
        self.due = NEVER
        self._listener.wheel.forget(self)
        self._listener.closed(self)
        self._transport = _GONE

    def pause_writing(self) -> None:
        self._write_paused = True
        self._write_mark = self._transport.get_write_buffer_size()
        self._write_due = self._listener.loop.time() + self._listener.timeouts.write
        self._set_read_due(self._read_due)

    def resume_writing(self) -> None:
        self._write_paused = False
        self._write_due = NEVER
        self.due = self._read_due
        self._writable()

    # What is known of the client.

    def certificate(self) -> Mapping[str, Any]:
        """What TLS found in its certificate. It is read once, in the handshake, and only where one is asked for."""
        found: Mapping[str, Any] | None = self._transport.get_extra_info("peercert")
        return found or {}

    # Output.

    def is_writable(self) -> bool:
        return not self._write_paused

    def write(self, data: bytes) -> bool:
        self._transport.write(data)
        self._writer_waits = self._write_paused
        return not self._write_paused

    def write_pieces(self, first: bytes, data: bytes, last: bytes) -> bool:
        self._transport.writelines((first, data, last))
        self._writer_waits = self._write_paused
        return not self._write_paused

    # Deadlines.

    def _set_read_due(self, read_due: float) -> None:
        self._read_due = read_due
        self.due = min(read_due, self._write_due)
        self._listener.wheel.watch(self)

    def on_due(self, now: float) -> None:
        if self._lingering:
            self._linger_overdue(now)
        elif now >= self._write_due:
            self._write_overdue(now)
        else:
            self._read_overdue(now)

    def _write_overdue(self, now: float) -> None:
        if self._is_taking():
            self._write_due = now + self._listener.timeouts.write
            self._set_read_due(self._read_due)
        else:
            self._listener.counters.timeouts += 1
            self.cut()

    def _linger_overdue(self, now: float) -> None:
        timeouts = self._listener.timeouts
        if self._transport.get_write_buffer_size():
            if self._is_taking():
                self._set_read_due(now + timeouts.write)
            else:
                self.cut()
        elif self._transport.is_closing():
            self.cut()
        else:
            self._set_read_due(now + timeouts.linger)
            self._transport.close()

    def _has_input(self) -> bool:
        """Has the client sent something that the event loop has yet to deliver? A busy loop is late with both of them.

        Closing now would reset the connection under a request that has arrived (RFC 9112 section 9.6).
        """
        sock = self._transport.get_extra_info("socket")
        if sock is None or sock.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(sock.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _is_sending(self) -> bool:
        """Has the client sent enough since the last look?"""
        sent, self._mark = self._received - self._mark, self._received
        return sent >= self._listener.timeouts.body_progress

    def _is_taking(self) -> bool:
        """Has the client taken enough since the last look?"""
        pending = self._transport.get_write_buffer_size()
        taken, self._write_mark = self._write_mark - pending, pending
        return taken >= self._listener.timeouts.write_progress

    # The end.

    def cut(self) -> None:
        """Abort."""
        self._lingering = True
        self._read_paused = False
        self._transport.abort()

    def _linger(self, *, half_close: bool = True) -> None:
        """Half-close, then drop input until the client closes too: a reset could overtake the answer.

        The time starts with the last byte's flush, which has the time of any writing. Without a half-close the caller
        has closed the transport, or will.
        """
        if self._lingering:
            return
        self._lingering = True
        self._write_mark = self._transport.get_write_buffer_size()
        timeouts = self._listener.timeouts
        self._set_read_due(self._listener.loop.time() + (timeouts.write if self._write_mark else timeouts.linger))
        if self._read_paused:
            self._read_paused = False
            self._transport.resume_reading()
        if half_close and self._transport.can_write_eof():
            with contextlib.suppress(OSError):  # asyncio's, if the client has reset the connection: its loss follows
                self._transport.write_eof()

    def _drop(self, size: int) -> None:
        """Count input that is dropped while lingering."""
        self._linger_left -= size
        if self._linger_left < 0:
            self.cut()


def _address_of(transport: asyncio.BaseTransport) -> Address:
    """Give the peer's host and port; a Unix socket's peer has none."""
    name = transport.get_extra_info("peername")
    return (str(name[0]), int(name[1])) if isinstance(name, tuple) and len(name) > 1 else _NO_ADDRESS


def _no_delay(transport: asyncio.BaseTransport) -> None:
    """Send small segments at once. Both loops set it themselves for sockets that they accept, not for others."""
    sock = transport.get_extra_info("socket")
    if sock is not None and sock.family in {socket.AF_INET, socket.AF_INET6}:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
