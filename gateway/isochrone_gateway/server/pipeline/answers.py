"""The bytes of heads and errors to the client."""

from typing import Final

from isochrone_gateway.wire import errors
from isochrone_gateway.wire.errors import ApiError
from isochrone_gateway.wire.http import ResponseHead, status_line

JSON: Final = b"application/json"
EVENTS: Final = b"text/event-stream"
_OK_JSON: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
_KEPT: Final = {
    b"content-type": b"content-type",
    b"content-encoding": b"content-encoding",
    b"retry-after": b"retry-after",
    b"retry-after-ms": b"retry-after-ms",
    b"openai-processing-ms": b"openai-processing-ms",
    b"openai-version": b"openai-version",
    b"x-request-id": b"x-upstream-request-id",
}
"""What goes on of a backend's head, and under which name. Nothing that it says in our name (`x-isochrone-*`) does."""
_STREAM: Final = b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"
_OK: Final = 200


def relayed(head: ResponseHead) -> tuple[bytes, bytes]:
    """The first lines of a relayed answer, and its content type."""
    lines = []
    kind = b""
    for name, value in head.headers:
        kept = _KEPT.get(name)
        if kept is None:
            continue
        if kept == b"content-type":
            kind = value
            continue
        lines.append(b"%b: %b\r\n" % (kept, value))
    if not lines and kind == JSON and head.status == _OK:
        return _OK_JSON, kind
    return b"%bcontent-type: %b\r\n%b" % (status_line(head.status), kind or JSON, b"".join(lines)), kind


def stream_lines() -> bytes:
    """What tells proxies on the way not to hold frames back."""
    return _STREAM


def refusal(error: ApiError, lines: bytes) -> tuple[bytes, bytes]:
    """Head and body of an error; `lines` are common to all answers."""
    answer = errors.answer(error)
    head = b"".join([b"%b: %b\r\n" % header for header in answer.headers])
    return status_line(answer.status) + head + lines, answer.body
