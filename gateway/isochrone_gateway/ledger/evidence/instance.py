"""One gateway's folder: who holds it, the key that it signs with, its checkpoints, and what is too old to be kept.

Whoever opens it holds its lock until it is closed, or until the process ends: two gateways under one name would write
two histories. A checkpoint says what is to be removed before it is removed, so a crash in between leaves too much,
never less than is told.
"""

import contextlib
import dataclasses
import fcntl
import os
import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isochrone_gateway.ledger.evidence.chain import Head, head_of
from isochrone_gateway.ledger.evidence.checkpoint import Anchor, Checkpoints, Signer, key_id
from isochrone_gateway.ledger.evidence.segments import (
    Disk,
    Segments,
    last_line,
    make_folder,
    repair,
    segments_of,
    sync_folder,
)

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_AT_ONCE: Final = 256
"""Chains that one checkpoint says are removed, so that it is no longer than other lines; the next says the others."""


class EvidenceError(Exception):
    """The folder or the key can't be used; the message says why and what to do."""


def load_key(path: pathlib.Path) -> Ed25519PrivateKey:
    """The key in a PEM file, which is made if it isn't there. Raises EvidenceError, OSError."""
    with contextlib.suppress(FileExistsError):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor
            file.write(_pem(Ed25519PrivateKey.generate()))
            file.flush()
            os.fsync(descriptor)
        sync_folder(path.parent)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise EvidenceError(f"{path} holds no private key in PEM without a password: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise EvidenceError(f"{path} holds another kind of key; make one with `openssl genpkey -algorithm ed25519`")
    return key


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


MayGo = Callable[[str, int], bool]
"""Whether a file of a chain, by its number, is needed here no longer."""


def all_may_go(_: str, __: int) -> bool:
    return True


def none_may_go(_: str, __: int) -> bool:
    return False


@dataclasses.dataclass(frozen=True)
class Removal:
    """What is too old: files of one chain, from its beginning, and its head after the last of them."""

    chain: str
    head: Head
    files: tuple[pathlib.Path, ...]


def too_old(
    chains: pathlib.Path, running: Mapping[str, Head], before: float, *, may_go: MayGo = all_may_go
) -> list[Removal]:
    """Whole files that were last written before this time; never the last one of a chain that is written to."""
    found = []
    for folder in sorted(chains.iterdir()):
        files = segments_of(folder)
        old = []
        for path in files[:-1] if folder.name in running else files:
            if path.stat().st_mtime >= before or not may_go(folder.name, int(path.stem)):
                break
            old.append(path)
        last = next((line for path in reversed(old) if (line := last_line(path))), b"")
        with contextlib.suppress(ValueError):  # What was changed stays, so that it can be looked at.
            if last:
                found.append(Removal(folder.name, head_of(last)[0], tuple(old)))
    return found


class Instance:
    """The folder of one gateway, while it runs."""

    def __init__(
        self, root: pathlib.Path, site: str, name: str, key: Ed25519PrivateKey, *, disk: Disk | None = None
    ) -> None:
        """Lock it and find its last checkpoint. Raises EvidenceError, OSError."""
        for each in (site, name):
            if not _NAME.fullmatch(each) or each in {".", ".."}:
                raise EvidenceError(f"{each!r} can't be the name of a folder: use letters, digits, '.', '_' and '-'")
        self.folder = root / site / name
        self.chains = self.folder / "chains"
        make_folder(self.chains)
        self._lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            self._hold()
            raw = self._publish(key)
            last = repair(self.folder / "checkpoints").line
            self._checkpoints = Checkpoints(site, name, Signer(key_id(raw), key.sign), last)
            self._segments = Segments(self.folder / "checkpoints", disk or Disk())
        except ValueError as error:
            os.close(self._lock)
            raise EvidenceError(
                f"{self.folder}/checkpoints was changed ({error}): keep it, and move it away"
            ) from error
        except BaseException:
            os.close(self._lock)
            raise
        self._told: dict[str, Head] = {}
        self._running: dict[str, Head] = {}

    @property
    def anchor(self) -> Anchor | None:
        """Of the last checkpoint."""
        return self._checkpoints.anchor

    def note(self, chain: str, head: Head) -> None:
        """So much of a chain is synced."""
        if chain not in self._running or head.lines > self._running[chain].lines:
            self._running[chain] = head

    def ended(self, chain: str) -> None:
        """Nobody writes to it anymore. It is forgotten once a checkpoint has told its end."""
        if self._told.get(chain) == self._running.get(chain):
            self._told.pop(chain, None)
            self._running.pop(chain, None)

    def checkpoint(self, now: float, keep: float | None = None, *, may_go: MayGo = all_may_go) -> Anchor | None:
        """Write a checkpoint if something has changed, and remove what is older than `keep` seconds. Raises OSError."""
        removals = [] if keep is None else too_old(self.chains, self._running, now - keep, may_go=may_go)[:_AT_ONCE]
        grown = {name: head for name, head in self._running.items() if self._told.get(name) != head}
        if not grown and not removals:
            return None
        line = self._checkpoints.line(now, grown, {each.chain: each.head for each in removals})
        self._segments.append(line, now)
        self._segments.sync()
        self._checkpoints.follow(line)
        self._told.update(grown)
        for each in removals:
            _remove(each)
        return self._checkpoints.anchor

    @property
    def closed(self) -> int:
        """How many files of checkpoints will never be longer."""
        return self._segments.closed

    def close_if_due(self, now: float, after: float) -> None:
        """Close the file of checkpoints that was begun so many seconds ago. All of them were synced."""
        if self._segments.is_due(now, after):
            self._segments.close()

    def finish(self) -> None:
        """Write no more, and keep the folder."""
        self._segments.close()

    def close(self) -> None:
        self.finish()
        os.close(self._lock)

    def _hold(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EvidenceError(
                f"another gateway writes to {self.folder}: end it, or give this one another name or folder"
            ) from error

    def _publish(self, key: Ed25519PrivateKey) -> bytes:
        public = key.public_key()
        pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        (self.folder / "public-key.pem").write_bytes(pem)
        return public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _remove(removal: Removal) -> None:
    for path in removal.files:
        path.unlink(missing_ok=True)
    folder = removal.files[0].parent
    sync_folder(folder)
    if not segments_of(folder):
        folder.rmdir()
        sync_folder(folder.parent)
