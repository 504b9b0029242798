"""How many tokens an answer used, as engines and providers say it.

All speak of `prompt_tokens` and `completion_tokens`; the rest differs:

| who                   | what differs                                                                       |
|-----------------------|------------------------------------------------------------------------------------|
| OpenAI, vLLM, SGLang  | `prompt_tokens_details.cached_tokens`, `completion_tokens_details.reasoning_tokens` |
| vLLM                  | the details may be null                                                            |
| xAI                   | reasoning tokens are counted beside `completion_tokens`; the total shows it         |
| DeepSeek              | `prompt_cache_hit_tokens`                                                          |
| Moonshot              | `cached_tokens` beside the counts                                                  |
| SGLang                | `reasoning_tokens` beside the counts                                               |
| embeddings            | no `completion_tokens`                                                             |

Streamed usage is cumulative: a later one replaces an earlier one, it is never added.
"""

from typing import Final

import msgspec

from isochrone_gateway.wire.schema import Answer, Usage, UsageObject

_decode: Final = msgspec.json.Decoder(Answer, strict=False).decode


def of_answer(body: bytes) -> Usage | None:
    """The usage in a whole answer, or in the JSON of one stream chunk; None if it says none that can be read."""
    try:
        found = _decode(body).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if found is None else normalise(found)


def normalise(usage: UsageObject) -> Usage | None:
    """One meaning for all variants. Counts that contradict themselves are cut to what is possible."""
    sent, made = usage.prompt_tokens, usage.completion_tokens
    if sent is None and made is None:
        return None
    sent, made = max(0, sent or 0), max(0, made or 0)
    details, thought = usage.prompt_tokens_details, usage.completion_tokens_details
    cached = (details and details.cached_tokens) or usage.prompt_cache_hit_tokens or usage.cached_tokens or 0
    reasoning = max(0, (thought and thought.reasoning_tokens) or usage.reasoning_tokens or 0)
    if reasoning and usage.total_tokens == sent + made + reasoning:
        made += reasoning
    return Usage(sent, made, min(max(0, cached), sent), min(reasoning, made))
