"""The endpoints that were found last, kept on disk: a gateway may have to start while the API server is away.

    STATE/engines.json     per Service and port: the endpoints, and when the Service was last read

Old ones are not used: while nobody looked, their addresses may have become those of other pods. A running gateway keeps
what it knows for longer, since its probes never pause. An unreadable file is as good as none.
"""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.server.supervisor.fleet import Say
from isochrone_gateway.source.contact import Clock, Contact, Kept, age_seconds, keep, restore
from isochrone_gateway.source.store import Store
from isochrone_gateway.upstream.discovery import Endpoints

FILE: Final = "engines.json"
OLDEST: Final = 24 * 3600.0
"""Seconds."""
_TOUCH: Final = 30.0
"""How often it is written though nothing changed. After a restart it looks older by up to this."""
_PAUSE: Final = 1.0
"""Between two writes, at least."""


@dataclasses.dataclass(frozen=True)
class Known:
    """The endpoints of a Service, and when it was last read, by the running clock."""

    service: ServiceEndpoints
    endpoints: Endpoints
    read_at: float


class _Stored(msgspec.Struct, frozen=True):
    service: ServiceEndpoints
    endpoints: Endpoints
    read: Kept


class Remembered:
    """What is on disk, and the way there. Without a store, nothing is."""

    def __init__(self, store: Store | None, clock: Clock, say: Say) -> None:
        self._store = store
        self._clock = clock
        self._say = say
        self._found: Mapping[ServiceEndpoints, Known] = {}
        self._written: Sequence[Known] = ()
        self._problem = ""
        self._changed = asyncio.Event()
        self.read = asyncio.Event()
        """Set when the disk was read, with whatever outcome."""

    def find(self, service: ServiceEndpoints) -> Known | None:
        """What is on disk, if it isn't too old."""
        known = self._found.get(service)
        return None if known is None or self._clock.running() - known.read_at > OLDEST else known

    def changed(self) -> None:
        """Write soon."""
        self._changed.set()

    async def run(self, known: Callable[[], Sequence[Known]]) -> None:
        """Read what there is, then keep up with what is known, until cancelled."""
        try:
            await self._restore()
        finally:
            self.read.set()
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_TOUCH):
                        await self._changed.wait()
                self._changed.clear()
                await self._write(known())
                await asyncio.sleep(_PAUSE)
        finally:
            await self._write(known())

    async def _restore(self) -> None:
        if self._store is None:
            return
        try:
            data = await asyncio.to_thread(self._store.kept, FILE)
            self._found = {} if data is None else decode(data, self._clock)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
            self._say(LogLevel.WARNING, "StoredEnginesUnusable", detail=str(error))

    async def _write(self, known: Sequence[Known]) -> None:
        """A disk that doesn't work is told once, and tried again."""
        if self._store is None or known == self._written:
            return
        try:
            await asyncio.to_thread(self._store.keep, FILE, encode(known, self._clock))
        except OSError as error:
            if not self._problem:
                self._say(LogLevel.WARNING, "EnginesNotStored", detail=str(error))
            self._problem = str(error)
        else:
            self._written, self._problem = known, ""
            self._found = {each.service: each for each in known}


def encode(known: Iterable[Known], clock: Clock) -> bytes:
    """Put it into the form that may be read after a restart."""
    stored = [_Stored(each.service, each.endpoints, keep(Contact(running=each.read_at), clock)) for each in known]
    return msgspec.json.encode(stored)


def decode(data: bytes, clock: Clock) -> Mapping[ServiceEndpoints, Known]:
    """Read it. Raises DecodeError."""
    found = {}
    for stored in msgspec.json.decode(data, type=list[_Stored]):
        age = age_seconds(restore(stored.read, clock), clock)
        found[stored.service] = Known(stored.service, stored.endpoints, clock.running() - age)
    return found
