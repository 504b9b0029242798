"""Requests that wait while no engine of their route is ready.

The queue is bounded in length and in time, and what waits in it is the demand by which a route is scaled up. First
come, first served. Items are whatever the caller has to wake up.
"""

import collections
from typing import Final, Generic, TypeVar

import msgspec

from isochrone_gateway.config.routes import Queue

_T = TypeVar("_T")

_MILLISECONDS: Final = 1_000


class Held(msgspec.Struct, Generic[_T]):
    """One request that waits."""

    item: _T
    since: float
    deadline: float
    is_waiting: bool = True


class Demand(msgspec.Struct, frozen=True, gc=False):
    """What waits now and what came and went, for metrics and for whoever scales."""

    waiting: int
    longest_s: float
    held: int
    released: int
    expired: int
    refused: int


class HoldQueue(Generic[_T]):
    """The queue of one route. `now` is monotonic seconds."""

    __slots__ = ("_expired", "_held", "_items", "_refused", "_released", "_settings", "_waiting")

    def __init__(self, settings: Queue) -> None:
        self._settings = settings
        self._items: collections.deque[Held[_T]] = collections.deque()
        self._waiting = self._held = self._released = self._expired = self._refused = 0

    def __len__(self) -> int:
        return self._waiting

    def offer(self, item: _T, now: float, deadline: float) -> Held[_T] | None:
        """Let a request wait, at most until its own deadline; None if there is no room or no time."""
        until = min(deadline, now + self._settings.max_wait_ms / _MILLISECONDS)
        if self._waiting >= self._settings.max_requests or until <= now:
            self._refused += 1
            return None
        held = Held(item, now, until)
        self._items.append(held)
        self._waiting += 1
        self._held += 1
        return held

    def leave(self, held: Held[_T]) -> None:
        """The request doesn't wait any more: its client is gone."""
        if held.is_waiting:
            held.is_waiting = False
            self._waiting -= 1
            self._trim()

    def release(self, count: int) -> list[_T]:
        """Take the requests that waited longest, because there is room for so many."""
        taken: list[_T] = []
        while self._items and len(taken) < count:
            held = self._items.popleft()
            if held.is_waiting:
                held.is_waiting = False
                taken.append(held.item)
        self._waiting -= len(taken)
        self._released += len(taken)
        return taken

    def expire(self, now: float) -> list[_T]:
        """Take the requests whose time is over."""
        late = [held for held in self._items if held.is_waiting and held.deadline <= now]
        for held in late:
            held.is_waiting = False
        self._waiting -= len(late)
        self._expired += len(late)
        self._trim()
        return [held.item for held in late]

    def next_deadline(self) -> float | None:
        """When `expire` has something to do next."""
        return min((held.deadline for held in self._items if held.is_waiting), default=None)

    def demand(self, now: float) -> Demand:
        """What waits now and what came and went."""
        self._trim()
        longest = now - self._items[0].since if self._items else 0.0
        return Demand(self._waiting, longest, self._held, self._released, self._expired, self._refused)

    def _trim(self) -> None:
        """Drop those that left, so that the deque is never longer than twice the queue."""
        items = self._items
        while items and not items[0].is_waiting:
            items.popleft()
        if len(items) > 2 * max(self._waiting, 8):
            self._items = collections.deque(held for held in items if held.is_waiting)
