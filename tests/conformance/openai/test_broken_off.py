"""Connections that are lost, clients that lose patience, and streams that end in the middle, for both clients."""

import asyncio
from typing import Any

import openai
import pytest
from tests.conformance.openai.sdk import COMPLETION, MESSAGES, STREAM, both_clients, calling
from tests.unit.pipeline.harness import PATIENT, Backend, Gateway, backends, of_engines, run, serving, until
from tests.unit.supervisor.gateways import free_ports

from isochrone_gateway.config.routes import Retry
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts

CHAT = {"model": "chat", "messages": MESSAGES}
TEXTS = [
    b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"%b",'
    b'"logprobs":null,"finish_reason":null}]}' % piece
    for piece in (b"Hel", b"lo!")
]
STREAMS = [
    pytest.param("chat.completions.create", {**CHAT, "stream": True}, STREAM[:3], id="chat"),
    pytest.param("completions.create", {"model": "chat", "prompt": "Hi", "stream": True}, TEXTS, id="completion"),
]
streams = pytest.mark.parametrize(("path", "asked", "frames"), STREAMS)


async def freed(found: Backend, gateway: Gateway, before: int) -> None:
    """No connection is open but those that probe, if they still are; nobody is told that all went well."""
    await found.wait(lambda: found.open <= before)
    record = await gateway.record()
    assert record.outcome is Outcome.CLIENT_GONE
    await until(lambda: not gateway.plane.services.open)


@both_clients
@streams
def test_who_closes_a_stream_in_the_middle_frees_its_upstream(
    kind: str, path: str, asked: dict[str, Any], frames: list[bytes]
) -> None:
    async def scenario() -> None:
        async with (
            backends(scripts.hang_mid_stream(frames)) as [found],
            serving(of_engines([found], route=PATIENT), probing=60.0) as gateway,
            calling(kind, gateway) as sdk,
        ):
            before = found.open
            for _ in range(3):
                seen: list[Any] = []
                await sdk.read(seen, path, **asked, most=1)
                assert len(seen) == 1
                await freed(found, gateway, before)

        assert len(found.asked) == 3

    run(scenario())


@both_clients
@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="stream")])
def test_who_loses_patience_frees_its_upstream(kind: str, *, stream: bool) -> None:
    async def scenario() -> None:
        script = scripts.hang_mid_stream(STREAM[:3]) if stream else scripts.hang()
        async with (
            backends(script) as [found],
            serving(of_engines([found], route=PATIENT), probing=60.0) as gateway,
            calling(kind, gateway, timeout=openai.Timeout(60, read=0.5)) as sdk,
        ):
            before = found.open
            with pytest.raises(openai.APITimeoutError):
                await sdk.call("chat.completions.create", **CHAT, stream=stream)
            await freed(found, gateway, before)

        assert len(found.asked) == 1

    run(scenario())


@both_clients
def test_a_gateway_that_is_not_there(kind: str) -> None:
    async def scenario() -> None:
        async with backends(scripts.hang()) as found, serving(of_engines(found)) as gateway:
            (nobody,) = free_ports(1)
            async with calling(kind, gateway, base_url=f"http://127.0.0.1:{nobody}/v1") as sdk:
                with pytest.raises(openai.APIConnectionError):
                    await sdk.call("models.list")

    run(scenario())


@both_clients
@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="stream")])
def test_a_gateway_that_dies_is_a_lost_connection_and_never_an_answer(kind: str, *, stream: bool) -> None:
    async def scenario() -> None:
        script = scripts.hang_mid_stream(STREAM[:3]) if stream else scripts.hang()
        async with (
            backends(script) as [found],
            serving(of_engines([found])) as gateway,
            calling(kind, gateway) as sdk,
        ):
            calls = asyncio.create_task(sdk.call("chat.completions.create", **CHAT, stream=stream))
            await found.wait(lambda: len(found.asked) == 1)
            gateway.port.cut()
            with pytest.raises(openai.APIConnectionError):
                await calls

    run(scenario())


@both_clients
@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="stream")])
def test_a_gateway_that_shuts_down_says_so(kind: str, *, stream: bool) -> None:
    async def scenario() -> None:
        script = scripts.hang_mid_stream(STREAM[:3]) if stream else scripts.hang()
        async with backends(script) as [found], serving(of_engines([found])) as gateway, calling(kind, gateway) as sdk:
            calls = asyncio.create_task(sdk.call("chat.completions.create", **CHAT, stream=stream))
            await found.wait(lambda: len(found.asked) == 1)
            gateway.plane.interrupt()
            with pytest.raises(openai.APIError) as caught:
                await calls

        assert caught.value.code == "draining"

    run(scenario())


THEIRS = b'{"error":{"message":"x","code":"theirs"}}'
ENDINGS = [
    pytest.param(scripts.die_mid_frame, "stream_interrupted", id="closed"),
    pytest.param(lambda frames: scripts.die_mid_frame(frames, reset=True), "stream_interrupted", id="reset"),
    pytest.param(lambda frames: scripts.stream(frames, done=False), "stream_interrupted", id="without-done"),
    pytest.param(lambda frames: scripts.stream([*frames, THEIRS], done=False), "theirs", id="error-frame"),
]


@both_clients
@streams
@pytest.mark.parametrize(("ending", "code"), ENDINGS)
def test_a_stream_that_breaks_off_raises(
    kind: str, path: str, asked: dict[str, Any], frames: list[bytes], ending: Any, code: str
) -> None:
    async def scenario() -> None:
        seen: list[Any] = []
        async with (
            backends(ending(frames)) as [found],
            serving(of_engines([found])) as gateway,
            calling(kind, gateway) as sdk,
        ):
            with pytest.raises(openai.APIError) as caught:
                await sdk.read(seen, path, **asked)

        assert caught.value.code == code
        assert len(seen) == len(frames)
        assert {chunk.choices[0].finish_reason for chunk in seen} == {None}
        assert len(found.asked) == 1

    run(scenario())


@both_clients
def test_the_client_comes_back_when_it_was_told_to(kind: str) -> None:
    async def scenario() -> None:
        left = [scripts.rate_limited(1)]
        async with (
            backends(lambda _: left.pop() if left else scripts.answer(COMPLETION)) as [found],
            serving(of_engines([found], route={"retry": Retry(attempts=1)})) as gateway,
            calling(kind, gateway, max_retries=1) as sdk,
        ):
            answer = await sdk.call("chat.completions.create", **CHAT)
            records = gateway.records()

        assert answer.choices[0].message.content == "Hello!"
        assert [record.status for record in records] == [429, 200]
        assert len(found.asked) == 2

    run(scenario())
