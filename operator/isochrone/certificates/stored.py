"""The state of a rotation as the Secret `isochrone-peer-ca` in isochrone-system of the hub.

tls.crt, tls.key         the authority that signs
ca.crt                   everybody who is trusted, the one that signs first: written for others, not read
coming.crt, coming.key   the one that is introduced
former.crt               the one that is replaced
state.json               times, and whether it is an older one that comes back
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec
from cryptography import x509

from isochrone.certificates import pem
from isochrone.certificates.authority import Authority
from isochrone.certificates.errors import CertificateError
from isochrone.certificates.rotation import Return, State

SECRET: Final = "isochrone-peer-ca"  # noqa: S105 - its name

_SIGNER: Final = "tls"
_COMING: Final = "coming"
_FORMER: Final = "former.crt"
_STATE: Final = "state.json"
_WAY_OUT: Final = (
    f"Restore the Secret {SECRET} in isochrone-system from a backup. Without one, delete it: a new authority is made,"
    " and sites refuse each other until all have its certificates"
)


class _Times(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    since: int
    complete_since: int | None = msgspec.field(default=None, name="completeSince")
    returning: Return | None = None


def data_of(state: State) -> dict[str, str]:
    """The `data` of the Secret."""
    texts = _written(_SIGNER, state.signer) | {"ca.crt": state.authorities}
    if state.coming is not None:
        texts |= _written(_COMING, state.coming)
    if state.former is not None:
        texts[_FORMER] = state.former
    texts[_STATE] = msgspec.json.encode(_Times(state.since, state.complete_since, state.returning)).decode()
    return {name: base64.b64encode(text.encode()).decode() for name, text in texts.items()}


def state_of(data: Mapping[str, str]) -> State:
    """The state in a Secret. Raises CertificateError: nothing is made up, since all sites would refuse each other."""
    try:
        return _state(data)
    except CertificateError as error:
        raise CertificateError(f"{error}. {_WAY_OUT}") from error


def _state(data: Mapping[str, str]) -> State:
    try:
        texts = {name: base64.b64decode(value, validate=True).decode() for name, value in data.items()}
        times = msgspec.json.decode(texts.get(_STATE, ""), type=_Times)
    except (binascii.Error, ValueError):
        # Not chained: such errors quote what they could not read.
        raise CertificateError(f"{_STATE} can't be read") from None
    signer, coming, former = _read(_SIGNER, texts), _read(_COMING, texts), texts.get(_FORMER)
    if signer is None:
        raise CertificateError(f"{_SIGNER}.crt is missing")
    if coming is not None and former is not None:
        raise CertificateError("there are both a coming and a former authority")
    if former is not None:
        _authority(_FORMER, former)
    return State(
        signer=signer,
        coming=coming,
        former=former,
        since=times.since,
        complete_since=times.complete_since,
        returning=times.returning,
    )


def _written(name: str, authority: Authority) -> dict[str, str]:
    return {f"{name}.crt": authority.certificate, f"{name}.key": authority.key}


def _read(name: str, texts: Mapping[str, str]) -> Authority | None:
    if f"{name}.crt" not in texts and f"{name}.key" not in texts:
        return None
    found = Authority(certificate=texts.get(f"{name}.crt", ""), key=texts.get(f"{name}.key", ""))
    certificate = _authority(f"{name}.crt", found.certificate)
    try:
        key = pem.private_key(found.key)
    except CertificateError as error:
        raise CertificateError(f"{name}.key: {error}") from error
    if key.public_key() != certificate.public_key():
        raise CertificateError(f"{name}.key is not the key of {name}.crt")
    return found


def _authority(name: str, text: str) -> x509.Certificate:
    try:
        found = pem.certificate(text)
        constraints = found.extensions.get_extension_for_class(x509.BasicConstraints).value
    except CertificateError as error:
        raise CertificateError(f"{name}: {error}") from error
    except (*pem.UNREADABLE, x509.ExtensionNotFound) as error:
        raise CertificateError(f"{name} is not the certificate of an authority") from error
    if not constraints.ca:
        raise CertificateError(f"{name} is not the certificate of an authority")
    return found
