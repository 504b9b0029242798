"""The top level of a JSON object: where each value lies, without decoding the values.

A body is passed on as the client wrote it; we read a few keys and change fewer. `msgspec.Raw` gives the value of each
key as a view on the body. What it doesn't give is a refusal of keys that occur twice (it keeps the last silently,
other parsers the first), and where a value lies. Both follow from lengths:

* If the keys, the values, and the least punctuation that joins them add up to the length of the body, then the body has
  no other member, no white space outside its values, and no escape in a key. This is how SDKs write. Offsets are sums.
* With one space after each colon and comma, as Python's json module writes, the members written anew equal the body.
* Otherwise the members are walked in order. At each one the next key and, byte for byte, its value must stand, since
  msgspec keeps the order of first occurrence and the value of the last. The first that doesn't is a duplicate.

All are exact, whatever is nested inside the values. NaN, Infinity, lone surrogates (RFC 8259, 8.2), a byte order mark
and anything after the object are refused by msgspec; UTF-8 inside values it leaves to us.
"""

import itertools
import re
import sys
from collections.abc import Mapping
from typing import Final

import msgspec

from isochrone_gateway.wire.errors import ApiError, ErrorKind

Piece = bytes | memoryview

MAX_DEPTH: Final = 1_000
_WHOLE_COPIES: Final = 16_384
"""Up to here copying a slice is cheaper than making a view."""

_decode: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text: Final = msgspec.json.Decoder(str).decode
_DEPTH_IS_OURS: Final = sys.version_info >= (3, 12)  # before, the interpreter's own limit of 1000 stops msgspec
_SPACE: Final = rb"[ \t\r\n]*"
_KEY: Final = re.compile(_SPACE + rb'"((?:[^"\\]++|\\.)*+)"' + _SPACE + b":" + _SPACE, re.DOTALL)
_AFTER: Final = re.compile(_SPACE + rb"([,}])")
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_STEPS: Final = bytes.maketrans(b"[{]}", b"\x01\x01\x00\x00")
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[{]}"))


_NO_KEYS: Final[frozenset[str]] = frozenset()


class Members:
    """A JSON object, read down to its first level.

    `gap` is how many spaces follow each colon and comma, if that is all there is between values; else `starts` says
    where each value begins. `escaped` are the keys that were written with escapes.
    """

    __slots__ = ("body", "escaped", "gap", "starts", "values")

    def __init__(
        self,
        body: bytes,
        values: dict[str, msgspec.Raw],
        gap: int = 0,
        *,
        starts: dict[str, int] | None = None,
        escaped: frozenset[str] = _NO_KEYS,
    ) -> None:
        self.body = body
        self.values = values
        self.gap = gap
        self.starts = starts
        self.escaped = escaped

    def start(self, key: str) -> int:
        """Where the value of a key begins."""
        if self.starts is not None:
            return self.starts[key]
        at = 1
        for name, value in self.values.items():
            at += len(name) + 3 + self.gap
            if name == key:
                return at
            at += len(value) + 1 + self.gap
        raise KeyError(key)

    def splice(self, changes: Mapping[str, bytes]) -> tuple[Piece, ...]:
        """The body with these values replaced or, where the key is absent, inserted at the front.

        All other bytes are the same, in the same order, and are not joined.
        """
        body, values = self.body, self.values
        source: Piece = body if len(body) <= _WHOLE_COPIES else memoryview(body)
        replaced = []
        added = []
        for key, value in changes.items():
            if key in values:
                start = self.start(key)
                replaced.append((start, start + len(values[key]), value))
            else:
                added.append(b'"%b":%b' % (key.encode(), value))
        pieces: list[Piece] = []
        at = 0
        if added:
            at = body.index(b"{") + 1
            pieces += (source[:at], b",".join(added) + (b"," if values else b""))
        for start, end, value in sorted(replaced) if len(replaced) > 1 else replaced:
            pieces += (source[at:start], value)
            at = end
        pieces.append(source[at:])
        return tuple(pieces)


def read_members(body: bytes) -> Members | ApiError:
    """The members of a JSON object, or why it is refused."""
    try:
        values = _decode(body)
        if not body.isascii():
            str(body, "utf-8")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _malformed(error)
    if _DEPTH_IS_OURS and is_too_deep(body):
        return _TOO_DEEP
    count = len(values)
    slack = len(body) - 4 * count - 1
    for key, value in values.items():
        slack -= len(key) + len(value)
    if slack == 0 and count:
        return Members(body, values)
    if slack == 2 * count - 1 and _spaced(values) == body:
        return Members(body, values, 1)
    return _walk(body, values)


def _spaced(values: dict[str, msgspec.Raw]) -> bytes:
    """How Python's json module writes these members, unless it has to escape a key."""
    return b"{%b}" % b", ".join([b'"%b": %b' % (key.encode(), value) for key, value in values.items()])


_TOO_DEEP: Final = ApiError(kind=ErrorKind.BAD_JSON, message="The body is nested too deeply.")


def _malformed(error: Exception) -> ApiError:
    match error:
        case RecursionError():
            return _TOO_DEEP
        case msgspec.ValidationError():
            return ApiError(kind=ErrorKind.BAD_JSON, message="The body must be a JSON object.")
        case _:
            return ApiError(kind=ErrorKind.BAD_JSON, message=f"The body is not valid JSON: {error}.")


def is_too_deep(body: bytes) -> bool:
    """Whether valid JSON is nested deeper than `MAX_DEPTH`."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", body).translate(_STEPS, _NOT_BRACKETS)
    depths = itertools.accumulate(1 if step else -1 for step in brackets)
    return any(depth > MAX_DEPTH for depth in depths)


def _walk(body: bytes, values: dict[str, msgspec.Raw]) -> Members | ApiError:
    starts: dict[str, int] = {}
    escaped: list[str] = []
    at = body.index(b"{") + 1
    for key, value in values.items():
        name, at, has_escapes = _key_at(body, at)
        after = _AFTER.match(body, at + len(value))
        if name != key.encode() or after is None or not body.startswith(memoryview(value), at):
            return _twice(name)
        starts[key] = at
        if has_escapes:
            escaped.append(key)
        at = after.end()
    if body[at - 1 : at] == b",":
        return _twice(_key_at(body, at)[0])
    return Members(body, values, starts=starts, escaped=frozenset(escaped))


def _key_at(body: bytes, at: int) -> tuple[bytes, int, bool]:
    """The key of the member that begins here, where its value begins, and whether the key has escapes."""
    found = _KEY.match(body, at)
    if found is None:
        raise AssertionError("there is a key here: msgspec has read it")
    name = found[1]
    if b"\\" in name:
        return _decode_text(b'"%b"' % name).encode(), found.end(), True
    return name, found.end(), False


def _twice(name: bytes) -> ApiError:
    key = name.decode()[:64]
    return ApiError(kind=ErrorKind.DUPLICATE_KEY, message=f"The key {key!r} occurs twice; send it once.", param=key)
