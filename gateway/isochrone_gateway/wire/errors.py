"""The errors that clients see: one table of kinds, one shape, bytes at the end.

The shape is OpenAI's: `{"error": {"message", "type", "param", "code"}}`, all four keys always there, `param` and `code`
nullable (https://github.com/openai/openai-openapi, schema `Error`). The official SDKs choose their exception by the
status, and retry 408, 409, 429 and 5xx by themselves unless `x-should-retry: false` says that it is in vain.
"""

import enum
from collections.abc import Mapping
from typing import Any, Final

import msgspec

Header = tuple[bytes, bytes]

_INVALID: Final = "invalid_request_error"


class _Row(msgspec.Struct, frozen=True):
    """What is the same for every error of one kind."""

    status: int
    type: str
    code: str | None
    message: str


class ErrorKind(enum.Enum):
    """Every error that the gateway answers with itself."""

    BAD_REQUEST = _Row(400, _INVALID, None, "The request is not valid.")
    BAD_JSON = _Row(400, _INVALID, "invalid_json", "The body is not valid JSON.")
    DUPLICATE_KEY = _Row(400, _INVALID, "duplicate_key", "A key occurs twice.")
    AMBIGUOUS_KEY = _Row(400, _INVALID, "ambiguous_key", "A key is written so that it can be read in two ways.")
    BAD_VALUE = _Row(400, _INVALID, "invalid_value", "A parameter has a value that it can't have.")
    ABOVE_CAP = _Row(400, _INVALID, "above_cap", "A parameter is above what this model allows.")
    NOT_ALLOWED_HERE = _Row(400, _INVALID, "parameter_not_allowed", "A parameter is not allowed here.")
    NO_KEY = _Row(401, _INVALID, "missing_api_key", "No API key: send it as `Authorization: Bearer KEY`.")
    BAD_KEY = _Row(401, _INVALID, "invalid_api_key", "The API key is not valid.")
    BUDGET_SPENT = _Row(429, "insufficient_quota", "insufficient_quota", "The budget is spent.")
    FORBIDDEN = _Row(403, "permission_error", "permission_denied", "This key may not do that.")
    RESIDENCY_DENIED = _Row(403, "permission_error", "residency_denied", "A data residency policy forbids it.")
    ORIGIN_NOT_ALLOWED = _Row(
        403,
        "permission_error",
        "origin_not_allowed",
        "x-isochrone-origin is not one of this tenant's origins: it takes an ISO 3166 code, such as DE or US-CA.",
    )
    MODEL_NOT_FOUND = _Row(
        404,
        _INVALID,
        "model_not_found",
        "The model does not exist, or this key may not use it. GET /v1/models lists those that it may.",
    )
    NOT_FOUND = _Row(404, _INVALID, "unknown_url", "There is nothing at this address.")
    BAD_METHOD = _Row(405, _INVALID, "method_not_allowed", "This address doesn't take this method.")
    REQUEST_TIMEOUT = _Row(408, "timeout_error", "request_timeout", "The request was not sent in time.")
    TOO_LARGE = _Row(413, _INVALID, "body_too_large", "The body is too large.")
    BAD_MEDIA_TYPE = _Row(415, _INVALID, "unsupported_media_type", "Send the body as application/json.")
    UNPROCESSABLE = _Row(422, _INVALID, "unprocessable", "No provider of this model can do what was asked.")
    RATE_LIMITED = _Row(429, "rate_limit_error", "rate_limit_exceeded", "Too many requests.")
    HEADERS_TOO_LARGE = _Row(431, _INVALID, "headers_too_large", "The headers are too large.")
    INTERNAL = _Row(500, "server_error", "internal_error", "The gateway failed.")
    UPSTREAM_FAILED = _Row(502, "server_error", "upstream_failed", "No backend gave a usable answer.")
    STREAM_INTERRUPTED = _Row(502, "server_error", "stream_interrupted", "The answer broke off before it was complete.")
    CREDENTIALS_REFUSED = _Row(502, "server_error", "upstream_credentials_refused", "The provider refused our keys.")
    NO_CAPACITY = _Row(503, "server_error", "no_capacity", "No lawful backend is ready.")
    OVERLOADED = _Row(503, "server_error", "overloaded", "The gateway is overloaded.")
    DRAINING = _Row(503, "server_error", "draining", "The gateway is shutting down.")
    EVIDENCE_UNAVAILABLE = _Row(
        503,
        "server_error",
        "evidence_unavailable",
        "Where it is processed can't be recorded now, and a policy binds it.",
    )
    UPSTREAM_TIMEOUT = _Row(504, "server_error", "upstream_timeout", "No backend answered in time.")


class ApiError(msgspec.Struct, frozen=True, kw_only=True):
    """One error: its kind, and what is particular to it. `extra` is added to the error object."""

    kind: ErrorKind
    message: str = ""
    param: str | None = None
    retry_after_s: float | None = None
    should_retry: bool | None = None
    extra: Mapping[str, Any] = {}

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.kind.value.status


class Answer(msgspec.Struct, frozen=True):
    """An answer without its HTTP framing."""

    status: int
    headers: tuple[Header, ...]
    body: bytes


_JSON: Final = (b"content-type", b"application/json")
_RETRY: Final[Mapping[bool, Header]] = {
    True: (b"x-should-retry", b"true"),
    False: (b"x-should-retry", b"false"),
}


def answer(error: ApiError) -> Answer:
    """The whole answer for an error."""
    return Answer(error.status, (_JSON, *retry_headers(error)), body(error))


def body(error: ApiError) -> bytes:
    """The body of an error, also what an error frame carries."""
    row = error.kind.value
    inner = {
        "message": error.message or row.message,
        "type": row.type,
        "param": error.param,
        "code": row.code,
    }
    return msgspec.json.encode({"error": {**error.extra, **inner}})


def retry_headers(error: ApiError) -> tuple[Header, ...]:
    """When to come back, in whole seconds and rounded up (RFC 9110, 10.2.3), and whether to come back at all."""
    headers: tuple[Header, ...] = ()
    if error.retry_after_s is not None:
        headers += ((b"retry-after", b"%d" % max(1, -int(-error.retry_after_s // 1))),)
    if error.should_retry is not None:
        headers += (_RETRY[error.should_retry],)
    return headers


def residency_denied(
    *, reason: str, scope: str, origin: frozenset[str], policy: str | None, way_out: str, hostnames: Mapping[str, str]
) -> ApiError:
    """The refusal of the law: which policy, for data from where, and the way out. No retry will help."""
    known = sorted(code for code in origin if code)
    source = ", ".join(known) or "an unknown origin"
    by = f"policy {policy}" if policy else "the default of this installation"
    hosts = ", ".join(sorted(set(hostnames.values())))
    parts = [f"Data from {source} may not be handled here: {by} refuses it ({reason}, scope {scope}).", way_out]
    if hosts:
        parts.append(f"Lawful entrances: {hosts}.")
    return ApiError(
        kind=ErrorKind.RESIDENCY_DENIED,
        message=" ".join(part for part in parts if part),
        should_retry=False,
        extra={
            "residency": {
                "policy": policy,
                "reason": reason,
                "scope": scope,
                "origin": known,
                "hostnames": dict(sorted(hostnames.items())),
            }
        },
    )
