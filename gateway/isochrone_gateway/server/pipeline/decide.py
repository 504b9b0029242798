"""A read body -> what will be done with the request, or why it is refused."""

from collections.abc import Container
from typing import Final

from isochrone_gateway.config.routes import RouteEndpoint
from isochrone_gateway.ledger.demand import origin_of
from isochrone_gateway.ledger.meter import Children
from isochrone_gateway.ledger.metrics import Family, Value
from isochrone_gateway.route.limits import Admission, Exceeded, admit
from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.server.pipeline.entry import Entry
from isochrone_gateway.server.pipeline.outgoing import ENDPOINTS
from isochrone_gateway.server.pipeline.revision import RouteView, Way
from isochrone_gateway.server.pipeline.rulings import Ruling, Standpoint
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.wire.body import Request, check_caps, metered, with_defaults
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.remote import Listed, unlawful, without_store

_BYTES_PER_TOKEN: Final = 4
_UNBOUNDED_ANSWER: Final = 256
"""Tokens that are reserved for an answer that nobody bounded."""
_NO_CHANGES: Final[dict[str, bytes]] = {}


class Terms:
    """What holds for all requests with one head and one model. `model` is the public name that was asked for."""

    __slots__ = ("children", "demand", "intents", "is_asked_for", "model", "route", "ruling", "standpoint")

    def __init__(
        self,
        model: str,
        route: RouteView,
        ruling: Ruling,
        standpoint: Standpoint,
        *,
        is_asked_for: bool,
        demand: Value,
    ) -> None:
        self.model = model
        self.route = route
        self.ruling = ruling
        self.standpoint = standpoint
        self.is_asked_for = is_asked_for
        """Whether the route answers at the path of the head."""
        self.children: dict[Way, Children] = {}
        """What requests that a backend has answered count in."""
        self.intents: dict[Way, bytes] = {}
        """What evidence says of all that are sent to a backend (see `ledger.evidence.chain.rest_of`)."""
        self.demand = demand
        """What requests count in by where they come from."""


class Decision:
    """What will be done. `changes` are those of the body that don't depend on who answers."""

    __slots__ = ("admission", "changes", "request", "terms", "tokens")

    def __init__(
        self, request: Request, terms: Terms, *, changes: dict[str, bytes], tokens: int, admission: Admission | None
    ) -> None:
        self.request = request
        self.terms = terms
        self.changes = changes
        self.tokens = tokens
        self.admission = admission


def to_look_for(visit: Visit, request: Request) -> Listed | None:
    """What `wire.remote` has to look for in a large body, beside the loop, before it is decided what to do with it."""
    entry = visit.entry
    terms = entry.terms.get(request.model) or terms_of(entry, request.model, visit.services.demand)
    if terms is None or not terms.is_asked_for or terms.ruling.entry is not None:
        return None  # It is refused anyway.
    return terms.ruling.listed


def decide(
    visit: Visit, request: Request, size: int, now: float, *, is_looked_through: bool = False
) -> Decision | ApiError:
    """Route, law, caps and limits, in this order. `is_looked_through`: what `to_look_for` gave isn't in the body."""
    entry = visit.entry
    terms = entry.terms.get(request.model) or terms_of(entry, request.model, visit.services.demand)
    if terms is None:
        return _unknown(request.model)
    visit.terms, visit.stream, visit.audited = terms, request.stream, terms.ruling.audited
    if not terms.is_asked_for:
        return _wrong_endpoint(request.model, terms.route.endpoints, visit)
    error = _objection(request, terms.route, terms.ruling, is_looked_through=is_looked_through)
    if error is not None:
        return error
    tokens = size // _BYTES_PER_TOKEN + (request.max_tokens or _UNBOUNDED_ANSWER) * request.choices
    admission = None
    meters = entry.caller.meters
    if meters:
        admitted = admit(meters, now, tokens)
        if not isinstance(admitted, Admission):
            return _limited(admitted, now)
        admission = admitted
    changes = _changes(request, terms.route, terms.ruling)
    return Decision(request, terms, changes=changes, tokens=tokens, admission=admission)


def changes_for(decision: Decision, way: Way, caller: Caller) -> dict[str, bytes]:
    """All changes of the body for one backend."""
    changes = decision.changes
    if way.model != decision.request.model:
        changes = {**changes, "model": way.model_json} if changes else way.model_change
    if way.salts:
        changes = {**changes, **caller.salting}
    if way.set_members:
        changes = {**changes, **way.set_members}
    return changes


def terms_of(entry: Entry, model: str, demand: Family[Value]) -> Terms | None:
    """Work out the terms of a model that this caller may use, and keep them with the head."""
    revision = entry.revision
    route = revision.names.get(model)
    if route is None or not entry.caller.may_use(route.id):
        return None
    standpoint = entry.standpoint.on(route.data_classes)
    ruling = revision.rulings.of(route.id, standpoint, route.state_places)
    counted = demand.child(route.id, origin_of(entry.origin, is_told=ruling.is_told))
    is_asked_for = ENDPOINTS[entry.asked] in route.endpoints
    terms = Terms(model, route, ruling, standpoint, is_asked_for=is_asked_for, demand=counted)
    entry.terms[model] = terms
    return terms


def _objection(request: Request, route: RouteView, ruling: Ruling, *, is_looked_through: bool) -> ApiError | None:
    if ruling.entry is not None:
        return ruling.entry
    if ruling.listed is not None and not is_looked_through:
        error = unlawful(request, ruling.listed)
        if error is not None:
            return error
    if route.regions.sets_any or not request.is_familiar:
        error = route.regions.objection(request, ruling.lawful.allowed)
        if error is not None:
            return error
    return check_caps(request, route.shaping) if route.shaping.caps else None


def _changes(request: Request, route: RouteView, ruling: Ruling) -> dict[str, bytes]:
    changes = with_defaults(request, route.shaping) if route.shaping.defaults else _NO_CHANGES
    if request.stream:
        changes = changes | metered(request)
    if ruling.listed is not None and not ruling.listed.state:
        changes = changes | without_store(request, always=False)
    return changes


def _unknown(model: str) -> ApiError:
    text = (
        f"The model {model[:128]!r} does not exist, or this key may not use it. GET /v1/models lists those that it may."
    )
    return ApiError(kind=ErrorKind.MODEL_NOT_FOUND, message=text, param="model")


def _wrong_endpoint(model: str, endpoints: Container[RouteEndpoint], visit: Visit) -> ApiError:
    where = " and ".join(f"/v1{asked.value.decode()}" for asked, each in ENDPOINTS.items() if each in endpoints)
    text = f"The model {model!r} answers at {where}, not at {visit.exchange.head.path.decode('latin-1')}."
    return ApiError(kind=ErrorKind.BAD_VALUE, message=text, param="model")


def _limited(exceeded: Exceeded, now: float) -> ApiError:
    whose, limit, most, until = exceeded
    text = f"The limit of {whose} is reached: {most} {limit.value.lower()}."
    wait = until - now
    if wait == float("inf"):
        return ApiError(
            kind=ErrorKind.RATE_LIMITED, message=f"{text} This request alone exceeds it.", should_retry=False
        )
    return ApiError(kind=ErrorKind.RATE_LIMITED, message=text, retry_after_s=max(wait, 1.0))
