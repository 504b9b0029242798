"""What one worker's chain says next: linked a few at a time, and kept until on disk. Never waits for one.

Whoever has a record puts it in and goes on; a thread takes lines out and writes them (see `writer`). A few records at
a time are linked by who puts the last of them: one alone would have to fetch code and tables of the hash into the
caches again, and many in a row would hold the interpreter, and so all requests, for milliseconds.
"""

import collections
import threading
from collections.abc import Callable, Sequence
from typing import Final

from isochrone_gateway.ledger.evidence.chain import TooLongError, link
from isochrone_gateway.ledger.evidence.lines import Config, Line, Lost

ROOM: Final = 20_000
_TOGETHER: Final = 16
"""Records that are linked in a row."""
_WITHHELD: Final = 60.0
_QUEUE_FULL: Final = "QueueFull"


def moment(wall: float) -> float:
    """Seconds since 1970, in whole microseconds."""
    return int(wall * 1e6) / 1e6  # `round` costs four times as much.


class Batch:
    """Lines that are to be written together."""

    __slots__ = ("lines", "place")

    def __init__(self, lines: list[bytes], place: str | None) -> None:
        self.lines = lines
        self.place = place
        """Where they may be copied to, if that is elsewhere than what was taken before: they begin a file."""


class Pen:
    """One chain. It may be used from any thread, but `take` and `wrote` from one alone."""

    __slots__ = (
        "_before",
        "_is_begun",
        "_lock",
        "_next",
        "_place",
        "_room",
        "_since",
        "_taken",
        "_unlinked",
        "_unsaid",
        "_waiting",
        "_wall",
        "_withheld",
        "_withheld_since",
        "is_shut",
        "lost",
        "trouble",
    )

    def __init__(self, *, wall: Callable[[], float], place: str = "", room: int = ROOM) -> None:
        """`place` is where its first lines may be copied to."""
        self.lost = 0
        self.trouble = ""
        """Why lines can't be written now, in the words of `Lost`; empty if they can."""
        self.is_shut = False
        """Whether none ever will be."""
        self._wall = wall
        self._room = room
        self._place = place
        self._next = 0
        self._before = bytes(32)
        self._is_begun = False
        self._unlinked: list[tuple[Line, bytes]] = []
        """The last few records; all, while it isn't known what the chain begins with."""
        self._waiting: collections.deque[bytes | str] = collections.deque()
        """Lines; a text is the place where those after it may be copied to."""
        self._taken = 0
        self._unsaid: dict[str, int] = {}
        self._since = 0.0
        self._withheld = 0
        self._withheld_since = wall()
        self._lock = threading.Lock()

    @property
    def why(self) -> str:
        """Why what is put now isn't on disk soon; empty if it is."""
        return self.trouble or ("" if self._has_room() else _QUEUE_FULL)

    @property
    def is_writable(self) -> bool:
        """Whether what is put now will be on disk soon."""
        return not self.why

    def put(self, record: Line, rest: bytes = b"") -> bool:
        """Have it written soon, with `rest` as further members; gives whether there was room."""
        if self.is_shut or not self._has_room():
            with self._lock:
                self._lose(self.trouble or _QUEUE_FULL)
            return False
        with self._lock:
            self._say_lost()
            self._add(record, rest)
        return True

    def turn(self, configs: Sequence[Config]) -> None:
        """Another config is in force. That is written however much waits: copies depend on it."""
        if self.is_shut:
            return
        with self._lock:
            self._say_lost()
            for config in configs:
                self._add(config, b"")

    def withhold(self) -> None:
        """Count a record that may not be written here. That is told once a minute, not with each request."""
        with self._lock:
            self._withheld += 1

    def tell_withheld(self, *, at_once: bool = False) -> None:
        """Say how many there were, if it is time to."""
        now = self._wall()
        if not at_once and now - self._withheld_since < _WITHHELD:
            return
        with self._lock:
            count, since, self._withheld, self._withheld_since = self._withheld, self._withheld_since, 0, now
        if count:
            self.insist(Lost(at=moment(now), count=count, since=moment(since), why="Withheld"))

    def begin(self, first: Line) -> None:
        """Begin the chain with this line, and go on with what was put before."""
        with self._lock:
            self._is_begun = True
            self._link(first, b"")
            self._link_all()

    def insist(self, record: Line) -> None:
        """Have it written however much waits."""
        with self._lock:
            self._say_lost()
            self._add(record, b"")

    def take(self, most: int) -> Batch | None:
        """So many lines that are to be written now, or fewer; None if there are none."""
        with self._lock:
            self._say_lost()
            self._link_all()
            batch = self._first(most)
            self._taken = len(batch.lines)
        return batch if batch.lines else None

    def wrote(self) -> None:
        """What was taken is on disk."""
        self._taken = 0

    @property
    def is_empty(self) -> bool:
        """Whether all that was put is on disk, and all that was lost is told."""
        return not (self._waiting or self._unlinked or self._taken or self._unsaid)

    def _first(self, most: int) -> Batch:
        """Up to where another place begins that they may be copied to."""
        waiting = self._waiting
        lines: list[bytes] = []
        place: str | None = None
        while waiting and len(lines) < most:
            first = waiting[0]
            if isinstance(first, bytes):
                lines.append(first)
            elif lines:
                break
            else:
                place = first
            waiting.popleft()
        return Batch(lines, place)

    def _has_room(self) -> bool:
        return len(self._waiting) + len(self._unlinked) + self._taken < self._room

    def _mark(self, config: Config) -> None:
        """A file begins with this config if copies may go elsewhere from here on."""
        if config.copied_to != self._place:
            self._place = config.copied_to
            self._waiting.append(self._place)

    def _add(self, record: Line, rest: bytes) -> None:
        self._unlinked.append((record, rest))
        if len(self._unlinked) >= _TOGETHER:
            self._link_all()

    def _link_all(self) -> None:
        if not self._is_begun:
            return
        unlinked, self._unlinked = self._unlinked, []
        for record, rest in unlinked:
            if type(record) is Config:
                self._mark(record)
            self._link(record, rest)

    def _link(self, record: Line, rest: bytes) -> None:
        try:
            line, self._before = link(self._next, self._before, record, rest)
        except (TooLongError, UnicodeEncodeError):
            self.lost += 1
            now = moment(self._wall())
            lost = Lost(at=now, count=1, since=now, why="WriteFailed")
            line, self._before = link(self._next, self._before, lost)
        self._next += 1
        self._waiting.append(line)

    def _say_lost(self) -> None:
        if not self._unsaid:
            return
        unsaid, self._unsaid = self._unsaid, {}
        now = moment(self._wall())
        for why, count in unsaid.items():
            self._add(Lost(at=now, count=count, since=self._since, why=why), b"")

    def _lose(self, why: str) -> None:
        if not self._unsaid:
            self._since = moment(self._wall())
        self._unsaid[why] = self._unsaid.get(why, 0) + 1
        self.lost += 1
