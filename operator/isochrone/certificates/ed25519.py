"""Ed25519 keys as PEM: made, read, and their public halves."""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone.certificates import pem
from isochrone.certificates.errors import CertificateError


def new() -> str:
    """A private key, PKCS 8 without a password."""
    form, encryption = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return Ed25519PrivateKey.generate().private_bytes(serialization.Encoding.PEM, form, encryption).decode()


def read(private: str, what: str) -> Ed25519PrivateKey:
    """Raises CertificateError; `what` is what the key is called in it."""
    try:
        key = serialization.load_pem_private_key(private.encode(), password=None)
    except pem.UNREADABLE:
        # Not chained: a traceback of it could show the text.
        raise CertificateError(f"{what} is not a private key in PEM form") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise CertificateError(f"{what} is not an Ed25519 key")
    return key


def raw(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def public(key: Ed25519PrivateKey) -> str:
    """The public half as PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
