"""The program in `load/`: built once for each state of its source, and run to load a gateway.

It is in Go, since a driver must cost less than what it measures.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.bench.cores import pinned
from tests.cluster import toolchain, tools
from tests.cluster.reaper import current_run

SOURCE = Path(__file__).parent / "load"
_GO = "1.26.0"
_BUILD_LIMIT = 600.0


class DriverError(Exception):
    """The driver could not be built, or failed; the message says why."""


def built() -> Path:
    """The program, built now if this state of its source never was."""
    files = sorted(path for path in SOURCE.iterdir() if path.suffix in {".go", ".mod"})
    digest = hashlib.sha256(b"".join(path.name.encode() + path.read_bytes() for path in files)).hexdigest()[:12]
    program = tools.cache() / "bench" / f"load-{digest}"
    if not program.exists():
        _build(program)
    return program


def _build(program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    go = toolchain.find(needed=_GO, cache=tools.cache())
    sys.stderr.write("bench: building the driver, once\n")
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        unfinished = Path(folder) / "load"
        result = subprocess.run(
            [go, "build", "-ldflags", "-s -w", "-o", unfinished, "."],
            cwd=SOURCE,
            env=toolchain.environment(go),
            capture_output=True,
            text=True,
            timeout=_BUILD_LIMIT,
            check=False,
        )
        if result.returncode:
            raise DriverError(f"the driver can't be built:\n{result.stderr}")
        unfinished.replace(program)


@dataclass(frozen=True)
class Driver:
    """A running driver; what it says comes as one JSON object a line."""

    process: subprocess.Popen[str]
    limit: float

    def events(self) -> Iterator[dict[str, Any]]:
        """All of them, until it ends."""
        output = self._pipe(self.process.stdout)
        overdue = threading.Timer(self.limit, self.process.kill)
        overdue.start()
        try:
            for line in output:
                yield json.loads(line)
        finally:
            overdue.cancel()
        status = self.process.wait(timeout=10)
        if status:
            words = self._pipe(self.process.stderr).read().strip()
            raise DriverError(words or f"the driver ended with status {status} within {self.limit:.0f} s")

    def go_on(self) -> None:
        """It waits for a line at each of its checkpoints."""
        pipe = self._pipe(self.process.stdin)
        pipe.write("\n")
        pipe.flush()

    @staticmethod
    def _pipe(pipe: IO[str] | None) -> IO[str]:
        assert pipe is not None
        return pipe


@contextlib.contextmanager
def started(arguments: Sequence[str], *, core: int, limit: float) -> Iterator[Driver]:
    """Run the driver on a core, for at most so many seconds."""
    with pinned(core):
        process = subprocess.Popen(
            [built(), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ,
            process_group=current_run().group,
        )
    with process:
        try:
            yield Driver(process, limit)
        finally:
            process.kill()


def run(arguments: Sequence[str], *, core: int, limit: float, on_begin: Callable[[], None]) -> dict[str, Any]:
    """Run it to its result. `on_begin` is called when it begins to measure."""
    with started(arguments, core=core, limit=limit) as driver:
        for event in driver.events():
            if event["event"] == "begin":
                on_begin()
            elif event["event"] == "result":
                result: dict[str, Any] = event["result"]
                return result
    raise DriverError("the driver ended without a result")
