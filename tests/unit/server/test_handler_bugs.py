"""A handler's bug costs its own connection, and no more."""

import pytest
from tests.conformance.http1.memory import OK_HEAD, Seen, Session

from isochrone_gateway.server import Exchange, ExchangeHandler

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Failing(Seen):
    """Fails where it is told to."""

    where = ""

    def on_body_end(self) -> None:
        raise ValueError(self.where)

    def on_disconnect(self) -> None:
        super().on_disconnect()
        raise ValueError(self.where)

    def on_writable(self) -> None:
        raise ValueError(self.where)


class FailingHandler:
    def __init__(self, where: str) -> None:
        self.where = where
        self.seen: list[Failing] = []

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        if self.where == "request":
            raise ValueError(self.where)
        if self.where == "after the answer":
            exchange.respond(OK_HEAD)
            raise ValueError(self.where)
        self.seen.append(Failing(exchange))
        return self.seen[-1]


@pytest.mark.parametrize("where", ["request", "end"])
def test_a_handlers_bug_is_a_500(where: str) -> None:
    session = Session(FailingHandler(where))
    session.send(GET)
    if where == "end":
        session.handler.seen[0].exchange.read_body()
        session.loop.run()

    (answer,) = session.answers()
    assert (answer.status, answer.headers[b"connection"]) == (500, b"close")
    assert b'"code":"internal_error"' in answer.body
    assert session.loop.failures
    assert not session.is_open()


@pytest.mark.parametrize("where", ["writable", "gone", "after the answer"])
def test_a_handlers_bug_later_costs_its_connection_only(where: str) -> None:
    session = Session(FailingHandler(where), slow=True)
    session.send(GET)
    if where == "after the answer":
        session.loop.run()
    elif where == "gone":
        session.send_eof()
    else:
        exchange = session.handler.seen[0].exchange
        exchange.start(OK_HEAD)
        exchange.write(b"x" * 100_000)
        session.transport.take(100_000)
        session.loop.run()

    assert session.loop.failures
    assert session.listener.connections == set()
