"""How connections end: time-outs of each phase, early answers, lingering, drain, and nothing left behind."""

import pytest
from tests.conformance.http1.memory import OK_HEAD, HoldingHandler, Session

from isochrone_gateway.server import Limits, Timeouts
from isochrone_gateway.wire.http import status_line

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
TIMES = Timeouts(idle=60, head=10, body=15, body_progress=100, write=30, write_progress=100, linger=3, tick=0.25)


def upload(length: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length


def opened(limits: Limits | None = None, *, slow: bool = False) -> Session[HoldingHandler]:
    return Session(HoldingHandler(), timeouts=TIMES, limits=limits, slow=slow)


def statuses(session: Session[HoldingHandler]) -> list[int]:
    return [answer.status for answer in session.answers()]


# Time-outs.


def test_an_idle_connection_is_closed_without_an_answer() -> None:
    session = opened()

    session.loop.advance(59)
    assert session.is_open()
    session.loop.advance(1.5)

    assert not session.is_open()
    assert statuses(session) == []
    assert session.listener.counters.timeouts == 1
    assert session.listener.connections == set()


def test_idle_time_begins_again_after_each_answer() -> None:
    session = opened()
    for _ in range(3):
        session.loop.advance(50)
        session.send(GET)
        session.handler.seen[-1].exchange.respond(OK_HEAD)

    assert session.is_open()
    session.loop.advance(61)
    assert not session.is_open()


@pytest.mark.parametrize("between", [0.5, 9])
def test_a_head_that_trickles_is_a_408(between: float) -> None:
    session = opened()
    session.loop.advance(30)

    sent = 0.0
    while sent < 10:
        session.send(b"X")
        session.loop.advance(between)
        sent += between
    session.loop.advance(1)

    assert statuses(session) == [408]
    assert not session.is_open()


def test_the_handler_may_take_its_time() -> None:
    session = opened()
    session.send(GET)

    session.loop.advance(3600)
    session.handler.seen[0].exchange.respond(OK_HEAD)

    assert statuses(session) == [200]


def test_a_body_that_nobody_reads_has_no_deadline() -> None:
    session = opened()
    session.send(upload(1000))

    session.loop.advance(3600)
    session.handler.seen[0].exchange.read_body()
    session.send(b"x" * 1000)
    session.handler.seen[0].exchange.pause_body()
    session.loop.advance(3600)

    assert session.is_open()


def test_a_body_that_stalls_is_a_408() -> None:
    session = opened()
    session.send(upload(1000))
    seen = session.handler.seen[0]
    seen.exchange.read_body()
    session.send(b"x" * 100)

    session.loop.advance(16)

    assert statuses(session) == [408]
    assert seen.events == ["gone"]
    assert seen.exchange.refused is not None
    assert seen.exchange.refused.status == 408


@pytest.mark.parametrize(("size", "arrives"), [(10, False), (150, True)])
def test_a_body_must_make_progress(size: int, arrives: bool) -> None:
    session = opened()
    session.send(upload(size * 12))
    session.handler.seen[0].exchange.read_body()
    for _ in range(12):
        session.loop.advance(10)
        session.send(b"x" * size)

    assert (session.handler.seen[0].events == ["end"]) is arrives


def test_a_body_that_stalls_under_an_answer_cuts_it() -> None:
    session = opened()
    session.send(upload(1000))
    seen = session.handler.seen[0]
    seen.exchange.read_body()
    seen.exchange.start(OK_HEAD)
    seen.exchange.write(b"abc")

    session.loop.advance(16)

    assert session.transport.was_aborted()
    assert seen.events == ["gone"]


@pytest.mark.parametrize(("takes", "kept"), [(0, False), (50, False), (500, True)])
def test_a_reader_must_make_progress(takes: int, kept: bool) -> None:
    session = opened(slow=True)
    session.send(GET)
    seen = session.handler.seen[0]
    seen.exchange.start(OK_HEAD)
    seen.exchange.write(b"x" * 200_000)

    for _ in range(3):
        session.loop.advance(29)
        session.transport.take(takes)

    assert session.transport.was_aborted() is not kept
    assert seen.events == ([] if kept else ["gone"])


def test_one_timer_whatever_happens() -> None:
    session = opened()
    for _ in range(50):
        session.send(GET[:10], GET[10:])
        session.handler.seen[-1].exchange.respond(OK_HEAD)

    assert session.loop.timers == 1


# Early answers.


def test_a_small_rest_of_a_body_is_dropped_and_the_connection_kept() -> None:
    session = opened(Limits(drain=100))
    session.send(upload(100) + b"x" * 10)
    session.handler.seen[0].exchange.respond(status_line(403))
    assert b"connection" not in session.answers()[0].headers

    session.send(b"x" * 90 + GET)
    session.handler.seen[1].exchange.respond(OK_HEAD)

    assert statuses(session) == [403, 200]
    assert session.is_open()


def test_a_small_rest_that_never_comes_ends_the_connection() -> None:
    session = opened()
    session.send(upload(100))
    session.handler.seen[0].exchange.respond(status_line(403))

    session.loop.advance(16)

    assert statuses(session) == [403]
    assert not session.is_open()
    assert not session.transport.was_aborted()


@pytest.mark.parametrize("framing", [b"Content-Length: 101", b"Transfer-Encoding: chunked"])
def test_a_large_or_unknown_rest_ends_the_connection_after_the_answer(framing: bytes) -> None:
    session = opened(Limits(drain=100, linger=1000))
    session.send(b"POST / HTTP/1.1\r\nHost: a\r\n%b\r\n\r\n" % framing)

    session.handler.seen[0].exchange.respond(status_line(403))
    assert session.answers()[0].headers[b"connection"] == b"close"
    session.send(b"x" * 600)
    assert session.transport.eof_written
    assert not session.transport.was_aborted()  # A reset could overtake the answer.
    session.send(b"x" * 600)

    assert session.transport.was_aborted()
    assert len(session.handler.seen) == 1


def test_a_stream_that_ends_before_the_body_does_ends_the_connection() -> None:
    session = opened(Limits(drain=100))
    session.send(upload(1000))
    exchange = session.handler.seen[0].exchange
    exchange.read_body()
    exchange.start(OK_HEAD)
    exchange.write(b"abc")
    exchange.finish()

    assert session.answers()[0].body == b"abc"
    assert session.transport.eof_written


def test_lingering_ends_with_the_clients_eof() -> None:
    session = opened()
    session.send(b"nonsense\r\n\r\n")
    assert session.transport.eof_written

    session.send_eof()

    assert not session.transport.was_aborted()
    assert session.listener.connections == set()


def test_lingering_ends_after_its_time() -> None:
    session = opened()
    session.send(b"nonsense\r\n\r\n")

    session.loop.advance(3.5)

    assert session.listener.connections == set()


def test_a_last_answer_that_is_taken_slowly_is_not_cut() -> None:
    session = opened(slow=True)
    session.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    session.handler.seen[0].exchange.respond(OK_HEAD, b"x" * 1000)

    for _ in range(9):
        session.loop.advance(29)
        session.transport.take(120)
        assert not session.transport.was_aborted()
    session.transport.take(1000)
    session.loop.run()

    assert not session.transport.was_aborted()
    assert session.listener.connections == set()


def test_a_last_answer_that_is_never_taken_is_cut() -> None:
    session = opened(slow=True)
    session.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    session.handler.seen[0].exchange.respond(OK_HEAD, b"x" * 1000)

    session.loop.advance(31)

    assert session.transport.was_aborted()
    assert session.listener.connections == set()


# Errors in the rest of a request.


def test_a_bad_chunk_is_answered_in_the_handlers_place() -> None:
    session = opened()
    session.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    seen = session.handler.seen[0]
    seen.exchange.read_body()
    session.send(b"x\r\n")

    assert statuses(session) == [400]
    assert seen.events == ["gone"]
    assert seen.exchange.refused is not None
    assert seen.exchange.refused.code == "bad_chunk"


def test_a_bad_chunk_under_an_answer_cuts_it() -> None:
    session = opened()
    session.send(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    seen = session.handler.seen[0]
    seen.exchange.read_body()
    seen.exchange.start(OK_HEAD)
    seen.exchange.write(b"abc")
    session.send(b"x\r\n")

    assert session.transport.was_aborted()
    assert seen.events == ["gone"]


# Drain.


def test_drain_closes_idle_connections_after_a_grace() -> None:
    session = opened()

    session.listener.drain(5)
    session.loop.advance(4)
    assert session.is_open()
    session.loop.advance(2)

    assert not session.is_open()


def test_drain_answers_what_was_on_its_way_with_close() -> None:
    session = opened()

    session.listener.drain(5)
    session.loop.advance(4)
    session.send(GET)
    session.loop.advance(60)
    session.handler.seen[0].exchange.respond(OK_HEAD)

    assert session.answers()[0].headers[b"connection"] == b"close"
    assert not session.is_open()


@pytest.mark.parametrize("begun", [True, False])
def test_drain_finishes_what_it_is_at(begun: bool) -> None:
    session = opened()
    session.send(GET)
    exchange = session.handler.seen[0].exchange
    if begun:
        exchange.start(OK_HEAD)
        exchange.write(b"a")

    session.listener.drain(5)
    session.loop.advance(600)
    if not begun:
        exchange.start(OK_HEAD)
    exchange.write(b"b")
    exchange.finish()

    (answer,) = session.answers()
    assert answer.body == (b"ab" if begun else b"b")
    assert (b"connection" in answer.headers) is not begun
    assert session.is_open() is begun
    session.loop.advance(6)
    assert not session.is_open()


def test_who_could_not_know_that_an_answer_was_the_last_may_ask_again() -> None:
    session = opened()
    session.send(GET)
    exchange = session.handler.seen[0].exchange
    exchange.start(OK_HEAD)
    exchange.write(b"a")
    session.listener.drain(5)
    exchange.finish()

    session.loop.advance(4)
    session.send(GET)
    session.handler.seen[1].exchange.respond(OK_HEAD)

    first, second = session.answers()
    assert b"connection" not in first.headers
    assert second.headers[b"connection"] == b"close"
    assert not session.is_open()


def test_a_request_that_waits_behind_an_answer_is_answered_in_a_drain() -> None:
    session = opened(slow=True)
    session.send(GET)
    session.handler.seen[0].exchange.respond(OK_HEAD, b"x" * 100_000)
    session.send(GET)
    assert len(session.handler.seen) == 1, "the client takes its first answer before the next is begun"

    session.listener.drain(5)
    for _ in range(3):
        session.loop.advance(20)
        session.transport.take(20_000)
    session.transport.take(100_000)
    session.loop.run()
    session.handler.seen[1].exchange.respond(OK_HEAD)

    assert [answer.headers.get(b"connection") for answer in session.answers()] == [None, b"close"]


def test_who_connects_in_a_drain_has_the_same_grace() -> None:
    session = opened()
    session.listener.drain(5)
    session.listener.use(session.listener.handler, session.listener.limits, Timeouts())
    late = Session(session.handler, share=session)

    session.loop.advance(4)
    assert late.is_open()
    session.loop.advance(2)

    assert not late.is_open()
    assert session.listener.connections == set()


def test_cut_tells_handlers() -> None:
    session = opened()
    session.send(GET)

    session.listener.cut()
    session.loop.run()

    assert session.handler.seen[0].events == ["gone"]
    assert session.listener.connections == set()
