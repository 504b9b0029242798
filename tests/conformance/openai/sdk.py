"""What an engine answers to the OpenAI SDK, and the SDK pointed at a gateway: both of its clients."""

import asyncio
import contextlib
import operator
from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from openai.pagination import AsyncPage, SyncPage
from openai.types.chat import ChatCompletionMessageParam
from tests.unit.pipeline.harness import KEY, Gateway

COMPLETION = (
    b'{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"upstream-model","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"Hello!"},"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}'
)
TEXT = (
    b'{"id":"cmpl-1","object":"text_completion","created":1,"model":"upstream-model","choices":[{"index":0,'
    b'"text":"Hello!","logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":2,"completion_tokens":3,"total_tokens":5}}'
)
EMBEDDING = (
    b'{"object":"list","model":"upstream-model","data":[{"object":"embedding","index":0,"embedding":"AACAPwAAAEA="}],'
    b'"usage":{"prompt_tokens":4,"total_tokens":4}}'
)


def delta(content: str, finish: str = "null") -> bytes:
    text = (
        '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"upstream-model",'
        f'"choices":[{{"index":0,"delta":{{"content":"{content}"}},"finish_reason":{finish}}}],"usage":null}}'
    )
    return text.encode()


ROLE = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"upstream-model",'
    b'"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}'
)
USAGE = (
    b'{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"upstream-model","choices":[],'
    b'"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}}'
)
STREAM = (ROLE, delta("Hel"), delta("lo!"), delta("", '"stop"'), USAGE)
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hi"}]


@contextlib.asynccontextmanager
async def client(gateway: Gateway, *, key: str = KEY, retries: int = 0) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=gateway.base_url, api_key=key, max_retries=retries) as made:
        yield made


both_clients = pytest.mark.parametrize("kind", ["sync", "async"])


class Caller:
    """One of the SDK's clients, for tests that are the same for both. The blocking one has a thread of its own."""

    def __init__(self, kind: str, gateway: Gateway, options: dict[str, Any]) -> None:
        made = {"base_url": gateway.base_url, "api_key": KEY, "max_retries": 0, **options}
        self._client: openai.OpenAI | openai.AsyncOpenAI = (
            openai.OpenAI(**made) if kind == "sync" else openai.AsyncOpenAI(**made)
        )

    async def call(self, path: str, **asked: Any) -> Any:
        """Call `client.<path>(**asked)`. Of a stream or a page it gives all that it holds, as a list."""
        function = operator.attrgetter(path)(self._client)
        if isinstance(self._client, openai.OpenAI):
            return await asyncio.to_thread(lambda: _whole(function(**asked)))
        return await _whole_async(await function(**asked))

    async def read(self, into: list[Any], path: str, *, most: int | None = None, **asked: Any) -> None:
        """Open a stream and keep what comes, also if it fails; close it in the middle after so many."""
        function = operator.attrgetter(path)(self._client)
        if isinstance(self._client, openai.OpenAI):
            await asyncio.to_thread(lambda: _read(function(**asked), into, most))
        else:
            await _read_async(await function(**asked), into, most)

    async def close(self) -> None:
        if isinstance(self._client, openai.OpenAI):
            self._client.close()
        else:
            await self._client.close()


def _whole(found: Any) -> Any:
    return list(found) if isinstance(found, openai.Stream | SyncPage) else found


async def _whole_async(found: Any) -> Any:
    return [each async for each in found] if isinstance(found, openai.AsyncStream | AsyncPage) else found


def _read(stream: openai.Stream[Any], into: list[Any], most: int | None) -> None:
    with stream:
        while len(into) != most and (chunk := next(stream, None)) is not None:
            into.append(chunk)


async def _read_async(stream: openai.AsyncStream[Any], into: list[Any], most: int | None) -> None:
    async with stream:
        while len(into) != most and (chunk := await anext(stream, None)) is not None:
            into.append(chunk)


@contextlib.asynccontextmanager
async def calling(kind: str, gateway: Gateway, **options: Any) -> AsyncIterator[Caller]:
    caller = Caller(kind, gateway, options)
    try:
        yield caller
    finally:
        await caller.close()
