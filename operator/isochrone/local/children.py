"""Processes that run until they are told otherwise: started, watched, started again, ended for sure.

Each has a process group of its own, so that Ctrl-C on the terminal reaches us alone, and we end them in order. A child
whose program says `READY host:port` on its output is heard.
"""

import asyncio
import contextlib
import dataclasses
import os
import pathlib
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from isochrone.local.pacing import Backoff

_READY: Final = "READY "
_HURRIED: Final = 5.0
"""Seconds from the second request to end until it is made to."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What a child runs."""

    name: str
    """For people."""
    command: Sequence[str]
    log: pathlib.Path
    """Where its errors go, and its output unless it greets."""
    environment: Mapping[str, str]
    greets: bool = False
    """Whether it says on its output when it is ready, and where."""


class Child:
    """One process, and those that follow it."""

    def __init__(self, program: Program, *, changed: Callable[[], None], tell: Callable[[str], None]) -> None:
        self.program = program
        self.address: str | None = None
        """Where it listens, once it has said so."""
        self.pid: int | None = None
        self.restarts = 0
        self._changed = changed
        self._tell = tell
        self._backoff = Backoff()
        self._ending = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._task = asyncio.create_task(self._run(), name=program.name)

    @property
    def is_running(self) -> bool:
        return self.pid is not None

    async def stop(self, patience: float) -> None:
        """Let it end; after `patience` seconds ask it to hurry, and then make it."""
        self._ending.set()
        for limit in (patience, _HURRIED):
            self._signal(signal.SIGTERM)
            if await self._has_ended(limit):
                return
        self.kill()
        await self.gone()

    def kill(self) -> None:
        """End it and all that it started, at once."""
        self._ending.set()
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    async def gone(self) -> None:
        """Wait until it has ended, for good."""
        await self._task

    async def _has_ended(self, limit: float) -> bool:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._task), limit)
        return self._task.done()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def _run(self) -> None:
        while not self._ending.is_set():
            began = time.monotonic()
            status = await self._once()
            if self._ending.is_set():
                break
            self._backoff = self._backoff.ended(time.monotonic() - began)
            delay = self._backoff.delay
            self.restarts += 1
            self._tell(f"{self.program.name} ended with status {status}, again in {delay:g} s; {self.program.log}")
            self._changed()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), delay)
        self._changed()

    async def _once(self) -> int:
        """From its start to its end."""
        process = self._process = await self._started()
        self.pid = process.pid
        try:
            if self._ending.is_set():  # We were told while it started.
                self.kill()
            self._changed()
            if process.stdout is not None:
                await self._hear(process.stdout)
            return await process.wait()
        finally:
            self.pid = self.address = None

    async def _started(self) -> asyncio.subprocess.Process:
        program = self.program
        tether = (sys.executable, "-m", "isochrone.local.tether", str(os.getpid()))
        with program.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *tether,
                *program.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if program.greets else log,
                stderr=log,
                env=dict(program.environment),
                process_group=0,
            )

    async def _hear(self, output: asyncio.StreamReader) -> None:
        """Until it closes its output."""
        while line := await output.readline():
            text = line.decode(errors="replace").strip()
            if text.startswith(_READY):
                self.address = text.removeprefix(_READY)
                self._changed()
