"""What a handler may rely on: order, framing, back-pressure, and silence once it is over."""

import pytest
from tests.conformance.http1.memory import OK_HEAD, HoldingHandler, Seen, Session

from isochrone_gateway.server import Exchange, Limits
from isochrone_gateway.wire.http import status_line

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST / HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


def held(data: bytes, *, slow: bool = False, limits: Limits | None = None) -> tuple[Session[HoldingHandler], Seen]:
    session = Session(HoldingHandler(), slow=slow, limits=limits)
    session.send(data)
    return session, session.handler.seen[-1]


def test_the_head_as_a_handler_sees_it() -> None:
    _, seen = held(
        b"POST /a/b?c=d&e HTTP/1.1\r\nHost: a\r\nX-Y:  z \r\nAccept: p\r\naccept: q\r\nContent-Length: 5\r\n\r\n"
    )

    head = seen.exchange.head
    assert (head.method, head.target, head.path, head.query) == (b"POST", b"/a/b?c=d&e", b"/a/b", b"c=d&e")
    assert head.headers == [(b"host", b"a"), (b"x-y", b"z"), (b"accept", b"p, q")], "all but the length"
    assert (head.get(b"x-y"), head.get(b"x-z")) == (b"z", None)
    assert (seen.exchange.length, head.chunked, head.keep_alive, head.expect_continue) == (5, False, True, False)
    assert seen.exchange.peer == ("192.0.2.1", 4711)
    assert seen.exchange.tls is False


def test_cookies_are_joined_as_cookies() -> None:
    _, seen = held(b"GET / HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\n\r\n")

    assert seen.exchange.head.get(b"cookie") == b"a=b; c=d"


def test_no_byte_of_the_body_is_read_before_it_is_asked_for() -> None:
    session, seen = held(post(b"abc"))
    assert bytes(seen.body) == b""

    seen.exchange.read_body()
    assert bytes(seen.body) == b""  # Never inside the call.
    session.loop.run()

    assert (bytes(seen.body), seen.events) == (b"abc", ["end"])


