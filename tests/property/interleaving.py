"""Workers that share limits, all in one process, a step at a time: each look at a cell is a step, and after each step
anything may happen: another worker's turn, a pause of a minute, or a store that reaches the memory.

Stores wait in a buffer of their worker, as they do in a core's, and leave it in any order except for those to the same
cell (x86 keeps them all in order, ARM does not). The worker itself sees its own at once. A barrier empties the buffer.

What happens is drawn from a seed: drawn step by step, most of an example would be about steps that don't matter.
"""

import dataclasses
import math
import random
import threading
from collections.abc import Callable, Iterator
from typing import overload

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.cells import RING, ROW, Slot
from isochrone_gateway.route.limits import Admission, admit
from isochrone_gateway.route.sharing import SharedMeter

_PAUSES = (0.1, 0.7, 1.0, 5.0, 30.0, 59.0, 60.0, 61.0, 64.0, 130.0)
_SWITCHES = 400
"""How often at most it is another worker's turn: each time, a thread waits for a processor."""
_LIMIT = 300.0
_IDLENESS = 0.15
"""How likely time passes between two requests of a worker."""


class World:
    """The memory, the clock, and whose turn it is. Nothing happens by itself, unless it is restless."""

    def __init__(self, workers: int) -> None:
        self.random = random.Random(0)
        self.workers = workers
        self.words = [0] * (workers * (ROW + RING))
        self.buffers: list[list[tuple[int, int]]] = [[] for _ in range(workers)]
        self.barriers: list[int | None] = [None] * workers
        """The step of each worker's first barrier since its last store."""
        self.clock = 1000.0
        self.steps = 0
        self.haste = 0.0
        """How likely time passes at a step."""
        self.eagerness = 0.0
        """How likely a store leaves its buffer at a step."""
        self.restlessness = 0.0
        """How likely it is another worker's turn at a step."""
        self.interrupt: Callable[[int], None] = lambda _: None
        """Called at each step."""
        self._switches = _SWITCHES
        self._turns = [threading.Semaphore(0) for _ in range(workers)]
        self._busy = set(range(workers))
        self._done = threading.Event()

    @classmethod
    def restless(cls, seed: int) -> "World":
        chosen = random.Random(seed)
        made = cls(chosen.randint(2, 3))
        made.random = chosen
        made.haste = chosen.choice((0.0, 0.002, 0.02))
        made.eagerness = chosen.choice((0.05, 0.3, 0.7))
        made.restlessness = chosen.choice((0.02, 0.06, 0.2))
        return made

    def slot(self, worker: int) -> Slot:
        words = Words(self, worker)
        return Slot(words, 0, ROW * self.workers, self.workers, worker, words)

    def pause(self) -> None:
        self.clock += self.random.choice(_PAUSES)

    def step(self, worker: int) -> None:
        self.steps += 1
        self.interrupt(worker)
        if self.random.random() < self.eagerness:
            self._store_any(self.random.randrange(self.workers))
        if self.random.random() < self.haste:
            self.pause()
        if self.random.random() < self.restlessness:
            self._yield(worker, self.random.choice(sorted(self._busy)))

    def store_all(self, worker: int) -> None:
        while self.buffers[worker]:
            self.store(worker, 0)

    def _store_any(self, worker: int) -> None:
        if self.buffers[worker]:
            self.store(worker, self.random.randrange(len(self.buffers[worker])))

    def store(self, worker: int, which: int) -> None:
        """Let a store reach the memory, or the one to the same cell that was before it."""
        buffer = self.buffers[worker]
        cell, _ = buffer[which]
        first = next(index for index, (at, _) in enumerate(buffer) if at == cell)
        _, self.words[cell] = buffer.pop(first)

    def _yield(self, worker: int, to: int) -> None:
        if to != worker and self._switches:
            self._switches -= 1
            self._turns[to].release()
            self._turns[worker].acquire()

    def calm(self) -> None:
        """Nothing happens by itself from now on."""
        for worker in range(self.workers):
            self.store_all(worker)
        self.haste = self.restlessness = 0.0

    def run(self, work: Callable[[int], None]) -> None:
        """Let all workers do this at the same time."""
        errors: list[BaseException] = []

        def guarded(worker: int) -> None:
            self._turns[worker].acquire()
            try:
                work(worker)
            except BaseException as error:  # noqa: BLE001 - raised below
                errors.append(error)
            self._busy.discard(worker)
            if self._busy:
                self._turns[min(self._busy)].release()
            else:
                self._done.set()

        threads = [threading.Thread(target=guarded, args=(worker,), daemon=True) for worker in range(self.workers)]
        for thread in threads:
            thread.start()
        self._turns[0].release()
        assert self._done.wait(_LIMIT)
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]


