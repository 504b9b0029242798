"""The body of a request: the keys that we act on, checked; the others as they came.

What is decoded is the top level and the few values that decide something. Those keys must be unambiguous, since an
engine with a laxer parser than ours could otherwise see another model, stream or limit than was judged here: no
second copy, no other case (Go's encoding/json ignores case), no escapes in the key.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.members import Members, Piece, read_members

ACTED_ON: Final = frozenset(
    {
        "best_of",
        "cache_salt",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "n",
        "store",
        "stream",
        "stream_options",
        "tools",
        "user",
        "web_search_options",
    }
)
"""Keys that decide something in the gateway."""

CHOOSE_HOSTS: Final = frozenset({"kv_transfer_params", "bootstrap_host", "bootstrap_port", "bootstrap_room"})
"""Keys by which engines are told to connect elsewhere (vLLM's and SGLang's disaggregated prefill)."""

CHOOSE_REGIONS: Final = frozenset({"inference_geo"})
"""Keys by which providers are told where to process (Anthropic's Messages API)."""

_PASSED_ON: Final = frozenset(
    {
        "audio", "chat_template", "chat_template_kwargs", "dimensions", "echo", "encoding_format", "extra_body",
        "frequency_penalty", "function_call", "functions", "guided_json", "ignore_eos", "input", "instructions",
        "logit_bias", "logprobs", "min_p", "min_tokens", "modalities", "parallel_tool_calls", "prediction",
        "presence_penalty", "prompt", "prompt_cache_key", "reasoning_effort", "repetition_penalty", "response_format",
        "safety_identifier", "seed", "service_tier", "stop", "stop_token_ids", "suffix", "temperature", "tool_choice",
        "top_k", "top_logprobs", "top_p", "truncate_prompt_tokens", "verbosity",
    }
)  # fmt: skip
_FAMILIAR: Final = ACTED_ON | _PASSED_ON
_GUARDED: Final = ACTED_ON | CHOOSE_HOSTS

INCLUDE_USAGE: Final = b'{"include_usage":true}'
_TOKEN_KEYS: Final = ("max_completion_tokens", "max_tokens")
_NULL: Final = b"null"

_flag = msgspec.json.Decoder(bool | None)
_count = msgspec.json.Decoder(int | None)
_text = msgspec.json.Decoder(str)
_number = msgspec.json.Decoder(int | float | None)
_TYPES: Final[Mapping[str, msgspec.json.Decoder[Any]]] = {
    "model": _text,
    "stream": _flag,
    "max_completion_tokens": _count,
    "max_tokens": _count,
    "n": _count,
    "best_of": _count,
}


class Request:
    """What a request body says, as far as the gateway acts on it.

    `max_tokens` is the least of the keys that bound the answer; `wants_usage` is whether the client itself asked for
    the usage chunk of a stream; `is_familiar` is whether it has no key but those of OpenAI's API and of engines that
    are known to choose nothing.
    """

    __slots__ = ("choices", "is_familiar", "max_tokens", "members", "model", "stream", "wants_usage")

    def __init__(
        self,
        members: Members,
        model: str,
        *,
        stream: bool,
        wants_usage: bool,
        max_tokens: int | None,
        choices: int,
    ) -> None:
        self.members = members
        self.is_familiar = False
        self.model = model
        self.stream = stream
        self.wants_usage = wants_usage
        self.max_tokens = max_tokens
        self.choices = choices

    def has(self, key: str) -> bool:
        """Whether the client set this key to something else than null."""
        value = self.members.values.get(key)
        return value is not None and bytes(value) != _NULL


class Shaping:
    """A route's parameters, prepared: what to set where the client sets none, and the most that it may ask for."""

    __slots__ = ("caps", "defaults")

    def __init__(self, defaults: Mapping[str, Any], caps: Mapping[str, Any]) -> None:
        """An answer that the client doesn't bound is bounded by the cap."""
        known = dict(defaults)
        if "max_tokens" in caps:
            known.setdefault("max_tokens", caps["max_tokens"])
        self.defaults = {key: msgspec.json.encode(value) for key, value in known.items()}
        self.caps: dict[str, Any] = dict(caps)


def read_request(body: bytes) -> Request | ApiError:
    """Read a request body, or say why it is refused."""
    members = read_members(body)
    if not isinstance(members, Members):
        return members
    is_familiar = not members.escaped and _FAMILIAR.issuperset(members.values)
    if not is_familiar:
        refusal = _ambiguous(members)
        if refusal is not None:
            return refusal
    try:
        request = _decoded(members)
        request.is_familiar = is_familiar
    except msgspec.DecodeError:
        return _mistyped(members)
    return _out_of_range(request) or request


def _out_of_range(request: Request) -> ApiError | None:
    if not request.model:
        return _bad_value("model", "it must name a model")
    if request.choices < 1:
        return _bad_value("n", "it must be at least 1")
    if request.max_tokens is not None and request.max_tokens < 1:
        return _bad_value("max_tokens", "it must be at least 1")
    return None


def _decoded(members: Members) -> Request:
    values = members.values
    stream = "stream" in values and _flag.decode(values["stream"]) is True
    return Request(
        members,
        _text.decode(values["model"]) if "model" in values else "",
        stream=stream,
        wants_usage="stream_options" in values and _asks_for_usage(values["stream_options"]) and stream,
        max_tokens=_least(values),
        choices=_choices(values) if "n" in values or "best_of" in values else 1,
    )


def _mistyped(members: Members) -> ApiError:
    for key, decoder in _TYPES.items():
        try:
            decoder.decode(members.values.get(key, _NULL if key != "model" else b'""'))
        except msgspec.DecodeError as error:
            return _bad_value(key, str(error))
    return _bad_value("stream_options", "it must be an object, and include_usage true or false, said once")


def check_caps(request: Request, shaping: Shaping) -> ApiError | None:
    """Refuse what is above the route's caps. Nothing is cut silently."""
    for key, most in shaping.caps.items():
        asked = _asked(request, key)
        if isinstance(asked, ApiError):
            return asked
        if asked is not None and asked > most:
            text = f"{key} is {asked}, but this model allows at most {most}; ask for less."
            return ApiError(kind=ErrorKind.ABOVE_CAP, message=text, param=key)
    return None


def with_defaults(request: Request, shaping: Shaping) -> dict[str, bytes]:
    """The route's defaults for what the client left out or set to null, as changes to splice in."""
    return {
        key: value
        for key, value in shaping.defaults.items()
        if not request.has(key) and not (key == "max_tokens" and request.max_tokens is not None)
    }


def metered(request: Request) -> dict[str, bytes]:
    """The change that makes a streamed answer say its usage; empty if it does so anyway.

    Other stream options of the client are kept.
    """
    if not request.stream or request.wants_usage:
        return {}
    if not request.has("stream_options"):
        return {"stream_options": INCLUDE_USAGE}
    options = read_members(bytes(request.members.values["stream_options"]))
    # read_request has refused options that can't be read, so the constant is never more than a type's due.
    pieces = (INCLUDE_USAGE,) if isinstance(options, ApiError) else options.splice({"include_usage": b"true"})
    return {"stream_options": b"".join(pieces)}


def spliced(request: Request, changes: Mapping[str, bytes]) -> tuple[Piece, ...]:
    """The body with these keys set, everything else byte for byte as the client sent it."""
    return request.members.splice(changes)


def _ambiguous(members: Members) -> ApiError | None:
    for key in members.values.keys() - _FAMILIAR:
        if key in CHOOSE_HOSTS:
            text = f"{key} lets a caller choose hosts; leave it out."
            return ApiError(kind=ErrorKind.NOT_ALLOWED_HERE, message=text, param=key)
        meant = key.strip().casefold()
        if meant in _GUARDED:
            text = f"The key {key[:64]!r} could be read as {meant!r}; write it in lower case."
            return ApiError(kind=ErrorKind.AMBIGUOUS_KEY, message=text, param=meant)
    for key in members.escaped & _GUARDED:
        text = f"The key {key!r} is written with escapes; write it plainly."
        return ApiError(kind=ErrorKind.AMBIGUOUS_KEY, message=text, param=key)
    return None


def _asks_for_usage(value: msgspec.Raw) -> bool:
    text = bytes(value)
    if text == _NULL:
        return False
    options = read_members(text)
    if isinstance(options, ApiError):
        raise msgspec.DecodeError(options.message)
    return "include_usage" in options.values and _flag.decode(options.values["include_usage"]) is True


def _least(values: Mapping[str, msgspec.Raw]) -> int | None:
    newer, older = values.get("max_completion_tokens"), values.get("max_tokens")
    if newer is None:
        return None if older is None else _count.decode(older)
    asked = [each for each in (_count.decode(newer), _count.decode(older or _NULL)) if each is not None]
    return min(asked, default=None)


def _choices(values: Mapping[str, msgspec.Raw]) -> int:
    """How many answers are made: `best_of` (completions) makes more than it returns."""
    asked = [_count.decode(values[key]) for key in ("n", "best_of") if key in values]
    known = [each for each in asked if each is not None]
    return max(known) if known and min(known) >= 1 else min(known, default=1)


def _asked(request: Request, key: str) -> float | ApiError | None:
    if key == "max_tokens":
        # Whichever of the two keys an engine reads, it must not find more than the cap.
        values = request.members.values
        return max((_count.decode(values[each]) or 0 for each in _TOKEN_KEYS if each in values), default=None)
    if key == "n":
        return request.choices
    if key not in request.members.values:
        return None
    try:
        asked: float | None = _number.decode(request.members.values[key])
    except msgspec.DecodeError as error:
        return _bad_value(key, str(error))
    return asked


def _bad_value(key: str, text: str) -> ApiError:
    return ApiError(kind=ErrorKind.BAD_VALUE, message=f"{key} is not valid: {text}.", param=key)
