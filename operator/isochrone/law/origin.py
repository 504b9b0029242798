"""Where data comes from (decision record 2, section 6): out of what a tenant declares, a header, and GeoIP."""

import dataclasses
from collections.abc import Iterable

from isochrone.geo import codes
from isochrone.geo.areas import Area


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """The jurisdictions that data may come from. All of them must be allowed what is done with it."""

    codes: frozenset[str]
    or_elsewhere: bool = False
    """Whether it may also come from somewhere that is not known."""

    @property
    def is_known(self) -> bool:
        """Whether it surely comes from one of `codes`."""
        return bool(self.codes) and not self.or_elsewhere

    @property
    def each(self) -> tuple[str | None, ...]:
        """What is decided one by one: the codes in order, then None if it is not known."""
        return (*sorted(self.codes), *(() if self.is_known else (None,)))

    @classmethod
    def of(cls, *jurisdictions: str) -> "Origin":
        """The origin made of these ISO 3166 codes. A code that is not known stands for somewhere unknown."""
        known = frozenset(codes.canonical(code) for code in jurisdictions if codes.is_code(code))
        return cls(known, or_elsewhere=not jurisdictions or not all(map(codes.is_code, jurisdictions)))


UNKNOWN = Origin(frozenset(), or_elsewhere=True)


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
    if Area(origin.codes).covers(header):
        return Origin.of(header)
    return OriginNotAllowed(header)


def _narrowed(origin: Origin, geo_ip: str | None) -> Origin:
    """GeoIP knows a country; it keeps those declared codes that may lie in it, unless none does."""
    country = codes.country_of(geo_ip) if geo_ip is not None else None
    if country is None:
        return origin
    here = Area(frozenset({country}))
    near = frozenset(code for code in origin.codes if here.touches(code))
    return dataclasses.replace(origin, codes=near) if near else origin
