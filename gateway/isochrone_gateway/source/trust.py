"""The public keys that may sign a config: Ed25519 (RFC 8032), one PEM file `KEY-ID.pem` each (RFC 8410).

openssl genpkey -algorithm ed25519 -out hub.key && openssl pkey -in hub.key -pubout -out trusted/hub.pem
"""

import pathlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from isochrone_gateway.config import Verify

_SUFFIX: Final = ".pem"


class TrustError(Exception):
    """The folder of trusted keys can't be used; the message says which file and why."""


def trusted(folder: pathlib.Path) -> Verify:
    """Trust the keys in this folder."""
    paths = sorted(folder.glob(f"*{_SUFFIX}"))
    if not paths:
        raise TrustError(f"{folder} has no file KEY-ID{_SUFFIX}, so no config could be trusted")
    keys = {path.name.removesuffix(_SUFFIX): _read(path) for path in paths}

    def verify(key_id: str, message: bytes, signature: bytes) -> bool:
        key = keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify


def _read(path: pathlib.Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrustError(f"{path} is not a public key in PEM form ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise TrustError(f"{path} is not an Ed25519 key")
    return key
