"""Distance on the globe, and the round trip that light in fibre needs for it.

The model is `rtt = last mile + 2 * distance * inflation / speed`. Light in glass covers about 200 km per millisecond
one way; cables and routes are longer than the great circle by the *inflation*; the *last mile* is what access network,
queues and equipment add whatever the distance. It is an estimate for planning where nothing has been measured: a
measured round trip always wins over it.

Calibration of the inflation: the 45 round trips between 10 metropolitan areas that IBM Cloud publishes for its
backbone (ibm-cloud-docs/vpc, network-latency.md, 27 Jul to 25 Aug 2024), each divided by `2 * distance / 200`:

| minimum | 10th percentile | median | 90th percentile | maximum                   |
|---------|-----------------|--------|-----------------|---------------------------|
| 1.27    | 1.38            | 1.57   | 2.49            | 3.42 (Toronto-Washington) |

The high values belong to short hops, where the fixed part weighs most, and to Europe-Japan. A user's path is no better
than such a backbone, so the median is the typical case, not the good one.
"""

import dataclasses
import math

EARTH_RADIUS_KM = 6371.0088
"""Mean radius R1 of the earth (Moritz, Geodetic Reference System 1980, Journal of Geodesy 74, 2000)."""

FIBRE_KM_PER_MS = 200.0
"""One way, in silica with a refractive index of about 1.5."""

_LATITUDE_LIMIT, _LONGITUDE_LIMIT = 90.0, 180.0


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    """A point on the earth, WGS 84, in degrees north and east."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (abs(self.latitude) <= _LATITUDE_LIMIT and abs(self.longitude) <= _LONGITUDE_LIMIT):
            raise ValueError(f"{self.latitude}, {self.longitude} is no point on the earth")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LatencyModel:
    """How distance becomes time."""

    inflation: float
    """Length of the real path over that of the great circle; at least 1."""
    last_mile_ms: float
    """What every round trip costs, however near; milliseconds."""
    fibre_km_per_ms: float = FIBRE_KM_PER_MS
    """Speed of light in the fibre, one way."""

    def __post_init__(self) -> None:
        if not (1 <= self.inflation < math.inf):
            raise ValueError("no path is shorter than the great circle: inflation must be at least 1")
        if not (0 <= self.last_mile_ms < math.inf and 0 < self.fibre_km_per_ms < math.inf):
            raise ValueError("the last mile must not be negative, and the speed must be above 0")


TYPICAL = LatencyModel(inflation=1.6, last_mile_ms=10.0)
"""Half of the backbone's paths are better, rounded up; wired access in a city."""

PESSIMISTIC = LatencyModel(inflation=2.5, last_mile_ms=20.0)
"""Nine tenths of the backbone's paths are better; mobile or rural access."""


def distance_km(here: Point, there: Point) -> float:
    """Great-circle distance by the haversine formula, on a sphere: within 0.6 % of the ellipsoid's."""
    north, other_north = math.radians(here.latitude), math.radians(there.latitude)
    east = math.radians(there.longitude - here.longitude)
    half_chord = (
        math.sin((other_north - north) / 2) ** 2 + math.cos(north) * math.cos(other_north) * math.sin(east / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(1.0, half_chord)))


def rtt_ms(km: float, model: LatencyModel = TYPICAL) -> float:
    """The round trip over this great-circle distance, in milliseconds."""
    if not 0 <= km < math.inf:
        raise ValueError(f"{km} km is no distance")
    return model.last_mile_ms + 2 * km * model.inflation / model.fibre_km_per_ms


def rtt_between_ms(here: Point, there: Point, model: LatencyModel = TYPICAL) -> float:
    """The round trip between two points, in milliseconds."""
    return rtt_ms(distance_km(here, there), model)


def reach_km(rtt: float, model: LatencyModel = TYPICAL) -> float:
    """How far one gets within this round trip in milliseconds; the radius of the isochrone, 0 where even the last
    mile takes longer.
    """
    return max(0.0, (rtt - model.last_mile_ms) * model.fibre_km_per_ms / (2 * model.inflation))
