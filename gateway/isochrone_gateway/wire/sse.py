"""Event streams as bytes: cut into whole frames, never inside one.

A frame is everything up to and with the blank line that ends an event; lines end in LF, CRLF or CR
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). Frames are kept as they were
received, comments included, and are the same however the stream was cut on its way. Only where a stream ends its lines
in bare CRs does that cost anything: the last CR of a frame waits for the next byte, since an LF would belong to it.
"""

import re
from typing import Final

MAX_FRAME: Final = 8 * 1024 * 1024
"""A frame may carry an image; one that is longer is no frame."""

DONE: Final = b"data: [DONE]\n\n"

_BLANK_LINE: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r(?!\Z))")
_LONGEST_START: Final = 3  # what may already be there of a blank line: CR LF CR
_BOM: Final = b"\xef\xbb\xbf"


class FrameSplitter:
    """Takes a stream as it comes and gives its complete frames.

    What is longer than `max_frame` without ending sets `is_too_long`, after which nothing more is given.
    """

    __slots__ = ("_max_frame", "_searched", "is_too_long", "pending")

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self.pending = bytearray()
        self.is_too_long = False
        self._max_frame = max_frame
        self._searched = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The frames that these bytes complete."""
        if self.pending or b"\r" in data or self.is_too_long:
            return self._feed_any(data)
        if data.find(b"\n\n") == len(data) - 2 and len(data) > 1:
            frames = [data]
        else:
            parts = data.split(b"\n\n")
            self.pending += parts.pop()
            frames = [part + b"\n\n" for part in parts]
        if len(data) > self._max_frame:
            return self._within_bounds(frames)
        return frames

    def finish(self) -> list[bytes]:
        """The last frame, if the stream's end completes it. What remains in `pending` is cut off, and no event."""
        if not self.pending.endswith((b"\r\r", b"\n\r")):
            return []
        frame = bytes(self.pending)
        self.pending.clear()
        return [frame]

    def _feed_any(self, data: bytes) -> list[bytes]:
        frames: list[bytes] = []
        if self.is_too_long:
            return frames
        pending = self.pending
        pending += data
        start, at = 0, max(0, self._searched - _LONGEST_START)
        while (found := _BLANK_LINE.search(pending, at)) is not None:
            at = found.end()
            frames.append(bytes(pending[start:at]))
            start = at
        del pending[:start]
        self._searched = len(pending)
        return self._within_bounds(frames)

    def _within_bounds(self, frames: list[bytes]) -> list[bytes]:
        for index, frame in enumerate(frames):
            if len(frame) > self._max_frame:
                self.is_too_long = True
                return frames[:index]
        self.is_too_long = len(self.pending) > self._max_frame
        return frames


def data_of(frame: bytes) -> bytes:
    """The data of a frame: its `data:` lines joined; empty if it has none, as comments and pings."""
    if frame.startswith(b"data: ") and frame.find(b"\n") == len(frame) - 2 and b"\r" not in frame:
        return frame[6:-2]
    lines = frame.removeprefix(_BOM).splitlines()
    return b"\n".join([line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")])


def frame_of(data: bytes) -> bytes:
    """A frame that carries one line of data."""
    return b"data: %b\n\n" % data
