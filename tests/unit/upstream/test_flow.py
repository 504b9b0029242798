"""Neither side's slowness makes the gateway keep what the other sends."""

import asyncio
import resource

from tests.unit.upstream.harness import Session, post, run

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.call import FailureKind
from isochrone_gateway.upstream.fake import FakeUpstream
from isochrone_gateway.upstream.scripts import Repeat, Script, Send
from isochrone_gateway.upstream.target import Timeouts

MIB = 1024 * 1024
PIECE = b"x" * 65536


def rss() -> int:
    """Bytes of this process that are in memory now."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - not a file of ours
        return int(statm.read().split()[1]) * resource.getpagesize()


def megabytes(count: int) -> Script:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (count * MIB)
    return Script((Send(head), Repeat(PIECE, count * 16)))


def test_a_paused_reader_bounds_memory() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(megabytes(256))) as session:
            taker, call = session.send(post())
            await taker.until(lambda: taker.head is not None)
            call.pause()
            before = rss()
            await asyncio.sleep(0.5)
            held = sum(map(len, taker.pieces))
            assert held <= 2 * 256 * 1024  # At most what was read already.
            assert rss() - before < 16 * MIB  # Both ends are in this process.
            taker.pieces.clear()

            received = 0

            def count(data: bytes) -> None:
                nonlocal received
                received += len(data)

            taker.on_data = count  # type: ignore[method-assign]
            call.resume()
            await taker.over.wait()
            assert taker.ended
            assert received + held == 256 * MIB
            assert rss() - before < 32 * MIB

    run(work())


def test_pausing_stops_the_idle_time_out_but_not_the_total() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(megabytes(64))) as session:
            taker, call = session.send(post(), timeouts=Timeouts(idle=0.1, total=0.6))
            await taker.until(lambda: taker.head is not None)
            call.pause()
            await taker.over.wait()
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.TOTAL_TIMEOUT

    run(work())


def test_pausing_from_inside_a_callback_stops_the_idle_time_out_too() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(megabytes(8))) as session:
            taker, call = session.send(post(), timeouts=Timeouts(idle=0.1))
            original = taker.on_data

            def pause_too(data: bytes) -> None:
                original(data)
                call.pause()

            taker.on_data = pause_too  # type: ignore[method-assign]
            await asyncio.sleep(0.4)
            assert not taker.over.is_set()
            taker.on_data = original  # type: ignore[method-assign]
            call.resume()
            await taker.over.wait()
            assert taker.ended

    run(work())


def test_paused_before_there_is_a_connection() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"))) as session:
            taker, call = session.send(post())
            call.pause()
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1)
            await asyncio.sleep(0.05)
            assert taker.head is None
            call.resume()
            await taker.over.wait()
            assert taker.ended

    run(work())


def test_a_connection_that_was_paused_at_the_end_is_read_again() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"))) as session:
            taker, call = session.send(post())
            original = taker.on_data

            def pause_too(data: bytes) -> None:
                original(data)
                call.pause()

            taker.on_data = pause_too  # type: ignore[method-assign]
            await taker.over.wait()
            assert taker.ended
            assert (await session.ask()).ended
            assert len(session.upstream.connections) == 1

    run(work())


def test_a_slow_upstream_bounds_what_is_written() -> None:
    async def work() -> None:
        body = b"x" * (128 * MIB)
        async with Session(FakeUpstream(scripts.answer(b"hi"), read=False)) as session:
            before = rss()
            taker, _ = session.send(post("/", body))
            await asyncio.sleep(0.5)
            assert rss() - before < 16 * MIB  # The transport holds a piece or two, not a copy.
            assert not taker.over.is_set()
            session.upstream.record = False
            session.upstream.resume()
            await taker.over.wait()
            assert taker.ended
            assert rss() - before < 32 * MIB

    run(work())


def test_large_bodies_arrive_whole() -> None:
    async def work() -> None:
        body = bytes(range(256)) * 20_000
        async with Session(FakeUpstream(scripts.answer(b"hi"))) as session:
            for _ in range(2):
                outgoing = post("/", body)
                outgoing.body = (body[:100], memoryview(body)[100:3_000_000], body[3_000_000:])
                taker, _ = session.send(outgoing)
                await taker.over.wait()
                assert taker.ended
            assert [request.body == body for request in session.upstream.requests] == [True, True]
            assert len(session.upstream.connections) == 1

    run(work())


def test_an_upstream_that_takes_nothing_of_a_large_body() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"), read=False)) as session:
            taker = await session.ask(body=b"x" * (32 * MIB), timeouts=Timeouts(idle=0.2))
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.IDLE_TIMEOUT
            assert "took nothing" in taker.failure.detail

    run(work())


def test_sending_a_large_body_slowly_is_not_idleness() -> None:
    async def work() -> None:
        upstream = FakeUpstream(scripts.answer(b"hi"), read=False, record=False)
        async with Session(upstream) as session:
            outgoing = post()
            outgoing.head = outgoing.head.replace(b"length: 0", b"length: %d" % (512 * MIB))
            outgoing.body = (b"x" * MIB,) * 512
            began = asyncio.get_running_loop().time()
            taker, _ = session.send(outgoing, timeouts=Timeouts(idle=3.0, first_byte=300))
            for _ in range(20):
                await asyncio.sleep(0.2)
                upstream.resume()
                await asyncio.sleep(0.01)
                upstream.pause()
            assert not taker.over.is_set()
            upstream.resume()
            await taker.over.wait()
            assert taker.ended
            assert asyncio.get_running_loop().time() - began > 3.0

    run(work())
