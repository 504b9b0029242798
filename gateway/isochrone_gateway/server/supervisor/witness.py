"""Evidence of one gateway, as its supervisor keeps it: the folder, checkpoints of what workers have written, old files.

Workers say with each beat how far their chains are synced. That goes into a checkpoint at most every `PAUSE` seconds,
and once more at the end. The latest one's anchor is what somebody outside of the site should keep (see `/status`).
"""

import asyncio
import dataclasses
import math
import pathlib
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import msgspec

from isochrone_gateway.config import Config, report
from isochrone_gateway.config.site import EvidenceKeeping, LogLevel, OnFailure
from isochrone_gateway.ledger.evidence.chain import Head
from isochrone_gateway.ledger.evidence.copies import Seen
from isochrone_gateway.ledger.evidence.instance import EvidenceError, Instance, MayGo, all_may_go, load_key, none_may_go
from isochrone_gateway.server.supervisor.copying import Asked, Copier
from isochrone_gateway.server.supervisor.fleet import Say
from isochrone_gateway.server.supervisor.messages import Witnessed

PAUSE: Final = 10.0
_FIRST: Final = 1.0
_LOOK: Final = 60.0
"""Seconds between looks at what is too old: there may be a hundred thousand files."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Whom it asks and tells."""

    say: Say
    said: Callable[[], Iterable[Witnessed]]
    """What workers said since it was last asked."""
    copies: Callable[[], Asked | None] = lambda: None
    """Where copies are to go by the config that runs."""
    workers: int = 1
    wall: Callable[[], float] = time.time


