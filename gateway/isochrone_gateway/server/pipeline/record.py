"""How a request ended, for the ledger: one record each, whatever happened."""

from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from isochrone_gateway.ledger.record import Operation, Outcome, Record, Times
from isochrone_gateway.wire.usage import Usage

if TYPE_CHECKING:
    from isochrone_gateway.server.exchange import Exchange
    from isochrone_gateway.server.pipeline.callers import Caller
    from isochrone_gateway.server.pipeline.revision import Revision, RouteView, Way
    from isochrone_gateway.server.pipeline.rulings import Standpoint
    from isochrone_gateway.server.pipeline.services import Services

_TRACE: Final = slice(3, 35)
"""The trace id in `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header)."""
_TRACE_PARENT_LENGTH: Final = 55
CLIENT_GONE: Final = 499


class End(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How it ended."""

    outcome: Outcome
    status: int
    error: str = ""
    usage: Usage | None = None
    usage_partial: bool = False
    bytes_out: int = 0


class Told(Protocol):
    """What is known of a request."""

    services: "Services"
    revision: "Revision"
    exchange: "Exchange"
    caller: "Caller"
    standpoint: "Standpoint"
    operation: Operation
    id: bytes
    route: "RouteView | None"
    way: "Way | None"
    model: str
    attempts: int
    stream: bool
    bytes_in: int
    first_byte: float | None
    first_token: float | None
    policies: tuple[str, ...]


def write(told: Told, end: End) -> None:
    """Count a request and hand its record on."""
    services, exchange = told.services, told.exchange
    started = exchange.started
    total = services.loop.time() - started
    first_byte, first_token = told.first_byte, told.first_token
    way, route = told.way, told.route
    record = Record(
        id=told.id.decode("ascii"),
        at=services.wall() - total,
        outcome=end.outcome,
        status=end.status,
        times=Times(
            total,
            None if first_byte is None else first_byte - started,
            None if first_token is None else first_token - started,
        ),
        operation=told.operation,
        error=end.error,
        trace=_trace(exchange.head.fields.get(b"traceparent")),
        tenant=told.caller.tenant_id,
        key=told.caller.key_name,
        route="" if route is None else route.id,
        model=told.model,
        candidate="" if way is None else way.label,
        provider="" if way is None else way.provider,
        upstream_model="" if way is None else way.model,
        attempts=told.attempts,
        jurisdiction="" if way is None else way.jurisdiction,
        origin=tuple(sorted(told.standpoint.origin)) if told.standpoint.origin else (),
        policies=told.policies,
        revision=told.revision.name,
        stream=told.stream,
        usage=end.usage,
        usage_partial=end.usage_partial,
        bytes_in=told.bytes_in,
        bytes_out=end.bytes_out,
        peer="" if way is None else way.peer,
    )
    services.meter.count(record)
    services.records.put(record)


def _trace(value: bytes | None) -> str:
    if value is None or len(value) < _TRACE_PARENT_LENGTH:
        return ""
    return value[_TRACE].decode("latin-1")
