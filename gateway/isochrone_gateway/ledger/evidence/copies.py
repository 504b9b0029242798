"""What of an instance's folder is to be copied to a bucket next, and how far that is.

Files are copied once nothing is appended to them anymore, in the order in which they were begun. A file of checkpoints
waits for all that was begun before it was closed: else a copy would seem to lack what was signed.

What was copied is kept in `copied.json`, by bucket. A name is noted there before it is sent: who was killed in between
finds its own object in the bucket, and knows it.
"""

import contextlib
import fcntl
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from isochrone_gateway.ledger.evidence.lines import Boot, Config, End, Lost
from isochrone_gateway.ledger.evidence.segments import last_line, segments_of, sync_folder

CHECKPOINTS: Final = "checkpoints"
PUBLIC_KEY: Final = "public-key.pem"
_CHAINS: Final = "chains"
_STATE: Final = "copied.json"
_KINDS: Final = 8
"""Lines that may come before the one that says to where: some of `Lost`."""
_LONGEST: Final = 1024 * 1024
"""Bytes of a line that is read: more than the longest."""
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_BUCKETS: Final = 16
"""Of so many is it kept what they have."""


class Mark(msgspec.Struct, omit_defaults=True):
    """How far one folder is: the first file that is still to be copied, and to where what comes before it may be."""

    next: int = 0
    place: str = ""


class Done(msgspec.Struct, omit_defaults=True):
    """What one bucket has."""

    folders: dict[str, Mark] = {}
    sent: list[str] = []
    """What was being sent, and of which it isn't known what became of it."""


class File(NamedTuple):
    """One that is to be copied."""

    path: pathlib.Path
    key: str
    folder: str
    number: int
    since: float
    """When it was begun."""


class Seen(NamedTuple):
    """What is known of those who write."""

    running: Mapping[str, int]
    """Chains of workers that live, and how many of their files will never be longer."""
    checkpoints: int
    """The same of the checkpoints."""
    workers: int


class Backlog(NamedTuple):
    """What is to be copied now, and the time at which the oldest was begun that isn't, closed or not."""

    ready: File | None
    oldest: float | None


class Head(NamedTuple):
    """What the beginning of a file says."""

    since: float
    place: str | None
    """To where it may be copied; None: to where the file before may be."""
    after: str


