"""What a request tells a collector and its backends, through the whole pipeline."""

import asyncio
import pathlib
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from tests.unit.ledger import otlp_json
from tests.unit.ledger.records import body_of
from tests.unit.pipeline.harness import Backend, Gateway, backends, of_engines, peer_candidate, run, serving
from tests.unit.pipeline.network import Network
from tests.unit.pipeline.talk import ask, post

from isochrone_gateway.config.site import Logs
from isochrone_gateway.ledger import spans
from isochrone_gateway.upstream import scripts
from isochrone_gateway.wire import trace_context

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
BODY = b'{"model":"chat"}'
GOOD = scripts.answer(b'{"usage":{"prompt_tokens":3,"completion_tokens":2}}')


def context(flags: str = "01", **more: str) -> dict[str, str]:
    return {"traceparent": f"00-{TRACE}-{PARENT}-{flags}", **more}


def told(backend: Backend) -> dict[bytes, bytes]:
    """What the last request said of its trace."""
    return {name: value for name, value in backend.asked[-1].headers if name.startswith(b"trace")}


async def made_by(gateway: Gateway) -> Sequence[Span]:
    """The spans of the only request."""
    record = await gateway.record()
    return otlp_json.spans(body_of(record)) if spans.count(record) else []


def said(span: Span) -> dict[str, Any]:
    return otlp_json.attributes(span.attributes)


def test_two_attempts_are_two_spans_and_each_backend_hangs_below_its_own() -> None:
    async def scenario() -> None:
        async with (
            backends(scripts.answer(b"{}", status=503), GOOD) as found,
            serving(of_engines(found), exports_spans=True) as gateway,
        ):
            answer = await ask(gateway, post(BODY, headers=context(tracestate="a=1, b=2")))
            server, first, second = await made_by(gateway)
        assert answer.status == 200
        assert (server.trace_id.hex(), server.parent_span_id.hex()) == (TRACE, PARENT)
        assert {first.parent_span_id, second.parent_span_id} == {server.span_id}
        for backend, span in zip(found, (first, second), strict=True):
            parent = f"00-{TRACE}-{span.span_id.hex()}-01".encode()
            assert told(backend) == {b"traceparent": parent, b"tracestate": b"a=1,b=2"}
        assert (said(first)["error.type"], said(first)["http.response.status_code"]) == ("ServerError", 503)
        assert "error.type" not in said(second)
        assert said(second)["isochrone.candidate"] == "engine:lab/b"
        assert said(server)["gen_ai.usage.input_tokens"] == 3
        assert said(server)["http.request.method"] == "POST"
        assert first.end_time_unix_nano <= second.start_time_unix_nano <= second.end_time_unix_nano
        assert server.start_time_unix_nano <= first.start_time_unix_nano
        assert second.end_time_unix_nano <= server.end_time_unix_nano

    run(scenario())


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param(
            context("00", tracestate="a=1, b"), {b"traceparent": 0, b"tracestate": b"a=1, b"}, id="not sampled"
        ),
        pytest.param({"traceparent": "00-x", "tracestate": "a=1"}, {}, id="not valid"),
        pytest.param({"tracestate": "a=1"}, {}, id="only the state"),
    ],
)
def test_what_is_not_recorded(headers: dict[str, str], expected: dict[bytes, Any]) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found]), exports_spans=True) as gateway:
            await ask(gateway, post(BODY, headers=headers))
            assert await made_by(gateway) == []
        wanted = {name: value or headers["traceparent"].encode() for name, value in expected.items()}
        assert told(found) == wanted

    run(scenario())


def test_without_a_collector_the_sampled_pass_through() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found])) as gateway:
            await ask(gateway, post(BODY, headers=context()))
            record = await gateway.record()
        assert (record.trace, record.traced) == (TRACE, None)
        assert told(found)[b"traceparent"] == context()["traceparent"].encode()

    run(scenario())


