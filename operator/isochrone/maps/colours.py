"""Which colour a site has. Neighbours must differ, also for eyes that see fewer colours."""

import math
from collections.abc import Sequence

from isochrone.geo.latency import Point, distance_km

PAGE = "#ffffff"
SEA = "#eaeff3"
REACH = ("#d5e2eb", "#bbd1df", "#9fbed2")
"""Within the longest, a middle and the shortest round trip."""
CONTOUR, CONTOUR_INK = "#8fb1c6", "#3d657f"
LAND, COAST = "#fffdf8", "#a9b7c1"
INK, QUIET, FAINT = "#1d2730", "#5c6973", "#a7b1b9"
ALARM = "#b3001e"

SITES = (
    "#332288",
    "#cc6677",
    "#117733",
    "#ddaa33",
    "#44aa99",
    "#882255",
    "#4477aa",
    "#999933",
    "#aa4499",
)
"""Paul Tol's scheme "muted", which people tell apart with any colour vision; light sand and cyan are replaced by the
darker yellow and blue of his other schemes, as dots must stand out on white. https://personal.sron.nl/~pault/"""


def of_sites(points: Sequence[Point]) -> list[str]:
    """A colour for each: one that nobody has yet, else that whose nearest bearer is farthest away."""
    found: list[int] = []
    for i, point in enumerate(points):
        nearest = [math.inf] * len(SITES)
        for other, colour in zip(points[:i], found, strict=True):
            nearest[colour] = min(nearest[colour], distance_km(point, other))
        found.append(max(range(len(SITES)), key=lambda colour: (nearest[colour], -colour)))
    return [SITES[colour] for colour in found]
