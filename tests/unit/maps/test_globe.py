"""Lines on the globe, and what of them lies in a window."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.geo.land import land
from isochrone.geo.latency import Point, distance_km
from isochrone.maps import globe
from isochrone.maps.projection import Window

FRANKFURT, TOKYO, SAN_FRANCISCO = Point(50.04, 8.56), Point(35.77, 140.39), Point(37.62, -122.38)
ALL = Window(-180, -90, 180, 90)
points = st.builds(Point, st.floats(-89, 89), st.floats(-180, 180))


def wrapped(corner: tuple[float, float]) -> Point:
    return Point(corner[1], (corner[0] + 180) % 360 - 180)


@given(middle=points, km=st.floats(10, 8000))
def test_a_circle_is_equally_far_everywhere_but_for_a_detour_by_the_pole(middle: Point, km: float) -> None:
    ring = globe.circle(middle, km)
    assert ring[0] == pytest.approx(ring[-1])
    rim = [corner for corner in ring if abs(corner[1]) < 90]
    assert all(distance_km(middle, wrapped(corner)) == pytest.approx(km, rel=1e-6, abs=1e-3) for corner in rim)


def test_a_circle_around_a_pole_has_its_inside_on_the_side_of_the_pole() -> None:
    assert {corner[1] for corner in globe.circle(FRANKFURT, 5600)} >= {90.0}
    assert {corner[1] for corner in globe.circle(Point(-80, 0), 5600)} >= {-90.0}
    assert max(corner[1] for corner in globe.circle(FRANKFURT, 1000)) < 90


def test_the_shortest_way_goes_on_across_the_date_line() -> None:
    way = globe.great_circle(TOKYO, SAN_FRANCISCO)
    assert way[0] == pytest.approx((140.39, 35.77))
    assert way[-1] == pytest.approx((237.62, 37.62))
    assert max(north for _, north in way) > 45


@given(here=points, there=points)
def test_the_shortest_way_is_the_shortest(here: Point, there: Point) -> None:
    way = [wrapped(corner) for corner in globe.great_circle(here, there)]
    length = sum(distance_km(a, b) for a, b in itertools.pairwise(way))
    assert length == pytest.approx(distance_km(here, there), rel=1e-4, abs=0.5)


@pytest.mark.parametrize(
    "there", [pytest.param(FRANKFURT, id="no-way"), pytest.param(Point(-50.04, -171.44), id="opposite")]
)
def test_where_any_way_is_as_short(there: Point) -> None:
    assert len(globe.great_circle(FRANKFURT, there)) == 2


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(ALL, id="world"),
        pytest.param(Window(-169, -90, 191, 90), id="world-from-the-bering-strait"),
        pytest.param(Window(100, -60, 280, 60), id="pacific"),
        pytest.param(Window(-10, 35, 30, 60), id="europe"),
    ],
)
def test_land_is_cut_to_the_window(window: Window) -> None:
    corners = [corner for ring in globe.rings_within(land(), window) for corner in ring]
    assert corners
    assert all(window.west <= x <= window.east and window.south <= y <= window.north for x, y in corners)


def test_an_area_is_cut_along_the_window() -> None:
    square = [(0, 0), (0, 10), (10, 10), (10, 0), (0, 0)]
    [ring] = globe.rings_within([square], Window(2, -5, 4, 5))
    assert {(min(x), max(x)) for x in zip(*ring, strict=True)} == {(2, 4), (0, 5)}
    assert len(list(globe.rings_within([square], Window(20, 20, 30, 30)))) == 0


def test_an_area_across_the_edge_is_shown_at_both_edges() -> None:
    island = [(170.0, 0.0), (170.0, 5.0), (190.0, 5.0), (190.0, 0.0), (170.0, 0.0)]
    found = sorted((min(x for x, _ in ring), max(x for x, _ in ring)) for ring in globe.rings_within([island], ALL))
    assert found == [(-180, -170), (170, 180)]


def test_a_line_across_the_edge_is_shown_at_both_edges() -> None:
    line = [(170.0, 0.0), (178.0, 0.0), (185.0, 0.0), (190.0, 0.0)]
    assert sorted(map(list, globe.lines_within(line, ALL))) == [
        [(-175.0, 0.0), (-170.0, 0.0)],
        [(170.0, 0.0), (178.0, 0.0)],
    ]


def test_the_middle_of_places_across_the_date_line_is_there() -> None:
    middle = globe.middle_of([Point(0, 170), Point(0, -170)])
    assert abs(middle.longitude) == pytest.approx(180)
