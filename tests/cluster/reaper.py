"""Leaves nothing behind, however the test run ends: SIGKILL, a crash of the interpreter, a closed terminal.

Three processes take part. The *run* (pytest) holds the write end of a pipe. The *reaper* reads it, so the kernel
itself tells it when the run is gone. The *anchor*, a child of the reaper, leads one process group that everything
the run starts joins at birth (`Popen(process_group=...)`): nothing is ever started that the reaper doesn't know, and
because the anchor is not waited for until the end, the group's number can't pass to somebody else's processes
meanwhile. On end of file the reaper kills that group, runs the farewell commands it was told of (`kind delete
cluster`), and removes the run's folder.

The folder is made by the reaper too, so that there is no instant at which a kill could orphan it. The reaper and the
anchor stay in the run's session (setpgid(2) refuses to move processes across sessions), in groups of their own:
Ctrl-C does not reach them. A run that forks without exec hands its pipe to the child; then the child's end counts too.
"""

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_FAREWELL_LIMIT = 120.0
_REMOVAL_LIMIT = 60.0


@dataclass(frozen=True)
class Run:
    """What this test process may use: a process group to start things in, and a folder for their files."""

    group: int
    folder: Path
    reaper: subprocess.Popen[str]

    def new_folder(self, prefix: str) -> Path:
        return Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=self.folder))

    def at_end(self, command: Sequence[str]) -> None:
        """Have the reaper run `command` when this process is gone. Say so before making what it undoes."""
        assert self.reaper.stdin is not None
        self.reaper.stdin.write(json.dumps(list(command)) + "\n")
        self.reaper.stdin.flush()

    def end(self) -> None:
        assert self.reaper.stdin is not None
        self.reaper.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.reaper.wait(timeout=_FAREWELL_LIMIT + _REMOVAL_LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)  # there only if the reaper itself was killed


@functools.cache
def current_run() -> Run:
    """The one run of this process; its reaper starts with the first call."""
    reaper = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert reaper.stdout is not None
    with reaper.stdout:
        greeting = json.loads(reaper.stdout.readline() or "null")
    if greeting is None:
        raise RuntimeError(f"the reaper ended at once with status {reaper.wait(timeout=10)}")
    run = Run(group=greeting["group"], folder=Path(greeting["folder"]), reaper=reaper)
    atexit.register(run.end)
    return run


def _start_anchor() -> int:
    """A child that leads its own group and, should the reaper itself be killed, still ends that group."""
    read_end, write_end = os.pipe()
    anchor = os.fork()
    if anchor == 0:
        os.close(write_end)
        os.setpgid(0, 0)
        for standard in (0, 1):
            os.close(standard)
        os.read(read_end, 1)
        os.killpg(0, signal.SIGKILL)
    os.close(read_end)
    os.setpgid(anchor, anchor)  # both sides set it: whichever runs first, the group exists when fork returns
    return anchor


def _remove(folder: Path) -> None:
    deadline = time.monotonic() + _REMOVAL_LIMIT
    while folder.exists() and time.monotonic() < deadline:
        shutil.rmtree(folder, ignore_errors=True)  # a process that is only just dying may still add a file
        time.sleep(0.02)


def _say_farewell(command: Sequence[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_FAREWELL_LIMIT, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.SubprocessError) as error:
        with contextlib.suppress(OSError):  # nobody may be there to read it
            sys.stderr.write(f"cleaning up after the tests failed: {error}\n")


def _watch() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    anchor = _start_anchor()
    folder = Path(tempfile.mkdtemp(prefix="isochrone-cluster-"))
    sys.stdout.write(json.dumps({"group": anchor, "folder": str(folder)}) + "\n")
    sys.stdout.close()
    farewells = [json.loads(line) for line in sys.stdin if line.endswith("\n")]
    os.killpg(anchor, signal.SIGKILL)
    for command in farewells:
        _say_farewell(command)
    _remove(folder)
    os.waitpid(anchor, 0)


if __name__ == "__main__":
    _watch()
