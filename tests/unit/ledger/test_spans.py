"""Records as spans: what they say, that a collector would take them, and what they can never hold."""

import re
import string
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from tests.unit.ledger import otlp_json
from tests.unit.ledger.records import ANSWERED, body_of, record

from isochrone_gateway.ledger import spans
from isochrone_gateway.ledger.record import Operation, Outcome, Record, Times, Traced, Try
from isochrone_gateway.wire.schema import Usage

FIRST = Try(
    span="b" * 16,
    start=0.25,
    end=0.5,
    candidate="engine:shop/chat",
    provider="vllm",
    model="llama-3.1-8b",
    jurisdiction="DE",
    status=503,
    fault="ServerError",
)
SECOND = Try(
    span="c" * 16,
    start=0.5,
    end=2.0,
    candidate="provider:eu/one",
    provider="openai",
    model="gpt-x",
    jurisdiction="FR",
    status=200,
)
TRACED = Traced(span="a" * 16, parent="00f067aa0ba902b7", flags=1, method="POST", tries=(FIRST, SECOND))


def made(**changes: Any) -> list[Span]:
    return otlp_json.spans(body_of(record(**{"traced": TRACED, **changes})))


def test_a_request_with_two_attempts() -> None:
    server, first, second = made()
    start = 1_800_000_000_500_000_000
    assert (server.trace_id.hex(), server.span_id.hex()) == (ANSWERED.trace, TRACED.span)
    assert server.parent_span_id.hex() == TRACED.parent
    assert (server.name, server.kind) == ("chat chat", Span.SPAN_KIND_SERVER)
    assert (server.start_time_unix_nano, server.end_time_unix_nano) == (start, start + 2_000_000_000)
    assert server.flags == 0x301, "sampled, with a remote parent"
    assert server.status.code == Status.STATUS_CODE_UNSET
    assert otlp_json.attributes(server.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "chat",
        "gen_ai.request.stream": True,
        "gen_ai.response.model": "llama-3.1-8b",
        "gen_ai.response.time_to_first_chunk": 0.5,
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 31,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning.output_tokens": 7,
        "http.request.method": "POST",
        "http.response.status_code": 200,
        "url.path": "/v1/chat/completions",
        "isochrone.attempts": 2,
        "isochrone.candidate": "engine:shop/chat",
        "isochrone.jurisdiction": "DE",
        "isochrone.origin": ["DE"],
        "isochrone.outcome": "Answered",
        "isochrone.policies": ["health-data-stays-in-europe"],
        "isochrone.request.id": "req-1",
        "isochrone.revision": "1/42",
        "isochrone.route": "shop/chat",
        "isochrone.tenant": "shop/web",
    }
    assert {each.trace_id for each in (first, second)} == {server.trace_id}
    assert {each.parent_span_id for each in (first, second)} == {server.span_id}
    assert [each.span_id.hex() for each in (first, second)] == [FIRST.span, SECOND.span]
    assert {each.kind for each in (first, second)} == {Span.SPAN_KIND_CLIENT}
    assert {each.flags for each in (first, second)} == {0x101}, "sampled, with a parent of this process"
    assert (first.start_time_unix_nano, first.end_time_unix_nano) == (start + 250_000_000, start + 500_000_000)
    assert [each.status.code for each in (first, second)] == [Status.STATUS_CODE_ERROR, Status.STATUS_CODE_UNSET]
    assert (first.name, second.name) == ("chat llama-3.1-8b", "chat gpt-x")
    assert otlp_json.attributes(first.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "vllm",
        "gen_ai.request.model": "llama-3.1-8b",
        "error.type": "ServerError",
        "http.request.method": "POST",
        "http.response.status_code": 503,
        "isochrone.candidate": "engine:shop/chat",
        "isochrone.jurisdiction": "DE",
    }
    assert otlp_json.attributes(second.attributes)["http.request.resend_count"] == 1


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        pytest.param({"outcome": Outcome.REFUSED, "status": 403, "error": "residency_denied"}, 0, id="refused"),
        pytest.param({"outcome": Outcome.FAILED, "status": 400, "error": "upstream_rejected"}, 0, id="rejected"),
        pytest.param({"outcome": Outcome.FAILED, "status": 502, "error": "upstream_failed"}, 2, id="failed"),
        pytest.param({"outcome": Outcome.PARTIAL, "status": 200, "error": "stream_interrupted"}, 2, id="broken off"),
        pytest.param({"outcome": Outcome.CLIENT_GONE, "status": 499}, 0, id="the client is gone"),
    ],
)
def test_whose_error_it_is(changes: dict[str, Any], code: int) -> None:
    server, *_ = made(**changes)
    assert server.status.code == code
    found = otlp_json.attributes(server.attributes)
    assert found.get("error.type") == changes.get("error")
    assert found["http.response.status_code"] == changes["status"]


@pytest.mark.parametrize(
    ("tried", "code"),
    [
        pytest.param({"status": 0, "fault": "Connect"}, 2, id="no answer"),
        pytest.param({"status": 200, "fault": "Cancelled"}, 2, id="cut off"),
        pytest.param({"status": 400, "fault": "Rejected"}, 2, id="rejected"),
        pytest.param({"status": 404, "fault": ""}, 2, id="an error's status"),
        pytest.param({"status": 200, "fault": ""}, 0, id="answered"),
    ],
)
def test_whether_an_attempt_failed(tried: dict[str, Any], code: int) -> None:
    one = msgspec.structs.replace(FIRST, **tried)
    _, client = made(traced=msgspec.structs.replace(TRACED, tries=(one,)))
    assert client.status.code == code
    assert otlp_json.attributes(client.attributes).get("http.response.status_code", 0) == tried["status"]


