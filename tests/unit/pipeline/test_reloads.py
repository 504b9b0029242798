"""What a change of the config leaves as it was, and what it changes for requests that wait."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.unit.pipeline.harness import (
    Backend,
    Gateway,
    backends,
    config,
    engine_candidate,
    only_in,
    route,
    run,
    serving,
    tenant,
    until,
)
from tests.unit.pipeline.talk import Answer, ask, post

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import (
    Discovery,
    DnsName,
    EngineKind,
    EnginePool,
    ServiceEndpoints,
    StaticEndpoints,
)
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Queue
from isochrone_gateway.config.tenants import Tenants
from isochrone_gateway.server.pipeline.revision import Revision
from isochrone_gateway.upstream import scripts

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
NOWHERE = ServiceEndpoints(namespace="lab", service="chat", port_name="http")
"""A Service of which no endpoint was found yet."""


def at(*found: Backend) -> StaticEndpoints:
    return StaticEndpoints(addresses=frozenset(f"127.0.0.1:{each.port}" for each in found))


def of_pool(discovery: Discovery, *, pool: dict[str, Any] | None = None, **fields: Any) -> Config:
    made = EnginePool(**{"id": "lab/a", "kind": EngineKind.VLLM, "discovery": discovery, **(pool or {})})
    routes = (route([engine_candidate("a")], **fields.pop("route", {})),)
    return config(engines=(made,), routes=routes, **fields)


# Engines that stay.


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"cache_salt": True}, id="another setting"),
        pytest.param({"kind": EngineKind.SGLANG}, id="another kind"),
        pytest.param("one more", id="one more address"),
    ],
)
def test_an_engine_that_stays_keeps_what_is_known_of_it(change: Any) -> None:
    """It isn't probed within this test a second time."""

    async def scenario() -> None:
        async with (
            backends(scripts.server_error(500), GOOD) as [found, other],
            serving(of_pool(at(found)), probing=60.0) as gateway,
        ):
            for _ in range(2):
                await ask(gateway, post(BODY))
            before = gateway.plane.describe()["engines"]
            grown = change == "one more"
            gateway.use(of_pool(at(found, other) if grown else at(found), pool={} if grown else change))

            key = f"lab/a/127.0.0.1:{found.port}"
            assert gateway.plane.describe()["engines"][key] == before[key]
            assert before[key]["breaker"] == "Open"
            assert before[key]["health"] == "Healthy"

    run(scenario())


def test_an_engine_that_is_asked_otherwise_must_show_anew_that_it_is_well() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_pool(at(found)), probing=60.0) as gateway:
            gateway.use(of_pool(at(found), pool={"health_path": "/metrics"}))
            (engine,) = gateway.plane.describe()["engines"].values()
            assert engine["health"] == "Unknown"
            assert (await ask(gateway, post(BODY))).status == 200

    run(scenario())


def test_engines_that_are_looked_up_are_known_meanwhile() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            discovery = DnsName(name="localhost", port=found.port)
            async with serving(of_pool(discovery), probing=60.0) as gateway:
                assert (await ask(gateway, post(BODY))).status == 200
                before = gateway.plane.describe()["engines"]
                gateway.use(of_pool(discovery, pool={"cache_salt": True}))
                assert gateway.plane.describe()["engines"].keys() == before.keys()
                assert (await ask(gateway, post(BODY))).status == 200

    run(scenario())


# Requests that wait.


@contextlib.asynccontextmanager
async def waiting(**fields: Any) -> AsyncIterator[tuple[Gateway, Backend, asyncio.Task[Answer]]]:
    """A request that waits since its pool has no engine."""
    async with backends(GOOD) as [found], serving(of_pool(NOWHERE, **fields)) as gateway:
        asking = asyncio.create_task(ask(gateway, post(BODY)))
        await until(lambda: gateway.plane.describe()["held"] == {"lab/chat": 1})
        yield gateway, found, asking


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({}, id="nothing else changes"),
        pytest.param({"route": {"queue": Queue(max_requests=7)}}, id="another queue"),
        pytest.param({"route": {"id": "lab/renamed"}}, id="another route under the name"),
    ],
)
def test_what_waits_is_answered_by_the_engine_that_a_new_config_brings(fields: dict[str, Any]) -> None:
    async def scenario() -> None:
        async with waiting() as (gateway, found, asking):
            gateway.use(of_pool(at(found), **fields))

            assert (await asking).status == 200
            assert gateway.plane.describe()["held"] == {}
            assert (await gateway.record()).revision == "1/2"

    run(scenario())


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        pytest.param(
            {"law": only_in(1), "tenant": tenant(origins=frozenset({"DE"}))}, 403, "residency_denied", id="stricter law"
        ),
        pytest.param({"tenants": Tenants()}, 401, "invalid_api_key", id="the key is gone"),
        pytest.param({"tenant": tenant(suspended=True)}, 403, "permission_denied", id="suspended"),
        pytest.param({"route": {"name": "other"}}, 404, "model_not_found", id="the model is gone"),
        pytest.param({"route": {"queue": Queue(max_requests=0)}}, 503, "no_capacity", id="nobody waits any more"),
    ],
)
def test_what_waits_is_judged_by_the_new_config(fields: dict[str, Any], status: int, code: str) -> None:
    async def scenario() -> None:
        async with waiting() as (gateway, found, asking):
            gateway.use(of_pool(NOWHERE, **fields))
            answer = await asking

            assert (answer.status, answer.code) == (status, code)
            assert found.asked == []
            assert gateway.plane.describe()["held"] == {}
            assert gateway.plane.services.open == set()
            assert gateway.plane.services.memory.used == 0

    run(scenario())


def test_what_waits_through_changes_counts_once_and_keeps_its_place() -> None:
    async def scenario() -> None:
        one = tenant(limits=Rates(concurrent_requests=1))
        async with waiting(tenant=one) as (gateway, found, asking):
            for _ in range(3):
                gateway.use(of_pool(NOWHERE, tenant=one, pool={"cache_salt": True}))
                assert (await ask(gateway, post(BODY))).status == 429
                assert gateway.plane.describe()["held"] == {"lab/chat": 1}
            gateway.use(of_pool(at(found), tenant=one))

            assert (await asking).status == 200
            assert (await ask(gateway, post(BODY))).status == 200

    run(scenario())


def test_a_change_does_not_let_a_request_wait_longer() -> None:
    async def scenario() -> None:
        queue = {"queue": Queue(max_requests=10, max_wait_ms=400)}
        async with waiting(route=queue) as (gateway, _, asking):
            loop = asyncio.get_running_loop()
            began = loop.time()
            while not asking.done():
                gateway.use(of_pool(NOWHERE, route=queue))
                await asyncio.sleep(0.05)
            answer = await asking

            assert (answer.status, answer.code) == (503, "no_capacity")
            assert loop.time() - began < 60

    run(scenario())


# What is left.


def test_a_replaced_config_is_gone() -> None:
    """Without the garbage collector: what runs was exempt from it (`gc.freeze`), and is so for ever."""

    def alive() -> int:
        return sum(isinstance(each, Revision) for each in gc.get_objects())

    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_pool(at(found))) as gateway:
            gc.collect()
            before = alive()
            gc.disable()
            try:
                for number in range(10):
                    gateway.use(of_pool(at(found), site={"hostname": f"s{number}.example.com"}))
                    assert (await ask(gateway, post(BODY))).status == 200
                await until(lambda: not gateway.plane.services.open)
                await until(lambda: alive() == before)
            finally:
                gc.enable()

    run(scenario())
