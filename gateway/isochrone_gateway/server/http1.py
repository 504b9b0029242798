"""One client connection: a protocol that turns bytes into exchanges, one at a time and in order.

The next request isn't even parsed before the current answer is finished and its body was read or dropped. So answers
can't overtake each other, an error in a pipelined request is answered after the answers before it, and what a
client can make us keep is one head, or one backlog. While a request is being answered the socket is still read
(into that backlog), because a client's EOF must cancel its upstream; only a full backlog stops the reading.

EOF: a client that closes or half-closes is gone. HTTP/1.1 doesn't forbid to half-close after a request (RFC 9112
section 9.6), but no client library does, and the two can't be told apart before writing into a reset.

Speed: the path of an ordinary request, whole in one segment and answered at once, is `data_received`, `_consume`,
`_take`, `_read_head`, `_begin`, `_read_body`, `_end_body`, `answered`, `_next`; the rest is off it.
"""

from typing import Final

from isochrone_gateway.server import refusals
from isochrone_gateway.server.backlog import Backlogged
from isochrone_gateway.server.exchange import CHUNKED, NOBODY, Body, Exchange, ExchangeHandler
from isochrone_gateway.server.framing import ChunkedBody
from isochrone_gateway.server.heads import PartialHead, SameHead
from isochrone_gateway.server.listener import Listener
from isochrone_gateway.server.refusals import Refusal, render
from isochrone_gateway.server.timers import NEVER
from isochrone_gateway.wire.http import RequestHead

_CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
_CR: Final = 13
_NOT_FOUND: Final = 3  # find() + 4
_TURN: Final = 16
"""How many pipelined requests are handled before other connections get their turn."""
_TRIES: Final = 4
"""How many heads of a connection are parsed before it is given up that they will be alike."""

# Looking members up on the class costs more than the rest of a comparison.
_UNREAD: Final = Body.UNREAD
_READING: Final = Body.READING
_PAUSED: Final = Body.PAUSED
_OVER: Final = Body.OVER


