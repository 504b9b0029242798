"""Pipelined requests: in order, one at a time, and bounded."""

from tests.conformance.http1.memory import OK_HEAD, EchoHandler, HoldingHandler, Seen, Session

from isochrone_gateway.server import Limits

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(header + b"\r\n" for header in headers)
    return b"POST / HTTP/1.1\r\nHost: a\r\n%bContent-Length: %d\r\n\r\n%b" % (lines, len(body), body)


def held(data: bytes, *, slow: bool = False, limits: Limits | None = None) -> tuple[Session[HoldingHandler], Seen]:
    session = Session(HoldingHandler(), slow=slow, limits=limits)
    session.send(data)
    return session, session.handler.seen[-1]


def test_requests_are_answered_in_order_and_one_at_a_time() -> None:
    session, first = held(GET + post(b"abc") + GET)
    assert len(session.handler.seen) == 1

    first.exchange.start(OK_HEAD)
    first.exchange.write(b"one")
    session.loop.run()
    assert len(session.handler.seen) == 1
    first.exchange.finish()
    assert len(session.handler.seen) == 1  # Never inside the call.
    session.loop.run()
    assert len(session.handler.seen) == 2

    second = session.handler.seen[1]
    second.exchange.read_body()
    session.loop.run()
    second.exchange.respond(OK_HEAD, bytes(second.body))
    session.loop.run()
    session.handler.seen[2].exchange.respond(OK_HEAD, b"three")

    assert [answer.body for answer in session.answers()] == [b"one", b"abc", b"three"]


def test_a_full_backlog_stops_the_reading() -> None:
    session, first = held(GET, limits=Limits(backlog=1000))

    session.send(GET * 30)
    assert session.transport.is_reading()
    session.send(GET * 30)
    assert not session.transport.is_reading()

    first.exchange.respond(OK_HEAD)
    for number in range(1, 61):
        session.loop.run()
        session.handler.seen[number].exchange.respond(OK_HEAD)
    assert session.transport.is_reading()
    assert len(session.answers()) == 61


def test_many_pipelined_requests_let_others_have_their_turn() -> None:
    session = Session(EchoHandler())

    session.connection.data_received(GET * 40)
    assert len(session.handler.seen) < 40
    session.loop.run()

    assert len(session.answers()) == 40


def test_a_reader_that_is_behind_stops_the_pipeline() -> None:
    session = Session(EchoHandler(), slow=True)

    session.send(post(b"x" * 50_000) * 5)
    assert len(session.handler.seen) == 2
    session.transport.take(100_000)
    session.loop.run()
    assert len(session.handler.seen) == 4
