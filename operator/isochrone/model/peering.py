"""What a site says of the certificate that its gateway shows to other sites."""

import dataclasses


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Peering:
    """Whom a site's gateway trusts, and who vouches for it. Authorities are named by `isochrone.certificates`."""

    trusted: frozenset[str] = frozenset()
    """The authorities whose certificates it accepts."""
    issuer: str = ""
    """The one of them that signed its own certificate; empty if none did, and nobody will accept it."""
    expires: int = 0
    """When its certificate ends."""
