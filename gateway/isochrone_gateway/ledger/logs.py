"""Requests and events as JSON lines.

A log must never slow down a request, so whatever is written is written by a thread: requests by the record queue's,
events by one of their own. A reader that stops reading (a full pipe) fills a bounded queue, and then lines are
dropped and counted.

Several processes share one standard output. POSIX lets a pipe mix only writes of more than PIPE_BUF bytes (4096 on
Linux, pipe(7)), so lines go out in writes of no more than that.
"""

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

Write = Callable[[bytes], object]


def write_to(descriptor: int) -> Write:
    """A writer to a file descriptor that writes all of what it is given."""

    def write(data: bytes) -> None:
        while data:
            data = data[os.write(descriptor, data) :]

    return write


class RequestLog:
    """A sink for records: one line each.

    `percent` of the answered requests are written, chosen by their id, so that all sites choose alike; of the others,
    which are fewer and say more, all.
    """

    def __init__(self, write: Write, *, percent: int = 100) -> None:
        self._write = write
        self._threshold = percent * 2**32 // 100
        self._encoder = msgspec.json.Encoder(decimal_format="number")

    def write(self, records: Sequence[Record]) -> None:
        lines = [self._line(record) for record in records if self._is_chosen(record)]
        for piece in pieces(lines):
            self._write(piece)

    def _is_chosen(self, record: Record) -> bool:
        return record.outcome is not Outcome.ANSWERED or zlib.crc32(record.id.encode()) < self._threshold

    def _line(self, record: Record) -> bytes:
        return b'{"log":"request",' + self._encoder.encode(record)[1:] + b"\n"


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
