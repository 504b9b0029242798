"""Writes one worker's chain, on a thread. Whoever has a record puts it on a bounded queue and goes on.

What is on disk is at most `BATCH` seconds behind what was put, and survives a loss of power `SYNC` seconds later. While
the disk is full or the queue is, `is_writable` says so. What is then put nevertheless waits in the queue as long as
there is room; what has none is counted, and the count is a line of the chain before anything that comes after it.

A failed fsync may have thrown away what it should have kept, and says so only once. So after one nothing is written to
this chain anymore: the worker's next life begins another, after what can then be read.

Whoever writes holds a lock by the writer's name. A worker that outlives its supervisor has it until it ends, and its
successor waits for that.
"""

import collections
import contextlib
import dataclasses
import datetime as dt
import errno
import fcntl
import os
import pathlib
import threading
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from isochrone_gateway.ledger.evidence.chain import START, Head, TooLongError, head_of, link
from isochrone_gateway.ledger.evidence.lines import VERSION, Boot, Config, End, Line, Lost
from isochrone_gateway.ledger.evidence.segments import Disk, Segments, make_folder, repair

BATCH: Final = 0.05
SYNC: Final = 1.0
_WITHHELD: Final = 60.0
_AGAIN: Final = 1.0
"""Seconds until the next try after one that failed."""
_ROOM: Final = 20_000
_AT_ONCE: Final = 1_000
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Whose:
    """Whose chain it is."""

    site: str
    instance: str
    writer: str
    place: str = ""
    revision: str = ""
    copied_to: str = ""


def boot_name(now: float, randomness: bytes) -> str:
    """The name of one life of a writer, from its start and 4 random bytes."""
    start = dt.datetime.fromtimestamp(now, dt.UTC)
    return f"{start:%Y%m%dT%H%M%SZ}-{randomness.hex()}"


def begin(chains: pathlib.Path, whose: Whose, boot: str, now: float) -> Boot:
    """Look at this writer's chain before, repair its end, and give the first line of the next. Raises OSError."""
    prefix = f"{whose.writer}-"
    there = sorted(each.name for each in chains.glob(f"{prefix}*") if each.name != prefix + boot)
    first = Boot(at=round(now, 6), version=VERSION, boot=boot, **dataclasses.asdict(whose))
    torn = 0
    for name in reversed(there):
        found = repair(chains / name)
        torn += found.torn
        if found.line:
            return msgspec.structs.replace(first, after=name, torn=torn, **_state_of(found.line, is_torn=torn > 0))
    return msgspec.structs.replace(first, torn=torn)


def _state_of(line: bytes, *, is_torn: bool) -> dict[str, Any]:
    """What the last line of a chain says of its state: nothing, if it was changed so that it can't be read."""
    try:
        head, kind = head_of(line)
    except ValueError:
        return {}
    clean = kind == End.__name__ and not is_torn
    return {"after_count": head.lines, "after_hash": head.digest.hex(), "clean": clean}


