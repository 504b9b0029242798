"""Which files are meant by a path, as kubectl's `-f FOLDER -R` would have it. The one module here that opens any."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from isochrone.manifests.manifest import Reading
from isochrone.manifests.stream import parse

STDIN: Final = "-"
_EXTENSIONS: Final = frozenset({".yaml", ".yml", ".json"})


class Unreadable(Exception):  # noqa: N818 - it says what the input is
    """A path that can't be opened, or a folder without manifests."""


def read(paths: Iterable[str]) -> Reading:
    """The objects in these files and folders (`-` is standard input), each file once, folders in sorted order."""
    found = Reading()
    for file in dict.fromkeys(file for path in paths for file in _files(path)):
        found += parse(_content(file), file)
    return found


def _files(path: str) -> Iterator[str]:
    if path == STDIN or not Path(path).is_dir():
        yield path
        return
    files = sorted(file for file in Path(path).rglob("*") if file.suffix in _EXTENSIONS and file.is_file())
    if not files:
        raise Unreadable(f"{path}: no *.yaml, *.yml or *.json in this folder")
    yield from map(str, files)


def _content(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