class Words:
    """The memory as one worker sees it, and its barrier."""

    def __init__(self, world: World, worker: int) -> None:
        self._world = world
        self._worker = worker

    @overload
    def __getitem__(self, at: int, /) -> int: ...
    @overload
    def __getitem__(self, part: slice, /) -> "Part": ...
    def __getitem__(self, at: int | slice, /) -> "int | Part":
        return Part(self, range(at.start, at.stop)) if isinstance(at, slice) else self.read(at)

    @overload
    def __setitem__(self, part: slice, values: "memoryview[int]", /) -> None: ...
    @overload
    def __setitem__(self, at: int, value: int, /) -> None: ...
    def __setitem__(self, at: int | slice, value: "int | memoryview[int]", /) -> None:
        if isinstance(at, int):
            self._write(at, value if isinstance(value, int) else value[0])
        elif not isinstance(value, int):
            for where, each in zip(range(at.start, at.stop), value, strict=True):
                self._write(where, each)

    def read(self, at: int) -> int:
        self._world.step(self._worker)
        mine = [value for each, value in self._world.buffers[self._worker] if each == at]
        return mine[-1] if mine else self._world.words[at]

    def _write(self, at: int, value: int) -> None:
        assert 0 <= value < 2**64
        self._world.step(self._worker)
        self._world.buffers[self._worker].append((at, value))
        self._world.barriers[self._worker] = None

    def release(self) -> None:
        self._world.store_all(self._worker)
        if self._world.barriers[self._worker] is None:
            self._world.barriers[self._worker] = self._world.steps

    def acquire(self) -> bool:
        self._world.step(self._worker)
        return True


@dataclasses.dataclass(frozen=True)
class Part:
    """Some of the words, read when they are looked at."""

    words: Words
    where: range

    def __iter__(self) -> Iterator[int]:
        return map(self.words.read, self.where)


@dataclasses.dataclass
class Answered:
    """An admitted request. All but the times are steps."""

    began_at: float
    ended_at: float
    barrier: int
    ended: int
    reserved: int
    admission: Admission
    settled: float = math.inf
    used: int = 0

    def tokens(self, ended: int) -> int:
        """What it must have been counted with by one that ended then."""
        return self.reserved if self.settled > ended else min(self.reserved, self.used)


class Hammering:
    """All workers admit and settle requests of one meter, at random."""

    def __init__(self, world: World, rates: Rates, requests: int) -> None:
        self.world = world
        self.answered: list[Answered] = []
        self._requests = requests
        self.meters = [SharedMeter("t", rates, world.slot(worker)) for worker in range(world.workers)]

    def run(self) -> None:
        self.world.run(self._work)

    def _work(self, worker: int) -> None:
        choose, mine = self.world.random, list[Answered]()
        for _ in range(self._requests):
            if choose.random() < _IDLENESS:
                self.world.pause()
            if mine and choose.random() < 0.4:
                self._settle(mine.pop(choose.randrange(len(mine))))
            else:
                mine += self._ask(worker)
        for each in mine:
            self._settle(each)

    def _ask(self, worker: int) -> list[Answered]:
        world = self.world
        began, tokens = world.clock, world.random.randint(0, 40)
        admission = admit((self.meters[worker],), began, tokens)
        if not isinstance(admission, Admission):
            return []
        barrier = world.barriers[worker] or world.steps
        self.answered.append(Answered(began, world.clock, barrier, world.steps, tokens, admission))
        return self.answered[-1:]

    def _settle(self, one: Answered) -> None:
        used = self.world.random.choice((None, self.world.random.randint(0, 60)))
        one.settled, one.used = self.world.steps, one.reserved if used is None else used
        one.admission.settle(self.world.clock, used)