class Writer:
    """One chain, from `Boot` to `End`. What it says of itself may be read from any thread."""

    def __init__(
        self,
        chains: pathlib.Path,
        whose: Whose,
        boot: str,
        *,
        wall: Callable[[], float],
        disk: Disk | None = None,
        room: int = _ROOM,
    ) -> None:
        """Nothing is written before `start`; a disk that is full by then is tried again until it isn't."""
        self.name = f"{whose.writer}-{boot}"
        self.lost = 0
        self.failures = 0
        """Writes that failed."""
        self.closes_after: float | None = None
        """Seconds after which a file is closed, to be copied; None: when it is large, and at midnight."""
        self._chains = chains
        self._whose = whose
        self._boot = boot
        self._wall = wall
        self._disk = disk or Disk()
        self._room = room
        self._segments: Segments | None = None
        self._held = -1
        self._head = self._synced = START
        self._copied_to = whose.copied_to
        self._queue: collections.deque[Line] = collections.deque()
        self._unsaid: collections.Counter[str] = collections.Counter()
        self._since = 0.0
        self._withheld = self._withheld_told = 0
        self._withheld_since = wall()
        self._due = 0.0
        self._why = ""
        self._is_broken = False
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def head(self) -> Head:
        """As written; it would survive the end of this process, not yet a loss of power."""
        return self._head

    @property
    def synced(self) -> Head:
        """What would survive a loss of power: what checkpoints may tell."""
        return self._synced

    @property
    def closed(self) -> int:
        """How many of its files will never be longer."""
        return 0 if self._segments is None else self._segments.closed

    @property
    def is_writable(self) -> bool:
        """Whether what is put now will be on disk soon."""
        return not self._why and len(self._queue) < self._room

    @property
    def why(self) -> str:
        """Why it isn't writable, in the words of `Lost`; empty if it is."""
        return self._why or ("" if len(self._queue) < self._room else "QueueFull")

    def put(self, record: Line) -> bool:
        """Have it written soon; gives whether there was room. Never waits for the disk."""
        if len(self._queue) < self._room and not self._is_broken:
            self._queue.append(record)
            return True
        self._lose(self._why or "QueueFull")
        return False

    def turn(self, configs: Sequence[Config]) -> None:
        """Write that another config is in force, however much waits: copies depend on it."""
        if not self._is_broken:
            self._queue.extend(configs)

    def withhold(self) -> None:
        """Count a record that may not be written here. That is told once a minute, not with each request."""
        self._withheld += 1

    def start(self) -> None:
        """Begin the chain, if that is possible now, and write what is put from here on."""
        self._step([])
        self._sync()
        self._thread = threading.Thread(target=self._run, name="evidence", daemon=True)
        self._thread.start()

    def stop(self, reason: str, *, patience: float = 5.0) -> bool:
        """Write what is left, and `End`. Gives whether all of it is on disk."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(patience)
            if self._thread.is_alive():
                return False
        self._tell_withheld(self._wall())
        self._drain()
        if not self._queue and not self._why:
            self._step([End(at=round(self._wall(), 6), reason=reason)])
            self._sync()
        if self._segments is not None:
            self._segments.close()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
        return not self._queue and not self._why

    def _run(self) -> None:
        while not self._stop.is_set():
            self._drain()
            self._sync_if_due()
            now = self._wall()
            if now - self._withheld_since >= _WITHHELD:
                self._tell_withheld(now)
            self._stop.wait(_AGAIN if self._why else BATCH)

    def _sync_if_due(self) -> None:
        now = self._wall()
        if now >= self._due or now < self._due - SYNC:  # A clock that was set back must not put it off.
            self._sync()
            self._due = now + SYNC
            self._close_if_due(now)

    def _tell_withheld(self, now: float) -> None:
        count, since = self._withheld - self._withheld_told, self._withheld_since
        self._withheld_since = now
        if count:
            self._withheld_told += count
            self._queue.append(Lost(at=round(now, 6), count=count, since=round(since, 6), why="Withheld"))

    def _drain(self) -> None:
        """Write what waits, until there is no more or it can't be written."""
        while not self._is_broken and (self._segments is None or self._queue or self._unsaid):
            taken = self._next()
            if not self._step(taken):
                return
            for _ in taken:
                self._queue.popleft()
            self._sync_if_due()  # There may always be more.

    def _next(self) -> list[Line]:
        """What waits, up to where another place begins that it may be copied to: that begins a file, too."""
        taken: list[Line] = []
        place = self._copied_to
        for at in range(min(len(self._queue), _AT_ONCE)):
            record = self._queue[at]
            if isinstance(record, Config):
                if taken and record.copied_to != place:
                    break
                place = record.copied_to
            taken.append(record)
        return taken

    def _step(self, records: list[Line]) -> bool:
        """Write them, after what is to be said about those that were lost. Gives whether they are on disk."""
        with self._lock:
            unsaid, since = self._unsaid, self._since
            self._unsaid = collections.Counter()
        now = round(self._wall(), 6)
        lost = [Lost(at=now, count=count, since=since, why=why) for why, count in unsaid.items()]
        try:
            self._begin()
            self._part(records)
            self._write([*lost, *records])
        except OSError as error:
            self.failures += 1
            self._why = "DiskFull" if error.errno in _FULL else "WriteFailed"
            with self._lock:
                self._unsaid.update(unsaid)
                self._since = since if unsaid else self._since
            return False
        self._why = ""
        return True

    def _begin(self) -> None:
        if self._segments is None:
            self._hold()
            first = begin(self._chains, self._whose, self._boot, self._wall())
            segments = Segments(self._chains / self.name, self._disk)
            line, head = link(START, first)
            try:
                segments.append(line, self._wall())
            except OSError:
                segments.close()
                raise
            self._segments, self._head = segments, head

    def _part(self, records: list[Line]) -> None:
        """Begin another file if what comes may be copied elsewhere than what is there."""
        first = next((each for each in records if isinstance(each, Config)), None)
        if first is not None and first.copied_to != self._copied_to and self._segments is not None:
            self._segments.sync()
            self._segments.close()
            self._copied_to = first.copied_to

    def _close_if_due(self, now: float) -> None:
        """Close a file that is to be copied, once it is old enough and all of it would survive."""
        if self._segments is None or self.closes_after is None or self._synced.lines != self._head.lines:
            return
        if self._segments.is_due(now, self.closes_after):
            self._segments.close()

    def _hold(self) -> None:
        """Raises BlockingIOError while another process writes under this name."""
        if self._held < 0:
            make_folder(self._chains)
            path = self._chains.parent / f"{self._whose.writer}.lock"
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                raise
            self._held = descriptor

    def _write(self, records: list[Line]) -> None:
        head, lines = self._head, []
        for record in records:
            with contextlib.suppress(TooLongError, UnicodeEncodeError):
                line, head = link(head, record)
                lines.append(line)
        if lines and self._segments is not None:
            self._segments.append(b"".join(lines), self._wall())
            self._head = head
        for _ in range(len(records) - len(lines)):
            self._lose("WriteFailed")

    def _sync(self) -> None:
        if self._segments is None or self._synced.lines == self._head.lines or self._is_broken:
            return
        head = self._head
        try:
            self._segments.sync()
        except OSError:
            self.failures += 1
            self._why, self._is_broken = "WriteFailed", True
            return
        self._synced = head

    def _lose(self, why: str) -> None:
        with self._lock:
            if not self._unsaid:
                self._since = round(self._wall(), 6)
            self._unsaid[why] += 1
            self.lost += 1
