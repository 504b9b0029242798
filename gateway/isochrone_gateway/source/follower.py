"""The loop that keeps the running config up with its source.

    source says       and then
    ------------------------------------------------------------------------------------------------------
    what runs         the contact is renewed
    something new     judged, fetched, loaded (on threads), applied, stored; else refused and tried again later
    nothing (away)    what runs goes on and grows older

A contact is renewed only when the source was read *and* what it holds is what runs. A gateway that refuses its
newest config doesn't know what the law is now, and must not pass for up to date.

At the start the stored config is loaded first, so that an older one can't win. It runs as soon as the source turns out
to be away or to offer nothing better, at the latest after `start_patience`.
"""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from isochrone_gateway.config import Received
from isochrone_gateway.source import contact as contacts
from isochrone_gateway.source import judging
from isochrone_gateway.source.contact import Clock, Contact
from isochrone_gateway.source.judging import ANYBODY, Complete, Refused, Trust, Unchanged, Why
from isochrone_gateway.source.reading import Away, Seen, Source, SourceError
from isochrone_gateway.source.report import Counts, Happening, Origin, Owner, Refusal, Report, Running
from isochrone_gateway.source.store import Store, unreadable

_T = TypeVar("_T")
_RESTART: Final = 5.0
"""Seconds until a source that failed with a bug of ours is started again."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds."""

    start_patience: float = 5.0
    """How long a stored config waits for the source, at the start."""
    retry_first: float = 1.0
    retry_most: float = 30.0
    """Until a refused candidate that hasn't changed is tried again; doubles from the first to the most."""
    touch: float = 30.0
    """How often the contact is written to disk. After a restart the config looks older by up to this."""


_DEFAULT_PACE: Final = Pace()


