"""The head of a request: CORS, who calls, which path, from where, and whether it may enter here at all.

All of this happens before a byte of the body is read, or asked for by `100 Continue`.
"""

from typing import Final

from isochrone_gateway.config.site import Cors
from isochrone_gateway.ledger.record import Operation, Outcome
from isochrone_gateway.route.mask import age_of
from isochrone_gateway.server.exchange import NOBODY, Exchange, ExchangeHandler
from isochrone_gateway.server.pipeline import answers, models, record
from isochrone_gateway.server.pipeline.callers import authenticate
from isochrone_gateway.server.pipeline.handling import Handling
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.revision import Revision
from isochrone_gateway.server.pipeline.rulings import Standpoint
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.http import Fields, status_line

_MODELS: Final = b"/v1/models"
_PATHS: Final = {
    b"/v1/chat/completions": (Asked.CHAT, Operation.CHAT),
    b"/v1/completions": (Asked.COMPLETION, Operation.TEXT_COMPLETION),
    b"/v1/embeddings": (Asked.EMBEDDINGS, Operation.EMBEDDINGS),
}
_NOT_FOUND: Final = ApiError(kind=ErrorKind.NOT_FOUND)
_BAD_METHOD: Final = ApiError(kind=ErrorKind.BAD_METHOD)
_BAD_TYPE: Final = ApiError(kind=ErrorKind.BAD_MEDIA_TYPE)
_CODED: Final = ApiError(kind=ErrorKind.BAD_MEDIA_TYPE, message="Send the body without a content-encoding.")
_BAD_ORIGIN: Final = ApiError(kind=ErrorKind.ORIGIN_NOT_ALLOWED, should_retry=False)
_EXPOSED: Final = (
    b"x-request-id, x-isochrone-site, x-isochrone-backend, x-isochrone-jurisdiction, x-isochrone-attempts, retry-after"
)
_MAX_CLASSES: Final = 32


class Entrance:
    """Takes the requests of the data port. `revision` may be replaced at any time, between two requests."""

    def __init__(self, services: Services, revision: Revision) -> None:
        self._services = services
        self.revision = revision

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        visit = Visit(self._services, self.revision, exchange)
        cors = self.revision.site.cors
        if cors is not None and b"origin" in exchange.head.fields:
            visit.lines += cors_lines(cors, exchange.head.fields)
            if is_preflight(exchange):
                return preflight(exchange, cors, visit.lines)
        error = self._authenticate(visit)
        if error is not None:
            return _refuse(visit, error)
        path = exchange.head.path
        found = _PATHS.get(path)
        if found is None:
            return self._list_models(visit) if _is_models(path) else _refuse(visit, _NOT_FOUND)
        visit.asked, visit.operation = found
        return self._infer(visit)

    def _infer(self, visit: Visit) -> ExchangeHandler:
        head = visit.exchange.head
        if head.method != b"POST":
            return _refuse(visit, _BAD_METHOD, b"allow: POST\r\n")
        error = self._judge(visit) or _unreadable(head.fields)
        if error is not None:
            return _refuse(visit, error)
        handling = Handling(visit)
        handling.begin()
        return handling

    def _authenticate(self, visit: Visit) -> ApiError | None:
        revision = visit.revision
        fields = visit.exchange.head.fields
        caller = authenticate(fields, revision.callers, revision.anybody, self._services.wall())
        if isinstance(caller, ApiError):
            return caller
        visit.caller = caller
        return None

    def _judge(self, visit: Visit) -> ApiError | None:
        """Where from, and whether it may come in."""
        revision, fields, caller = visit.revision, visit.exchange.head.fields, visit.caller
        origin: frozenset[str] | None = caller.origin
        tenant = caller.tenant
        data_classes = caller.data_classes
        if tenant is not None:
            if b"x-isochrone-origin" in fields:
                text = fields[b"x-isochrone-origin"].decode("latin-1")
                origin = revision.origins.of_request(tenant, text)
            if tenant.data_class_header and b"x-isochrone-data-classes" in fields:
                data_classes |= _classes(fields[b"x-isochrone-data-classes"])
        if origin is None:
            return _BAD_ORIGIN
        age = age_of(self._services.age(), revision.age)
        visit.standpoint = standpoint = Standpoint(caller.tenant_id or None, origin, data_classes, age)
        return revision.rulings.entry(standpoint, caller, revision.route_ids)

    def _list_models(self, visit: Visit) -> ExchangeHandler:
        visit.operation = Operation.MODELS
        if visit.exchange.head.method != b"GET":
            return _refuse(visit, _BAD_METHOD, b"allow: GET\r\n")
        error = self._judge(visit)
        if error is not None:
            return _refuse(visit, error)
        wanted = visit.exchange.head.path[len(_MODELS) + 1 :].decode("latin-1")
        body = models.listing(visit.revision, visit.caller, visit.standpoint, wanted)
        if body is None:
            return _refuse(visit, ApiError(kind=ErrorKind.MODEL_NOT_FOUND, param="model"))
        head = status_line(200) + b"content-type: application/json\r\n" + visit.common_lines()
        visit.exchange.respond(head, body)
        record.write(visit, record.End(outcome=Outcome.ANSWERED, status=200, bytes_out=len(body)))
        return NOBODY


