"""The head of a request: CORS, who calls, which path, from where, and whether it may enter here at all.

All of this happens before a byte of the body is read, or asked for by `100 Continue`, and only for the first of the
requests that share a head.

Each thing has one address, written in one way: a slash at the end, or an escape, is another address, where nothing is.
What follows a `?` decides nothing and goes nowhere. Names of models may have slashes, which clients escape or not.
"""

import dataclasses
import urllib.parse
from typing import Final

from isochrone_gateway.config.site import Cors
from isochrone_gateway.ledger.record import Operation, Outcome
from isochrone_gateway.route.mask import age_of
from isochrone_gateway.server.exchange import NOBODY, Exchange, ExchangeHandler
from isochrone_gateway.server.pipeline import answers, models, record
from isochrone_gateway.server.pipeline.callers import authenticate
from isochrone_gateway.server.pipeline.entry import Entry
from isochrone_gateway.server.pipeline.handling import Handling
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.revision import Revision
from isochrone_gateway.server.pipeline.rulings import Standpoint
from isochrone_gateway.server.pipeline.services import Services
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.wire import trace_context
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.http import Fields, RequestHead, status_line
from isochrone_gateway.wire.tags import HEADER, read_tags

_MODELS: Final = b"/v1/models"
_READING: Final = frozenset({b"GET", b"HEAD"})
PATHS: Final = {
    b"/v1/chat/completions": (Asked.CHAT, Operation.CHAT),
    b"/v1/completions": (Asked.COMPLETION, Operation.TEXT_COMPLETION),
    b"/v1/embeddings": (Asked.EMBEDDINGS, Operation.EMBEDDINGS),
}
_NOT_FOUND: Final = ApiError(
    kind=ErrorKind.NOT_FOUND,
    message=f"There is nothing at this address. There is: {', '.join(path.decode() for path in (*PATHS, _MODELS))}.",
)
_ONE_SLASH_TOO_MANY: Final = ApiError(
    kind=ErrorKind.NOT_FOUND, message="There is nothing at this address. Leave out the slash at its end."
)
_BAD_METHOD: Final = ApiError(kind=ErrorKind.BAD_METHOD)
_BAD_TYPE: Final = ApiError(kind=ErrorKind.BAD_MEDIA_TYPE)
_CODED: Final = ApiError(kind=ErrorKind.BAD_MEDIA_TYPE, message="Send the body without a content-encoding.")
_ENDING: Final = ApiError(kind=ErrorKind.DRAINING, retry_after_s=1.0)
_BAD_ORIGIN: Final = ApiError(kind=ErrorKind.ORIGIN_NOT_ALLOWED, should_retry=False)
_EXPOSED: Final = (
    b"x-request-id, x-isochrone-site, x-isochrone-backend, x-isochrone-jurisdiction, x-isochrone-attempts, retry-after"
)
_HEADER: Final = "Header"
_TENANT: Final = "Tenant"
_MAX_CLASSES: Final = 32
_AGE_PAUSE: Final = 0.1


