"""The attempts of one request, written down as they happen. Only requests whose spans are recorded have a trail."""

from typing import Final

from msgspec.structs import replace

from isochrone_gateway.ledger.record import Traced, Try
from isochrone_gateway.wire import trace_context
from isochrone_gateway.wire.http import Fields
from isochrone_gateway.wire.trace_context import Bits, Trace

CANCELLED: Final = "Cancelled"
_MOST: Final = 32
"""Of the attempts that are remembered. Beyond, the first ones say enough."""


class Trail:
    """The attempts of one request, one after the other. Times are the loop's."""

    __slots__ = ("_bits", "_open", "_started", "_state", "_trace", "_tries")

    def __init__(self, trace: Trace, fields: Fields, *, started: float, bits: Bits) -> None:
        self._trace = trace
        self._state = trace_context.checked_state(fields.get(b"tracestate")) if trace.parent else b""
        self._started = started
        self._bits = bits
        self._open: Try | None = None
        self._tries: list[Try] = []

    def begin(self, now: float, *, candidate: str, provider: str, model: str, jurisdiction: str) -> bytes:
        """An attempt begins. Gives the header lines that tell the backend its parent."""
        span = trace_context.new_span_id(self._bits)
        at = now - self._started
        self._open = Try(
            span=span,
            start=at,
            end=at,
            candidate=candidate,
            provider=provider,
            model=model,
            jurisdiction=jurisdiction,
        )
        return trace_context.lines(self._trace, span, self._state)

    def end(self, now: float, *, status: int | None, fault: str = "") -> None:
        """The attempt is over. Does nothing if none is open."""
        if self._open is not None and len(self._tries) < _MOST:
            self._tries.append(replace(self._open, end=now - self._started, status=status or 0, fault=fault))
        self._open = None

    def told(self, now: float, method: bytes) -> Traced:
        """All of it, for the record. An attempt that is still open was cancelled."""
        self.end(now, status=None, fault=CANCELLED)
        trace = self._trace
        return Traced(
            span=trace.span,
            parent=trace.parent,
            flags=trace.flags,
            method=method.decode("latin-1"),
            tries=tuple(self._tries),
        )
