"""Engines that are found behind Services: requests follow, and what is known of those that stay is kept."""

from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace
from tests.unit.pipeline.harness import (
    Backend,
    Gateway,
    backends,
    config,
    engine_candidate,
    route,
    run,
    serving,
    until,
)
from tests.unit.pipeline.talk import Talk, ask, post, talking

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import EngineKind, EnginePool, ServiceEndpoints
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.discovery import EngineEndpoint

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'
SERVICE = ServiceEndpoints(namespace="lab", service="engine", port_name="http")


def behind_service(service: ServiceEndpoints = SERVICE, **fields: Any) -> Config:
    pool = EnginePool(id="lab/a", kind=EngineKind.VLLM, discovery=service, **fields)
    return config(engines=(pool,), routes=(route([engine_candidate("a")]),))


def find(gateway: Gateway, found: Sequence[Backend]) -> None:
    """These are behind the Service now."""
    endpoints = tuple(EngineEndpoint("127.0.0.1", each.port, f"pod-{each.port}") for each in found)
    gateway.plane.found({SERVICE: endpoints})


def engines(gateway: Gateway) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = gateway.plane.describe()["engines"]
    return {key.rpartition("-")[2]: engine for key, engine in found.items()}


async def healthy(gateway: Gateway, found: Sequence[Backend]) -> None:
    """Wait until just these are probed and well."""
    expected = {str(each.port): "Healthy" for each in found}
    await until(lambda: {port: engine["health"] for port, engine in engines(gateway).items()} == expected)


def test_requests_follow_what_is_found() -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as [a, b], serving(behind_service()) as gateway:
            find(gateway, [a])
            await healthy(gateway, [a])
            assert (await ask(gateway, post(BODY))).headers["x-isochrone-backend"] == "engine:lab/a"
            find(gateway, [b])
            await healthy(gateway, [b])
            for _ in range(10):
                assert (await ask(gateway, post(BODY))).status == 200

        assert (len(a.asked), len(b.asked)) == (1, 10)

    run(scenario())


def test_a_request_waits_while_no_engine_is_known_and_while_none_is_left() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [a], serving(behind_service()) as gateway:
            for _ in range(2):
                async with talking(gateway) as talk:
                    talk.send(post(BODY))
                    await until(lambda: gateway.plane.describe()["held"] == {"lab/chat": 1})
                    find(gateway, [a])
                    assert (await talk.answer()).status == 200
                find(gateway, [])

        assert len(a.asked) == 2

    run(scenario())


def test_what_an_engine_has_begun_it_ends_after_it_is_gone() -> None:
    async def scenario() -> None:
        slow = scripts.stream([DELTA] * 10, gap=0.05)
        async with backends(slow, GOOD) as [a, b], serving(behind_service()) as gateway:
            find(gateway, [a])
            async with talking(gateway) as talk:
                talk.send(post(STREAM))
                assert (await talk.head())[0] == 200
                await talk.chunk()
                find(gateway, [b])
                assert (await ask(gateway, post(BODY))).status == 200
                chunks = await rest(talk)

        assert chunks[-1] == b"data: [DONE]\n\n"
        assert len(chunks) >= 9
        assert (len(a.asked), len(b.asked)) == (1, 1)

    run(scenario())


async def rest(talk: Talk) -> list[bytes]:
    chunks = []
    while chunk := await talk.chunk():
        chunks.append(chunk)
    return chunks


def test_engines_that_stay_keep_what_is_known_of_them() -> None:
    async def scenario() -> None:
        failing = scripts.server_error(500)
        async with backends(failing, GOOD, GOOD) as [bad, good, new], serving(behind_service()) as gateway:
            find(gateway, [bad, good])
            await healthy(gateway, [bad, good])
            while engines(gateway)[str(bad.port)]["breaker"] != "Open":
                assert (await ask(gateway, post(BODY))).status == 200
            find(gateway, [new, good, bad])
            now = engines(gateway)
            assert {port: each["breaker"] for port, each in now.items()} == {
                str(bad.port): "Open",
                str(good.port): "Closed",
                str(new.port): "Closed",
            }
            assert now[str(good.port)]["health"] == "Healthy", "no need to wait for a probe"
            assert now[str(new.port)]["health"] == "Unknown"
            find(gateway, [bad])
            find(gateway, [bad, good])
            assert engines(gateway)[str(good.port)]["health"] == "Unknown", "it was gone; it may be another now"

    run(scenario())


def test_a_change_of_the_config_keeps_the_engines_of_a_pool_that_stays() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [a], serving(behind_service(), probing=60.0) as gateway:
            find(gateway, [a])
            await healthy(gateway, [a])
            gateway.use(replace(behind_service(), routes=(route([engine_candidate("a")], aliases=("other",)),)))
            assert (await ask(gateway, post(b'{"model":"other"}'))).status == 200
            gateway.use(behind_service(cache_salt=True))
            assert engines(gateway)[str(a.port)]["health"] == "Healthy"
            assert (await ask(gateway, post(BODY))).status == 200
            gateway.use(behind_service(replace(SERVICE, service="elsewhere")))
            assert engines(gateway) == {}, "another Service: whoever watches tells its engines right after"

    run(scenario())


def test_only_the_pools_of_that_very_port_are_meant() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [a], serving(behind_service(replace(SERVICE, port_name="grpc"))) as gateway:
            find(gateway, [a])
            assert engines(gateway) == {}

    run(scenario())
