"""Where data comes from (decision record 2, section 6): out of what a tenant declares, a header, and GeoIP."""

import dataclasses
from collections.abc import Iterable

from isochrone.geo import codes
from isochrone.geo.areas import Area


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """The jurisdictions that data may come from; none: unknown. All of them must be allowed what is done with it."""

    codes: frozenset[str]

    @property
    def is_known(self) -> bool:
        """Whether anything is known about it."""
        return bool(self.codes)

    @classmethod
    def of(cls, *jurisdictions: str) -> "Origin":
        """The origin made of these ISO 3166 codes. A code that is not known makes it unknown."""
        if not all(codes.is_code(code) for code in jurisdictions):
            return UNKNOWN
        return cls(frozenset(codes.canonical(code) for code in jurisdictions))


UNKNOWN = Origin(frozenset())


@dataclasses.dataclass(frozen=True, slots=True)
class OriginNotAllowed:
    """The header names an origin that is not among the tenant's."""

    header: str


def of_request(
    declared: Iterable[str] | None, *, header: str | None, trust_header: bool, geo_ip: str | None = None
) -> Origin | OriginNotAllowed:
    """The origin of a request.

    `declared` are the tenant's origins as codes (blocs expanded), None when it names none or there is no tenant.
    """
    if declared is None:
        return UNKNOWN
    origin = Origin.of(*declared)
    if header is not None and trust_header:
        return _chosen(origin, header)
    return _narrowed(origin, geo_ip)


def _chosen(origin: Origin, header: str) -> Origin | OriginNotAllowed:
    if codes.is_code(header) and Area(origin.codes).covers(header):
        return Origin.of(header)
    return OriginNotAllowed(header)


def _narrowed(origin: Origin, geo_ip: str | None) -> Origin:
    """GeoIP knows a country; it keeps those declared codes that lie in it, unless none does."""
    if geo_ip is None or not codes.is_code(geo_ip):
        return origin
    near = frozenset(code for code in origin.codes if codes.country_of(code) == codes.country_of(geo_ip))
    return Origin(near) if near else origin
