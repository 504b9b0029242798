"""One request and its answer, as a handler sees it.

Three rules keep handlers simple, and they are the connection's to keep:

* No callback runs inside a call that the handler made, but for `on_request` itself.
* After the answer is finished or aborted, and after `on_disconnect`, no callback comes; calls on the exchange then do
  nothing, so a late upstream needs no check.
* Answers are framed here: a handler gives a status line and header lines, never `content-length`,
  `transfer-encoding`, `connection` or `date`. What it announced and what it wrote can't differ: a short answer is cut
  off, not passed off as whole.
"""

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol

from isochrone_gateway.server.refusals import Refusal
from isochrone_gateway.wire.http import RequestHead

if TYPE_CHECKING:
    from isochrone_gateway.server.http1 import ServerConnection

Address = tuple[str, int]

CHUNKED: Final = -1
# Below this, one copy into one buffer is cheaper than a second system call or vector.
_JOIN: Final = 64 * 1024
_BODILESS: Final = frozenset({b"204", b"304"})
_CHUNKED_LINE: Final = b"transfer-encoding: chunked\r\n"
_LAST_CHUNK: Final = b"0\r\n\r\n"


class ExchangeHandler(Protocol):
    """What a handler does with one request."""

    def on_body(self, data: bytes) -> None:
        """Take content of the body, de-chunked. Only after `Exchange.read_body`."""

    def on_body_end(self) -> None:
        """The body is complete (also if the request has none). Only after `Exchange.read_body`."""

    def on_disconnect(self) -> None:
        """Cancel everything: no answer can be given any more.

        The client is gone (its EOF counts, whether it closed or only half-closed), or the rest of the request was
        unusable and the server has answered by itself; then `Exchange.refused` says how.
        """

    def on_writable(self) -> None:
        """The buffer is empty enough again. Only after `Exchange.write` returned False."""


class Handler(Protocol):
    """Takes the requests of a listener."""

    def on_request(self, exchange: "Exchange") -> ExchangeHandler:
        """Begin: the head is complete, no byte of the body was read, no `100 Continue` sent."""


class Nobody:
    """The handler of an exchange that is over: its input is dropped."""

    def on_body(self, data: bytes) -> None:
        pass

    def on_body_end(self) -> None:
        pass

    def on_disconnect(self) -> None:
        pass

    def on_writable(self) -> None:
        pass


_NOBODY: Final = Nobody()


NOBODY: Final = Nobody()


class Body(enum.Enum):
    """Where the reading of the current request's body stands."""

    UNREAD = enum.auto()
    READING = enum.auto()
    PAUSED = enum.auto()
    OVER = enum.auto()


class Exchange:
    """One request and its answer."""

    __slots__ = ("_held", "_left", "_mute", "_owner", "begun", "head", "length", "peer", "refused", "started", "tls")

    def __init__(  # noqa: PLR0917 - made once a request, and keywords cost more
        self, owner: "ServerConnection", head: RequestHead, length: int | None, peer: Address, started: float
    ) -> None:
        self.head = head
        self.length = length
        """The content-length of the request, if it said one."""
        self.peer = peer
        self.started = started
        self.tls = False
        self.begun = False
        self.refused: Refusal | None = None
        self._owner: ServerConnection | None = owner
        self._mute = head.method == b"HEAD"
        self._held = b""
        self._left = 0

    @property
    def over(self) -> bool:
        return self._owner is None

    def certificate(self) -> Mapping[str, Any]:
        """The certificate that the client showed, as module `ssl` tells it; empty where none was asked for."""
        return {} if self._owner is None else self._owner.certificate()

    def read_body(self) -> None:
        """Start the delivery of the body; sends `100 Continue` if the client waits for it."""
        if self._owner is not None:
            self._owner.read_body()

    def pause_body(self) -> None:
        if self._owner is not None:
            self._owner.pause_body()

    def resume_body(self) -> None:
        if self._owner is not None:
            self._owner.resume_body()

    def respond(self, head: bytes, body: bytes = b"") -> None:
        """Give a complete answer. `head` is the status line and header lines, each with its CRLF."""
        owner = self._begin()
        if owner is None:
            return
        end = owner.head_end(whole=True)
        if head[9:12] in _BODILESS:
            owner.write(head + end)
        elif self._mute:
            owner.write(b"%bcontent-length: %d\r\n%b" % (head, len(body), end))
        elif len(body) > _JOIN:
            owner.write_pieces(b"%bcontent-length: %d\r\n%b" % (head, len(body), end), body, b"")
        else:
            owner.write(b"%bcontent-length: %d\r\n%b%b" % (head, len(body), end, body))
        owner.answered()

    def start(self, head: bytes, *, length: int | None = None) -> None:
        """Begin a streamed answer, chunked unless its length is known. The head waits for the first `write`."""
        owner = self._begin()
        if owner is None:
            return
        self._mute = self._mute or head[9:12] in _BODILESS
        framing = _CHUNKED_LINE if length is None else b"content-length: %d\r\n" % length
        if head[9:12] in _BODILESS:
            framing = b""
        self._left = CHUNKED if length is None else length
        self._held = head + framing + owner.head_end(whole=False)

    def write(self, data: bytes) -> bool:
        """Send a piece. False: wait for `on_writable` before the next. An empty piece sends a head that waits."""
        owner = self._owner
        if owner is None:
            return True
        if not self.begun:
            raise RuntimeError("write() before start()")
        held, self._held = self._held, b""
        if self._mute or not data:
            return owner.write(held) if held else owner.is_writable()
        if self._left == CHUNKED:
            if len(data) > _JOIN:
                return owner.write_pieces(b"%b%x\r\n" % (held, len(data)), data, b"\r\n")
            return owner.write(b"%b%x\r\n%b\r\n" % (held, len(data), data))
        if len(data) > self._left:
            raise RuntimeError(f"{len(data) - self._left} bytes more than announced")
        self._left -= len(data)
        if len(data) > _JOIN:
            return owner.write_pieces(held, data, b"")
        return owner.write(held + data)

    def finish(self) -> None:
        """End a streamed answer. One that is shorter than announced is cut off, so that the client notices."""
        owner = self._owner
        if owner is None:
            return
        if not self.begun:
            raise RuntimeError("finish() before start()")
        if self._left > 0 and not self._mute:
            self.abort()
            return
        held, self._held = self._held, b""
        if self._left == CHUNKED and not self._mute:
            owner.write(held + _LAST_CHUNK)
        elif held:
            owner.write(held)
        owner.answered()

    def abort(self) -> None:
        """Cut the connection: the answer can't be completed."""
        if self._owner is not None:
            self._owner.abandon()

    def release(self) -> None:
        """Part from the connection (its own call): the exchange is over."""
        self._owner = None
        self._held = b""

    def _begin(self) -> "ServerConnection | None":
        if self._owner is not None:
            if self.begun:
                raise RuntimeError("the answer was begun before")
            self.begun = True
        return self._owner
