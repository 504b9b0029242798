"""Writes `operator/isochrone/geo/data/land.json`: where there is land, for maps.

Run by hand when a new Natural Earth is out; `isochrone.geo.land` reads what this wrote:

    npm pack world-atlas && tar xzf world-atlas-*.tgz      # unpacks to package/
    python hack/geo_land.py package/land-50m.json

Natural Earth's scale of 1:50 million has 60,000 points, too many to ship; that of 1:110 million makes an octagon of
Ireland. So the finer one is thinned out: corners that stand out by less than a tenth of a degree go (Douglas and
Peucker 1973), and islands of less than a tenth of a square degree go. What is left is as good as a map of Europe on a
page can show.

The file is a list of rings, each a list of whole numbers: tenths of a degree east and north of the first corner, then
of each corner from the one before, so that lands across the date line go on past 180° E. Outer rings run clockwise,
those around a sea that has no outlet (there is one, the Caspian) the other way, so that the fill rule "nonzero" leaves
it out.
"""

import itertools
import json
import math
import pathlib
import sys
from collections.abc import Iterator, Sequence
from typing import Any

LAND = pathlib.PurePosixPath("operator/isochrone/geo/data/land.json")

TENTHS = 10
"""Corners per degree."""
TOLERANCE = 0.1
"""Degrees."""
LEAST_AREA = 0.1
"""Square degrees."""
SOUTH_POLE = -90.0
HALF_TURN = 180.0
FEWEST_CORNERS = 4
"""A triangle, closed."""

Corner = tuple[float, float]
Ring = Sequence[Corner]


def rings(topology: dict[str, Any]) -> Iterator[Ring]:
    """The rings of a file of polygons: https://github.com/topojson/topojson-specification, sections 2.1.3 and 4.1."""
    arcs = [list(corners(arc, topology["transform"])) for arc in topology["arcs"]]
    for geometry in topology["objects"]["land"]["geometries"]:
        for polygon in geometry["arcs"]:
            for indices in polygon:
                yield unrolled(joined([arcs[i] if i >= 0 else arcs[~i][::-1] for i in indices]))


def corners(arc: Sequence[Sequence[int]], transform: dict[str, Sequence[float]]) -> Iterator[Corner]:
    """Undo quantisation and differences."""
    (scale_x, scale_y), (start_x, start_y) = transform["scale"], transform["translate"]
    x = y = 0
    for step_x, step_y in arc:
        x, y = x + step_x, y + step_y
        yield x * scale_x + start_x, y * scale_y + start_y


def joined(arcs: Sequence[Ring]) -> Ring:
    """Each arc begins with the corner that ends the one before."""
    return [*arcs[0], *(corner for arc in arcs[1:] for corner in arc[1:])]


def unrolled(ring: Ring) -> Ring:
    """Go on past 180 degrees instead of jumping to the other edge of the map. What runs around the pole, as Antarctica
    does, is closed by way of it.
    """
    turns = 0
    found = [ring[0]]
    for (x, _), (next_x, next_y) in itertools.pairwise(ring):
        turns += (next_x - x < -HALF_TURN) - (next_x - x > HALF_TURN)
        found.append((next_x + turns * 2 * HALF_TURN, next_y))
    if abs(found[-1][0] - found[0][0]) > HALF_TURN:
        found += [(found[-1][0], SOUTH_POLE), (found[0][0], SOUTH_POLE), found[0]]
    west = min(x for x, _ in found)
    start = -2 * HALF_TURN if west >= HALF_TURN else 2 * HALF_TURN if west < -HALF_TURN else 0.0
    return [(x + start, y) for x, y in found]


def area(ring: Ring) -> float:
    """Square degrees, above 0 if the ring runs counterclockwise."""
    return sum(x * other_y - other_x * y for (x, y), (other_x, other_y) in itertools.pairwise(ring)) / 2


def thinned(ring: Ring) -> Ring:
    """The corners that stand out from the line between those that are kept."""
    kept = {0, len(ring) - 1}
    spans = [(0, len(ring) - 1)]
    while spans:
        first, last = spans.pop()
        far = max(range(first + 1, last), key=lambda i: offset(ring[i], ring[first], ring[last]), default=None)
        if far is not None and offset(ring[far], ring[first], ring[last]) > TOLERANCE:
            kept.add(far)
            spans += [(first, far), (far, last)]
    return [ring[i] for i in sorted(kept)]


def offset(corner: Corner, first: Corner, last: Corner) -> float:
    """How far a corner is from the line through two others, which may be one and the same."""
    (x, y), (run, rise) = (corner[0] - first[0], corner[1] - first[1]), (last[0] - first[0], last[1] - first[1])
    length = math.hypot(run, rise)
    return abs(x * rise - y * run) / length if length else math.hypot(x, y)


def steps(ring: Ring) -> list[int]:
    """The ring in tenths of a degree: its first corner, then the differences."""
    tenths = [(round(x * TENTHS), round(y * TENTHS)) for x, y in ring]
    found = list(tenths[0])
    for (x, y), (next_x, next_y) in itertools.pairwise(tenths):
        if (x, y) != (next_x, next_y):
            found += [next_x - x, next_y - y]
    return found


def refresh(root: pathlib.Path, source: pathlib.Path) -> None:
    """Write land.json below `root`."""
    found = [
        steps(thinned(ring))
        for ring in rings(json.loads(source.read_text(encoding="utf-8")))
        if abs(area(ring)) >= LEAST_AREA
    ]
    kept = sorted(ring for ring in found if len(ring) // 2 >= FEWEST_CORNERS)
    lines = ",\n".join(json.dumps(ring, separators=(",", ":")) for ring in kept)
    (root / LAND).write_text(f"[\n{lines}\n]\n", encoding="utf-8")


if __name__ == "__main__":
    refresh(pathlib.Path(__file__).resolve().parent.parent, pathlib.Path(sys.argv[1]))
