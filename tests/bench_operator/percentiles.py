"""Percentiles, as they are: a value that was measured, not one between two."""

from collections.abc import Sequence


def percentile(values: Sequence[float], percent: int) -> float:
    """The least value that at least so many percent of all are not above (nearest rank)."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(rank, 1) - 1]
