"""The limits of tenants and providers in a gateway of several workers: as the command runs it, on many connections."""

import asyncio
import contextlib
import os
import pathlib
import signal
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

from msgspec.structs import replace
from tests.unit.pipeline.harness import (
    Backend,
    backends,
    config,
    engine,
    engine_candidate,
    provider,
    provider_candidate,
    route,
    run,
    tenant,
    until,
)
from tests.unit.pipeline.talk import Talk, post
from tests.unit.supervisor import gateways
from tests.unit.supervisor.gateways import Gateway

from isochrone_gateway.config import Config
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.site import Drain, Listener, Listeners
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import Received
from isochrone_gateway.upstream.scripts import Script

PLANE = "isochrone_gateway.server.pipeline:DataPlane"
BODY = b'{"model":"chat"}'
HANGING = b'{"model":"chat","x":"hang"}'


def answers(request: Received) -> Script:
    return scripts.hang() if b"hang" in request.body else scripts.answer(b"{}")


def limited(found: Backend, rates: Rates, *aliases: str) -> Config:
    one = route([engine_candidate("a")], aliases=frozenset(aliases))
    return config(engines=(engine("a", found.port),), routes=(one,), tenant=tenant(limits=rates))


class Site:
    """A gateway of two workers."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._sequence = 0

    async def publish(self, made: Config) -> None:
        self._sequence += 1
        listeners = Listeners(
            data=Listener(port=self.gateway.data, host="127.0.0.1"),
            admin=Listener(port=self.gateway.admin, host="127.0.0.1"),
        )
        site = replace(made.site, listeners=listeners, drain=Drain(announce_ms=50, max_ms=1_000))
        gateways.write(self.gateway.folder / "config", replace(made, site=site), self._sequence)
        await self.wait(ready=2)

    async def wait(self, *, ready: int) -> None:
        """Wait until so many workers run the config that was published last."""

        def happened() -> bool:
            if not self.gateway.is_ready():
                return False
            status = self.gateway.status()
            running: int = status["config"]["running"]["revision"]["sequence"]
            return running == self._sequence and sum(each["ready"] for each in status["workers"]) == ready

        await asyncio.to_thread(gateways.until, happened, log=lambda: self.gateway.log)

    async def kill_busiest(self) -> None:
        """Kill the worker with the most requests, and wait for the one that takes its place."""
        workers = await self._described()
        pid = max(workers, key=lambda worker: worker["dataPlane"]["openRequests"])["pid"]
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(gateways.until, lambda: pid not in self.gateway.pids())
        await self.wait(ready=2)

    async def _described(self) -> list[dict[str, Any]]:
        """The workers, once all have told of themselves: who is too slow for a status is there without."""
        while True:
            workers: list[dict[str, Any]] = (await asyncio.to_thread(self.gateway.status))["workers"]
            if all("dataPlane" in each for each in workers):
                return workers

    @contextlib.asynccontextmanager
    async def talks(self, count: int) -> AsyncIterator[list[Talk]]:
        """Connections, some of them to each worker."""
        made: list[Talk] = []
        try:
            while True:
                reader_writer = [await asyncio.open_connection("127.0.0.1", self.gateway.data) for _ in range(count)]
                made += [Talk(*each) for each in reader_writer]
                status = await asyncio.to_thread(self.gateway.status)
                if all(worker["connections"] for worker in status["workers"]):
                    break
            yield made
        finally:
            for talk in made:
                talk.writer.close()


@contextlib.asynccontextmanager
async def site(folder: pathlib.Path) -> AsyncIterator[Site]:
    with contextlib.ExitStack() as stack:
        started = gateways.running(folder, workers=2, publish=False, plane=PLANE)
        gateway = await asyncio.to_thread(stack.enter_context, started)
        try:
            yield Site(gateway)
        finally:
            await asyncio.to_thread(stack.close)


async def ask(talks: list[Talk], times: int) -> Counter[int]:
    """Ask on all connections at the same time, so often on each."""

    async def each(talk: Talk) -> Counter[int]:
        statuses: Counter[int] = Counter()
        for _ in range(times):
            talk.send(post(BODY))
            statuses[(await talk.answer()).status] += 1
        return statuses

    return sum(await asyncio.gather(*map(each, talks)), Counter[int]())


def test_requests_a_minute_are_those_of_all_workers(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with backends(answers) as [found], site(tmp_path) as here:
            await here.publish(limited(found, Rates(requests_per_minute=50)))
            async with here.talks(16) as talks:
                given = await ask(talks, times=10)
                # Two that wanted the last one may both have gone without; then it is still there.
                given += await ask(talks[:1], times=5)
                assert given == {200: 50, 429: len(talks) * 10 + 5 - 50}
                await here.publish(limited(found, Rates(requests_per_minute=50), "another-name"))
                assert set(await ask(talks, times=1)) == {429}, (
                    "a config that changes other things changes nothing here"
                )
            await here.kill_busiest()
            async with here.talks(16) as talks:
                assert set(await ask(talks, times=2)) == {429}, "what it had counted still counts"
                for most in (20, 50):
                    await here.publish(limited(found, Rates(requests_per_minute=most)))
                    given = await ask(talks, times=4) + await ask(talks[:1], times=5)
                    assert given[200] == most, "another limit begins anew, also where somebody has counted before"

    run(scenario())


def test_requests_at_a_time_are_those_of_all_workers_and_end_with_theirs(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with backends(answers) as [found], site(tmp_path) as here:
            await here.publish(limited(found, Rates(concurrent_requests=5)))
            async with here.talks(12) as talks:
                hanging = await hang(found, talks)
                assert len(hanging) == 5
                await here.kill_busiest()
                free = [talk for talk in hanging if is_cut(talk)]
                assert len(free) >= 3
                kept = [talk for talk in talks if talk not in hanging and not is_cut(talk)]
                passed = await hang(found, kept)
                assert len(passed) == min(len(free), len(kept))
                async with here.talks(12) as others:
                    assert len(passed) + len(await hang(found, others)) == len(free)

    run(scenario())


def is_cut(talk: Talk) -> bool:
    return talk.reader.at_eof() or talk.reader.exception() is not None


async def hang(found: Backend, talks: list[Talk]) -> list[Talk]:
    """Let each, one after the other, ask what is never answered; gives those that were let through."""
    hanging = []
    for talk in talks:
        if await is_let_through(found, talk):
            hanging.append(talk)
        else:
            assert (await talk.answer()).status == 429
    return hanging


async def is_let_through(found: Backend, talk: Talk) -> bool:
    asked = len(found.asked)
    talk.send(post(HANGING))
    await until(lambda: len(found.asked) > asked or bool(vars(talk.reader)["_buffer"]))
    return len(found.asked) > asked


def test_the_limits_of_a_provider_are_those_of_all_workers(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with backends(answers) as [found], site(tmp_path) as here:
            outside = provider("p", found.port, limits=Rates(requests_per_minute=30))
            await here.publish(config(providers=(outside,), routes=(route([provider_candidate("p")]),)))
            async with here.talks(16) as talks:
                given = await ask(talks, times=5) + await ask(talks[:1], times=5)
                assert given[200] == len(found.asked) == 30

    run(scenario())
