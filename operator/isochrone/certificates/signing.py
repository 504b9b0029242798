"""What an authority signs. A site is asked for nothing but a proof that it has the key; who it is, the hub knows.

The request came from the site's own namespace in the hub, or from its cluster, which is what says which site it is. So
a request that claims to be another, or asks for anything more, is refused: somebody tries something, or two versions
don't understand each other.
"""

from collections.abc import Callable
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from isochrone.certificates import pem
from isochrone.certificates.authority import DAY, SKEW, Authority, key_usage
from isochrone.certificates.errors import CertificateError, Refused

LIFE: Final = 30 * DAY
"""Of a gateway's certificate; no longer than its authority's."""
LONGEST: Final = 8192
"""Characters of a request, ten times what one needs."""
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1)
_EXTENSION_REQUEST: Final = x509.ObjectIdentifier("1.2.840.113549.1.9.14")
"""The attribute that holds the extensions (RFC 2985, 5.4.2)."""
_HASHES: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def sign(csr: str, *, identity: str, authority: Authority, now: int) -> str:
    """The certificate for a request that came from the site with this identity, as PEM. Raises Refused."""
    request = _read(csr)
    for reason in (check(request, identity) for check in _CHECKS):
        if reason is not None:
            raise Refused(f"the certificate request {reason}")
    issuer = pem.certificate(authority.certificate)
    if not pem.starts(issuer) <= now < pem.ends(issuer):
        raise CertificateError(f"the authority is valid from {_day(pem.starts(issuer))} to {_day(pem.ends(issuer))}")
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([]))
        .issuer_name(issuer.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(pem.time(max(now - SKEW, pem.starts(issuer))))
        .not_valid_after(pem.time(min(now + LIFE, pem.ends(issuer))))
    )
    for extension, is_critical in _extensions(request, identity, issuer):
        builder = builder.add_extension(extension, critical=is_critical)
    return pem.written(builder.sign(pem.private_key(authority.key), hashes.SHA256()))


def _extensions(
    request: x509.CertificateSigningRequest, identity: str, issuer: x509.Certificate
) -> list[tuple[x509.ExtensionType, bool]]:
    """All of a gateway's certificate: it is server and client, and signs nothing but handshakes."""
    authority = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    both = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    return [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (key_usage(digital_signature=True), True),
        (x509.ExtendedKeyUsage(both), False),
        # Critical, as the subject is empty (RFC 5280, 4.2.1.6).
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier(identity)]), True),
        (x509.SubjectKeyIdentifier.from_public_key(request.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority), False),
    ]


def _read(csr: str) -> x509.CertificateSigningRequest:
    if len(csr) > LONGEST:
        raise Refused(f"the certificate request has {len(csr)} characters, more than {LONGEST}")
    try:
        request = x509.load_pem_x509_csr(csr.encode())
        # Both are parsed when they are first read.
        _ = (request.extensions, list(request.attributes))
    except pem.UNREADABLE as error:
        raise Refused("the certificate request can't be read") from error
    return request


Check = Callable[[x509.CertificateSigningRequest, str], str | None]
"""(request, identity) -> why it is not signed."""


def _key(request: x509.CertificateSigningRequest, _: str) -> str | None:
    try:
        key = request.public_key()
    except pem.UNREADABLE:
        return "has a key of an unknown kind; make one on the curve P-256"
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return "has a key that is on no elliptic curve; make one on the curve P-256"
    if not isinstance(key.curve, _CURVES):
        return f"has a key on the curve {key.curve.name}; make one on the curve P-256"
    return None


def _signature(request: x509.CertificateSigningRequest, _: str) -> str | None:
    try:
        is_valid = isinstance(request.signature_hash_algorithm, _HASHES) and request.is_signature_valid
    except pem.UNREADABLE:
        is_valid = False
    return None if is_valid else "is not signed by its own key, with SHA-256 or better"


def _name(request: x509.CertificateSigningRequest, identity: str) -> str | None:
    try:
        names = list(request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return f"names nobody; it must name {identity}"
    if names != [x509.UniformResourceIdentifier(identity)]:
        return f"must name {identity} and nothing else"
    return None


def _rest(request: x509.CertificateSigningRequest, identity: str) -> str | None:
    asked = [each.oid for each in request.extensions if each.oid != x509.SubjectAlternativeName.oid]
    if asked or any(each.oid != _EXTENSION_REQUEST for each in request.attributes):
        return f"asks for more than the name {identity}"
    return "has a subject; it must be empty" if list(request.subject) else None


_CHECKS: Final[tuple[Check, ...]] = (_key, _signature, _name, _rest)


def _day(seconds: int) -> str:
    return f"{pem.time(seconds):%Y-%m-%d}"