class Copies:
    """What one bucket lacks. `place` is where it is: nothing else than what says so goes there."""

    def __init__(self, folder: pathlib.Path, bucket: str, place: str) -> None:
        self._folder = folder
        self._place = place
        self._all = _load(folder / _STATE)
        self._done = self._all[bucket] = self._all.pop(bucket, Done())
        self._over: set[str] = set()
        """Chains that are finished, and copied."""
        self._after: dict[str, str] = {}
        """Chain -> the one of the same worker before it."""

    def look(self, seen: Seen) -> Backlog:
        """What is to be done. Raises OSError."""
        folder = self._folder / _CHAINS
        names = sorted(each.name for each in folder.iterdir()) if folder.is_dir() else []
        self._forget(names)
        waiting = [each for name in names if name not in self._over and (each := self._first(name, seen))]
        oldest = min((each.since for each in waiting), default=math.inf)
        ready = min(
            (each for each in waiting if self._is_closed(each.folder, each.number, seen)), key=_since, default=None
        )
        signed = self._checkpoints()
        if ready is None and signed is not None and signed.number < seen.checkpoints:
            ready = signed if signed.path.stat().st_mtime < oldest else None
        since = min(oldest, signed.since if signed else math.inf)
        return Backlog(ready or self._key(), None if math.isinf(since) else since)

    def has(self, chain: str, number: int) -> bool:
        """Whether a file needn't be kept for this bucket: it has it, or may not have it."""
        mark = self._done.folders.get(chain)
        return mark is not None and number < mark.next

    def was_sent(self, file: File) -> bool:
        """Whether it may be there already, since it isn't known what became of it."""
        return file.key in self._done.sent

    def sending(self, file: File) -> None:
        """It is about to be sent."""
        if file.key not in self._done.sent:
            self._done.sent.append(file.key)
            self._save()

    def not_sent(self, file: File) -> None:
        """It surely was not."""
        if file.key in self._done.sent:
            self._done.sent.remove(file.key)
            self._save()

    def copied(self, file: File) -> None:
        """The bucket has it."""
        self._done.folders[file.folder] = Mark(file.number + 1, self._place)
        self._done.sent = [each for each in self._done.sent if each != file.key and (self._folder / each).exists()]
        self._save()

    def _forget(self, names: list[str]) -> None:
        for gone in self._done.folders.keys() - {*names, CHECKPOINTS, PUBLIC_KEY}:
            del self._done.folders[gone]
        for name in names:
            if name not in self._after and (head := read_head(self._folder / _CHAINS / name / _name(0))):
                self._after[name] = head.after
        there = frozenset(names)
        self._after = {name: after for name, after in self._after.items() if name in there}
        self._over &= there

    def _first(self, name: str, seen: Seen) -> File | None:
        """The first file of a chain that is to be copied and isn't. Those that may not be are passed over."""
        folder = self._folder / _CHAINS / name
        mark = self._done.folders.get(name, Mark())
        while (path := _from(folder, mark.next, seen.running.get(name))) is not None:
            number = int(path.stem)
            head = read_head(path)
            place = mark.place if head is None or head.place is None else head.place
            if head is not None and place == self._place:
                self._done.folders[name] = Mark(number, mark.place)
                return File(path, f"{_CHAINS}/{name}/{path.name}", name, number, head.since)
            if not self._is_closed(name, number, seen):
                return None
            mark = self._done.folders[name] = Mark(number + 1, place)
        if self._is_over(name, seen):
            self._over.add(name)
        return None

    def _is_closed(self, name: str, number: int, seen: Seen) -> bool:
        following = self._folder / _CHAINS / name / _name(number + 1)
        return number < seen.running.get(name, 0) or following.exists() or self._is_over(name, seen)

    def _is_over(self, name: str, seen: Seen) -> bool:
        """Whether nobody writes to a chain anymore, and its end was looked at if its worker was killed."""
        if name in seen.running:
            return False
        if name in self._after.values():
            return True
        files = segments_of(self._folder / _CHAINS / name)
        is_ended = bool(files) and _is_end(last_line(files[-1]))
        return is_ended or self._is_of_nobody(name.partition("-")[0], seen.workers)

    def _is_of_nobody(self, writer: str, workers: int) -> bool:
        """Of a worker of a time when there were more, and that has ended."""
        number = writer.removeprefix("w")
        if not number.isdecimal() or int(number) < workers:
            return False
        with contextlib.suppress(OSError), (self._folder / f"{writer}.lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def _checkpoints(self) -> File | None:
        mark = self._done.folders.get(CHECKPOINTS, Mark())
        path = _from(self._folder / CHECKPOINTS, mark.next, None)
        head = None if path is None else read_head(path)
        if path is None or head is None:
            return None
        return File(path, f"{CHECKPOINTS}/{path.name}", CHECKPOINTS, int(path.stem), head.since)

    def _key(self) -> File | None:
        path = self._folder / PUBLIC_KEY
        if PUBLIC_KEY in self._done.folders or not path.exists():
            return None
        return File(path, PUBLIC_KEY, PUBLIC_KEY, 0, math.inf)

    def _save(self) -> None:
        """As well as it can be: on a full disk, what is copied is not forgotten before a restart."""
        path = self._folder / _STATE
        with contextlib.suppress(OSError):
            new = path.with_suffix(".new")
            with new.open("wb") as file:
                file.write(msgspec.json.encode(self._all))
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
            sync_folder(self._folder)


def _since(file: File) -> float:
    return file.since


def _name(number: int) -> str:
    return f"{number:06}.jsonl"


def _from(folder: pathlib.Path, number: int, closed: int | None) -> pathlib.Path | None:
    """The file of this number, or the next one that is there. There may be thousands, so they are seldom listed."""
    path = folder / _name(number)
    if path.exists():
        return path
    if closed is not None and number >= closed:
        return None
    return next((each for each in segments_of(folder) if int(each.stem) > number), None)


class _Line(msgspec.Struct, rename="camel"):
    at: float
    kind: str = ""
    copied_to: str = ""
    after: str = ""


def read_head(path: pathlib.Path) -> Head | None:
    """What the beginning of a file says; None if there is no whole line. What can't be read may go nowhere."""
    since = None
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        for _ in range(_KINDS):
            line = file.readline(_LONGEST)
            if not line.endswith(b"\n"):
                break
            try:
                said = msgspec.json.decode(line, type=_Line)
            except _UNREADABLE:
                return Head(since or 0.0, "", "")
            since = said.at if since is None else since
            if said.kind != Lost.__name__:
                is_said = said.kind in {Boot.__name__, Config.__name__}
                return Head(since, said.copied_to if is_said else None, said.after)
    return None if since is None else Head(since, None, "")


def _is_end(line: bytes) -> bool:
    with contextlib.suppress(*_UNREADABLE):
        return msgspec.json.decode(line, type=_Line).kind == End.__name__
    return False


def _load(path: pathlib.Path) -> dict[str, Done]:
    """What was kept; of the buckets used last."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=dict[str, Done])
    except (OSError, *_UNREADABLE):
        return {}
    return dict(list(found.items())[-_BUCKETS:])
