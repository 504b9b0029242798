"""How old what was removed was, by what checkpoints had said of it while it was there."""

import bisect
import dataclasses
import datetime as dt
import math
from array import array
from collections.abc import Iterable
from typing import Final

_SLACK: Final = 3_600.0
"""Seconds in which a checkpoint surely says what was written: one is due each 10."""


class Growth:
    """When checkpoints said how far a chain had come. Its name says when it began; no checkpoint makes that earlier."""

    def __init__(self, chain: str) -> None:
        self._counts = array("q")
        self._times = array("d", [_began(chain)])
        """The last at which the chain was shorter than the count at the same place; and one after all counts."""

    def add(self, count: int, at: float) -> None:
        """A checkpoint of this time says so many lines: more than those before did."""
        self._counts.append(count)
        self._times.append(max(at, self._times[-1]))

    def without(self, count: int) -> float:
        """The last time, in Unix seconds, at which the chain was shorter: its line of this number was written later."""
        return self._times[bisect.bisect_left(self._counts, count)]


def _began(chain: str) -> float:
    try:
        return dt.datetime.strptime(chain.split("-")[-2], "%Y%m%dT%H%M%S%z").timestamp()
    except (IndexError, ValueError):
        return -math.inf  # Nobody knows, so it may be as old as it has to be.


@dataclasses.dataclass(frozen=True, slots=True)
class Removal:
    """A checkpoint says that a chain's first `count` lines are removed; the last of them had at most this age."""

    chain: str
    count: int
    age: float


def early(removals: Iterable[Removal], keep: float) -> dict[str, Removal]:
    """Chain -> its youngest lines that were removed before they were `keep` seconds old."""
    found: dict[str, Removal] = {}
    for each in removals:
        if each.age < keep - _SLACK:
            found[each.chain] = min(found.get(each.chain, each), each, key=lambda removal: removal.age)
    return found
