"""The files of one chain. Only its last one grows; what a crash left half-written at its end is cut off.

A write that fails leaves no part of a line: the file is cut back to what it was before. If that fails too, or a sync
does, it isn't known what is on disk, and nothing more is appended: the kernel tells of a lost page only once.
"""

import dataclasses
import errno
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Final

_DAY: Final = 86_400
LARGEST: Final = 64 * 1024 * 1024
_NAME: Final = re.compile(r"\d{6,}\.jsonl")
_READ: Final = 128 * 1024
"""More than the longest line."""


class Disk:
    """What is asked of the disk; tests have others."""

    def append(self, descriptor: int, data: bytes) -> None:
        """Write all of it. Raises OSError; a part may have been written."""
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        os.fsync(descriptor)


def sync_folder(folder: pathlib.Path) -> None:
    """Make the names in it last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: pathlib.Path) -> None:
    """Make it with those above it, readable by us and our group alone, and make their names last."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o750, exist_ok=True)
        sync_folder(each.parent)


def segments_of(folder: pathlib.Path) -> list[pathlib.Path]:
    """Its files, oldest first."""
    found = [each for each in folder.iterdir() if _NAME.fullmatch(each.name)] if folder.is_dir() else []
    return sorted(found, key=lambda each: int(each.stem))


class Segments:
    """Appends lines to a chain's files."""

    def __init__(self, folder: pathlib.Path, disk: Disk, *, largest: int = LARGEST) -> None:
        """Go on after the last file that is there. Raises OSError."""
        make_folder(folder)
        self._folder = folder
        self._disk = disk
        self._largest = largest
        self._descriptor = -1
        self._size = 0
        self._day = -1
        self._since = 0.0
        self._is_broken = False
        there = segments_of(folder)
        self._next = int(there[-1].stem) + 1 if there else 0

    def append(self, data: bytes, now: float) -> None:
        """Write whole lines, all or none. Raises OSError."""
        self._check()
        day = int(now) // _DAY
        if self._descriptor >= 0 and (day != self._day or self._size + len(data) > self._largest):
            self.sync()
            self.close()
        if self._descriptor < 0:
            self._open(day)
            self._since = now
        try:
            self._disk.append(self._descriptor, data)
        except OSError:
            self._is_broken = True
            os.ftruncate(self._descriptor, self._size)
            self._is_broken = False
            raise
        self._size += len(data)

    def sync(self) -> None:
        """Wait until all of it would survive a loss of power. Raises OSError."""
        self._check()
        if self._descriptor >= 0:
            self._is_broken = True
            self._disk.sync(self._descriptor)
            self._is_broken = False

    @property
    def closed(self) -> int:
        """How many files there are, with those that were removed, to which nothing is appended anymore."""
        return self._next if self._descriptor < 0 else self._next - 1

    def is_due(self, now: float, after: float) -> bool:
        """Whether a file is open that was begun so many seconds ago."""
        return self._descriptor >= 0 and now - self._since >= after

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _check(self) -> None:
        if self._is_broken:
            raise OSError(errno.EIO, "an earlier sync failed", str(self._folder))

    def _open(self, day: int) -> None:
        path = self._folder / f"{self._next:06}.jsonl"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._next += 1
        self._size, self._day = 0, day
        sync_folder(self._folder)


@dataclasses.dataclass(frozen=True)
class Found:
    """The end of a chain that is there."""

    line: bytes
    """The last whole one, with its LF; empty if there is none."""
    torn: int
    """Bytes of a half-written line that were cut off."""


def repair(folder: pathlib.Path) -> Found:
    """Cut off a half-written line at the end, and give the last whole one. Raises OSError."""
    torn = 0
    for path in reversed(segments_of(folder)):
        torn += _cut(path)
        line = last_line(path)
        if line:
            return Found(line, torn)
    return Found(b"", torn)


def last_line(path: pathlib.Path) -> bytes:
    """With its LF; empty if there is none."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _READ))
        end = file.read()
    return end[end.rfind(b"\n", 0, len(end) - 1) + 1 :] if end.endswith(b"\n") else b""


def _cut(path: pathlib.Path) -> int:
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        kept = size
        for end in _ends(size):
            start = max(0, end - _READ)
            file.seek(start)
            at = file.read(end - start).rfind(b"\n")
            kept = start + at + 1 if at >= 0 else start
            if at >= 0:
                break
        if kept < size:
            file.truncate(kept)
            os.fsync(file.fileno())
        return size - kept


def _ends(size: int) -> Iterator[int]:
    yield from range(size, 0, -_READ)
