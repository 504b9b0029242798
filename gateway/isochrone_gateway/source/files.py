"""One config as a folder: `index.json`, and each shard in a file of its own name beside it.

Reading goes through the folder that the index really lies in, opened once: where a symbolic link is swapped between
two reads (kubelet's `..data`, a release folder), index and shards are still of one set. Writing puts shards first,
each complete and on disk before it gets its name, and the index last; so a crash at any point leaves either the old
set or the new one.
"""

import contextlib
import errno
import os
import pathlib
import stat
from collections.abc import Collection, Iterator, Mapping
from typing import Final

from isochrone_gateway.config.index import MAX_INDEX_BYTES, MAX_STORED_BYTES

INDEX: Final = "index.json"
_UNFINISHED: Final = ".unfinished"


class Opened:
    """A folder that stays the same folder, whatever its name comes to mean."""

    def __init__(self, folder: pathlib.Path) -> None:
        try:
            place = (folder / INDEX).resolve().parent
        except RuntimeError as error:  # Python before 3.13 says it so.
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(folder)) from error
        self._handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def close(self) -> None:
        os.close(self._handle)

    def index(self) -> bytes:
        return self._read(INDEX, MAX_INDEX_BYTES)

    def shards(self, names: Collection[str]) -> dict[str, bytes]:
        """Those of the named shards that are there."""
        found = {}
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                found[name] = self._read(name, MAX_STORED_BYTES)
        return found

    def _read(self, name: str, most: int) -> bytes:
        """At most one byte more than may be read, so that too much is seen but not held."""
        # A pipe or a device in this place must not block us.
        handle = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._handle)
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(f"{name} is not a regular file")
            return file.read(most + 1)


@contextlib.contextmanager
def opened(folder: pathlib.Path) -> Iterator[Opened]:
    """Open the folder for one consistent look."""
    found = Opened(folder)
    try:
        yield found
    finally:
        found.close()


def write(folder: pathlib.Path, index: bytes, blobs: Mapping[str, bytes]) -> None:
    """Make this the folder's config."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, blob in blobs.items():
        if not _holds(folder / name, blob):
            put(folder / name, blob)
    sync(folder)
    put(folder / INDEX, index)
    sync(folder)


def prune(folder: pathlib.Path, *, keep: Collection[str]) -> None:
    """Remove what neither the config nor the owner of the folder needs."""
    for path in folder.iterdir():
        if path.name != INDEX and path.name not in keep:
            path.unlink()


def put(path: pathlib.Path, content: bytes) -> None:
    """Give the file this content, at once and durably; `sync` makes its name durable too."""
    unfinished = path.with_name(path.name + _UNFINISHED)
    with unfinished.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)


def sync(folder: pathlib.Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _holds(path: pathlib.Path, content: bytes) -> bool:
    """Is it there already, and undamaged? A name alone proves nothing after a crash of the disk."""
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except FileNotFoundError:
        return False
