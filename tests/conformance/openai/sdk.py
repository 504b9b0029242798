"""What an engine answers to the OpenAI SDK, and the SDK pointed at a gateway."""

import contextlib
from collections.abc import AsyncIterator

import openai
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
