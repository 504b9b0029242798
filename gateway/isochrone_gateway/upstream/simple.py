"""The simple heads that nearly all whole answers have: 200, a content-length, and nothing unusual.

It reads fewer heads than llhttp, never more: each line must be a field line of RFC 9112 section 5 without a fold, and
no field may say anything about framing but one content-length. Answers of one server repeat their lines, so what a
line says is remembered.
"""

import re
from typing import Any, Final

from isochrone_gateway.wire.http import Headers, ResponseHead

_START: Final = b"HTTP/1.1 200 OK\r\n"
_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_FRAMING: Final = frozenset({b"connection", b"keep-alive", b"trailer", b"transfer-encoding", b"upgrade"})
_KEPT_OPEN: Final = b"keep-alive"
_LENGTH: Final = b"content-length"
_LENGTH_DIGITS: Final = 18
_REMEMBERED: Final = 1_024
_LONGEST: Final = 128

_known: Final[dict[bytes, Any]] = {}
"""Lines that were read before. They mean the same whoever sends them, so all connections share them."""


def simple_head(data: bytes, max_head: int, max_headers: int) -> tuple[ResponseHead, int] | None:
    """The head that these bytes begin with and where it ends; None if it isn't simple, or isn't all there."""
    if not data.startswith(_START):
        return None
    end = data.find(b"\r\n\r\n", len(_START))
    if not 0 < end <= max_head - 4:
        return None
    headers: Headers = []
    length = -1
    for line in data[len(_START) : end].split(b"\r\n"):
        field: Any = _known.get(line) or _read(line)  # Any: compiled code would take each tuple apart and make it anew.
        if field is None:
            return None
        if field[0] == _LENGTH:
            if length >= 0:
                return None
            length = int(field[1])
        headers.append(field)
    if length < 0 or len(headers) > max_headers:
        return None
    return ResponseHead(200, headers, length, chunked=False, keep_alive=True), end + 4


def _read(line: bytes) -> tuple[bytes, bytes] | None:
    found = _LINE.fullmatch(line)
    if found is None:
        return None
    name, value = found[1].lower(), found[2].rstrip(b" \t")
    if name in _FRAMING and not (name == b"connection" and value.lower() == _KEPT_OPEN):
        return None
    if name == _LENGTH and (not value.isdigit() or len(value) > _LENGTH_DIGITS):
        return None
    if len(line) <= _LONGEST:
        if len(_known) >= _REMEMBERED:
            _known.clear()
        _known[line] = (name, value)
    return name, value
