"""While the hub's API server is away nobody leads, however long that is; whoever led before is stopped in time."""

import asyncio
import functools
from collections.abc import Callable

from tests.unit.outage.cluster import Cluster

from isochrone.kube.election import Election, Timing

HOUR = 3600.0
WEEK = 7 * 24 * HOUR
TIMING = Timing(duration=15.0, renew_within=10.0, retry=0.0)


class Time:
    """Goes on whenever somebody asks for it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.step = 0.25

    def __call__(self) -> float:
        self.now += self.step
        return self.now


async def turn_until(condition: Callable[[], bool]) -> None:
    """Time goes on while others run: nothing is waited for."""
    while not condition():  # noqa: ASYNC110 - what is waited for has no event
        await asyncio.sleep(0)


def test_a_week_without_the_hub() -> None:
    async def scenario() -> None:
        time = Time()
        hub = Cluster("hub", time)
        elections = [Election(hub, name, wall=time, monotonic=time, timing=TIMING) for name in ("a", "b")]
        led: list[tuple[str, float]] = []

        async def lead(name: str) -> None:
            try:
                led.append((name, time.now))
                await asyncio.Event().wait()
            finally:
                led.append((f"{name} stopped", time.now))

        tasks = [asyncio.create_task(each.run(functools.partial(lead, each.identity))) for each in elections]
        await turn_until(lambda: bool(led))
        (first, _), gone = led[0], time.now
        hub.is_away = True
        await turn_until(lambda: len(led) == 2)
        assert led[1][0] == f"{first} stopped"
        assert led[1][1] - gone < TIMING.duration, "before anybody else could take over"

        time.step = 60.0
        while time.now < gone + WEEK:
            assert not any(each.is_leading for each in elections)
            await asyncio.sleep(0)
        assert len(led) == 2

        time.step, hub.is_away = 0.25, False
        await turn_until(lambda: len(led) == 3)
        assert sum(each.is_leading for each in elections) <= 1
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(scenario(), 120))