def test_those_without_a_parent_are_drawn() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = of_engines([found])
            made = replace(made, site=replace(made.site, logs=Logs(trace_percent=100)))
            async with serving(made, exports_spans=True) as gateway:
                await ask(gateway, post(BODY, headers={"tracestate": "a=1"}))
                server, client = await made_by(gateway)
        sent = trace_context.parse(told(found)[b"traceparent"])
        assert (sent.id, sent.parent, sent.flags) == (server.trace_id.hex(), client.span_id.hex(), 3)
        assert b"tracestate" not in told(found)
        assert server.parent_span_id == b""

    run(scenario())


def test_a_refusal_has_a_span_and_no_attempt() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found]), exports_spans=True) as gateway:
            answer = await ask(gateway, post(b'{"model":"nobody"}', headers=context()))
            [server] = await made_by(gateway)
        assert answer.status == said(server)["http.response.status_code"] == 404
        assert said(server)["error.type"] == "model_not_found"

    run(scenario())


def test_a_client_that_goes_away_cancels_the_attempt() -> None:
    async def scenario() -> None:
        async with backends(scripts.hang()) as [found], serving(of_engines([found]), exports_spans=True) as gateway:
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.number)
            writer.write(post(BODY, headers=context()))
            while not found.asked:  # noqa: ASYNC110 - the fake has no event for this
                await asyncio.sleep(0.01)
            writer.close()
            server, client = await made_by(gateway)
        assert said(server)["isochrone.outcome"] == "ClientGone"
        assert said(client)["error.type"] == "Cancelled"

    run(scenario())


def test_a_stream_that_breaks_off_is_an_error_of_both() -> None:
    frame = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'

    async def scenario() -> None:
        async with (
            backends(scripts.stream([frame], done=False)) as [found],
            serving(of_engines([found]), exports_spans=True) as gateway,
        ):
            await ask(gateway, post(b'{"model":"chat","stream":true}', headers=context()))
            server, client = await made_by(gateway)
        assert {server.status.code, client.status.code} == {2}
        assert said(server)["error.type"] == "stream_interrupted"
        assert said(client)["error.type"] == "ServerError"

    run(scenario())


def test_a_hop_is_one_trace_from_the_client_to_the_engine_and_counts_its_tokens_once(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [found]:
            tiers = [[peer_candidate("par", place=2)]]
            configs = {"fra": network.config("fra", tiers=tiers), "par": network.config("par", [found])}
            async with network.serving(configs, exports_spans=True) as gateways:
                await ask(gateways["fra"], post(BODY, headers=context(tracestate="a=1")))
                here, hop = await made_by(gateways["fra"])
                there, attempt = await made_by(gateways["par"])
        chain = [here, hop, there, attempt]
        assert {span.trace_id.hex() for span in chain} == {TRACE}
        parents = [span.parent_span_id.hex() for span in chain]
        assert parents == [PARENT, *(span.span_id.hex() for span in chain[:-1])]
        sent = f"00-{TRACE}-{attempt.span_id.hex()}-01".encode()
        assert told(found) == {b"traceparent": sent, b"tracestate": b"a=1"}
        assert [("gen_ai.usage.input_tokens" in said(span)) for span in chain] == [True, False, False, False]
        assert (said(here)["isochrone.peer"], said(there)["isochrone.peer"]) == ("par", "fra")
        assert said(here)["isochrone.request.id"] == said(there)["isochrone.request.id"]
        assert said(hop)["isochrone.candidate"] == "peer:par"
        assert said(attempt)["http.response.status_code"] == 200

    run(scenario())


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="none"),
        pytest.param(context("00", tracestate="a=1"), id="not-sampled"),
    ],
)
def test_what_the_entry_does_not_record_its_peer_does_not_draw(tmp_path: pathlib.Path, headers: dict[str, str]) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(GOOD) as [found]:
            tiers = [[peer_candidate("par", place=2)]]
            there = network.config("par", [found], site={"logs": Logs(trace_percent=100)})
            async with network.serving(
                {"fra": network.config("fra", tiers=tiers), "par": there}, exports_spans=True
            ) as gateways:
                await ask(gateways["fra"], post(BODY, headers=headers))
                assert await made_by(gateways["par"]) == []
        assert {name.decode(): value.decode() for name, value in told(found).items()} == headers

    run(scenario())
