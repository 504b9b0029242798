r"""The digest of a folder: the SHA-256 of a list of its files, each with its own.

The list is what `sha256sum` writes, sorted by path, files whose path has a part that begins with a dot left out:

    find . -type f -not -path '*/.*' -not -path ./SHA256SUMS | cut -c3- |
      LC_ALL=C sort | tr '\n' '\0' | xargs -0 sha256sum

It is the same for the same files wherever they are. Over https and in S3 it lies with them as SHA256SUMS.
"""

import hashlib
import pathlib
import re
from collections.abc import Mapping
from typing import Final

from isochrone_fetch.download import digest_of
from isochrone_fetch.errors import FetchError

NAME: Final = "SHA256SUMS"
LARGEST: Final = 16 * 1024 * 1024

_LINE: Final = re.compile(r"([0-9a-f]{64}) [ *](.+)")


def text(digests: Mapping[str, str]) -> str:
    """The list of these files: path -> digest."""
    return "".join(f"{digests[path]}  {path}\n" for path in sorted(digests, key=str.encode))


def digest(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(text(digests).encode()).hexdigest()


def parse(content: bytes) -> dict[str, str]:
    """Path -> digest. Every path stays inside the folder."""
    found = {}
    for line in content.decode(errors="replace").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise FetchError(f"{NAME} has a line that sha256sum would not write: {line[:80]!r}")
        found[inside(match[2])] = match[1]
    return found


def inside(path: str) -> str:
    """The path itself, if it leads nowhere else."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise FetchError(f"{path!r} is no path inside the folder")
    return path


def is_listed(path: str) -> bool:
    """Whether a file counts."""
    parts = path.split("/")
    return parts != [NAME] and not any(part.startswith(".") for part in parts)


def of_folder(folder: pathlib.Path) -> dict[str, str]:
    """The files of a folder, read through to the end."""
    paths = {str(each.relative_to(folder)): each for each in folder.rglob("*") if each.is_file()}
    return {path: digest_of(place) for path, place in paths.items() if is_listed(path)}
