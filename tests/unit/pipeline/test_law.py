"""The law on its way through the pipeline: before the body, for each candidate, in the body."""

import asyncio
import json
from typing import Any

import pytest
from tests.unit.pipeline.harness import (
    backends,
    config,
    of_engines,
    only_in,
    provider,
    provider_candidate,
    route,
    run,
    serving,
    tenant,
    until,
)
from tests.unit.pipeline.talk import ask, get, post, talking
from tests.unit.pipeline.threads import Broken, Gate

from isochrone_gateway.config import Config
from isochrone_gateway.config.law import Law
from isochrone_gateway.config.site import UnboundTraffic
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
GERMAN = tenant(origins=frozenset({"DE"}))


def two_providers(ports: list[int], law: Law, **fields: Any) -> Config:
    """One in the US, first choice, and one in Germany."""
    return config(
        providers=(provider("us", ports[0], place=1), provider("de", ports[1], place=0)),
        routes=(route([provider_candidate("us", place=1)], [provider_candidate("de")]),),
        law=law,
        **fields,
    )


def test_an_unlawful_entrance_refuses_before_the_body_is_asked_for() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found, law=only_in(1), tenant=GERMAN)) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(b"", headers={"content-length": "100", "expect": "100-continue"}))
                answer = await talk.answer()

            assert (answer.status, answer.code) == (403, "residency_denied")
            residency = answer.json["error"]["residency"]
            assert residency["policy"] == "stay-home"
            assert residency["origin"] == ["DE"]
            assert residency["hostnames"] == {"DE": "de.ai.example.com"}
            assert "Ask your admin." in answer.json["error"]["message"]
            assert answer.headers["x-should-retry"] == "false"
            record = await gateway.record()
            assert (record.outcome, record.error, record.bytes_in) == (Outcome.REFUSED, "residency_denied", 0)

    run(scenario())


HEALTH = frozenset({"health"})
CLOSED = {"unbound_traffic": UnboundTraffic.DENY}


@pytest.mark.parametrize(
    ("allowed", "site", "classes", "expected"),
    [
        pytest.param(1, {}, HEALTH, 403, id="bound-by-a-class-of-the-only-route"),
        pytest.param(1, {}, frozenset(), 200, id="not-bound"),
        pytest.param(0, CLOSED, HEALTH, 200, id="let-in-by-a-policy-for-its-class"),
        pytest.param(0, CLOSED, frozenset(), 403, id="let-in-by-none"),
    ],
)
def test_data_classes_of_the_routes_count_before_the_body_is_asked_for(
    allowed: int, site: dict[str, Any], classes: frozenset[str], expected: int
) -> None:
    """Though the model isn't known yet: each route that the caller may use is asked with its own."""

    async def scenario() -> None:
        law = only_in(allowed, data_classes=HEALTH)
        async with backends(GOOD) as found:
            made = of_engines(found, law=law, tenant=GERMAN, site=site, route={"data_classes": classes})
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))
                record = await gateway.record()

        assert answer.status == expected
        assert record.bytes_in == (len(BODY) if expected == 200 else 0)

    run(scenario())


def test_a_policy_of_another_route_lets_the_request_in_and_its_own_refuses_it() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = of_engines([found], law=only_in(1, routes=frozenset({"lab/chat"})), tenant=GERMAN)
            other = route(id="lab/other", name="other")
            made = type(made)(
                **{f: getattr(made, f) for f in made.__struct_fields__} | {"routes": (*made.routes, other)}
            )
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))

        assert (answer.status, answer.code) == (403, "residency_denied")
        assert found.asked == []

    run(scenario())


@pytest.mark.parametrize(
    ("origins", "expected"),
    [
        pytest.param(frozenset({"DE"}), "provider:de/main", id="bound"),
        pytest.param(frozenset({"FR"}), "provider:us/main", id="free"),
    ],
)
def test_only_lawful_candidates_are_asked(origins: frozenset[str], expected: str) -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as found:
            made = two_providers([each.port for each in found], only_in(0), tenant=tenant(origins=origins))
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))

        assert answer.headers["x-isochrone-backend"] == expected

    run(scenario())


def test_a_failing_lawful_candidate_never_spills_to_an_unlawful_one() -> None:
    async def scenario() -> None:
        async with backends(GOOD, scripts.server_error(503)) as [us, de]:
            made = two_providers([us.port, de.port], only_in(0), tenant=GERMAN)
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))

        assert answer.status == 502
        assert us.asked == []
        assert len(de.asked) == 3

    run(scenario())


def test_no_lawful_candidate_is_a_403_and_not_a_503() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [us]:
            made = config(
                providers=(provider("us", us.port, place=1),),
                routes=(route([provider_candidate("us", place=1)]),),
                law=only_in(0),
                tenant=GERMAN,
            )
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))

        assert (answer.status, answer.code) == (403, "residency_denied")
        assert us.asked == []

    run(scenario())


CHOOSES = tenant(origins=frozenset({"DE", "FR"}), origin_header=True)


