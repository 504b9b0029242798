"""What is decided by a request's head."""

from unittest.mock import ANY

import pytest
from tests.unit.pipeline.harness import KEY, backends, of_engines, run, serving
from tests.unit.pipeline.talk import ask, get, post, talking

from isochrone_gateway.config.routes import RouteEndpoint
from isochrone_gateway.config.site import Cors
from isochrone_gateway.upstream import scripts

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        pytest.param({"authorization": ""}, 401, "missing_api_key", id="none"),
        pytest.param({"authorization": "Basic abc"}, 401, "invalid_api_key", id="not-bearer"),
        pytest.param({"authorization": "Bearer "}, 401, "missing_api_key", id="empty"),
        pytest.param({"authorization": f"bearer {KEY}"}, 200, "", id="scheme-in-lower-case"),
        pytest.param({"authorization": "", "x-api-key": KEY}, 200, "", id="x-api-key"),
        pytest.param({"authorization": "", "x-api-key": "wrong"}, 401, "invalid_api_key", id="wrong-x-api-key"),
        pytest.param({"x-api-key": KEY}, 200, "", id="both-alike"),
        pytest.param({"x-api-key": "other"}, 400, None, id="both-different"),
    ],
)
def test_who_calls(headers: dict[str, str], status: int, code: str | None) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            answer = await ask(gateway, post(BODY, headers=headers))

            assert answer.status == status
            assert status == 200 or answer.code == code

    run(scenario())


def test_anybody_where_the_site_allows_it_but_no_bad_key() -> None:
    async def scenario() -> None:
        site = {"anonymous_access": True}
        async with backends(GOOD) as found, serving(of_engines(found, site=site)) as gateway:
            assert (await ask(gateway, post(BODY, headers={"authorization": ""}))).status == 200
            assert (await ask(gateway, post(BODY, headers={"authorization": "Bearer no"}))).status == 401

    run(scenario())


@pytest.mark.parametrize(
    ("request_", "status", "code", "allow"),
    [
        pytest.param(get("/v1/unknown"), 404, "unknown_url", None, id="no-such-path"),
        pytest.param(get("/"), 404, "unknown_url", None, id="root"),
        pytest.param(get("/v1/chat/completions"), 405, "method_not_allowed", "POST", id="get-where-post"),
        pytest.param(post(BODY, path="/v1/models"), 405, "method_not_allowed", "GET, HEAD", id="post-where-get"),
        pytest.param(get("/v1/models/chat", method="DELETE"), 405, "method_not_allowed", "GET, HEAD", id="delete"),
        pytest.param(get("/v1/completions", method="OPTIONS"), 405, "method_not_allowed", "POST", id="options"),
        pytest.param(get("/v1/embeddings", method="PUT"), 405, "method_not_allowed", "POST", id="put"),
        pytest.param(post(BODY, path="/v1/chat/completions/"), 404, "unknown_url", None, id="slash-at-the-end"),
        pytest.param(get("/v1/models/"), 404, "unknown_url", None, id="slash-after-models"),
        pytest.param(post(BODY, path="//v1/chat/completions"), 404, "unknown_url", None, id="two-slashes"),
        pytest.param(post(BODY, path="/v1/chat%2Fcompletions"), 404, "unknown_url", None, id="escaped"),
        pytest.param(post(BODY, path="/V1/chat/completions"), 404, "unknown_url", None, id="other-case"),
        pytest.param(post(BODY, path="/v1/x/../chat/completions"), 404, "unknown_url", None, id="dots"),
        pytest.param(get("/v1/models/nope"), 404, "model_not_found", None, id="no-such-model"),
        pytest.param(
            post(BODY, headers={"content-type": "text/plain"}), 415, "unsupported_media_type", None, id="not-json"
        ),
        pytest.param(
            post(BODY, headers={"content-encoding": "gzip"}), 415, "unsupported_media_type", None, id="compressed"
        ),
    ],
)
def test_the_path_table(request_: bytes, status: int, code: str, allow: str | None) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            answer = await ask(gateway, request_)

            assert (answer.status, answer.code) == (status, code)
            assert answer.headers.get("allow") == allow
            assert (await gateway.record()).status == status

    run(scenario())