class Follower:
    """Keeps one running config."""

    def __init__(
        self,
        source: Source,
        owner: Owner,
        *,
        clock: Clock,
        store: Store | None = None,
        trust: Trust = ANYBODY,
        pace: Pace = _DEFAULT_PACE,
    ) -> None:
        self._source = source
        self._owner = owner
        self._clock = clock
        self._store = store
        self._trust = trust
        self._pace = pace
        self._counts = Counts()
        # What runs, what is loaded from disk but doesn't run yet, and what is on disk.
        self._running: Running | None = None
        self._held: Complete | None = None
        self._stored: Complete | None = None
        self._contact: Contact | None = None
        self._confirmed_index = b""
        # What the source said last, and when.
        self._latest: Seen | Away | None = None
        self._read_at: Contact | None = None
        self._news = asyncio.Event()
        self._thread = concurrent.futures.ThreadPoolExecutor(max_workers=1, thread_name_prefix="config")
        # What went wrong.
        self._refusal: Refusal | None = None
        self._refused_index: bytes | None = None
        self._away: str | None = None
        self._store_problem: str | None = None
        self._retry_at = math.inf
        self._touch_at = -math.inf

    @property
    def report(self) -> Report:
        return Report(
            source=self._source.name,
            running=self._running,
            refusal=self._refusal,
            away=self._away,
            store_problem=self._store_problem,
            contact=self._contact,
            counts=self._counts,
        )

    def nudge(self) -> None:
        """Look at the source now, and try again what was refused."""
        self._refused_index = None
        self._source.nudge()
        self._news.set()

    async def run(self) -> None:
        """Follow the source until cancelled."""
        pump = asyncio.create_task(self._pump())
        try:
            await self._restore()
            self._retry_at = self._clock.running() + self._pace.start_patience
            while True:
                await self._wait()
                try:
                    await self._step()
                except Exception as error:  # noqa: BLE001 - a bug here must not stop what runs
                    self._source_away(f"following {self._source.name} failed: {error!r}")
                    self._retry_later()
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await self._persist(at_once=True)
            self._thread.shutdown(wait=False)
            if self._store is not None:
                self._store.close()

    # What the source says.

    async def _pump(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._source.observe()) as observed:
                    async for said in observed:
                        self._hear(said)
            except Exception as error:  # noqa: BLE001 - a bug in a source must not stop what runs
                self._hear(Away(f"{self._source.name} failed: {error!r}"))
            await asyncio.sleep(_RESTART)

    def _hear(self, said: Seen | Away) -> None:
        if isinstance(said, Seen):
            self._counts.reads += 1
            self._read_at = contacts.made(self._clock)
        else:
            self._counts.failed_reads += 1
        self._latest = said
        self._news.set()

    async def _wait(self) -> None:
        """Wait for news, or for the time to try again."""
        left = self._retry_at - self._clock.running()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(left) else max(0.0, left)):
                await self._news.wait()
        self._news.clear()

    async def _step(self) -> None:
        said, read_at = self._latest, self._read_at
        due = self._clock.running() >= self._retry_at
        if due:
            self._retry_at = math.inf
        match said:
            case Seen() if read_at is not None:
                self._source_back()
                await self._consider(said, read_at, due=due)
            case Away(problem):
                self._source_away(problem)
        held = self._held
        # Not before the source was heard, or had its time; and not each second if it doesn't work.
        if held is not None and (due or (said is not None and held.index != self._refused_index)):
            await self._release(held)
        await self._persist()

    def _source_back(self) -> None:
        if self._away is not None:
            self._away = None
            self._owner.happened(Happening.SOURCE_BACK, self._source.name)

    def _source_away(self, problem: str) -> None:
        if self._away is None:
            self._owner.happened(Happening.SOURCE_AWAY, problem)
        self._away = problem

    # A candidate.

    async def _consider(self, seen: Seen, read_at: Contact, *, due: bool) -> None:
        if seen.index == self._confirmed_index:
            self._confirm(read_at)
            return
        if seen.index == self._refused_index and not due and not math.isinf(self._retry_at):
            return
        judged = await self._on_thread(functools.partial(judging.judge_index, seen.index, self._fence(), self._trust))
        match judged:
            case Refused():
                self._refuse(seen.index, judged)
            case Unchanged():
                await self._consider_same(seen, read_at)
            case _:
                await self._consider_new(seen, judged, read_at)

    def _fence(self) -> Received | None:
        """What a candidate must not be older than: also what is on disk but doesn't run yet."""
        if self._running is not None:
            return self._running.complete.received
        return None if self._held is None else self._held.received

    async def _consider_same(self, seen: Seen, read_at: Contact) -> None:
        """The revision that runs, or that was read from disk: no need to fetch it."""
        if self._held is not None and not await self._try(self._held, seen.index, read_at, Origin.DISK):
            return
        self._confirmed_index = seen.index
        self._confirm(read_at)

    async def _consider_new(self, seen: Seen, wanted: judging.Wanted, read_at: Contact) -> None:
        known = self._known()
        try:
            fetched = await seen.fetch([name for name in wanted.names if name not in known])
        except SourceError as error:
            self._source_away(str(error))
            self._retry_later()
            return
        blobs = {**known, **fetched}
        complete = await self._on_thread(functools.partial(judging.load, seen.index, wanted, blobs))
        if isinstance(complete, Refused):
            self._refuse(seen.index, complete)
        elif await self._try(complete, seen.index, read_at, Origin.SOURCE):
            self._confirmed_index = seen.index
            self._confirm(read_at)

    def _known(self) -> Mapping[str, bytes]:
        """Shards that needn't be fetched again: they are named by their content."""
        current = self._running.complete if self._running is not None else self._held
        return {} if current is None else current.blobs

    async def _try(self, complete: Complete, index: bytes, contact: Contact | None, origin: Origin) -> bool:
        problems = await self._owner.apply(complete)
        if problems:
            self._refuse(index, Refused(reason=Why.NOT_APPLIED, problems=problems, revision=complete.revision))
            return False
        self._counts.accepted += 1
        self._running = Running(complete=complete, origin=origin, since=self._clock.wall())
        self._held = None
        if self._refusal is not None and self._refusal.refused.revision == complete.revision:
            self._refusal = None
        self._contact = contact
        self._touch_at = -math.inf
        revision = complete.revision
        self._owner.happened(
            Happening.ACCEPTED, f"epoch {revision.epoch}, sequence {revision.sequence}, from {origin.lower()}"
        )
        return True

    async def _release(self, held: Complete) -> None:
        """Run the config from disk: the source has nothing better for now."""
        contact = self._contact
        if contact is not None:
            self._owner.confirmed(contact)
        await self._try(held, held.index, contact, Origin.DISK)

    def _confirm(self, read_at: Contact) -> None:
        self._contact = read_at
        self._refusal = None
        self._refused_index = None
        self._retry_at = math.inf
        self._owner.confirmed(read_at)

    def _refuse(self, index: bytes, refused: Refused) -> None:
        again = self._refusal is not None and self._refusal.refused == refused
        if again and self._refusal is not None:
            self._refusal = dataclasses.replace(self._refusal, attempts=self._refusal.attempts + 1)
        else:
            self._refusal = Refusal(refused=refused, at=self._clock.wall())
            self._owner.happened(Happening.REFUSED, f"{refused.reason}: {'; '.join(refused.problems)}")
        self._counts.refused += 1
        self._refused_index = index
        self._retry_later()

    def _retry_later(self) -> None:
        attempts = 0 if self._refusal is None else self._refusal.attempts - 1
        delay = min(self._pace.retry_most, self._pace.retry_first * 2.0 ** min(attempts, 30))
        self._retry_at = self._clock.running() + delay

    # The disk.

    async def _restore(self) -> None:
        store = self._store
        if store is None:
            return
        try:
            found = await self._on_thread(functools.partial(store.load, self._clock, self._trust))
        except OSError as error:
            found = unreadable(error)
        if isinstance(found, Refused):
            self._owner.happened(Happening.STORED_UNUSABLE, f"{found.reason}: {'; '.join(found.problems)}")
        elif found is not None:
            self._held = self._stored = found.complete
            self._contact = found.contact

    async def _persist(self, *, at_once: bool = False) -> None:
        """Keep what runs and its contact on disk; a disk that doesn't work is reported and tried again."""
        store, running, contact = self._store, self._running, self._contact
        now = self._clock.running()
        if store is None or running is None or (now < self._touch_at and not at_once):
            return
        self._touch_at = now + self._pace.touch
        complete = running.complete
        if self._stored is complete:
            if contact is None or contact.running is None or contact.wall is not None:
                return  # Nothing new: it is the contact that was read from there.
            work: Callable[[], None] = functools.partial(store.touch, complete.revision, contact, self._clock)
        else:
            work = functools.partial(store.save, complete, contact, self._clock)
        try:
            await self._on_thread(work)
        except OSError as error:
            self._not_stored(error)
        else:
            self._stored, self._store_problem = complete, None

    def _not_stored(self, error: OSError) -> None:
        self._counts.store_failures += 1
        if self._store_problem is None:
            self._owner.happened(Happening.NOT_STORED, str(error))
        self._store_problem = str(error)

    async def _on_thread(self, work: Callable[[], _T]) -> _T:
        """One thread, so that what was cancelled here is over there before the next thing begins."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)
