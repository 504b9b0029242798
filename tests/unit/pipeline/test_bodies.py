"""What of a body changes on its way: the keys that the gateway owns, and not a byte more."""

import json

import pytest
from tests.unit.pipeline.harness import (
    Backend,
    backends,
    config,
    engine,
    engine_candidate,
    of_engines,
    route,
    run,
    serving,
)
from tests.unit.pipeline.talk import ask, post

from isochrone_gateway.config.routes import Parameters
from isochrone_gateway.upstream import scripts

GOOD = scripts.answer(b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}')
WEIRD = (
    b'{ "model" :"chat",\t"zeta":1e400, "big":123456789012345678901234567890,"u":"\xc3\xa9\\u00e9" ,"temperature":0.10}'
)


async def sent(found: list[Backend], body: bytes, **fields: object) -> bytes:
    async with serving(of_engines(found, **fields)) as gateway:
        answer = await ask(gateway, post(body))
    assert answer.status == 200, answer.body
    return found[0].asked[-1].body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(WEIRD, WEIRD.replace(b'"chat"', b'"upstream-model"'), id="only-the-model"),
        pytest.param(b'{"model":"upstream-model","x":1}', None, id="not-even-that"),
        pytest.param(
            b'{"model":"chat","stream":true}',
            b'{"stream_options":{"include_usage":true},"model":"upstream-model","stream":true}',
            id="usage-of-a-stream",
        ),
    ],
)
def test_bytes_pass_through(body: bytes, expected: bytes | None) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found:
            changed = await sent(found, body, route={"aliases": frozenset({"upstream-model"})})

        assert changed == (body if expected is None else expected)

    run(scenario())


def test_defaults_of_the_route_fill_what_is_missing() -> None:
    async def scenario() -> None:
        parameters = Parameters(defaults={"temperature": 0.5, "seed": 7})
        async with backends(GOOD) as found:
            body = await sent(found, b'{"model":"chat","temperature":1}', route={"parameters": parameters})

        assert json.loads(body) == {"model": "upstream-model", "temperature": 1, "seed": 7}

    run(scenario())


def test_a_large_body_arrives_whole() -> None:
    async def scenario() -> None:
        body = b'{"model":"chat","messages":"%b"}' % (b"x" * 3_000_000)
        async with backends(GOOD) as found:
            assert await sent(found, body) == body.replace(b'"chat"', b'"upstream-model"')

    run(scenario())


def test_tenants_have_different_cache_salts() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = config(engines=(engine("a", found.port, cache_salt=True),), routes=(route([engine_candidate("a")]),))
            async with serving(made) as gateway:
                await ask(gateway, post(b'{"model":"chat","cache_salt":"mine"}'))

        salt = json.loads(found.asked[0].body)["cache_salt"]
        assert salt != "mine"
        assert len(salt) == 32

    run(scenario())


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{", "invalid_json", id="not-json"),
        pytest.param(b'{"model":"chat","model":"chat"}', "duplicate_key", id="twice"),
        pytest.param(b'{"model":"chat","Model":"chat"}', "ambiguous_key", id="other-case"),
        pytest.param(b'{"model":"chat","kv_transfer_params":{}}', "parameter_not_allowed", id="chooses-hosts"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(body: bytes, code: str) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found])) as gateway:
            answer = await ask(gateway, post(body))

            assert (answer.status, answer.code) == (400, code)
            assert found.asked == []

    run(scenario())
