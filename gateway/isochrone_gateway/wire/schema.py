"""What is decoded from JSON into fields: the parts of bodies that mean something to the gateway.

Apart from the modules that use them, since those are compiled (docs/decisions/0012), and msgspec needs annotations as
they are written. Fields that nobody reads are skipped by msgspec in C.
"""

import msgspec


class Usage(msgspec.Struct, frozen=True, gc=False):
    """Tokens of one answer. `cached_tokens` is part of `input_tokens`, `reasoning_tokens` of `output_tokens`."""

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """What limits on tokens count."""
        return self.input_tokens + self.output_tokens


class InputDetails(msgspec.Struct, gc=False):
    """`prompt_tokens_details`."""

    cached_tokens: int | None = None


class OutputDetails(msgspec.Struct, gc=False):
    """`completion_tokens_details`."""

    reasoning_tokens: int | None = None


class UsageObject(msgspec.Struct, gc=False):
    """A usage object as sent. Whole numbers that are written as floats (`12.0`) are read as whole."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class Answer(msgspec.Struct, gc=False):
    """A whole answer."""

    usage: UsageObject | None = None


class Choice(msgspec.Struct, gc=False):
    """One choice in a chunk of a stream."""

    delta: dict[str, msgspec.Raw] | None = None
    text: str | None = None
    finish_reason: str | None = None


class Chunk(msgspec.Struct, gc=False):
    """One chunk of a stream."""

    choices: list[Choice] | None = None
    usage: UsageObject | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")


class Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A message that is nothing but text."""

    role: str | None = None
    content: str | None = None
    name: str | None = None
    refusal: str | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
