"""OTLP's JSON, read with the official schema, as a collector would."""

import base64
import json
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

_IDS = frozenset({"traceId", "spanId", "parentSpanId"})


def read(body: bytes) -> ExportTraceServiceRequest:
    """Read a request. Unknown fields and wrong types are errors, which a real collector may let pass.

    OTLP has ids in hexadecimal and enums as numbers; the rest is protobuf's own JSON.
    """
    found = json.loads(body)
    _check_integers(found)
    return json_format.ParseDict(_with_base64(found), ExportTraceServiceRequest())


def spans(body: bytes) -> list[Span]:
    return [span for resource in read(body).resource_spans for scope in resource.scope_spans for span in scope.spans]


def attributes(pairs: Any) -> dict[str, Any]:
    """Attributes as Python has them; no key occurs twice."""
    found = {pair.key: _value(pair.value) for pair in pairs if isinstance(pair, KeyValue)}
    assert len(found) == len(pairs)
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    assert kind is not None, "an attribute without a value"
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)


def _with_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_base64(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(each)).decode() if key in _IDS else _with_base64(each)
        for key, each in value.items()
    }


def _check_integers(value: Any) -> None:
    """64-bit integers are text, enums are numbers: protobuf's reader is less strict than OTLP."""
    if isinstance(value, list):
        for each in value:
            _check_integers(each)
    if isinstance(value, dict):
        for key, each in value.items():
            if key.endswith("UnixNano") or key == "intValue":
                assert isinstance(each, str), key
            elif key in {"kind", "code", "flags"}:
                assert isinstance(each, int), key
            _check_integers(each)
