"""The key that an installation signs its gateways' configs with (Ed25519), and the public half that they trust.

A gateway trusts keys by their names, one file `NAME.pem` each (`isochrone_gateway.source.trust`). The name is made from
the key, so no two keys have one name, and an old and a new key can be trusted beside each other.
"""

import dataclasses
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone.certificates import pem
from isochrone.certificates.errors import CertificateError
from isochrone_gateway.config import Signer


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class IndexKey:
    """A private key as PEM."""

    private: str = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        """The first half of the SHA-256 of the public key."""
        raw = self._key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return hashlib.sha256(raw).hexdigest()[:32]

    @property
    def public(self) -> str:
        """The public half as PEM, for `trusted_keys`."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()

    @property
    def signer(self) -> Signer:
        return Signer(key_id=self.name, sign=self._key.sign)

    @property
    def _key(self) -> Ed25519PrivateKey:
        try:
            key = serialization.load_pem_private_key(self.private.encode(), password=None)
        except pem.UNREADABLE:
            # Not chained: a traceback of it could show the text.
            raise CertificateError("the key that signs configs is not a private key in PEM form") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise CertificateError("the key that signs configs is not an Ed25519 key")
        return key


def new_index_key() -> IndexKey:
    form = serialization.PrivateFormat.PKCS8
    encryption = serialization.NoEncryption()
    key = Ed25519PrivateKey.generate()
    return IndexKey(private=key.private_bytes(serialization.Encoding.PEM, form, encryption).decode())
