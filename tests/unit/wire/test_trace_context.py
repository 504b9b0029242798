"""Trace context: what is read strictly, who is recorded, and what a backend gets.

Many rows are those of the W3C's own suite (https://github.com/w3c/trace-context/tree/main/test).
"""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone_gateway.wire.trace_context import (
    NO_TRACE,
    RANDOM,
    SAMPLED,
    Trace,
    chance,
    checked_state,
    lines,
    parse,
    passed_on,
    recorded,
)

ID = "12345678901234567890123456789012"
PARENT = "1234567890123456"
HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    ("value", "flags"),
    [
        pytest.param(f"00-{ID}-{PARENT}-00", 0, id="not sampled"),
        pytest.param(f"00-{ID}-{PARENT}-01", SAMPLED, id="sampled"),
        pytest.param(f"00-{ID}-{PARENT}-03", SAMPLED | RANDOM, id="random, too"),
        pytest.param(f"00-{ID}-{PARENT}-ff", SAMPLED | RANDOM, id="flags of the future are left out"),
        pytest.param(f"00-{ID}-{PARENT}-fc", 0, id="only flags of the future"),
        pytest.param(f"cc-{ID}-{PARENT}-01", SAMPLED, id="a later version"),
        pytest.param(f"01-{ID}-{PARENT}-01-what-the-future-will-be-like", SAMPLED, id="a later version that says more"),
        pytest.param(f"cc-{ID}-{PARENT}-01-", SAMPLED, id="a later version that says an empty field more"),
    ],
)
def test_what_is_valid(value: str, flags: int) -> None:
    assert parse(value.encode()) == Trace(ID, PARENT, "", flags)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param(f"ff-{ID}-{PARENT}-01", id="version ff"),
        pytest.param(f"ff-{ID}-{PARENT}-01-x", id="version ff that says more"),
        pytest.param(f".0-{ID}-{PARENT}-01", id="version, not hex"),
        pytest.param(f"0-{ID}-{PARENT}-01", id="version, too short"),
        pytest.param(f"000-{ID}-{PARENT}-01", id="version, too long"),
        pytest.param(f"CC-{ID}-{PARENT}-01", id="version, upper case"),
        pytest.param(f"00-{'0' * 32}-{PARENT}-01", id="trace id, zeros"),
        pytest.param(f"00-.{ID[1:]}-{PARENT}-01", id="trace id, not hex"),
        pytest.param(f"00-{'A' * 32}-{PARENT}-01", id="trace id, upper case"),
        pytest.param(f"00-{ID[1:]}-{PARENT}-01", id="trace id, too short"),
        pytest.param(f"00-{ID}1-{PARENT}-01", id="trace id, too long"),
        pytest.param(f"00-{ID}-{'0' * 16}-01", id="parent id, zeros"),
        pytest.param(f"00-{ID}-{PARENT[1:]}.-01", id="parent id, not hex"),
        pytest.param(f"00-{ID}-{'A' * 16}-01", id="parent id, upper case"),
        pytest.param(f"00-{ID}-{PARENT[1:]}-01", id="parent id, too short"),
        pytest.param(f"00-{ID}-{PARENT}7-01", id="parent id, too long"),
        pytest.param(f"00-{ID}-{PARENT}-0", id="flags, too short"),
        pytest.param(f"00-{ID}-{PARENT}-001", id="flags, too long"),
        pytest.param(f"00-{ID}-{PARENT}-.0", id="flags, not hex"),
        pytest.param(f"00-{ID}-{PARENT}-0A", id="flags, upper case"),
        pytest.param(f"00-{ID}-{PARENT}", id="no flags"),
        pytest.param(f"00-{ID}-{PARENT}-01-what-the-future-will-be-like", id="version 00 that says more"),
        pytest.param(f"00-{ID}-{PARENT}-01.", id="a dot more"),
        pytest.param(f"cc-{ID}-{PARENT}-01.what-the-future-will-be-like", id="a later version, a dot more"),
        pytest.param(f"00_{ID}_{PARENT}_01", id="no dashes"),
        pytest.param(f" 00-{ID}-{PARENT}-01", id="white space is the server's to strip"),
        pytest.param(f"00-{ID}-{PARENT}-01\n", id="a line's end"),
        pytest.param(f"00-{ID}-{PARENT}-01,00-{ID}-{PARENT}-01", id="two of them"),
        pytest.param("00-" + "\u0661" * 32 + f"-{PARENT}-01", id="digits that are none"),
    ],
)
def test_what_is_not_valid(value: str) -> None:
    assert parse(value.encode()) == NO_TRACE


@pytest.mark.parametrize(
    ("came", "percent", "rand", "expected"),
    [
        pytest.param(Trace(ID, PARENT, "", SAMPLED), 0, 0.9, True, id="a sampled parent decides"),
        pytest.param(Trace(ID, PARENT, "", RANDOM), 100, 0.0, False, id="a parent that isn't sampled decides"),
        pytest.param(NO_TRACE, 0, 0.0, False, id="none"),
        pytest.param(NO_TRACE, 100, 0.999_999, True, id="all"),
        pytest.param(NO_TRACE, 25, 0.249, True, id="drawn"),
        pytest.param(NO_TRACE, 25, 0.25, False, id="not drawn"),
    ],
)
def test_who_is_recorded(came: Trace, percent: int, rand: float, expected: bool) -> None:
    assert (rand * 100 < chance(came, percent)) is expected


def test_without_a_collector_nothing_is_recorded() -> None:
    assert chance(Trace(ID, PARENT, "", SAMPLED), None) == chance(NO_TRACE, None) == 0


