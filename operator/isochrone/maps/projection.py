"""From the globe to the plane. Both projections keep areas, so that as many people cover as much paper everywhere.

Degrees east and north go in, lengths on a globe of radius 1 come out, east and north of the middle.
"""

import dataclasses
import math
from typing import Final, Protocol

_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_M: Final = math.sqrt(3) / 2


@dataclasses.dataclass(frozen=True, slots=True)
class Window:
    """The part of the globe that a projection can show, in degrees. `east` may go beyond 180."""

    west: float
    south: float
    east: float
    north: float


class Projection(Protocol):
    """A way to flatten the globe."""

    @property
    def window(self) -> Window: ...

    def project(self, longitude: float, latitude: float) -> tuple[float, float]: ...


@dataclasses.dataclass(frozen=True, slots=True)
class EqualEarth:
    """For the whole world.

    Šavrič, Patterson, Jenny: The Equal Earth map projection, International Journal of Geographical Information Science
    33 (2019), equations 7 to 10, https://doi.org/10.1080/13658816.2018.1504949
    """

    meridian: float = 11.0
    """In the middle. With 11° E the edge runs through the Bering Strait, and cuts no land but Antarctica."""

    @property
    def window(self) -> Window:
        return Window(self.meridian - 180, -90, self.meridian + 180, 90)

    def project(self, longitude: float, latitude: float) -> tuple[float, float]:
        theta = math.asin(_M * math.sin(math.radians(latitude)))
        square = theta * theta
        sixth = square**3
        slope = _A1 + 3 * _A2 * square + sixth * (7 * _A3 + 9 * _A4 * square)
        x = math.radians(longitude - self.meridian) * math.cos(theta) / (_M * slope)
        return x, theta * (_A1 + _A2 * square + sixth * (_A3 + _A4 * square))


@dataclasses.dataclass(frozen=True, slots=True)
class Azimuthal:
    """Lambert's azimuthal equal-area projection, for a part of the world: hardly any distortion near the middle.

    Snyder: Map Projections, a Working Manual, USGS Professional Paper 1395 (1987), equations 24-2 to 24-4.
    """

    meridian: float
    latitude: float

    @property
    def window(self) -> Window:
        """Wide enough for what is near, and without the point opposite, which would be a circle."""
        reach = 90.0 if abs(self.latitude) < 45 else 180.0  # noqa: PLR2004 - beyond, a pole may be in view
        south, north = max(-90.0, self.latitude - 80), min(90.0, self.latitude + 80)
        return Window(self.meridian - reach, south, self.meridian + reach, north)

    def project(self, longitude: float, latitude: float) -> tuple[float, float]:
        middle, north, east = (
            math.radians(degrees) for degrees in (self.latitude, latitude, longitude - self.meridian)
        )
        cosine = math.sin(middle) * math.sin(north) + math.cos(middle) * math.cos(north) * math.cos(east)
        stretch = math.sqrt(2 / max(1 + cosine, 1e-9))
        x = stretch * math.cos(north) * math.sin(east)
        return x, stretch * (math.cos(middle) * math.sin(north) - math.sin(middle) * math.cos(north) * math.cos(east))
