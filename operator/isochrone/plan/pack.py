"""Devices on nodes: whether replicas fit, each on one node, beside all that is there already.

Whether some replicas fit depends on how many of which size there are, not on the order in which they came: what fits
today fits tomorrow, and less of it fits as well. Sizes that divide one another (1, 2, 4, 8) leave nothing to chance: a
larger replica takes the same number of slots of each smaller size, whichever node it is put on. So counting slots is
exact. Other sizes are tried out, largest first, for a bounded number of steps.
"""

import collections
import functools
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

Load = Mapping[int, int]
"""Devices per replica -> number of such replicas."""

STEPS: Final = 20_000
"""How many ways are tried before sizes that don't divide one another count as too many."""
SEARCHED: Final = 200
"""How many replicas of such sizes are tried out; of more, only the obvious way is tried."""


class Bin:
    """One pool at one site."""

    __slots__ = ("_load", "_room", "free")

    def __init__(self, free: Iterable[int]) -> None:
        self.free: Final = tuple(free)
        self._load: dict[int, int] = {}
        self._room: dict[tuple[int, int], int] = {}

    def room(self, devices: int, wanted: int) -> int:
        """How many more replicas of this size fit, at most as many as are wanted."""
        found = self._room.get((devices, wanted))
        if found is None:
            divide = _divide(sorted({*self._load, devices}))
            found = min(wanted, self._slots_left(devices)) if divide else self._tried(devices, wanted)
            self._room[devices, wanted] = found
        return found

    def fits(self) -> bool:
        """Whether all that was put here fits."""
        return fits(self.free, self._load)

    def put(self, devices: int, replicas: int) -> None:
        """Takes room for some replicas, or with a negative number gives it back."""
        self._room.clear()
        left = self._load.get(devices, 0) + replicas
        if left:
            self._load[devices] = left
        else:
            self._load.pop(devices, None)

    def free_devices(self) -> int:
        """Devices that nothing holds; more than any one replica may be able to use."""
        return sum(self.free) - sum(size * count for size, count in self._load.items())

    def _slots_left(self, devices: int) -> int:
        """Of each size up to the new one, slots there are, less those that are used; the scarcest decides."""
        sizes = (size for size in (devices, *self._load) if size <= devices)
        left = min(slots(self.free, size) * size - _used(self._load, size) for size in sizes)
        return max(0, left // devices)

    def _tried(self, devices: int, wanted: int) -> int:
        low, high = 0, min(wanted, slots(self.free, devices))
        while low < high:
            middle = (low + high + 1) // 2
            load = {**self._load, devices: self._load.get(devices, 0) + middle}
            low, high = (middle, high) if fits(self.free, load) else (low, middle - 1)
        return low


@functools.lru_cache(maxsize=65_536)
def slots(free: tuple[int, ...], devices: int) -> int:
    """How many replicas of one size an empty pool takes."""
    return sum(each // devices for each in free)


def fits(free: Iterable[int], load: Load) -> bool:
    """Whether each of these replicas can be put on a node."""
    nodes = tuple(free)
    sizes = sorted(load, reverse=True)
    if any(slots(nodes, size) * size < _used(load, size) for size in sizes):
        return False
    if _divide(sizes[::-1]):
        return True
    replicas = [size for size in sizes for _ in range(load[size])]
    if _best_fit(collections.Counter(nodes), replicas):
        return True
    return len(replicas) <= SEARCHED and _search(collections.Counter(nodes), replicas, iter(range(STEPS)))


def with_room_for(there: Load, free: tuple[int, ...], *, most: int) -> tuple[int, ...]:
    """What is free, so that it holds what is known to be there: nobody holds devices that somebody else holds.

    Where the two don't add up, a replica that has no room gets a node of its own, and the others lose as much: but no
    more than `most` devices in all, which is what the pool has.
    """
    if fits(free, there):
        return free
    left, own = list(free), []
    for size in sorted(there, reverse=True):
        for _ in range(there[size]):
            room = min((room for room in left if room >= size), default=None)
            if room is None:
                own.append(size)
            else:
                left[left.index(room)] -= size
    return _rearranged(free, left, own, most)


def _rearranged(free: tuple[int, ...], left: list[int], own: list[int], most: int) -> tuple[int, ...]:
    nodes, owed = list(free), sum(own)
    for at in sorted(range(len(nodes)), key=left.__getitem__):
        given = min(left[at], owed)
        nodes[at] -= given
        owed -= given
    while sum(nodes) + sum(own) > most:
        own.pop()
    return (*nodes, *own)


def _used(load: Load, least: int) -> int:
    """Devices that replicas of at least this size hold, in whole slots of it."""
    return sum(size // least * least * count for size, count in load.items())


def _divide(sizes: list[int]) -> bool:
    """Whether each size divides the next."""
    return all(larger % smaller == 0 for smaller, larger in itertools.pairwise(sizes))


def _best_fit(nodes: collections.Counter[int], replicas: list[int]) -> bool:
    """Puts each where it leaves least."""
    for size in replicas:
        room = min((room for room, count in nodes.items() if count and room >= size), default=None)
        if room is None:
            return False
        nodes[room] -= 1
        nodes[room - size] += 1
    return True


def _search(nodes: collections.Counter[int], replicas: list[int], steps: Iterator[int], at: int = 0) -> bool:
    """Puts the largest first, on each kind of node that has room, the fullest first."""
    if at == len(replicas):
        return True
    if next(steps, None) is None:
        return False
    size = replicas[at]
    for room in sorted(room for room, count in nodes.items() if count and room >= size):
        nodes[room] -= 1
        nodes[room - size] += 1
        found = _search(nodes, replicas, steps, at + 1)
        nodes[room] += 1
        nodes[room - size] -= 1
        if found:
            return True
    return False
