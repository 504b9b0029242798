"""Places: where data may be handled (docs/decisions/0002-residency-law.md).

A place's position in the list is its bit in every mask.
"""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from isochrone_gateway.config.record import Country, Jurisdiction, Record


class Evidence(enum.StrEnum):
    """How it is known that a place is where it says, weakest first."""

    DECLARED = "Declared"
    CONTRACTED = "Contracted"
    ATTESTED = "Attested"


class Place(Record, frozen=True, kw_only=True):
    """Where something is handled, and how well that is known; sites and providers' endpoints point at it by index.

    `codes` are all jurisdictions that it may be in: one for a site, none if they aren't known. `country` is set if all
    of it surely lies in one.
    """

    codes: frozenset[Jurisdiction]
    country: Country | None = None
    evidence: Evidence = Evidence.DECLARED
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None


class Places(Record, frozen=True, kw_only=True):
    """All places of the installation that this site may meet.

    `aliases` maps codes that ISO 3166 lists twice to the one used here (FR-971 to GP): canonicalise an origin before
    any lookup. `within` says what a code lies in, where that isn't simply the country that it begins with: GB-LND in
    GB-ENG, NO-21 in SJ, MA-12 partly in MA and partly in EH. Without it a tenant's origin header could choose a code
    that its origins don't cover.
    """

    places: tuple[Place, ...] = ()
    aliases: Mapping[Jurisdiction, Jurisdiction] = msgspec.field(default_factory=dict)
    within: Mapping[Jurisdiction, frozenset[Jurisdiction]] = msgspec.field(default_factory=dict)
