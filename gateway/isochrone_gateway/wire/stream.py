"""Relaying a streamed answer: bytes through, as whole frames, and the few that mean something to us.

    Holding --first content--> Streaming --[DONE]--> Done
       |                           |
       +--error, cut off--> Refused +--error, cut off--> Broken

* **Holding.** Nothing has gone to the client, so another backend may still be tried. A first frame that is an error, or
  an end without content, is a failure like any other. At most 64 frames or 256 KiB are held.
* **Streaming.** The client has read a part, so there is no way back. A stream that dies ends in an error frame, on
  which SDKs raise; never in an invented `finish_reason` or `[DONE]`, which would pass off a part as the whole.

* **Same again.** One frame of a stream is like the next but for its text. A frame that begins and ends as one that was
  looked at before, with no quote in between, says nothing new, so it isn't searched.

Usage: for metering the gateway asks every stream for its usage. If the client did not ask, what that adds is taken out
again: the chunk with usage and no choices, and `"usage":null` on the others, which OpenAI adds to every chunk. Usage on
a chunk with choices (xAI, some vLLM settings) is read and stays: clients ignore it, and the chunk is theirs.
"""

import enum
import re
from typing import Final

import msgspec

from isochrone_gateway.wire import usage as usages
from isochrone_gateway.wire.errors import ApiError, ErrorKind, body
from isochrone_gateway.wire.schema import Chunk, Usage
from isochrone_gateway.wire.sse import DONE, FrameSplitter, data_of, frame_of

MAX_HELD_FRAMES: Final = 64
MAX_HELD_BYTES: Final = 256 * 1024

_FRAME_ENDS: Final = (b"\n\n", b"\r\n\r\n")
_ERROR: Final = b'"error"'
_DONE: Final = b"[DONE]"
_USAGE: Final = b'"usage":'
_USAGE_OBJECTS: Final = (b'"usage":{', b'"usage": {')
_USAGE_NULLS: Final = (b',"usage":null', b', "usage": null')
_TEXT: Final = re.compile(rb'"(?:content|text)": ?"')
_TRIES: Final = 4
"""How many frames are looked at to know the others by."""
_EMPTY: Final = frozenset({b"null", b'""', b"[]", b"{}"})


class State(enum.Enum):
    """Where a stream stands."""

    HOLDING = "Holding"
    STREAMING = "Streaming"
    DONE = "Done"
    REFUSED = "Refused"
    BROKEN = "Broken"


_STREAMING: Final = State.STREAMING  # Looking a member up on its class costs more than the comparison.


class Fault(enum.Enum):
    """Why a stream failed."""

    ERROR_FRAME = "ErrorFrame"
    CUT_OFF = "CutOff"
    FRAME_TOO_LONG = "FrameTooLong"
    UPSTREAM_FAILED = "UpstreamFailed"


_decode: Final = msgspec.json.Decoder(Chunk, strict=False).decode


class SameFrame:
    """Knows a frame by all of it but the text of its choice."""

    __slots__ = ("_after", "_before", "_least")

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before = before
        self._after = after
        self._least = len(before) + len(after)

    def is_like(self, data: bytes) -> bool:
        """Whether these bytes are one such frame. Without a quote or a line's end in between, the text goes on."""
        size, start = len(data), len(self._before)
        return (
            size >= self._least
            and data.startswith(self._before)
            and data.endswith(self._after)
            and data.find(b'"', start, size - len(self._after)) < 0
            and data.find(b"\n", start) == size - 2
            and data.find(b"\r", start) < 0
        )


def same_frame(data: bytes) -> SameFrame | None:
    """What other frames may be known by, if this is one frame with a text."""
    found = _TEXT.search(data)
    if found is None or data.find(b"\n") != len(data) - 2 or b"\r" in data:
        return None
    start = found.end()
    end = data.find(b'"', start)
    return None if end < 0 or b"\\" in data[start:end] else SameFrame(data[:start], data[end:])


