"""Bytes of one chunked request body to its content (RFC 9112 section 7.1), bounded in every part.

Why not llhttp's: it gives no sign while a chunk extension grows, reports trailers as if they were headers, and can't
be stopped at the end of a message. Sizes are announced, so nothing here looks at single bytes: finding line ends and
cutting are C.
"""

import re
from collections.abc import Callable
from typing import Final

from isochrone_gateway.server import refusals
from isochrone_gateway.server.limits import Limits
from isochrone_gateway.server.refusals import Refusal

# Extensions are dropped, so their inner grammar is not checked: only that they are one line of visible text.
# BWS before the semicolon must be understood (RFC 9112 section 7.1.1), any other white space must not be.
_SIZE_LINE: Final = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER_LINE: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_FREE_PER_CHUNK: Final = 16


class ChunkedBody:
    """Feed it until `over` or `refusal`; after `over`, `rest` is what follows the body."""

    __slots__ = ("_data_left", "_excess", "_limits", "_line", "_read", "_total", "_trailers", "over", "refusal", "rest")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._line = b""
        # A plain function, not a bound method: that would be a reference cycle.
        self._read: Callable[[ChunkedBody, bytes, int, list[bytes]], int] = ChunkedBody._read_size
        self._data_left = 0
        self._total = 0
        self._excess = 0
        self._trailers = 0
        self.over = False
        self.refusal: Refusal | None = None
        self.rest = b""

    def feed(self, data: bytes) -> bytes:
        """Give the content in `data`. What precedes a refusal is not given: the message as a whole is refused."""
        pieces: list[bytes] = []
        if self._line:
            data, self._line = self._line + data, b""
        at = 0
        while not self.over and at < len(data):
            after = self._read(self, data, at, pieces)
            if self.refusal is not None:
                return b""
            if after < 0:
                self._line = data[at:]
                return b"".join(pieces)
            at = after
        if self.over:
            self.rest = data[at:]
        return b"".join(pieces)

    def _find_line(self, data: bytes, at: int, *, limit: int, too_long: Refusal) -> int:
        """Find the end of the line at `at`, or give -1 if it hasn't come yet. A line longer than `limit` is refused."""
        end = data.find(b"\r\n", at, at + limit + 2)
        if end >= 0:
            return end
        if data.find(b"\n", at, at + limit + 2) >= 0:
            self.refusal = refusals.BARE_LINE_FEED
        elif len(data) - at > limit + 1:
            self.refusal = too_long
        return -1

    def _read_size(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        end = self._find_line(data, at, limit=self._limits.chunk_line, too_long=refusals.CHUNK_OVERHEAD)
        if end < 0:
            return -1
        line = _SIZE_LINE.fullmatch(data, at, end)
        if line is None:
            self.refusal = _malformed(data[at:end], refusals.BAD_CHUNK)
            return -1
        size = int(line[1], 16)
        self._total += size
        self._excess = max(0, self._excess + end - at - _FREE_PER_CHUNK - size)
        if self._total > self._limits.body:
            self.refusal = refusals.BODY_TOO_LARGE
        elif self._excess > self._limits.chunk_overhead:
            self.refusal = refusals.CHUNK_OVERHEAD
        self._data_left = size
        self._read = ChunkedBody._read_data if size else ChunkedBody._read_trailer
        return end + 2

    def _read_data(self, data: bytes, at: int, pieces: list[bytes]) -> int:
        end = at + self._data_left
        if end <= len(data):
            pieces.append(data[at:end])
            self._read = ChunkedBody._read_data_end
            return end
        pieces.append(data[at:])
        self._data_left = end - len(data)
        return len(data)

    def _read_data_end(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        end = data[at : at + 2]
        if end == b"\r\n":
            self._read = ChunkedBody._read_size
            return at + 2
        if end != b"\r":
            self.refusal = refusals.BAD_CHUNK
        return -1

    def _read_trailer(self, data: bytes, at: int, _pieces: list[bytes]) -> int:
        room = self._limits.trailers - self._trailers
        end = self._find_line(data, at, limit=room, too_long=refusals.TRAILERS_TOO_LARGE)
        if end == at:
            self._read = ChunkedBody._read_size
            self.over = True
            return at + 2
        if end < 0:
            return -1
        if _TRAILER_LINE.fullmatch(data, at, end) is None:
            self.refusal = _malformed(data[at:end], refusals.BAD_TRAILER)
        self._trailers += end - at + 2
        if self._trailers > self._limits.trailers:
            self.refusal = self.refusal or refusals.TRAILERS_TOO_LARGE
        return end + 2


def _malformed(line: bytes, refusal: Refusal) -> Refusal:
    """Give the same verdict as if the line had come byte by byte, when its bare LF is noticed first."""
    return refusals.BARE_LINE_FEED if b"\n" in line else refusal
