"""Each class of error raises the client's own exception, with what it needs to know."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import openai
import pytest
from tests.conformance.openai.sdk import COMPLETION, MESSAGES, STREAM, both_clients, calling, client, delta
from tests.unit.pipeline.harness import (
    KEY,
    backends,
    of_engines,
    only_in,
    run,
    serving,
    sha256,
    tenant,
)

from isochrone_gateway.config import Config
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Parameters, Queue, Retry, RouteEndpoint, Timeouts
from isochrone_gateway.config.tenants import Key, Tenants
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.scripts import Script

GOOD = scripts.answer(COMPLETION)
NO_RETRY = {"retry": Retry(attempts=1)}
OVER = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


def expired() -> Tenants:
    return Tenants(keys={sha256(KEY): Key(tenant="lab/team", expires=OVER)}, tenants=(tenant(),))


def fields(**changes: Any) -> dict[str, Any]:
    return changes


def theirs(status: int) -> Script:
    return scripts.answer(b'{"error":{"message":"no","type":"x","param":null,"code":"theirs"}}', status=status)


CASES = [
    pytest.param(GOOD, {}, {"key": "sk-wrong"}, openai.AuthenticationError, 401, "invalid_api_key", id="wrong-key"),
    pytest.param(GOOD, fields(tenants=expired()), {}, openai.AuthenticationError, 401, "invalid_api_key", id="expired"),
    pytest.param(
        GOOD,
        fields(tenant=tenant(suspended=True)),
        {},
        openai.PermissionDeniedError,
        403,
        "permission_denied",
        id="suspended",
    ),
    pytest.param(
        GOOD,
        fields(tenant=tenant(origins=frozenset({"DE"})), law=only_in(1)),
        {},
        openai.PermissionDeniedError,
        403,
        "residency_denied",
        id="unlawful-here",
    ),
    pytest.param(GOOD, {}, {"model": "nope"}, openai.NotFoundError, 404, "model_not_found", id="no-such-model"),
    pytest.param(
        GOOD,
        fields(tenant=tenant(routes=frozenset())),
        {},
        openai.NotFoundError,
        404,
        "model_not_found",
        id="not-this-tenants-model",
    ),
    pytest.param(
        GOOD,
        fields(route={"endpoints": frozenset({RouteEndpoint.EMBEDDINGS})}),
        {},
        openai.BadRequestError,
        400,
        "invalid_value",
        id="not-for-this-endpoint",
    ),
    pytest.param(GOOD, {}, {"n": 0}, openai.BadRequestError, 400, "invalid_value", id="bad-value"),
    pytest.param(
        GOOD,
        fields(route={"parameters": Parameters(caps={"max_tokens": 5})}),
        {"max_tokens": 6},
        openai.BadRequestError,
        400,
        "above_cap",
        id="above-cap",
    ),
    pytest.param(theirs(422), {}, {}, openai.UnprocessableEntityError, 422, "theirs", id="backend-rejects"),
    pytest.param(theirs(400), {}, {}, openai.BadRequestError, 400, "theirs", id="backend-says-400"),
    pytest.param(theirs(409), {}, {}, openai.ConflictError, 409, "theirs", id="backend-says-409"),
    pytest.param(theirs(413), {}, {}, openai.APIStatusError, 413, "theirs", id="backend-says-413"),
    pytest.param(theirs(401), {}, {}, openai.InternalServerError, 502, "upstream_failed", id="backend-wants-a-key"),
    pytest.param(
        scripts.rate_limited(7), {}, {}, openai.RateLimitError, 429, "rate_limit_exceeded", id="backend-limits"
    ),
    pytest.param(
        scripts.server_error(500), {}, {}, openai.InternalServerError, 502, "upstream_failed", id="backend-500"
    ),
    pytest.param(
        scripts.server_error(503), {}, {}, openai.InternalServerError, 502, "upstream_failed", id="backend-503"
    ),
    pytest.param(
        scripts.reset_at_once(), {}, {}, openai.InternalServerError, 502, "upstream_failed", id="backend-resets"
    ),
    pytest.param(
        scripts.short_body(COMPLETION, missing=5),
        {},
        {},
        openai.InternalServerError,
        502,
        "upstream_failed",
        id="cut-off",
    ),
    pytest.param(
        scripts.hang(),
        fields(route={"timeouts": Timeouts(first_byte_ms=50, idle_ms=50, total_ms=1_000), **NO_RETRY}),
        {},
        openai.InternalServerError,
        504,
        "upstream_timeout",
        id="backend-hangs",
    ),
]


@both_clients
@pytest.mark.parametrize("stream", [pytest.param(False, id="whole"), pytest.param(True, id="stream")])
@pytest.mark.parametrize(("script", "made", "call", "expected", "status", "code"), CASES)
def test_each_error_is_the_clients_own(
    script: Script,
    made: dict[str, Any],
    call: dict[str, Any],
    expected: type[openai.APIStatusError],
    status: int,
    code: str,
    *,
    stream: bool,
    kind: str,
) -> None:
    async def scenario() -> None:
        asked = {"model": "chat", "messages": MESSAGES, "stream": stream, **call}
        options = {"api_key": asked.pop("key", KEY)}
        async with (
            backends(script) as found,
            serving(of_engines(found, **made)) as gateway,
            calling(kind, gateway, **options) as sdk,
        ):
            with pytest.raises(expected) as caught:
                await sdk.call("chat.completions.create", **asked)

            error = caught.value
            assert error.status_code == status
            assert error.code == code
            assert error.request_id is not None
            assert error.request_id.startswith("req_")
            assert (await gateway.record()).status == status

    run(scenario())


@both_clients
@pytest.mark.parametrize(
    ("path", "asked"),
    [
        pytest.param("completions.create", {"prompt": "Hi"}, id="completion"),
        pytest.param("completions.create", {"prompt": "Hi", "stream": True}, id="completion-stream"),
        pytest.param("embeddings.create", {"input": "Hi"}, id="embeddings"),
        pytest.param("models.retrieve", {}, id="models"),
    ],
)
def test_each_endpoint_has_the_same_errors(kind: str, path: str, asked: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with backends(scripts.server_error(500)) as found, serving(of_engines(found)) as gateway:
            async with calling(kind, gateway) as sdk:
                with pytest.raises(openai.NotFoundError) as no_model:
                    await sdk.call(path, model="nope", **asked)
                if path != "models.retrieve":
                    with pytest.raises(openai.InternalServerError) as failed:
                        await sdk.call(path, model="chat", **asked)
                    assert failed.value.code == "upstream_failed"
            async with calling(kind, gateway, api_key="sk-wrong") as sdk:
                with pytest.raises(openai.AuthenticationError) as no_key:
                    await sdk.call(path, model="chat", **asked)

        assert (no_model.value.code, no_key.value.code) == ("model_not_found", "invalid_api_key")

    run(scenario())


def test_the_limit_of_a_tenant_says_when_to_come_back() -> None:
    async def scenario() -> None:
        limited = tenant(limits=Rates(requests_per_minute=1))
        async with backends(GOOD) as found, serving(of_engines(found, tenant=limited)) as gateway:
            async with client(gateway) as sdk:
                await sdk.chat.completions.create(model="chat", messages=MESSAGES)
                with pytest.raises(openai.RateLimitError) as caught:
                    await sdk.chat.completions.create(model="chat", messages=MESSAGES)

            assert 1 <= int(caught.value.response.headers["retry-after"]) <= 61
            assert len(found[0].asked) == 1

    run(scenario())


def test_no_engine_ready_says_when_to_come_back() -> None:
    async def scenario() -> None:
        nobody_waits = {"queue": Queue(max_requests=0, max_wait_ms=0)}
        async with backends(GOOD) as found:
            found[0].is_well = False
            async with serving(of_engines(found, route=nobody_waits)) as gateway, client(gateway) as sdk:
                with pytest.raises(openai.InternalServerError) as caught:
                    await sdk.chat.completions.create(model="chat", messages=MESSAGES)

        assert caught.value.status_code == 503
        assert caught.value.code == "no_capacity"
        assert int(caught.value.response.headers["retry-after"]) >= 1

    run(scenario())


def test_a_used_up_chain_tells_the_client_not_to_retry() -> None:
    async def scenario() -> None:
        async with backends(scripts.server_error(503), scripts.server_error(500)) as found:
            async with serving(of_engines(found)) as gateway, client(gateway, retries=5) as sdk:
                with pytest.raises(openai.InternalServerError) as caught:
                    await sdk.chat.completions.create(model="chat", messages=MESSAGES)

            assert caught.value.response.headers["x-should-retry"] == "false"
            assert caught.value.response.headers["x-isochrone-attempts"] == "3"
            assert sum(len(backend.asked) for backend in found) == 3

    run(scenario())


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(scripts.die_mid_frame(STREAM[:3]), id="closed"),
        pytest.param(scripts.die_mid_frame(STREAM[:3], reset=True), id="reset"),
        pytest.param(scripts.stream(STREAM[:3], done=False), id="ended-without-done"),
        pytest.param(
            scripts.stream([*STREAM[:3], b'{"error":{"message":"x","code":500}}'], done=False), id="error-frame"
        ),
    ],
)
def test_a_stream_that_dies_raises_and_is_never_made_to_look_whole(script: Script) -> None:
    async def scenario() -> None:
        async with backends(script, GOOD) as found, serving(of_engines(found)) as gateway:
            async with client(gateway) as sdk:
                stream = await sdk.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
                text, finished = "", False
                with pytest.raises(openai.APIError):  # noqa: PT012 - it comes out of the loop
                    async for chunk in stream:
                        text += chunk.choices[0].delta.content or ""
                        finished = finished or chunk.choices[0].finish_reason is not None

            assert text == "Hello!"
            assert not finished
            assert found[1].asked == []
            record = await gateway.record()
            assert (record.outcome, record.error) == (Outcome.PARTIAL, "stream_interrupted")
            assert record.usage_partial

    run(scenario())


FIRST_FAILS: Sequence[Any] = [
    pytest.param(scripts.server_error(503), id="503"),
    pytest.param(scripts.rate_limited(30), id="429"),
    pytest.param(scripts.reset_at_once(), id="reset"),
    pytest.param(scripts.error_first(b'{"message":"out of memory"}'), id="first-frame-is-an-error"),
    pytest.param(scripts.die_mid_frame([STREAM[0]]), id="dies-before-content"),
]


@pytest.mark.parametrize("script", FIRST_FAILS)
def test_the_next_candidate_answers(script: Script) -> None:
    async def scenario() -> None:
        good = scripts.stream([delta("Hello!", '"stop"')])
        async with backends(script, good) as found, serving(of_engines(found)) as gateway:
            async with client(gateway) as sdk:
                stream = await sdk.chat.completions.create(model="chat", messages=MESSAGES, stream=True)
                chunks = [chunk async for chunk in stream]

            assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello!"
            assert [len(backend.asked) for backend in found] == [1, 1]
            record = await gateway.record()
            assert (record.attempts, record.candidate) == (2, "engine:lab/b")

    run(scenario())


def test_a_candidate_that_refuses_connections_is_passed_over() -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as found, serving(of_engines(found), probing=60.0) as gateway:
            await found[0].close()
            async with client(gateway) as sdk:
                raw = await sdk.chat.completions.with_raw_response.create(model="chat", messages=MESSAGES)

            assert raw.headers["x-isochrone-backend"] == "engine:lab/b"
            assert raw.headers["x-isochrone-attempts"] == "2"

    run(scenario())


def test_without_retries_the_first_failure_is_the_answer() -> None:
    async def scenario() -> None:
        async with backends(scripts.server_error(500), GOOD) as found:
            made: Config = of_engines(found, route=NO_RETRY)
            async with serving(made) as gateway, client(gateway) as sdk:
                with pytest.raises(openai.InternalServerError):
                    await sdk.chat.completions.create(model="chat", messages=MESSAGES)

            assert found[1].asked == []

    run(scenario())
