"""A cancelled attempt frees the upstream at once: it sees its connection close, whatever it was doing."""

import asyncio
import time

import pytest
from tests.unit.upstream.harness import Session, post, run

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import FakeUpstream
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.scripts import Script

FRAMES = [b"1", b"2"]
AT_ONCE = 20.0
"""Seconds; what the machine may take, far below any time-out, and before any upstream here is done by itself."""


@pytest.mark.parametrize(
    ("script", "body", "after"),
    [
        pytest.param(scripts.hang(), b"{}", 0, id="before the first byte"),
        pytest.param(scripts.slow_head(500, b"hi"), b"{}", 0, id="in the head"),
        pytest.param(scripts.hang_mid_stream(FRAMES), b"{}", 1, id="mid-stream"),
        pytest.param(scripts.stream(FRAMES * 5_000, gap=0.02), b"{}", 3, id="while the stream goes on"),
        pytest.param(scripts.short_body(b"hi", missing=10), b"{}", 0, id="when it closed already"),
    ],
)
def test_the_upstream_sees_it_at_once(script: Script, body: bytes, after: int) -> None:
    async def work() -> None:
        async with Session(FakeUpstream(script)) as session:
            taker, call = session.send(post("/", body))
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1)
            await taker.until(lambda: len(taker.pieces) >= after)
            pieces = len(taker.pieces)
            cancelled = asyncio.get_running_loop().time()
            call.cancel()
            await session.upstream.wait(lambda: session.upstream.open == 0)
            [seen] = session.upstream.connections
            assert seen.closed is not None
            assert seen.closed - cancelled < AT_ONCE
            await asyncio.sleep(0.05)
            assert (len(taker.pieces), taker.over.is_set()) == (pieces, False)
            call.cancel()
            call.pause()
            call.resume()

    run(work())


def test_before_a_connection_nothing_is_sent() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"))) as session:
            taker, call = session.send(post())
            call.cancel()
            other = await session.ask()
            assert other.ended
            assert len(session.upstream.requests) == 1
            assert not taker.over.is_set()

    run(work())


def test_while_waiting_for_a_free_connection() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=1, tick=0.01)
        async with Session(FakeUpstream(scripts.slow_head(0.1, b"hi")), limits=limits) as session:
            first, _ = session.send(post())
            second, call = session.send(post())
            third, _ = session.send(post())
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1)
            call.cancel()
            await third.over.wait()
            assert (first.ended, second.over.is_set(), third.ended) == (True, False, True)
            assert len(session.upstream.requests) == 2

    run(work())


def test_while_a_large_body_is_sent() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.answer(b"hi"), read=False)) as session:
            taker, call = session.send(post("/", b"x" * 20_000_000))
            await session.upstream.wait(lambda: session.upstream.open == 1)
            await asyncio.sleep(0.05)
            call.cancel()
            session.upstream.resume()
            await session.upstream.wait(lambda: session.upstream.open == 0)
            assert session.upstream.requests == []
            assert not taker.over.is_set()

    run(work())


@pytest.mark.parametrize("moment", ["on_head", "on_data"])
def test_from_inside_a_callback(moment: str) -> None:
    async def work() -> None:
        # Head and two pieces come in one read: what follows the cancellation must not be given.
        data = (
            b"HTTP/1.1 200 OK\r\n" + b"transfer-encoding: chunked\r\n\r\n" + scripts.chunk(b"a") + scripts.chunk(b"b")
        )
        async with Session(FakeUpstream(scripts.raw(data + b"0\r\n\r\n"))) as session:
            taker, call = session.send(post())
            original = getattr(taker, moment)

            def cancel_too(value: object) -> None:
                original(value)
                call.cancel()

            setattr(taker, moment, cancel_too)
            await taker.changed.wait()
            await session.upstream.wait(lambda: session.upstream.open == 0)
            assert taker.pieces == ([] if moment == "on_head" else [b"a"])
            assert not taker.over.is_set()
            assert (await session.ask()).ended  # The answer was over, but so is its connection.

    run(work())


def test_a_thousand_at_once() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.hang())) as session:
            calls = [session.send(post())[1] for _ in range(1000)]
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1000, seconds=20)
            began = time.thread_time()  # Others may have the machine meanwhile.
            for call in calls:
                call.cancel()
            assert time.thread_time() - began < 1.0
            await session.upstream.wait(lambda: session.upstream.open == 0)
            assert sum(state.busy + state.waiting for state in session.pool.states()) == 0

    run(work())
