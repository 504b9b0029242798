"""Records -> spans, in the JSON of OTLP (https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).

One span of kind server for a request, and below it one of kind client for each attempt at a backend. Attributes are
those of OpenTelemetry's conventions for generative AI (https://github.com/open-telemetry/semantic-conventions-genai)
and for HTTP where they have one; all others begin with `isochrone.`. `VOCABULARY` names them all.

Tokens are told by the server's span only, since whoever adds them up would count them twice; of a request that hopped
from site to site, only by that of its entry.

A request's spans are encoded by themselves, so that the thread that does it holds the interpreter for microseconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from isochrone_gateway.ledger.record import Operation, Outcome, Record, Traced, Try

SCOPE: Final = "isochrone_gateway"
VOCABULARY: Final = frozenset(
    {
        "error.type",
        "gen_ai.operation.name",
        "gen_ai.provider.name",
        "gen_ai.request.model",
        "gen_ai.request.stream",
        "gen_ai.response.model",
        "gen_ai.response.time_to_first_chunk",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.reasoning.output_tokens",
        "http.request.method",
        "http.request.resend_count",
        "http.response.status_code",
        "isochrone.attempts",
        "isochrone.cache",
        "isochrone.candidate",
        "isochrone.jurisdiction",
        "isochrone.origin",
        "isochrone.outcome",
        "isochrone.peer",
        "isochrone.policies",
        "isochrone.request.id",
        "isochrone.revision",
        "isochrone.route",
        "isochrone.tenant",
        "isochrone.usage.partial",
        "url.path",
    }
)
"""Every attribute that a span may have. None of them can hold what a caller or a model said, a key or a header."""

Value = str | int | float | bool | Sequence[str]

_SERVER: Final = 2
_CLIENT: Final = 3
_ERROR: Final = {"code": 2}
_HAS_IS_REMOTE: Final = 0x100
_IS_REMOTE: Final = 0x200
_SERVER_ERRORS: Final = 500
_CLIENT_ERRORS: Final = 400
_PATHS: Final = {
    Operation.CHAT: "/v1/chat/completions",
    Operation.TEXT_COMPLETION: "/v1/completions",
    Operation.EMBEDDINGS: "/v1/embeddings",
    Operation.MODELS: "/v1/models",
}
"""Known paths only: any other may hold anything."""
_GENERATIVE: Final = frozenset({Operation.CHAT, Operation.TEXT_COMPLETION, Operation.EMBEDDINGS})
_GIVEN: Final = frozenset({Outcome.ANSWERED, Outcome.PARTIAL})

_encode: Final = msgspec.json.Encoder().encode


def count(record: Record) -> int:
    """How many spans a record makes."""
    return 0 if record.traced is None else 1 + len(record.traced.tries)


def encode(record: Record) -> bytes:
    """The spans of one request, with commas between them; nothing if it isn't recorded."""
    traced = record.traced
    if traced is None:
        return b""
    tries = (_client(record, traced, each, number) for number, each in enumerate(traced.tries))
    return b",".join([_encode(_server(record, traced)), *map(_encode, tries)])


def request(resource: Mapping[str, str]) -> tuple[bytes, bytes]:
    """What comes before and after the encoded spans, with commas between them, in an ExportTraceServiceRequest."""
    before = b'{"resourceSpans":[{"resource":{"attributes":%b},"scopeSpans":[{"scope":{"name":%b},"spans":['
    return before % (_encode(_attributes(resource)), _encode(SCOPE)), b"]}]}]}"


def _server(record: Record, traced: Traced) -> dict[str, Any]:
    start = round(record.at * 1e9)
    span = {
        "traceId": record.trace,
        "spanId": traced.span,
        "parentSpanId": traced.parent,
        "flags": traced.flags | _HAS_IS_REMOTE | (_IS_REMOTE if traced.parent else 0),
        "name": _name(record.operation, record.model) or f"{traced.method or 'HTTP'} {_path(record)}".rstrip(),
        "kind": _SERVER,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + _nanoseconds(record.times.total)),
        "attributes": _attributes(_of_request(record, traced)),
    }
    # A refusal is the client's error, and none of this server.
    if record.status >= _SERVER_ERRORS or record.outcome is Outcome.PARTIAL:
        span["status"] = _ERROR
    return span


