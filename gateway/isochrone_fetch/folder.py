"""Many files at once, some side by side, of which one digest says what they must be."""

import functools
import hashlib
import pathlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from isochrone_fetch import download, http, manifest
from isochrone_fetch.errors import FetchError
from isochrone_fetch.hf import Repository
from isochrone_fetch.patience import Sleep, patiently
from isochrone_fetch.source import Source

AT_ONCE: Final = 4
_SMALL: Final = 64 * 1024 * 1024


def listed(source: Source, to: pathlib.Path, sha256: str, *, sleep: Sleep) -> None:
    """The files of a folder that lies with its list. The list is what the digest is of."""
    content = patiently(
        lambda: http.read(source.request(manifest.NAME), at_most=manifest.LARGEST), manifest.NAME, sleep=sleep
    )
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise FetchError(f"{manifest.NAME} is not what was asked for: it is sha256:{found}, not sha256:{sha256}")
    _fetch(source, to, manifest.parse(content), sleep=sleep)


def repository(source: Repository, to: pathlib.Path, sha256: str, *, sleep: Sleep) -> None:
    """The files of a repository. Its list is made here, and compared before anything large is fetched."""
    listing = patiently(source.files, source.name, sleep=sleep)
    known = {path: digest for path, digest in listing.items() if manifest.is_listed(path)}
    small = [path for path, digest in known.items() if digest is None]
    digests = {path: digest for path, digest in known.items() if digest is not None}
    for path in small:
        digests[path] = patiently(functools.partial(_read_small, source, path, to), path, sleep=sleep)
    found = manifest.digest(digests)
    if found != sha256:
        raise FetchError(
            f"{source.name} at {source.revision} is not what was asked for: its files are sha256:{found}, not"
            f" sha256:{sha256}; hf://{source.name}@REVISION keeps to one revision"
        )
    for path in small:
        download.beside(to / path).replace(to / path)
    _fetch(source, to, {path: digest for path, digest in digests.items() if path not in small}, sleep=sleep)


def _read_small(source: Repository, path: str, to: pathlib.Path) -> str:
    content = http.read(source.request(path), at_most=_SMALL)
    download.beside(to / path).write_bytes(content)
    return hashlib.sha256(content).hexdigest()


def _fetch(source: Source, to: pathlib.Path, digests: Mapping[str, str], *, sleep: Sleep) -> None:
    def one(path: str) -> None:
        download.file(lambda: source.request(path), to / path, digests[path], sleep=sleep)

    with ThreadPoolExecutor(max_workers=AT_ONCE) as threads:
        try:
            for _ in threads.map(one, sorted(digests)):
                pass
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            raise
