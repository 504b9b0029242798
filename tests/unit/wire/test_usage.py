"""Usage as engines and providers say it."""

import json
from typing import Any

import pytest

from isochrone_gateway.wire.schema import Usage
from isochrone_gateway.wire.usage import of_answer


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}, Usage(7, 2), id="plain"),
        pytest.param(
            {
                "prompt_tokens": 2006,
                "completion_tokens": 300,
                "total_tokens": 2306,
                "prompt_tokens_details": {"cached_tokens": 1920, "audio_tokens": 0},
                "completion_tokens_details": {"reasoning_tokens": 256},
            },
            Usage(2006, 300, 1920, 256),
            id="OpenAI",
        ),
        pytest.param(
            {"prompt_tokens": 5, "completion_tokens": 1, "prompt_tokens_details": None}, Usage(5, 1), id="vLLM"
        ),
        pytest.param(
            {
                "prompt_tokens": 32,
                "completion_tokens": 9,
                "total_tokens": 135,
                "completion_tokens_details": {"reasoning_tokens": 94},
            },
            Usage(32, 103, 0, 94),
            id="xAI: reasoning beside the completion",
        ),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 8}, Usage(9, 3, 8), id="DeepSeek"
        ),
        pytest.param({"prompt_tokens": 9, "completion_tokens": 3, "cached_tokens": 4}, Usage(9, 3, 4), id="Moonshot"),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 3, "reasoning_tokens": 2}, Usage(9, 3, 0, 2), id="SGLang"
        ),
        pytest.param({"prompt_tokens": 9, "total_tokens": 9}, Usage(9, 0), id="embeddings"),
        pytest.param({"prompt_tokens": 9.0, "completion_tokens": 3.0}, Usage(9, 3), id="floats that are whole"),
        pytest.param({"prompt_tokens": -1, "completion_tokens": 3, "cached_tokens": 5}, Usage(0, 3), id="impossible"),
        pytest.param({}, None, id="empty"),
        pytest.param(None, None, id="null"),
        pytest.param({"prompt_tokens": "many"}, None, id="not a number"),
    ],
)
def test_usage_has_one_meaning(usage: dict[str, Any] | None, expected: Usage | None) -> None:
    body = json.dumps({"id": "x", "choices": [{"message": {"usage": 1}}], "usage": usage}).encode()
    assert of_answer(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>", id="not JSON"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'{"usage":', id="cut off"),
        pytest.param(b'{"x":%b' % (b"[" * 100_000), id="deep"),
    ],
)
def test_what_cannot_be_read_has_no_usage(body: bytes) -> None:
    assert of_answer(body) is None


def test_the_total_is_what_limits_count() -> None:
    assert Usage(7, 2, 5, 1).total_tokens == 9
