"""Closed connections leave nothing behind, with the garbage collector off."""

import gc

import pytest
from tests.conformance.http1.memory import OK_HEAD, EchoHandler, Seen, Session

from isochrone_gateway.server import Exchange

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def upload(length: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % length


class Forgetful:
    """An echo without a memory of its requests."""

    def on_request(self, exchange: Exchange) -> Seen:
        exchange.read_body()
        return Answering(exchange)


class Answering(Seen):
    def on_body_end(self) -> None:
        self.exchange.respond(OK_HEAD, bytes(self.body))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(GET, id="plain"),
        pytest.param(upload(3) + b"abc" + GET, id="pipelined"),
        pytest.param(
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", id="chunked"
        ),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc", id="half a body"),
        pytest.param(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", id="bad chunk"),
        pytest.param(GET[:20], id="half a head"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", id="refused"),
        pytest.param(b"\x00", id="garbage"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_closed_connections_leave_no_garbage(sent: bytes) -> None:
    listener_session = Session(Forgetful())
    listener, loop = listener_session.listener, listener_session.loop

    def connect() -> None:
        session = Session(listener_session.handler, share=listener_session)
        session.send(sent)
        session.send_eof()
        loop.run()

    connect()
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        for _ in range(1200):
            connect()
        after = len(gc.get_objects())
    finally:
        gc.enable()

    assert after - before < 100
    assert len(listener.connections) == 1
    assert len(listener.wheel) == 1


def test_ten_thousand_connections() -> None:
    shared = Session(EchoHandler())
    shared.handler.seen.clear()
    sessions = [Session(shared.handler, share=shared) for _ in range(10_000)]
    for session in sessions:
        session.send(GET)
    assert len(shared.listener.connections) == 10_001
    assert shared.loop.timers == 1
    for session in sessions:
        session.send_eof()

    assert len(shared.listener.connections) == 1
    assert len(shared.listener.wheel) == 1
