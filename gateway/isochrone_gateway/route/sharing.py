"""Limits that several workers keep together: never more than the limit, with no lock and no message between them.

Each worker counts for itself, as `limits` does, and shows it to the others in cells (see `cells`). To admit a request,
it first adds it to its own cells, and then reads those of all. If that is more than the limit, it takes its own back
and refuses. Of two that do so at once, at least one sees the other, so together they never admit too much. Both may
refuse, although one would have fitted.

What the others have used is never taken for less than it is. Who had no request for a while did not forget either, so
what it shows is too high; only where that would refuse a request, its ring is read for what it should have forgotten.

All workers take their seconds from one clock. One that ends leaves what it used in its cells, and the next worker with
its number goes on from there. Its running requests ended with it: who waited for its end sets that cell to zero.
"""

import math
from collections.abc import Iterable, Sequence

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.cells import (
    CORRECTION,
    MOST_REQUESTS,
    MOST_TOKENS,
    REQUEST,
    RING,
    SECOND,
    TOKENS_BITS,
    WORD,
    Slot,
    requests_in,
    tokens_in,
)
from isochrone_gateway.route.limits import WINDOW_S, Exceeded, Limit, Meter, Window


class SharedMeter(Meter):
    """The limits of one tenant or provider, kept by all workers together."""

    __slots__ = (
        "_acquire",
        "_all_running",
        "_all_seconds",
        "_all_used",
        "_cells",
        "_minute",
        "_most_shown",
        "_others",
        "_release",
        "_ring_at",
        "_running_at",
        "_second",
        "_second_at",
        "_seen",
        "_slot",
        "_used",
        "_used_at",
    )

    def __init__(self, name: str, rates: Rates, slot: Slot) -> None:
        super().__init__(name, rates)
        self._most_shown = MOST_TOKENS // slot.workers
        for window, most in ((self.requests, MOST_REQUESTS), (self.tokens, self._most_shown)):
            if window is not None:
                window.room = window.most = min(window.most, most)
        self._second = -1
        """The second that we are in; -1 before the first request."""
        self._used = 0
        """What our cell shows."""
        self._seen: tuple[int, ...] = ()
        self._minute: list[tuple[int, int]] = []
        self._others = 0
        self._acquire, self._release = slot.barrier.acquire, slot.barrier.release
        self._bind(slot)

    def detach(self) -> None:
        """Go on alone from what all have counted. The slot may then be given to another meter."""
        self._bind(self._slot.copied())

    def _bind(self, slot: Slot) -> None:
        self._slot, self._cells = slot, slot.cells
        self._used_at, self._running_at = slot.used_at(slot.number), slot.running_at(slot.number)
        self._second_at, self._ring_at = slot.second_at(slot.number), slot.ring_at(slot.number)
        self._all_used = slot.cells[slot.used_at(0) : slot.used_at(slot.workers)]
        self._all_running = slot.cells[slot.running_at(0) : slot.running_at(slot.workers)]
        self._all_seconds = slot.cells[slot.second_at(0) : slot.second_at(slot.workers)]

    # What we count, and show.

    def _take(self, now: float, tokens: int) -> list[int] | Exceeded | None:
        used, entry = self._used, None
        if self.requests is not None:
            self.requests.take(now, 1)
            used += REQUEST
        if self.tokens is not None:
            entry = self.tokens.take(now, tokens)
            used += tokens
        self._cells[self._used_at] = self._used = used
        self._concurrent = running = self._concurrent + 1
        if self._most_concurrent is not None:
            self._cells[self._running_at] = running
        self._order()
        limit = self._look()
        if limit is not None:
            limit = self._look_closer()
        if limit is None:
            return entry
        self._undo(tokens)
        self._gather()
        return self._exceeded(limit, now, tokens)

    def _undo(self, tokens: int) -> None:
        super()._undo(tokens)
        self._show_used()
        if self._most_concurrent is not None:
            self._cells[self._running_at] = self._concurrent

    def _give_back(self, now: float, entry: list[int] | None, difference: int) -> None:
        if now >= self._until:
            self._advance(now)
        self._concurrent = running = self._concurrent - 1
        if self._most_concurrent is not None:
            self._cells[self._running_at] = running
        if self.tokens is not None and entry is not None and difference:
            self._settle(self.tokens, now, entry, difference)

    def _settle(self, tokens: Window, now: float, entry: list[int], difference: int) -> None:
        before = tokens.used
        if difference > 0:
            difference = min(difference, self._most_shown - before)
        tokens.settle(now, entry, difference)
        change = tokens.used - before
        is_past = entry is not tokens.newest
        if is_past and change < 0:
            self._correct(entry[0], change)
            self._order()
        self._cells[self._used_at] = self._used = self._used + change
        if is_past and change > 0:
            self._order()
            self._correct(entry[0], change)

    def _order(self) -> None:
        """As `Slot.order`, which isn't compiled."""
        self._release()
        self._acquire()

    def _correct(self, second: int, change: int) -> None:
        cells, second_at = self._cells, self._second_at
        cells[self._ring_at + second % RING] += change
        cells[second_at] = cells[second_at] + CORRECTION & WORD

    # What the others show.

    def _look(self) -> Limit | None:
        """See what the others leave, or less. Gives a limit that is exceeded then."""
        exceeded = None
        others = sum(self._all_used) - self._used
        window = self.tokens
        if window is not None:
            window.room = room = window.most - (others & MOST_TOKENS)
            if window.used > room:
                exceeded = Limit.TOKENS
        window = self.requests
        if window is not None:
            window.room = room = window.most - (others >> TOKENS_BITS)
            if window.used > room:
                exceeded = Limit.REQUESTS
        if self._most_concurrent is not None:
            self._room = room = self._most_concurrent - sum(self._all_running) + self._concurrent
            if self._concurrent > room:
                exceeded = Limit.CONCURRENT
        return exceeded

    def _look_closer(self) -> Limit | None:
        """As `_look`, without what the others should have forgotten."""
        slot = self._slot
        self._leave(sum(slot.live(worker, self._second) for worker in range(slot.workers) if worker != slot.number))
        return self._short_of(0, 0)

    def _refuse(self, now: float, tokens: int) -> Exceeded | None:
        self._look()
        limit = self._short_of(1, tokens)
        if limit is None:
            return None
        if limit is not Limit.CONCURRENT:
            self._gather()
            self._leave(self._others)
        return super()._refuse(now, tokens)

    def _leave(self, others: int) -> None:
        """Take this as what the others have used."""
        for window, part in ((self.requests, requests_in), (self.tokens, tokens_in)):
            if window is not None:
                window.room = window.most - part(others)

    def _gather(self) -> None:
        """See what all have used in each second; only once for all requests that are refused for the same reason."""
        seen = (*self._all_used, *self._all_seconds)
        if seen != self._seen:
            minute = self._slot.minute(self._second)
            self._minute = [(second, used) for second, used in enumerate(minute, self._second - WINDOW_S) if used]
            self._others = sum(minute) - self._used
            self._seen = seen

    def _seconds_of(self, window: Window) -> Iterable[Sequence[int]]:
        part = requests_in if window is self.requests else tokens_in
        return ((second, part(used)) for second, used in self._minute)

    # Time.

    def _advance(self, now: float) -> None:
        if self._second < 0:
            self._recover()
        second = math.floor(now)
        if second > self._second:
            self._enter(second, self._second)
            super()._advance(now)
            self._show_used()
        self._until = self._second + 1.0

    def _enter(self, second: int, before: int) -> None:
        """Show what we used in the second before, and that the next one has begun."""
        cells, second_at = self._cells, self._second_at
        used = 0 if self.requests is None else self.requests.newest[1] * REQUEST
        if self.tokens is not None:
            used += self.tokens.newest[1]
        cells[self._ring_at + before % RING] = used
        if second > before + 1:
            self._slot.skip(before + 1, second)
        cells[second_at] = cells[second_at] & ~SECOND | second
        self._order()
        self._second = second

    def _recover(self) -> None:
        """Go on from what a worker with our number has left; in a new slot that is nothing."""
        slot = self._slot
        self._second = slot.second(slot.number)
        for window, part in ((self.requests, requests_in), (self.tokens, tokens_in)):
            if window is not None:
                history = slot.history(slot.number, self._second)
                seconds = enumerate(map(part, history), self._second - WINDOW_S)
                window.restore([[second, used] for second, used in seconds if used or second == self._second])
        self._show_used()

    def _show_used(self) -> None:
        used = 0 if self.requests is None else self.requests.used * REQUEST
        if self.tokens is not None:
            used += self.tokens.used
        self._cells[self._used_at] = self._used = used
