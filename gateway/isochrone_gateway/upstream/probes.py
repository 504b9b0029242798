"""Are they well, and how busy? Endpoints are asked at intervals, apart from requests.

Ordinary asyncio: one task an endpoint. Intervals are drawn anew each time, so that many gateways don't ask in step, and
only so many questions are asked at once. What is found is frozen data, for the pure code in `route` to judge: how many
failures make an endpoint unhealthy is not decided here. Give probes a pool of their own, lest requests that take all
connections make the engine look dead.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable
from typing import Final

from isochrone_gateway.upstream.call import Failure
from isochrone_gateway.upstream.fetch import Answer, fetch, get
from isochrone_gateway.upstream.load import EngineLoad, read_load
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.target import Target, Timeouts

_TIMEOUTS: Final = Timeouts(connect=1.0, first_byte=2.0, idle=2.0, total=3.0)

Clock = Callable[[], float]
Random = Callable[[], float]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Probe:
    """What to ask. `key` is the caller's own name for the endpoint."""

    key: str
    target: Target
    health_path: str
    metrics_path: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Observation:
    """What was found at `at` (the clock's time). `problem` says in words why it is not well."""

    key: str
    at: float
    is_well: bool
    problem: str = ""
    seconds: float = 0.0
    """From asking about its health to the answer's end."""
    load: EngineLoad | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ProbeSettings:
    """All in seconds, but for `at_once`, the most questions at a time, and `jitter`, a share of the interval."""

    interval: float = 1.0
    jitter: float = 0.2
    at_once: int = 32
    timeouts: Timeouts = _TIMEOUTS


_DEFAULT: Final = ProbeSettings()
_SUCCESS: Final = range(200, 300)


class Prober:
    """Asks, until closed. `observe` is called with each observation."""

    def __init__(
        self,
        pool: Pool,
        observe: Callable[[Observation], None],
        *,
        random: Random,
        clock: Clock,
        settings: ProbeSettings = _DEFAULT,
    ) -> None:
        self._pool = pool
        self._observe = observe
        self._random = random
        self._clock = clock
        self._settings = settings
        self._turn = asyncio.Semaphore(settings.at_once)
        self._tasks: dict[Probe, asyncio.Task[None]] = {}

    def watch(self, probes: Iterable[Probe]) -> None:
        """Ask just these from now on. Those that were watched before go on undisturbed."""
        wanted = dict.fromkeys(probes)
        for probe in [probe for probe in self._tasks if probe not in wanted]:
            self._tasks.pop(probe).cancel()
        loop = asyncio.get_running_loop()
        for probe in wanted:
            if probe not in self._tasks:
                self._tasks[probe] = loop.create_task(self._ask_for_ever(probe))

    async def close(self) -> None:
        tasks = tuple(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ask(self, probe: Probe) -> Observation:
        """Ask once."""
        before = self._clock()
        outcome = await fetch(
            self._pool, probe.target, get(probe.target, probe.health_path), timeouts=self._settings.timeouts
        )
        after = self._clock()
        problem = _problem(outcome)
        return Observation(
            key=probe.key,
            at=after,
            is_well=not problem,
            problem=problem,
            seconds=after - before,
            load=None if problem or probe.metrics_path is None else await self._load(probe, probe.metrics_path),
        )

    async def _load(self, probe: Probe, path: str) -> EngineLoad | None:
        """Give the load; an engine that doesn't tell is well all the same."""
        outcome = await fetch(self._pool, probe.target, get(probe.target, path), timeouts=self._settings.timeouts)
        if isinstance(outcome, Failure) or outcome.head.status not in _SUCCESS:
            return None
        return read_load(outcome.body)

    async def _ask_for_ever(self, probe: Probe) -> None:
        while True:
            async with self._turn:
                observation = await self.ask(probe)
            self._observe(observation)
            spread = self._settings.jitter * (2 * self._random() - 1)
            await asyncio.sleep(self._settings.interval * (1 + spread))


def _problem(outcome: Answer | Failure) -> str:
    """Say what is wrong, if something is."""
    if isinstance(outcome, Failure):
        return f"{outcome.kind}: {outcome.detail}"
    if outcome.head.status in _SUCCESS:
        return ""
    return f"status {outcome.head.status}"
