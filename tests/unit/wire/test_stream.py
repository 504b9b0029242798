"""What of a streamed answer goes to the client, what is held, what is taken out, and how it may end."""

import json
from typing import Any

import pytest

from isochrone_gateway.wire.schema import Usage
from isochrone_gateway.wire.stream import MAX_HELD_BYTES, MAX_HELD_FRAMES, Fault, State, StreamRelay

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"


def frame(**value: Any) -> bytes:
    return b"data: %b\n\n" % json.dumps(value, separators=(",", ":")).encode()


def delta(**delta: Any) -> bytes:
    return frame(choices=[{"index": 0, "delta": delta, "finish_reason": None}])


ROLE = delta(role="assistant", content="")
HELLO = delta(content="hello")
STOP = frame(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
USAGE = frame(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9})
ERROR = frame(error={"message": "out of memory", "type": "server_error", "param": None, "code": 500})
STREAMED = ROLE + HELLO + STOP


def relayed(*pieces: bytes, strips: bool = True) -> tuple[StreamRelay, bytes]:
    relay = StreamRelay(strips_usage=strips)
    return relay, b"".join([relay.feed(piece) for piece in pieces])


@pytest.mark.parametrize(
    "strips", [pytest.param(True, id="usage not asked for"), pytest.param(False, id="usage asked for")]
)
def test_a_whole_stream_passes_byte_for_byte(*, strips: bool) -> None:
    relay, sent = relayed(STREAMED, DONE, strips=strips)
    assert sent == STREAMED + DONE
    assert relay.end() == b""
    assert (relay.state, relay.fault, relay.frames) == (State.DONE, None, 4)


@pytest.mark.parametrize(
    ("first", "commits"),
    [
        pytest.param(PING, False, id="comment"),
        pytest.param(b"event: x\n\n", False, id="no data"),
        pytest.param(ROLE, False, id="role"),
        pytest.param(delta(role="assistant", content=None, tool_calls=[]), False, id="role and nulls"),
        pytest.param(frame(choices=[], prompt_filter_results=[]), False, id="Azure's filter results"),
        pytest.param(frame(choices=[{"index": 0, "text": ""}]), False, id="empty text"),
        pytest.param(HELLO, True, id="content"),
        pytest.param(delta(reasoning_content="hm"), True, id="reasoning"),
        pytest.param(delta(role="assistant", tool_calls=[{"index": 0}]), True, id="tool call"),
        pytest.param(delta(refusal="no"), True, id="refusal"),
        pytest.param(frame(choices=[{"index": 0, "text": "hello"}]), True, id="completion text"),
        pytest.param(STOP, True, id="finish reason"),
        pytest.param(frame(type="response.created"), True, id="another API"),
        pytest.param(b"data: not JSON\n\n", True, id="not JSON"),
        pytest.param(frame(choices=[{"index": 0, "delta": {"content": "x"}}], error=None), True, id="null error"),
    ],
)
def test_a_stream_is_held_until_its_first_content(first: bytes, *, commits: bool) -> None:
    relay, sent = relayed(first)
    assert sent == (first if commits else b"")
    assert (relay.state is State.STREAMING) is commits
    assert relay.feed(HELLO) == (HELLO if commits else first + HELLO)


def test_holding_is_bounded_in_frames() -> None:
    relay, sent = relayed(*[PING] * (MAX_HELD_FRAMES - 1))
    assert sent == b""
    assert relay.feed(PING) == PING * MAX_HELD_FRAMES
    assert relay.state is State.STREAMING


def test_holding_is_bounded_in_bytes() -> None:
    comment = b": " + b"x" * (MAX_HELD_BYTES // 4) + b"\n\n"
    relay, sent = relayed(*[comment] * 3)
    assert sent == b""
    assert relay.feed(comment) == comment * 4


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([ERROR], id="first frame"),
        pytest.param([PING, ROLE, ERROR], id="after held frames"),
        pytest.param([ROLE + ERROR + DONE], id="in one chunk, with DONE"),
        pytest.param([b"event: error\n" + ERROR], id="as an event"),
    ],
)
def test_an_error_before_content_is_a_failure_that_the_client_never_sees(pieces: list[bytes]) -> None:
    relay, sent = relayed(*pieces)
    assert sent + relay.end() == b""
    assert (relay.state, relay.fault) == (State.REFUSED, Fault.ERROR_FRAME)
    assert json.loads(relay.error_data)["error"]["code"] == 500


@pytest.mark.parametrize("tail", [pytest.param(b"", id="alone"), pytest.param(DONE, id="with DONE")])
def test_an_error_after_content_is_passed_on_and_ends_the_stream(tail: bytes) -> None:
    relay, sent = relayed(HELLO, ERROR + tail, HELLO)
    assert sent + relay.end() == HELLO + ERROR
    assert (relay.state, relay.fault) == (State.BROKEN, Fault.ERROR_FRAME)


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b"", id="between frames"),
        pytest.param(HELLO[:-1], id="inside a frame"),
        pytest.param(STOP, id="after the finish reason"),
        pytest.param(USAGE, id="after the usage"),
        pytest.param(b"data: [DON", id="inside DONE"),
    ],
)
def test_a_stream_that_is_cut_off_ends_in_an_error_frame(tail: bytes) -> None:
    relay, sent = relayed(HELLO, tail)
    end = relay.end()
    assert sent == HELLO + (tail if tail == STOP else b"")
    assert json.loads(end.removeprefix(b"data: "))["error"]["code"] == "stream_interrupted"
    assert end.endswith(b"\n\n")
    assert (relay.state, relay.fault) == (State.BROKEN, Fault.CUT_OFF)
    assert relay.end() == b""


