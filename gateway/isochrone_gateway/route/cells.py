"""What workers show each other of their counts: words in memory that all of them map, without a lock.

A cell is an aligned word of 64 bits, written as a whole and by one worker only; nobody ever adds to a word that another
one writes. A meter has one slot:

    row     used      x workers    requests and tokens that the worker counts, in one word
            running   x workers    its requests that are admitted and not done
            second    x workers    the second that it is in, when it forgot what was too old; a count of corrections
    rings   64 cells  x workers    what it used in each second before that, at the second modulo 64

Whoever reads while a worker writes must see too much rather than too little. So a worker that enters a second shows
that before what it forgets; one that corrects the past adds to `used` first, and subtracts from the ring first; and a
reader that finds a worker's row changed takes what it shows as it is.
"""

import itertools
from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol, overload

from isochrone_gateway.route.limits import WINDOW_S

ROW: Final = 3
"""Cells of a row for each worker."""
RING: Final = 64
TOKENS_BITS: Final = 37
REQUEST: Final = 1 << TOKENS_BITS
"""One request, as a cell counts it; one token is 1."""
MOST_TOKENS: Final = REQUEST - 1
"""That all workers may show together, lest tokens spill over into requests."""
MOST_REQUESTS: Final = 2**27 - 1
CORRECTION: Final = 1 << 40
"""One correction of the past, as a cell counts it beside the second."""
SECOND: Final = CORRECTION - 1
WORD: Final = 2**64 - 1
_ZEROS: Final = memoryview(bytes(8 * RING)).cast("Q")


class Cells(Protocol):
    """Words of 64 bits. A part is a view of the same words."""

    @overload
    def __getitem__(self, at: int, /) -> int: ...
    @overload
    def __getitem__(self, part: slice, /) -> Iterable[int]: ...
    @overload
    def __setitem__(self, part: slice, values: "memoryview[int]", /) -> None: ...
    @overload
    def __setitem__(self, at: int, value: int, /) -> None: ...


class Barrier(Protocol):
    """A `threading.Lock` that is held and that nobody else uses: to release and acquire it puts memory in order.

    What was written before is then seen by everybody before what comes after is read. Stores and loads alone don't do
    that on any processor: a store waits in its core's buffer while later loads overtake it.
    """

    def release(self) -> None: ...
    def acquire(self) -> bool: ...


class Slot(NamedTuple):
    """The cells of one meter; those with `number` are ours."""

    cells: Cells
    row: int
    rings: int
    workers: int
    number: int
    barrier: Barrier

    def used_at(self, worker: int) -> int:
        return self.row + worker

    def running_at(self, worker: int) -> int:
        return self.row + self.workers + worker

    def second_at(self, worker: int) -> int:
        return self.row + 2 * self.workers + worker

    def ring_at(self, worker: int) -> int:
        return self.rings + RING * worker

    def order(self) -> None:
        """See `Barrier`."""
        self.barrier.release()
        self.barrier.acquire()

    def second(self, worker: int) -> int:
        return self.cells[self.second_at(worker)] & SECOND

    def skip(self, first: int, end: int) -> None:
        """Show that we used nothing in the seconds from the first to before the end."""
        cells, ring = self.cells, self.ring_at(self.number)
        start, count = first % RING, min(end - first, RING)
        wrapped = max(0, start + count - RING)
        cells[ring + start : ring + start + count - wrapped] = _ZEROS[: count - wrapped]
        cells[ring : ring + wrapped] = _ZEROS[:wrapped]

    def live(self, worker: int, ours: int) -> int:
        """What another worker has used in the minute before our second; or more, if it counts right now."""
        cells, second_at, used_at = self.cells, self.second_at(worker), self.used_at(worker)
        shown = cells[second_at], cells[used_at]
        second, used = shown[0] & SECOND, shown[1]
        if second >= ours or not used:
            return used
        if second < ours - WINDOW_S:
            return 0
        self.order()
        forgotten = sum(self._past(worker, second, ours - second))
        self.order()
        if (cells[second_at], cells[used_at]) != shown:
            return cells[used_at]
        return _minus(used, forgotten)

    def minute(self, ours: int) -> list[int]:
        """What all have used in each second of the minute before ours, oldest first, and in ours."""
        histories = (self.history(worker, ours) for worker in range(self.workers))
        return list(map(sum, itertools.zip_longest(*histories, fillvalue=0)))

    def history(self, worker: int, ours: int) -> list[int]:
        """The part of one worker in that."""
        second, used = self.second(worker), self.cells[self.used_at(worker)]
        if not used:
            return [0] * (WINDOW_S + 1)
        past = self._past(worker, second, WINDOW_S)
        seconds = [*past, _minus(used, sum(past))]
        if second > ours:
            return [0] * (second - ours) + seconds
        return seconds[ours - second :] + [0] * min(ours - second, WINDOW_S + 1)

    def _past(self, worker: int, second: int, count: int) -> list[int]:
        """So many cells of a worker's ring, from 60 seconds before its second."""
        ring, start = self.ring_at(worker), (second - WINDOW_S) % RING
        wrapped = max(0, start + count - RING)
        return [*self.cells[ring + start : ring + start + count - wrapped], *self.cells[ring : ring + wrapped]]

    def end(self) -> None:
        """Show that we have no running requests."""
        at = self.running_at(self.number)
        if self.cells[at]:
            self.cells[at] = 0

    def clear(self) -> None:
        """Forget what all have counted."""
        for at in range(self.row, self.row + ROW * self.workers):
            self.cells[at] = 0
        for worker in range(self.workers):
            self.cells[self.ring_at(worker) : self.ring_at(worker + 1)] = _ZEROS

    def copied(self) -> "Slot":
        """The same counts in memory that nobody else sees."""
        row, rings = ROW * self.workers, RING * self.workers
        cells = memoryview(bytearray(8 * (row + rings))).cast("Q")
        counts = (*self.cells[self.row : self.row + row], *self.cells[self.rings : self.rings + rings])
        for at, count in enumerate(counts):
            cells[at] = count
        return self._replace(cells=cells, row=0, rings=row)


def _minus(used: int, some: int) -> int:
    return max(0, requests_in(used) - requests_in(some)) * REQUEST + max(0, tokens_in(used) - tokens_in(some))


def requests_in(used: int) -> int:
    return used >> TOKENS_BITS


def tokens_in(used: int) -> int:
    return used & MOST_TOKENS
