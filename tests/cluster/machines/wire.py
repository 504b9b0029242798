"""A network of machines that aren't there: a bridge in a network namespace of its own, with a cable to this machine.

The namespace is nowhere but in the process that holds it. So with that process go bridge, cables, addresses and routes,
and this machine's own firewall and forwarding have no part in what passes between the nodes.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.cluster.reaper import current_run
from tests.cluster.server import ClusterError, Server
from tests.cluster.subnets import reserved

MOST = 16
"""Nodes of a wire."""
_BRIDGE = "wire"
_LIMIT = 60.0


class Wire:
    """10.N.0.0/24 for nodes, and this machine at 10.N.0.1; 10.N.M.0/24 for the pods of node M."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self.number = 0

    def __enter__(self) -> Self:
        (self.number,) = self._stack.enter_context(reserved(1))
        log = current_run().new_folder("wire") / "wire.log"
        self._holder = Server(["unshare", "--net", "sleep", "infinity"], log=log)
        self._holder.start()
        self._stack.callback(self._holder.stop)
        wait_for_namespace(self._holder)
        self._in("ip", "link", "add", _BRIDGE, "type", "bridge")
        self._in("ip", "link", "set", _BRIDGE, "up")
        run("ip", "link", "add", self.device, "type", "veth", "peer", "name", "home", "netns", str(self._holder.pid))
        self._in("ip", "link", "set", "home", "master", _BRIDGE, "up")
        run("ip", "address", "add", f"{self.home}/24", "dev", self.device)
        run("ip", "link", "set", self.device, "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def home(self) -> str:
        """This machine's address."""
        return f"10.{self.number}.0.1"

    @property
    def device(self) -> str:
        return f"isochrone{self.number}"

    def address(self, node: int) -> str:
        return f"10.{self.number}.0.{node + 1}"

    def pods(self, node: int) -> str:
        """Where its pods are."""
        return f"10.{self.number}.{node}.0/24"

    def routes(self, node: int) -> list[tuple[str, str]]:
        """To the pods of all other nodes that may come: pods keep their addresses."""
        return [(self.pods(each), self.address(each)) for each in range(1, MOST + 1) if each != node]

    def connect(self, pid: int, node: int) -> None:
        """A cable to the namespace of a process, in which it is `eth0`."""
        port = f"node{node}"
        self._in("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(pid))
        self._in("ip", "link", "set", port, "master", _BRIDGE, "up")
        run("ip", "route", "add", self.pods(node), "via", self.address(node), "dev", self.device)

    def _in(self, *command: str) -> None:
        run("nsenter", "--target", str(self._holder.pid), "--net", *command)


def wait_for_namespace(server: Server) -> None:
    """Until it is in another network than we are."""
    own = Path("/proc/self/ns/net").readlink()
    server.wait_until(lambda: Path(f"/proc/{server.pid}/ns/net").readlink() != own, limit=_LIMIT)


def run(*command: str | Path, stdin: str = "") -> str:
    """What it wrote; an error of its own if it fails."""
    found = subprocess.run(
        command, input=stdin, capture_output=True, text=True, check=False, timeout=60, process_group=current_run().group
    )
    if found.returncode:
        raise ClusterError(f"{' '.join(map(str, command))} failed:\n{found.stderr[-2000:]}")
    return found.stdout


def devices() -> Iterator[str]:
    """Cables of ours on this machine."""
    yield from (each.name for each in Path("/sys/class/net").iterdir() if each.name.startswith("isochrone"))
