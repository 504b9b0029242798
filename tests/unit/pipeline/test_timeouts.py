"""How long a backend may take, by what was asked for."""

from typing import Any

import pytest
from tests.unit.pipeline.harness import backends, of_engines, run, serving
from tests.unit.pipeline.talk import ask, post, talking

from isochrone_gateway.config.routes import Retry, Timeouts
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.scripts import Script, Send, Wait

BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'
ONCE = {"retry": Retry(attempts=1)}
BRIEF = Timeouts(first_byte_ms=200, idle_ms=200, total_ms=600_000)


def after(seconds: float, script: Script) -> Script:
    return Script((Wait(seconds), *script.steps))


def with_(timeouts: Timeouts) -> dict[str, Any]:
    return {"route": {"timeouts": timeouts, **ONCE}}


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/embeddings"])
def test_an_answer_in_one_piece_may_take_its_time(path: str) -> None:
    """Engines send no byte of it before it is finished."""

    async def scenario() -> None:
        slow = after(1.0, scripts.answer(b"{}"))
        async with backends(slow) as found, serving(of_engines(found, **with_(BRIEF))) as gateway:
            assert (await ask(gateway, post(BODY, path=path))).status == 200

    run(scenario())


@pytest.mark.parametrize(
    ("script", "body", "timeouts"),
    [
        pytest.param(after(500.0, scripts.stream([DELTA])), STREAM, BRIEF, id="a stream that doesn't begin"),
        pytest.param(
            Script((Send(scripts.whole(b"{}" * 9)[:-4]), Wait(500.0), Send(b"{}{}"))), BODY, BRIEF, id="silent half-way"
        ),
        pytest.param(
            after(500.0, scripts.answer(b"{}")),
            BODY,
            Timeouts(first_byte_ms=200, idle_ms=200, total_ms=400),
            id="longer than the whole request may take",
        ),
    ],
)
def test_what_takes_too_long_is_a_504(script: Script, body: bytes, timeouts: Timeouts) -> None:
    async def scenario() -> None:
        async with backends(script) as found, serving(of_engines(found, **with_(timeouts))) as gateway:
            answer = await ask(gateway, post(body))

            assert (answer.status, answer.code) == (504, "upstream_timeout")
            assert answer.headers["x-should-retry"] == "false"

    run(scenario())


def test_a_stream_that_falls_silent_ends_with_an_error_frame() -> None:
    async def scenario() -> None:
        silent = scripts.hang_mid_stream([DELTA])
        async with backends(silent) as found, serving(of_engines(found, **with_(BRIEF))) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(STREAM))
                assert (await talk.head())[0] == 200
                chunks = [await talk.chunk()]
                while chunk := await talk.chunk():
                    chunks.append(chunk)

            assert b"stream_interrupted" in chunks[-1]
            assert b"[DONE]" not in b"".join(chunks)

    run(scenario())
