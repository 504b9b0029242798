"""Connections are used again, last in first out, within limits; a stale one is noticed."""

import asyncio
from collections.abc import Sequence

import pytest
from tests.unit.upstream.harness import PATIENT, QUICK, Session, Taker, post, run, target

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.call import Failure, FailureKind
from isochrone_gateway.upstream.fake import FakeUpstream, Received
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.resolver import Resolver, ResolverSettings
from isochrone_gateway.upstream.scripts import Reset, Script, Send, Wait
from isochrone_gateway.upstream.target import Timeouts

HI = scripts.answer(b"hi")


def test_one_after_the_other_takes_one_connection() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI)) as session:
            for _ in range(10):
                assert (await session.ask(body=b"{}")).ended
            assert [seen.requests for seen in session.upstream.connections] == [10]
            counters = session.pool.counters["up"]
            assert (counters.attempts, counters.opened, counters.sent_again) == (10, 1, 0)

    run(work())


def test_the_connection_used_last_is_used_first() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.slow_head(0.02, b"hi"))) as session:
            await asyncio.gather(*(session.ask() for _ in range(3)))
            for _ in range(5):
                await session.ask()
            assert sorted(seen.requests for seen in session.upstream.connections) == [1, 1, 6]

    run(work())


def test_a_send_from_on_end_takes_the_same_connection() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI)) as session:
            last = Taker()
            first = Taker()
            original = first.on_end

            def again() -> None:
                original()
                session.pool.send(session.target(), post(), last, timeouts=PATIENT)

            first.on_end = again  # type: ignore[method-assign]
            session.pool.send(session.target(), post(), first, timeouts=PATIENT)
            await last.over.wait()
            assert [seen.requests for seen in session.upstream.connections] == [2]

    run(work())


def test_unused_connections_are_closed() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI)) as session:
            await session.ask(to=session.target(keep_alive=0.05))
            assert len(session.upstream.connections) == 1
            await session.upstream.wait(lambda: session.upstream.open == 0)
            async with asyncio.timeout(60):
                while session.pool.states():  # noqa: ASYNC110 - a sweep has no event
                    await asyncio.sleep(0.01)
            # An empty lane goes too, and with the last the timer.

    run(work())


def test_a_connection_taken_while_deadlines_are_looked_at_is_not_overdue() -> None:
    """The retry of an attempt that has just timed out takes an idle connection whose own time was up as well."""

    async def work() -> None:
        slow = scripts.slow_head(0.05, b"hi")
        async with Session(FakeUpstream(slow), limits=PoolLimits(tick=0.4)) as session:
            to = session.target(keep_alive=0.02)
            await asyncio.gather(*(session.ask(to=to) for _ in range(8)))
            session.upstream.choose = lambda request: scripts.hang() if request.path == b"/hang" else slow
            retries = [Taker() for _ in range(8)]
            for retry in retries:
                taker = Taker()

                def again(failure: Failure, *, retry: Taker = retry) -> None:
                    assert failure.kind is FailureKind.FIRST_BYTE_TIMEOUT
                    session.pool.send(to, post(), retry, timeouts=PATIENT)

                taker.on_failure = again  # type: ignore[method-assign]
                hanging = Timeouts(first_byte=0.02)
                session.pool.send(to, post("/hang"), taker, timeouts=hanging)
            fillers = await asyncio.gather(*(session.ask(to=to) for _ in range(8)))
            assert all(filler.ended for filler in fillers)
            for retry in retries:
                await retry.over.wait()
                assert retry.failure is None

    run(work())


def test_different_targets_share_nothing() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI)) as session:
            await session.ask(to=session.target())
            await session.ask(to=session.target(keep_alive=3.0))
            await session.ask(to=session.target())
            assert sorted(seen.requests for seen in session.upstream.connections) == [1, 2]

    run(work())


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(scripts.raw(scripts.whole(b"hi", headers=b"connection: close\r\n")), id="asked to close"),
        pytest.param(scripts.raw(scripts.whole(b"hi") + b"junk"), id="data after the answer"),
        pytest.param(scripts.raw(scripts.whole(b"hi") + scripts.whole(b"evil")), id="an answer too many"),
        pytest.param(
            scripts.raw(scripts.whole(b"hi"), scripts.whole(b"evil"), gap=0.02), id="an answer too many, later"
        ),
        pytest.param(scripts.raw(b"HTTP/1.1 304 X\r\ncontent-length: 3\r\n\r\n"), id="304 with a length"),
        pytest.param(scripts.raw(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nhi"), id="HTTP/1.0"),
    ],
)
def test_doubtful_connections_are_not_reused(first: Script) -> None:
    async def work() -> None:
        answers = iter([first, scripts.answer(b"good")])
        async with Session(FakeUpstream(lambda _: next(answers))) as session:
            assert (await session.ask()).ended
            await session.upstream.wait(lambda: session.upstream.open == 0)
            taker = await session.ask()
            assert taker.body == b"good"
            assert [seen.requests for seen in session.upstream.connections] == [1, 1]

    run(work())


