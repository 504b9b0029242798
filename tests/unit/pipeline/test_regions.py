"""A provider is told its region by the config of its endpoint, whatever a caller sends."""

import json
import pathlib
from typing import Any

import pytest
from tests.unit.pipeline.harness import (
    Backend,
    backends,
    config,
    engine,
    engine_candidate,
    only_in,
    provider_candidate,
    route,
    run,
    serving,
    tenant,
)
from tests.unit.pipeline.talk import Answer, ask, post
from tests.unit.pipeline.test_evidence import writer, written

from isochrone_gateway.config import Config
from isochrone_gateway.config.providers import Endpoint, Provider, ProviderModel
from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.server.pipeline.regions import Regions
from isochrone_gateway.upstream import scripts
from isochrone_gateway.wire.body import Request, read_request
from isochrone_gateway.wire.errors import ApiError, ErrorKind

GOOD = scripts.answer(b'{"usage":{"prompt_tokens":1,"completion_tokens":2}}')
STREAM = scripts.stream([b'{"choices":[{"delta":{"content":"hi"}}]}'])
BUSY = scripts.server_error(503)
EU, US = 0, 1


def at(name: str, backend: Backend, place: int, **told: Any) -> Endpoint:
    url = f"http://127.0.0.1:{backend.port}/v1"
    return Endpoint(name=name, base_url=url, place=place, plaintext=True, **told)


def acme(*endpoints: Endpoint, headers: frozenset[str] = frozenset()) -> Provider:
    models = (ProviderModel(name="upstream-model"),)
    return Provider(name="acme", dialect="OpenAI", endpoints=endpoints, models=models, headers=headers)


def asking(*endpoints: Endpoint, headers: frozenset[str] = frozenset(), **fields: Any) -> Config:
    """The endpoints, one tier each."""
    tiers = [[provider_candidate("acme", endpoint=each.name, place=each.place)] for each in endpoints]
    return config(providers=(acme(*endpoints, headers=headers),), routes=(route(*tiers),), **fields)


def body(**members: Any) -> bytes:
    return json.dumps({"model": "chat", "messages": [{"role": "user", "content": "hi"}], **members}).encode()


def geos(backend: Backend) -> list[Any]:
    return [json.loads(each.body).get("inference_geo") for each in backend.asked]


async def answered(made: Config, sent: bytes) -> Answer:
    async with serving(made) as gateway:
        return await ask(gateway, post(sent))


SAME = [
    pytest.param(body(), id="nothing"),
    pytest.param(body(inference_geo=None), id="null"),
    pytest.param(body(inference_geo="us"), id="the same"),
    pytest.param(body().replace(b"{", b'{"inference_geo":"\\u0075s",', 1), id="the same, written with escapes"),
    pytest.param(body(metadata={"inference_geo": "eu"}), id="deeper, where it is another one"),
    pytest.param(body(x_inference_geo="eu"), id="a longer name"),
]
OTHER = [
    pytest.param(body(inference_geo="global"), "parameter_not_allowed", id="anywhere"),
    pytest.param(body(inference_geo="eu"), "parameter_not_allowed", id="elsewhere"),
    pytest.param(body(inference_geo=["us"]), "parameter_not_allowed", id="no text"),
    pytest.param(body(inference_geo=""), "parameter_not_allowed", id="empty"),
    pytest.param(body(Inference_Geo="us"), "ambiguous_key", id="in another case"),
    pytest.param(body(**{" inference_geo": "us"}), "ambiguous_key", id="with a blank"),
    pytest.param(body().replace(b"{", b'{"inference\\u005fgeo":"us",', 1), "ambiguous_key", id="with escapes"),
    pytest.param(body().replace(b"{", b'{"inference_geo":"us","inference_geo":"eu",', 1), "duplicate_key", id="twice"),
]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("sent", SAME)
def test_the_region_is_the_endpoints(sent: bytes, stream: bool) -> None:
    async def scenario() -> None:
        sending = sent.replace(b'"model"', b'"stream": true, "model"', 1) if stream else sent
        async with backends(STREAM if stream else GOOD) as [found]:
            answer = await answered(asking(at("us", found, US, body={"inference_geo": "us"})), sending)

        expected = json.loads(sending)
        arrived = json.loads(found.asked[0].body)
        arrived.pop("stream_options", None)
        assert answer.status == 200
        assert arrived == {**expected, "model": "upstream-model", "inference_geo": "us"}

    run(scenario())


@pytest.mark.parametrize(("sent", "code"), OTHER)
def test_who_asks_for_another_region_is_refused(sent: bytes, code: str) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            answer = await answered(asking(at("us", found, US, body={"inference_geo": "us"})), sent)

        assert (answer.status, answer.code, answer.json["error"]["param"]) == (400, code, "inference_geo")
        assert found.asked == []

    run(scenario())


