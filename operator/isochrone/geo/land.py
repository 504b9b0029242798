"""Where there is land, for maps: Natural Earth's 1:50 million, thinned out to a tenth of a degree.

Borders of countries are left out on purpose: which code a place has says which list ISO keeps it on, not whose it is,
and a line on a map would say more than that.
"""

import functools
import itertools
from collections.abc import Iterator, Sequence

from isochrone.geo import tables

Ring = tuple[tuple[float, float], ...]
"""Corners in degrees east and north, the last one the same as the first. Across the date line they go on past 180."""

_PER_DEGREE = 10


@functools.cache
def land() -> tuple[Ring, ...]:
    """The outlines of continents and islands clockwise, that of the Caspian Sea the other way around."""
    import json

    return tuple(tuple(_corners(steps)) for steps in json.loads(tables.text("land.json")))


def _corners(steps: Sequence[int]) -> Iterator[tuple[float, float]]:
    """From steps in tenths of a degree to degrees."""
    easts, norths = itertools.accumulate(steps[::2]), itertools.accumulate(steps[1::2])
    for east, north in zip(easts, norths, strict=True):
        yield east / _PER_DEGREE, north / _PER_DEGREE
