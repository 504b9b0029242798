"""A long-running program of the control plane: its log, its end, and waits that say why they failed."""

import contextlib
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cluster.reaper import current_run

_POLL = 0.02
_TAIL_LINES = 25


class ClusterError(Exception):
    """The test cluster could not do its part; the message carries the log's tail."""


class PortTakenError(ClusterError):
    """Another process took a port between our choosing it and binding it."""


class Server:
    """One program that runs until stopped. It may be started again, with the same command."""

    def __init__(self, command: Sequence[str | Path], *, log: Path) -> None:
        self.name = Path(command[0]).name
        self.log = log
        self._command = [str(part) for part in command]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise ClusterError(f"{self.name} is not running")
        return self._process.pid

    def start(self) -> None:
        if self._process is not None:
            raise ClusterError(f"{self.name} is running already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                process_group=current_run().group,
            )

    def stop(self) -> None:
        """Kill it, as a crash would: the strictest way to stop. What is stored is in etcd's files."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait(timeout=60)
        self._process = None

    def check_alive(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        kind = PortTakenError if "address already in use" in self.tail() else ClusterError
        raise kind(f"{self.name} ended with status {self._process.returncode}\n{self.tail()}")

    def wait_until(self, ready: Callable[[], bool], *, limit: float) -> None:
        """Poll `ready` until it holds. An OSError from it (refused, reset) means "not yet"."""
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            self.check_alive()
            with contextlib.suppress(OSError):
                if ready():
                    return
            time.sleep(_POLL)
        raise ClusterError(f"{self.name} was not ready after {limit:.0f} s\n{self.tail()}")

    def tail(self) -> str:
        with contextlib.suppress(FileNotFoundError):
            lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
            return "\n".join([f"--- the last lines of {self.log.name}:", *lines])
        return f"--- no {self.log.name} was written"
