"""The memory in which workers show each other what they count (see `route.cells`), and the meters that count there.

It grows by blocks of slots. A worker maps a block when it first has a meter in it, and what nobody touched takes no
memory: at 4 workers a meter takes 2 kB, once it is used.
"""

import mmap
import os
import threading
from collections.abc import Mapping
from typing import Final

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.cells import RING, ROW, Slot
from isochrone_gateway.route.limits import Meter
from isochrone_gateway.route.sharing import SharedMeter
from isochrone_gateway.server.supervisor.slots import key

_BLOCK: Final = 1024
"""Slots of a block."""
_CELL: Final = 8


def _barrier() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Counts:
    """The cells of all meters."""

    def __init__(self, workers: int, descriptor: int | None = None) -> None:
        """Share the memory behind the descriptor; without one, make new memory."""
        self._workers = workers
        needed = _BLOCK * (ROW + RING) * workers * _CELL
        self._length = needed + -needed % mmap.ALLOCATIONGRANULARITY
        self._blocks: dict[int, memoryview[int]] = {}
        self._barrier = _barrier()
        self.descriptor = os.memfd_create("counts") if descriptor is None else descriptor

    def grow(self, slots: int) -> None:
        """Have room for so many slots. Only who made the memory may do this, and before anybody uses them."""
        os.ftruncate(self.descriptor, max(os.fstat(self.descriptor).st_size, -(-slots // _BLOCK) * self._length))

    def slot(self, slot: int, number: int) -> Slot:
        """The cells of a slot, for the worker with this number."""
        block, at = divmod(slot, _BLOCK)
        if block not in self._blocks:
            mapped = mmap.mmap(self.descriptor, self._length, offset=block * self._length)
            self._blocks[block] = memoryview(mapped).cast("Q")
        return Slot(
            cells=self._blocks[block],
            row=at * ROW * self._workers,
            rings=(_BLOCK * ROW + at * RING) * self._workers,
            workers=self._workers,
            number=number,
            barrier=self._barrier,
        )

    def clear(self, slot: int) -> None:
        """Forget all that was counted in a slot that nobody uses."""
        self.slot(slot, 0).clear()

    def leave(self, number: int, slots: int) -> None:
        """A worker has ended, and its requests with it. What it used in this minute still counts."""
        for each in range(slots):
            self.slot(each, number).end()

    def close(self) -> None:
        self._blocks.clear()
        os.close(self.descriptor)


class Meters:
    """One worker's meters, in the slots that the supervisor gave them."""

    def __init__(self, counts: Counts, number: int) -> None:
        self._counts = counts
        self._number = number
        self._running: Mapping[str, int] = {}
        self._next: Mapping[str, int] = {}
        self._made: dict[str, SharedMeter] = {}

    def expect(self, slots: Mapping[str, int]) -> None:
        """A config with these slots is about to be prepared."""
        self._next = slots

    def make(self, name: str, rates: Rates) -> Meter:
        if rates == Rates():
            return Meter(name, rates)
        wanted = key(name, rates)
        # Also while another config is prepared, or was refused, the running one may come to need a meter.
        slot = self._next[wanted] if wanted in self._next else self._running[wanted]
        made = SharedMeter(name, rates, self._counts.slot(slot, self._number))
        self._made[wanted] = made
        return made

    def keep(self, slots: Mapping[str, int]) -> None:
        """A config with these slots runs. What else there was goes on alone; it ends with the last of its requests."""
        self._running = slots
        for gone in [each for each in self._made if each not in slots]:
            self._made.pop(gone).detach()
