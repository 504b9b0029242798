"""Distance and latency."""

import math

import pytest

from isochrone.geo.latency import (
    PESSIMISTIC,
    TYPICAL,
    LatencyModel,
    Point,
    distance_km,
    reach_km,
    rtt_between_ms,
    rtt_ms,
)

FRANKFURT, SYDNEY, LONDON, TOKYO = (
    Point(50.0379, 8.5622),
    Point(-33.9399, 151.1753),
    Point(51.4700, -0.4543),
    Point(35.7720, 140.3929),
)


@pytest.mark.parametrize(
    ("here", "there", "km"),
    [
        pytest.param(FRANKFURT, FRANKFURT, 0, id="nowhere"),
        pytest.param(FRANKFURT, LONDON, 654, id="fra-lhr"),
        pytest.param(FRANKFURT, SYDNEY, 16_484, id="fra-syd"),
        pytest.param(LONDON, TOKYO, 9_588, id="lhr-nrt"),
        pytest.param(Point(0, 0), Point(0, 1), 111.2, id="one-degree-at-the-equator"),
        pytest.param(Point(0, 179.5), Point(0, -179.5), 111.2, id="across-the-date-line"),
        pytest.param(Point(90, 0), Point(-90, 77), math.pi * 6371.0088, id="pole-to-pole"),
        pytest.param(Point(90, 10), Point(90, -100), 0, id="one-pole-any-longitude"),
    ],
)
def test_distance(here: Point, there: Point, km: float) -> None:
    assert distance_km(here, there) == pytest.approx(km, rel=0.006, abs=1e-6)


@pytest.mark.parametrize(
    ("km", "model", "rtt"),
    [
        pytest.param(0, TYPICAL, 10, id="typical-last-mile"),
        pytest.param(1000, TYPICAL, 26, id="typical"),
        pytest.param(1000, PESSIMISTIC, 45, id="pessimistic"),
        pytest.param(1000, LatencyModel(inflation=1, last_mile_ms=0), 10, id="light-in-fibre"),
        pytest.param(1200, LatencyModel(inflation=1, last_mile_ms=0, fibre_km_per_ms=300), 8, id="light-in-air"),
    ],
)
def test_rtt(km: float, model: LatencyModel, rtt: float) -> None:
    assert rtt_ms(km, model) == pytest.approx(rtt)
    assert reach_km(rtt, model) == pytest.approx(km)


@pytest.mark.parametrize(
    ("here", "there", "model", "rtt"),
    [
        pytest.param(FRANKFURT, FRANKFURT, TYPICAL, 10, id="the-last-mile-remains"),
        pytest.param(FRANKFURT, LONDON, TYPICAL, 20.5, id="fra-lhr"),
        pytest.param(FRANKFURT, LONDON, PESSIMISTIC, 36.4, id="fra-lhr-pessimistic"),
        pytest.param(SYDNEY, FRANKFURT, TYPICAL, 273.7, id="syd-fra"),
    ],
)
def test_rtt_between(here: Point, there: Point, model: LatencyModel, rtt: float) -> None:
    assert rtt_between_ms(here, there, model) == pytest.approx(rtt, rel=0.006)
    assert rtt_between_ms(there, here, model) == pytest.approx(rtt, rel=0.006)


def test_nothing_is_within_reach_of_less_than_the_last_mile() -> None:
    assert reach_km(5, TYPICAL) == 0


@pytest.mark.parametrize("km", [-1.0, math.nan, math.inf])
def test_no_distance(km: float) -> None:
    with pytest.raises(ValueError, match="no distance"):
        rtt_ms(km)


@pytest.mark.parametrize(("latitude", "longitude"), [(90.1, 0), (0, 180.1), (math.nan, 0), (0, math.inf)])
def test_no_point(latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match="no point"):
        Point(latitude, longitude)


@pytest.mark.parametrize(
    "model",
    [
        pytest.param({"inflation": 0.9, "last_mile_ms": 0}, id="shorter-than-straight"),
        pytest.param({"inflation": 1.5, "last_mile_ms": -1}, id="negative-last-mile"),
        pytest.param({"inflation": 1.5, "last_mile_ms": 1, "fibre_km_per_ms": 0}, id="no-speed"),
        pytest.param({"inflation": math.nan, "last_mile_ms": 1}, id="nan"),
    ],
)
def test_no_model(model: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        LatencyModel(**model)
