"""What a request says, as far as we act on it, and what of it is refused or changed."""

import json
from typing import Any

import pytest

from isochrone_gateway.wire.body import (
    ACTED_ON,
    CHOOSE_HOSTS,
    Request,
    Shaping,
    check_caps,
    metered,
    read_request,
    spliced,
    with_defaults,
)
from isochrone_gateway.wire.errors import ApiError, ErrorKind


def request(**members: Any) -> Request:
    found = read_request(json.dumps({"model": "m", **members}).encode())
    assert isinstance(found, Request), found
    return found


def refused(body: bytes) -> ApiError:
    found = read_request(body)
    assert isinstance(found, ApiError), found
    return found


def test_what_a_request_says() -> None:
    found = request(
        stream=True, stream_options={"include_usage": True}, max_tokens=9, max_completion_tokens=5, n=2, best_of=3
    )
    assert (found.model, found.stream, found.wants_usage, found.max_tokens, found.choices) == ("m", True, True, 5, 3)


def test_what_a_request_does_not_say() -> None:
    found = request(stream=None, max_tokens=None, n=None, stream_options=None)
    assert (found.stream, found.wants_usage, found.max_tokens, found.choices) == (False, False, None, 1)
    assert (found.has("model"), found.has("stream"), found.has("user")) == (True, False, False)


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        pytest.param(b"{}", ErrorKind.BAD_VALUE, "model", id="no model"),
        pytest.param(b'{"model":""}', ErrorKind.BAD_VALUE, "model", id="empty model"),
        pytest.param(b'{"model":null}', ErrorKind.BAD_VALUE, "model", id="null model"),
        pytest.param(b'{"model":["m"]}', ErrorKind.BAD_VALUE, "model", id="model is an array"),
        pytest.param(b'{"model":"m","stream":1}', ErrorKind.BAD_VALUE, "stream", id="stream is a number"),
        pytest.param(b'{"model":"m","stream":"true"}', ErrorKind.BAD_VALUE, "stream", id="stream is a string"),
        pytest.param(b'{"model":"m","max_tokens":1.5}', ErrorKind.BAD_VALUE, "max_tokens", id="half a token"),
        pytest.param(b'{"model":"m","max_tokens":0}', ErrorKind.BAD_VALUE, "max_tokens", id="no tokens"),
        pytest.param(b'{"model":"m","max_completion_tokens":-1}', ErrorKind.BAD_VALUE, "max_tokens", id="negative"),
        pytest.param(b'{"model":"m","n":0}', ErrorKind.BAD_VALUE, "n", id="no choices"),
        pytest.param(b'{"model":"m","best_of":true}', ErrorKind.BAD_VALUE, "best_of", id="best_of is a flag"),
        pytest.param(b'{"model":"m","stream_options":[]}', ErrorKind.BAD_VALUE, "stream_options", id="options"),
        pytest.param(
            b'{"model":"m","stream_options":{"include_usage":1}}', ErrorKind.BAD_VALUE, "stream_options", id="a number"
        ),
        pytest.param(
            b'{"model":"m","stream_options":{"include_usage":true,"include_usage":false}}',
            ErrorKind.BAD_VALUE,
            "stream_options",
            id="an option twice",
        ),
        pytest.param(b'{"model":"m","Model":"x"}', ErrorKind.AMBIGUOUS_KEY, "model", id="another case"),
        pytest.param(b'{"STREAM":true,"model":"m"}', ErrorKind.AMBIGUOUS_KEY, "stream", id="capitals"),
        pytest.param('{"model":"m","\u017ftream":true}'.encode(), ErrorKind.AMBIGUOUS_KEY, "stream", id="long s"),
        pytest.param('{"model":"m","max_to\u212aens":1}'.encode(), ErrorKind.AMBIGUOUS_KEY, "max_tokens", id="Kelvin"),
        pytest.param(b'{"model":"m"," stream":true}', ErrorKind.AMBIGUOUS_KEY, "stream", id="a space"),
        pytest.param(rb'{"mod\u0065l":"m"}', ErrorKind.AMBIGUOUS_KEY, "model", id="an escape"),
        pytest.param(rb'{"model":"m","\u0073tore":true}', ErrorKind.AMBIGUOUS_KEY, "store", id="store with an escape"),
        pytest.param(b'{"model":"m","model":"m"}', ErrorKind.DUPLICATE_KEY, "model", id="twice"),
        pytest.param(b"{", ErrorKind.BAD_JSON, None, id="not JSON"),
    ],
)
def test_what_is_refused(body: bytes, kind: ErrorKind, param: str | None) -> None:
    error = refused(body)
    assert (error.kind, error.param, error.status) == (kind, param, 400)


