"""Bytes of one request head to a `RequestHead` or a `Refusal`.

llhttp reads (every byte in C), this module judges: what llhttp lets pass but a gateway must not (RFC 9112 section 11)
is refused here. It is always fed one complete head and nothing else. So its verdict can't depend on how the
bytes were cut into segments, its habit of skipping the body after an `Upgrade` has no body to skip, and it is thrown
away after each head, with no state or reference cycle left behind.

A client sends nearly the same head with each request of a connection: only the digits of its content-length differ.
Such a head is known by its bytes and isn't parsed again (`SameHead`).
"""

import re
from typing import Final

import httptools

from isochrone_gateway.server import refusals
from isochrone_gateway.server.limits import Limits
from isochrone_gateway.server.refusals import Refusal
from isochrone_gateway.wire.http import Fields, RequestHead

METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})

# Fields that someone acts on: two of them are two opinions (RFC 9110 section 5.3). Others are joined into a list.
SINGLE: Final = frozenset(
    b"""access-control-request-headers access-control-request-method api-key authorization content-encoding
    content-length content-range content-type date expect host idempotency-key max-forwards openai-organization
    openai-project origin proxy-authorization range referer traceparent transfer-encoding user-agent x-api-key
    x-goog-api-key x-request-id""".split()
)
OWN_PREFIX: Final = b"x-isochrone-"

_REQUEST_LINE: Final = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])\r\n")
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_TOKEN_START: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
# RFC 3986: path and query, unreserved / pct-encoded / sub-delims / ":" / "@"; no fragment.
_CHARS: Final = rb"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
_ORIGIN_FORM: Final = re.compile(rb"(/" + _CHARS + rb"*)(?:\?((?:" + _CHARS + rb"|\?)*))?")
_ABSOLUTE_FORM: Final = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#@]+)(.*)")
# RFC 3986 section 3.2.2 without userinfo; sub-delims in a registered name are left out, no host has them.
_HOST: Final = re.compile(
    rb"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,255}(?::[0-9]{0,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{0,5})?"
)
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)[ \t]*\r\n", re.IGNORECASE)
_CODINGS: Final = re.compile(rb"[ \t]*,[ \t]*")

_NONE_YET: Final[Refusal | None] = None
_LENGTH_DIGITS: Final = 19  # As much as 64 bits hold; also keeps int() far from its own limit.
_KNOWN_MAX: Final = 256
_KNOWN_LENGTH: Final = 256


def early_fault(buffer: bytearray, *, end: int, scanned: int, limits: Limits) -> Refusal | None:
    """Judge a head that is incomplete or long: what must not wait for more bytes, in the order of the bytes.

    `end` is the index of the final CRLFCRLF or -1; up to `scanned` the buffer was judged before.
    """
    size = len(buffer) if end < 0 else end + 4
    if buffer and buffer[0] not in _TOKEN_START:
        return refusals.BAD_REQUEST_LINE
    line_end = buffer.find(b"\r\n", 0, limits.request_line)
    seen = limits.head if line_end >= 0 else limits.request_line
    if _BARE_LF.search(buffer, scanned, min(size, seen)):
        return refusals.BARE_LINE_FEED
    if line_end < 0 and size > limits.request_line:
        return refusals.TARGET_TOO_LONG
    if size > limits.head:
        return refusals.HEAD_TOO_LARGE
    return None


class PartialHead:
    """Collects a head that didn't come in one piece. Feed it until it gives the head; `rest` is what follows."""

    __slots__ = ("_blank_skipped", "_data", "_limits", "_scanned", "rest")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._data = bytearray()
        self._scanned = 0
        self._blank_skipped = False
        self.rest = b""

    def __len__(self) -> int:
        return len(self._data)

    @property
    def is_begun(self) -> bool:
        """Has more than an empty line come?"""
        return len(self._data) > 0

    @property
    def is_head(self) -> bool:
        return self._data.startswith(b"HEAD ")

    def feed(self, data: bytes) -> bytes | Refusal | None:
        buffer = self._data
        buffer += data
        if not self._blank_skipped:  # One empty line is to be ignored (RFC 9112 section 2.2).
            if buffer == b"\r":
                return None
            if buffer.startswith(b"\r\n"):
                del buffer[:2]
                self._blank_skipped = True
        end = buffer.find(b"\r\n\r\n", max(0, self._scanned - 3))
        refusal = early_fault(buffer, end=end, scanned=self._scanned, limits=self._limits)
        if refusal is not None:
            return refusal
        self._scanned = len(buffer)
        if end < 0:
            return None
        self.rest = bytes(buffer[end + 4 :])
        return bytes(buffer[: end + 4])


