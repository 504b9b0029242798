"""Requests and events as JSON lines.

A log must never slow down a request, so whatever is written is written by a thread: requests by the record queue's,
events by one of their own. A reader that stops reading (a full pipe) fills a bounded queue, and then lines are
dropped and counted.

Several processes share one standard output. POSIX lets a pipe mix only writes of more than PIPE_BUF bytes (4096 on
Linux, pipe(7)), so the few lines of events go out in writes of no more than that. Requests are many, and each write
makes the thread wait for its turn in the interpreter: all lines of a batch are one write, and processes take turns.
"""

import contextlib
import fcntl
import os
import threading
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.ledger.record import Outcome, Record

_PIPE_BUF: Final = 4096
_CAPACITY: Final = 4096
_PAUSE: Final = 0.05
_ORDER: Final = tuple(LogLevel)
_ALL: Final = 2**32

Write = Callable[[bytes], object]


def write_to(descriptor: int, *, turns: int | None = None) -> Write:
    """A writer to a file descriptor that writes all of what it is given.

    `turns` is another one, which the processes that write to the first have in common: they lock it while they write.
    """

    def write(data: bytes) -> None:
        with contextlib.nullcontext() if turns is None else _turn(turns):
            while data:
                data = data[os.write(descriptor, data) :]

    return write


@contextlib.contextmanager
def _turn(descriptor: int) -> Iterator[None]:
    """Hold the lock of a file. It belongs to the process, so it ends with it (fcntl(2), "advisory record locking")."""
    fcntl.lockf(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        fcntl.lockf(descriptor, fcntl.LOCK_UN)


class RequestLog:
    """A sink for records: one line each.

    `percent` of the answered requests are written, chosen by their id, so that all sites choose alike; of the others,
    which are fewer and say more, all. Never a line that the law doesn't let be written here.
    """

    def __init__(self, write: Write, *, percent: int = 100) -> None:
        self.is_on = True
        self._write = write
        self._threshold = percent * _ALL // 100
        self._encoder = msgspec.json.Encoder(decimal_format="number")

    def write(self, records: Sequence[Record]) -> None:
        if not self.is_on:
            return
        chosen = [each for each in records if each.is_logged and self._is_chosen(each)]
        if chosen:
            self._write(self._encoder.encode_lines(chosen))

    def _is_chosen(self, record: Record) -> bool:
        return (
            self._threshold >= _ALL
            or record.outcome is not Outcome.ANSWERED
            or zlib.crc32(record.id.encode()) < self._threshold
        )


class EventLog:
    """What happens to the gateway itself. `level` is the least that is written, and may be changed."""

    def __init__(self, write: Write, *, wall: Callable[[], float], level: LogLevel = LogLevel.INFO) -> None:
        self._write = write
        self._wall = wall
        self.level = level
        self.dropped = 0
        self._lines: deque[bytes] = deque()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def say(self, level: LogLevel, event: str, /, **fields: Any) -> None:
        """Write a line, soon."""
        if _ORDER.index(level) < _ORDER.index(self.level):
            return
        if len(self._lines) >= _CAPACITY:
            self.dropped += 1
            return
        line = {"log": "event", "at": round(self._wall(), 3), "level": level, "event": event, **fields}
        self._lines.append(msgspec.json.encode(line) + b"\n")

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="event-log", daemon=True)
        self._thread.start()

    def stop(self, *, patience: float = 2.0) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(patience)

    def _run(self) -> None:
        while True:
            lines = [self._lines.popleft() for _ in range(len(self._lines))]
            if lines:
                self._put(lines)
            elif self._stop.is_set():
                return
            else:
                self._stop.wait(_PAUSE)

    def _put(self, lines: list[bytes]) -> None:
        for piece in pieces(lines):
            try:
                self._write(piece)
            except OSError:
                self.dropped += piece.count(b"\n")


def pieces(lines: Iterable[bytes], *, most: int = _PIPE_BUF) -> Iterator[bytes]:
    """Whole lines together, as many as fit; a longer line alone."""
    piece = b""
    for line in lines:
        if piece and len(piece) + len(line) > most:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece
