"""`traceparent` and `tracestate`: which trace a request belongs to, whether its spans are recorded, and what goes on.

As https://www.w3.org/TR/trace-context-2/ says, which adds one flag to https://www.w3.org/TR/trace-context/:

| the client's `traceparent` | recorded      | what a backend gets                                                   |
|----------------------------|---------------|-----------------------------------------------------------------------|
| none, or one not valid     | if drawn      | a new trace, without the client's `tracestate`                        |
|                            | if not drawn  | nothing                                                               |
| valid, sampled             | yes           | the same trace, with our span as parent; `tracestate` if it is valid  |
| valid, not sampled         | no            | both headers as they came, as from a proxy                            |

Only what is recorded gets ids of ours. Ids are hexadecimal text, as all have them who read them: headers, logs, and
OTLP's JSON.
"""

import re
from collections.abc import Callable
from typing import Final

import msgspec

from isochrone_gateway.wire.http import Fields

SAMPLED: Final = 0x01
RANDOM: Final = 0x02
"""The trace id is random: others may draw by it."""

_KNOWN_FLAGS: Final = SAMPLED | RANDOM
_MOST_MEMBERS: Final = 32
_LENGTH: Final = 55
"""Of version 00, and of what later versions begin with."""
_PARENT: Final = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_PRINTABLE: Final = rb"\x21-\x2b\x2d-\x3c\x3e-\x7e"
_MEMBER: Final = re.compile(rb"([a-z0-9][a-z0-9_*/@-]{0,255})=[ %b]{0,255}[%b]" % (_PRINTABLE, _PRINTABLE))

Bits = Callable[[int], int]
"""Gives so many random bits, as `random.Random.getrandbits` does."""


class Trace(msgspec.Struct, frozen=True, gc=False):
    """Where a request stands in a trace. It is recorded if it has a span."""

    id: str = ""
    parent: str = ""
    """The caller's span."""
    span: str = ""
    """Our own."""
    flags: int = 0

    @property
    def is_recorded(self) -> bool:
        return bool(self.span)


NO_TRACE: Final = Trace()


def chance(came: Trace, percent: int | None) -> int:
    """How many percent of the requests that come like this are recorded: the parent's word, if there is one.

    `percent` of those without a parent are drawn; None: nothing is ever recorded.
    """
    if percent is None:
        return 0
    return (100 if came.flags & SAMPLED else 0) if came.id else percent


def recorded(came: Trace, bits: Bits) -> Trace:
    """The same trace with a span of ours, or a new trace."""
    if came.id:
        return Trace(came.id, came.parent, new_span_id(bits), came.flags)
    return Trace(_new_id(bits, 128), "", new_span_id(bits), SAMPLED | RANDOM)


def parse(traceparent: bytes | None) -> Trace:
    """Read a `traceparent`; what isn't valid is none. Of later versions the first four fields are read."""
    if traceparent is None:
        return NO_TRACE
    if _PARENT.fullmatch(traceparent) is None or (len(traceparent) > _LENGTH and traceparent.startswith(b"00")):
        return NO_TRACE
    text = traceparent[:_LENGTH].decode()
    return Trace(text[3:35], text[36:52], "", int(text[53:], 16) & _KNOWN_FLAGS)


def new_span_id(bits: Bits) -> str:
    return _new_id(bits, 64)


def passed_on(trace: Trace, fields: Fields) -> bytes:
    """The header lines to a backend where nothing is recorded: the client's, unchanged."""
    if not trace.id:
        return b""
    lines = b"traceparent: %b\r\n" % fields[b"traceparent"]
    state = fields.get(b"tracestate")
    return b"%btracestate: %b\r\n" % (lines, state) if state else lines


def lines(trace: Trace, span: str, tracestate: bytes) -> bytes:
    """The header lines to a backend that is asked in this span of ours."""
    parent = b"traceparent: 00-%b-%b-%02x\r\n" % (trace.id.encode(), span.encode(), trace.flags)
    return b"%btracestate: %b\r\n" % (parent, tracestate) if tracestate else parent


def checked_state(tracestate: bytes | None) -> bytes:
    """The `tracestate` without white space and empty members; nothing if any part of it is not valid."""
    if not tracestate:
        return b""
    members = [member for part in tracestate.split(b",") if (member := part.strip(b" \t"))]
    matches = [_MEMBER.fullmatch(member) for member in members]
    keys = {match[1] for match in matches if match is not None}
    return b",".join(members) if len(keys) == len(members) <= _MOST_MEMBERS else b""


def _new_id(bits: Bits, size: int) -> str:
    """A random id; one in 2**64 would be all zeros, which none may be."""
    return f"{bits(size) or 1:0{size // 4}x}"
