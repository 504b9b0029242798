"""How a request ended, for the ledger: one record each, whatever happened."""

from typing import TYPE_CHECKING, Final

from isochrone_gateway.ledger.meter import Children
from isochrone_gateway.ledger.record import Outcome, Record, Times
from isochrone_gateway.route.mask import age_of
from isochrone_gateway.server.pipeline import evidence
from isochrone_gateway.server.pipeline.entry import NOWHERE
from isochrone_gateway.server.pipeline.rulings import ANYTHING, Standpoint, Writing
from isochrone_gateway.wire.errors import ApiError
from isochrone_gateway.wire.schema import Usage

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.visit import Visit

CLIENT_GONE: Final = 499
_REFUSED: Final = Outcome.REFUSED
_ANSWERED: Final = Outcome.ANSWERED  # Looking a member up on its class costs more than the comparison.


class End:
    """How it ended."""

    __slots__ = ("bytes_out", "error", "outcome", "refusal", "status", "usage")

    def __init__(
        self,
        outcome: Outcome,
        status: int,
        error: str = "",
        *,
        usage: Usage | None = None,
        bytes_out: int = 0,
        refusal: ApiError | None = None,
    ) -> None:
        self.outcome = outcome
        self.status = status
        self.error = error
        self.usage = usage
        self.bytes_out = bytes_out
        self.refusal = refusal
        """What the client was told instead of an answer."""


def write(visit: "Visit", end: End) -> None:
    """Count a request and hand its record on."""
    services, exchange, entry = visit.services, visit.exchange, visit.entry
    started = exchange.started
    total = services.loop.time() - started
    first_token = None if visit.first_token is None else visit.first_token - started
    way, terms, usage = visit.way, visit.terms, end.usage
    caller = entry.caller
    writing = _unrouted(visit) if terms is None else terms.ruling.writing
    record = Record(
        id=visit.id.decode("ascii"),
        at=services.wall() - total,
        outcome=end.outcome,
        status=end.status,
        times=Times(total, None if visit.first_byte is None else visit.first_byte - started, first_token),
        operation=entry.operation,
        error=end.error,
        trace=visit.trace.id,
        tenant=caller.tenant_id,
        key=caller.key_name,
        route="" if terms is None else terms.route.id,
        model="" if terms is None else terms.model,
        candidate="" if way is None else way.label,
        provider="" if way is None else way.provider,
        upstream_model="" if way is None else way.model,
        attempts=visit.attempts,
        jurisdiction="" if way is None else way.jurisdiction,
        origin=entry.origin,
        policies=() if terms is None else terms.ruling.policies,
        audited=visit.audited,
        revision=entry.revision.name,
        stream=visit.stream,
        usage=usage,
        usage_partial=usage is not None and end.outcome is not _ANSWERED,
        bytes_in=visit.bytes_in,
        bytes_out=end.bytes_out,
        peer="" if way is None else way.peer,
        tags=entry.tags,
        traced=visit.trail.told(started + total, exchange.head.method)
        if visit.trail is not None and writing.is_traced
        else None,
        is_logged=writing.is_logged,
    )
    if terms is not None and end.outcome is not _REFUSED:
        terms.demand.value += 1
    services.meter.count_in(
        _children(visit, end, record),
        tenant=caller.tenant_id,
        total=total,
        first_token=first_token,
        attempts=visit.attempts,
        bytes_in=visit.bytes_in,
        bytes_out=end.bytes_out,
        usage=usage,
    )
    if entry.tags and usage is not None:
        services.meter.count_tags(entry.tags, usage)
    has_lost_spans = visit.trail is not None and not writing.is_traced
    services.withheld.count(is_logged=writing.is_logged, has_lost_spans=has_lost_spans)
    for policy in visit.audited:
        services.audited.child(policy).value += 1
    services.records.put(record)
    evidence.note_end(services, record, end.refusal)


def _unrouted(visit: "Visit") -> Writing:
    """What may be written of a request that never came to a route.

    Before its origin is known, whatever its caller's data may be is meant. Who isn't known at all is not told of.
    """
    entry = visit.entry
    revision, caller, standpoint = entry.revision, entry.caller, entry.standpoint
    if standpoint is NOWHERE:
        if not caller.tenant_id:
            return ANYTHING
        age = age_of(visit.services.age(), revision.age)
        standpoint = Standpoint(caller.tenant_id, caller.origin, caller.data_classes, age)
    return revision.rulings.unrouted(standpoint, caller, revision.route_classes)


def _children(visit: "Visit", end: End, record: Record) -> Children:
    """What it counts in: the same for all that were answered on the same terms by the same backend."""
    meter, terms, way = visit.services.meter, visit.terms, visit.way
    if end.error or terms is None or way is None or end.outcome is not _ANSWERED:
        return meter.children_of(record)
    children = terms.children.get(way)
    if children is None:
        children = terms.children[way] = meter.children_of(record)
    return children