def test_what_a_caller_is_told_who_asks_for_a_region() -> None:
    """What may never be passed on isn't asked again; a key may be written more plainly."""
    regions = Regions([(1 << US, {"inference_geo": "us"})])

    def told(sent: bytes) -> ApiError | None:
        request = read_request(sent)
        assert isinstance(request, Request)
        return regions.objection(request, 1 << US)

    assert told(body(inference_geo="us")) is None
    assert told(body(inference_geo="eu")) == ApiError(
        kind=ErrorKind.NOT_ALLOWED_HERE,
        message=(
            "inference_geo is set by whoever runs this gateway, and this request asks for something else; leave it out."
        ),
        param="inference_geo",
        should_retry=False,
    )
    assert told(body(Inference_Geo="us")) == ApiError(
        kind=ErrorKind.AMBIGUOUS_KEY,
        message="A key could be read as 'inference_geo'; write it plainly, or leave it out.",
        param="inference_geo",
    )


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_retries_and_fallback_say_each_endpoints_own(stream: bool) -> None:
    async def scenario() -> None:
        async with backends(BUSY, STREAM if stream else GOOD) as [first, second]:
            made = asking(
                at("eu", first, EU, body={"inference_geo": "eu"}, models={"upstream-model": "eu.upstream-model"}),
                at("us", second, US, body={"inference_geo": "us"}, headers={"openai-project": "proj_us"}),
            )
            async with serving(made) as gateway:
                answer = await ask(gateway, post(body(stream=stream)))

        assert answer.status == 200
        assert {*geos(first)} == {"eu"}
        assert geos(second) == ["us"]
        assert {json.loads(each.body)["model"] for each in first.asked} == {"eu.upstream-model"}
        assert json.loads(second.asked[0].body)["model"] == "upstream-model"
        assert dict(second.asked[0].headers)[b"openai-project"] == b"proj_us"
        assert b"openai-project" not in dict(first.asked[0].headers)

    run(scenario())


def test_a_wish_must_hold_at_every_lawful_candidate() -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as [first, second]:
            endpoints = (
                at("eu", first, EU, body={"inference_geo": "eu"}),
                at("us", second, US, body={"inference_geo": "us"}),
            )
            wished = body(inference_geo="eu")
            unbound = await answered(asking(*endpoints), wished)
            at_home = tenant(origins=frozenset({"DE"}))
            bound = await answered(asking(*endpoints, law=only_in(EU), tenant=at_home), wished)

        assert (unbound.status, bound.status) == (400, 200)
        assert (geos(first), geos(second)) == (["eu"], [])

    run(scenario())


@pytest.mark.parametrize("is_engine", [False, True], ids=["a provider", "an engine"])
def test_nobody_chooses_where_no_endpoint_does(is_engine: bool) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = (
                config(engines=(engine("a", found.port),), routes=(route([engine_candidate("a")]),))
                if is_engine
                else asking(at("main", found, US))
            )
            refused = await answered(made, body(inference_geo="us"))
            passed = await answered(made, body(inference_geo=None, geography="us"))

        assert (refused.status, refused.code, passed.status) == (400, "parameter_not_allowed", 200)
        assert [json.loads(each.body)["geography"] for each in found.asked] == ["us"]

    run(scenario())


def test_a_header_of_the_endpoint_is_not_the_callers() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            us = at("us", found, US, headers={"openai-project": "proj_us"})
            made = asking(us, headers=frozenset({"openai-project", "openai-beta"}))
            async with serving(made) as gateway:
                await ask(gateway, post(body(), headers={"OpenAI-Project": "proj_eu", "openai-beta": "b"}))

        sent = [value for name, value in found.asked[0].headers if name.lower() == b"openai-project"]
        assert sent == [b"proj_us"]
        assert dict(found.asked[0].headers)[b"openai-beta"] == b"b"

    run(scenario())


def test_any_member_can_be_the_endpoints() -> None:
    """Also one that callers often send, and that is looked at nowhere else."""

    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = asking(at("us", found, US, body={"service_tier": "priority"}))
            refused = await answered(made, body(service_tier="flex"))
            escaped = await answered(made, body().replace(b"{", b'{"service\\u005ftier":"priority",', 1))
            passed = await answered(made, body(service_tier="priority"))

        assert (refused.code, escaped.code, passed.status) == ("parameter_not_allowed", "ambiguous_key", 200)
        assert len(found.asked) == 1

    run(scenario())


def test_a_member_that_one_of_two_endpoints_sets_is_not_the_callers_at_either() -> None:
    async def scenario() -> None:
        async with backends(GOOD, GOOD) as [first, second]:
            made = asking(at("eu", first, EU), at("us", second, US, body={"service_tier": "priority"}))
            refused = await answered(made, body(service_tier="flex"))

        assert (refused.code, first.asked, second.asked) == ("parameter_not_allowed", [], [])

    run(scenario())


def test_the_upstream_name_is_told_and_counted_as_asked() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            made = asking(at("eu", found, EU, models={"upstream-model": "eu.upstream-model"}))
            async with serving(made) as gateway:
                await ask(gateway, post(body()))
                record = await gateway.record()

        assert record.upstream_model == "eu.upstream-model"

    run(scenario())


def test_the_evidence_has_what_the_provider_was_told(tmp_path: pathlib.Path) -> None:
    made = writer(tmp_path)

    async def scenario() -> None:
        async with backends(BUSY, GOOD) as [first, second]:
            told = {"body": {"inference_geo": "eu"}, "headers": {"openai-project": "p"}}
            eu = at("eu", first, EU, models={"upstream-model": "eu.upstream-model"}, **told)
            async with serving(asking(eu, at("us", second, US)), evidence=Keeping(made.pen)) as gateway:
                assert (await ask(gateway, post(body()))).status == 200

    run(scenario())
    intents = [line for line in written(tmp_path, made) if line["kind"] == "Intent"]
    assert [(each["candidate"], each.get("told")) for each in intents] == [
        ("provider:acme/eu", ["model=eu.upstream-model", "inference_geo=eu", "openai-project: p"]),
        ("provider:acme/us", None),
    ]
