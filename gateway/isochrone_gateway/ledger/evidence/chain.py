"""Records as lines, each with a hash over itself and the hash before it. Sans I/O: feed records, get bytes."""

import binascii
import hashlib
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.ledger.evidence.lines import Intent, Last, Line, Sent

MOST: Final = 64 * 1024
"""Bytes of a line with its end."""
_MARK: Final = b',"hash":"'
_END: Final = b'"}\n'
_TAIL: Final = len(_MARK) + 64 + len(_END)
_ENCODE: Final = msgspec.json.Encoder().encode
_SHA256: Final = hashlib.sha256  # Looking these two up in their modules takes a tenth of a line's time.
_HEX: Final = binascii.hexlify
_EACH: Final = len(_ENCODE(Sent(at=0.0, id="", attempt=0))) - 1


class Head(NamedTuple):
    """How far a chain goes."""

    lines: int
    digest: bytes
    """The hash of the last one."""


START: Final = Head(0, bytes(32))


class TooLongError(ValueError):
    """A record doesn't fit into a line."""


def link(number: int, before: bytes, record: Line, rest: bytes = b"") -> tuple[bytes, bytes]:
    """The line with this number after the one with that hash, and its own hash. `rest` are further members.

    Raises TooLongError, or UnicodeEncodeError if a text in it is none.
    """
    body = b'{"n":%d,%b%b' % (number, _ENCODE(record)[1:-1], rest)
    if len(body) + _TAIL > MOST:
        raise TooLongError(f"a line of {len(body) + _TAIL} bytes; at most {MOST} are allowed")
    digest = _SHA256(before + body).digest()
    return b"%b%b%b%b" % (body, _MARK, _HEX(digest), _END), digest


def rest_of(record: Intent) -> bytes:
    """The members of an intent that others of its kind have, too: it is `Sent` with these."""
    return _ENCODE(msgspec.structs.replace(record, at=0.0, id="", attempt=0))[_EACH:-1]


def digest_of(line: bytes) -> bytes:
    """The hash of a line that was linked here."""
    return binascii.unhexlify(line[-64 - len(_END) : -len(_END)])


def head_of(line: bytes) -> tuple[Head, str]:
    """The head after a line that was written, and its kind. Raises ValueError if it isn't a line of a chain."""
    try:
        last = msgspec.json.decode(line, type=Last)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(f"no line of a chain: {error}") from error
    return Head(last.n + 1, bytes.fromhex(last.hash)), last.kind
