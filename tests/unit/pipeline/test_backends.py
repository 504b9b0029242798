"""Providers, their keys, and what reaches them."""

import pathlib

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import (
    backends,
    config,
    engine_candidate,
    of_engines,
    provider,
    provider_candidate,
    route,
    run,
    serving,
    tenant,
)
from tests.unit.pipeline.talk import ask, post

from isochrone_gateway.config.engines import EngineKind, EnginePool, StaticEndpoints
from isochrone_gateway.config.providers import KeyRotation
from isochrone_gateway.config.routes import Retry
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import Received
from isochrone_gateway.upstream.scripts import Script

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'


def keys_in(folder: pathlib.Path, **values: str) -> pathlib.Path:
    (folder / "ai").mkdir()
    for name, value in values.items():
        (folder / "ai" / name).write_text(value + "\n")
    return folder


def auth_of(request: Received) -> bytes:
    return dict(request.headers)[b"authorization"]


@pytest.mark.parametrize("status", [pytest.param(401, id="refused"), pytest.param(429, id="limited")])
def test_the_next_key_is_used_at_once(tmp_path: pathlib.Path, status: int) -> None:
    def answer(request: Received) -> Script:
        return GOOD if auth_of(request) == b"Bearer second" else scripts.server_error(status)

    async def scenario() -> None:
        secrets = keys_in(tmp_path, one="first", two="second")
        async with backends(answer) as [found]:
            made = config(
                providers=(provider("ai", found.port, keys=["one", "two"]),),
                routes=(route([provider_candidate("ai")]),),
            )
            async with serving(made, secrets=secrets) as gateway:
                assert (await ask(gateway, post(BODY))).status == 200
                assert (await ask(gateway, post(BODY))).status == 200

        assert [auth_of(request) for request in found.asked] == [b"Bearer first", b"Bearer second", b"Bearer second"]

    run(scenario())


@pytest.mark.parametrize(
    ("status", "asked"),
    [
        pytest.param(503, 1, id="the-endpoint-failed"),
        pytest.param(429, 0, id="the-key-is-limited-at-both"),
        pytest.param(401, 0, id="the-key-is-refused-at-both"),
    ],
)
def test_another_endpoint_of_a_provider_is_shown_the_same_key(tmp_path: pathlib.Path, status: int, asked: int) -> None:
    async def scenario() -> None:
        secrets = keys_in(tmp_path, one="first")
        async with backends(scripts.server_error(status), GOOD) as [first, second]:
            known = provider("ai", first.port, keys=["one"])
            near = known.endpoints[0]
            far = replace(near, name="far", base_url=f"http://127.0.0.1:{second.port}/v1")
            candidates = [provider_candidate("ai"), provider_candidate("ai", endpoint="far")]
            made = config(
                providers=(replace(known, endpoints=(near, far)),),
                routes=(route([candidates[0]], [candidates[1]], retry=Retry(attempts=2, backoff_base_ms=1)),),
            )
            async with serving(made, secrets=secrets) as gateway:
                answer = await ask(gateway, post(BODY))

        assert (len(first.asked), len(second.asked)) == (1, asked)
        assert (answer.status == 200) == bool(asked)

    run(scenario())


