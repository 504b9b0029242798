"""Bytes of a connection's answers to heads, bodies, ends and faults. Sans I/O.

llhttp reads, this judges (RFC 9112): what it lets pass but a gateway must not is refused here, and sizes are counted
in raw bytes fed, because llhttp reports nothing while a field, a chunk extension or a trailer grows. Trailers are
dropped. One reader serves all answers of a connection, one after the other.

Nearly all whole answers begin with the same simple head, which comes in one segment: `simple_head` reads it, and llhttp
isn't asked. Whatever is the least bit unusual is llhttp's.
"""

import enum
from typing import Final, Protocol

import httptools

from isochrone_gateway.upstream.call import Nobody
from isochrone_gateway.upstream.simple import simple_head
from isochrone_gateway.wire.http import Headers, ResponseHead


class BodySink(Protocol):
    """What the reader needs of a sink."""

    def on_head(self, head: ResponseHead) -> None: ...
    def on_data(self, data: bytes) -> None: ...


class Stage(enum.Enum):
    """How far the current answer is."""

    HEAD = enum.auto()
    BODY = enum.auto()
    DONE = enum.auto()
    FAULT = enum.auto()


# Looking members up on the class costs more than the rest of a comparison.
_HEAD: Final = Stage.HEAD
_BODY: Final = Stage.BODY
_DONE: Final = Stage.DONE
_FAULT: Final = Stage.FAULT
_NOBODY: Final = Nobody()
_SWITCHING: Final = 101
_OK: Final = 200
_BODILESS: Final = frozenset({204, 304})
_LAST_STATUS: Final = 599
_NOT_OURS: Final = -1
"""What is left of a body that llhttp reads."""


