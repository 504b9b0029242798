"""Requests, put together again from the lines of a chain.

A request at one gateway is a `Visit`: one that was handed to a peer's engine is a visit at both gateways, with one id.
Its lines stand in one chain, since one worker has it to its end. So a chain is streamed, and only visits that have no
end yet are held: as many as a worker had at once, and those whose end was never written.

    Intent try=1 -> Outcome TryFailed try=1 -> Intent try=2 -> Outcome Answered try=2
    Intent try=1 -> Outcome TryFailed try=1 -> Outcome Failed try=1         nobody was left to ask
    Outcome Refused try=0                                                   it was sent nowhere
    Intent try=1                                                            of its end nothing is known
"""

import dataclasses
import heapq
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from isochrone.audit import lines
from isochrone.audit.entries import Boot, Config, End, Intent, Kind, Lost, Outcome, Policy, read
from isochrone.audit.sources import Proof, Source

TRY_FAILED: Final = "TryFailed"
UNKNOWN: Final = "Unknown"
"""In the place of an outcome that isn't there."""
_REVISIONS: Final = 4
"""Configs that are remembered: a request that began under the one before may be sent again after the next is told."""

Versions = Mapping[str, Policy]


@dataclasses.dataclass(slots=True)
class Try:
    """Something that a request was sent to. Without an intent it isn't known what: that line isn't here."""

    number: int
    intent: Intent | None = None
    failed: Outcome | None = None
    versions: Versions | None = None
    """The policies in force; None if the line that says them isn't here."""

    @property
    def place(self) -> str:
        return self.intent.jurisdiction if self.intent is not None else ""


@dataclasses.dataclass(slots=True)
class Visit:
    """A request at one gateway."""

    source: Source
    id: str
    began: float
    tries: list[Try] = dataclasses.field(default_factory=list)
    end: Outcome | None = None
    last: int = 0
    """The number of its last line."""
    versions: Versions | None = None
    """For a request that was sent nowhere: the policies in force at its end."""

    @property
    def first(self) -> Intent | None:
        """What tells most of it: the first intent."""
        return next((each.intent for each in self.tries if each.intent is not None), None)

    @property
    def outcome(self) -> str:
        return self.end.outcome if self.end is not None else UNKNOWN

    @property
    def is_hosted(self) -> bool:
        """Whether it came from a peer; a refusal doesn't say."""
        return self.first is not None and self.first.hosted

    @property
    def said(self) -> Intent | Outcome | None:
        """The line that says tenant, route, origin and policies; None if none that is here does."""
        return self.first or (self.end if not self.tries else None)

    @property
    def proof(self) -> Proof:
        """That of its chain, unless it has lines that aren't signed yet."""
        is_signed = self.last < self.source.signed or self.source.proof is not Proof.PROVED
        return self.source.proof if is_signed else Proof.UNSIGNED

    @property
    def places(self) -> tuple[str, ...]:
        """Where it was processed: at the gateway that sent it on, and at each place it was sent to, answered or not."""
        return (self.source.place, *(each.place for each in self.tries)) if self.tries else ()


@dataclasses.dataclass(slots=True)
class Reading:
    """What was read so far."""

    requests: int = 0
    first: float = math.inf
    """Seconds since 1970: when the earliest request began, and the latest."""
    last: float = -math.inf
    nameless: int = 0
    """Requests of which no line that is here says whose they were: what began them was lost, or removed."""
    lines: int = 0
    unreadable: int = 0
    """Half a line, one that was changed, of a kind that isn't known, or whose text is held to nothing."""
    later: int = 0
    """Chains that were written to after they were proved; what came later wasn't read."""
    ended: set[Source] = dataclasses.field(default_factory=set)
    """Chains that have their End."""
    lost: list[tuple[Source, Lost]] = dataclasses.field(default_factory=list)
    """For each chain and reason one, which adds all up: from the first `since` to the last `at`."""


