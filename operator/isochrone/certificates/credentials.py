"""What a site holds: whom its gateway trusts, its certificate and its key, named as cert-manager names them.

A certificate and the authorities that are trusted beside it are written together, always: whoever has a certificate
that was signed after an authority came to be trusted also trusts that authority. `rotation` relies on it.
"""

import base64
import binascii
import dataclasses
import enum
from collections.abc import Mapping
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from isochrone.certificates import pem
from isochrone.certificates.authority import name_of
from isochrone.certificates.errors import CertificateError
from isochrone.certificates.request import Request
from isochrone.model.peering import Peering

AUTHORITIES: Final = "ca.crt"
CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
_THIRDS: Final = 1
"""Of its life, after which a certificate is renewed. It costs a signature every ten days, and the two that are left
are how long a site outlives its hub."""


class Due(enum.StrEnum):
    """Why a site has to ask for another certificate."""

    MISSING = "Missing"
    UNREADABLE = "Unreadable"
    OTHER_KEY = "OtherKey"
    """Its key is another one's."""
    OTHER_IDENTITY = "OtherIdentity"
    OTHER_AUTHORITY = "OtherAuthority"
    """The authority that signs now did not sign it."""
    OLD = "Old"
    """A third of its life is over: it is good for 20 days, in which renewing may fail."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The Secret of a site's gateway, as PEM; empty where there is none."""

    authorities: str = ""
    certificate: str = ""
    key: str = dataclasses.field(default="", repr=False)

    @classmethod
    def of(cls, data: Mapping[str, str]) -> "Credentials":
        """From the `data` of a Secret. What isn't text is as if it weren't there."""
        return cls(authorities=_text(data, AUTHORITIES), certificate=_text(data, CERTIFICATE), key=_text(data, KEY))

    @property
    def data(self) -> dict[str, str]:
        """The `data` of a Secret."""
        texts = {AUTHORITIES: self.authorities, CERTIFICATE: self.certificate, KEY: self.key}
        return {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}

    @property
    def peering(self) -> Peering:
        """What is reported of them."""
        try:
            trusted, shown = pem.certificates(self.authorities), pem.certificate(self.certificate)
        except CertificateError:
            return Peering()
        issuers = (name_of(each) for each in trusted if has_signed(each, shown))
        return Peering(trusted=frozenset(map(name_of, trusted)), issuer=next(issuers, ""), expires=pem.ends(shown))


def due(held: Credentials, *, identity: str, authorities: str, now: int) -> Due | None:
    """Why a site that holds these needs another certificate, if it does; `authorities` has the one that signs first."""
    if not held.certificate:
        return Due.MISSING
    try:
        shown, key = pem.certificate(held.certificate), pem.private_key(held.key)
        names = names_of(shown)
    except CertificateError:
        return Due.UNREADABLE
    if shown.public_key() != key.public_key():
        return Due.OTHER_KEY
    if names != [x509.UniformResourceIdentifier(identity)]:
        return Due.OTHER_IDENTITY
    if not has_signed(pem.certificates(authorities)[0], shown):
        return Due.OTHER_AUTHORITY
    return Due.OLD if pem.is_past(_THIRDS, shown, now) else None


def bundle(held: Credentials, authorities: str, *, keeps: bool, now: int) -> str:
    """Whom a site trusts that is told of these: also others that it trusts already, if it is told to keep them, or if
    its own certificate is of one of them.

    In order a hub leaves an authority out only when nobody shows its certificates any more. One that was restored from
    a backup may not know it; and whoever shows a certificate knows best that it is in use.
    """
    if not held.authorities:
        return authorities
    named = pem.certificates(authorities)
    try:
        trusted, shown = pem.certificates(held.authorities), pem.certificate(held.certificate)
    except CertificateError:
        return authorities
    is_left = pem.ends(shown) > now and not any(has_signed(each, shown) for each in named)
    others = [each for each in trusted if each not in named and pem.ends(each) > now] if keeps or is_left else []
    return authorities + "".join(map(pem.written, others))


def installed(request: Request, certificate: str, authorities: str, *, identity: str, now: int) -> Credentials:
    """What a site holds once its request was answered. Raises CertificateError if it is no answer to it."""
    found = Credentials(authorities=authorities, certificate=certificate, key=request.key)
    reason = due(found, identity=identity, authorities=authorities, now=now)
    if reason is not None:
        raise CertificateError(f"the certificate that was received can't be used ({reason}); another is asked for")
    return found


def has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (*pem.UNREADABLE, InvalidSignature):
        return False
    return True


def names_of(certificate: x509.Certificate) -> list[x509.GeneralName]:
    """All that a certificate is for. Raises CertificateError if that can't be read."""
    try:
        return list(certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except x509.ExtensionNotFound:
        return []
    except pem.UNREADABLE as error:
        raise CertificateError("the names in a certificate can't be read") from error


def _text(data: Mapping[str, str], name: str) -> str:
    try:
        return base64.b64decode(data.get(name) or "", validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
