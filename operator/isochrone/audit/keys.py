"""Whose signature counts."""

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key


@dataclasses.dataclass(frozen=True, slots=True)
class Key:
    """A public key, and its id: the first 16 hex digits of the SHA-256 of its raw bytes."""

    id: str
    public: Ed25519PublicKey
    sites: frozenset[str] = frozenset()
    """Those whose evidence it may sign; empty: any."""

    def may_sign(self, site: str) -> bool:
        return not self.sites or site in self.sites

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        try:
            self.public.verify(signature, message)
        except InvalidSignature:
            return False
        return True


_ANY: Final = ""
KeyRing = Mapping[str, Key]
"""Trusted keys by their ids."""


def read(path: pathlib.Path) -> Key:
    """The key of a PEM file. Raises ValueError for what is none, or not written as such keys are; OSError."""
    data = path.read_bytes()
    try:
        public = load_pem_public_key(data)
    except UnsupportedAlgorithm as error:
        raise ValueError(str(error)) from error
    if not isinstance(public, Ed25519PublicKey):
        raise ValueError("it is no Ed25519 key")  # noqa: TRY004 - of what is read, not of an argument
    if data != public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo):
        raise ValueError("there is more in it than a key")
    raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return Key(hashlib.sha256(raw).hexdigest()[:16], public)


def trusted(folder: pathlib.Path) -> KeyRing:
    """The keys in the files `*.pem` of a folder. Raises ValueError that names the file that is none.

    One that is called `SITE.ID.pem`, as `audit anchors` writes it, is that site's: a gateway that is broken into must
    not be able to sign for another site. By any other name it is trusted for all.
    """
    found: dict[str, Key] = {}
    named: dict[str, set[str]] = {}
    for path in folder.glob("*.pem"):
        try:
            key = read(path)
        except (OSError, ValueError) as error:
            raise ValueError(f"{path} is no public key: {error}") from error
        site, _, name = path.stem.rpartition(".")
        found[key.id] = key
        named.setdefault(key.id, set()).add(site if name == key.id else _ANY)
    return {
        name: dataclasses.replace(key, sites=frozenset() if _ANY in named[name] else frozenset(named[name]))
        for name, key in found.items()
    }
