"""Lines on the globe, in degrees east and north, and what of them lies in a window."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence

from isochrone.geo.latency import EARTH_RADIUS_KM, Point
from isochrone.maps.projection import Window

Corner = tuple[float, float]
Line = Sequence[Corner]

_TURN = 360.0
_STEP = 3.0
"""Degrees; a longer side is bent by projection, so it gets corners on its way."""


def circle(middle: Point, km: float, *, corners: int = 144) -> Line:
    """What is this far from a point, as a closed ring. Around a pole it runs by way of the pole, so that it has an
    inside on the flat map too. Clockwise, as seen from above.
    """
    angle = km / EARTH_RADIUS_KM
    ring = unrolled([_towards(middle, math.tau * i / corners, angle) for i in range(corners + 1)])
    turned = ring[-1][0] - ring[0][0]
    if abs(turned) < _TURN / 2:
        return ring
    pole = math.copysign(90.0, middle.latitude)
    return [*ring, (ring[-1][0], pole), (ring[0][0], pole), ring[0]]


def _towards(start: Point, bearing: float, angle: float) -> Corner:
    """Where one gets from a point, going straight ahead; all in radians but the result."""
    north = math.radians(start.latitude)
    sine = math.sin(north) * math.cos(angle) + math.cos(north) * math.sin(angle) * math.cos(bearing)
    east = math.atan2(math.sin(bearing) * math.sin(angle) * math.cos(north), math.cos(angle) - math.sin(north) * sine)
    return start.longitude + math.degrees(east), math.degrees(math.asin(max(-1.0, min(1.0, sine))))


def great_circle(here: Point, there: Point, *, steps: int = 48) -> Line:
    """The shortest way, with points in between: a straight line through space, seen from the middle of the earth."""
    start, end = _vector(here), _vector(there)
    angle = math.acos(max(-1.0, min(1.0, sum(a * b for a, b in zip(start, end, strict=True)))))
    if math.sin(angle) < 1e-6:  # noqa: PLR2004 - one and the same place, or one opposite: any way is as short
        return [(here.longitude, here.latitude), (there.longitude, there.latitude)]
    return unrolled([_between(start, end, angle, i / steps) for i in range(steps + 1)])


def _vector(point: Point) -> tuple[float, float, float]:
    north, east = math.radians(point.latitude), math.radians(point.longitude)
    return math.cos(north) * math.cos(east), math.cos(north) * math.sin(east), math.sin(north)


def _between(start: Sequence[float], end: Sequence[float], angle: float, share: float) -> Corner:
    first, second = math.sin((1 - share) * angle), math.sin(share * angle)
    x, y, z = (first * a + second * b for a, b in zip(start, end, strict=True))
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(z, math.hypot(x, y)))


def middle_of(points: Sequence[Point]) -> Point:
    """The point in the midst of some."""
    x, y, z = (sum(axis) for axis in zip(*map(_vector, points), strict=True))
    return Point(math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x)))


def unrolled(line: Line) -> Line:
    """Without jumps from one edge of the map to the other: longitudes go on beyond 180 instead."""
    found, turns = [line[0]], 0
    for (x, _), (next_x, y) in itertools.pairwise(line):
        turns -= round((next_x - x) / _TURN)
        found.append((next_x + turns * _TURN, y))
    return found


def rings_within(rings: Iterable[Line], window: Window) -> Iterator[Line]:
    """The parts of areas that lie in the window, closed along its sides, wherever around the globe they are told."""
    for ring in rings:
        easts = [x for x, _ in ring]
        for turn in (-_TURN, 0.0, _TURN):
            if min(easts) + turn < window.east and max(easts) + turn > window.west:
                cut = _cut([(x + turn, y) for x, y in ring], window)
                if cut:
                    yield list(_bendable([*cut, cut[0]]))


def lines_within(line: Line, window: Window) -> Iterator[Line]:
    """The parts of a line that lie in the window, by its corners."""
    for turn in (-_TURN, 0.0, _TURN):
        moved = [(x + turn, y) for x, y in line]
        for is_inside, run in itertools.groupby(moved, lambda corner: _holds(window, corner)):
            part = list(run)
            if is_inside and len(part) > 1:
                yield part


def _holds(window: Window, corner: Corner) -> bool:
    return window.west <= corner[0] <= window.east and window.south <= corner[1] <= window.north


def _cut(ring: Line, window: Window) -> Line:
    """Sutherland and Hodgman, Reentrant Polygon Clipping, Communications of the ACM 17 (1974)."""
    for axis, limit, sign in ((0, window.west, 1), (0, window.east, -1), (1, window.south, 1), (1, window.north, -1)):
        ring = list(_cut_side(ring, axis, limit, sign))
    return ring


def _cut_side(ring: Line, axis: int, limit: float, sign: int) -> Iterator[Corner]:
    for before, corner in zip([*ring[-1:], *ring[:-1]], ring, strict=True):
        was_inside, is_inside = (sign * (each[axis] - limit) >= 0 for each in (before, corner))
        if was_inside != is_inside:
            share = (limit - before[axis]) / (corner[axis] - before[axis])
            x, y = (a + share * (b - a) for a, b in zip(before, corner, strict=True))
            yield (limit, y) if axis == 0 else (x, limit)
        if is_inside:
            yield corner


def _bendable(line: Line) -> Iterator[Corner]:
    """With corners on the way along long sides."""
    for (x, y), (next_x, next_y) in itertools.pairwise(line):
        parts = max(1, math.ceil(max(abs(next_x - x), abs(next_y - y)) / _STEP))
        for i in range(parts):
            yield x + (next_x - x) * i / parts, y + (next_y - y) * i / parts
    yield line[-1]
