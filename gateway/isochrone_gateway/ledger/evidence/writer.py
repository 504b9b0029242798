"""Writes one worker's chain, on a thread. Whoever has a record gives it to the `Pen` and goes on.

What is on disk is at most `BATCH` seconds behind what was put, and survives a loss of power `SYNC` seconds later. While
the disk is full or the pen is, `is_writable` says so. What is then put nevertheless waits with the pen as long as
there is room; what has none is counted, and the count is a line of the chain before anything that comes after it.

A failed fsync may have thrown away what it should have kept, and says so only once. So after one nothing is written to
this chain anymore: the worker's next life begins another, after what can then be read.

Whoever writes holds a lock by the writer's name. A worker that outlives its supervisor has it until it ends, and its
successor waits for that.
"""

import dataclasses
import datetime as dt
import errno
import fcntl
import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any, Final

import msgspec

from isochrone_gateway.ledger.evidence.chain import START, Head, digest_of, head_of
from isochrone_gateway.ledger.evidence.lines import VERSION, Boot, End
from isochrone_gateway.ledger.evidence.pen import ROOM, Batch, Pen, moment
from isochrone_gateway.ledger.evidence.segments import Disk, Segments, make_folder, repair

BATCH: Final = 0.05
SYNC: Final = 1.0
_AGAIN: Final = 1.0
"""Seconds until the next try after one that failed."""
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
    first = Boot(at=moment(now), version=VERSION, boot=boot, **dataclasses.asdict(whose))
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
        room: int = ROOM,
    ) -> None:
        """Nothing is written before `start`; a disk that is full by then is tried again until it isn't."""
        self.name = f"{whose.writer}-{boot}"
        self.pen = Pen(wall=wall, place=whose.copied_to, room=room)
        """Takes what is to be written."""
        self.failures = 0
        """Writes that failed."""
        self.closes_after: float | None = None
        """Seconds after which a file is closed, to be copied; None: when it is large, and at midnight."""
        self._chains = chains
        self._whose = whose
        self._boot = boot
        self._wall = wall
        self._disk = disk or Disk()
        self._segments: Segments | None = None
        self._held = -1
        self._head = self._synced = START
        self._batch: Batch | None = None
        """What was taken from the pen and isn't on disk yet."""
        self._due = 0.0
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

    def start(self) -> None:
        """Begin the chain, if that is possible now, and write what is put from here on."""
        self._write()
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
        self.pen.tell_withheld(at_once=True)
        self._drain()
        if self.pen.is_empty and not self.pen.trouble:
            self.pen.insist(End(at=moment(self._wall()), reason=reason))
            self._drain()
            self._sync()
        if self._segments is not None:
            self._segments.close()
        if self._held >= 0:
            os.close(self._held)
            self._held = -1
        return self.pen.is_empty and not self.pen.trouble

    def _run(self) -> None:
        while not self._stop.is_set():
            self._drain()
            self._sync_if_due()
            self.pen.tell_withheld()
            self._stop.wait(_AGAIN if self.pen.trouble else BATCH)

    def _sync_if_due(self) -> None:
        now = self._wall()
        if now >= self._due or now < self._due - SYNC:  # A clock that was set back must not put it off.
            self._sync()
            self._due = now + SYNC
            self._close_if_due(now)

    def _drain(self) -> None:
        """Write what waits, until there is no more or it can't be written."""
        while not self.pen.is_shut and self._write():
            self._sync_if_due()  # There may always be more.

    def _write(self) -> bool:
        """Write the next lines. Gives whether there were any, and they are on disk."""
        try:
            segments = self._begun()
            batch = self._batch = self._batch or self.pen.take(_AT_ONCE)
            if batch is None:
                return False
            self._part(segments, batch)
            segments.append(b"".join(batch.lines), self._wall())
        except OSError as error:
            self.failures += 1
            self.pen.trouble = "DiskFull" if error.errno in _FULL else "WriteFailed"
            return False
        self._head = Head(self._head.lines + len(batch.lines), digest_of(batch.lines[-1]))
        self._batch = None
        self.pen.wrote()
        self.pen.trouble = ""
        return True

    def _begun(self) -> Segments:
        """The files, once it is known what the chain begins with. Raises OSError."""
        if self._segments is None:
            self._hold()
            segments = Segments(self._chains / self.name, self._disk)
            self.pen.begin(begin(self._chains, self._whose, self._boot, self._wall()))
            self._segments = segments
        return self._segments

    @staticmethod
    def _part(segments: Segments, batch: Batch) -> None:
        """Begin another file if these lines may be copied elsewhere than what is there."""
        if batch.place is not None:
            segments.sync()
            segments.close()
            batch.place = None

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

    def _sync(self) -> None:
        if self._segments is None or self._synced.lines == self._head.lines or self.pen.is_shut:
            return
        head = self._head
        try:
            self._segments.sync()
        except OSError:
            self.failures += 1
            self.pen.trouble, self.pen.is_shut = "WriteFailed", True
            return
        self._synced = head
