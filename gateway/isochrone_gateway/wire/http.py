"""HTTP/1.1 message heads as both sides of the gateway see them.

Names are lower-case and values are stripped of white space, both as bytes: a request that is only passed on is never
decoded to text. Fields live in a dict because nearly every use is a look-up by name; repeated fields were combined
(RFC 9110 section 5.3) or refused before a head is made, so that one name has one value and nobody has to choose.
"""

import http
from typing import Any, Final

Headers = list[tuple[bytes, bytes]]
Fields = dict[bytes, bytes]

STATUS_LINES: Final[dict[int, bytes]] = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode("ascii")) for status in http.HTTPStatus
}
"""The first line of an answer for every registered status."""


def status_line(status: int) -> bytes:
    """Give the first line of an answer; an unregistered status gets an empty reason phrase (RFC 9112 section 4)."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status


class RequestHead:
    """A complete and checked request head, but for its length: requests that are alike share one.

    `target` is as sent, `path` and `query` are its parts (for the absolute form: those after the authority). `kept` is
    for a handler to keep there what it made of the head.
    """

    __slots__ = ("chunked", "expect_continue", "fields", "keep_alive", "kept", "method", "path", "query", "target")

    def __init__(  # noqa: PLR0913 - the parts of a head
        self,
        *,
        method: bytes,
        target: bytes,
        path: bytes,
        query: bytes,
        fields: Fields,
        keep_alive: bool,
        chunked: bool,
        expect_continue: bool,
    ) -> None:
        self.method = method
        self.target = target
        self.path = path
        self.query = query
        self.fields = fields
        self.keep_alive = keep_alive
        self.chunked = chunked
        self.expect_continue = expect_continue
        self.kept: Any = None

    def get(self, name: bytes) -> bytes | None:
        return self.fields.get(name)

    @property
    def headers(self) -> Headers:
        """The fields in the order of their first appearance."""
        return list(self.fields.items())


class ResponseHead:
    """A complete response head from an upstream; `headers` keeps repeated fields apart (`set-cookie`)."""

    __slots__ = ("chunked", "content_length", "headers", "keep_alive", "status")

    def __init__(
        self, status: int, headers: Headers, content_length: int | None, *, chunked: bool, keep_alive: bool
    ) -> None:
        self.status = status
        self.headers = headers
        self.content_length = content_length
        self.chunked = chunked
        self.keep_alive = keep_alive

    def get(self, name: bytes) -> bytes | None:
        """Give the first value of a field."""
        for field, value in self.headers:
            if field == name:
                return value
        return None
