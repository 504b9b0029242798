"""The public keys that may sign a config: Ed25519 (RFC 8032), one PEM file `KEY-ID.pem` each (RFC 8410).

openssl genpkey -algorithm ed25519 -out hub.key && openssl pkey -in hub.key -pubout -out trusted/hub.pem

The folder is what counts, as it is now: it is read again when a signature is to be checked, so a key that comes or goes
needs no restart. In a pod it is a ConfigMap, which a kubelet brings up to two minutes late, and which may not be there
yet. Then no key is trusted and no config is taken; what was verified before goes on.
"""

import pathlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

_SUFFIX: Final = ".pem"
_AGAIN: Final = 2.0
"""Seconds that what was read holds."""


class TrustError(Exception):
    """A file can't be used; the message says which and why."""


class TrustedKeys:
    """The keys in a folder. `tell` is told what is wrong there, and that nothing is any more, with None."""

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        tell: Callable[[str | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._folder = folder
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: Mapping[str, Ed25519PublicKey] = {}
        self._problem: str | None = None
        self._until = -1.0

    def verify(self, key_id: str, message: bytes, signature: bytes) -> bool:
        """Whether a key that is trusted under this id made the signature."""
        self.look()
        key = self._keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def look(self) -> str | None:
        """Read the folder, unless that was just done; gives what is wrong with it."""
        with self._lock:
            now = self._clock()
            if now >= self._until:
                self._until = now + _AGAIN
                before = self._problem
                self._keys, self._problem = _read_all(self._folder)
                if self._problem != before:
                    self._tell(self._problem)
            return self._problem


def _read_all(folder: pathlib.Path) -> tuple[Mapping[str, Ed25519PublicKey], str | None]:
    """All keys that can be read, and why another can't be. It is none, and does the others no harm."""
    keys, problems = {}, []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        try:
            keys[path.name.removesuffix(_SUFFIX)] = _read(path)
        except TrustError as error:
            problems.append(str(error))
    if not keys and not problems:
        problems.append(f"{folder} has no file KEY-ID{_SUFFIX}, so no config can be trusted")
    return keys, "; ".join(problems) or None


def _read(path: pathlib.Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise TrustError(f"{path} is not a public key in PEM form ({error})") from error
    if not isinstance(key, Ed25519PublicKey):
        raise TrustError(f"{path} is not an Ed25519 key")
    return key
