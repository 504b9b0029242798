"""The top level of a request body: what is refused, and where values lie."""

import pytest

from isochrone_gateway.wire.errors import ApiError, ErrorKind
from isochrone_gateway.wire.members import MAX_DEPTH, Members, read_members


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b" \n", id="blank"),
        pytest.param(b"[]", id="array"),
        pytest.param(b'"x"', id="string"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":[-Infinity]}', id="Infinity, nested"),
        pytest.param(b'{"a":01}', id="leading zero"),
        pytest.param(b'{"a":1,}', id="trailing comma"),
        pytest.param(b'{"a":1}{}', id="a second object"),
        pytest.param(b'{"a":1}\x00', id="trailing NUL"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8, in a value"),
        pytest.param(b'{"\xff":1}', id="not UTF-8, in a key"),
        pytest.param(b'{"a":["\xed\xa0\x80"]}', id="surrogate in UTF-8"),
        pytest.param(rb'{"a":"\ud800"}', id="lone high surrogate"),
        pytest.param(rb'{"a":["\ud800 and on"]}', id="lone high surrogate, nested"),
        pytest.param(rb'{"a":"\udc00"}', id="lone low surrogate"),
        pytest.param(rb'{"a":"\ud800A"}', id="high surrogate, then a letter"),
        pytest.param(rb'{"\ud800":1}', id="lone surrogate in a key"),
        pytest.param(b'{"a":"\n"}', id="control character"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":1', id="cut off"),
        pytest.param(b'{"a":%b%b}' % (b"[" * 200_000, b"]" * 200_000), id="very deep"),
        pytest.param(b'{"a":%b%b}' % (b"[" * MAX_DEPTH, b"]" * MAX_DEPTH), id="just too deep"),
    ],
)
def test_what_is_not_a_json_object_is_refused(body: bytes) -> None:
    found = read_members(body)
    assert isinstance(found, ApiError)
    assert found.kind is ErrorKind.BAD_JSON


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{}", id="empty"),
        pytest.param(b' { "a" : 1 } \n', id="white space around"),
        pytest.param(rb'{"a":"\ud83d\ude00"}', id="surrogate pair"),
        pytest.param(rb'{"a":"\\ud800"}', id="an escaped backslash before u"),
        pytest.param('{"a":"\U0001f600"}'.encode(), id="UTF-8"),
        pytest.param(b'{"a":%b%b}' % (b"[" * 500, b"]" * 500), id="deep"),
        pytest.param(b'{"a":1e999,"b":12345678901234567890123}', id="numbers that floats can't hold"),
        pytest.param(b'{"a":{"a":{"a":1}},"b":{"a":1,"a":2}}', id="the same key at another level"),
    ],
)
def test_what_is_a_json_object_is_read(body: bytes) -> None:
    found = read_members(body)
    assert isinstance(found, Members)
    assert found.body is body


@pytest.mark.parametrize(
    ("body", "key"),
    [
        pytest.param(b'{"model":"a","model":"b"}', "model", id="side by side"),
        pytest.param(b'{"model":"a","x":[1,{"model":2}],"model":"a"}', "model", id="the same value, apart"),
        pytest.param(b'{"model": "a", "model": "b"}', "model", id="spaced"),
        pytest.param(b'{\n  "model": "a",\n  "x": 1,\n  "x": 2\n}', "x", id="indented"),
        pytest.param(b'{"model":"a","mod\\u0065l":"b"}', "model", id="one with an escape"),
        pytest.param(b'{"n":1,"x":5,"n":1234567}', "n", id="lengths that add up"),
        pytest.param(b'{"":1,"":2}', "", id="the empty key"),
    ],
)
def test_a_key_that_occurs_twice_is_named(body: bytes, key: str) -> None:
    found = read_members(body)
    assert isinstance(found, ApiError)
    assert (found.kind, found.param) == (ErrorKind.DUPLICATE_KEY, key)


@pytest.mark.parametrize(
    ("body", "changes", "expected"),
    [
        pytest.param(b'{"model":"a","n":1}', {"model": b'"b"'}, b'{"model":"b","n":1}', id="replace"),
        pytest.param(b'{"model":"a"}', {"n": b"2"}, b'{"n":2,"model":"a"}', id="insert"),
        pytest.param(b"{}", {"n": b"2", "m": b"3"}, b'{"n":2,"m":3}', id="insert into nothing"),
        pytest.param(
            b'{ "n" : 1 ,\n"model":\t"a" }',
            {"model": b"0", "n": b"22"},
            b'{ "n" : 22 ,\n"model":\t0 }',
            id="two at once",
        ),
        pytest.param(b' {"a": 1, "b": 2}', {"b": b"3", "c": b"4"}, b' {"c":4,"a": 1, "b": 3}', id="both"),
        pytest.param(b'{"a": 1, "b": 2}', {"b": b"3"}, b'{"a": 1, "b": 3}', id="spaced"),
        pytest.param(b'{"a":1}', {}, b'{"a":1}', id="nothing"),
        pytest.param(b'{"x":{"model":1},"model":2}', {"model": b"3"}, b'{"x":{"model":1},"model":3}', id="not nested"),
    ],
)
def test_splicing(body: bytes, changes: dict[str, bytes], expected: bytes) -> None:
    found = read_members(body)
    assert isinstance(found, Members)
    assert b"".join(found.splice(changes)) == expected


def test_a_large_body_is_not_copied() -> None:
    body = b'{"model":"a","x":"%b"}' % (b"x" * 100_000)
    found = read_members(body)
    assert isinstance(found, Members)
    *_, last = found.splice({"model": b'"b"'})
    assert isinstance(last, memoryview)
    assert last.obj is body


def test_a_key_that_is_absent_has_no_place() -> None:
    found = read_members(b'{"a":1}')
    assert isinstance(found, Members)
    with pytest.raises(KeyError):
        found.start("b")
