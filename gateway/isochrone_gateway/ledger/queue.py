"""Records on their way from the request path to those who consume them.

Putting one in is an append and a length check: no lock, no wake-up, no waiting. A thread takes them out in batches and
hands each batch to every sink. When sinks are slower than requests for long, records are dropped and counted; the
request path never waits for a disk or a pipe.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from isochrone_gateway.ledger.record import Record

CAPACITY: Final = 65_536
_BATCH: Final = 256
"""Few enough that no sink keeps the interpreter to itself for long."""
_MOMENT: Final = 0.000_05
"""Seconds between full batches. After a stall there are many, and who takes them one after the other adds to it."""
_BREATH: Final = 0.02
_PAUSE: Final = 0.1
"""Seconds between looks while records come, and while none do: a poll costs less than a wake-up per record.

Who looks again at once finds the few that came meanwhile, and takes the interpreter from the requests for each of them.
"""


class Sink(Protocol):
    """Consumes records, on the queue's thread."""

    def write(self, records: Sequence[Record]) -> None:
        """Take a batch. May block; may raise OSError, which is counted."""


class RecordQueue:
    """A bounded queue with one thread behind it."""

    __slots__ = ("_capacity", "_records", "_runner", "_sinks", "_stop", "dropped", "failed", "put_in")

    def __init__(self, *, capacity: int = CAPACITY, sinks: Sequence[Sink] = ()) -> None:
        self._records: deque[Record] = deque()
        self._capacity = capacity
        self._sinks = tuple(sinks)
        self._stop = threading.Event()
        self._runner: threading.Thread | None = None
        self.put_in = 0
        self.dropped = 0
        self.failed = 0
        """Batches that a sink failed to take."""

    def __len__(self) -> int:
        return len(self._records)

    def put(self, record: Record) -> bool:
        """Add a record, unless the queue is full."""
        if len(self._records) >= self._capacity:
            self.dropped += 1
            return False
        self._records.append(record)
        self.put_in += 1
        return True

    def start(self) -> None:
        self._runner = threading.Thread(target=self._run, name="records", daemon=True)
        self._runner.start()

    def stop(self, *, patience: float = 5.0) -> None:
        """Write what is left, for at most so many seconds."""
        self._stop.set()
        if self._runner is not None:
            self._runner.join(patience)

    def _run(self) -> None:
        while True:
            batch = self._take()
            if batch:
                self._write(batch)
            elif self._stop.is_set():
                return
            if len(batch) < _BATCH:
                self._stop.wait(_BREATH if batch else _PAUSE)
            else:
                time.sleep(_MOMENT)

    def _take(self) -> list[Record]:
        pop: Callable[[], Record] = self._records.popleft
        return [pop() for _ in range(min(_BATCH, len(self._records)))]

    def _write(self, batch: list[Record]) -> None:
        for sink in self._sinks:
            try:
                sink.write(batch)
            except Exception:  # noqa: BLE001 - neither a full disk nor a bug in one sink may cost the others their records
                self.failed += 1
