"""The end of an answer that passes by unread: its usage stands there.

Whoever only hands an answer on needs neither all of it nor each frame. Of a stream the last frames are enough, since
usage comes last and is cumulative (see `wire.usage`); a whole answer must be had whole.
"""

import collections
from typing import Final

from isochrone_gateway.wire import usage as usages
from isochrone_gateway.wire.schema import Usage
from isochrone_gateway.wire.sse import data_of

STREAM: Final = 16 * 1024
"""Bytes of a stream's end that are looked at."""
WHOLE: Final = 1024 * 1024
"""Longer answers are not read; only the gateway that the client asked knows their usage."""

_USAGE: Final = b'"usage"'


class Tail:
    """Keeps the last pieces, at least so many bytes of them, without copying any."""

    __slots__ = ("_most", "_pieces", "_size", "frames", "is_whole")

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: collections.deque[bytes] = collections.deque()
        self._size = 0
        self.frames = 0
        """How many frames of a stream have ended."""
        self.is_whole = True
        """Whether nothing was dropped yet."""

    def feed(self, data: bytes) -> None:
        pieces = self._pieces
        pieces.append(data)
        self._size += len(data)
        self.frames += data.count(b"\n\n") or data.count(b"\r\n\r\n")
        while self._size - len(pieces[0]) >= self._most:
            self._size -= len(pieces.popleft())
            self.is_whole = False

    def usage_of_whole(self) -> Usage | None:
        """What a whole answer says of its usage, if it was kept."""
        return usages.of_answer(b"".join(self._pieces)) if self.is_whole else None

    def usage_of_stream(self) -> Usage | None:
        """What the last frames of a stream say; if they say nothing, each frame counts as a token."""
        for line in reversed(b"".join(self._pieces).splitlines()):
            if _USAGE in line and (found := usages.of_answer(data_of(line))) is not None:
                return found
        return Usage(0, self.frames) if self.frames else None