@pytest.mark.parametrize(
    ("operation", "model", "method", "name", "path"),
    [
        (Operation.CHAT, "chat", "POST", "chat chat", "/v1/chat/completions"),
        (Operation.CHAT, "", "GET", "chat", "/v1/chat/completions"),
        (Operation.TEXT_COMPLETION, "m", "POST", "text_completion m", "/v1/completions"),
        (Operation.EMBEDDINGS, "m", "POST", "embeddings m", "/v1/embeddings"),
        (Operation.MODELS, "", "GET", "GET /v1/models", "/v1/models"),
        (Operation.UNKNOWN, "", "PUT", "PUT", None),
        (Operation.UNKNOWN, "", "", "HTTP", None),
    ],
)
def test_names(operation: Operation, model: str, method: str, name: str, path: str | None) -> None:
    [server] = made(operation=operation, model=model, traced=Traced(span="a" * 16, method=method))
    assert server.name == name
    assert server.parent_span_id == b""
    assert server.flags == 0x101, "sampled, and begun here"
    found = otlp_json.attributes(server.attributes)
    assert found.get("url.path") == path
    assert ("gen_ai.operation.name" in found) == (operation not in {Operation.MODELS, Operation.UNKNOWN})


def test_who_answered_is_told_only_of_answers() -> None:
    server, *_ = made(outcome=Outcome.FAILED, status=502)
    assert "gen_ai.response.model" not in otlp_json.attributes(server.attributes)


def test_what_is_not_recorded_makes_no_span() -> None:
    assert spans.encode(ANSWERED) == b""
    assert spans.count(ANSWERED) == 0
    assert spans.count(record(traced=TRACED)) == 3


def test_what_all_spans_have_in_common() -> None:
    sent = body_of(*[record(traced=TRACED)] * 2, **{"service.name": "x", "isochrone.site": ""})
    [resource] = otlp_json.read(sent).resource_spans
    assert otlp_json.attributes(resource.resource.attributes) == {"service.name": "x"}
    [scope] = resource.scope_spans
    assert scope.scope.name == "isochrone_gateway"
    assert len(scope.spans) == 6


def test_the_vocabulary() -> None:
    """Whoever adds a name has to think of this test: a prompt, a key or a header may fit under none."""
    assert sorted(spans.VOCABULARY) == [
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
    ]


def test_every_name_is_in_use_and_no_other() -> None:
    """A record all of whose fields are filled says every name; the caller's tags and the key's name aren't there."""
    full = record(traced=TRACED, error="e", cache="Hit", peer="paris", usage_partial=True, key="KEY", tags={"t": "TAG"})
    encoded = spans.encode(full)
    assert set(re.findall(rb'"key":"([^"]+)"', encoded)) == {name.encode() for name in spans.VOCABULARY}
    assert not re.search(rb"KEY|TAG", encoded)


text = st.text(max_size=20)
methods = st.text(string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~", max_size=20)
"""Tokens (RFC 9110, section 5.6.2), or none; the server lets nothing else through."""
hexadecimal = st.integers(1, 2**64 - 1).map("{:016x}".format)
seconds = st.floats(0, 1e5)
tries = st.builds(
    Try,
    span=hexadecimal,
    start=seconds,
    end=seconds,
    candidate=text,
    provider=text,
    model=text,
    jurisdiction=text,
    status=st.integers(0, 599),
    fault=text,
)
records = st.builds(
    Record,
    id=text,
    at=st.floats(0, 4e9),
    outcome=st.sampled_from(Outcome),
    status=st.integers(100, 599),
    times=st.builds(Times, total=seconds, first_byte=st.none() | seconds, first_token=st.none() | seconds),
    operation=st.sampled_from(Operation),
    error=text,
    trace=st.integers(1, 2**128 - 1).map("{:032x}".format),
    tenant=text,
    model=text,
    origin=st.lists(text, max_size=3).map(tuple),
    policies=st.lists(text, max_size=3).map(tuple),
    stream=st.booleans(),
    usage=st.none() | st.builds(Usage, *[st.integers(0, 2**40)] * 4),
    usage_partial=st.booleans(),
    traced=st.builds(
        Traced,
        span=hexadecimal,
        parent=st.just("") | hexadecimal,
        flags=st.integers(1, 3),
        method=methods,
        tries=st.lists(tries, max_size=3).map(tuple),
    ),
)


@given(st.lists(records, min_size=1, max_size=4))
def test_a_collector_takes_any_record(batch: list[Record]) -> None:
    found = otlp_json.spans(body_of(*batch))
    assert len(found) == sum(map(spans.count, batch))
    for span in found:
        assert (len(span.trace_id), len(span.span_id), len(span.parent_span_id) in {0, 8}) == (16, 8, True)
        assert set(otlp_json.attributes(span.attributes)) <= spans.VOCABULARY
        assert span.name


def test_tokens_of_a_hop_are_told_by_the_entrys_span_only() -> None:
    server, *_ = made(peer="fra", hosted=True)
    told = otlp_json.attributes(server.attributes)
    assert told["isochrone.peer"] == "fra"
    assert not [name for name in told if "usage" in name]