class HeadParser:
    """Parses heads, one complete head a call; one instance serves all connections of a listener.

    `length` is the content-length of the head that was parsed last, or None.
    """

    __slots__ = ("_complete", "_fields", "_hosts", "_limits", "_lines", "_refusal", "_target", "_targets", "length")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._fields: Fields = {}
        self._target = b""
        self._lines = 0
        self._complete = False
        self._refusal: Refusal | None = None
        self.length: int | None = None
        # Few targets and hosts make up nearly all traffic: their validation is remembered, bounded.
        self._targets: dict[bytes, tuple[bytes, bytes]] = {}
        self._hosts: set[bytes] = set()

    def parse(self, raw: bytes) -> RequestHead | Refusal:
        """Judge a head; `raw` ends in its first CRLFCRLF and is within the limits on bytes."""
        fields = self._fields = {}
        self._target = b""
        self._lines = 0
        self._complete = False
        self._refusal = _NONE_YET
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(raw)
        except httptools.HttpParserUpgrade:
            pass  # The server never switches protocols: the request is taken as it is (RFC 9110 section 7.8).
        except httptools.HttpParserError:
            return self._diagnose(raw)
        method = parser.get_method()
        # llhttp also takes several spaces, other protocols' names, and no version at all.
        if not raw.startswith(b"%b %b HTTP/1.1\r\n" % (method, self._target)) or not self._complete:
            return self._diagnose(raw)
        if method not in METHODS:
            return refusals.UNKNOWN_METHOD
        if self._refusal is not None:
            return self._refusal
        if self._lines + len(fields) > self._limits.headers:
            return refusals.TOO_MANY_HEADERS
        return self._judge(method, fields)

    def same(self, raw: bytes, head: RequestHead) -> "SameHead | None":
        """What the next head is known by, if it is this one with another length."""
        found = _LENGTH.search(raw)
        if found is None or len(raw) + _LENGTH_DIGITS > min(self._limits.request_line, self._limits.head):
            return None
        return SameHead(self, head, raw[: found.start(1)], raw[found.end(1) :], self._limits.body)

    # Called by llhttp.

    def on_url(self, url: bytes) -> None:
        self._target += url  # It may come in pieces.

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        fields = self._fields
        if name in fields:
            self._repeat(name, value.strip())
        else:
            fields[name] = value.strip()  # llhttp leaves white space at the end; control characters it refused.

    def on_headers_complete(self) -> None:
        self._complete = True

    def _repeat(self, name: bytes, value: bytes) -> None:
        self._lines += 1
        if name in SINGLE or name.startswith(OWN_PREFIX):
            self._refusal = self._refusal or (refusals.BAD_HOST if name == b"host" else refusals.REPEATED_HEADER)
            return
        separator = b"; " if name == b"cookie" else b", "  # RFC 9113 section 8.2.3
        self._fields[name] = self._fields[name] + separator + value

    def _judge(self, method: bytes, fields: Fields) -> RequestHead | Refusal:  # noqa: PLR0911 - one guard a rule
        target = self._target
        host = fields.get(b"host", b"")
        if host not in self._hosts and not self._learn_host(host):
            return refusals.BAD_HOST
        parts = self._targets.get(target) or self._split_target(method, target, host)
        if parts is None:
            return refusals.BAD_TARGET
        length: int | None = None
        digits = fields.pop(b"content-length", None)
        if digits is not None:
            if not digits.isdigit() or len(digits) > _LENGTH_DIGITS:
                return refusals.BAD_CONTENT_LENGTH
            length = int(digits)
            if length > self._limits.body:
                return refusals.BODY_TOO_LARGE
        self.length = length
        coding = fields.get(b"transfer-encoding")
        if coding is not None and (refusal := _judge_coding(coding, length)):
            return refusal
        expectation = fields.get(b"expect")
        if expectation is not None and expectation.lower() != b"100-continue":
            return refusals.EXPECTATION_FAILED
        connection = fields.get(b"connection")
        return RequestHead(
            method=method,
            target=target,
            path=parts[0],
            query=parts[1],
            fields=fields,
            keep_alive=connection is None or connection == b"keep-alive" or not _has_close(connection),
            chunked=coding is not None,
            expect_continue=expectation is not None,
        )

    def _learn_host(self, host: bytes) -> bool:
        if _HOST.fullmatch(host) is None:
            return False
        if len(self._hosts) >= _KNOWN_MAX:
            self._hosts.clear()
        self._hosts.add(host)
        return True

    def _split_target(self, method: bytes, target: bytes, host: bytes) -> tuple[bytes, bytes] | None:
        if target == b"*":
            return (b"*", b"") if method == b"OPTIONS" else None  # RFC 9112 section 3.2.4
        if not target.startswith(b"/"):
            return _split_absolute(target, host)
        match = _ORIGIN_FORM.fullmatch(target)
        if match is None:
            return None
        parts = (match[1], match[2] or b"")
        if len(target) <= _KNOWN_LENGTH:
            if len(self._targets) >= _KNOWN_MAX:
                self._targets.clear()
            self._targets[target] = parts
        return parts

    def _diagnose(self, raw: bytes) -> Refusal:  # noqa: PLR0911 - one guard a rule
        """Say what is wrong with a head that llhttp or the request line's check refused."""
        if raw[0] not in _TOKEN_START:
            return refusals.BAD_REQUEST_LINE
        if _BARE_LF.search(raw):
            return refusals.BARE_LINE_FEED
        line = _REQUEST_LINE.match(raw)
        if line is None:
            return refusals.BAD_REQUEST_LINE
        if line[3] + line[4] != b"11":
            return refusals.UNKNOWN_VERSION
        if line[1] not in METHODS:
            return refusals.UNKNOWN_METHOD
        if self._refusal is not None:
            return self._refusal
        if not self._target and not self._fields:
            return refusals.BAD_TARGET
        # llhttp knows these codings well enough to stop at them; the field is complete only if it didn't.
        coding = self._fields.get(b"transfer-encoding")
        if coding is not None and (refusal := _judge_coding(coding, None)):
            return refusal
        return refusals.BAD_HEADER


