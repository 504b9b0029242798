"""What in a request would take data elsewhere, and is refused under a binding policy unless listed."""

import json
from typing import Any

import pytest

from isochrone_gateway.wire.body import Request, read_request
from isochrone_gateway.wire.errors import ErrorKind
from isochrone_gateway.wire.remote import FETCH, Listed, unlawful, without_store

NOTHING = Listed()
DATA = "data:image/png;base64,iVBORw0KGgo="


def request(**members: Any) -> Request:
    found = read_request(json.dumps({"model": "m", **members}).encode())
    assert isinstance(found, Request), found
    return found


def said(*parts: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def image(url: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": url}


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"messages": [{"role": "user", "content": "see http://x.test/a.png"}]}, id="a URL in the text"),
        pytest.param(said({"type": "text", "text": '{"url":"http://x.test"}'}), id="JSON in the text"),
        pytest.param(said({"type": "text", "text": "https://x.test/a.png: what is it?"}), id="a text that is a URL"),
        pytest.param(
            {"messages": [{"role": "user", "content": "http://x.test"}, *said(image(DATA))["messages"]]},
            id="a message that is a URL, beside one with a part",
        ),
        pytest.param(
            {"input": [{"type": "function_call_output", "call_id": "a:b", "output": "http://x.test"}]},
            id="what a tool gave",
        ),
        pytest.param(
            said({"type": "file", "file": {"file_data": DATA, "filename": "C:/a: b.pdf"}}), id="a file as data"
        ),
        pytest.param(said({"type": "file", "file": {"file_data": "//uQZAAA:"}}), id="a file as data, without a scheme"),
        pytest.param(said(image({"url": DATA, "detail": "low"})), id="an image as data"),
        pytest.param(said(image(DATA.upper())), id="an image as data, in capitals"),
        pytest.param(said({"type": "input_audio", "input_audio": {"data": "UklGRg=="}}), id="audio as data"),
        pytest.param(
            {"tools": [{"type": "function", "function": {"name": "url"}}, {"type": "custom"}]}, id="own tools"
        ),
        pytest.param({"tools": None}, id="no tools"),
        pytest.param({"background": False, "web_search_options": None}, id="off"),
        pytest.param(
            {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": '{"url": "http://x"}'}}]}]},
            id="arguments of a call",
        ),
    ],
)
def test_what_stays_here_is_lawful(members: dict[str, Any]) -> None:
    assert unlawful(request(**members), NOTHING) is None


@pytest.mark.parametrize(
    ("members", "param", "listed"),
    [
        pytest.param({"tools": [{"type": "function"}, {"type": "mcp"}]}, "tools[1].type", {"mcp"}, id="MCP"),
        pytest.param({"tools": [{"type": "web_search"}]}, "tools[0].type", {"web_search"}, id="web search as a tool"),
        pytest.param({"web_search_options": {}}, "web_search_options", {"web_search_options"}, id="web search"),
        pytest.param(
            {"search_parameters": {"mode": "on"}}, "search_parameters", {"search_parameters"}, id="xAI search"
        ),
        pytest.param(said(image({"url": "https://x.test/a.png"})), "messages", {FETCH}, id="image by URL"),
        pytest.param(said(image("https://x.test/a.png")), "messages", {FETCH}, id="image by URL, short form"),
        pytest.param(said(image({"URL": "https://x.test"})), "messages", {FETCH}, id="another case"),
        pytest.param(said(image({"url": " data:x"})), "messages", {FETCH}, id="not quite data"),
        pytest.param(said({"type": "video_url", "video_url": {"url": "s3://b/k"}}), "messages", {FETCH}, id="video"),
        pytest.param(said({"type": "image", "source": {"uri": "file:///etc/passwd"}}), "messages", {FETCH}, id="file"),
        pytest.param({"input": [{"content": [image("http://x")]}]}, "input", {FETCH}, id="in input"),
        pytest.param(
            {"messages": [{"role": "user", "content": "hi"}, {"role": "user", "content": [image("http://x")]}]},
            *("messages", {FETCH}),
            id="after plain text",
        ),
        pytest.param({"messages": [{"role": {"url": "http://x"}}]}, "messages", {FETCH}, id="in place of a text"),
        pytest.param({"messages": [{"role": "user", "audio_url": "http://x"}]}, "messages", {FETCH}, id="unknown key"),
        *(
            pytest.param(said(part), "messages", {FETCH}, id=f"in place of data: {part}")
            for part in (
                {"type": "file", "file": {"file_data": "https://x.test/a.pdf", "filename": "a.pdf"}},
                {"type": "input_audio", "input_audio": {"data": "HTTPS:/x.test/a.wav", "format": "wav"}},
                {"type": "image", "image": "gs:x"},
                {"type": "image", "image": [" \n\x01https://x.test"]},
                {"type": "image", "image": "\u3000datax:/x.test"},
                {"type": "new", "something": {"deep": "s3://bucket/key"}},
            )
        ),
    ],
)
def test_what_goes_elsewhere_is_refused_unless_listed(members: dict[str, Any], param: str, listed: set[str]) -> None:
    asked = request(**members)
    error = unlawful(asked, NOTHING)
    assert error is not None
    assert (error.kind, error.status, error.param) == (ErrorKind.RESIDENCY_DENIED, 403, param)
    assert unlawful(asked, Listed(remote=frozenset(listed))) is None


