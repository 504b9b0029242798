"""All workers of a gateway: the same config in all of them, those that crash started again, their metrics added up.

`apply` runs a config in all workers or in none. Workers that start, start with what runs; starting and applying take
turns (one lock), so no worker can miss a change. What all are told, those that start are told too: `known` gives what
still holds of it.
"""

import asyncio
import contextlib
import dataclasses
import socket
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from isochrone_gateway.config import Config
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.ledger import exposition
from isochrone_gateway.server.supervisor import child, messages
from isochrone_gateway.server.supervisor.awake import Awake
from isochrone_gateway.server.supervisor.balance import Loads
from isochrone_gateway.server.supervisor.child import Child, GoneError, Program, Shared
from isochrone_gateway.server.supervisor.counts import Counts
from isochrone_gateway.server.supervisor.messages import ToWorker
from isochrone_gateway.server.supervisor.restarts import Restarts
from isochrone_gateway.server.supervisor.slots import Slots, keys
from isochrone_gateway.source.contact import Contact
from isochrone_gateway.source.judging import Complete

_START_LIMIT: Final = 60.0
_HANG_LIMIT: Final = 30.0
"""Seconds without a sign of life after which a worker is killed. Only those count in which this process ran."""
_WATCH: Final = 1.0
_LAST_WORDS: Final = 2.0
"""Seconds in which a worker that could not start may still say why."""


class Say(Protocol):
    """Writes to the event log."""

    def __call__(self, level: LogLevel, event: str, /, **fields: Any) -> None: ...