@pytest.mark.parametrize("key", sorted(CHOOSE_HOSTS))
def test_callers_choose_no_hosts(key: str) -> None:
    for written in (key, key.upper()):
        error = refused(json.dumps({"model": "m", written: "10.0.0.1"}).encode())
        assert error.param == key


@pytest.mark.parametrize("key", sorted(ACTED_ON))
def test_every_key_that_we_act_on_is_guarded(key: str) -> None:
    body = json.dumps({"model": "m", key.title(): 1}).encode()
    assert refused(body).kind is ErrorKind.AMBIGUOUS_KEY


def test_other_keys_pass_however_they_are_written() -> None:
    body = rb'{"model":"m","Temperature":1,"my\u002dkey":2,"x":{"Model":1,"mod\u0065l":2}}'
    assert isinstance(read_request(body), Request)


SHAPING = Shaping({"temperature": 0.5, "max_tokens": 100, "user": "x"}, {"max_tokens": 4096, "n": 4, "top_k": 50})


@pytest.mark.parametrize(
    ("members", "param"),
    [
        pytest.param({"max_tokens": 4096, "n": 4, "top_k": 50}, None, id="at the caps"),
        pytest.param({}, None, id="nothing asked"),
        pytest.param({"max_tokens": 4097}, "max_tokens", id="tokens"),
        pytest.param({"max_completion_tokens": 4097}, "max_tokens", id="tokens by their other name"),
        pytest.param({"max_completion_tokens": 9999, "max_tokens": 1}, "max_tokens", id="the greater of two"),
        pytest.param({"n": 5}, "n", id="choices"),
        pytest.param({"best_of": 5, "n": 1}, "n", id="choices that are thrown away"),
        pytest.param({"top_k": 50.5}, "top_k", id="another number"),
        pytest.param({"top_k": "60"}, "top_k", id="not a number"),
        pytest.param({"top_k": None}, None, id="null"),
    ],
)
def test_caps_refuse_and_never_cut(members: dict[str, Any], param: str | None) -> None:
    error = check_caps(request(**members), SHAPING)
    assert (None if error is None else error.param) == param
    assert error is None or error.status == 400


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        pytest.param({}, {"temperature": b"0.5", "max_tokens": b"100", "user": b'"x"'}, id="all"),
        pytest.param({"temperature": 0, "user": None}, {"max_tokens": b"100", "user": b'"x"'}, id="null is left out"),
        pytest.param({"max_completion_tokens": 7}, {"temperature": b"0.5", "user": b'"x"'}, id="one bound is enough"),
    ],
)
def test_defaults_fill_in(members: dict[str, Any], expected: dict[str, bytes]) -> None:
    assert with_defaults(request(**members), SHAPING) == expected


def test_an_answer_that_the_client_does_not_bound_is_bounded_by_the_cap() -> None:
    assert with_defaults(request(), Shaping({}, {"max_tokens": 8})) == {"max_tokens": b"8"}


@pytest.mark.parametrize(
    ("members", "options"),
    [
        pytest.param({}, None, id="not streamed"),
        pytest.param({"stream": True}, {"include_usage": True}, id="no options"),
        pytest.param({"stream": True, "stream_options": None}, {"include_usage": True}, id="null"),
        pytest.param({"stream": True, "stream_options": {}}, {"include_usage": True}, id="empty"),
        pytest.param(
            {"stream": True, "stream_options": {"include_usage": False, "x": 1}},
            {"include_usage": True, "x": 1},
            id="other options stay",
        ),
        pytest.param({"stream": True, "stream_options": {"include_usage": True}}, None, id="asked for anyway"),
        pytest.param({"stream": False, "stream_options": {"x": 1}}, None, id="options without a stream"),
    ],
)
def test_a_stream_is_made_to_say_its_usage(members: dict[str, Any], options: dict[str, Any] | None) -> None:
    asked = request(**members)
    changes = metered(asked)
    assert changes.keys() == (set() if options is None else {"stream_options"})
    sent = json.loads(b"".join(spliced(asked, changes)))
    assert sent == {"model": "m", **members, **({"stream_options": options} if options else {})}