@pytest.mark.parametrize(
    ("who", "header", "expected"),
    [
        pytest.param(CHOOSES, "FR", 200, id="chooses-inside"),
        pytest.param(CHOOSES, "DE", 403, id="chooses-the-bound-one"),
        pytest.param(CHOOSES, "US", 403, id="chooses-outside"),
        pytest.param(CHOOSES, "", 403, id="chooses-nothing"),
        pytest.param(GERMAN, "FR", 403, id="may-not-choose"),
    ],
)
def test_the_origin_header(who: Any, header: str, expected: int) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found, law=only_in(1), tenant=who)) as gateway:
            answer = await ask(gateway, post(BODY, headers={"x-isochrone-origin": header}))

        assert answer.status == expected

    run(scenario())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b'{"model":"chat","tools":[{"type":"mcp"}]}', 403, id="remote-tool"),
        pytest.param(b'{"model":"chat","tools":[{"type":"function"}]}', 200, id="own-tool"),
        pytest.param(b'{"model":"chat","web_search_options":{}}', 403, id="web-search"),
    ],
)
def test_what_would_take_data_elsewhere_is_refused_under_a_policy(body: bytes, status: int) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found, law=only_in(0), tenant=GERMAN)) as gateway:
            assert (await ask(gateway, post(body))).status == status

    run(scenario())


def test_storing_is_turned_off_where_state_is_unlawful() -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as [us, de]:
            made = two_providers([us.port, de.port], only_in(0), tenant=GERMAN)
            async with serving(made) as gateway:
                await ask(gateway, post(b'{"model":"chat","store":true}'))

        assert json.loads(de.asked[0].body)["store"] is False

    run(scenario())


@pytest.mark.parametrize(
    ("age", "status"),
    [
        pytest.param(0.0, 200, id="fresh"),
        pytest.param(90.0, 200, id="stale-but-at-home"),
        pytest.param(1e9, 403, id="expired"),
    ],
)
def test_an_old_config_serves_less_and_less(age: float, status: int) -> None:
    async def scenario() -> None:
        made = {"law": only_in(0), "tenant": GERMAN}
        async with backends(GOOD) as found, serving(of_engines(found, **made), age=age) as gateway:
            assert (await ask(gateway, post(BODY))).status == status

    run(scenario())


def test_models_tell_where_each_may_process_this_callers_data() -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as found:
            made = two_providers([each.port for each in found], only_in(0), tenant=GERMAN)
            async with serving(made) as gateway:
                answer = await ask(gateway, get("/v1/models"))

        assert [(model["id"], model["jurisdictions"]) for model in answer.json["data"]] == [("chat", ["DE"])]

    run(scenario())


PADDING = "x" * 1_200_000
REMOTE = [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://evil.test/a.png"}}]}]
PLAIN = [{"role": "user", "content": [{"type": "text", "text": "url: none"}]}]


@pytest.mark.parametrize(
    ("messages", "status"),
    [pytest.param(REMOTE, 403, id="an address to fetch"), pytest.param(PLAIN, 200, id="nothing")],
)
def test_a_large_body_is_looked_through_beside_the_loop(messages: Any, status: int) -> None:
    """Reading it and looking through it are two pieces of work; others are served before, between and after."""
    body = json.dumps({"model": "chat", "padding": PADDING, "messages": messages}).encode()
    small = json.dumps({"model": "chat", "messages": PLAIN}).encode()

    async def scenario() -> None:
        gate = Gate()
        asyncio.get_running_loop().set_default_executor(gate)
        async with backends(GOOD) as found, serving(of_engines(found, law=only_in(0), tenant=GERMAN)) as gateway:
            gate.given.clear()
            asking = asyncio.create_task(ask(gateway, post(body)))
            await until(lambda: len(gate.given) == 1)
            assert (await ask(gateway, post(small))).status == 200
            assert not asking.done()
            gate.free.set()
            assert (await asking).status == status

        assert len(gate.given) == 2, "read, then looked through"
        assert len(found[0].asked) == (2 if status == 200 else 1)

    run(scenario())


def test_a_large_body_without_a_binding_policy_is_only_read() -> None:
    body = json.dumps({"model": "chat", "padding": PADDING, "messages": REMOTE}).encode()

    async def scenario() -> None:
        gate = Gate()
        gate.free.set()
        asyncio.get_running_loop().set_default_executor(gate)
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            gate.given.clear()
            assert (await ask(gateway, post(body))).status == 200

        assert len(gate.given) == 1

    run(scenario())


def test_who_goes_while_a_large_body_is_looked_through_leaves_nothing() -> None:
    body = json.dumps({"model": "chat", "padding": PADDING, "messages": PLAIN}).encode()

    async def scenario() -> None:
        gate = Gate()
        asyncio.get_running_loop().set_default_executor(gate)
        async with backends(GOOD) as found, serving(of_engines(found, law=only_in(0), tenant=GERMAN)) as gateway:
            gate.given.clear()
            async with talking(gateway) as talk:
                talk.send(post(body))
                await until(lambda: len(gate.given) == 1)
            assert (await gateway.record()).outcome is Outcome.CLIENT_GONE
            gate.free.set()
            assert (await ask(gateway, post(BODY))).status == 200
            assert gateway.plane.services.memory.used == 0

        assert len(found[0].asked) == 1

    run(scenario())


def test_a_failure_on_a_thread_is_answered() -> None:
    body = json.dumps({"model": "chat", "padding": PADDING}).encode()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        failures: list[Any] = []
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            loop.set_default_executor(Broken())
            loop.set_exception_handler(lambda _, context: failures.append(context["exception"]))
            answer = await ask(gateway, post(body))

            assert (answer.status, answer.code) == (500, "internal_error")
            assert [type(each) for each in failures] == [MemoryError]
            assert gateway.plane.services.open == set()
            assert gateway.plane.services.memory.used == 0

    run(scenario())
