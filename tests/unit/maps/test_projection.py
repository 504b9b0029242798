"""The projections, against what their papers say, and that both keep areas."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.maps.projection import Azimuthal, EqualEarth, Projection

FLAT = EqualEarth(meridian=0)


@pytest.mark.parametrize(
    ("longitude", "latitude", "x", "y"),
    [
        pytest.param(0, 0, 0, 0, id="middle"),
        pytest.param(180, 0, 2.706630, 0, id="edge-at-the-equator"),
        pytest.param(0, 90, 0, 1.317363, id="north-pole"),
        pytest.param(0, -90, 0, -1.317363, id="south-pole"),
        pytest.param(-180, 0, -2.706630, 0, id="other-edge"),
    ],
)
def test_equal_earth(longitude: float, latitude: float, x: float, y: float) -> None:
    assert FLAT.project(longitude, latitude) == pytest.approx((x, y), abs=2e-6)


def test_equal_earth_has_the_proportions_that_its_paper_names() -> None:
    (width, _), (_, height), (pole, _) = FLAT.project(180, 0), FLAT.project(0, 90), FLAT.project(180, 90)
    assert width / height == pytest.approx(2.05458, abs=1e-5)
    assert pole / width == pytest.approx(0.59, abs=0.005)


def test_the_meridian_is_in_the_middle() -> None:
    assert EqualEarth(meridian=11).project(11, 40) == pytest.approx(FLAT.project(0, 40))


@pytest.mark.parametrize(
    ("longitude", "latitude", "x", "y"),
    [
        pytest.param(-100, 40, 0, 0, id="middle"),
        pytest.param(100, -20, -4.2339303 / 3, 4.0257775 / 3, id="snyders-example"),
        pytest.param(-100, 90, 0, 2 * math.sin(math.radians(25)), id="pole"),
    ],
)
def test_azimuthal(longitude: float, latitude: float, x: float, y: float) -> None:
    assert Azimuthal(-100, 40).project(longitude, latitude) == pytest.approx((x, y), abs=1e-7)


def test_what_is_opposite_has_some_place() -> None:
    assert all(math.isfinite(axis) for axis in Azimuthal(10, 50).project(-170, -50))


@pytest.mark.parametrize("projection", [EqualEarth(), Azimuthal(10, 50), Azimuthal(-120, -35)])
@given(longitude=st.floats(-100, 100), latitude=st.floats(-70, 70))
def test_areas_are_kept(projection: Projection, longitude: float, latitude: float) -> None:
    step = 1e-4
    east = longitude if projection.window.west < -100 else projection.window.west + 90 + longitude / 2
    x, y = projection.project(east, latitude)
    (x_east, y_east), (x_north, y_north) = (
        projection.project(east + step, latitude),
        projection.project(east, latitude + step),
    )
    area = (x_east - x) * (y_north - y) - (x_north - x) * (y_east - y)
    assert area == pytest.approx(math.radians(step) ** 2 * math.cos(math.radians(latitude + step / 2)), rel=1e-3)
