"""One file: written beside its place, resumed where it was broken off, verified, and then moved there at once."""

import hashlib
import pathlib
from collections.abc import Callable
from typing import IO

from isochrone_fetch import http
from isochrone_fetch.errors import FetchError
from isochrone_fetch.http import Request
from isochrone_fetch.patience import Sleep, patiently


def file(make: Callable[[], Request], place: pathlib.Path, sha256: str, *, sleep: Sleep) -> None:
    """Puts the file with this digest in its place. `make` is asked anew for each attempt: signatures age."""
    if place.is_file() and digest_of(place) == sha256:
        return
    part = beside(place)
    found = patiently(lambda: _into(make(), part), place.name, sleep=sleep)
    if found != sha256:
        part.unlink()
        raise FetchError(f"{place.name} is not what was asked for: it is sha256:{found}, not sha256:{sha256}")
    part.replace(place)


def beside(place: pathlib.Path) -> pathlib.Path:
    """Where a file is while it isn't complete."""
    place.parent.mkdir(parents=True, exist_ok=True)
    return place.with_name(f".{place.name}.part")


def _into(request: Request, part: pathlib.Path) -> str:
    """Downloads what is missing of the part, and returns the digest of all of it."""
    with part.open("a+b") as out:
        out.seek(0)
        digest = hashlib.sha256()
        while chunk := out.read(http.CHUNK):
            digest.update(chunk)
        offset = out.tell()
        try:
            with http.get(request, offset=offset) as answer:
                if offset and answer.status != http.PARTIAL:
                    out.truncate(0)
                    digest = hashlib.sha256()
                _copy(answer, out, digest.update)
        except http.RefusedError as error:
            if not offset or error.status != http.BEYOND_END:
                raise
            # All of it was there already, or the file has become shorter: the digest tells.
    return digest.hexdigest()


def _copy(answer: http.Answer, out: IO[bytes], update: Callable[[bytes], None]) -> None:
    for chunk in answer.chunks():
        update(chunk)
        out.write(chunk)


def digest_of(place: pathlib.Path) -> str:
    digest = hashlib.sha256()
    with place.open("rb") as stream:
        while chunk := stream.read(http.CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
