"""The key that an installation signs its gateways' configs with (Ed25519), and the public half that they trust.

A gateway trusts keys by their names, one file `NAME.pem` each (`isochrone_gateway.source.trust`). The name is made from
the key, so no two keys have one name, and an old and a new key can be trusted beside each other.
"""

import dataclasses
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone.certificates import ed25519
from isochrone_gateway.config import Signer


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IndexKey:
    """A private key as PEM."""

    private: str = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """The first half of the SHA-256 of the public key."""
        return hashlib.sha256(ed25519.raw(self._key)).hexdigest()[:32]

    @property
    def public(self) -> str:
        """The public half as PEM, for `trusted_keys`."""
        return ed25519.public(self._key)

    @property
    def signer(self) -> Signer:
        return Signer(key_id=self.name, sign=self._key.sign)

    @property
    def _key(self) -> Ed25519PrivateKey:
        return ed25519.read(self.private, "the key that signs configs")


def new_index_key() -> IndexKey:
    return IndexKey(private=ed25519.new())