def every(sources: Iterable[Source], reading: Reading) -> Iterator[Visit]:
    """The requests of all chains, one chain after the other. Raises OSError."""
    for source in sources:
        for visit in visits(source, reading):
            reading.requests += 1
            reading.nameless += visit.said is None
            reading.first = min(reading.first, visit.began)
            reading.last = max(reading.last, visit.began)
            yield visit


def newest(found: Iterable[Visit], limit: int) -> tuple[list[Visit], int]:
    """The last so many, in order of time, and of one time as they came; and how many there are in all."""
    held: list[tuple[float, int, Visit]] = []
    total = 0
    for total, visit in enumerate(found, 1):
        item = (visit.began, total, visit)
        if len(held) < limit:
            heapq.heappush(held, item)
        else:
            heapq.heappushpop(held, item)
    return [visit for _, _, visit in sorted(held)], total


def visits(source: Source, reading: Reading, *, wants: Callable[[bytes], bool] = lambda _: True) -> Iterator[Visit]:
    """The requests of a chain, each at its end, those without one last. `wants` may pass over lines of other requests.

    Raises OSError.
    """
    putting = _Putting(source)
    for line in lines.read(lines.segments(source.folder)):
        if line.whole and not wants(line.data):
            reading.lines += 1
            continue
        entry = read(line.data) if line.whole else None
        if entry is None or entry.n < source.start:
            reading.unreadable += 1
        elif source.end is not None and entry.n >= source.end:
            reading.later += 1
            break
        else:
            reading.lines += 1
            yield from putting.take(entry)
    yield from putting.open.values()
    if putting.has_ended:
        reading.ended.add(source)
    reading.lost += [(source, each) for each in putting.lost.values()]


class _Putting:
    """A chain as it is read."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.open: dict[str, Visit] = {}
        """Each has a try at least."""
        self.lost: dict[str, Lost] = {}
        self.has_ended = False
        self.configs: dict[str, Versions] = {}
        self.current: Versions | None = None

    def take(self, entry: Kind) -> Iterator[Visit]:
        match entry:
            case Intent():
                yield from self._intent(entry)
            case Outcome():
                yield from self._outcome(entry)
            case Config():
                self._config(entry)
            case Lost():
                before = self.lost.get(entry.why)
                self.lost[entry.why] = entry if before is None else _added(before, entry)
            case End():
                self.has_ended = True
            case Boot():
                pass

    def _intent(self, entry: Intent) -> Iterator[Visit]:
        visit = self.open.get(entry.id)
        if visit is not None and visit.tries[-1].number >= entry.attempt:
            # A peer that comes again with the same request counts its tries anew.
            yield self.open.pop(entry.id)
            visit = None
        if visit is None:
            visit = self.open[entry.id] = Visit(self.source, entry.id, entry.at)
        visit.last = entry.n
        visit.tries.append(Try(entry.attempt, entry, versions=self.configs.get(entry.revision)))

    def _outcome(self, entry: Outcome) -> Iterator[Visit]:
        visit = self.open.get(entry.id)
        if visit is None:
            visit = self.open[entry.id] = Visit(self.source, entry.id, entry.at)
        visit.last = entry.n
        if entry.attempt and (not visit.tries or visit.tries[-1].number != entry.attempt):
            visit.tries.append(Try(entry.attempt))
        if entry.outcome == TRY_FAILED and visit.tries:
            visit.tries[-1].failed = entry
            return
        visit.end = entry
        visit.versions = self.current if not visit.tries else None
        yield self.open.pop(entry.id)

    def _config(self, entry: Config) -> None:
        # Made anew: for requests before it holds what was told until then, which may be proved where this isn't.
        self.current = self.configs[entry.revision] = {**self.configs.get(entry.revision, {}), **entry.policies}
        if len(self.configs) > _REVISIONS:
            del self.configs[next(iter(self.configs))]


def _added(before: Lost, entry: Lost) -> Lost:
    return Lost(n=entry.n, at=entry.at, count=before.count + entry.count, since=before.since, why=entry.why)
