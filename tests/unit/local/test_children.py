"""Child processes for real: started again, heard, ended with all that they started, and with whoever started them."""

import asyncio
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.supervisor.gateways import exists, until

from isochrone.local.children import Child, Program

_SLEEP = "import time; time.sleep(600)"
_GREET = f"print('READY 127.0.0.1:7', flush=True); {_SLEEP}"
_STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('READY x', flush=True); {_SLEEP}"


class Watched:
    """A child, and what was told of it."""

    def __init__(self, folder: pathlib.Path, code: str) -> None:
        self.told: list[str] = []
        self.changed = asyncio.Event()
        program = Program(
            name="it",
            command=(sys.executable, "-c", code),
            log=folder / "log",
            environment=os.environ,
            greets=True,
        )
        self.child = Child(program, changed=self.changed.set, tell=self.told.append)

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not holds():
                self.changed.clear()
                await self.changed.wait()


def run(folder: pathlib.Path, code: str, work: Callable[[Watched], Awaitable[None]]) -> None:
    async def whole() -> None:
        watched = Watched(folder, code)
        try:
            await work(watched)
        finally:
            watched.child.kill()
            await watched.child.gone()

    asyncio.run(whole())


def test_a_child_says_where_it_listens_and_ends_when_told(tmp_path: pathlib.Path) -> None:
    async def work(it: Watched) -> None:
        await it.until(lambda: it.child.address == "127.0.0.1:7")
        pid = it.child.pid
        assert pid is not None
        await it.child.stop(60)
        assert not exists(pid)
        assert (it.child.pid, it.child.address, it.told) == (None, None, [])

    run(tmp_path, _GREET, work)


def test_a_child_that_dies_is_started_again(tmp_path: pathlib.Path) -> None:
    async def work(it: Watched) -> None:
        await it.until(lambda: it.child.address is not None)
        first = it.child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await it.until(lambda: it.child.address is not None and it.child.pid != first)
        assert it.child.restarts == 1
        assert it.told == [f"it ended with status -9, again in 0.5 s; {tmp_path / 'log'}"]

    run(tmp_path, _GREET, work)


def test_a_child_that_does_not_listen_is_made_to_end(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isochrone.local.children._HURRIED", 0.1)

    async def work(it: Watched) -> None:
        await it.until(lambda: it.child.address is not None)
        pid = it.child.pid
        assert pid is not None
        await it.child.stop(0.1)
        assert not exists(pid)

    run(tmp_path, _STUBBORN, work)


def test_a_kill_takes_what_a_child_has_started(tmp_path: pathlib.Path) -> None:
    starts = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {_SLEEP!r}]);"
    says = f"print(f'READY {{p.pid}}', flush=True); {_SLEEP}"

    async def work(it: Watched) -> None:
        await it.until(lambda: it.child.address is not None)
        grandchild = int(it.child.address or "")
        it.child.kill()
        await it.child.gone()
        until(lambda: not exists(grandchild))

    run(tmp_path, starts + says, work)


def test_a_tethered_program_ends_with_whoever_started_it() -> None:
    tethered = f"[sys.executable, '-m', 'isochrone.local.tether', str(os.getpid()), sys.executable, '-c', {_SLEEP!r}]"
    code = f"import os, subprocess, sys; p = subprocess.Popen({tethered}); print(p.pid, flush=True); p.wait()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        until(lambda: b"time.sleep" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().rpartition(b"-c")[2])
        parent.kill()
        parent.wait(60)
        until(lambda: not exists(pid))
