"""Why the law says yes or no. The words stand in refusals, evidence and `isochrone explain`."""

import enum


class VerdictReason(enum.StrEnum):
    """One word per answer; sections are those of decision record 2."""

    NO_POLICY_BINDS = "NoPolicyBinds"
    """Allowed: nothing binds, and the installation's default is Allow (section 4)."""
    ALLOWED_BY_POLICIES = "AllowedByPolicies"
    """Allowed: every policy that binds allows it (section 4)."""
    DEFAULT_DENY = "DefaultDeny"
    """Refused: nothing binds, and the installation's default is Deny (section 4)."""
    UNKNOWN_ORIGIN = "UnknownOrigin"
    """Refused: the origin matters and is not known (section 2)."""
    UNKNOWN_PLACE = "UnknownPlace"
    """Refused: it is not known where the place is (section 3)."""
    PLACE_TOO_COARSE = "PlaceTooCoarse"
    """Refused: part of the place may be allowed, but not surely all of it (section 1)."""
    PLACE_NOT_ALLOWED = "PlaceNotAllowed"
    """Refused: the place is not among those allowed (section 3)."""
    EVIDENCE_TOO_LOW = "EvidenceTooLow"
    """Refused: the place is not known well enough (section 3)."""
    CONFIG_STALE = "ConfigStale"
    """Refused: the configuration is too old to leave the site's country (section 5)."""
    CONFIG_EXPIRED = "ConfigExpired"
    """Refused: the configuration is too old for anything that a policy binds (section 5)."""