def _refuse(visit: Visit, error: ApiError, lines: bytes = b"") -> ExchangeHandler:
    head, body = answers.refusal(error, visit.common_lines() + lines)
    visit.exchange.respond(head, body)
    end = record.End(
        outcome=Outcome.REFUSED, status=error.status, error=error.kind.value.code or "", bytes_out=len(body)
    )
    record.write(visit, end)
    return NOBODY


def _is_models(path: bytes) -> bool:
    return path == _MODELS or (path.startswith(_MODELS + b"/") and len(path) > len(_MODELS) + 1)


def _unreadable(fields: Fields) -> ApiError | None:
    """Whether the body can't be what is read here."""
    kind = fields.get(b"content-type")
    if kind is not None and kind != answers.JSON and kind.partition(b";")[0].strip().lower() != answers.JSON:
        return _BAD_TYPE
    return _CODED if fields.get(b"content-encoding", b"identity") != b"identity" else None


def _classes(value: bytes) -> frozenset[str]:
    """The data classes that a trusted header adds."""
    names = (name.strip() for name in value.decode("latin-1").split(",", _MAX_CLASSES))
    return frozenset(name for name in names if name)


def cors_lines(cors: Cors, fields: Fields) -> bytes:
    """What lets a browser read the answer, if its page is from an origin that may call."""
    origin = fields[b"origin"]
    if "*" not in cors.origins and origin.decode("latin-1") not in cors.origins:
        return b"vary: origin\r\n"
    lines = b"access-control-allow-origin: %b\r\nvary: origin\r\naccess-control-expose-headers: %b\r\n"
    return lines % (origin, _EXPOSED)


def is_preflight(exchange: Exchange) -> bool:
    head = exchange.head
    return head.method == b"OPTIONS" and b"access-control-request-method" in head.fields


def preflight(exchange: Exchange, cors: Cors, lines: bytes) -> ExchangeHandler:
    """Answer a browser's question whether it may (https://fetch.spec.whatwg.org/#cors-preflight-fetch).

    Keys are headers of the caller's own, never cookies, so any header may be sent.
    """
    asked = exchange.head.fields.get(b"access-control-request-headers")
    if b"access-control-allow-origin" in lines:
        lines += b"access-control-allow-methods: GET, POST\r\naccess-control-max-age: %d\r\n" % (
            cors.max_age_ms // 1_000
        )
        if asked is not None:
            lines += b"access-control-allow-headers: %b\r\n" % asked
    exchange.respond(status_line(204) + lines)
    return NOBODY
