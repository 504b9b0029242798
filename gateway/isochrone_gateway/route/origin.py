"""Where the data of a request comes from: out of what its tenant declares, a header, and GeoIP.

Section 6 of docs/decisions/0002-residency-law.md. The gateway doesn't carry all of ISO 3166: a subdivision lies in the
country that its code begins with, unless the config says otherwise. So a subdivision that ISO never assigned counts as
a part of its country; the tables look it up as that country, whose row is never laxer than those of its parts.
"""

import re
from typing import Final

from isochrone_gateway.config.places import Places
from isochrone_gateway.config.tenants import Tenant

ELSEWHERE: Final = ""
"""Among the codes of an origin: or from somewhere that is not known."""

UNKNOWN: Final[frozenset[str]] = frozenset()
"""The origin of which nothing is known."""

_CODE: Final = re.compile(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?")
_COUNTRY_LENGTH: Final = 2


class Origins:
    """The geography of one config revision."""

    def __init__(self, places: Places) -> None:
        self._aliases = places.aliases
        self._within = places.within

    def of_tenant(self, tenant: Tenant | None) -> frozenset[str]:
        """What a tenant declares, as canonical codes; unknown if it declares nothing, or there is no tenant."""
        if tenant is None:
            return UNKNOWN
        elsewhere = (ELSEWHERE,) if tenant.or_elsewhere else ()
        return frozenset((*(self._aliases.get(code, code) for code in tenant.origins), *elsewhere))

    def of_request(self, tenant: Tenant | None, header: str | None) -> frozenset[str] | None:
        """The origin of one request, or None if the header names one that isn't the tenant's."""
        declared = self.of_tenant(tenant)
        if header is None or not declared or tenant is None or not tenant.origin_header:
            return declared
        if _CODE.fullmatch(header) is None:
            return None
        code = self._aliases.get(header, header)
        return frozenset((code,)) if self._lies_in(code, declared) else None

    def narrowed(self, origin: frozenset[str], country: str | None) -> frozenset[str]:
        """What remains if the client's address is in this country: never nothing, and never more."""
        if country is None:
            return origin
        here = self._aliases.get(country, country)
        near = frozenset(code for code in origin if code and self._touches(code, here))
        return near | (origin & {ELSEWHERE}) if near else origin

    def _lies_in(self, code: str, area: frozenset[str]) -> bool:
        """Whether all of a code lies in an area: what lies within two others needs both."""
        if code in area:
            return True
        above = self._above(code)
        return bool(above) and all(self._lies_in(each, area) for each in above)

    def _touches(self, code: str, country: str) -> bool:
        """Whether some of a code lies in a country."""
        return code == country or any(self._touches(each, country) for each in self._above(code))

    def _above(self, code: str) -> frozenset[str]:
        known = self._within.get(code)
        if known is not None:
            return known
        return frozenset((code[:_COUNTRY_LENGTH],)) if len(code) > _COUNTRY_LENGTH else frozenset()
