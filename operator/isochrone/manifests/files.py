"""Which files are meant by a path, as kubectl's `-f FOLDER -R` would have it. The one module here that opens any."""

import fnmatch
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from isochrone.manifests.manifest import Reading
from isochrone.manifests.stream import parse

STDIN: Final = "-"
_EXTENSIONS: Final = frozenset({".yaml", ".yml", ".json"})
_KUSTOMIZATIONS: Final = frozenset({"kustomization.yaml", "kustomization.yml"})
"""Kustomize's own files in a folder of manifests; they need no kind."""


class Unreadable(Exception):  # noqa: N818 - it says what the input is
    """A path that can't be opened, or a folder without manifests."""


def read(paths: Iterable[str], *, exclude: Iterable[str] = ()) -> Reading:
    """The objects in these files and folders (`-` is standard input), each file once, folders in sorted order.

    In folders, Kustomize's own files are passed over, and what matches a pattern of `exclude`: its name, its path below
    the folder, or a folder on that path.
    """
    patterns = tuple(exclude)
    found, seen = Reading(), set[Path | str]()
    for file in (file for path in paths for file in _files(path, patterns)):
        same = STDIN if file == STDIN else Path(file).resolve()
        if same not in seen:
            seen.add(same)
            found += parse(_content(file), file)
    return found


def _files(path: str, exclude: tuple[str, ...]) -> Iterator[str]:
    if path == STDIN or not Path(path).is_dir():
        yield path
        return
    files = sorted(file for file in Path(path).rglob("*") if file.suffix in _EXTENSIONS and file.is_file())
    if not files:
        raise Unreadable(f"{path}: no *.yaml, *.yml or *.json in this folder")
    for file in files:
        if file.name not in _KUSTOMIZATIONS and not _is_excluded(file.relative_to(path), exclude):
            yield str(file)


def _is_excluded(file: Path, patterns: tuple[str, ...]) -> bool:
    above = [parent for parent in file.parents if parent.name]
    names = [name for each in (file, *above) for name in (each.name, each.as_posix())]
    return any(fnmatch.fnmatchcase(name, pattern.rstrip("/")) for name in names for pattern in patterns)


def _content(path: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if path == STDIN else Path(path).read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
