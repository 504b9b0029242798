"""The command as a user runs it, two workers and three engines, each a process of its own.

Machines that run tests stand still at times, all processes at once, for a minute or two. When they go on, every limit
that passed meanwhile has passed. So nothing here is limited by less than ten minutes; a real hang takes `LIMIT`.
"""

import asyncio
import contextlib
import dataclasses
import http.client
import pathlib
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.contract.config_cases import RELEASE
from tests.unit.pipeline.harness import config, engine_candidate, route
from tests.unit.supervisor.gateways import ROOT, TOKEN, Gateway, all_gone, end, free_ports, until

from isochrone_gateway.config import Config, encode_index, shard
from isochrone_gateway.config.engines import EngineKind, EnginePool, StaticEndpoints
from isochrone_gateway.config.routes import Queue, Timeouts
from isochrone_gateway.config.site import Age, Drain, Limits, Listener, Listeners
from isochrone_gateway.source import files

COMMAND = pathlib.Path(sys.executable).parent / "isochrone-gateway"
LIMIT = 300.0
"""A hang guard, in seconds."""
_LONG = 600_000
PATIENT = Timeouts(first_byte_ms=_LONG, idle_ms=_LONG, total_ms=_LONG)
_QUEUE = Queue(max_requests=1_000, max_wait_ms=_LONG)
_AGE = Age(max_age_ms=_LONG, hard_max_age_ms=2 * _LONG)
_LIMITS = Limits(
    header_timeout_ms=_LONG, body_timeout_ms=_LONG, keep_alive_timeout_ms=_LONG, write_stall_timeout_ms=_LONG
)


class EngineProcess:
    """One engine."""

    def __init__(self, name: str, port: int = 0) -> None:
        """Its port stays its own when it is killed: who takes its place needs it."""
        self.name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.engine", name, str(port or free_ports(1)[0])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self.port = self._read_port()

    def _read_port(self) -> int:
        stdout = self._process.stdout
        assert stdout is not None
        assert select.select([stdout], [], [], LIMIT)[0], "it didn't start in time"
        return int(stdout.readline())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(LIMIT)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


@dataclasses.dataclass
class Site(Gateway):
    """A gateway and its engines."""

    engines: list[EngineProcess]
    drain: Drain
    made: int = 0

    def use(self, **changes: Any) -> int:
        """Write a config; gives its sequence."""
        self.made += 1
        made = self._config(hostname=f"s{self.made}.example.com", **changes)
        index, blobs = shard(made, dataclasses.replace(RELEASE, sequence=self.made))
        files.write(self.folder / "config", encode_index(index), blobs)
        return self.made

    def _config(
        self, *, hostname: str, timeouts: Timeouts = PATIENT, cache_salt: bool = False, routes: int = 1
    ) -> Config:
        listeners = Listeners(
            data=Listener(port=self.data, host="127.0.0.1"), admin=Listener(port=self.admin, host="127.0.0.1")
        )
        addresses = frozenset(f"127.0.0.1:{engine.port}" for engine in self.engines)
        pool = EnginePool(
            id="lab/a",
            kind=EngineKind.VLLM,
            discovery=StaticEndpoints(addresses=addresses),
            cache_salt=cache_salt,
        )
        more = [
            route([engine_candidate("a")], id=f"lab/chat-{number}", name=f"chat-{number}")
            for number in range(1, routes)
        ]
        first = route([engine_candidate("a")], timeouts=timeouts, queue=_QUEUE)
        site = {"hostname": hostname, "listeners": listeners, "drain": self.drain, "age": _AGE, "limits": _LIMITS}
        return config(engines=(pool,), routes=(first, *more), site=site)

    def sequence(self) -> int:
        """Of the config that runs; 0 if nobody answers."""
        try:
            return int(self.metric("isochrone_config_sequence"))
        except (OSError, http.client.HTTPException):
            return 0

    def runs_or_has_ended(self, sequence: int) -> bool:
        return self.process.poll() is not None or self.sequence() >= sequence

    def restart(self, number: int) -> None:
        """Start an engine at the address of one that is dead."""
        dead = self.engines[number]
        self.engines[number] = EngineProcess(f"{dead.name}-again", dead.port)


@contextlib.contextmanager
def running(folder: pathlib.Path, *, drain: Drain | None = None) -> Iterator[Site]:
    """Start engines and a gateway, and wait until it is ready."""
    with contextlib.ExitStack() as stack:
        engines: list[EngineProcess] = []
        stack.callback(_kill, engines)
        engines += [EngineProcess(f"engine-{number}") for number in range(3)]
        data, admin = free_ports(2)
        (folder / "token").write_text(TOKEN + "\n")
        (folder / "config").mkdir()
        with (folder / "log").open("wb") as log, (folder / "requests").open("wb") as requests:
            process = subprocess.Popen(
                [COMMAND, "--workers", "2", "--config", folder / "config", "--status-token", folder / "token"],
                stdout=requests,
                stderr=log,
            )
        stack.callback(_end, process)
        site = Site(folder, data, admin, process, engines, drain or Drain(announce_ms=500, max_ms=_LONG))
        site.use()
        until(lambda: site.is_ready() and are_probed(site), limit=LIMIT, log=lambda: site.log)
        yield site


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it and be sure that nothing is left of it, also after a test that failed."""
    workers = children(process.pid)
    end(process)
    until(lambda: all_gone(workers), limit=LIMIT)


def children(pid: int) -> set[int]:
    """The processes that this one has started; none if it has ended."""
    try:
        return {int(child) for child in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}
    except OSError:
        return set()


def _kill(engines: Sequence[EngineProcess]) -> None:
    """Those that there are at the end: some were replaced."""
    for engine in engines:
        engine.kill()


def are_probed(site: Site) -> bool:
    """Is each engine known to each worker?"""
    planes = [worker.get("dataPlane", {}) for worker in site.status()["workers"]]
    found = [engine["health"] for plane in planes for engine in plane.get("engines", {}).values()]
    return found == ["Healthy"] * 6


async def until_async(condition: Callable[[], bool], *, limit: float = LIMIT) -> None:
    """Wait for something that another process does."""
    await asyncio.to_thread(until, condition, limit=limit)
