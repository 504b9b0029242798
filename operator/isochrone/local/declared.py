"""The manifests of a folder: read as a whole, and looked at again and again to see whether they changed."""

import pathlib
from collections.abc import Callable, Hashable
from typing import Final

from isochrone.local.pacing import Settling
from isochrone.model import Snapshot


class Invalid(Exception):  # noqa: N818 - it says what they are
    """Manifests that can't be run; the message says why, for people."""


Load = Callable[[pathlib.Path], Snapshot]
"""What is declared now. Raises Invalid."""

_SETTLED_AFTER: Final = 0.5
"""Seconds for which they must stay as they are: editors write in several steps."""


def fingerprint(folder: pathlib.Path) -> Hashable:
    """Another one whenever a file was written, added or removed."""
    paths = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    found = []
    for path in paths:
        try:
            stat = path.stat()
        except OSError:  # It has just been removed.
            continue
        found.append((str(path), stat.st_mtime_ns, stat.st_size, stat.st_ino))
    return tuple(found)


class Manifests:
    """What is declared, as it is valid."""

    def __init__(self, folder: pathlib.Path, declared: Snapshot, seen: Hashable, *, load: Load) -> None:
        """`seen` is the folder's fingerprint before it was read."""
        self.folder = folder
        self.declared = declared
        self.problem = ""
        """Why what is there now is not run."""
        self._load = load
        self._settling = Settling.at(seen)

    def look(self, now: float) -> bool:
        """Whether they changed, and were read anew, well or not. Blocks: for a thread."""
        self._settling = self._settling.look(fingerprint(self.folder), now)
        if not self._settling.is_due(now, after=_SETTLED_AFTER):
            return False
        self._settling = self._settling.acted()
        try:
            self.declared, self.problem = self._load(self.folder), ""
        except Invalid as error:
            self.problem = str(error)
        return True
