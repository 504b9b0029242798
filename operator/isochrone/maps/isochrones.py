"""What lies within equal round trips of the sites that have engines, after the model in `geo.latency`.

Each is the union of circles on the globe: first the rims of all circles, then all their insides over them, so that only
the outer rim is left.
"""

import dataclasses
from collections.abc import Iterator, Sequence

from isochrone.geo.latency import Point, distance_km, reach_km
from isochrone.maps import colours, globe
from isochrone.maps.shapes import Ink, Path, Shape
from isochrone.maps.sheet import Sheet

_ALIKE = 0.06
"""A circle adds nothing beside one whose middle is nearer than this part of their radius."""
_RIM = Ink(stroke=colours.CONTOUR, width=1.6)
_PARTS_OF_CIRCLE = 16
_FINE, _COARSE, _MANY = 144, 48, 60
"""Corners of a circle; where there are many, little of each is to be seen."""


@dataclasses.dataclass(frozen=True, slots=True)
class Mark:
    """A point on an isochrone."""

    rtt: int
    point: Point


def draw(sheet: Sheet) -> Iterator[Shape]:
    """The areas, largest first."""
    points = _serving(sheet)
    for rtt, colour in zip(sheet.rtts, colours.REACH, strict=True) if points else ():
        km = reach_km(rtt)
        areas = sheet.frame.areas(
            [globe.circle(point, km, corners=_FINE if len(points) < _MANY else _COARSE) for point in _apart(points, km)]
        )
        yield Path(lines=areas, is_closed=True, ink=_RIM)
        yield Path(lines=areas, is_closed=True, ink=Ink(fill=colour))


def marks(sheet: Sheet) -> Iterator[Mark]:
    """Where to write how long it takes: one point on each isochrone, southernmost on that of the largest site."""
    points = _serving(sheet)
    for rtt in sheet.rtts:
        km = reach_km(rtt)
        rim = (corner for point in points[:_PARTS_OF_CIRCLE] for corner in _around(point, km))
        seen = (corner for corner in rim if sheet.frame.shows(corner))
        outer = (corner for corner in seen if all(distance_km(corner, other) > km * 0.99 for other in points))
        found = next(outer, None)
        if found is not None:
            yield Mark(rtt, found)


def _around(point: Point, km: float) -> Sequence[Point]:
    """Points on a circle, in turn from the south."""
    ring = globe.circle(point, km, corners=_PARTS_OF_CIRCLE)[:_PARTS_OF_CIRCLE]
    half = _PARTS_OF_CIRCLE // 2
    return [Point(north, (east + 180) % 360 - 180) for east, north in [*ring[half:], *ring[:half]]]


def _serving(sheet: Sheet) -> Sequence[Point]:
    return [point for name, point in sheet.points.items() if sheet.sites[name].is_serving]


def _apart(points: Sequence[Point], km: float) -> Sequence[Point]:
    """Without those whose circle lies all but within that of another."""
    kept: list[Point] = []
    for point in points:
        if all(distance_km(point, other) > km * _ALIKE for other in kept):
            kept.append(point)
    return kept