class ServerConnection(Backlogged):
    """One client connection that speaks HTTP/1.1."""

    __slots__ = (
        "_answer_done",
        "_body",
        "_body_left",
        "_chunks",
        "_close_after",
        "_continue_owed",
        "_exchange",
        "_handler",
        "_partial",
        "_same",
        "_tries",
    )

    def __init__(self, listener: Listener) -> None:
        super().__init__(listener)
        # Input: a head that is incomplete.
        self._partial: PartialHead | None = None
        self._same: SameHead | None = None
        self._tries = 0
        # The current request.
        self._exchange: Exchange | None = None
        self._handler: ExchangeHandler = NOBODY
        self._body = _OVER
        self._body_left = 0  # Or CHUNKED, until the end has come.
        self._chunks: ChunkedBody | None = None
        self._continue_owed = False
        self._answer_done = False
        self._close_after = False

    # The event loop's calls.

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._lingering:
            self._drop(len(data))
        elif self._held or not self._is_hungry():
            self._hold(data)
        else:
            self._consume(data)

    def eof_received(self) -> bool:
        """The client is gone. False: close the transport once what was written is flushed."""
        self._tell_gone()
        self._linger(half_close=False)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell_gone()
        self._partial = None
        super().connection_lost(exc)

    def _writable(self) -> None:
        waits, self._writer_waits = self._writer_waits, False
        if self._exchange is None:
            self._schedule()
        elif waits and not self._answer_done:
            try:
                self._handler.on_writable()
            except Exception as error:  # noqa: BLE001 - a handler's bug must cost its own connection only
                self._fail(error)

    # Input.

    def _is_hungry(self) -> bool:
        return not self._write_paused if self._exchange is None else self._body is _READING

    def _consume(self, data: bytes) -> None:
        self._running = True
        try:
            data = self._take(data)
        except Exception as error:  # noqa: BLE001 - a handler's bug must cost its own connection only
            self._fail(error)
        self._running = False
        if data and not self._lingering:
            self._hold(data)
            if self._is_hungry():
                self._schedule()

    def _take(self, data: bytes) -> bytes:
        """Use what can be used of the data; gives the rest."""
        turns = _TURN
        while True:
            if self._exchange is not None:
                if self._body is not _READING:
                    return data
                if self._body_left == 0:
                    self._end_body()
                elif data:
                    data = self._read_body(data)
                else:
                    self._await_body()
                    return data
            elif not data or self._lingering or self._write_paused or not turns:
                return data
            else:
                turns -= 1
                data = self._read_head(data)

    def _read_head(self, data: bytes) -> bytes:
        """Take a head, or a part of one, off the data; gives what follows."""
        if self._partial is None:
            same = self._same
            if same is not None and (end := same.end_in(data)) and same.parser is self._listener.heads:
                self._begin(same.head, same.length)
                return data[end:]
            end = data.find(b"\r\n\r\n") + 4
            # Short is within all limits. A CR first would be an empty line before the request.
            if _NOT_FOUND < end <= self._listener.short_head and data[0] != _CR:
                if end == len(data):
                    self._open(data)
                    return b""
                self._open(data[:end])
                return data[end:]
        return self._read_partial(data)

    def _read_partial(self, data: bytes) -> bytes:
        """Collect a head that is cut into segments, long, or preceded by an empty line."""
        partial = self._partial
        if partial is None:
            partial = self._partial = PartialHead(self._listener.limits)
            self._set_read_due(self._listener.loop.time() + self._listener.timeouts.head)
        raw = partial.feed(data)
        if raw is None:
            return b""
        if isinstance(raw, Refusal):
            self._refuse(raw, mute=partial.is_head)
            return b""
        self._partial = None
        self._open(raw)
        return partial.rest

    def _open(self, raw: bytes) -> None:
        heads = self._listener.heads
        head = heads.parse(raw)
        if isinstance(head, Refusal):
            self._refuse(head, mute=raw.startswith(b"HEAD "))
            return
        length = heads.length
        self._tries += 1
        if 1 < self._tries <= _TRIES and length is not None:
            self._same = heads.same(raw, head)
        self._begin(head, length)

    def _begin(self, head: RequestHead, length: int | None) -> None:
        listener = self._listener
        self._read_due = self.due = NEVER  # The handler's time is its own; no answer is being written yet.
        exchange = self._exchange = Exchange(self, head, length, self._peer, listener.loop.time())
        exchange.tls = self._tls
        self._body = _UNREAD
        self._answer_done = False
        self._close_after = not head.keep_alive
        if head.chunked:
            self._chunks = ChunkedBody(listener.limits)
            self._body_left = CHUNKED
        else:
            self._body_left = length or 0
        self._continue_owed = head.expect_continue and self._body_left != 0
        listener.counters.requests += 1
        handler = listener.handler.on_request(exchange)
        if self._is_open(exchange):
            self._handler = handler

    def _is_open(self, exchange: Exchange) -> bool:
        """Is it still the current one, and without its answer? Anything may have happened in the handler."""
        return self._exchange is exchange and not self._answer_done

    def _read_body(self, data: bytes) -> bytes:
        """Take the body, or a part of it, off the data; gives what follows."""
        left = self._body_left
        if left < 0:
            return self._read_chunks(data)
        if len(data) <= left:
            self._body_left = left - len(data)
            self._handler.on_body(data)
            return b""
        self._body_left = 0
        self._handler.on_body(data[:left])
        return data[left:]

    def _read_chunks(self, data: bytes) -> bytes:
        chunks = self._chunks
        if chunks is None:
            raise RuntimeError("a chunked body without its decoder")
        content = chunks.feed(data)
        if chunks.refusal is not None:
            self._refuse(chunks.refusal)
            return b""
        if chunks.over:
            self._body_left = 0
        if content:
            self._handler.on_body(content)
        return chunks.rest

    def _await_body(self) -> None:
        """More must come: only now does the body need a deadline. Most come with their head and never get here."""
        if self._read_due == NEVER:
            self._mark = self._received
            self._set_read_due(self._listener.loop.time() + self._listener.timeouts.body)

    def _end_body(self) -> None:
        self._body = _OVER
        self._chunks = None
        self._read_due = NEVER
        self.due = self._write_due
        if self._answer_done:
            self._next()
        else:
            self._handler.on_body_end()

    # The exchange's calls.

    def read_body(self) -> None:
        if self._body is not _UNREAD:
            return
        if self._continue_owed and self._exchange is not None and not self._exchange.begun:
            self._continue_owed = False
            self._transport.write(_CONTINUE)
        self._body = _PAUSED
        self.resume_body()

    def pause_body(self) -> None:
        if self._body is _READING:
            self._body = _PAUSED
            self._set_read_due(NEVER)

    def resume_body(self) -> None:
        if self._body is not _PAUSED:
            return
        self._body = _READING
        self._schedule()

    def head_end(self, *, whole: bool) -> bytes:
        """Give the end of an answer's head; `whole`: the answer ends with this write, and with it the request."""
        if self._listener.draining or (whole and self._body_left != 0 and not self._can_drop_rest()):
            self._close_after = True
        if self._close_after:
            return self._listener.date_line() + b"connection: close\r\n\r\n"
        return self._listener.date_line() + b"\r\n"

    def answered(self) -> None:
        self._answer_done = True
        self._handler = NOBODY
        if self._exchange is not None:
            self._exchange.release()
        if self._body_left == 0:
            self._next()
        elif self._close_after or not self._can_drop_rest():
            self._detach()
            self._linger()
        else:
            self._body = _PAUSED
            self.resume_body()

    def abandon(self) -> None:
        self._detach()
        self.cut()

    def _can_drop_rest(self) -> bool:
        """Is what follows of the body surely sent, and little? (Who waits for a 100 may send it or not.)"""
        return 0 < self._body_left <= self._listener.limits.drain and not self._continue_owed

    def _next(self) -> None:
        """The answer is finished and the body is over."""
        exchange = self._detach()
        if not self._close_after:
            self._set_read_due(self._listener.loop.time() + self._listener.timeouts.idle)
            if self._held:
                self._schedule()
        elif exchange is None or exchange.head.keep_alive or self._held:
            self._linger()
        else:
            self._linger(half_close=False)
            self._transport.close()  # The client asked for it and sends nothing more: no reset can follow.

    def _detach(self) -> Exchange | None:
        exchange = self._exchange
        if exchange is not None:
            exchange.release()
            self._exchange = None
            self._handler = NOBODY
            self._chunks = None
            self._body = _OVER
            self._body_left = 0
        return exchange

    # The end.

    def drain(self, deadline: float) -> None:
        """The listener drains: end at the deadline if no request comes. Whatever is answered from now on says so."""
        if self._exchange is None and self._partial is None and not self._lingering:
            self._set_read_due(min(self._read_due, deadline))

    def _linger(self, *, half_close: bool = True) -> None:
        self._partial = None
        super()._linger(half_close=half_close)

    def _refuse(self, refusal: Refusal, *, mute: bool = False) -> None:
        """Answer in the handler's place, or cut an answer that was begun: its request turned out to be unusable."""
        self._listener.count_refusal(refusal.code)
        exchange = self._exchange
        if exchange is not None:
            exchange.refused = refusal
            mute = exchange.head.method == b"HEAD"
        begun = exchange is not None and exchange.begun and not self._answer_done
        if exchange is None or not exchange.begun:
            head, body = render(refusal)
            end = self._listener.date_line() + b"connection: close\r\n\r\n"
            self._transport.write(head + end + (b"" if mute else body))
        self._tell_gone()
        if begun:
            self.cut()
        else:
            self._linger()

    def _tell_gone(self) -> None:
        handler = self._handler
        if self._detach() is None:
            return
        try:
            handler.on_disconnect()
        except Exception as error:  # noqa: BLE001 - a handler's bug must cost its own connection only
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        context = {"message": "a request handler failed", "exception": error, "transport": self._transport}
        self._listener.loop.call_exception_handler(context)
        if self._exchange is None:
            self.cut()
        else:
            self._refuse(refusals.INTERNAL_ERROR)

    def _read_overdue(self, now: float) -> None:
        if self._exchange is not None:
            if self._is_sending():
                self._set_read_due(now + self._listener.timeouts.body)
            else:
                self._refuse(refusals.REQUEST_TIMEOUT)
        elif self._partial is not None and self._partial.is_begun:
            self._refuse(refusals.REQUEST_TIMEOUT, mute=self._partial.is_head)
        elif self._held or self._has_input():
            self._set_read_due(now + self._listener.timeouts.tick)  # A request came at the last moment.
        else:
            self._listener.counters.timeouts += 1
            self._linger(half_close=False)
            self._transport.close()
