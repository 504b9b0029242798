"""Gateways as processes: started with a config of the test's, asked over real sockets, and surely ended.

Machines that run tests stand still at times, for seconds. So all limits here are hang guards, far beyond what anything
takes.
"""

import atexit
import collections
import contextlib
import dataclasses
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from msgspec.structs import replace
from tests.contract.config_cases import RELEASE
from tests.unit.source.publishing import config

from isochrone_gateway.config import Config, encode_index, shard
from isochrone_gateway.config.site import Drain, Listener, Listeners
from isochrone_gateway.source import files

PLANE = "tests.unit.supervisor.plane:Plane"
TOKEN = "a-token-that-is-long-enough"
ROOT = pathlib.Path(__file__).parents[3]
PATIENCE = 60.0
"""Seconds for one answer."""
_START = "import sys; from isochrone_gateway.server.cli import main; sys.exit(main(plane=sys.argv.pop(1)))"


_reserved: collections.deque[socket.socket] = collections.deque()
_RESERVED = 100


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on; all different, and for long not given to anybody else who asks for any port.

    Who asks for one of them by its number gets it (`SO_REUSEADDR`), since we don't listen. While nobody does,
    connections to it are refused.
    """
    return reserve([0] * count)


def reserve(ports: Collection[int]) -> list[int]:
    """Keep these from being given to anybody who asks for any port; 0 is any."""
    made = [socket.socket() for _ in ports]
    for sock, port in zip(made, ports, strict=True):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    _reserved.extend(made)
    while len(_reserved) > _RESERVED:
        _reserved.popleft().close()
    return [sock.getsockname()[1] for sock in made]


@atexit.register
def _give_ports_back() -> None:
    while _reserved:
        _reserved.pop().close()


@dataclasses.dataclass
class Gateway:
    """One gateway, its config folder and its process."""

    folder: pathlib.Path
    data: int
    admin: int
    process: subprocess.Popen[bytes]

    def publish(self, sequence: int, *, hostname: str = "", drain: Drain | None = None, data: int = 0) -> None:
        made = make_config(data or self.data, self.admin, hostname=hostname or f"s{sequence}.example.com", drain=drain)
        write(self.folder / "config", made, sequence)

    def get(self, path: str = "/", *, port: int = 0, token: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port or self.data, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def admin_get(self, path: str, *, token: str = "") -> tuple[int, bytes]:
        return self.get(path, port=self.admin, token=token)

    def status(self) -> dict[str, Any]:
        status, body = self.admin_get("/status", token=TOKEN)
        assert status == 200, body
        found: dict[str, Any] = json.loads(body)
        return found

    def metric(self, name: str) -> float:
        _, page = self.admin_get("/metrics")
        found = re.search(rf"^{re.escape(name)} (\S+)$", page.decode(), re.MULTILINE)
        assert found is not None, page.decode()
        return float(found[1])

    def tells(self, line: str) -> bool:
        """Whether its metrics say so by now: a worker that is too slow to be waited for is told as it was before."""
        return line in self.admin_get("/metrics")[1].decode().splitlines()

    def planes(self) -> list[dict[str, Any]]:
        """What each worker's data plane tells; nothing of a worker that is too slow to be waited for."""
        return [worker.get("dataPlane", {}) for worker in self.status()["workers"]]

    def pids(self) -> set[int]:
        return {worker["pid"] for worker in self.status()["workers"]}

    def is_ready(self) -> bool:
        try:
            return self.admin_get("/readyz")[0] == 200
        except OSError:
            return False

    def runs(self, hostname: str) -> bool:
        return self.get()[1].split()[0] == hostname.encode()

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def wait(self, limit: float = 100) -> int:
        return self.process.wait(limit)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()


def make_config(data: int, admin: int, *, hostname: str, drain: Drain | None = None) -> Config:
    made = config(hostname=hostname)
    site = replace(
        made.site,
        listeners=Listeners(data=Listener(port=data, host="127.0.0.1"), admin=Listener(port=admin, host="127.0.0.1")),
        drain=drain or Drain(announce_ms=300, max_ms=60_000),
    )
    return replace(made, site=site)


def write(folder: pathlib.Path, made: Config, sequence: int, *, epoch: int = 1) -> None:
    index, blobs = shard(made, dataclasses.replace(RELEASE, sequence=sequence, epoch=epoch))
    files.write(folder, encode_index(index), blobs)


def start(folder: pathlib.Path, *arguments: str, plane: str = PLANE) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log, (folder / "requests").open("ab") as requests:
        return subprocess.Popen(
            [sys.executable, "-c", _START, plane, "--config", str(folder / "config"), *arguments],
            stdout=requests,
            stderr=log,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )


@contextlib.contextmanager
def running(
    folder: pathlib.Path,
    *arguments: str,
    workers: int = 2,
    publish: bool = True,
    drain: Drain | None = None,
    plane: str = PLANE,
) -> Iterator[Gateway]:
    """Start a gateway that runs config 1 (unless told not to publish one), and wait until it is ready."""
    data, admin = free_ports(2)
    (folder / "token").write_text(TOKEN + "\n")
    if publish:
        write(folder / "config", make_config(data, admin, hostname="s1.example.com", drain=drain), 1)
    options = ("--workers", str(workers), "--status-token", str(folder / "token"), *arguments)
    gateway = Gateway(folder, data, admin, start(folder, *options, plane=plane))
    try:
        if publish:
            until(gateway.is_ready, log=lambda: gateway.log)
        yield gateway
    finally:
        end(gateway.process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End it as hard as needed; its workers see it and end too."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)


def until(condition: Callable[[], bool], *, limit: float = 120.0, log: Callable[[], str] = lambda: "") -> None:
    deadline = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < deadline, f"did not happen in time\n{log()}"
        time.sleep(0.02)


def exists(pid: int) -> bool:
    """Is there such a process, and not only its remains?"""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def all_gone(pids: Sequence[int] | set[int]) -> bool:
    return not any(exists(pid) for pid in pids)
