"""The bytes of heads and errors to the client."""

from typing import Final

from isochrone_gateway.wire import errors
from isochrone_gateway.wire.errors import ApiError
from isochrone_gateway.wire.http import ResponseHead, status_line

JSON: Final = b"application/json"
EVENTS: Final = b"text/event-stream"
OK_JSON: Final = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
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
STREAM: Final = b"cache-control: no-cache\r\nx-accel-buffering: no\r\n"
"""What tells proxies on the way not to hold frames back."""
_OK: Final = 200


def relayed(head: ResponseHead) -> bytes:
    """The first lines of a relayed answer."""
    kind = b""
    lines = b""
    for name, value in head.headers:
        kept = _KEPT.get(name)
        if kept == b"content-type":
            kind = value
        elif kept is not None:
            lines += b"%b: %b\r\n" % (kept, value)
    if not lines and kind == JSON and head.status == _OK:
        return OK_JSON
    return b"%bcontent-type: %b\r\n%b" % (status_line(head.status), kind or JSON, lines)


def handed_back(head: ResponseHead) -> bytes:
    """The first lines of an engine's answer to a peer. Names stay as they are: the peer's gateway sees to them."""
    kept = [b"%b: %b\r\n" % (name, value) for name, value in head.headers if name in _KEPT]
    return status_line(head.status) + b"".join(kept)


def refusal(error: ApiError, lines: bytes) -> tuple[bytes, bytes]:
    """Head and body of an error; `lines` are common to all answers."""
    answer = errors.answer(error)
    head = b"".join([b"%b: %b\r\n" % header for header in answer.headers])
    return status_line(answer.status) + head + lines, answer.body
