"""Authorities and requests for tests, and what is wrong with requests."""

import dataclasses
from collections.abc import Iterable
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from isochrone import certificates
from isochrone.certificates import Authority, Credentials, pem
from isochrone.render.config.peers import identity_of

NOW: Final = 1_800_000_000
DAY: Final = 24 * 3600
INSTALLATION: Final = "isochrone"
FRA: Final = identity_of("fra1", INSTALLATION)
MUC: Final = identity_of("muc1", INSTALLATION)

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def authority(now: int = NOW) -> Authority:
    return certificates.new_authority(INSTALLATION, now)


def credentials(who: Authority, identity: str = FRA, *, now: int = NOW, trusted: str | None = None) -> Credentials:
    """What a site holds that was answered at that moment."""
    request = certificates.new_request(identity)
    certificate = certificates.sign(request.csr, identity=identity, authority=who, now=now)
    bundle = who.certificate if trusted is None else trusted
    return certificates.installed(request, certificate, bundle, identity=identity, now=now)


def uri(text: str = FRA) -> x509.GeneralName:
    return x509.UniformResourceIdentifier(text)


def csr(
    *names: x509.GeneralName,
    key: Key | None = None,
    subject: Iterable[x509.NameAttribute[Any]] = (),
    extensions: Iterable[x509.ExtensionType] = (),
    attribute: bool = False,
    algorithm: Any = None,
) -> str:
    """A certificate request of any kind, as PEM."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(list(subject)))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    if attribute:
        builder = builder.add_attribute(x509.ObjectIdentifier("1.2.840.113549.1.9.7"), b"challenge")
    signing = key or ec.generate_private_key(ec.SECP256R1())
    chosen = None if isinstance(signing, ed25519.Ed25519PrivateKey) else (algorithm or hashes.SHA256())
    return pem.written(builder.sign(signing, chosen))


def resigned(text: str) -> str:
    """The same request with one bit of its signature turned."""
    der = bytearray(x509.load_pem_x509_csr(text.encode()).public_bytes(serialization.Encoding.DER))
    der[-1] ^= 1
    return pem.written(x509.load_der_x509_csr(bytes(der)))


def without(held: Credentials, **changes: str) -> Credentials:
    return dataclasses.replace(held, **changes)


def forged(held: Credentials, identity: str, *, now: int = NOW) -> Credentials:
    """What a site could make with its own certificate, if that were an authority's."""
    request = certificates.new_request(identity)
    own = Authority(certificate=held.certificate, key=held.key)
    signed = certificates.sign(request.csr, identity=identity, authority=own, now=now)
    return Credentials(authorities=held.authorities, certificate=signed + held.certificate, key=request.key)