class ResponseReader:
    """Feed it what arrives; look at `stage` after each feed, and at `fault` or `reusable` when it says so."""

    __slots__ = (
        "_close_ends",
        "_coding",
        "_head_left",
        "_headers",
        "_left",
        "_length",
        "_max_head",
        "_max_headers",
        "_mute",
        "_parser",
        "_silent",
        "_sink",
        "fault",
        "received",
        "reusable",
        "stage",
    )

    def __init__(self, *, max_head: int, max_headers: int, close_ends: bool = False) -> None:
        self._max_head = max_head
        self._max_headers = max_headers
        # Does the end of the connection end a body that has no other end? If not, it is truncated.
        self._close_ends = close_ends
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._sink: BodySink = _NOBODY
        self._mute = False
        self._headers: Headers = []
        self._head_left = 0
        self._left = _NOT_OURS
        self._silent = 0
        self._length: bytes | None = None
        self._coding: bytes | None = None
        self.received = 0
        self.fault = ""
        self.reusable = True
        self.stage = _DONE

    def begin(self, sink: BodySink, *, mute: bool) -> None:
        """Expect an answer. `mute`: it has no body whatever its head says, as the request's method was HEAD."""
        self._sink = sink
        self._mute = mute
        self._headers = []
        self._head_left = self._max_head
        self._left = _NOT_OURS
        self._silent = 0
        self._length = self._coding = None
        self.received = 0
        self.stage = _HEAD

    def feed(self, data: bytes) -> None:
        parser = self._parser
        if parser is None or self.stage is _FAULT:
            return
        if self._left != _NOT_OURS:
            self._feed_body(data)
            return
        if self.stage is _HEAD and self._head_left == self._max_head and not self._mute:
            head = simple_head(data, self._max_head, self._max_headers)
            if head is not None:
                self._begin_body(head[0], data, head[1])
                return
        try:
            if self.stage is _HEAD and len(data) > self._head_left:
                self._feed_edge(parser, data)
                return
            before = self.received
            parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(str(error))
            return
        if self.stage is _HEAD:
            self._head_left -= len(data)
        elif self.received == before and self.stage is _BODY:
            self._count_silence(len(data))
        else:
            self._silent = 0

    def eof(self) -> None:
        """Take the end of the connection: DONE if it is the end of the answer too, else a fault."""
        if self._is_open_ended and self._close_ends:
            self.stage = _DONE
            self.reusable = False
        elif self.stage is not _DONE:
            self._refuse(f"closed after {self.received} bytes of the body" if self.stage is _BODY else "closed")

    @property
    def _is_open_ended(self) -> bool:
        """Is there a body whose end nothing says but the end of the connection?"""
        return self.stage is _BODY and self._length is None and self._coding is None and self._left == _NOT_OURS

    def mute(self) -> None:
        """Give no more to the sink."""
        self._sink = _NOBODY

    def close(self) -> None:
        """Break the reference cycle: the parser holds bound methods of this reader."""
        self._parser = None
        self._sink = _NOBODY

    # Answers with a simple head.

    def _begin_body(self, head: ResponseHead, data: bytes, end: int) -> None:
        self._left = head.content_length or 0
        self.reusable = True
        self.stage = _BODY
        self._sink.on_head(head)
        if len(data) > end or not self._left:
            self._feed_body(data[end:])

    def _feed_body(self, data: bytes) -> None:
        """Take a part of a body whose length is known."""
        left = self._left - len(data)
        if left < 0:
            self.reusable = False  # There is more than was announced.
            data, left = data[: self._left], 0
        self._left = left
        self.received += len(data)
        if data and self.stage is _BODY:
            self._sink.on_data(data)
        if not left and self.stage is _BODY:
            self.stage = _DONE
            self._sink = _NOBODY  # An idle connection keeps nothing of its last answer alive.

    # All others.

    def _feed_edge(self, parser: httptools.HttpResponseParser, data: bytes) -> None:
        """Feed up to the limit first: has the head ended by then?"""
        parser.feed_data(data[: self._head_left])
        if self.stage is _HEAD:
            self._refuse(f"the head is over {self._max_head} bytes")
        else:
            data, self._head_left = data[self._head_left :], 0
            self.feed(data)

    def _count_silence(self, size: int) -> None:
        """Count what came without any content: chunk sizes and extensions, trailers."""
        self._silent += size
        if self._silent > self._max_head:
            self._refuse(f"over {self._max_head} bytes of chunk extensions or trailers")

    def _refuse(self, fault: str) -> None:
        self.reusable = False
        if self.stage is not _DONE:  # After the end, what follows spoils the connection but not the answer.
            self.fault = self.fault or fault
            self.stage = _FAULT
        self._sink = _NOBODY

    # Called by llhttp.

    def on_message_begin(self) -> None:
        if self.stage is not _HEAD:
            self._refuse("data after the answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.stage is not _HEAD:
            return
        name = name.lower()
        value = value.rstrip(b" \t")
        self._headers.append((name, value))
        if name == b"content-length":
            self._length = value  # llhttp refuses a second one, and what isn't digits.
        elif name == b"transfer-encoding":
            self._coding = value if self._coding is None else b"repeated"

    def on_headers_complete(self) -> None:
        parser = self._parser
        if self.stage is not _HEAD or parser is None:
            return
        status = parser.get_status_code()
        headers = self._headers
        fault = self._judge(status, parser.get_http_version())
        if fault or status < _OK:
            if fault:
                self._refuse(fault)
            return
        keep = parser.should_keep_alive()
        length = None if self._length is None else int(self._length)
        bodiless = self._mute or status in _BODILESS
        # llhttp can't be told of HEAD and would take the next answer for a body; late content of a 204 would be taken
        # for an answer. A connection more is cheap.
        self.reusable = keep and not (bodiless and (length or self._coding or self._mute))
        self.stage = _BODY
        self._sink.on_head(ResponseHead(status, headers, length, chunked=self._coding is not None, keep_alive=keep))
        if self._mute and self.stage is _BODY:
            self.stage = _DONE
            self._sink = _NOBODY

    def _judge(self, status: int, version: str) -> str:
        if version not in {"1.1", "1.0"}:
            return f"version {version}"
        if status == _SWITCHING or not 100 <= status <= _LAST_STATUS:  # noqa: PLR2004 - the first status
            return f"status {status}"
        if len(self._headers) > self._max_headers:
            return f"over {self._max_headers} headers"
        if self._coding is not None and (self._coding.lower() != b"chunked" or version != "1.1"):
            return f"transfer-encoding {self._coding.decode('latin-1')!r}"
        return ""

    def on_body(self, body: bytes) -> None:
        if self.stage is _BODY:
            self.received += len(body)
            self._sink.on_data(body)

    def on_message_complete(self) -> None:
        if self.stage is _BODY:
            self.stage = _DONE
            self._sink = _NOBODY  # An idle connection keeps nothing of its last answer alive.
        elif self.stage is _HEAD:  # A 1xx answer; the final one follows.
            self._headers = []
            self._length = self._coding = None
