"""Many changes that come together wake the loop once; what is urgent wakes it at once."""

import asyncio

import pytest

from isochrone.controller.waking import Waker

LONG = 600.0


def settled(waker: Waker, *, limit: float = LONG, debounce: float, most: float = LONG) -> float:
    """How long it took."""

    async def scenario() -> float:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await asyncio.wait_for(waker.settled(limit, debounce=debounce, most=most, clock=loop.time), 60)
        return loop.time() - began

    return asyncio.run(scenario())


def test_nothing_happens() -> None:
    assert settled(Waker(), limit=0.01, debounce=LONG) >= 0.01


@pytest.mark.parametrize("is_first_urgent", [True, False])
def test_what_is_urgent_does_not_wait_for_others(is_first_urgent: bool) -> None:
    waker = Waker()
    waker.wake(is_urgent=is_first_urgent)
    waker.wake(is_urgent=not is_first_urgent)
    settled(waker, debounce=LONG)


def test_what_becomes_urgent_while_others_are_waited_for() -> None:
    async def scenario() -> None:
        waker, loop = Waker(), asyncio.get_running_loop()
        waker.wake()
        loop.call_later(0.02, lambda: waker.wake(is_urgent=True))
        await asyncio.wait_for(waker.settled(LONG, debounce=LONG, most=LONG, clock=loop.time), 60)

    asyncio.run(scenario())


def test_changes_that_come_together_are_one() -> None:
    waker = Waker()
    waker.wake()
    assert settled(waker, debounce=0.05) >= 0.05
    assert settled(waker, limit=0.01, debounce=LONG) >= 0.01


def test_what_was_urgent_is_so_once() -> None:
    waker = Waker()
    waker.wake(is_urgent=True)
    settled(waker, debounce=LONG)
    waker.wake()
    assert settled(waker, debounce=0.05) >= 0.05


def test_changes_that_never_end_are_not_waited_for() -> None:
    async def scenario() -> None:
        waker, loop = Waker(), asyncio.get_running_loop()

        async def change() -> None:
            while True:
                waker.wake()
                await asyncio.sleep(0.001)

        changing = asyncio.create_task(change())
        await asyncio.wait_for(waker.settled(LONG, debounce=0.01, most=0.05, clock=loop.time), 60)
        changing.cancel()

    asyncio.run(scenario())