@pytest.mark.parametrize("path", ["/v1/chat/completions/", "/v1/models/"])
def test_a_slash_too_many_is_said(path: str) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            assert "slash" in (await ask(gateway, post(BODY, path=path))).json["error"]["message"]

    run(scenario())


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        pytest.param(
            get("/"),
            "There is nothing at this address. There is: "
            "/v1/chat/completions, /v1/completions, /v1/embeddings, /v1/models.",
            id="no-such-path",
        ),
        pytest.param(
            post(b'{"model":"caht"}'),
            "The model 'caht' does not exist, or this key may not use it. GET /v1/models lists those that it may.",
            id="no-such-model",
        ),
        pytest.param(
            get("/v1/models/caht"),
            "The model does not exist, or this key may not use it. GET /v1/models lists those that it may.",
            id="no-such-model-to-look-up",
        ),
        pytest.param(
            post(b'{"model":"chat","input":"a"}', path="/v1/embeddings"),
            "The model 'chat' answers at /v1/chat/completions and /v1/completions, not at /v1/embeddings.",
            id="another-endpoint",
        ),
    ],
)
def test_a_refusal_says_the_way_out(request_: bytes, said: str) -> None:
    async def scenario() -> None:
        spoken = {"endpoints": frozenset({RouteEndpoint.CHAT_COMPLETIONS, RouteEndpoint.COMPLETIONS})}
        async with backends(GOOD) as found, serving(of_engines(found, route=spoken)) as gateway:
            assert (await ask(gateway, request_)).json["error"]["message"] == said

    run(scenario())


@pytest.mark.parametrize("query", ["?", "?api-version=2024-06-01", "?model=other&stream=true", "?a=/v1/models"])
def test_a_query_decides_nothing_and_goes_nowhere(query: str) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found])) as gateway:
            assert (await ask(gateway, post(BODY, path=f"/v1/chat/completions{query}"))).status == 200
            assert (await ask(gateway, get(f"/v1/models{query}"))).status == 200

        assert [asked.path for asked in found.asked] == [b"/v1/chat/completions"]

    run(scenario())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/v1/models", 200, id="models"),
        pytest.param("/v1/models/chat", 200, id="a-model"),
        pytest.param("/v1/models/nope", 404, id="no-model"),
        pytest.param("/v1/chat/completions", 405, id="where-post"),
        pytest.param("/nowhere", 404, id="nowhere"),
    ],
)
def test_head_is_get_without_the_body(path: str, status: int) -> None:
    async def scenario() -> None:
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway, talking(gateway) as talk:
            talk.send(get(path))
            whole = await talk.answer()
            talk.send(get(path, method="HEAD") + get(path))
            assert await talk.head() == (status, {**whole.headers, "date": ANY, "x-request-id": ANY})
            assert (await talk.answer()).body == whole.body, "the next answer begins where the head ends"

    run(scenario())


PAGE = "https://app.example.com"


def test_browsers_from_listed_origins_may_call() -> None:
    async def scenario() -> None:
        site = {"cors": Cors(origins=frozenset({PAGE}))}
        asks = {
            "origin": PAGE,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization",
        }
        async with backends(GOOD) as found, serving(of_engines(found, site=site)) as gateway:
            before = await ask(gateway, get("/v1/chat/completions", {"authorization": "", **asks}, method="OPTIONS"))
            answer = await ask(gateway, post(BODY, headers={"origin": PAGE}))
            refused = await ask(gateway, post(BODY, headers={"origin": PAGE, "authorization": ""}))
            other = await ask(gateway, post(BODY, headers={"origin": "https://evil.example.com"}))

        assert before.status == 204
        assert before.headers["access-control-allow-headers"] == "authorization"
        for each in (before, answer, refused):
            assert each.headers["access-control-allow-origin"] == PAGE
        assert "access-control-allow-origin" not in other.headers

    run(scenario())


def test_without_cors_a_preflight_is_a_request_without_a_key() -> None:
    async def scenario() -> None:
        asks = {"authorization": "", "origin": PAGE, "access-control-request-method": "POST"}
        async with backends(GOOD) as found, serving(of_engines(found)) as gateway:
            answer = await ask(gateway, get("/v1/chat/completions", asks, method="OPTIONS"))

        assert answer.status == 401
        assert "access-control-allow-origin" not in answer.headers

    run(scenario())
