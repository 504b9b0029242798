"""The connections to one target: reuse, limits, and the attempts that wait for one.

An idle connection is taken last in, first out: the one used last is the least likely to have been closed by the server,
and those at the bottom reach their time-out. An attempt without a connection waits, and one is opened for it if there
is room; whichever connection is ready first, opened or given back, serves the attempt that waits longest.
"""

import asyncio
import collections
from collections.abc import Coroutine
from typing import Any, Protocol

from isochrone_gateway.upstream.attempt import Attempt
from isochrone_gateway.upstream.call import Failure, FailureKind
from isochrone_gateway.upstream.connection import Connection
from isochrone_gateway.upstream.dial import Dialer, DialError
from isochrone_gateway.upstream.limits import PoolLimits
from isochrone_gateway.upstream.stats import Counters, LaneState
from isochrone_gateway.upstream.target import Target


class Hub(Protocol):
    """What a lane needs of its pool."""

    limits: PoolLimits
    dialer: Dialer
    loop: asyncio.AbstractEventLoop

    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...
    def report(self, error: Exception) -> None: ...


class Lane:
    """The connections to one target."""

    __slots__ = (
        "_again",
        "_connections",
        "_counters",
        "_dials",
        "_hub",
        "_idle",
        "_waiting",
        "keep_alive",
        "limits",
        "now",
        "target",
    )

    def __init__(self, hub: Hub, target: Target, counters: Counters) -> None:
        self._hub = hub
        self._counters = counters
        self._connections: set[Connection] = set()
        self._idle: dict[Connection, None] = {}
        self._waiting: collections.OrderedDict[Attempt, None] = collections.OrderedDict()
        self._again: set[Attempt] = set()  # Those for which just one new connection will do.
        self._dials = 0
        self.target = target
        self.limits = hub.limits
        self.keep_alive = target.keep_alive
        self.now = hub.loop.time

    # The pool's calls.

    def send(self, attempt: Attempt) -> None:
        self._counters.attempts += 1
        if self._idle:
            self._idle.popitem()[0].begin(attempt)
        else:
            self._wait(attempt)

    def sweep(self, now: float) -> bool:
        """End what is overdue. False: nothing is left here."""
        for connection in [connection for connection in self._connections if connection.due <= now]:
            if connection.due <= now:  # Not one that was idle, and that the caller of another has just sent on.
                connection.on_due(now)
        for attempt in [attempt for attempt in self._waiting if attempt.connect_due <= now]:
            if self._waiting.pop(attempt, attempt) is None:
                attempt.fail(self._too_late(attempt, now))
        return bool(self._connections or self._waiting or self._dials)

    def retire(self) -> None:
        """Let each connection carry no more than its present attempt."""
        for connection in tuple(self._connections):
            connection.retire()

    def close(self, detail: str) -> None:
        """End everything."""
        waiting = [*self._waiting, *self._again]
        self._waiting.clear()
        self._again.clear()
        for attempt in waiting:
            attempt.fail(Failure(kind=FailureKind.CONNECT, detail=detail))
        for connection in tuple(self._connections):
            connection.fail(FailureKind.RESET, detail)

    def state(self) -> LaneState:
        return LaneState(
            target=self.target,
            busy=len(self._connections) - len(self._idle),
            idle=len(self._idle),
            connecting=self._dials,
            waiting=len(self._waiting),
        )

    # The connections' calls.

    def released(self, connection: Connection) -> None:
        if self._waiting:
            connection.begin(self._waiting.popitem(last=False)[0])
        else:
            self._idle[connection] = None

    def closed(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._idle.pop(connection, None)
        if self._waiting:
            self._top_up()

    def send_again(self, attempt: Attempt) -> None:
        """Send on a new connection: the other idle ones may be just as stale."""
        self._again.add(attempt)
        self._counters.sent_again += 1
        self._dial(attempt, bound=attempt)

    def report(self, error: Exception) -> None:
        self._hub.report(error)

    # The attempts' calls.

    def forget(self, attempt: Attempt) -> None:
        self._waiting.pop(attempt, None)
        self._again.discard(attempt)

    # Waiting and opening.

    def _wait(self, attempt: Attempt) -> None:
        attempt.connect_due = min(self.now() + attempt.timeouts.connect, attempt.due)
        self._waiting[attempt] = None
        self._top_up()
        if len(self._waiting) > self._dials + self.limits.waiting:
            del self._waiting[attempt]
            detail = f"{len(self._connections)} connections are busy and {self.limits.waiting} attempts wait"
            failure = Failure(kind=FailureKind.POOL_FULL, detail=detail)
            self._hub.loop.call_soon(attempt.fail, failure)  # Not inside `send`.

    def _top_up(self) -> None:
        """Open a connection for each attempt that has none coming, as far as the limit allows."""
        room = self.limits.connections - len(self._connections) - self._dials
        missing = len(self._waiting) - self._dials
        if room > 0 and missing > 0:
            for attempt in list(self._waiting)[: min(room, missing)]:
                self._dial(attempt)

    def _dial(self, attempt: Attempt, *, bound: Attempt | None = None) -> None:
        self._dials += 1
        seconds = min(attempt.timeouts.connect, max(0.0, attempt.due - self.now()))
        self._hub.spawn(self._open(seconds, bound))

    async def _open(self, seconds: float, bound: Attempt | None) -> None:
        try:
            connection = await self._hub.dialer.connect(self.target, lambda: Connection(self), seconds)
        except DialError as error:
            self._dials -= 1
            self._not_opened(Failure(kind=error.kind, detail=error.detail), bound)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not leave the attempt without an end
            self._dials -= 1
            self._hub.report(error)
            self._not_opened(Failure(kind=FailureKind.CONNECT, detail="no connection: internal error"), bound)
        else:
            self._dials -= 1
            self._opened(connection, bound)

    def _opened(self, connection: Connection, bound: Attempt | None) -> None:
        self._counters.opened += 1
        if connection.is_closed:
            detail = f"{self.target.host}:{self.target.port} closed the connection at once"
            self._not_opened(Failure(kind=FailureKind.CONNECT, detail=detail), bound)
            return
        self._connections.add(connection)
        if bound in self._again:
            self._again.remove(bound)
            connection.begin(bound)
        else:
            connection.due = self.now() + self.keep_alive
            self.released(connection)

    def _not_opened(self, failure: Failure, bound: Attempt | None) -> None:
        if bound is not None:
            self._again.discard(bound)
            bound.fail(failure)
        elif self._waiting:
            self._waiting.popitem(last=False)[0].fail(failure)
        self._top_up()

    def _too_late(self, attempt: Attempt, now: float) -> Failure:
        if now >= attempt.due:
            return Failure(kind=FailureKind.TOTAL_TIMEOUT, detail="got no connection in time")
        seconds = attempt.timeouts.connect
        if self._dials:
            return Failure(kind=FailureKind.CONNECT, detail=f"no connection within {seconds:g} s")
        detail = f"all {len(self._connections)} connections were busy for {seconds:g} s"
        return Failure(kind=FailureKind.POOL_FULL, detail=detail)
