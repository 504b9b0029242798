"""GET /v1/models: what this caller may use, and where its data would be processed."""

from typing import Any

import pytest
from tests.contract.config_cases import ISSUED
from tests.unit.pipeline.harness import (
    Gateway,
    config,
    only_in,
    provider,
    provider_candidate,
    route,
    run,
    serving,
    tenant,
)
from tests.unit.pipeline.talk import ask, get

from isochrone_gateway.config import Config
from isochrone_gateway.ledger.record import Operation

GERMAN = frozenset({"DE"})


def everywhere(**fields: Any) -> Config:
    """A model in Germany and the US, one in France, and one that is nowhere."""
    return config(
        providers=tuple(provider(name, 1, place=place) for place, name in enumerate(("de", "us", "fr"))),
        routes=(
            route([provider_candidate("de"), provider_candidate("us", place=1)], aliases=frozenset({"talk"})),
            route([provider_candidate("fr", place=2)], id="lab/fr", name="org/fr:7b@v1"),
            route(id="lab/nowhere", name="nowhere"),
        ),
        **fields,
    )


async def models(gateway: Gateway) -> dict[str, list[str]]:
    answer = await ask(gateway, get("/v1/models"))
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json["object"] == "list"
    return {model["id"]: model["jurisdictions"] for model in answer.json["data"]}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param({}, {"chat": ["DE", "US"], "nowhere": [], "org/fr:7b@v1": ["FR"]}, id="no law"),
        pytest.param(
            {"law": only_in(0), "tenant": tenant(origins=GERMAN)},
            {"chat": ["DE"], "nowhere": [], "org/fr:7b@v1": []},
            id="only what is lawful",
        ),
        pytest.param(
            {"law": only_in(0), "tenant": tenant(origins=frozenset({"FR"}))},
            {"chat": ["DE", "US"], "nowhere": [], "org/fr:7b@v1": ["FR"]},
            id="a law for others",
        ),
        pytest.param({"tenant": tenant(routes=frozenset({"lab/fr"}))}, {"org/fr:7b@v1": ["FR"]}, id="only one's own"),
    ],
)
def test_each_model_has_its_jurisdictions(fields: dict[str, Any], expected: dict[str, list[str]]) -> None:
    async def scenario() -> None:
        async with serving(everywhere(**fields)) as gateway:
            assert await models(gateway) == expected
            record = await gateway.record()
            assert (record.operation, record.status) == (Operation.MODELS, 200)

    run(scenario())


@pytest.mark.parametrize(
    ("path", "name"),
    [
        pytest.param("chat", "chat", id="name"),
        pytest.param("talk", "talk", id="alias"),
        pytest.param("org/fr:7b@v1", "org/fr:7b@v1", id="slash"),
        pytest.param("org%2Ffr%3A7b%40v1", "org/fr:7b@v1", id="escaped"),
    ],
)
def test_one_model_is_found_by_each_of_its_names(path: str, name: str) -> None:
    async def scenario() -> None:
        async with serving(everywhere()) as gateway:
            answer = await ask(gateway, get(f"/v1/models/{path}"))

        assert answer.status == 200
        assert answer.json["id"] == name
        assert answer.json["object"] == "model"
        assert answer.json["created"] == int(ISSUED.timestamp())
        assert answer.json["jurisdictions"] == (["FR"] if "fr" in path else ["DE", "US"])

    run(scenario())


@pytest.mark.parametrize("path", ["nope", "org", "fr:7b@v1", "chat%00", "chat%252F", "lab/chat", "%ff"])
def test_what_is_not_ones_own_or_not_there_looks_alike(path: str) -> None:
    async def scenario() -> None:
        async with serving(everywhere(tenant=tenant(routes=frozenset({"lab/fr"})))) as gateway:
            answers = [await ask(gateway, get(f"/v1/models/{each}")) for each in (path, "chat")]

        assert {(each.status, each.code, each.body) for each in answers} == {(404, "model_not_found", answers[0].body)}

    run(scenario())