@pytest.mark.parametrize("held", [pytest.param(b"", id="empty"), pytest.param(ROLE, id="only a role")])
def test_a_stream_that_ends_before_content_may_be_tried_elsewhere(held: bytes) -> None:
    relay, sent = relayed(held)
    assert sent + relay.end() == b""
    assert (relay.state, relay.fault) == (State.REFUSED, Fault.CUT_OFF)


@pytest.mark.parametrize("tail", [pytest.param(b"data: [DONE]", id="no line end"), pytest.param(DONE[:-1], id="one")])
def test_done_without_a_blank_line_is_done(tail: bytes) -> None:
    relay, sent = relayed(HELLO, tail)
    assert sent + relay.end() == HELLO + DONE
    assert relay.state is State.DONE


def test_an_answer_without_content_is_an_answer() -> None:
    relay, sent = relayed(ROLE, DONE)
    assert sent == ROLE + DONE
    assert relay.state is State.DONE


def test_nothing_follows_done() -> None:
    assert relayed(HELLO + DONE + HELLO, HELLO)[1] == HELLO + DONE


def test_a_frame_without_end_breaks_the_stream() -> None:
    relay, sent = relayed(HELLO, *[b"x" * 1_000_000] * 9)
    assert sent.startswith(HELLO + b'data: {"error"')
    assert relay.fault is Fault.FRAME_TOO_LONG


def test_a_failed_connection_is_silent_before_content_and_an_error_frame_after() -> None:
    early, late = StreamRelay(strips_usage=True), relayed(HELLO)[0]
    assert early.fail(Fault.UPSTREAM_FAILED) == b""
    assert early.state is State.REFUSED
    assert b"stream_interrupted" in late.fail(Fault.UPSTREAM_FAILED)
    assert late.fail(Fault.UPSTREAM_FAILED) == b""


@pytest.mark.parametrize(
    "pieces", [pytest.param([STREAMED + USAGE + DONE], id="one chunk"), pytest.param([STREAMED, USAGE, DONE], id="own")]
)
def test_usage_is_read_and_taken_out_unless_asked_for(pieces: list[bytes]) -> None:
    hidden, shown = relayed(*pieces), relayed(*pieces, strips=False)
    assert hidden[0].usage == shown[0].usage == Usage(7, 2)
    assert hidden[1] == STREAMED + DONE
    assert shown[1] == STREAMED + USAGE + DONE


def test_usage_as_pythons_json_writes_it() -> None:
    spaced = b'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}\n\n'
    relay, sent = relayed(HELLO, spaced, DONE)
    assert (sent, relay.usage) == (HELLO + DONE, Usage(7, 2))


def test_usage_on_a_chunk_with_choices_is_read_and_passed_on() -> None:
    last = frame(choices=[{"delta": {"content": "!"}}], usage={"prompt_tokens": 7, "completion_tokens": 3})
    relay, sent = relayed(HELLO, last, DONE)
    assert (sent, relay.usage) == (HELLO + last + DONE, Usage(7, 3))


def test_usage_is_cumulative() -> None:
    first = frame(choices=[{"delta": {"content": "!"}}], usage={"prompt_tokens": 7, "completion_tokens": 1})
    assert relayed(HELLO, first, first, USAGE, DONE)[0].usage == Usage(7, 2)
    empty = frame(choices=[], usage={"service": "x"})
    assert relayed(HELLO, USAGE, empty, DONE)[0].usage == Usage(7, 2)


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        pytest.param(b'data: {"id":1,"usage":null}\n\n', b'data: {"id":1}\n\n', id="last"),
        pytest.param(b'data: {"id": 1, "usage": null, "x": 2}\n\n', b'data: {"id": 1, "x": 2}\n\n', id="spaced"),
        pytest.param(b'data: {"usage":null,"id":1}\n\n', b'data: {"usage":null,"id":1}\n\n', id="first: left in"),
        pytest.param(
            rb'data: {"t":"a,\"usage\":null"}' + b"\n\n", rb'data: {"t":"a,\"usage\":null"}' + b"\n\n", id="text"
        ),
    ],
)
def test_null_usage_that_only_our_asking_added_is_taken_out(chunk: bytes, expected: bytes) -> None:
    assert relayed(HELLO, chunk)[1] == HELLO + expected
    assert relayed(HELLO, chunk + PING)[1] == HELLO + expected + PING
    assert relayed(chunk)[1] == expected
    assert relayed(HELLO, chunk, strips=False)[1] == HELLO + chunk


def test_words_that_only_look_special_pass() -> None:
    said = delta(content='say [DONE], "error" and "usage":{')
    assert relayed(HELLO, said, DONE)[1] == HELLO + said + DONE


def test_a_usual_chunk_is_passed_on_without_a_copy() -> None:
    relay, _ = relayed(HELLO)
    assert relay.feed(HELLO) is HELLO


def test_frames_are_never_cut() -> None:
    relay, sent = relayed(HELLO, HELLO + HELLO[:20])
    assert sent == HELLO * 2
    assert relay.feed(HELLO[20:]) == HELLO