@pytest.mark.parametrize(
    ("members", "param"),
    [
        pytest.param({"previous_response_id": "r"}, "previous_response_id", id="previous response"),
        pytest.param({"conversation": "c"}, "conversation", id="conversation"),
        pytest.param({"background": True}, "background", id="background"),
        pytest.param(said({"type": "file", "file": {"file_id": "f"}}), "messages", id="file"),
    ],
)
def test_state_is_refused_unless_it_is_allowed(members: dict[str, Any], param: str) -> None:
    asked = request(**members)
    error = unlawful(asked, NOTHING)
    assert error is not None
    assert error.param == param
    assert unlawful(asked, Listed(state=True)) is None


def test_keys_with_escapes_hide_nothing() -> None:
    body = rb'{"model":"m","messages":[{"content":[{"im\u0061ge_\u0075rl":{"\u0075rl":"http://x.test"}}]}]}'
    asked = read_request(body)
    assert isinstance(asked, Request)
    assert unlawful(asked, NOTHING) is not None


@pytest.mark.parametrize("at", range(-5, 2))
def test_an_address_is_found_wherever_it_stands(at: int) -> None:
    """Large values are searched slice by slice, and the mark that is looked for may lie across two of them."""

    def asked(padding: int) -> Request:
        return request(**said({"type": "text", "text": "x" * padding}, {"type": "fetch", "url": "http://x.test"}))

    least = bytes(asked(0).members.values["messages"]).index(b'url"')
    large = asked(1_048_576 + at - least)
    assert bytes(large.members.values["messages"]).index(b'url"') == 1_048_576 + at
    assert unlawful(large, NOTHING) is not None


@pytest.mark.parametrize("at", range(-34, 2))
def test_an_address_in_place_of_data_is_found_wherever_it_stands(at: int) -> None:
    scheme = "a" * 31

    def asked(padding: int) -> Request:
        return request(**said({"type": "text", "text": "x" * padding}, {"type": "new", "data": f"{scheme}:x"}))

    least = bytes(asked(0).members.values["messages"]).index(b'"aaaa')
    large = asked(1_048_576 + at - least)
    assert bytes(large.members.values["messages"]).index(b'"aaaa') == 1_048_576 + at
    assert unlawful(large, NOTHING) is not None


@pytest.mark.parametrize("tools", [pytest.param("mcp", id="text"), pytest.param([1], id="numbers")])
def test_tools_that_are_none_are_a_bad_value(tools: Any) -> None:
    error = unlawful(request(tools=tools), NOTHING)
    assert error is not None
    assert error.kind is ErrorKind.BAD_VALUE


@pytest.mark.parametrize("tool", [pytest.param({}, id="no type"), pytest.param({"type": ["function"]}, id="odd type")])
def test_a_tool_of_no_known_type_is_refused(tool: dict[str, Any]) -> None:
    assert unlawful(request(tools=[tool]), NOTHING) is not None


@pytest.mark.parametrize(
    ("members", "always", "expected"),
    [
        pytest.param({"store": True}, False, {"store": b"false"}, id="on"),
        pytest.param({"store": "yes"}, False, {"store": b"false"}, id="odd"),
        pytest.param({"store": False}, True, {}, id="off"),
        pytest.param({}, False, {}, id="silent"),
        pytest.param({}, True, {"store": b"false"}, id="silent, and the provider stores by default"),
        pytest.param({"store": None}, True, {"store": b"false"}, id="null"),
    ],
)
def test_store_is_turned_off(members: dict[str, Any], expected: dict[str, bytes], *, always: bool) -> None:
    assert without_store(request(**members), always=always) == expected
