"""Writing a cluster's files, and what they remember: the revision of each site's config.

A folder is ours if its kustomization is. Nothing else is ever written over, or removed.
"""

import contextlib
import dataclasses
import datetime as dt
import pathlib
from collections.abc import Mapping
from typing import Any, Final

import yaml

from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.bundle import Bundle, index_object
from isochrone.render.gateway.config_maps import INDEX
from isochrone_gateway.config import ConfigError, Index, Release, read_index

_KUSTOMIZATION: Final = "kustomization.yaml"
_README: Final = "README.md"
_FIRST_EPOCH: Final = 1


class OutputError(Exception):
    """A folder that can't be written, or is not ours. The message says what to do."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Files, by what became of them."""

    written: int
    same: int
    removed: int


class Revisions:
    """Gives each site's config a revision that follows the last one in the folder."""

    def __init__(self, folder: pathlib.Path, installation: str, *, epoch: int | None, issued_at: dt.datetime) -> None:
        self._folder = folder
        self._installation = installation
        self._epoch = epoch
        self._issued_at = issued_at

    def index(self, bundle: Bundle) -> dict[str, Any]:
        """The ConfigMap of a site's index: the one that is there, if it is of this very config."""
        path = self._folder / bundle.site / SYSTEM_NAMESPACE / f"configmap-{bundle.gateway}-config.yaml"
        stored = _stored(path)
        last = _last(path, stored)
        epoch = self._next_epoch(last)
        if last is not None and stored is not None and self._is_same(last, bundle, epoch):
            return stored
        sequence = last.revision.sequence + 1 if last is not None and last.revision.epoch == epoch else 1
        release = Release(installation=self._installation, epoch=epoch, sequence=sequence, issued_at=self._issued_at)
        return index_object(bundle, release)

    def _next_epoch(self, last: Index | None) -> int:
        before = last.revision.epoch if last is not None else _FIRST_EPOCH
        if self._epoch is None:
            return before
        if self._epoch < before:
            raise OutputError(f"--epoch {self._epoch} is below the last one, {before}: gateways would refuse it")
        return self._epoch

    def _is_same(self, last: Index, bundle: Bundle, epoch: int) -> bool:
        digest = bundle.config.digest if bundle.config is not None else ""
        return (last.installation, last.revision.epoch, last.revision.digest) == (self._installation, epoch, digest)


def write(folder: pathlib.Path, files: Mapping[str, str]) -> Done:
    """Make the folder hold these files, and of those that were written before no others. Raises OutputError."""
    before = _before(folder)
    written = 0
    try:
        # The kustomization comes last: until then the folder is what it was, or more.
        for name, text in sorted(files.items(), key=lambda item: item[0] == _KUSTOMIZATION):
            written += _write(folder / name, text)
        gone = [name for name in before if name not in files]
        for name in gone:
            _remove(folder, name)
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error
    return Done(written=written, same=len(files) - written, removed=len(gone))


def _before(folder: pathlib.Path) -> list[str]:
    """The files of the last run."""
    kustomization = folder / _KUSTOMIZATION
    if not kustomization.exists():
        if folder.exists() and not (folder.is_dir() and _is_empty(folder)):
            raise OutputError(f"{folder} is not empty, and not of isochrone render: give another folder, or empty it")
        return []
    names = _read(kustomization).get("resources")
    if not isinstance(names, list) or not all(isinstance(name, str) and _is_below(name) for name in names):
        raise OutputError(f"{kustomization} is not of isochrone render: give another folder, or restore the file")
    return names


def _is_empty(folder: pathlib.Path) -> bool:
    return next(folder.iterdir(), None) is None


def _is_below(name: str) -> bool:
    path = pathlib.PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _write(path: pathlib.Path, text: str) -> bool:
    """Whether the file was another one. It is whole at each moment."""
    data = text.encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    part.replace(path)
    return True


def _remove(folder: pathlib.Path, name: str) -> None:
    path = folder / name
    path.unlink(missing_ok=True)
    for parent in path.relative_to(folder).parents:
        if parent.name:
            with contextlib.suppress(OSError):  # It has other files in it.
                (folder / parent).rmdir()


def _stored(path: pathlib.Path) -> dict[str, Any] | None:
    return _read(path) if path.exists() else None


def _last(path: pathlib.Path, stored: Mapping[str, Any] | None) -> Index | None:
    if stored is None:
        return None
    try:
        return read_index(stored["data"][INDEX].encode()).index
    except (ConfigError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{path} holds no revision that can be read: restore it, or remove the folder") from error


def _read(path: pathlib.Path) -> dict[str, Any]:
    try:
        found = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError) as error:
        raise OutputError(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise OutputError(f"{path} holds no object: restore it, or give another folder")
    return found
