"""The last good config on disk, and when its source was last read. What a gateway starts from when its source is away.

    STATE/config/index.json, STATE/config/<shard>     the config, complete at any time (see `files`)
    STATE/config/contact-<digest>.json                 the last contact that confirmed that very revision
    STATE/<name>                                       what others keep beside it (`keep`)
    STATE/lock                                         held by the process that writes

A contact is kept per revision: were a newer config confirmed but not stored (the disk is full), the older one on disk
must not look fresh after a restart. An unreadable contact makes the config old, never unusable.

Every function may raise OSError; a gateway reports that and goes on.
"""

import dataclasses
import fcntl
import math
import os
import pathlib
import threading
from typing import Final

import msgspec

from isochrone_gateway.config.index import Revision
from isochrone_gateway.source import files, judging
from isochrone_gateway.source.contact import Clock, Contact, Kept, age_seconds, keep, restore
from isochrone_gateway.source.judging import ANYBODY, Complete, Refused, Trust, Wanted, Why

_LOCK: Final = "lock"
_CONFIG: Final = "config"


@dataclasses.dataclass(frozen=True)
class Stored:
    """What was found on disk. Without a contact, its age is unknown, so infinite."""

    complete: Complete
    contact: Contact | None


class Store:
    """The state folder of one gateway."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._config = folder / _CONFIG
        self._lock = -1
        self._holding = threading.Lock()

    def load(self, clock: Clock, trust: Trust = ANYBODY) -> Stored | Refused | None:
        """What is stored; None if nothing is. Judged like any other candidate: disks lie too."""
        try:
            with files.opened(self._config) as opened:
                index = opened.index()
                wanted = judging.judge_index(index, None, trust)
                if not isinstance(wanted, Wanted):
                    return wanted if isinstance(wanted, Refused) else None
                complete = judging.load(index, wanted, opened.shards(wanted.names))
        except FileNotFoundError:
            return None
        if isinstance(complete, Refused):
            return complete
        return Stored(complete, self._contact(complete.revision, clock))

    def save(self, complete: Complete, contact: Contact | None, clock: Clock) -> None:
        """Make this the stored config. A crash in between leaves the old one or the new one, each with its contact."""
        self._hold()
        self._config.mkdir(parents=True, exist_ok=True)
        if contact is not None:
            self._put_contact(complete.revision, contact, clock)
        files.write(self._config, complete.index, complete.blobs)
        files.prune(self._config, keep={*complete.blobs, _contact_name(complete.revision)})

    def touch(self, revision: Revision, contact: Contact, clock: Clock) -> None:
        """The source has confirmed this revision, which is the stored one."""
        self._hold()
        self._put_contact(revision, contact, clock)

    def keep(self, name: str, content: bytes) -> None:
        """Keep something else in this folder; from any thread, but each name from one."""
        self._hold()
        files.put(self._folder / name, content)
        files.sync(self._folder)

    def kept(self, name: str) -> bytes | None:
        """What was kept under this name, if anything was."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def close(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _put_contact(self, revision: Revision, contact: Contact, clock: Clock) -> None:
        if math.isinf(age_seconds(contact, clock)):
            return  # It says nothing, as does a missing one.
        files.put(self._config / _contact_name(revision), msgspec.json.encode(keep(contact, clock)))
        files.sync(self._config)

    def _contact(self, revision: Revision, clock: Clock) -> Contact | None:
        try:
            kept = msgspec.json.decode((self._config / _contact_name(revision)).read_bytes(), type=Kept)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return None
        return restore(kept, clock)

    def _hold(self) -> None:
        """Two gateways in one folder would remove each other's shards."""
        with self._holding:
            if self._lock < 0:
                self._take()

    def _take(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self._folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            raise BlockingIOError(error.errno, "another process keeps its state here", str(self._folder)) from error
        except OSError:
            os.close(lock)
            raise
        self._lock = lock


def unreadable(error: OSError) -> Refused:
    """The state folder is there and can't be read."""
    return Refused(reason=Why.INCOMPLETE, problems=(str(error),))


def _contact_name(revision: Revision) -> str:
    return f"contact-{revision.epoch}-{revision.sequence}-{revision.digest[:32]}.json"
