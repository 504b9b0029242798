"""The request to a backend: of the client's, and what was decided about it."""

from isochrone_gateway.ledger.trail import Trail
from isochrone_gateway.server.pipeline import outgoing
from isochrone_gateway.server.pipeline.backends import Lease
from isochrone_gateway.server.pipeline.decide import Decision, changes_for
from isochrone_gateway.server.pipeline.entry import Going
from isochrone_gateway.server.pipeline.revision import Way
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.upstream.target import Outgoing
from isochrone_gateway.wire import trace_context
from isochrone_gateway.wire.body import spliced


def request_to(visit: Visit, decision: Decision, way: Way, lease: Lease) -> Outgoing:
    """What this backend gets."""
    body = spliced(decision.request, changes_for(decision, way, visit.entry.caller))
    going = _going(visit, way) if visit.trail is None else _recorded(visit, visit.trail, way)
    size = 0
    for piece in body:
        size += len(piece)
    head = b"%bcontent-length: %d\r\nx-request-id: %b\r\n%b%b\r\n" % (
        going.lines,
        size,
        visit.id,
        lease.lines,
        going.passed,
    )
    return Outgoing(head, body)


def _going(visit: Visit, way: Way) -> Going:
    """What a request to this backend begins with, which is the same for all with this head."""
    entry = visit.entry
    going = entry.going.get(way)
    if going is None:
        passed = _passed(visit, way) + trace_context.passed_on(entry.came, visit.exchange.head.fields)
        going = entry.going[way] = Going(way.heads[entry.asked], passed)
    return going


def _recorded(visit: Visit, trail: Trail, way: Way) -> Going:
    """The same, where the attempt has a span of its own."""
    tracing = way.begin(trail, visit.services.loop.time())
    return Going(way.heads[visit.entry.asked], _passed(visit, way) + tracing)


def _passed(visit: Visit, way: Way) -> bytes:
    """The lines of the client's head that a backend gets; a peer is told what was made of them, too."""
    passed = outgoing.passed_on(way.passed, visit.exchange.head.fields)
    if not way.peer or visit.terms is None:
        return passed
    terms = visit.terms
    return passed + outgoing.hop_lines(terms.route.id, way.pool, terms.standpoint, terms.ruling)
