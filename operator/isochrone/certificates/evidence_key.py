"""The key that signs a site's evidence (Ed25519), and the public half that auditors trust.

Checkpoints name it by its id, the first 16 hex digits of the SHA-256 of the public key (docs/reference/evidence.md).
"""

import dataclasses
import functools
import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from isochrone.certificates import ed25519, pem
from isochrone.certificates.errors import CertificateError


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceKey:
    """A private key as PEM, with its public half."""

    private: str = dataclasses.field(repr=False)
    public: str


def evidence_key(private: str) -> EvidenceKey:
    """Raises CertificateError if it is none."""
    return EvidenceKey(private=private, public=ed25519.public(ed25519.read(private, "the key that signs evidence")))


def new_evidence_key() -> EvidenceKey:
    return evidence_key(ed25519.new())


@functools.lru_cache(maxsize=4096)
def key_id(public: str) -> str:
    """Raises CertificateError for what is no public key of this kind, or not written as one is."""
    try:
        key = load_pem_public_key(public.encode())
    except pem.UNREADABLE:
        raise CertificateError("what vouches for evidence is not a public key in PEM form") from None
    if not isinstance(key, Ed25519PublicKey):
        raise CertificateError("what vouches for evidence is not an Ed25519 key")
    if key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode() != public:
        raise CertificateError("there is more than a key in what vouches for evidence")
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]
