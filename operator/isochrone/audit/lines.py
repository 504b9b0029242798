"""Lines of segments, one at a time, each with where it stands."""

import pathlib
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding a line raises that isn't as it was written."""
LIMIT: Final = 64 * 1024
"""Bytes of a line with its end."""
_SEGMENT: Final = re.compile(r"[0-9]{6,}\.jsonl")


class Line(NamedTuple):
    """A line of a file without its LF; `whole` says whether it had one."""

    path: pathlib.Path
    number: int
    offset: int
    data: bytes
    whole: bool


def segments(folder: pathlib.Path) -> list[pathlib.Path]:
    """The segments of a folder in order."""
    if not folder.is_dir():
        return []
    return sorted(filter(_is_segment, folder.iterdir()), key=lambda each: int(each.stem))


def strange(folder: pathlib.Path) -> list[pathlib.Path]:
    """What else is in a folder of segments, in no order."""
    return [each for each in folder.iterdir() if not _is_segment(each)] if folder.is_dir() else []


def _is_segment(path: pathlib.Path) -> bool:
    return _SEGMENT.fullmatch(path.name) is not None and path.is_file()


def read(paths: Iterable[pathlib.Path]) -> Iterator[Line]:
    for path in paths:
        with path.open("rb") as file:
            number = offset = 0
            while raw := file.readline(LIMIT):
                number += 1
                whole = raw.endswith(b"\n")
                yield Line(path, number, offset, raw[:-1] if whole else raw, whole)
                offset += len(raw)
