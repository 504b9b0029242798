"""All connections to upstreams. `Pool.send` runs one attempt; it never blocks, awaits or makes a task when warm.

One timer serves all connections, ten times a second: a deadline is a number that a connection keeps, and moving it,
which happens several times a request, costs nothing. The sweep costs some 50 ns a connection.

A loop that stood still, with its machine or in a long turn, wakes up to deadlines that have passed and to answers that
have come meanwhile, and timers are first. Then the answers must be: an upstream isn't to blame that we didn't look.
"""

import asyncio
import math
from collections.abc import Coroutine
from typing import Any, Final

from isochrone_gateway.upstream.attempt import Attempt
from isochrone_gateway.upstream.call import Call, Failure, FailureKind, Sink
from isochrone_gateway.upstream.dial import Dialer
from isochrone_gateway.upstream.lane import Lane
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.resolver import Resolver, system_lookup
from isochrone_gateway.upstream.stats import Counters, LaneState
from isochrone_gateway.upstream.target import Outgoing, Target, Timeouts, TlsSettings
from isochrone_gateway.upstream.tls import Contexts

_LIMITS: Final = PoolLimits()
_NEVER: Final = math.inf
_LATE_S: Final = 0.5
"""A sweep that comes so much later than it was meant to leaves it to the next one."""


class Pool:
    """Connections to any number of targets."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        *,
        limits: PoolLimits = _LIMITS,
        resolver: Resolver | None = None,
        contexts: Contexts | None = None,
    ) -> None:
        self.loop = loop
        self.limits = limits
        self.counters: dict[str, Counters] = {}
        self._contexts = contexts or Contexts()
        self.dialer = Dialer(
            loop,
            resolver=resolver or Resolver(system_lookup, loop.time),
            contexts=self._contexts,
            stagger=limits.stagger,
        )
        self._lanes: dict[Target, Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._sweep_at = 0.0
        self._closed = False

    def send(
        self, target: Target, outgoing: Outgoing, sink: Sink, *, timeouts: Timeouts, deadline: float = _NEVER
    ) -> Call:
        """Run one attempt. `deadline` is a time of the loop's clock, for a chain of attempts with one end."""
        lane = self._lanes.get(target)
        if lane is None:
            lane = self._add(target)
        due = self.loop.time() + timeouts.total
        if deadline < due:  # noqa: PLR1730 - no call on the hot path
            due = deadline
        attempt = Attempt(lane, outgoing, sink, timeouts, due)
        if self._closed:
            failure = Failure(kind=FailureKind.CONNECT, detail="the pool was closed")
            self.loop.call_soon(attempt.fail, failure)
        else:
            lane.send(attempt)
        return attempt

    def states(self) -> tuple[LaneState, ...]:
        return tuple(lane.state() for lane in self._lanes.values())

    async def reload_tls(self, *, only_changed: bool = False) -> dict[TlsSettings, OSError]:
        """Read all certificates again, or those whose files changed; what is connected ends with its present attempt.

        Gives what couldn't be read: there the old ones stay in use.
        """
        renewed, failed = await self._contexts.reload(only_changed=only_changed)
        for target, lane in self._lanes.items():
            if target.tls in renewed:
                lane.retire()
        return failed

    async def close(self) -> None:
        """End all attempts and connections."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for lane in tuple(self._lanes.values()):
            lane.close("the pool was closed")
        self._lanes.clear()
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # Transports that were aborted close in the loop's next round.

    # The lanes' calls.

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def report(self, error: Exception) -> None:
        self.loop.call_exception_handler({"message": "the sink of an upstream attempt failed", "exception": error})

    def _add(self, target: Target) -> Lane:
        counters = self.counters.setdefault(target.name, Counters())
        lane = self._lanes[target] = Lane(self, target, counters)
        if self._timer is None:
            self._sweep_soon(self.loop.time())
        return lane

    def _sweep_soon(self, now: float) -> None:
        self._sweep_at = now + self.limits.tick
        self._timer = self.loop.call_at(self._sweep_at, self._sweep)

    def _sweep(self) -> None:
        now = self.loop.time()
        if now - self._sweep_at < _LATE_S:
            for target, lane in tuple(self._lanes.items()):
                if not lane.sweep(now):
                    del self._lanes[target]
        self._timer = None
        if self._lanes:
            self._sweep_soon(now)
