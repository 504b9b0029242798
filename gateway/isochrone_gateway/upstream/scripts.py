"""What a fake upstream can do, as data: steps, and scripts of them. One function for each way to answer or to fail."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final

from isochrone_gateway.wire.http import status_line


@dataclasses.dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes."""

    data: bytes


@dataclasses.dataclass(frozen=True, slots=True)
class Repeat:
    """Write these bytes so many times, as fast as the reader takes them."""

    data: bytes
    times: int


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing for a while."""

    seconds: float


@dataclasses.dataclass(frozen=True, slots=True)
class Hang:
    """Do nothing for ever."""


@dataclasses.dataclass(frozen=True, slots=True)
class Close:
    """Close when all is written."""


@dataclasses.dataclass(frozen=True, slots=True)
class Reset:
    """Close at once; what isn't written is lost."""


Step = Send | Repeat | Wait | Hang | Close | Reset


@dataclasses.dataclass(frozen=True, slots=True)
class Script:
    """The answer to one request."""

    steps: tuple[Step, ...]


_JSON: Final = b"content-type: application/json\r\n"
_EVENTS: Final = b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_LAST: Final = b"0\r\n\r\n"


def whole(body: bytes, *, status: int = 200, headers: bytes = _JSON) -> bytes:
    """Give the bytes of an answer with `content-length`; `headers` are lines with CRLF."""
    return b"%b%bcontent-length: %d\r\n\r\n%b" % (status_line(status), headers, len(body), body)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def frame(data: bytes) -> bytes:
    """Give an event-stream frame, as a chunk."""
    return chunk(b"data: %b\n\n" % data)


def answer(body: bytes, *, status: int = 200, headers: bytes = _JSON) -> Script:
    return Script((Send(whole(body, status=status, headers=headers)),))


def answer_bytes(count: int) -> Script:
    """Answer with a JSON string of so many bytes, quotes included."""
    return answer(b'"%b"' % (b"x" * (count - 2)))


def stream(frames: Sequence[bytes], *, gap: float = 0.0, done: bool = True) -> Script:
    """Stream frames with pauses of `gap` seconds, then `[DONE]` and the end. The head goes with the first frame."""
    pieces = [frame(data) for data in frames]
    if done:
        pieces.append(frame(b"[DONE]"))
    pieces[0] = status_line(200) + _EVENTS + pieces[0]
    pieces[-1] += _LAST
    return Script(tuple(_spaced(pieces, gap)))


def error_first(error: bytes) -> Script:
    """A 200 whose first frame is an error: what several engines do when the prompt is at fault."""
    return stream([b'{"error":%b}' % error])


def die_mid_frame(frames: Sequence[bytes], *, reset: bool = False) -> Script:
    """Stream, then end inside a frame."""
    data = status_line(200) + _EVENTS + b"".join(map(frame, frames)) + b'2000\r\ndata: {"choices":[{"del'
    # A short wait, or the reset would overtake the bytes.
    return Script((Send(data), Wait(0.05), Reset()) if reset else (Send(data), Close()))


def hang() -> Script:
    """Read the request, and never answer."""
    return Script((Hang(),))


def hang_mid_stream(frames: Sequence[bytes]) -> Script:
    return Script((Send(status_line(200) + _EVENTS + b"".join(map(frame, frames))), Hang()))


def slow_head(seconds: float, body: bytes) -> Script:
    """Begin to answer at once, and take so long for the rest of the head."""
    data = whole(body)
    return Script((Send(data[:20]), Wait(seconds), Send(data[20:])))


def rate_limited(retry_after: int) -> Script:
    error = b'{"error":{"message":"slow down","type":"rate_limit_error","param":null,"code":"rate_limit_exceeded"}}'
    return answer(error, status=429, headers=_JSON + b"retry-after: %d\r\n" % retry_after)


def server_error(status: int = 500) -> Script:
    return answer(b'{"error":{"message":"oops","type":"server_error","param":null,"code":null}}', status=status)


def close_delimited(body: bytes) -> Script:
    """An answer without a length: it ends with the connection."""
    return Script((Send(status_line(200) + b"\r\n" + body), Close()))


def short_body(body: bytes, *, missing: int) -> Script:
    """Announce more than comes."""
    head = status_line(200) + b"content-length: %d\r\n\r\n" % (len(body) + missing)
    return Script((Send(head + body), Close()))


def raw(*pieces: bytes, gap: float = 0.0) -> Script:
    """Write whatever this is: bad framing, an answer in single bytes, two answers."""
    return Script(tuple(_spaced(pieces, gap)))


def reset_at_once() -> Script:
    """Take the request and reset the connection."""
    return Script((Reset(),))


def then_close(script: Script) -> Script:
    """Close after the answer without saying so in its head: what makes kept connections stale."""
    return Script((*script.steps, Close()))


def _spaced(pieces: Iterable[bytes], gap: float) -> Iterable[Step]:
    for index, piece in enumerate(pieces):
        if index and gap:
            yield Wait(gap)
        yield Send(piece)
