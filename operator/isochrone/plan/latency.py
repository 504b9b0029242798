"""Expected round trips in whole microseconds: from sites to the centres of population, and between sites.

What a gateway has measured wins. All else is `geo.latency`'s estimate, computed for all pairs at once and rounded to
whole microseconds before anything is compared, so that a plan is the same wherever it is made.
"""

import functools
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from isochrone.geo.latency import EARTH_RADIUS_KM, TYPICAL, Point
from isochrone.geo.population import population
from isochrone.plan.world import World

Ints = npt.NDArray[np.int64]

UNREACHED: Final = 1_000_000
"""In place of a round trip that there is none for: three times as long as once around the earth, in microseconds."""


def rtts(here: Sequence[Point | None], there: Sequence[Point | None]) -> Ints:
    """A row for each point here, a column for each point there, in microseconds."""
    return _rtts(_radians(here), _radians(there))


def rtts_to_centres(here: Sequence[Point | None]) -> Ints:
    """A row for each point here, a column for each centre of population, in microseconds."""
    return _rtts(_radians(here), _centres())


@functools.cache
def _centres() -> "_Radians":
    return _radians([centre.point for centre in population()])


def _rtts(here: "_Radians", there: "_Radians") -> Ints:
    (north, east), (other_north, other_east) = here, there
    half = np.sin(np.subtract.outer(north, other_north) / 2) ** 2
    half += np.multiply.outer(np.cos(north), np.cos(other_north)) * np.sin(np.subtract.outer(east, other_east) / 2) ** 2
    km = 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(np.minimum(1.0, half)))
    micros = 1000 * (TYPICAL.last_mile_ms + 2 * km * TYPICAL.inflation / TYPICAL.fibre_km_per_ms)
    return np.where(np.isnan(micros), UNREACHED, np.rint(micros)).astype(np.int64)


class Between:
    """Round trips between sites, one row at a time."""

    def __init__(self, world: World) -> None:
        points = [site.point for site in world.sites]
        self._estimated = rtts(points, points)
        self._measured: dict[int, dict[int, int]] = {}
        index = world.site_index
        for (here, there), rtt in world.observed.rtts.items():
            if here in index and there in index:
                self._measured.setdefault(index[here], {})[index[there]] = rtt

    def row(self, site: int) -> list[int]:
        """From this site to each; to itself it is nothing."""
        found: list[int] = self._estimated[site].tolist()
        for there, rtt in self._measured.get(site, {}).items():
            found[there] = rtt
        found[site] = 0
        return found


_Radians = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]


def _radians(points: Sequence[Point | None]) -> _Radians:
    degrees = [(point.latitude, point.longitude) if point else (np.nan, np.nan) for point in points]
    turned = np.radians(degrees).reshape(len(points), 2)
    return turned[:, 0], turned[:, 1]
