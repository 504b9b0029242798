"""Lines of evidence: one before each dispatch, one after it. See `ledger.evidence`.

Where the law lets no line of a request be written (scope Logs), none is: it is counted.
"""

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import msgspec

from isochrone_gateway.ledger.evidence.chain import rest_of
from isochrone_gateway.ledger.evidence.lines import Intent, Sent
from isochrone_gateway.ledger.evidence.lines import Outcome as Line
from isochrone_gateway.ledger.evidence.pen import moment
from isochrone_gateway.ledger.record import Operation, Outcome, Record
from isochrone_gateway.route.retry import Failure
from isochrone_gateway.wire.errors import ApiError, ErrorKind

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.decide import Terms
    from isochrone_gateway.server.pipeline.hosting import Hosting
    from isochrone_gateway.server.pipeline.revision import Way
    from isochrone_gateway.server.pipeline.services import Services
    from isochrone_gateway.server.pipeline.visit import Visit

UNAVAILABLE: Final = ApiError(kind=ErrorKind.EVIDENCE_UNAVAILABLE, retry_after_s=5.0)
TRY_FAILED: Final = "TryFailed"
_INFERENCE: Final = "Inference"
_PEER: Final = "Peer"
_MODELS: Final = Operation.MODELS
_REFUSED: Final = Outcome.REFUSED
_WHY: Final = ("reason", "policy", "scope")
_NOBODYS: Final = HTTPStatus.UNAUTHORIZED.value
_WORDS: Final = {each: each.value for each in Outcome}  # Looking a member's value up is a call of Python.


def note_intent(visit: "Visit", terms: "Terms", way: "Way") -> None:
    """A request of a client is about to be sent there."""
    services = visit.services
    pen = services.evidence.writes(is_logged=terms.ruling.writing.is_logged)
    if pen is None:
        return
    rest = terms.intents.get(way)
    if rest is None:
        rest = terms.intents[way] = rest_of(intent(visit, terms, way))
    pen.put(Sent(at=moment(services.wall()), id=visit.id.decode("ascii"), attempt=visit.attempts), rest)


def note_hosted_intent(hosting: "Hosting", way: "Way") -> None:
    """A request of a peer is about to be sent to an engine of this site."""
    pen = hosting.services.evidence.writes(is_logged=hosting.writing.is_logged)
    if pen is not None:
        pen.put(hosted_intent(hosting, way))


def intent(visit: "Visit", terms: "Terms", way: "Way") -> Intent:
    """The line of it."""
    entry, standpoint = visit.entry, terms.standpoint
    return Intent(
        at=moment(visit.services.wall()),
        id=visit.id.decode("ascii"),
        attempt=visit.attempts,
        tenant=entry.caller.tenant_id,
        key=entry.caller.key_name,
        route=terms.route.id,
        model=terms.model,
        operation=entry.operation.value,
        data_classes=tuple(sorted(standpoint.data_classes)) if standpoint.data_classes else (),
        origin=entry.origin,
        origin_from=entry.origin_from,
        policies=terms.ruling.policies,
        scope=_INFERENCE,
        candidate=way.label,
        jurisdiction=way.jurisdiction,
        level=way.level,
        told=way.told,
        revision=entry.revision.name,
        age=standpoint.age.value,
    )


def hosted_intent(hosting: "Hosting", way: "Way") -> Intent:
    """The line of it."""
    hop = hosting.hop
    return Intent(
        at=moment(hosting.services.wall()),
        id=hosting.id,
        attempt=hosting.attempts,
        tenant="" if hop is None else hop.tenant or "",
        route="" if hop is None else hop.route,
        operation=hosting.operation.value,
        data_classes=hosting.data_classes,
        origin=() if hop is None else tuple(sorted(hop.origin)),
        origin_from=_PEER,
        policies=hosting.policies,
        scope=_INFERENCE,
        candidate=way.label,
        jurisdiction=way.jurisdiction,
        level=way.level,
        revision=hosting.revision.name,
        age=hosting.age,
        hosted=True,
    )


def note_failed_try(services: "Services", name: str, attempt: int, failure: Failure, *, is_logged: bool) -> None:
    """One try got no answer; the request may go on."""
    pen = services.evidence.writes(is_logged=is_logged)
    if pen is not None:
        at, status = moment(services.wall()), failure.status or 0
        pen.put(Line(at=at, id=name, attempt=attempt, outcome=TRY_FAILED, status=status, error=failure.fault.value))


def note_end(services: "Services", record: Record, refusal: ApiError | None) -> None:
    """How a request ended; nothing of what processes nothing, nor of callers without a key, who could fill the disk."""
    is_nobodys = record.status == _NOBODYS and record.attempts == 0
    if is_nobodys or (record.operation is _MODELS and record.outcome is not _REFUSED):
        return
    pen = services.evidence.writes(is_logged=record.is_logged)
    if pen is not None:
        pen.put(outcome(services.wall(), record, refusal))


def outcome(wall: float, record: Record, refusal: ApiError | None) -> Line:
    """How a request ended, and by which law, if that is why."""
    line = _of_sent(wall, record) if record.attempts > 0 else _of_unsent(wall, record)
    law = None if refusal is None else refusal.extra.get("residency")
    if not law:
        return line
    why = {name: law.get(name) or "" for name in _WHY}
    return msgspec.structs.replace(line, **why)


def _of_sent(wall: float, record: Record) -> Line:
    """Nearly every request ends here, and each member that is passed costs it something: defaults aren't."""
    usage = record.usage
    return Line(
        at=moment(wall),
        id=record.id,
        attempt=record.attempts,
        outcome=_WORDS[record.outcome],
        status=record.status,
        error=record.error,
        tokens_in=0 if usage is None else usage.input_tokens,
        tokens_out=0 if usage is None else usage.output_tokens,
        bytes_out=record.bytes_out,
        upstream_model=record.upstream_model,
    )


def _of_unsent(wall: float, record: Record) -> Line:
    """There is no intent that would tell whose it was."""
    return Line(
        at=moment(wall),
        id=record.id,
        attempt=record.attempts,
        outcome=_WORDS[record.outcome],
        status=record.status,
        error=record.error,
        tenant=record.tenant,
        route=record.route,
        origin=record.origin,
        policies=record.policies,
    )
