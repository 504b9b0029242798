"""Which part of the world is shown, and where on the page a point of it is."""

import dataclasses
import math
from collections.abc import Iterable, Sequence

from isochrone.geo.latency import Point
from isochrone.maps import globe
from isochrone.maps.projection import Azimuthal, EqualEarth, Projection
from isochrone.maps.shapes import Box, Corner

_MARGIN = 1.5
"""How much more than the sites themselves a map of a region shows."""
_LEAST, _MOST = math.radians(9), math.radians(41)
"""Half of the height that a map of a region has at least, and half of the width that it may have."""
_SOUTH, _NORTH = -56.0, 78.0
"""What a map of the world shows at least: all land where many people live."""
_ROOM = 3.0
"""Degrees beyond the southernmost and northernmost point."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A part of the world on a part of the page."""

    projection: Projection
    box: Box
    scale: float
    """Page over globe of radius 1."""
    middle: Corner
    """What of the projection is in the middle of the box."""
    is_world: bool

    def at(self, point: Point) -> Corner:
        """Where a point is on the page, which may be outside of the box."""
        window = self.projection.window
        turn = math.floor((point.longitude - window.west) / 360) * 360
        return self._on_page(point.longitude - turn, point.latitude)

    def shows(self, point: Point) -> bool:
        return self.box.has(self.at(point))

    def areas(self, rings: Iterable[globe.Line]) -> list[Sequence[Corner]]:
        """Areas of the globe on the page, those that are out of sight left out."""
        return self._seen(globe.rings_within(rings, self.projection.window))

    def line(self, line: globe.Line) -> list[Sequence[Corner]]:
        """A line on the globe as lines on the page."""
        return self._seen(globe.lines_within(line, self.projection.window))

    def outline(self) -> list[Sequence[Corner]]:
        """The edge of the map."""
        if self.is_world:
            return self.areas([[(-180, -90), (-180, 90), (180, 90), (180, -90), (-180, -90)]])
        return [_corners(self.box)]

    def _on_page(self, longitude: float, latitude: float) -> Corner:
        x, y = self.projection.project(longitude, latitude)
        return (
            self.box.left + self.box.width / 2 + (x - self.middle[0]) * self.scale,
            self.box.top + self.box.height / 2 - (y - self.middle[1]) * self.scale,
        )

    def _seen(self, lines: Iterable[globe.Line]) -> list[Sequence[Corner]]:
        placed = ([self._on_page(x, y) for x, y in line] for line in lines)
        return [line for line in placed if _around(line).overlaps(self.box)]


def of(sites: Sequence[Point], others: Sequence[Point], box: Box) -> Frame:
    """The region that the sites are in, if it is one; else the world, as far north and south as there is anything."""
    return (_region(sites, box) if sites else None) or _world([*sites, *others], box)


def _region(sites: Sequence[Point], box: Box) -> Frame | None:
    middle = globe.middle_of(sites)
    projection = Azimuthal(middle.longitude, middle.latitude)
    around = _around([projection.project(point.longitude, point.latitude) for point in sites])
    height = max(around.height * _MARGIN, 2 * _LEAST, around.width * _MARGIN * box.height / box.width)
    if height * box.width / box.height > 2 * _MOST:
        return None
    return Frame(
        projection=projection,
        box=box,
        scale=box.height / height,
        middle=(around.left + around.width / 2, around.top + around.height / 2),
        is_world=False,
    )


def _world(points: Sequence[Point], box: Box) -> Frame:
    projection = EqualEarth()
    south = max(-90.0, min([_SOUTH, *(point.latitude - _ROOM for point in points)]))
    north = min(90.0, max([_NORTH, *(point.latitude + _ROOM for point in points)]))
    (_, bottom), (_, top) = (projection.project(0, latitude) for latitude in (south, north))
    width, pole = projection.project(projection.meridian + 180, 0)[0] * 2, projection.project(0, 90)[1]
    scale = min(box.width / width, box.height / (top - bottom))
    spare = max(0.0, pole - box.height / scale / 2)
    middle = max(-spare, min(spare, (top + bottom) / 2))
    return Frame(projection=projection, box=box, scale=scale, middle=(0.0, middle), is_world=True)


def _around(corners: Sequence[Corner]) -> Box:
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def _corners(box: Box) -> Sequence[Corner]:
    return [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]
