"""One timer for all connections: a wheel of ticks.

A connection changes its deadline several times a request, nearly always to a later one. So that costs an attribute:
the wheel keeps each entry in one slot, and looks whether it is really due only when the slot comes up. Only an
earlier deadline moves an entry at once.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final, Protocol

NEVER: Final = math.inf
NOWHERE: Final = 1 << 62
"""The slot of an entry that is in no slot: later than all of them."""


class Loop(Protocol):
    """The part of an event loop that the server side needs."""

    def time(self) -> float: ...
    def call_soon(self, callback: Callable[[], object], /) -> object: ...
    def call_at(self, when: float, callback: Callable[[], object], /) -> asyncio.TimerHandle: ...


class Timed:
    """Something with a deadline. The wheel owns `slot`; `due` may be set at will, but `watch` if it became earlier."""

    __slots__ = ("due", "slot")

    def __init__(self) -> None:
        self.due = NEVER
        self.slot = NOWHERE

    def on_due(self, now: float) -> None:
        raise NotImplementedError


class Wheel:
    """Calls `on_due` of each entry at most a tick after its deadline. Asleep while it has no entries."""

    __slots__ = ("_handle", "_loop", "_slots", "_tick", "_turned")

    def __init__(self, loop: Loop, tick: float) -> None:
        self._loop = loop
        self._tick = tick
        self._slots: dict[int, set[Timed]] = {}
        self._turned = 0
        self._handle: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._slots.values()))

    def watch(self, entry: Timed) -> None:
        """See to it that the entry's slot is not later than its deadline."""
        if entry.due == NEVER:
            return
        slot = int(entry.due / self._tick) + 1
        if slot >= entry.slot:
            return
        self.forget(entry)
        if self._handle is None:
            self._turned = int(self._loop.time() / self._tick)
            self._schedule()
        entry.slot = slot = max(slot, self._turned + 1)
        entries = self._slots.get(slot)
        if entries is None:
            self._slots[slot] = {entry}
        else:
            entries.add(entry)

    def forget(self, entry: Timed) -> None:
        """Drop the entry at once: a closed connection must not stay in memory until its deadline."""
        entries = self._slots.get(entry.slot)
        if entries is not None:
            entries.discard(entry)
            if not entries:
                del self._slots[entry.slot]
        entry.slot = NOWHERE

    def _schedule(self) -> None:
        self._handle = self._loop.call_at((self._turned + 1) * self._tick, self._turn)

    def _turn(self) -> None:
        now = self._loop.time()
        self._turned = max(self._turned + 1, int(now / self._tick))
        for slot in sorted(slot for slot in self._slots if slot <= self._turned):
            for entry in self._slots.pop(slot, ()):
                entry.slot = NOWHERE
                if entry.due <= now:
                    entry.on_due(now)
                else:
                    self.watch(entry)
        if self._slots:
            self._schedule()
        else:
            self._handle = None
