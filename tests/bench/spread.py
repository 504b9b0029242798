"""Several values of one thing: the median, and how far they lie apart. And ratios of two things taken in turn."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Spread:
    """The median, the least and the greatest of some values."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Iterable[float | None]) -> Spread | None:
    """Of those that there are."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Spread(median=statistics.median(known), low=min(known), high=max(known), count=len(known))


def ratios(ours: Sequence[float | None], theirs: Sequence[float | None]) -> Spread | None:
    """Of values that were taken in the same round: what slowed down a round slowed down both.

    Where one was measured in fewer rounds, only the rounds that both were in count.
    """
    return spread(
        own / other for own, other in zip(ours, theirs, strict=False) if own is not None and other is not None and other
    )


def differences(ours: Sequence[float | None], theirs: Sequence[float | None]) -> list[float | None]:
    """What ours has more than theirs, in each round that both were in."""
    return [None if own is None or other is None else own - other for own, other in zip(ours, theirs, strict=False)]
