"""Programs under measurement: started on a core, waited for, and surely ended with all that they started."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from tests.bench import proc
from tests.bench.cores import pinned
from tests.cluster.reaper import current_run

_GRACE = 10.0
_POLL = 0.05
_TAIL_LINES = 15


class ProgramError(Exception):
    """A program did not start, or ended by itself; the message carries the end of what it wrote."""


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [sock.getsockname()[1] for sock in sockets]


class Program:
    """One program and its descendants."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    def check_alive(self) -> None:
        if (status := self._process.poll()) is not None:
            raise ProgramError(f"it ended with status {status}\n{self._tail()}")

    def wait_until(self, ready: Callable[[], str], *, limit: float) -> None:
        """Ask until there is nothing left that it is not ready for."""
        deadline = time.monotonic() + limit
        why = ""
        while time.monotonic() < deadline:
            self.check_alive()
            if not (why := ready()):
                return
            time.sleep(_POLL)
        raise ProgramError(f"it was not ready after {limit:.0f} s: {why}\n{self._tail()}")

    def end(self) -> None:
        """Ask it to end; kill what has not ended then, and what it left behind."""
        members = [process.pid for process in proc.family(self.pid)]
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(timeout=_GRACE)
        for pid in members:
            if pid in proc.processes() and (pid != self.pid or self._process.poll() is None):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._process.wait(timeout=_GRACE)

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    core: int,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    output: Path | None = None,
) -> Iterator[Program]:
    """Run a program on a core. Its standard output goes to `output`, or `out` in the folder; its errors to `log`."""
    log = folder / "log"
    with log.open("ab") as errors, (output or folder / "out").open("ab") as out, pinned(core):
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            cwd=folder,
            env=os.environ | (environment or {}),
            process_group=current_run().group,
        )
    program = Program(process, log)
    try:
        yield program
    finally:
        program.end()
