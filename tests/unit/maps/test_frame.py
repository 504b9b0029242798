"""Which part of the world is shown."""

import pytest
from tests.unit.maps.scenes import EUROPE, WORLD

from isochrone.geo.latency import Point
from isochrone.geo.places import places
from isochrone.maps import frame
from isochrone.maps.shapes import Box

PAGE = Box(28, 66, 1544, 716)


def of(*iata: str, others: tuple[Point, ...] = ()) -> frame.Frame:
    return frame.of([places()[code].point for code in iata], others, PAGE)


@pytest.mark.parametrize(
    ("sites", "shown", "hidden"),
    [
        pytest.param(EUROPE, ("CDG", "WAW", "DUB"), ("JFK", "DXB"), id="europe"),
        pytest.param(("IAD", "SFO", "DFW"), ("ORD", "MIA"), ("FRA", "GRU"), id="united-states"),
        pytest.param(("FRA",), ("MUC", "AMS"), ("ATH", "HEL"), id="one-site"),
        pytest.param(("LIS", "HEL", "ATH", "DUB"), ("FRA",), ("DXB",), id="all-of-europe"),
        pytest.param(("SIN", "CGK"), ("KUL",), ("SYD", "BOM"), id="across-the-equator"),
        pytest.param(("AKL", "NAN", "APW"), ("TBU",), ("PER", "SIN"), id="across-the-date-line"),
    ],
)
def test_a_region(sites: tuple[str, ...], shown: tuple[str, ...], hidden: tuple[str, ...]) -> None:
    found = of(*sites)
    assert not found.is_world
    assert all(found.shows(places()[code].point) for code in (*sites, *shown))
    assert not any(found.shows(places()[code].point) for code in hidden)


@pytest.mark.parametrize("sites", [WORLD, ("FRA", "IAD"), ("SYD", "LHR"), ("PPT", "KRT"), ()])
def test_the_world(sites: tuple[str, ...]) -> None:
    found = of(*sites)
    assert found.is_world
    assert all(found.shows(places()[code].point) for code in (*sites, "FAI", "USH", "AKL", "NRT", "LYR"))


@pytest.mark.parametrize("latitude", [-77.8, 89.0])
def test_the_world_shows_far_origins_too(latitude: float) -> None:
    assert of(*WORLD, others=(Point(latitude, 166.7),)).shows(Point(latitude, 166.7))


@pytest.mark.parametrize("high", [600, 716, 740])
def test_no_more_than_the_globe_is_shown_while_a_page_is_low(high: int) -> None:
    low = frame.of([], [], Box(0, 0, 1544, high))
    tops = [y for line in low.outline() for _, y in line]
    assert min(tops) <= 0.01
    assert max(tops) >= high - 0.01


def test_the_edge_of_a_region_is_the_page() -> None:
    assert of(*EUROPE).outline() == [[(28, 66), (1572, 66), (1572, 782), (28, 782)]]


def test_north_is_up_and_east_is_right() -> None:
    found = of(*EUROPE)
    x, y = found.at(Point(50, 5))
    assert found.at(Point(52, 5))[1] < y
    assert found.at(Point(50, 7))[0] > x