def _of_request(record: Record, traced: Traced) -> dict[str, Value]:
    usage = record.usage
    found: dict[str, Value] = {
        "gen_ai.operation.name": _operation(record.operation),
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": record.model,
        "gen_ai.request.stream": record.stream,
        "gen_ai.response.model": record.upstream_model if record.outcome in _GIVEN else "",
        "gen_ai.response.time_to_first_chunk": record.times.first_token or 0,
        "error.type": record.error,
        "http.request.method": traced.method,
        "http.response.status_code": record.status,
        "url.path": _path(record),
        "isochrone.attempts": record.attempts,
        "isochrone.cache": record.cache,
        "isochrone.candidate": record.candidate,
        "isochrone.jurisdiction": record.jurisdiction,
        "isochrone.origin": record.origin,
        "isochrone.outcome": record.outcome,
        "isochrone.peer": record.peer,
        "isochrone.policies": record.policies,
        "isochrone.request.id": record.id,
        "isochrone.revision": record.revision,
        "isochrone.route": record.route,
        "isochrone.tenant": record.tenant,
    }
    if usage is not None and not record.hosted:
        found["gen_ai.usage.input_tokens"] = usage.input_tokens
        found["gen_ai.usage.output_tokens"] = usage.output_tokens
        found["gen_ai.usage.cache_read.input_tokens"] = usage.cached_tokens
        found["gen_ai.usage.reasoning.output_tokens"] = usage.reasoning_tokens
        found["isochrone.usage.partial"] = record.usage_partial
    return found


def _client(record: Record, traced: Traced, tried: Try, number: int) -> dict[str, Any]:
    start = round(record.at * 1e9)
    span = {
        "traceId": record.trace,
        "spanId": tried.span,
        "parentSpanId": traced.span,
        "flags": traced.flags | _HAS_IS_REMOTE,
        "name": _name(record.operation, tried.model) or "POST",
        "kind": _CLIENT,
        "startTimeUnixNano": str(start + _nanoseconds(tried.start)),
        "endTimeUnixNano": str(start + _nanoseconds(tried.end)),
        "attributes": _attributes(
            {
                "gen_ai.operation.name": _operation(record.operation),
                "gen_ai.provider.name": tried.provider,
                "gen_ai.request.model": tried.model,
                "error.type": tried.fault,
                "http.request.method": "POST",
                "http.request.resend_count": number,
                "http.response.status_code": tried.status,
                "isochrone.candidate": tried.candidate,
                "isochrone.jurisdiction": tried.jurisdiction,
            }
        ),
    }
    if tried.fault or tried.status >= _CLIENT_ERRORS:
        span["status"] = _ERROR
    return span


def _name(operation: Operation, model: str) -> str:
    """As the conventions for generative AI want it; nothing for what is none."""
    return f"{operation} {model}".rstrip() if operation in _GENERATIVE else ""


def _operation(operation: Operation) -> str:
    return operation if operation in _GENERATIVE else ""


def _path(record: Record) -> str:
    return _PATHS.get(record.operation, "")


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _attributes(found: Mapping[str, Value]) -> list[dict[str, Any]]:
    """What isn't known (empty, zero, false) is left out."""
    return [{"key": key, "value": _value(value)} for key, value in found.items() if value]


def _value(value: Value) -> dict[str, Any]:
    """As an AnyValue. A bool is an int in Python, so it is asked for first."""
    match value:
        case str():
            return {"stringValue": value}
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case _:
            return {"arrayValue": {"values": [{"stringValue": each} for each in value]}}
