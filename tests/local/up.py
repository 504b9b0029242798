"""`isochrone up` as a process, on ports that are free, with the real engine: started once, asked, surely ended."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from openai import InternalServerError, OpenAI
from tests.unit.supervisor.gateways import all_gone

from isochrone.local import control
from isochrone.local.folder import Folder

ROOT: Final = pathlib.Path(__file__).parents[2]
KEY: Final = "ik_quickstart_2gjq5cqt7apxyx6r2kdcswxqea7s2cue"
SITES: Final = 4
START_LIMIT: Final = 900.0
"""Seconds; with the first start the engine and its model are installed."""
COMMAND: Final = (sys.executable, "-c", "from isochrone.cli import main; main()")


class Up:
    """A network of the quickstart's manifests, which `change` may have changed before it starts."""

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        options: Sequence[str] = ("--simulate-wan",),
        secrets: Mapping[str, str] | None = None,
        change: Callable[[pathlib.Path], None] = lambda _: None,
    ) -> None:
        self.manifests = pathlib.Path(shutil.copytree(ROOT / "examples" / "quickstart", folder / "manifests"))
        change(self.manifests)
        self.state = folder / "state"
        self.log = folder / "log"
        self.port = free_run(SITES + 1)
        said = ("--port", str(self.port), "--state", str(self.state), *options)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "up", str(self.manifests), *said],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
                | dict(secrets or {}),
                process_group=0,
            )

    def client(self, port: int | None = None) -> OpenAI:
        """Of the front door; it doesn't try anything twice."""
        base = f"http://127.0.0.1:{port or self.port}/v1"
        return OpenAI(base_url=base, api_key=KEY, max_retries=0, timeout=300)

    def answers(self, model: str = "smollm2") -> bool:
        """Whether it does. Gateways hear of engines a moment after those are ready: somebody may be quicker."""
        with self.client() as client:
            try:
                client.chat.completions.create(model=model, messages=[{"role": "user", "content": "."}], max_tokens=1)
            except InternalServerError:
                return False
            return True

    def sites(self, *words: str) -> str:
        """What `isochrone sites` says."""
        asked = [*COMMAND, "sites", "--state", str(self.state), *words]
        found = subprocess.run(asked, capture_output=True, text=True, timeout=300, check=False)
        assert found.returncode == 0, found.stderr + self.said
        return found.stdout

    def view(self) -> dict[str, Any]:
        """What the command asks for, without its start: this is asked often."""
        (answer,) = control.ask(Folder(self.state).socket, {"do": "sites"})
        found: dict[str, Any] = answer["view"]
        return found

    def ports(self) -> dict[str, int]:
        """Site -> the port of its gateway."""
        return {each["name"]: int(each["url"].split(":")[2].split("/")[0]) for each in self.view()["sites"]}

    def until(self, holds: Callable[[], bool], limit: float = 300.0) -> None:
        deadline = time.monotonic() + limit
        while not holds():
            assert self.process.poll() is None, self.said
            assert time.monotonic() < deadline, f"did not happen in {limit:.0f} s\n{self.said}"
            time.sleep(0.2)

    @property
    def said(self) -> str:
        logs = sorted(self.state.rglob("*.log"))
        return "\n".join(f"--- {path}\n{path.read_text(errors='replace')[-3000:]}" for path in (self.log, *logs))

    def end(self) -> int:
        """As Ctrl-C does."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.process.wait(120)


@contextlib.contextmanager
def running(folder: pathlib.Path, **given: Any) -> Iterator[Up]:
    """One that is ready."""
    up = Up(folder, **given)
    try:
        up.until(lambda: "are ready after" in up.log.read_text(), START_LIMIT)
        yield up
    finally:
        pids = descendants(up.process.pid)
        ended_well = up.end() == 0
        assert all_gone(pids)
        assert ended_well, up.said


def descendants(pid: int) -> set[int]:
    """All processes that a process has started, and those that they have."""
    parents: dict[int, int] = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, more = set[int](), {pid}
    while more:
        found |= more
        more = {child for child, parent in parents.items() if parent in more} - found
    return found


def free_run(count: int) -> int:
    """The first of so many ports in a row that nobody listens on, below those that the system hands out."""
    while True:
        first = random.randrange(20_000, 32_000)
        if all(_is_free(port) for port in range(first, first + count)):
            return first


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
        return True
    return False
