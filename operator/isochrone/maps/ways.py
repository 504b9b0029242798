"""The ways from large origins to the sites that answer them."""

import collections
import dataclasses
import math
from collections.abc import Sequence

from isochrone.geo.latency import Point
from isochrone.maps import globe
from isochrone.maps.scene import Origin
from isochrone.maps.sheet import Sheet

_MOST, _MOST_PER_SITE = 8, 2
"""The few largest tell how far it is; more would hide the map, and two from one country tell the same."""
_SHORTEST = 45.0
"""On the page; what is shorter says nothing that the colours don't."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """From an origin to the site that answers it."""

    origin: Origin
    site: str
    line: globe.Line

    @property
    def middle(self) -> Point:
        """Half-way."""
        east, north = self.line[len(self.line) // 2]
        return Point(north, (east + 180) % 360 - 180)


def largest(sheet: Sheet) -> Sequence[Way]:
    """Those of the largest origins that have their site at some distance."""
    points, found = sheet.points, list[Way]()
    drawn: collections.Counter[str] = collections.Counter()
    for origin in sorted(sheet.scene.origins, key=lambda origin: origin.rank):
        site = origin.site or ""
        if len(found) == _MOST:
            break
        if site not in points or drawn[site] == _MOST_PER_SITE or not _is_long(sheet, origin.point, points[site]):
            continue
        drawn[site] += 1
        found.append(Way(origin=origin, site=site, line=globe.great_circle(origin.point, points[site])))
    return found


def _is_long(sheet: Sheet, here: Point, there: Point) -> bool:
    start = sheet.frame.at(here)
    return sheet.frame.box.has(start) and math.dist(start, sheet.frame.at(there)) >= _SHORTEST