def test_an_answer_before_the_whole_request_ends_the_connection() -> None:
    async def work() -> None:
        early = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno"
        upstream = FakeUpstream(HI, greeting=Script((Wait(0.2), Send(early))), read=False)
        async with Session(upstream) as session:
            taker = await session.ask(body=b"x" * 20_000_000)
            assert (taker.ended, taker.status, taker.body) == (True, 413, b"no")
            # The sweep may have taken the empty lane away already.
            assert all((state.busy, state.idle) == (0, 0) for state in session.pool.states())

    run(work())


def stale(calls: int, then: Script) -> FakeUpstream:
    """Answers so often, then resets each connection on its second request, and does `then` on new connections."""
    requests: list[Received] = []

    def choose(request: Received) -> Script:
        requests.append(request)
        if len(requests) <= calls:
            return HI
        return Script((Reset(),)) if upstream.connections[-1].requests > 1 else then

    upstream = FakeUpstream(choose)
    return upstream


def test_a_stale_connection_is_replaced_once_unnoticed() -> None:
    async def work() -> None:
        async with Session(stale(1, scripts.answer(b"anew"))) as session:
            await session.ask()
            taker = await session.ask(body=b"{}")
            assert (taker.body, taker.ended) == (b"anew", True)
            assert session.pool.counters["up"].sent_again == 1
            assert [request.body for request in session.upstream.requests] == [b"", b"{}", b"{}"]

    run(work())


def test_it_is_replaced_only_once_and_by_a_fresh_one() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.slow_head(0.02, b"hi"))) as session:
            await asyncio.gather(*(session.ask() for _ in range(3)))
            session.upstream.choose = lambda _: scripts.reset_at_once()
            taker = await session.ask()
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.RESET
            assert sorted(seen.requests for seen in session.upstream.connections) == [1, 1, 1, 2]

    run(work())


def test_a_first_use_is_never_stale() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(scripts.reset_at_once())) as session:
            assert (await session.ask()).failure is not None
            assert len(session.upstream.requests) == 1

    run(work())


def test_only_a_fresh_connection_will_do() -> None:
    """One that is given back meanwhile would be as good a guess as the first, and guesses are not repeated."""

    async def work() -> None:
        gate = asyncio.Event()
        gate.set()

        async def lookup(_: str) -> Sequence[str]:
            await gate.wait()
            return ["127.0.0.1"]

        loop = asyncio.get_running_loop()
        async with FakeUpstream(lambda request: slow if request.path == b"/slow" else HI) as upstream:
            slow = scripts.slow_head(0.15, b"hi")
            pool = Pool(loop, limits=QUICK, resolver=Resolver(lookup, loop.time, ResolverSettings(ttl=0)))
            to = target(upstream.port, host="up.test")
            busy, first, second = Taker(), Taker(), Taker()
            pool.send(to, post("/slow"), busy, timeouts=PATIENT)
            pool.send(to, post(), first, timeouts=PATIENT)
            await first.over.wait()
            gate.clear()
            upstream.close_idle()
            pool.send(to, post("/again"), second, timeouts=PATIENT)
            await busy.over.wait()
            await asyncio.sleep(0.05)
            assert not second.over.is_set()
            gate.set()
            await second.over.wait()
            assert second.ended
            assert [seen.requests for seen in upstream.connections] == [1, 1, 1]
            await pool.close()

    run(work())


