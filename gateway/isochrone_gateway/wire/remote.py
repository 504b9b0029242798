"""What in a request would take data elsewhere: what a provider keeps, tools that it calls, addresses that it fetches.

Routing can be lawful and the request not: a tool server, a search engine or the host of an image sees data too. Under
a binding residency policy these are refused, unless they are listed. Asked only then. Most prompts are plain text all
through, which one shallow decoding shows; of the others only those are decoded whole where a search finds a suspicion.

| in the body                                              | what happens                     | unless             |
|----------------------------------------------------------|----------------------------------|--------------------|
| `store: true`                                            | turned off                       | State allows       |
| `previous_response_id`, `conversation`, `background`     | refused                          | State allows       |
| a content part with a `file_id`                          | refused                          | State allows       |
| `tools` other than `function` and `custom`               | refused                          | its type is listed |
| `web_search_options`, `search_parameters`, `plugins`     | refused                          | the key is listed  |
| a content part with a URL that is not `data:`            | refused                          | `url` is listed    |
| one with data, such as `file_data`, that is such a URL   | refused                          | `url` is listed    |
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from isochrone_gateway.wire.body import Request
from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.schema import Text

FETCH: Final = "url"
"""What is listed to let engines fetch addresses."""

_HERE: Final = frozenset({"function", "custom"})
_KEPT: Final = ("previous_response_id", "conversation", "background")
_SEARCHES: Final = ("web_search_options", "search_parameters", "plugins")
_REMOTE_KEYS: Final = frozenset((*_KEPT, *_SEARCHES, "tools"))
_CONTENTS: Final = ("messages", "input", "prompt")
_SUSPECT: Final = (b'url"', b'uri"', b'"file_id"', b"\\u00")
_ADDRESS: Final = "(?!data:)[a-z][a-z0-9+.-]{1,30}:"
_SUSPECT_START: Final = re.compile(rb'"(?:[\s\\\x80-\xff]|' + _ADDRESS.encode() + b")")
"""A text that begins with a scheme, or with something before which there may be one."""
_LONGEST_MARK: Final = len('":') + 31
"""Bytes: a quote, the longest scheme and its colon."""
_SLICE: Final = 1_048_576
_WORDS: Final = frozenset(
    {
        *("", "role", "type", "name", "id", "call_id", "tool_call_id", "status", "format", "detail"),
        *("content", "text", "title", "filename", "refusal", "reasoning", "reasoning_content", "thinking"),
        *("arguments", "input", "output"),
    }
)
"""Keys of texts that models read and nobody fetches. Under all others there may be data, or an address to fetch it."""
_SCHEME: Final = re.compile(r"[\x00-\x20\s\ufeff]*" + _ADDRESS, re.IGNORECASE)
_URL_KEY: Final = re.compile(r".*ur[il]", re.IGNORECASE)
_FALSE: Final = b"false"
_INLINE: Final = "data:"

_texts = msgspec.json.Decoder(list[Text] | str | None)
_tools = msgspec.json.Decoder(list[dict[str, Any]] | None)
_any = msgspec.json.Decoder()


class Listed:
    """What the policies that bind a request allow: providers to keep state; tools and fetching by name."""

    __slots__ = ("remote", "state")

    def __init__(self, *, state: bool = False, remote: frozenset[str] = frozenset()) -> None:
        self.state = state
        self.remote = remote


def unlawful(request: Request, listed: Listed) -> ApiError | None:
    """The first thing in a request that would take its data elsewhere, as a refusal."""
    if not _REMOTE_KEYS.isdisjoint(request.members.values):
        error = _bad_key(request, listed)
        if error is not None:
            return error
    return _bad_part(request, listed)


def without_store(request: Request, *, always: bool) -> dict[str, bytes]:
    """The change that keeps a provider from storing the request.

    `always` also says so where the client said nothing, for providers whose default is to store.
    """
    if request.has("store"):
        return {} if bytes(request.members.values["store"]) == _FALSE else {"store": _FALSE}
    return {"store": _FALSE} if always else {}


def _bad_key(request: Request, listed: Listed) -> ApiError | None:
    if not listed.state:
        for key in _KEPT:
            if request.has(key) and bytes(request.members.values[key]) != _FALSE:
                return _refused(key, f"{key} makes the provider keep data")
    for key in _SEARCHES:
        if key not in listed.remote and request.has(key):
            return _refused(key, f"{key} sends data to a search service")
    return _bad_tool(request, listed)


def _bad_tool(request: Request, listed: Listed) -> ApiError | None:
    if not request.has("tools"):
        return None
    try:
        tools = _tools.decode(request.members.values["tools"]) or []
    except msgspec.DecodeError as error:
        return ApiError(kind=ErrorKind.BAD_VALUE, message=f"tools is not valid: {error}.", param="tools")
    for index, tool in enumerate(tools):
        kind = tool.get("type")
        if not isinstance(kind, str) or (kind not in _HERE and kind not in listed.remote):
            return _refused(f"tools[{index}].type", f"a tool of type {str(kind)[:64]!r} runs elsewhere")
    return None


def _bad_part(request: Request, listed: Listed) -> ApiError | None:
    values = request.members.values
    for key in _CONTENTS:
        value = values.get(key)
        if value is None or _is_plain(value) or not _is_suspect(memoryview(value)):
            continue
        for name, text in _strings(_any.decode(value), ""):
            if name == "file_id" and not listed.state:
                return _refused(key, "a file_id refers to data that a provider keeps")
            if FETCH not in listed.remote and _is_address(name, text):
                return _refused(key, f"{name} is an address to fetch from; send the content itself as a data: URL")
    return None


def _is_address(name: str, text: str) -> bool:
    """Some fetch what stands in place of data: `file_data`, `input_audio.data`, `image`."""
    if _URL_KEY.fullmatch(name) is not None:
        return not text[:5].lower().startswith(_INLINE)
    return name not in _WORDS and _SCHEME.match(text) is not None


def _is_plain(value: msgspec.Raw) -> bool:
    """Whether it is a text, or messages that hold nothing but texts: without a part there is no address in one."""
    try:
        _texts.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _is_suspect(value: memoryview) -> bool:
    """Whether a mark is in it, in any case. Slice by slice: one call of C for 30 MB would keep everybody waiting."""
    for start in range(0, len(value), _SLICE):
        text = bytes(value[start : start + _SLICE + _LONGEST_MARK]).lower()
        if any(mark in text for mark in _SUSPECT) or _SUSPECT_START.search(text) is not None:
            return True
    return False


def _strings(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """All strings in a value, with the key that each stands under. Arrays pass the key on."""
    stack = [(name, value)]
    while stack:
        name, each = stack.pop()
        match each:
            case str():
                yield name, each
            case dict():
                stack.extend(each.items())
            case list():
                stack.extend((name, item) for item in each)
            case _:
                pass


def _refused(param: str, text: str) -> ApiError:
    message = f"Refused under a data residency policy: {text}."
    return ApiError(kind=ErrorKind.RESIDENCY_DENIED, message=message, param=param, should_retry=False)