class Entrance:
    """Takes the requests of the data port. `revision` may be replaced at any time, between two requests."""

    def __init__(self, services: Services, revision: Revision) -> None:
        self._services = services
        self._age = 0.0
        self._age_due = 0.0
        self._is_ending = False
        self.revision = revision

    def end(self) -> None:
        """The gateway ends now: whoever still asks is told so. With another revision no head that is kept holds."""
        self._is_ending = True
        self.revision = dataclasses.replace(self.revision)

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        services, head = self._services, exchange.head
        kept = head.kept
        if isinstance(kept, Entry) and kept.holds(self.revision, self._age_at(exchange.started), services.wall()):
            return _infer(services, exchange, kept)
        entry = self._entry_of(head.fields)
        if self._is_ending:
            return self._refuse(exchange, entry, _ENDING)
        cors = self.revision.site.cors
        if cors is not None and b"origin" in head.fields and is_preflight(exchange):
            return preflight(exchange, cors, entry.lines)
        error = self._authenticate(entry, head.fields)
        if error is None and _is_models(head.path):
            return self._list_models(exchange, entry)
        error = error or self._admit(entry, head)
        if error is not None:
            return self._refuse(exchange, entry, error)
        head.kept = entry
        return _infer(services, exchange, entry)

    def enter_again(self, head: RequestHead) -> tuple[Entry, ApiError | None]:
        """What this head, which asks for an inference, means by the config that runs now."""
        entry = self._entry_of(head.fields)
        error = self._authenticate(entry, head.fields) or self._admit(entry, head)
        if error is None:
            head.kept = entry
        return entry, error

    def _entry_of(self, fields: Fields) -> Entry:
        entry = Entry(self.revision)
        site = self.revision.site
        entry.came = came = trace_context.parse(fields.get(b"traceparent"))
        entry.chance = trace_context.chance(came, site.logs.trace_percent if self._services.traces else None)
        if site.cors is not None and b"origin" in fields:
            entry.lines = cors_lines(site.cors, fields)
        return entry

    def _admit(self, entry: Entry, head: RequestHead) -> ApiError | None:
        """Whether this caller may ask for an inference here, in this way."""
        error = _asked_for(entry, head.path) or (None if head.method == b"POST" else _BAD_METHOD)
        error = error or judge(entry, head.fields, self._services.age())
        return error or _unreadable(head.fields) or _tag(entry, head.fields)

    def _age_at(self, now: float) -> float:
        """How old the config is. Its limits are seconds at least, so it is asked no more than ten times a second."""
        if now >= self._age_due:
            self._age, self._age_due = self._services.age(), now + _AGE_PAUSE
        return self._age

    def _authenticate(self, entry: Entry, fields: Fields) -> ApiError | None:
        revision = entry.revision
        caller = authenticate(fields, revision.callers, revision.anybody, self._services.wall())
        if isinstance(caller, ApiError):
            return caller
        entry.caller = caller
        entry.explains = caller.may_explain and b"x-isochrone-explain" in fields
        return None

    def _list_models(self, exchange: Exchange, entry: Entry) -> ExchangeHandler:
        entry.operation = Operation.MODELS
        head = exchange.head
        error = judge(entry, head.fields, self._services.age()) if head.method in _READING else _BAD_METHOD
        if error is not None:
            return self._refuse(exchange, entry, error)
        wanted = urllib.parse.unquote(head.path[len(_MODELS) + 1 :].decode("latin-1"))
        body = models.listing(entry.revision, entry.caller, entry.standpoint, wanted)
        if body is None:
            return self._refuse(exchange, entry, ApiError(kind=ErrorKind.MODEL_NOT_FOUND, param="model"))
        visit = Visit(self._services, exchange, entry)
        exchange.respond(answers.OK_JSON + visit.common_lines(), body)
        record.write(visit, record.End(Outcome.ANSWERED, 200, bytes_out=len(body)))
        return NOBODY

    def _refuse(self, exchange: Exchange, entry: Entry, error: ApiError) -> ExchangeHandler:
        visit = Visit(self._services, exchange, entry)
        lines = b""
        if error is _BAD_METHOD:
            lines = b"allow: GET, HEAD\r\n" if entry.operation is Operation.MODELS else b"allow: POST\r\n"
        head, body = answers.refusal(error, visit.common_lines() + lines)
        exchange.respond(head, body)
        code = error.kind.value.code or ""
        record.write(visit, record.End(Outcome.REFUSED, error.status, code, bytes_out=len(body), refusal=error))
        return NOBODY


def judge(entry: Entry, fields: Fields, age_s: float) -> ApiError | None:
    """Where from, and whether it may come in, by a config that is so old."""
    revision, caller = entry.revision, entry.caller
    origin: frozenset[str] | None = caller.origin
    tenant = caller.tenant
    data_classes = caller.data_classes
    if tenant is not None:
        if b"x-isochrone-origin" in fields:
            text = fields[b"x-isochrone-origin"].decode("latin-1")
            origin = revision.origins.of_request(tenant, text)
            entry.origin_from = _HEADER if origin != caller.origin else ""
        if tenant.data_class_header and b"x-isochrone-data-classes" in fields:
            data_classes |= _classes(fields[b"x-isochrone-data-classes"])
    if origin is None:
        return _BAD_ORIGIN
    age = age_of(age_s, revision.age)
    entry.standpoint = standpoint = Standpoint(caller.tenant_id or None, origin, data_classes, age)
    entry.origin = tuple(sorted(origin))
    if origin and not entry.origin_from:
        entry.origin_from = _TENANT
    entry.keep_for(age, revision.age)
    return revision.rulings.entry(standpoint, caller, revision.route_classes)


def _infer(services: Services, exchange: Exchange, entry: Entry) -> ExchangeHandler:
    handling = Handling(services, exchange, entry)
    handling.begin()
    return handling


def _asked_for(entry: Entry, path: bytes) -> ApiError | None:
    found = PATHS.get(path)
    if found is None:
        known = path.endswith(b"/") and (path[:-1] in PATHS or path[:-1] == _MODELS)
        return _ONE_SLASH_TOO_MANY if known else _NOT_FOUND
    entry.asked, entry.operation = found
    return None


def _tag(entry: Entry, fields: Fields) -> ApiError | None:
    value = fields.get(HEADER)
    if value is None:
        return None
    tags = read_tags(value)
    if isinstance(tags, ApiError):
        return tags
    entry.tags = tags
    return None


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
