"""An authority: the certificate by which gateways of an installation know each other, and the key that signs for it.

P-256 throughout, which every TLS library has, and which signs in a tenth of a millisecond.
"""

import dataclasses
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from isochrone.certificates import pem

DAY: Final = 24 * 3600
LIFE: Final = 5 * 365 * DAY
SKEW: Final = 3600
"""Certificates are valid from so long before they were made: clocks of clusters differ."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Authority:
    """A certificate that signs others, and its key, both as PEM."""

    certificate: str
    key: str = dataclasses.field(repr=False)

    @property
    def name(self) -> str:
        return name_of(pem.certificate(self.certificate))

    def has_ended(self, now: int) -> bool:
        """Whether nothing that it signed is valid any longer."""
        return now >= pem.ends(pem.certificate(self.certificate))


def new_authority(installation: str, now: int) -> Authority:
    """An authority for an installation's peers, from now on."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _subject(installation, now)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pem.time(now - SKEW))
        .not_valid_after(pem.time(now + LIFE))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(key_usage(key_cert_sign=True, crl_sign=True), critical=True)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    return Authority(certificate=pem.written(builder.sign(key, hashes.SHA256())), key=pem.written_key(key))


def name_of(certificate: x509.Certificate) -> str:
    """What tells an authority from all others, in reports and records."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def key_usage(**allowed: bool) -> x509.KeyUsage:
    """The usages that are named, and no other."""
    none = dict.fromkeys(_USAGES, False)
    return x509.KeyUsage(**(none | allowed))


_USAGES: Final = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


def _subject(installation: str, now: int) -> x509.Name:
    """For people; programs go by the key's identifier. No longer than RFC 5280 allows, 64 characters each."""
    made = f"Isochrone peers {pem.time(now):%Y-%m-%d}"
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, installation[:64])
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, made)])
