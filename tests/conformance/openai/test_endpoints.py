"""Every endpoint, as the official client sees it."""

import json

import openai
import pytest
from openai.types.chat import ChatCompletionStreamOptionsParam
from tests.conformance.openai.sdk import COMPLETION, EMBEDDING, MESSAGES, STREAM, TEXT, client
from tests.unit.pipeline.harness import backends, of_engines, run, serving

from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts


def test_chat() -> None:
    async def scenario() -> None:
        async with backends(scripts.answer(COMPLETION)) as [engine], serving(of_engines([engine])) as gateway:
            async with client(gateway) as sdk:
                raw = await sdk.chat.completions.with_raw_response.create(model="chat", messages=MESSAGES)
            answer = raw.parse()

            assert answer.choices[0].message.content == "Hello!"
            assert answer.usage is not None
            assert answer.usage.total_tokens == 12
            assert raw.headers["x-isochrone-site"] == "lab"
            assert raw.headers["x-isochrone-backend"] == "engine:lab/a"
            assert raw.headers["x-isochrone-jurisdiction"] == "DE"
            assert raw.headers["x-isochrone-attempts"] == "1"
            assert raw.headers["x-request-id"].startswith("req_")
            [asked] = engine.asked
            assert asked.path == b"/v1/chat/completions"
            assert json.loads(asked.body)["model"] == "upstream-model"
            assert b"authorization" not in dict(asked.headers)
            record = await gateway.record()
            assert (record.outcome, record.status, record.tenant) == (Outcome.ANSWERED, 200, "lab/team")
            assert (record.route, record.model, record.candidate) == ("lab/chat", "chat", "engine:lab/a")
            assert record.usage is not None
            assert record.usage.total_tokens == 12
            assert record.attempts == 1

    run(scenario())


@pytest.mark.parametrize("asks", [pytest.param(True, id="usage-asked"), pytest.param(False, id="usage-not-asked")])
def test_chat_stream(asks: bool) -> None:
    async def scenario() -> None:
        options: ChatCompletionStreamOptionsParam | openai.Omit = {"include_usage": True} if asks else openai.omit
        async with backends(scripts.stream(STREAM, gap=0.01)) as [engine], serving(of_engines([engine])) as gateway:
            async with client(gateway) as sdk:
                stream = await sdk.chat.completions.create(
                    model="chat", messages=MESSAGES, stream=True, stream_options=options
                )
                chunks = [chunk async for chunk in stream]

            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
            assert text == "Hello!"
            usages = [chunk.usage for chunk in chunks if chunk.usage is not None]
            assert [usage.total_tokens for usage in usages] == ([11] if asks else [])
            assert any(not chunk.choices for chunk in chunks) is asks
            [asked] = engine.asked
            assert json.loads(asked.body)["stream_options"] == {"include_usage": True}
            record = await gateway.record()
            assert record.stream
            assert record.usage is not None
            assert record.usage.total_tokens == 11
            assert record.times.first_token is not None

    run(scenario())


def test_completions() -> None:
    async def scenario() -> None:
        async with backends(scripts.answer(TEXT)) as [engine], serving(of_engines([engine])) as gateway:
            async with client(gateway) as sdk:
                answer = await sdk.completions.create(model="chat", prompt="Hi")

            assert answer.choices[0].text == "Hello!"
            assert engine.asked[0].path == b"/v1/completions"

    run(scenario())


def test_embeddings_in_base64_as_the_client_asks_by_default() -> None:
    async def scenario() -> None:
        async with backends(scripts.answer(EMBEDDING)) as [engine], serving(of_engines([engine])) as gateway:
            async with client(gateway) as sdk:
                answer = await sdk.embeddings.create(model="chat", input="Hi")

            assert answer.data[0].embedding == [1.0, 2.0]
            assert json.loads(engine.asked[0].body)["encoding_format"] == "base64"
            record = await gateway.record()
            assert record.usage is not None
            assert (record.usage.input_tokens, record.usage.output_tokens) == (4, 0)

    run(scenario())


def test_models() -> None:
    async def scenario() -> None:
        async with backends(scripts.answer(COMPLETION)) as [engine], serving(of_engines([engine])) as gateway:
            async with client(gateway) as sdk:
                models = [model async for model in sdk.models.list()]
                one = await sdk.models.retrieve("chat")

            assert [model.id for model in models] == ["chat"]
            assert one.model_extra == {"jurisdictions": ["DE"]}

    run(scenario())
