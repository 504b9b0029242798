"""Slots: never more at once, urgent ones first, and none is lost when somebody gives up."""

import asyncio

from isochrone.controller.slots import Slots


class Queue:
    """Users of some slots, who stay until they are let go."""

    def __init__(self, count: int) -> None:
        self._slots = Slots(count)
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._may_go: dict[str, asyncio.Event] = {}

    async def come(self, name: str, *, is_urgent: bool = False) -> None:
        self._may_go[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._use(name, is_urgent=is_urgent))
        await turns()

    async def go(self, name: str) -> None:
        self._may_go[name].set()
        await turns()

    async def _use(self, name: str, *, is_urgent: bool) -> None:
        async with self._slots.one(is_urgent=is_urgent):
            self.served.append(name)
            await self._may_go[name].wait()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_who_is_urgent_comes_first_and_never_more_than_there_are_slots() -> None:
    async def story() -> None:
        queue = Queue(2)
        for name in ("a", "b", "c", "d"):
            await queue.come(name)
        await queue.come("urgent", is_urgent=True)
        assert queue.served == ["a", "b"]
        await queue.go("b")
        assert queue.served == ["a", "b", "urgent"]
        await queue.go("a")
        await queue.go("urgent")
        assert queue.served == ["a", "b", "urgent", "c", "d"]

    asyncio.run(story())


def test_who_gives_up_while_waiting_takes_no_slot_along() -> None:
    async def story() -> None:
        queue = Queue(1)
        for name in ("a", "b", "c"):
            await queue.come(name)
        queue.tasks["b"].cancel()
        await turns()
        await queue.go("a")
        assert queue.served == ["a", "c"]
        await queue.go("c")
        await queue.come("d")
        assert queue.served == ["a", "c", "d"]

    asyncio.run(story())


def test_who_gives_up_in_the_moment_of_his_turn_hands_it_on() -> None:
    async def story() -> None:
        queue = Queue(1)
        for name in ("a", "b", "c"):
            await queue.come(name)
        queue.tasks["a"].cancel()
        await asyncio.sleep(0)  # its slot is handed on, and the next has not noticed yet
        queue.tasks["b"].cancel()
        await turns()
        assert queue.served in (["a", "c"], ["a", "b", "c"])
        await queue.go("c")
        await queue.come("d")
        assert queue.served[-1] == "d"

    asyncio.run(story())
