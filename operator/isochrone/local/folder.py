"""The state folder of a running network: all of its files, and the lock that says that it runs.

lock                        held while the network runs
control.sock                where `isochrone sites` asks
sites/NAME/config/          the gateway's config, as `isochrone-gateway --config` reads it
sites/NAME/secrets/         what it reads of secrets; for its owner only
sites/NAME/gateway.log      events; requests.log has one line per request
engines/NAME.log            what llama.cpp says
evidence/                   of where requests were processed; it outlives the network, as do
evidence-keys/NAME.pem      what signs it,
keys/NAME.ID.pem            the public half, by which an auditor knows it, and
anchors.jsonl               what a hub would keep of it
"""

import contextlib
import fcntl
import os
import pathlib
import shutil
from collections.abc import Iterator, Mapping
from typing import Final

from isochrone.certificates import CertificateError, evidence_key, key_id, new_evidence_key
from isochrone_gateway.config import Index, encode_index

INDEX: Final = "index.json"
_UNFINISHED: Final = ".unfinished"
_LONGEST_SOCKET: Final = 100
"""Bytes of a Unix socket's path that every system takes."""


class FolderError(Exception):
    """A state folder that can't be used; the message says what to do."""


class Folder:
    """One network's."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path.absolute()

    @property
    def socket(self) -> pathlib.Path:
        return self.path / "control.sock"

    def site(self, name: str) -> pathlib.Path:
        return self.path / "sites" / name

    @property
    def evidence(self) -> pathlib.Path:
        return self.path / "evidence"

    @property
    def anchors(self) -> pathlib.Path:
        return self.path / "anchors.jsonl"

    def evidence_key(self, name: str) -> pathlib.Path:
        """The file of a site's key, which is made if it isn't there. Raises FolderError for one that is none."""
        path = self.path / "evidence-keys" / f"{name}.pem"
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            key = evidence_key(path.read_text(encoding="ascii")) if path.exists() else new_evidence_key()
        except (CertificateError, UnicodeDecodeError) as error:
            raise FolderError(f"{path}: {error}; move it away, and a new one is made") from error
        if not path.exists():
            _put(path, key.private.encode(), mode=0o600)
        public = self.path / "keys" / f"{name}.{key_id(key.public)}.pem"
        public.parent.mkdir(exist_ok=True)
        _put(public, key.public.encode())
        return path

    def engine_log(self, name: str) -> pathlib.Path:
        return self.path / "engines" / f"{name}.log"

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Nobody else's, and empty at first. Raises FolderError."""
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET:
            raise FolderError(f"{self.path} is too long a path for a socket in it; give a shorter one with --state")
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            lock = (self.path / "lock").open("w")
        except OSError as error:
            raise FolderError(f"{self.path}: {error.strerror}; give another folder with --state") from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise FolderError(
                    f"a network runs already with its state in {self.path}; end it, or give another folder with --state"
                ) from error
            for name in ("sites", "engines"):
                shutil.rmtree(self.path / name, ignore_errors=True)
            (self.path / "engines").mkdir()
            yield


def write_config(folder: pathlib.Path, index: Index, blobs: Mapping[str, bytes]) -> None:
    """Shards first, the index last, each file whole at every moment; then what neither needs is removed."""
    before = {each.name for each in folder.iterdir()} if folder.exists() else set()
    folder.mkdir(parents=True, exist_ok=True)
    for name, blob in blobs.items():
        if name not in before:
            _put(folder / name, blob)
    _put(folder / INDEX, encode_index(index))
    for name in before - {*blobs, INDEX}:
        (folder / name).unlink()


def write_secrets(folder: pathlib.Path, files: Mapping[str, str]) -> None:
    """Exactly these, readable for their owner only."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in [each for each in folder.rglob("*") if each.is_file()]:
        if str(path.relative_to(folder)) not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        _put(folder / name, text.encode(), mode=0o600)


def _put(path: pathlib.Path, content: bytes, *, mode: int = 0o644) -> None:
    unfinished = path.with_name(path.name + _UNFINISHED)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:  # noqa: PTH123 - a mode
        file.write(content)
    unfinished.replace(path)