class StreamRelay:
    """One streamed answer. `feed` and `end` give the bytes to send on, which are always whole frames."""

    __slots__ = (
        "_held",
        "_held_bytes",
        "_pending",
        "_same",
        "_splitter",
        "_strips_usage",
        "_tries",
        "error_data",
        "fault",
        "frames",
        "state",
        "usage",
    )

    def __init__(self, *, strips_usage: bool) -> None:
        self.state = State.HOLDING
        self.fault: Fault | None = None
        self.error_data = b""
        """The JSON of the upstream's error frame."""
        self.usage: Usage | None = None
        self.frames = 0
        """How many frames were sent on: what is known of a stream that ends before its usage."""
        self._strips_usage = strips_usage
        self._splitter = FrameSplitter()
        self._pending = self._splitter.pending
        self._held: list[bytes] = []
        self._held_bytes = 0
        self._same: SameFrame | None = None
        self._tries = 0

    def feed(self, data: bytes) -> bytes:
        """Take what the upstream sent; give what goes to the client now."""
        if self._same is not None and self.state is _STREAMING and not self._pending and self._same.is_like(data):
            self.frames += 1
            return data
        if (
            self.state is not _STREAMING
            or not data.endswith(_FRAME_ENDS)
            or self._pending
            or _ERROR in data
            or _DONE in data
        ):
            return self._feed_frames(data)
        if _USAGE in data:
            data = self._without_null(data)
            if _USAGE_OBJECTS[0] in data or _USAGE_OBJECTS[1] in data:
                return self._feed_frames(data)
        elif self._tries < _TRIES:
            self._tries += 1
            self._same = same_frame(data)
        self.frames += data.count(b"\n\n") or data.count(b"\r\n\r\n")
        return data

    def end(self) -> bytes:
        """The upstream ended the answer."""
        if self.state not in (State.HOLDING, State.STREAMING):
            return b""
        sent = b"".join([self._frame(frame) for frame in self._splitter.finish()])
        if self._is_open and data_of(bytes(self._pending)).startswith(_DONE):
            return sent + self._frame(DONE)
        return sent + self.fail(Fault.CUT_OFF)

    def fail(self, fault: Fault, error: ApiError | None = None) -> bytes:
        """The upstream failed. Before the first content this is silent, and the caller may try another one."""
        if not self._is_open:
            return b""
        self.fault = fault
        if self.state is State.HOLDING:
            self.state = State.REFUSED
            return b""
        self.state = State.BROKEN
        return frame_of(body(error or _INTERRUPTED))

    @property
    def _is_open(self) -> bool:
        return self.state is State.STREAMING or self.state is State.HOLDING

    def _feed_frames(self, data: bytes) -> bytes:
        if not self._is_open:
            return b""
        sent = b"".join([self._frame(frame) for frame in self._splitter.feed(data)])
        if self._splitter.is_too_long:
            return sent + self.fail(Fault.FRAME_TOO_LONG)
        return sent

    def _frame(self, frame: bytes) -> bytes:
        """What is sent for one frame: itself, nothing, or what was held before it too."""
        if not self._is_open:
            return b""
        data = data_of(frame)
        if data.startswith(_DONE):
            self.state = State.DONE
            return self._released(frame)
        if self.state is State.STREAMING and not (_ERROR in data or _is_with_usage(data)):
            self.frames += 1
            return self._without_null(frame)
        return self._chunk(frame, _read(data) if data else None)

    def _chunk(self, frame: bytes, chunk: Chunk | None) -> bytes:
        if chunk is not None and bytes(chunk.error) != b"null":
            return self._error(frame)
        if chunk is not None and chunk.usage is not None:
            self.usage = usages.normalise(chunk.usage) or self.usage
            if self._strips_usage and not chunk.choices:
                return b""
        frame = self._without_null(frame)
        if self.state is State.STREAMING:
            self.frames += 1
            return frame
        return self._hold(frame, chunk)

    def _hold(self, frame: bytes, chunk: Chunk | None) -> bytes:
        self._held_bytes += len(frame)
        is_full = len(self._held) + 1 >= MAX_HELD_FRAMES or self._held_bytes >= MAX_HELD_BYTES
        if is_full or (data_of(frame) and _has_content(chunk)):
            self.state = State.STREAMING
            return self._released(frame)
        self._held.append(frame)
        return b""

    def _released(self, frame: bytes) -> bytes:
        """The held frames and this one."""
        held = self._held
        self.frames += len(held) + 1
        self._held = []
        return b"".join([*held, frame]) if held else frame

    def _error(self, frame: bytes) -> bytes:
        self.error_data = data_of(frame)
        self.fault = Fault.ERROR_FRAME
        if self.state is State.HOLDING:
            self.state = State.REFUSED
            return b""
        self.state = State.BROKEN
        return frame

    def _without_null(self, data: bytes) -> bytes:
        """Without `"usage":null`, in the two ways it is written.

        Inside a JSON string the quotes would be escaped, so what matches is a key of an object and never its first.
        """
        if self._strips_usage and _USAGE in data:
            for null in _USAGE_NULLS:
                data = data.replace(null, b"")
        return data


_INTERRUPTED: Final = ApiError(kind=ErrorKind.STREAM_INTERRUPTED)


def _is_with_usage(data: bytes) -> bool:
    return _USAGE_OBJECTS[0] in data or _USAGE_OBJECTS[1] in data


def _read(data: bytes) -> Chunk | None:
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _has_content(chunk: Chunk | None) -> bool:
    """Whether a frame with data carries a part of the answer. What we can't read isn't ours to hold back."""
    if chunk is None or chunk.choices is None:
        return True
    return any(
        choice.finish_reason
        or choice.text
        or any(key != "role" and bytes(value) not in _EMPTY for key, value in (choice.delta or {}).items())
        for choice in chunk.choices
    )