class Witness:
    """Keeps the checkpoints."""

    def __init__(self, folder: pathlib.Path | None, key: pathlib.Path | None, name: str, around: Surroundings) -> None:
        self._folder = folder
        self._key = key
        self._name = name
        self._around = around
        self._say = around.say
        self._wall = around.wall
        self._site = ""
        self._keeping: EvidenceKeeping | None = None
        self._instance: Instance | None = None
        self._copier: Copier | None = None
        self._closed: dict[str, int] = {}
        """Chains of workers that live, and how many of their files will never be longer."""
        self._problem = ""
        self._troubled: dict[str, str] = {}
        self._failures = 0
        self._looked = -math.inf
        self._pending: list[Witnessed] = []
        """Of workers that have ended: what isn't in a checkpoint yet."""
        self._turn = asyncio.Lock()
        self._writing = threading.Lock()

    def why_not(self, config: Config) -> tuple[str, ...]:
        """What is wrong, if this config asks for evidence and none can be kept here."""
        keeping = config.site.evidence
        if keeping is None:
            return ()
        if self._folder is None or self._key is None:
            return ("site.evidence: this gateway was started without --evidence and --evidence-key",)
        self._site, self._keeping = config.site.name, keeping
        self._open(self._folder, self._key)
        return (f"site.evidence: {self._problem}",) if self._problem and keeping.on_failure is OnFailure.REFUSE else ()

    async def run(self) -> None:
        """Write checkpoints until cancelled."""
        pause = _FIRST
        while True:
            await asyncio.sleep(pause)
            written = await self.checkpoint()
            pause = PAUSE if written else _FIRST

    async def checkpoint(self) -> bool:
        """Write one now, if there is anything new. Whether it was written."""
        async with self._turn:
            said = list(self._around.said())
            self._tell(said)
            self._note_closed(said)
            said = [*self._pending, *said]
            self._pending = [each for each in said if each.is_over]
            if self._folder is None or self._key is None or self._keeping is None:
                return False
            if self._instance is None:
                self._open(self._folder, self._key)
            if self._instance is None:
                return False
            is_written = await asyncio.to_thread(self._write, self._instance, tuple(said))
            self.copy()
            return is_written

    def copy(self) -> None:
        """Copy to where is asked for now."""
        if self._instance is None:
            return
        asked = self._around.copies()
        if self._copier is None and asked is not None:
            self._copier = Copier(self._instance.folder, say=self._say, wall=self._wall)
        if self._copier is not None:
            self._copier.use(asked, Seen(dict(self._closed), self._instance.closed, self._around.workers))

    async def finish(self) -> None:
        """Write the last checkpoint, and copy what can soon be copied. No worker is left."""
        await self.checkpoint()
        if self._instance is not None and self._copier is not None:
            self._instance.finish()
            self.copy()
            await asyncio.to_thread(self._copier.stop)

    def close(self) -> None:
        if self._instance is not None:
            self._instance.close()
            self._instance = None

    def describe(self) -> dict[str, Any] | None:
        """The `evidence` part of `/status`; None while none is kept."""
        if self._keeping is None:
            return None
        anchor = None if self._instance is None else self._instance.anchor
        return {
            "instance": self._name,
            "folder": str(self._folder),
            "problem": self._problem or None,
            "workersInTrouble": dict(self._troubled),
            "anchor": None if anchor is None else msgspec.to_builtins(anchor),
            "copies": None if self._copier is None else self._copier.describe(),
        }

    def told(self) -> report.Evidence | None:
        """What the hub is told on the Lease; None while none is kept."""
        if self._keeping is None:
            return None
        anchor = None if self._instance is None else self._instance.anchor
        troubled = next((f"{chain}: {why}" for chain, why in sorted(self._troubled.items())), "")
        return report.Evidence(
            anchor=None if anchor is None else report.Anchored(n=anchor.n, at=anchor.at, digest=anchor.digest),
            problem=report.shortened(self._problem or troubled),
            copying=None if self._copier is None else self._copier.told(),
        )

    def facts(self) -> dict[str, float]:
        """As metrics; see `telling`."""
        if self._keeping is None:
            return {}
        facts = {"isochrone_evidence_checkpoint_failures_total": float(self._failures)}
        anchor = None if self._instance is None else self._instance.anchor
        if anchor is not None:
            facts["isochrone_evidence_checkpoint_age_seconds"] = max(0.0, self._wall() - anchor.at)
        return facts if self._copier is None else {**facts, **self._copier.facts()}

    def _open(self, folder: pathlib.Path, key: pathlib.Path) -> None:
        if self._instance is not None:
            return
        try:
            self._instance = Instance(folder, self._site, self._name, load_key(key))
        except (EvidenceError, OSError, ValueError) as error:
            self._fail(str(error))
        else:
            self._problem = ""

    def _write(self, instance: Instance, said: Sequence[Witnessed]) -> bool:
        """On a thread, as it waits for the disk."""
        with self._writing:  # Who waited for it may have been cancelled, and the next one has come.
            return self._write_alone(instance, said)

    def _write_alone(self, instance: Instance, said: Sequence[Witnessed]) -> bool:
        for each in said:
            instance.note(each.chain, Head(each.lines, each.digest))
        before, now = instance.anchor, round(self._wall(), 6)
        try:
            after = instance.checkpoint(now, self._keep(now), may_go=self._may_go(said))
            if self._keeping is not None and self._keeping.objects is not None:
                instance.close_if_due(now, self._keeping.objects.close_after_s)
        except OSError as error:
            self._fail(str(error))
            return False
        self._problem = ""
        for each in said:
            if each.is_over:
                instance.ended(each.chain)
        self._pending = [each for each in self._pending if each not in said]
        return after is not None and after != before

    def _keep(self, now: float) -> float | None:
        """Seconds for which files are kept, if those that are older are to be looked for now."""
        keeping = self._keeping
        if keeping is None or keeping.retention_s is None or abs(now - self._looked) < _LOOK:
            return None
        self._looked = now
        return float(keeping.retention_s)

    def _may_go(self, said: Iterable[Witnessed]) -> MayGo:
        """What isn't copied stays, unless there is no room for what comes."""
        if any(each.why == "DiskFull" for each in said):
            return all_may_go
        if self._copier is not None:
            return self._copier.may_go
        is_copied = self._keeping is not None and self._keeping.objects is not None
        return none_may_go if is_copied else all_may_go

    def _note_closed(self, said: Iterable[Witnessed]) -> None:
        for each in said:
            if each.is_over:
                self._closed.pop(each.chain, None)
            else:
                self._closed[each.chain] = each.closed

    def _fail(self, problem: str) -> None:
        self._failures += 1
        if problem != self._problem:
            self._say(LogLevel.ERROR, "EvidenceNotSigned", problem=problem)
        self._problem = problem

    def _tell(self, said: Iterable[Witnessed]) -> None:
        """Say it when a worker can't write, and when it can again."""
        for each in said:
            if each.why and self._troubled.get(each.chain) != each.why:
                self._say(LogLevel.ERROR, "EvidenceNotWritten", chain=each.chain, why=each.why, lost=each.lost)
                self._troubled[each.chain] = each.why
            elif not each.why and self._troubled.pop(each.chain, ""):
                self._say(LogLevel.INFO, "EvidenceWritten", chain=each.chain, lost=each.lost)
            if each.is_over:
                self._troubled.pop(each.chain, None)