@pytest.mark.parametrize(
    ("script", "size", "limits"),
    [
        pytest.param(scripts.raw(b"HTTP/1.1 2"), 10, PoolLimits(tick=0.01), id="some of an answer came"),
        pytest.param(Script(()), 10, PoolLimits(tick=0.01, stale=0.02), id="the server worked on it first"),
        pytest.param(Script(()), 200_000, PoolLimits(tick=0.01, replay=100_000), id="the body is too large"),
    ],
)
def test_it_is_not_replaced(script: Script, size: int, limits: PoolLimits) -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI), limits=limits) as session:
            await session.ask()
            session.upstream.choose = lambda _: Script((*script.steps, Wait(0.1), Reset()))
            taker = await session.ask(body=b"x" * size)
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.RESET
            assert len(session.upstream.requests) == 2

    run(work())


def test_the_race_of_reuse_and_close_loses_nothing() -> None:
    async def work() -> None:
        async with Session(FakeUpstream(HI)) as session:
            for round_ in range(200):
                taker, _ = session.send(post("/", b"%d" % round_))
                if round_ % 3 == 0:
                    session.upstream.close_idle()
                await taker.over.wait()
                assert taker.failure is None, (round_, taker.failure)
                if round_ % 3 == 1:
                    session.upstream.close_idle()  # The next send meets a connection that is closing just now.

    run(work())


def test_no_more_connections_than_allowed() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=4, tick=0.01)
        async with Session(FakeUpstream(scripts.slow_head(0.01, b"hi")), limits=limits) as session:
            takers = await asyncio.gather(*(session.ask() for _ in range(40)))
            assert all(taker.ended for taker in takers)
            assert len(session.upstream.connections) == 4
            assert sum(seen.requests for seen in session.upstream.connections) == 40

    run(work())


def test_those_who_wait_are_served_in_turn() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=1, tick=0.01)
        async with Session(FakeUpstream(HI), limits=limits) as session:
            await asyncio.gather(*(session.ask(f"/{number}") for number in range(10)))
            assert [request.path for request in session.upstream.requests] == [b"/%d" % number for number in range(10)]

    run(work())


def test_the_queue_is_bounded() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=2, waiting=3, tick=0.01)
        async with Session(FakeUpstream(scripts.hang()), limits=limits) as session:
            await session.upstream.wait(lambda: True)
            takers = [session.send(post())[0] for _ in range(6)]
            assert not any(taker.over.is_set() for taker in takers)  # Never inside `send`.
            await takers[5].over.wait()
            failure = takers[5].failure
            assert failure is not None
            assert (failure.kind, failure.sent) == (FailureKind.POOL_FULL, False)
            assert not any(taker.over.is_set() for taker in takers[:5])

    run(work())


def test_waiting_too_long_for_a_free_connection() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=1, tick=0.01)
        async with Session(FakeUpstream(scripts.hang()), limits=limits) as session:
            session.send(post())
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1)
            taker = await session.ask(timeouts=Timeouts(connect=0.1))
            assert taker.failure is not None
            assert taker.failure.kind is FailureKind.POOL_FULL
            assert "busy" in taker.failure.detail

    run(work())


def test_a_failed_connection_makes_room_for_who_waits() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=1, tick=0.01)
        async with Session(FakeUpstream(scripts.reset_at_once()), limits=limits) as session:
            takers = await asyncio.gather(*(session.ask() for _ in range(5)))
            assert [taker.failure.kind for taker in takers if taker.failure] == [FailureKind.RESET] * 5

    run(work())


def test_a_sink_that_fails_costs_its_own_attempt_only() -> None:
    async def work() -> None:
        loop = asyncio.get_running_loop()
        reported: list[object] = []
        loop.set_exception_handler(lambda _, context: reported.append(context["exception"]))
        async with Session(FakeUpstream(HI)) as session:
            for moment in ("on_head", "on_data", "on_end"):
                taker, _ = session.send(post())
                error = ValueError(moment)

                def fail(*_: object, error: ValueError = error) -> None:
                    raise error

                setattr(taker, moment, fail)
                other = await session.ask()
                assert other.ended
                await session.upstream.wait(lambda: len(session.upstream.requests) % 2 == 0)
            assert len(reported) == 3

    run(work())


def test_closing_the_pool_ends_everything() -> None:
    async def work() -> None:
        limits = PoolLimits(connections=2, tick=0.01)
        async with Session(FakeUpstream(scripts.hang()), limits=limits) as session:
            takers = [session.send(post())[0] for _ in range(4)]
            await session.upstream.wait(lambda: len(session.upstream.requests) == 2)
            await session.pool.close()
            late = await session.ask()
            assert [taker.failure is not None for taker in (*takers, late)] == [True] * 5
            await session.upstream.wait(lambda: session.upstream.open == 0)

    run(work())