def test_100_continue_is_sent_when_the_body_is_asked_for() -> None:
    session, seen = held(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert session.answers() == []

    seen.exchange.read_body()
    seen.exchange.read_body()
    session.send(b"abc")
    seen.exchange.respond(OK_HEAD)

    assert [answer.status for answer in session.answers()] == [100, 200]
    assert session.is_open()


def test_100_continue_is_not_sent_after_the_answer_has_begun() -> None:
    session, seen = held(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")

    seen.exchange.start(OK_HEAD)
    seen.exchange.read_body()
    session.send(b"abc")
    seen.exchange.finish()

    assert [answer.status for answer in session.answers()] == [200]


def test_a_refusal_before_100_continue_closes() -> None:
    session, seen = held(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")

    seen.exchange.respond(status_line(403))

    (answer,) = session.answers()
    assert (answer.status, answer.headers[b"connection"]) == (403, b"close")
    assert not session.is_open()


def test_respond_is_one_write() -> None:
    session, seen = held(GET)

    seen.exchange.respond(OK_HEAD, b"hello")

    assert session.transport.writes == 1
    (answer,) = session.answers()
    assert answer.body == b"hello"
    assert answer.headers == {
        b"content-type": b"text/plain",
        b"content-length": b"5",
        b"date": b"Thu, 01 Jan 1970 00:16:40 GMT",
    }


def test_a_large_answer_is_whole() -> None:
    session, seen = held(GET)

    seen.exchange.respond(OK_HEAD, b"x" * 200_000)

    assert session.answers()[0].body == b"x" * 200_000


def test_head_and_first_piece_are_one_write() -> None:
    session, seen = held(GET)

    seen.exchange.start(OK_HEAD)
    assert session.transport.writes == 0
    seen.exchange.write(b"hello")
    assert session.transport.writes == 1
    seen.exchange.write(b"x" * 100_000)
    seen.exchange.finish()

    (answer,) = session.answers()
    assert answer.headers[b"transfer-encoding"] == b"chunked"
    assert answer.body == b"hello" + b"x" * 100_000


def test_an_empty_piece_sends_the_head_that_waits_and_never_ends_the_answer() -> None:
    session, seen = held(GET)
    seen.exchange.start(OK_HEAD)

    seen.exchange.write(b"")
    assert session.transport.writes == 1
    seen.exchange.write(b"")
    assert session.transport.writes == 1
    seen.exchange.write(b"a")
    seen.exchange.finish()

    assert session.answers()[0].body == b"a"


@pytest.mark.parametrize("pieces", [[], [b"abc"], [b"a", b"bc"], [b"x" * 100_000]])
@pytest.mark.parametrize("known", [True, False])
def test_streams(pieces: list[bytes], known: bool) -> None:
    session, seen = held(GET)

    seen.exchange.start(OK_HEAD, length=sum(map(len, pieces)) if known else None)
    for piece in pieces:
        assert seen.exchange.write(piece)
    seen.exchange.finish()

    (answer,) = session.answers()
    assert answer.body == b"".join(pieces)
    assert (b"content-length" in answer.headers) is known
    session.send(GET)
    assert len(session.handler.seen) == 2


def test_an_answer_shorter_than_announced_is_cut_off() -> None:
    session, seen = held(GET)

    seen.exchange.start(OK_HEAD, length=5)
    seen.exchange.write(b"abc")
    seen.exchange.finish()
    session.loop.run()

    assert session.transport.was_aborted()
    assert seen.events == []


def test_an_answer_longer_than_announced_is_a_bug() -> None:
    _, seen = held(GET)
    seen.exchange.start(OK_HEAD, length=2)

    with pytest.raises(RuntimeError, match="1 bytes more than announced"):
        seen.exchange.write(b"abc")


def test_answering_twice_is_a_bug() -> None:
    _, seen = held(GET)
    seen.exchange.start(OK_HEAD)

    with pytest.raises(RuntimeError, match="begun before"):
        seen.exchange.respond(OK_HEAD)


@pytest.mark.parametrize("call", ["write", "finish"])
def test_streaming_before_the_start_is_a_bug(call: str) -> None:
    _, seen = held(GET)

    with pytest.raises(RuntimeError, match="before start"):
        _ = seen.exchange.write(b"") if call == "write" else seen.exchange.finish()  # type: ignore[func-returns-value]


@pytest.mark.parametrize("streamed", [True, False])
def test_head_gets_the_headers_only(streamed: bool) -> None:
    session, seen = held(b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")

    if streamed:
        seen.exchange.start(OK_HEAD, length=5)
        seen.exchange.write(b"hello")
        seen.exchange.finish()
    else:
        seen.exchange.respond(OK_HEAD, b"hello")

    assert session.answers(b"HEAD")[0].headers[b"content-length"] == b"5"
    session.send(GET)
    session.handler.seen[-1].exchange.respond(OK_HEAD)
    assert len(session.answers(b"HEAD", b"GET")) == 2


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("streamed", [True, False])
def test_statuses_without_a_body(status: int, streamed: bool) -> None:
    session, seen = held(GET)

    if streamed:
        seen.exchange.start(status_line(status))
        seen.exchange.write(b"dropped")
        seen.exchange.finish()
    else:
        seen.exchange.respond(status_line(status))

    (answer,) = session.answers()
    assert (answer.status, set(answer.headers)) == (status, {b"date"})


def test_a_paused_body_waits() -> None:
    session, seen = held(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
    seen.exchange.read_body()
    session.loop.run()
    seen.exchange.pause_body()
    session.send(b"def")
    assert bytes(seen.body) == b"abc"

    seen.exchange.resume_body()
    assert bytes(seen.body) == b"abc"  # Never inside the call.
    session.loop.run()
    session.send(b"ghi")

    assert (bytes(seen.body), seen.events) == (b"abcdefghi", ["end"])


def test_a_paused_body_stops_the_reading_once_the_backlog_is_full() -> None:
    session, seen = held(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")
    seen.exchange.read_body()
    seen.exchange.pause_body()

    session.send(b"x" * 60_000, b"x" * 60_000)
    assert not session.transport.is_reading()
    seen.exchange.resume_body()
    session.loop.run()

    assert session.transport.is_reading()
    assert len(seen.body) == 120_000


def test_write_says_stop_and_on_writable_go() -> None:
    session, seen = held(GET, slow=True)
    seen.exchange.start(OK_HEAD)

    assert seen.exchange.write(b"x" * 1000)
    assert not seen.exchange.write(b"x" * 100_000)
    session.transport.take(50_000)
    assert seen.events == []
    session.transport.take(50_000)

    assert seen.events == ["writable"]
    assert seen.exchange.write(b"x")


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(GET, id="before the answer"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", id="in the body"),
        pytest.param(GET + GET, id="with a second request waiting"),
    ],
)
@pytest.mark.parametrize("how", ["eof", "reset"])
def test_a_client_that_goes_away_cancels(sent: bytes, how: str) -> None:
    session, seen = held(sent)
    seen.exchange.read_body()
    session.loop.run()
    seen.events.clear()

    if how == "eof":
        session.send_eof()
    else:
        session.transport.abort()
        session.loop.run()

    assert seen.events == ["gone"]
    assert seen.exchange.over
    assert len(session.handler.seen) == 1
    assert session.listener.connections == set()
    late_calls(seen.exchange)


def late_calls(exchange: Exchange) -> None:
    exchange.read_body()
    exchange.pause_body()
    exchange.resume_body()
    exchange.respond(OK_HEAD)
    exchange.start(OK_HEAD)
    assert exchange.write(b"late")
    exchange.finish()
    exchange.abort()


def test_nothing_comes_after_the_answer_and_late_calls_do_nothing() -> None:
    session, seen = held(post(b"abc"))
    seen.exchange.respond(OK_HEAD)
    written = bytes(session.transport.written)

    late_calls(seen.exchange)
    session.send_eof()

    assert seen.events == []
    assert bytes(seen.body) == b""
    assert bytes(session.transport.written) == written


def test_abort_cuts_and_calls_nobody_back() -> None:
    session, seen = held(GET)
    seen.exchange.start(OK_HEAD)
    seen.exchange.write(b"abc")

    seen.exchange.abort()
    session.loop.run()

    assert session.transport.was_aborted()
    assert seen.events == []
    assert session.listener.connections == set()


def test_an_empty_piece_does_not_hide_a_full_buffer() -> None:
    session, seen = held(GET, slow=True)
    seen.exchange.start(OK_HEAD)
    assert not seen.exchange.write(b"x" * 100_000)

    assert not seen.exchange.write(b"")
    session.transport.take(100_000)

    assert seen.events == ["writable"]
    assert seen.exchange.write(b"")


def test_only_a_writer_that_waits_is_called() -> None:
    session, seen = held(
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        slow=True,
        limits=Limits(write_buffer=10),
    )

    seen.exchange.read_body()
    session.transport.take(100)

    assert [answer.status for answer in session.answers()] == [100]
    assert seen.events == []