class SameHead:
    """Knows a head by its bytes, whatever digits its content-length has."""

    __slots__ = ("_after", "_before", "_most", "head", "length", "parser")

    def __init__(  # noqa: PLR0917 - all are parts of one record
        self, parser: HeadParser, head: RequestHead, before: bytes, after: bytes, most: int
    ) -> None:
        self.parser = parser
        """By whose limits it was judged."""
        self.head = head
        self.length = 0
        """Of the head that was found last."""
        self._before = before
        self._after = after
        self._most = most

    def end_in(self, data: bytes) -> int:
        """Where the head ends that these bytes begin with; 0 if it isn't this one, or has a length to be refused."""
        before, after = self._before, self._after
        if not data.startswith(before):
            return 0
        start = len(before)
        end = data.find(b"\r", start, start + _LENGTH_DIGITS + 1)
        if end < 0 or not data.startswith(after, end):
            return 0
        digits = data[start:end]
        if not digits.isdigit() or int(digits) > self._most:
            return 0
        self.length = int(digits)
        return end + len(after)


def _split_absolute(target: bytes, host: bytes) -> tuple[bytes, bytes] | None:
    """Accept the absolute form if its authority is the Host header's (RFC 9112 section 3.2.2: it must be accepted).

    A proxy would obey the target and ignore Host; refusing their difference leaves nothing to disagree about.
    """
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if absolute is None or absolute[1].lower() != host.lower():
        return None
    rest = absolute[2]
    match = _ORIGIN_FORM.fullmatch(rest if rest.startswith(b"/") else b"/" + rest)
    return (match[1], match[2] or b"") if match else None


def _judge_coding(coding: bytes, length: int | None) -> Refusal | None:
    """RFC 9112 section 6.1: an unknown coding is a 501; 6.3: chunked must be last; 7: and not repeated."""
    if length is not None:
        return refusals.TWO_LENGTHS
    if coding.lower() == b"chunked":
        return None
    codings = _CODINGS.split(coding.lower())
    if codings[-1] == b"chunked" and codings.count(b"chunked") == 1 and all(codings):
        return refusals.UNKNOWN_CODING
    return refusals.BAD_TRANSFER_ENCODING


def _has_close(connection: bytes) -> bool:
    return b"close" in [token.strip() for token in connection.lower().split(b",")]