def test_keys_take_turns_where_the_config_says_so(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        secrets = keys_in(tmp_path, one="first", two="second")
        async with backends(GOOD) as [found]:
            made = config(
                providers=(provider("ai", found.port, keys=["one", "two"], rotation=KeyRotation.ROUND_ROBIN),),
                routes=(route([provider_candidate("ai")]),),
            )
            async with serving(made, secrets=secrets) as gateway:
                for _ in range(4):
                    await ask(gateway, post(BODY))

        assert [auth_of(request)[7:] for request in found.asked] == [b"first", b"second"] * 2

    run(scenario())


def test_a_key_that_can_not_be_read_is_left_out(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        secrets = keys_in(tmp_path, two="second")
        async with backends(GOOD) as [found]:
            made = config(
                providers=(provider("ai", found.port, keys=["one", "two"]),),
                routes=(route([provider_candidate("ai")]),),
            )
            async with serving(made, secrets=secrets) as gateway:
                await ask(gateway, post(BODY))

        assert auth_of(found.asked[0]) == b"Bearer second"

    run(scenario())


def test_a_replaced_key_is_used_after_a_reload(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        secrets = keys_in(tmp_path, one="first")
        async with backends(GOOD) as [found]:
            made = config(
                providers=(provider("ai", found.port, keys=["one"]),), routes=(route([provider_candidate("ai")]),)
            )
            async with serving(made, secrets=secrets) as gateway:
                (secrets / "ai" / "one").write_text("renewed")
                gateway.plane.reload()
                while gateway.plane._tasks:
                    await next(iter(gateway.plane._tasks))
                await ask(gateway, post(BODY))

        assert auth_of(found.asked[0]) == b"Bearer renewed"

    run(scenario())


def test_only_listed_headers_reach_a_provider_and_never_the_clients_key() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = config(
                providers=(provider("ai", found.port, headers=frozenset({"openai-beta", "x-api-key", "cookie"})),),
                routes=(route([provider_candidate("ai")]),),
            )
            trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
            headers = {"openai-beta": "v2", "cookie": "a=b", "x-other": "1", "traceparent": trace, "user-agent": "me"}
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY, headers=headers))
                record = await gateway.record()

        sent = dict(found.asked[0].headers)
        assert sent.keys() == {
            *(b"host", b"content-type", b"accept-encoding", b"user-agent", b"content-length", b"x-request-id"),
            *(b"openai-beta", b"traceparent"),
        }
        assert sent[b"x-request-id"].decode() == answer.headers["x-request-id"] == record.id
        assert record.trace == "0af7651916cd43dd8448eb211c80319c"

    run(scenario())


def test_headers_of_a_backend_do_not_speak_in_our_name() -> None:
    async def scenario() -> None:
        lines = (
            b"content-type: application/json\r\nx-isochrone-jurisdiction: MARS\r\n"
            b"set-cookie: a=b\r\nx-request-id: up\r\n"
        )
        async with backends(scripts.answer(b"{}", headers=lines)) as found, serving(of_engines(found)) as gateway:
            answer = await ask(gateway, post(BODY))

        assert answer.headers["x-isochrone-jurisdiction"] == "DE"
        assert answer.headers["x-upstream-request-id"] == "up"
        assert "set-cookie" not in answer.headers

    run(scenario())


@pytest.mark.parametrize(
    ("may", "expected"), [pytest.param(True, True, id="may-ask"), pytest.param(False, False, id="may-not")]
)
def test_a_choice_is_explained_to_those_who_may_ask(may: bool, expected: bool) -> None:
    async def scenario() -> None:
        made = {"tenant": tenant(explain=may)}
        async with backends(GOOD, GOOD) as found, serving(of_engines(found, **made)) as gateway:
            answer = await ask(gateway, post(BODY, headers={"x-isochrone-explain": "1"}))

        assert ("x-isochrone-explain" in answer.headers) is expected
        if expected:
            assert "engine/lab/b[1]=LaterTier" in answer.headers["x-isochrone-explain"]

    run(scenario())


def test_a_provider_that_can_not_be_used_is_left_out_and_said(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as [lost, good]:
            made = config(
                providers=(provider("lost", lost.port, keys=["gone"]), provider("ai", good.port)),
                routes=(route([provider_candidate("lost")], [provider_candidate("ai")]),),
            )
            async with serving(made, secrets=tmp_path) as gateway:
                answer = await ask(gateway, post(BODY))
                unusable = gateway.plane.describe()["unusable"]

        assert answer.headers["x-isochrone-backend"] == "provider:ai/main"
        assert unusable == {"provider:lost/main": "none of its keys can be read"}
        assert lost.asked == []

    run(scenario())


def test_a_prompt_at_fault_is_not_tried_elsewhere() -> None:
    async def scenario() -> None:
        error = b'{"message":"the prompt is too long","code":400}'
        async with backends(scripts.error_first(error), GOOD) as found, serving(of_engines(found)) as gateway:
            answer = await ask(gateway, post(b'{"model":"chat","stream":true}'))

            in_flight = [each["inFlight"] for each in gateway.plane.describe()["engines"].values()]

        assert answer.status == 400
        assert in_flight == [0, 0]
        assert answer.json["error"]["message"] == "the prompt is too long"
        assert answer.headers["content-type"] == "application/json"
        assert found[1].asked == []

    run(scenario())


def test_the_engines_of_a_pool_share_and_stand_in_for_each_other() -> None:
    async def scenario() -> None:
        async with backends(scripts.server_error(500), GOOD) as found:
            addresses = StaticEndpoints(addresses=frozenset(f"127.0.0.1:{each.port}" for each in found))
            pool = EnginePool(id="lab/a", kind=EngineKind.VLLM, discovery=addresses)
            made = config(engines=(pool,), routes=(route([engine_candidate("a")]),))
            async with serving(made) as gateway:
                answers = [await ask(gateway, post(BODY)) for _ in range(10)]

        assert [answer.status for answer in answers] == [200] * 10
        assert {answer.headers["x-isochrone-attempts"] for answer in answers} <= {"1", "2"}
        assert len(found[1].asked) == 10

    run(scenario())


def test_a_failing_engine_is_left_alone_after_a_while() -> None:
    async def scenario() -> None:
        async with backends(scripts.server_error(500), GOOD) as found, serving(of_engines(found)) as gateway:
            for _ in range(20):
                assert (await ask(gateway, post(BODY))).status == 200
            states = {each["breaker"] for each in gateway.plane.describe()["engines"].values()}

        assert states == {"Open", "Closed"}
        assert len(found[0].asked) < 10

    run(scenario())


def test_requests_are_counted() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            await ask(gateway, post(BODY))
            await ask(gateway, post(b'{"model":"nope"}'))
            families = {family.name: family for family in gateway.context.registry.snapshot()}

        counts = {sample.labels: sample.values[0] for sample in families["isochrone_requests_total"].samples}
        assert counts == {
            ("lab/chat", "Answered", "", "DE"): 1,
            ("", "Refused", "model_not_found", ""): 1,
        }

    run(scenario())
