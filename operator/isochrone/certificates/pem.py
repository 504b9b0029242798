"""PEM in and out (RFC 7468). What can't be read is one error, whose message never quotes the text: it may be a key."""

import datetime as dt
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from isochrone.certificates.errors import CertificateError

UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
"""What the library raises for bytes that are not what they should be."""


def certificate(text: str) -> x509.Certificate:
    """The one certificate in this text."""
    found = certificates(text)
    if len(found) != 1:
        raise CertificateError(f"there are {len(found)} certificates where one is expected")
    return found[0]


def certificates(text: str) -> list[x509.Certificate]:
    """All certificates in this text, at least one."""
    try:
        return x509.load_pem_x509_certificates(text.encode())
    except UNREADABLE as error:
        raise CertificateError("not a certificate in PEM form") from error


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The key in this text, on a curve."""
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except UNREADABLE:
        # Not chained: a traceback of it could show the text.
        raise CertificateError("not a private key in PEM form without a password") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CertificateError("not a private key on an elliptic curve")
    return key


def written(item: x509.Certificate | x509.CertificateSigningRequest) -> str:
    return item.public_bytes(serialization.Encoding.PEM).decode()


def written_key(key: ec.EllipticCurvePrivateKey) -> str:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def time(seconds: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(seconds, dt.UTC)


def seconds(time: dt.datetime) -> int:
    return int(time.timestamp())


def starts(item: x509.Certificate) -> int:
    return seconds(item.not_valid_before_utc)


def ends(item: x509.Certificate) -> int:
    return seconds(item.not_valid_after_utc)


def is_past(thirds: int, item: x509.Certificate, now: int) -> bool:
    """Whether so many thirds of its life are over: time to replace it, with time left in which that may fail."""
    return 3 * (now - starts(item)) >= thirds * (ends(item) - starts(item))
