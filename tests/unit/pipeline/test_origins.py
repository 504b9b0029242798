"""Where requests come from is counted, as far as the law lets the hub know it."""

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from tests.unit.pipeline.harness import Gateway, backends, of_engines, only_in, route, run, serving, tenant
from tests.unit.pipeline.talk import ask, post

from isochrone_gateway.config.law import Law, encode_row
from isochrone_gateway.server.supervisor.demand import counts_of
from isochrone_gateway.upstream import scripts

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
FRENCH = tenant(origins=frozenset({"FR"}))
GERMAN = tenant(origins=frozenset({"DE"}))
EUROPEAN = tenant(origins=frozenset({"DE", "FR"}), origin_header=True)


ONE, OTHER, BOTH = frozenset({0}), frozenset({1}), frozenset({0, 1})


def counted(gateway: Gateway) -> Mapping[tuple[str, str], float]:
    return {key: count for key, count in counts_of(gateway.context.registry.snapshot()).items() if count}


def metadata_only_in(*places: int) -> Law:
    """Requests from Germany are answered anywhere, but who asks is known in these places alone."""
    law = only_in(0, 1)
    policy = replace(law.policies[0], scopes={"Inference": 0, "Metadata": 1})
    row = encode_row(sum(1 << place for place in places))
    return replace(
        law, policies=(policy,), tables=(law.tables[0], replace(law.tables[0], rows={"DE": 1})), rows=(*law.rows, row)
    )


@pytest.mark.parametrize(
    ("fields", "origin"),
    [
        pytest.param({"tenant": GERMAN}, "DE", id="no law"),
        pytest.param({"tenant": EUROPEAN}, "DE,FR", id="any of several"),
        pytest.param({"tenant": tenant()}, "", id="nobody knows"),
        pytest.param({"tenant": GERMAN, "law": only_in(0)}, "", id="law, and the hub is not known to be anywhere"),
        pytest.param({"tenant": GERMAN, "law": only_in(0), "hub": ONE}, "DE", id="lawful at the hub"),
        pytest.param({"tenant": GERMAN, "law": only_in(0), "hub": OTHER}, "", id="not lawful at the hub"),
        pytest.param({"tenant": GERMAN, "law": only_in(0), "hub": BOTH}, "", id="not lawful at one of two"),
        pytest.param(
            {"tenant": GERMAN, "law": metadata_only_in(0), "hub": OTHER},
            "",
            id="metadata not lawful there",
        ),
        pytest.param(
            {"tenant": GERMAN, "law": metadata_only_in(1), "hub": OTHER},
            "DE",
            id="metadata is lawful",
        ),
        pytest.param(
            {"tenant": FRENCH, "law": only_in(0), "hub": OTHER},
            "FR",
            id="others' law",
        ),
    ],
)
def test_what_the_hub_may_know(fields: dict[str, Any], origin: str) -> None:
    async def scenario() -> None:
        site = {"hub": fields.pop("hub", frozenset())}
        async with backends(GOOD) as found, serving(of_engines(found, site=site, **fields)) as gateway:
            assert [(await ask(gateway, post(BODY))).status for _ in range(2)] == [200, 200]
            assert counted(gateway) == {("lab/chat", origin): 2}

    run(scenario())


def test_the_origin_is_that_of_the_request() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found, tenant=EUROPEAN)) as gateway:
            for code in ("DE", "FR", "FR"):
                assert (await ask(gateway, post(BODY, headers={"x-isochrone-origin": code}))).status == 200
            assert counted(gateway) == {("lab/chat", "DE"): 1, ("lab/chat", "FR"): 2}

    run(scenario())


@pytest.mark.parametrize(
    ("body", "fields", "is_counted"),
    [
        pytest.param(BODY, {"law": only_in(1)}, False, id="law"),
        pytest.param(b'{"model":"nobody"}', {}, False, id="no such model"),
        pytest.param(BODY, {}, True, id="answered"),
    ],
)
def test_what_is_refused_is_no_demand(body: bytes, fields: dict[str, Any], *, is_counted: bool) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found, tenant=GERMAN, **fields)) as gateway:
            await ask(gateway, post(body))
            assert bool(counted(gateway)) is is_counted

    run(scenario())


def test_what_the_law_of_its_route_refuses_is_none_either() -> None:
    async def scenario() -> None:
        law = only_in(1, routes=frozenset({"lab/chat"}))
        async with backends(GOOD) as found:
            made = of_engines(found, tenant=GERMAN, law=law)
            both = replace(made, routes=(*made.routes, route(id="lab/other", name="other")))
            async with serving(both) as gateway:
                assert (await ask(gateway, post(BODY))).code == "residency_denied"
                assert not counted(gateway)

    run(scenario())


def test_what_no_backend_can_answer_is_demand() -> None:
    async def scenario() -> None:
        fails = scripts.answer(b"{}", status=500)
        async with backends(fails) as found, serving(of_engines(found, tenant=GERMAN)) as gateway:
            assert (await ask(gateway, post(BODY))).status >= 500
            assert counted(gateway) == {("lab/chat", "DE"): 1}

    run(scenario())