def test_a_parent_that_is_not_sampled_goes_on_unchanged() -> None:
    header = f"cc-{ID}-{PARENT}-f0-more".encode()
    trace = parse(header)
    assert chance(trace, 100) == 0
    assert passed_on(trace, {b"traceparent": header}) == b"traceparent: %b\r\n" % header
    fields = {b"traceparent": header, b"tracestate": b"a=1 , =not=valid"}
    assert passed_on(trace, fields) == b"traceparent: %b\r\ntracestate: a=1 , =not=valid\r\n" % header
    assert passed_on(trace, {b"traceparent": header, b"tracestate": b""}) == b"traceparent: %b\r\n" % header


def test_what_is_not_valid_does_not_go_on() -> None:
    fields = {b"traceparent": b"00-x", b"tracestate": b"a=1"}
    assert passed_on(parse(b"00-x"), fields) == b""


def test_a_new_trace() -> None:
    trace = recorded(parse(None), random.Random(1).getrandbits)
    assert trace.is_recorded
    assert (trace.parent, trace.flags) == ("", SAMPLED | RANDOM)
    sent = lines(trace, trace.span, b"")
    assert sent == f"traceparent: 00-{trace.id}-{trace.span}-03\r\n".encode()


def test_a_sampled_parent_becomes_ours() -> None:
    trace = recorded(parse(f"cc-{ID}-{PARENT}-ff-more".encode()), random.Random(1).getrandbits)
    assert trace == Trace(ID, PARENT, trace.span, SAMPLED | RANDOM)
    assert trace.span not in {"", PARENT}
    sent = lines(trace, trace.span, b"a=1,b=2")
    assert sent == f"traceparent: 00-{ID}-{trace.span}-03\r\ntracestate: a=1,b=2\r\n".encode()
    plain = recorded(parse(f"00-{ID}-{PARENT}-01".encode()), random.Random(1).getrandbits)
    assert lines(plain, plain.span, b"").endswith(b"-01\r\n"), "nobody said that the id is random"


def test_ids_are_never_zero() -> None:
    trace = recorded(NO_TRACE, lambda _: 0)
    assert (trace.id, trace.span) == ("0" * 31 + "1", "0" * 15 + "1")


hexadecimal = st.text(HEX, min_size=1)


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 3))
def test_what_is_sent_is_read_back(trace_id: int, span: int, flags: int) -> None:
    sent = Trace(f"{trace_id:032x}", "", f"{span:016x}", flags)
    header = lines(sent, sent.span, b"").removeprefix(b"traceparent: ").removesuffix(b"\r\n")
    assert parse(header) == Trace(sent.id, sent.span, "", flags)


@given(st.binary(max_size=80) | st.text(HEX + "-", min_size=55, max_size=58).map(str.encode))
def test_any_bytes_are_read(value: bytes) -> None:
    found = parse(value)
    assert found == NO_TRACE or value.startswith(value[:3] + f"{found.id}-{found.parent}-".encode())


LONG_KEY = b"k" * 256
LONG_VALUE = b"v" * 256
EVERY_CHARACTER = bytes({*range(0x20, 0x7F)} - {0x2C, 0x3D})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(None, b"", id="none"),
        pytest.param(b"", b"", id="empty"),
        pytest.param(b" , \t,", b"", id="empty members only"),
        pytest.param(b"foo=1", b"foo=1", id="one"),
        pytest.param(b"foo=1,bar=2", b"foo=1,bar=2", id="in their order"),
        pytest.param(b"foo=1 \t , \t bar=2, \t baz=3", b"foo=1,bar=2,baz=3", id="white space around them"),
        pytest.param(b"foo=1,,bar=2,", b"foo=1,bar=2", id="empty members between"),
        pytest.param(b"0vendor@system=x", b"0vendor@system=x", id="a tenant's key"),
        pytest.param(b"a_-*/@z=x", b"a_-*/@z=x", id="every kind of character in a key"),
        pytest.param(b"foo=" + EVERY_CHARACTER, b"foo=" + EVERY_CHARACTER, id="every character in a value"),
        pytest.param(b"foo= 1", b"foo= 1", id="a leading space is part of the value"),
        pytest.param(LONG_KEY + b"=" + LONG_VALUE, LONG_KEY + b"=" + LONG_VALUE, id="as long as may be"),
        pytest.param(b",".join(b"k%d=1" % n for n in range(32)), b",".join(b"k%d=1" % n for n in range(32)), id="32"),
        pytest.param(b",".join(b"k%d=1" % n for n in range(33)), b"", id="33"),
        pytest.param(b"foo=1,foo=1", b"", id="a key twice"),
        pytest.param(b"foo=1,bar", b"", id="no value"),
        pytest.param(b"foo=", b"", id="an empty value"),
        pytest.param(b"=1", b"", id="no key"),
        pytest.param(b"foo =1", b"", id="a space in a key"),
        pytest.param(b"FOO=1", b"", id="an upper-case key"),
        pytest.param(b"foo.bar=1", b"", id="a dot in a key"),
        pytest.param(b"@foo=1", b"", id="a key that begins wrong"),
        pytest.param(b"foo=bar=baz", b"", id="two equal signs"),
        pytest.param(b"foo=a\tb", b"", id="a tab in a value"),
        pytest.param(b"foo=\xe9", b"", id="not ASCII"),
        pytest.param(b"k" * 257 + b"=1", b"", id="too long a key"),
        pytest.param(b"foo=" + b"v" * 257, b"", id="too long a value"),
    ],
)
def test_tracestate(value: bytes | None, expected: bytes) -> None:
    assert checked_state(value) == expected
    assert checked_state(expected) == expected
