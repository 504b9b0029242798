"""A change of the law ends what a pass is at, but not for ever."""

import asyncio
import threading

import pytest

from isochrone.controller.interrupting import InterruptedPassError, Interruption


async def forever() -> None:
    await asyncio.Event().wait()


async def answer() -> int:
    await asyncio.sleep(0)
    return 42


def test_work_that_nothing_interrupts_is_done() -> None:
    assert asyncio.run(Interruption().begin().unless(answer())) == 42


def test_what_goes_wrong_is_raised() -> None:
    async def wrong() -> None:
        raise KeyError("it")

    with pytest.raises(KeyError):
        asyncio.run(Interruption().begin().unless(wrong()))


def test_a_change_ends_the_work_at_once() -> None:
    async def scenario() -> None:
        interruption, has_ended = Interruption(), asyncio.Event()

        async def work() -> None:
            try:
                await forever()
            finally:
                has_ended.set()

        turn = interruption.begin()
        asyncio.get_running_loop().call_soon(interruption.happen)
        with pytest.raises(InterruptedPassError):
            await turn.unless(work())
        await asyncio.wait_for(has_ended.wait(), 60)

    asyncio.run(scenario())


def test_what_changed_before_a_pass_has_looked_does_not_interrupt_it() -> None:
    interruption = Interruption()
    interruption.happen()
    turn = interruption.begin()
    turn.check()
    assert asyncio.run(turn.unless(answer())) == 42


def test_a_pass_that_was_given_up_stays_so_when_the_next_has_begun() -> None:
    interruption = Interruption()
    turn = interruption.begin()
    interruption.happen()
    interruption.begin().check()
    with pytest.raises(InterruptedPassError):
        turn.check()


@pytest.mark.parametrize("rounds", [1, 2])
def test_a_pass_is_made_to_its_end_some_time(rounds: int) -> None:
    async def scenario() -> list[bool]:
        interruption, whole = Interruption(), []
        for _ in range(4 * rounds):
            turn = interruption.begin()
            interruption.happen()
            try:
                await turn.unless(asyncio.sleep(0.01))
            except InterruptedPassError:
                whole.append(False)
            else:
                turn.check()
                interruption.end()
                whole.append(True)
        return whole

    assert asyncio.run(scenario()) == [False, False, False, True] * rounds


def test_a_thread_may_ask_and_the_next_waits_for_it() -> None:
    async def scenario() -> list[str]:
        interruption, seen, has_begun = Interruption(), list[str](), threading.Event()
        turn = interruption.begin()

        def first() -> None:
            has_begun.set()
            try:
                while True:
                    turn.check()
            finally:
                seen.append("first has ended")

        def change() -> None:
            assert has_begun.wait(60)
            loop.call_soon_threadsafe(interruption.happen)

        loop = asyncio.get_running_loop()
        changing = asyncio.create_task(asyncio.to_thread(change))
        with pytest.raises(InterruptedPassError):
            await interruption.in_thread(turn, first)
        await changing
        await interruption.in_thread(interruption.begin(), seen.append, "second")
        return seen

    assert asyncio.run(asyncio.wait_for(scenario(), 60)) == ["first has ended", "second"]
