"""Every endpoint, whole and as a stream, as both of the SDK's clients see it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.openai.sdk import COMPLETION, MESSAGES, STREAM, TEXT, both_clients, calling
from tests.unit.pipeline.harness import backends, of_engines, run, serving

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.scripts import Script

PIECES = [
    b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"%b",'
    b'"logprobs":null,"finish_reason":%b}]}' % piece
    for piece in ((b"Hel", b"null"), (b"lo!", b'"stop"'))
]
FLOATS = (
    b'{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[1.0,2.5]},'
    b'{"object":"embedding","index":1,"embedding":[-1.0,0.0]}],"usage":{"prompt_tokens":4,"total_tokens":4}}'
)
BASE64 = FLOATS.replace(b"[1.0,2.5]", b'"AACAPwAAIEA="').replace(b"[-1.0,0.0]", b'"AACAvwAAAAA="')
TOOLS = COMPLETION.replace(
    b'"content":"Hello!"',
    b'"content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]',
)
CHAT = {"model": "chat", "messages": MESSAGES}
SERVED = [
    pytest.param(
        "chat.completions.create",
        CHAT,
        scripts.answer(COMPLETION),
        lambda found: (found.choices[0].message.content, found.usage.total_tokens) == ("Hello!", 12),
        id="chat",
    ),
    pytest.param(
        "chat.completions.create",
        {**CHAT, "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]},
        scripts.answer(TOOLS),
        lambda found: found.choices[0].message.tool_calls[0].function.name == "f",
        id="chat-with-tools",
    ),
    pytest.param(
        "chat.completions.create",
        {**CHAT, "stream": True},
        scripts.stream(STREAM, gap=0.01),
        lambda found: "".join(chunk.choices[0].delta.content or "" for chunk in found) == "Hello!",
        id="chat-stream",
    ),
    pytest.param(
        "completions.create",
        {"model": "chat", "prompt": "Hi"},
        scripts.answer(TEXT),
        lambda found: found.choices[0].text == "Hello!",
        id="completion",
    ),
    pytest.param(
        "completions.create",
        {"model": "chat", "prompt": ["Hi", "Ho"], "stream": True},
        scripts.stream(PIECES, gap=0.01),
        lambda found: [chunk.choices[0].text for chunk in found] == ["Hel", "lo!"],
        id="completion-stream",
    ),
    pytest.param(
        "embeddings.create",
        {"model": "chat", "input": ["a", "b"]},
        scripts.answer(BASE64),
        lambda found: [each.embedding for each in found.data] == [[1.0, 2.5], [-1.0, 0.0]],
        id="embeddings",
    ),
    pytest.param(
        "embeddings.create",
        {"model": "chat", "input": [[1, 2], [3]], "encoding_format": "float", "dimensions": 2},
        scripts.answer(FLOATS),
        lambda found: [each.embedding for each in found.data] == [[1.0, 2.5], [-1.0, 0.0]],
        id="embeddings-as-numbers",
    ),
]


@both_clients
@pytest.mark.parametrize(("path", "asked", "script", "is_right"), SERVED)
def test_each_endpoint(
    kind: str, path: str, asked: dict[str, Any], script: Script, is_right: Callable[[Any], bool]
) -> None:
    async def scenario() -> None:
        async with (
            backends(script) as [engine],
            serving(of_engines([engine])) as gateway,
            calling(kind, gateway) as sdk,
        ):
            for _ in range(3):
                assert is_right(await sdk.call(path, **asked))

        for request in engine.asked:
            sent = json.loads(request.body)
            assert sent.pop("model") == "upstream-model"
            sent.pop("stream_options", None)
            sent.pop("encoding_format", None)
            assert sent == {key: value for key, value in asked.items() if key not in {"model", "encoding_format"}}

    run(scenario())


@both_clients
@pytest.mark.parametrize("name", ["chat", "meta-llama/Llama-3.1-8B:q4@v1"])
def test_models_are_listed_and_found_whatever_their_names(kind: str, name: str) -> None:
    async def scenario() -> None:
        async with (
            backends(scripts.answer(COMPLETION)) as found,
            serving(of_engines(found, route={"name": name})) as gateway,
            calling(kind, gateway) as sdk,
        ):
            listed = await sdk.call("models.list")
            one = await sdk.call("models.retrieve", model=name)

        assert [model.id for model in listed] == [name]
        assert one == listed[0]
        assert one.model_extra == {"jurisdictions": ["DE"]}

    run(scenario())


@both_clients
def test_the_id_of_a_request_is_known_with_its_answer(kind: str) -> None:
    async def scenario() -> None:
        async with (
            backends(scripts.answer(COMPLETION)) as found,
            serving(of_engines(found)) as gateway,
            calling(kind, gateway) as sdk,
        ):
            answer = await sdk.call("chat.completions.create", **CHAT)
            first = await gateway.record()
            raw = await sdk.call("chat.completions.with_raw_response.create", **CHAT)
            second = await gateway.record()

        assert answer._request_id == first.id
        assert raw.headers["x-request-id"] == raw.request_id == second.id
        assert first.id != second.id
        assert dict(found[0].asked[1].headers)[b"x-request-id"].decode() == second.id

    run(scenario())


@both_clients
@pytest.mark.parametrize("base", ["/v1", "/v1/"])
def test_a_base_address_with_and_without_a_slash(kind: str, base: str) -> None:
    async def scenario() -> None:
        async with backends(scripts.answer(COMPLETION)) as found, serving(of_engines(found)) as gateway:
            address = gateway.base_url.removesuffix("/v1") + base
            async with calling(kind, gateway, base_url=address) as sdk:
                assert (await sdk.call("chat.completions.create", **CHAT)).choices
                assert await sdk.call("models.list")

    run(scenario())
