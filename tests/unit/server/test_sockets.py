"""Over real sockets, on both event loops: what only a kernel can show."""

import asyncio
import contextlib
import gc
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable

import pytest
from tests.conformance.http1.memory import OK_HEAD, Echo, EchoHandler, HoldingHandler, Seen, read_answers
from tests.unit.server.sockets import GET, TIMES, close, connect, loops, play, send_forever, serving, until

from isochrone_gateway.server import Exchange, ExchangeHandler, Limits, ServerConnection


@loops
def test_requests_and_answers(loop: str) -> None:
    async def test() -> None:
        async with serving(EchoHandler()) as (listener, port):
            reader, writer = await connect(port)
            body = b"x" * 300_000
            writer.write(
                GET + b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            )
            writer.write(body)
            first, second = read_answers(await reader.read(-1))
            assert (first.body, second.body) == (b"", body)
            await close(writer)
            await listener.wait_closed()

    play(loop, test())


@loops
def test_small_segments_leave_at_once(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (listener, port):
            _, writer = await connect(port)
            writer.write(GET)
            await until(lambda: handler.seen)
            (connection,) = listener.connections
            assert isinstance(connection, ServerConnection)
            sock = connection._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            await close(writer)

    play(loop, test())


@loops
def test_slowloris(loop: str) -> None:
    async def test() -> None:
        async with serving(EchoHandler(), timeouts=TIMES) as (_, port):
            reader, writer = await connect(port)
            started = time.monotonic()
            answer = asyncio.ensure_future(reader.read(-1))
            while not answer.done():
                with contextlib.suppress(ConnectionError):
                    writer.write(b"X")
                await asyncio.sleep(0.02)
            assert 0.4 < time.monotonic() - started < 60
            assert [each.status for each in read_answers(await answer)] == [408]
            await close(writer)

    play(loop, test())


@loops
def test_idle_connections_are_closed(loop: str) -> None:
    async def test() -> None:
        async with serving(EchoHandler(), timeouts=TIMES) as (listener, port):
            reader, writer = await connect(port)
            writer.write(GET)
            assert len(read_answers(await reader.read(-1))) == 1
            assert listener.counters.timeouts == 1
            await close(writer)

    play(loop, test())


@loops
@pytest.mark.parametrize("how", ["close", "half-close", "reset"])
def test_a_client_that_goes_away_is_noticed_at_once(loop: str, how: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (listener, port):
            _, writer = await connect(port)
            writer.write(GET)
            await until(lambda: handler.seen)
            if how == "half-close":
                writer.write_eof()
            else:
                if how == "reset":
                    sock = writer.get_extra_info("socket")
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.close()
            await until(lambda: handler.seen[0].events == ["gone"])
            await listener.wait_closed()
            await close(writer)

    play(loop, test())


@loops
def test_an_early_answer_reaches_a_client_that_is_still_sending(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (listener, port):
            reader, writer = await connect(port)
            size = 600_000
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            await until(lambda: handler.seen)
            handler.seen[0].exchange.respond(b"HTTP/1.1 403 Forbidden\r\n", b"no")
            for _ in range(size // 10_000):
                writer.write(b"x" * 10_000)
                await writer.drain()
            (answer,) = read_answers(await reader.read(-1))
            assert (answer.status, answer.body, answer.headers[b"connection"]) == (403, b"no", b"close")
            await close(writer)
            await listener.wait_closed()

    play(loop, test())


@loops
def test_an_endless_body_is_cut_after_its_refusal(loop: str) -> None:
    async def test() -> None:
        async with serving(EchoHandler(), limits=Limits(body=1000, linger=100_000)) as (listener, port):
            reader, writer = await connect(port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 413 ")
            with pytest.raises(ConnectionError):
                await send_forever(writer)
            await listener.wait_closed()
            await close(writer)

    play(loop, test())


@loops
def test_a_pipelined_error_comes_after_the_answers_before_it(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (_, port):
            reader, writer = await connect(port)
            writer.write(GET + b"GET / HTTP/1.1\r\nHost : a\r\n\r\n" + GET)
            await until(lambda: handler.seen)
            await asyncio.sleep(0.05)
            handler.seen[0].exchange.respond(OK_HEAD, b"first")
            first, second = read_answers(await reader.read(-1))
            assert (first.body, second.status) == (b"first", 400)
            assert json.loads(second.body)["error"]["code"] == "bad_header"
            assert len(handler.seen) == 1
            await close(writer)

    play(loop, test())


@loops
def test_chunks_and_trailers(loop: str) -> None:
    async def test() -> None:
        async with serving(EchoHandler()) as (_, port):
            reader, writer = await connect(port)
            writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            for piece in (b"3\r\nab", b"c\r", b"\n3;x\r\ndef\r\n0\r\nX-Digest: ", b"y\r\n", b"\r\n"):
                writer.write(piece)
                await asyncio.sleep(0.01)
            (answer,) = read_answers(await reader.read(-1))
            assert answer.body == b"abcdef"
            await close(writer)

    play(loop, test())


@loops
def test_a_reader_that_stops_stops_the_writer_and_is_cut(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler, timeouts=TIMES) as (listener, port):
            _, writer = await connect(port, receive_buffer=4096)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(GET)
            await until(lambda: handler.seen)
            exchange = handler.seen[0].exchange
            exchange.start(OK_HEAD)
            written = 0
            while exchange.write(b"x" * 50_000):
                written += 50_000
                assert written < 50_000_000
                await asyncio.sleep(0)
            await until(lambda: "gone" in handler.seen[0].events)
            assert listener.counters.timeouts == 1
            await listener.wait_closed()
            await close(writer)

    play(loop, test())


@loops
def test_a_reader_that_is_slow_gets_everything(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (_, port):
            reader, writer = await connect(port, receive_buffer=4096)
            writer.write(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            await until(lambda: handler.seen)
            seen = handler.seen[0]
            seen.exchange.start(OK_HEAD)
            received = bytearray()
            sent = 0
            free = True
            while sent < 3_000_000:
                if free:
                    free = seen.exchange.write(b"x" * 100_000)
                    sent += 100_000
                received += await reader.read(30_000)
                if seen.events:
                    seen.events.clear()
                    free = True
            seen.exchange.finish()
            received += await reader.read(-1)
            (answer,) = read_answers(bytes(received))
            assert len(answer.body) == sent
            await close(writer)

    play(loop, test())


@loops
def test_drain_loses_nothing(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (listener, port):
            busy, idle = await connect(port), await connect(port)
            busy[1].write(GET)
            await until(lambda: handler.seen)
            listener.drain(0.2)
            handler.seen[0].exchange.respond(OK_HEAD, b"answered")
            (answer,) = read_answers(await busy[0].read(-1))
            assert (answer.body, answer.headers[b"connection"]) == (b"answered", b"close")
            assert await idle[0].read(-1) == b""
            await close(busy[1])
            await close(idle[1])
            await listener.wait_closed()

    play(loop, test())


class Busy(EchoHandler):
    """Echoes; a request for /busy keeps the loop busy, with the test's own work."""

    def __init__(self) -> None:
        super().__init__()
        self.work: Callable[[], None] = lambda: None

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        if exchange.head.path == b"/busy":
            self.work()
        return super().on_request(exchange)


@loops
@pytest.mark.parametrize("ending", ["drain", "idle"])
def test_a_request_that_has_come_when_the_time_is_up_is_answered(loop: str, ending: str) -> None:
    """Another connection keeps the loop busy while both happen, so it learns of the deadline first."""

    async def test() -> None:
        handler = Busy()
        async with serving(handler, timeouts=TIMES) as (listener, port):
            reader, writer = await connect(port)
            other, busy = await connect(port)
            writer.write(GET)
            await reader.readuntil(b"\r\n\r\n")

            def work() -> None:
                if ending == "drain":
                    listener.drain(0.2)
                os.write(writer.get_extra_info("socket").fileno(), GET)
                time.sleep(1.0)

            handler.work = work
            busy.write(GET.replace(b"/", b"/busy", 1))
            await other.readuntil(b"\r\n\r\n")
            (answer,) = read_answers(await reader.read(65536))
            assert answer.headers.get(b"connection") == (b"close" if ending == "drain" else None)
            await close(writer)
            await close(busy)

    play(loop, test())


@pytest.mark.skipif(sys.platform != "linux", reason="counts segments as Linux shows them")
@loops
def test_head_and_first_piece_are_one_segment(loop: str) -> None:
    async def test() -> None:
        handler = HoldingHandler()
        async with serving(handler) as (_, port):
            reader, writer = await connect(port)
            writer.write(GET)
            await until(lambda: handler.seen)
            handler.seen[0].exchange.start(OK_HEAD)
            handler.seen[0].exchange.write(b"data: first\n\n")
            data = await reader.read(65536)
            assert data.endswith(b"data: first\n\n\r\n")
            assert segments_received(writer) == 1
            await close(writer)

    play(loop, test())


def segments_received(writer: asyncio.StreamWriter) -> int:
    """tcpi_data_segs_in of struct tcp_info (linux/tcp.h)."""
    info = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 232)
    return int(struct.unpack_from("I", info, 152)[0])


class Forgetful:
    """Echoes, or leaves what asks for /hold without an answer; remembers nothing."""

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        if exchange.head.path == b"/hold":
            return Seen(exchange)
        exchange.read_body()
        return Echo(exchange)


SENT = (
    GET,
    GET + GET[:9],
    b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
    b"nonsense\r\n\r\n",
)


def alive() -> list[object]:
    return [each for each in gc.get_objects() if isinstance(each, (ServerConnection, Exchange, Seen))]


@loops
def test_nothing_is_left_of_closed_connections_without_the_garbage_collector(loop: str) -> None:
    async def test() -> None:
        async with serving(Forgetful()) as (listener, port):
            for sent in SENT * 100:
                with socket.create_connection(("127.0.0.1", port)) as client:
                    client.sendall(sent)
                    await asyncio.sleep(0)
            await until(lambda: listener.counters.connections == len(SENT) * 100)
            await listener.wait_closed()
            assert [each for each in alive() if id(each) not in before] == []
            assert len(listener.wheel) == 0

    gc.collect()
    known = alive()  # Of other tests in this process, and kept, so that no new object takes the place of one.
    before = set(map(id, known))
    gc.disable()
    try:
        play(loop, test())
    finally:
        gc.enable()
