"""After the work nothing is left: no connection, no object, no timer."""

import asyncio
import gc
import weakref

from tests.unit.upstream.harness import Session, Taker, post, run

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.attempt import Attempt
from isochrone_gateway.upstream.connection import Connection
from isochrone_gateway.upstream.fake import FakeUpstream, Received
from isochrone_gateway.upstream.response import ResponseReader
from isochrone_gateway.upstream.scripts import Script

KINDS = (Attempt, Connection, ResponseReader, Taker)


def alive() -> dict[str, int]:
    names = [type(item).__name__ for item in gc.get_objects() if isinstance(item, KINDS)]
    return {kind.__name__: names.count(kind.__name__) for kind in KINDS}


def choose(request: Received) -> Script:
    number = int(request.path[1:])
    if number % 10 == 3:
        return scripts.hang_mid_stream([b"1"])
    if number % 20 == 7:
        return scripts.die_mid_frame([b"1"])
    if number % 20 == 11:
        return scripts.server_error(500)
    return scripts.stream([b"%d" % number] * 5, gap=0.02)


def test_a_thousand_streams_leave_nothing() -> None:
    async def work() -> None:
        gc.collect()
        nothing = dict.fromkeys(alive(), 0)
        async with Session(FakeUpstream(choose)) as session:
            takers = [session.send(post(f"/{number}")) for number in range(1000)]
            await session.upstream.wait(lambda: len(session.upstream.requests) >= 500, seconds=30)
            for number, (taker, call) in enumerate(takers):
                if number % 10 == 3:
                    call.cancel()
                else:
                    await taker.over.wait()
            ended = [taker for taker, _ in takers if taker.ended]
            assert len(ended) == 850  # All but the cancelled hundred and the fifty that die.
            assert {len(taker.pieces) > 0 for taker in ended} == {True}
            del ended, taker, call, takers
            await session.pool.close()
            await session.upstream.wait(lambda: session.upstream.open == 0)
            assert session.pool.states() == ()
            gc.collect()
            assert alive() == nothing

    run(work())


def test_nothing_waits_for_the_garbage_collector() -> None:
    async def work() -> None:
        gc.collect()
        gc.disable()
        try:
            async with Session(FakeUpstream(choose)) as session:
                made = weakref.WeakSet[object]()
                for number in range(30):
                    taker, call = session.send(post(f"/{number}"))
                    made.add(taker)
                    if number % 10 == 3:
                        call.cancel()
                    else:
                        await taker.over.wait()
                    del taker, call
                async with asyncio.timeout(60):
                    while len(made) > 0:  # noqa: ASYNC110 - what goes has no event
                        await asyncio.sleep(0.005)
            assert alive() == dict.fromkeys(alive(), 0)
        finally:
            gc.enable()

    run(work())
