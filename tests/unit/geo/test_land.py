"""Where there is land."""

import itertools

import pytest

from isochrone.geo.land import Ring, land
from isochrone.geo.places import places


def turns(ring: Ring, longitude: float, latitude: float) -> int:
    """How often a ring runs around a point, clockwise: crossings of the ray to the east."""
    found = 0
    for (x, y), (next_x, next_y) in itertools.pairwise(ring):
        if (y > latitude) != (next_y > latitude) and x + (latitude - y) * (next_x - x) / (next_y - y) > longitude:
            found += 1 if next_y < y else -1
    return found


def is_land(longitude: float, latitude: float) -> bool:
    return any(turns(ring, longitude + turn, latitude) > 0 for ring in land() for turn in (0, 360)) and not any(
        turns(ring, longitude, latitude) < 0 for ring in land()
    )


@pytest.mark.parametrize(
    ("longitude", "latitude", "expected"),
    [
        pytest.param(10, 50, True, id="germany"),
        pytest.param(-100, 40, True, id="kansas"),
        pytest.param(-150, 65, True, id="alaska"),
        pytest.param(-175, 67, True, id="chukotka-beyond-the-date-line"),
        pytest.param(-178.5, 71.2, True, id="wrangel-beyond-the-date-line"),
        pytest.param(-8, 53, True, id="ireland"),
        pytest.param(135, -25, True, id="australia"),
        pytest.param(100, -89, True, id="south-pole"),
        pytest.param(-30, 40, False, id="atlantic"),
        pytest.param(-150, 0, False, id="pacific"),
        pytest.param(51, 42, False, id="caspian-sea"),
        pytest.param(5, 39, False, id="mediterranean"),
        pytest.param(0, 89, False, id="north-pole"),
    ],
)
def test_land_and_sea(longitude: float, latitude: float, expected: bool) -> None:
    assert is_land(longitude, latitude) is expected


def test_rings_are_closed_and_within_the_world() -> None:
    assert all(ring[0] == ring[-1] for ring in land())
    assert all(-180 <= x <= 195 and -90 <= y <= 90 for ring in land() for x, y in ring)


@pytest.mark.parametrize("iata", ["FRA", "MAD", "ORD", "DFW", "GRU", "DEL", "PEK", "JNB", "MUC", "WAW"])
def test_airports_inland_are_on_land(iata: str) -> None:
    point = places()[iata].point
    assert is_land(point.longitude, point.latitude)
