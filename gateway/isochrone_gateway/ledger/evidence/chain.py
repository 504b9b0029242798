"""Records as lines, each with a hash over itself and the hash before it. Sans I/O: feed records, get bytes."""

import hashlib
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.ledger.evidence.lines import Line

MOST: Final = 64 * 1024
"""Bytes of a line with its end."""
_MARK: Final = b',"hash":"'
_TAIL: Final = len(_MARK) + 64 + len(b'"}\n')
_ENCODE: Final = msgspec.json.Encoder().encode


class Head(NamedTuple):
    """How far a chain goes."""

    lines: int
    digest: bytes
    """The hash of the last one."""


START: Final = Head(0, bytes(32))


class TooLongError(ValueError):
    """A record doesn't fit into a line."""


def link(head: Head, record: Line) -> tuple[bytes, Head]:
    """The line that comes next, and the head after it. Raises TooLongError."""
    body = b'{"n":%d,%b' % (head.lines, _ENCODE(record)[1:-1])
    if len(body) + _TAIL > MOST:
        raise TooLongError(f"a line of {len(body) + _TAIL} bytes; at most {MOST} are allowed")
    digest = hashlib.sha256(head.digest + body)
    line = b'%b%b%b"}\n' % (body, _MARK, digest.hexdigest().encode())
    return line, Head(head.lines + 1, digest.digest())


class _Last(msgspec.Struct):
    n: int
    kind: str
    hash: str


def head_of(line: bytes) -> tuple[Head, str]:
    """The head after a line that was written, and its kind. Raises ValueError if it isn't a line of a chain."""
    try:
        last = msgspec.json.decode(line, type=_Last)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"no line of a chain: {error}") from error
    return Head(last.n + 1, bytes.fromhex(last.hash)), last.kind
