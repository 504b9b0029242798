"""A throw-away certificate authority for one control plane, in memory until the control plane writes it out.

P-256 keys throughout: made in a millisecond, where RSA takes a hundred. A client certificate's user name is its CN,
its groups are its O's (https://kubernetes.io/docs/reference/access-authn-authz/authentication/).
"""

import datetime as dt
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SERVER_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
_LIFETIME = dt.timedelta(days=30)


@dataclass(frozen=True)
class KeyPair:
    """PEM bytes of a certificate and its private key."""

    certificate: bytes
    key: bytes


@dataclass(frozen=True)
class Authority:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def pair(self) -> KeyPair:
        return KeyPair(certificate=_certificate_pem(self.certificate), key=_key_pem(self.key))

    def issue_server(self, *addresses: str, names: Sequence[str] = _SERVER_NAMES) -> KeyPair:
        said: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
        said += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
        return self._issue(_name("kube-apiserver"), ExtendedKeyUsageOID.SERVER_AUTH, x509.SubjectAlternativeName(said))

    def issue_client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        return self._issue(_name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH)

    def _issue(self, subject: x509.Name, usage: x509.ObjectIdentifier, *extensions: x509.ExtensionType) -> KeyPair:
        key = _new_key()
        builder = _unsigned(subject, key.public_key(), self.certificate.subject)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return KeyPair(certificate=_certificate_pem(builder.sign(self.key, hashes.SHA256())), key=_key_pem(key))


def new_authority() -> Authority:
    key = _new_key()
    name = _name("isochrone-test-ca")
    builder = _unsigned(name, key.public_key(), name)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return Authority(certificate=builder.sign(key, hashes.SHA256()), key=key)


def new_signing_key() -> bytes:
    """A private key for service account tokens, in the one format that client-go finds the public half in, too."""
    return _new_key().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _unsigned(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + _LIFETIME)
    )


def _name(common_name: str, organizations: Sequence[str] = ()) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