class Fleet:
    """The workers."""

    def __init__(
        self,
        size: int,
        program: Program,
        say: Say,
        *,
        known: Callable[[], Iterable[ToWorker]] = tuple,
        restarts: Restarts | None = None,
        hang_limit: float = _HANG_LIMIT,
    ) -> None:
        self._size = size
        self._program = program
        self._say = say
        self._known = known
        self._hang_limit = hang_limit
        self._policy = Restarts() if restarts is None else restarts
        self._loads = Loads(size)
        self._counts = Counts(size) if size > 1 else None
        self._slots = Slots()
        self._shared = Shared(workers=size, loads=self._loads, counts=self._counts, sockets={})
        self._children: dict[int, Child] = {}
        self._failures: dict[int, Restarts] = {}
        self._current: messages.Prepare | None = None
        self._contact: Contact | None = None
        self._numbers = 0
        self._turn = asyncio.Lock()
        self._joined = asyncio.Event()
        self._ended: exposition.Snapshots = ()
        self._over: list[messages.Witnessed] = []
        """Chains of workers that have ended since somebody asked."""
        self._ending = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.restarts = 0
        self.hopeless = asyncio.Event()
        """Set when no worker runs and none can be brought to run."""

    @property
    def children(self) -> Sequence[Child]:
        return [self._children[number] for number in sorted(self._children)]

    @property
    def is_started(self) -> bool:
        """Have workers been started? From then on they have their sockets."""
        return bool(self._tasks)

    @property
    def size(self) -> int:
        return self._size

    @property
    def ready(self) -> int:
        """How many workers answer requests."""
        return sum(each.is_running for each in self._children.values())

    # Configs.

    async def apply(self, complete: Complete, sockets: Mapping[str, socket.socket]) -> tuple[str, ...]:
        """Run a config in all workers; or in none, and say why. Workers start with the first."""
        if not self._tasks:
            self._shared = dataclasses.replace(self._shared, sockets=sockets)
            self._start()
        async with self._turn:
            if not await self._wait_for_first():
                return ("no worker could be started; their standard error says why",)
            self._numbers += 1
            slots = self._give_slots(complete.loaded.config)
            config = messages.Prepare(self._numbers, complete.index, dict(complete.blobs), dict(slots.of))
            children = list(self._children.values())
            outcomes = await asyncio.gather(*(_prepare(each, config) for each in children))
            problems = tuple(dict.fromkeys(problem for outcome in outcomes for problem in outcome or ()))
            able = [each for each, outcome in zip(children, outcomes, strict=True) if outcome == ()]
            if problems or not able:
                return problems or ("no worker survived it",)
            self._current, self._slots = config, slots
            await asyncio.gather(*(self._activate(each, config.number) for each in able))
            return ()

    def _give_slots(self, config: Config) -> Slots:
        """Slots for the limits of the config that comes next, empty where they are new."""
        if self._counts is None:
            return self._slots
        oldest = min((each.config for each in self._children.values()), default=0)
        slots = self._slots.following(keys(config), number=self._numbers, oldest=oldest)
        self._counts.grow(slots.size)
        for slot in self._slots.retired.keys() & slots.of.values():
            self._counts.clear(slot)
        return slots

    def confirm(self, contact: Contact) -> None:
        """The source was read."""
        self._contact = contact
        self.tell(messages.Confirmed(contact))

    def tell(self, message: ToWorker) -> None:
        """Tell all workers."""
        for each in self._children.values():
            each.tell(message)

    # The end.

    def drain(self, grace: float) -> None:
        """Let all workers finish; they end when they have."""
        self._ending.set()
        self.tell(messages.Drain(grace))

    def interrupt(self) -> None:
        """Let all workers end now, with an error for what is open."""
        self._ending.set()
        self.tell(messages.Interrupt())

    async def wait_ended(self) -> None:
        """Wait until no worker is left. Only after `drain` or `interrupt`."""
        if self._tasks:
            await asyncio.wait(self._tasks[: self._size])

    async def stop(self) -> None:
        """Kill what is left."""
        self._ending.set()
        for each in self._children.values():
            each.kill()
        for task in self._tasks[self._size :]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loads.close()
        if self._counts is not None:
            self._counts.close()

    # What is told.

    async def metrics(self) -> exposition.Snapshots:
        """Of all workers together, also of those that have ended."""
        await asyncio.gather(*(each.measure() for each in self.children))
        return exposition.merge([self._ended, *(each.metrics for each in self.children)])

    def witnessed(self) -> list[messages.Witnessed]:
        """How far all chains of evidence are; those of workers that have ended are told once."""
        over, self._over = self._over, []
        return [*over, *(each.evidence for each in self.children if each.evidence is not None)]

    async def describe(self) -> list[dict[str, Any]]:
        """Each worker's state, and what its data plane tells."""
        return list(await asyncio.gather(*(self._describe(each) for each in self.children)))

    async def _describe(self, each: Child) -> dict[str, Any]:
        await each.measure()
        state = {
            "worker": each.number,
            "pid": each.pid,
            "ready": each.is_running,
            "connections": each.connections,
        }
        try:
            return {**state, "dataPlane": await each.describe()}
        except GoneError as error:
            return {**state, "problem": str(error)}

    # Workers come and go.

    def _start(self) -> None:
        self._begin(*(self._keep(number) for number in range(self._size)), self._watch())

    def _begin(self, *works: Coroutine[Any, Any, None]) -> None:
        self._tasks = [asyncio.create_task(work) for work in works]

    async def _keep(self, number: int) -> None:
        """Keep one worker running."""
        while not self._ending.is_set():
            failures = self._failures.get(number, self._policy)
            await self._pause(failures.delay)
            if self._ending.is_set():
                return
            started = time.monotonic()
            status = await self._run_one(number)
            if self._ending.is_set():
                return
            lived = time.monotonic() - started
            failures = self._failures[number] = failures.crashed(lived=lived)
            self.restarts += 1
            self._say(
                LogLevel.ERROR, "WorkerEnded", worker=number, status=status, lived=round(lived, 1), next=failures.delay
            )
            if failures.is_hopeless and self.ready == 0:
                self.hopeless.set()

    async def _pause(self, delay: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay):
                await self._ending.wait()

    async def _run_one(self, number: int) -> int:
        """Start a worker, give it what runs, and wait for its end."""
        started = await child.start(number, self._program, self._shared)
        try:
            await self._join(started)
        except GoneError as error:
            self._say(LogLevel.ERROR, "WorkerNotStarted", worker=number, problem=str(error))
            asyncio.get_running_loop().call_later(_LAST_WORDS, started.kill)
        try:
            return await started.wait()
        finally:
            self._children.pop(number, None)
            self._loads.leave(number)
            if started.evidence is not None:
                self._over.append(msgspec.structs.replace(started.evidence, is_over=True))
            if self._counts is not None:
                self._counts.leave(number, self._slots.size)
            self._ended = exposition.merge([self._ended, exposition.lasting(started.metrics)])

    async def _join(self, started: Child) -> None:
        await started.wait_started(_START_LIMIT)
        if self._current is None:  # Nobody has a config yet: `apply` waits for us, holding the turn.
            self._admit(started)
            self._joined.set()
            return
        async with self._turn:
            config = self._current
            if problems := await started.prepare(config):
                raise GoneError(f"worker {started.number} can't run what the others run: {'; '.join(problems)}")
            self._admit(started)
            await self._activate(started, config.number)

    def _admit(self, started: Child) -> None:
        """From now on it is told what all are told; first what they were told before."""
        self._children[started.number] = started
        for message in self._known():
            started.tell(message)

    async def _activate(self, each: Child, number: int) -> None:
        if self._contact is not None:
            each.tell(messages.Confirmed(self._contact))
        try:
            await each.activate(number)
        except GoneError:
            each.kill()  # It would go on with what was before; the next one starts with what runs.
            return
        if not self._ending.is_set():
            each.tell(messages.Accept())

    async def _wait_for_first(self) -> bool:
        """Before the first config: wait for all workers, or for as many as come in time."""
        deadline = time.monotonic() + _START_LIMIT
        while self._current is None and len(self._children) < self._size and time.monotonic() < deadline:
            if self.hopeless.is_set():
                return False
            await asyncio.sleep(0.02)
        return bool(self._children)

    async def _watch(self) -> None:
        """Kill workers that hang."""
        awake = Awake()
        while True:
            await asyncio.sleep(_WATCH)
            passed = awake.look()
            for each in self.children:
                each.silent += passed
                if each.silent > self._hang_limit:
                    self._say(LogLevel.ERROR, "WorkerHangs", worker=each.number, pid=each.pid)
                    each.kill()


async def _prepare(each: Child, config: messages.Prepare) -> tuple[str, ...] | None:
    """Give the worker's problems with a config; None if it is gone."""
    try:
        return await each.prepare(config)
    except GoneError:
        return None
