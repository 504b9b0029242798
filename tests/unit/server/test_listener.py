"""What connections share: the date, the counters, and the wait for their end; and the shape of refusals."""

import asyncio
import email.utils
import json

import pytest
from tests.conformance.http1.memory import EchoHandler, ManualLoop, Session

from isochrone_gateway.server import Listener, refusals
from isochrone_gateway.server.refusals import Refusal, render
from isochrone_gateway.wire.http import ResponseHead, status_line

REFUSALS = [value for value in vars(refusals).values() if isinstance(value, Refusal)]


def test_the_date_is_made_once_a_second() -> None:
    loop = ManualLoop()
    calls: list[float] = []

    def wall() -> float:
        calls.append(1_700_000_000.25 + loop.now - 1000)
        return calls[-1]

    listener = Listener(EchoHandler(), loop=loop, wall=wall)
    lines = []
    for _ in range(8):
        lines.append(listener.date_line())
        loop.now += 0.25

    assert len(calls) == 3
    assert lines[0] == b"date: Tue, 14 Nov 2023 22:13:20 GMT\r\n"
    assert lines[3] == b"date: Tue, 14 Nov 2023 22:13:21 GMT\r\n"
    assert email.utils.parsedate(lines[7].decode()[6:].strip()) is not None


def test_counters() -> None:
    session = Session(EchoHandler())

    session.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2 + b"GET / HTTP/1.1\r\n\r\n")

    counters = session.listener.counters
    assert (counters.connections, counters.requests, counters.refusals) == (1, 2, {"bad_host": 1})


async def wait_for_the_end() -> None:
    session = Session(EchoHandler())
    waiting = asyncio.ensure_future(session.listener.wait_closed())
    await asyncio.sleep(0)
    assert not waiting.done()

    session.send_eof()
    await asyncio.wait_for(waiting, 60)


def test_wait_closed() -> None:
    asyncio.run(wait_for_the_end())


@pytest.mark.parametrize("refusal", [pytest.param(refusal, id=refusal.code) for refusal in REFUSALS])
def test_refusals_have_the_shape_of_the_api(refusal: Refusal) -> None:
    head, body = render(refusal)

    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == ("server_error" if refusal.status == 500 else "invalid_request_error")
    assert b"content-length: %d\r\n" % len(body) in head
    assert head.startswith(b"HTTP/1.1 %d " % refusal.status)


def test_codes_are_unique() -> None:
    assert len({refusal.code for refusal in REFUSALS}) == len(REFUSALS) > 20


@pytest.mark.parametrize(
    ("status", "line"),
    [(200, b"HTTP/1.1 200 OK\r\n"), (429, b"HTTP/1.1 429 Too Many Requests\r\n"), (599, b"HTTP/1.1 599 \r\n")],
)
def test_status_lines(status: int, line: bytes) -> None:
    assert status_line(status) == line


def test_response_heads_are_looked_up_by_name() -> None:
    head = ResponseHead(200, [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")], None, chunked=True, keep_alive=True)

    assert (head.get(b"a"), head.get(b"c")) == (b"1", None)
