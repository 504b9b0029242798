"""Real gateways in pods that are otherwise pretence: the process that a kubelet would start, from what the pod says.

Its command, arguments, variables, volumes and service account are the pod's own, and it has only that account's rights.
It is at an address of its own (`podnetwork`), so that all gateways of a fleet keep the ports that they have in pods.
The pod is ready when its readiness probe passes. Not done: liveness probes, limits of CPU and memory.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.cluster import kubeconfig, volumes
from tests.cluster.lifecycle import Behaviour
from tests.cluster.reaper import current_run
from tests.cluster.subnets import on_this_machine
from tests.cluster.volumes import MountError, Volumes
from tests.cluster.watching import AWAY, AsyncClient

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
_NETWORK = Path(__file__).parent / "podnetwork"
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_PROGRAMS = {"isochrone-gateway": (sys.executable, "-m", "isochrone_gateway.server")}
_LABELS = {"app.kubernetes.io/component": "gateway", "app.kubernetes.io/name": "isochrone-gateway"}

_REFRESH = 1.0
_PROBE_LIMIT = 2.0
_SILENT_FOR = 30.0
_FIRST_PAUSE, _MOST_PAUSE = 0.5, 10.0
_LAST_LIMIT = 5.0


def is_gateway(pod: Json) -> bool:
    labels = pod["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in _LABELS.items())


class Gateways:
    """The gateways of one cluster. Few run at once: there is memory for one of a site, and for another that follows."""

    def __init__(self, kubeconfig_file: Path, folder: Path, *, most: int = 2, grace: float = 3.0) -> None:
        """Pods have at most `grace` seconds to end, whatever theirs is: a drain takes minutes."""
        access = kubeconfig.read(kubeconfig_file)
        self.server = access.url.removeprefix("https://").split(":")
        self.folder = folder
        self.grace = grace
        self._most = most
        self._admitted: set[GatewayProgram] = set()

    def find(self, client: AsyncClient, pod: Json, address: str) -> "GatewayProgram | None":
        return GatewayProgram(self, client, pod, on_this_machine(address)) if is_gateway(pod) else None

    def admit(self, program: "GatewayProgram") -> bool:
        """May it run? If so, nobody else takes its room until it is dismissed."""
        beside = sum(each.site == program.site for each in self._admitted if each is not program)
        if beside < self._most:
            self._admitted.add(program)
        return program in self._admitted

    def dismiss(self, program: "GatewayProgram") -> None:
        self._admitted.discard(program)

    def pids(self) -> set[int]:
        """Of the processes that run."""
        return {pid for each in tuple(self._admitted) if (pid := each.pid) is not None}

    def logs(self) -> str:
        """Of all gateways so far: what a test shows when it fails."""
        files = sorted(self.folder.glob("*/log"))
        return "\n".join(f"--- {file.parent.name}\n{file.read_text(errors='replace')}" for file in files)


class GatewayProgram:
    """One pod's process."""

    def __init__(self, gateways: Gateways, client: AsyncClient, pod: Json, address: str) -> None:
        metadata = pod["metadata"]
        self._gateways = gateways
        self._pod = pod
        self.site = metadata["labels"].get("isochrone.dev/edge-node", "")
        (self._container,) = pod["spec"]["containers"]
        self._address = address
        self._folder = gateways.folder / metadata["name"]
        self._volumes = Volumes(client, pod, self._folder)
        self._refresh_at = 0.0
        self._is_mounted = False
        self._starts = 0
        self._start_at = 0.0
        self._well_until = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    async def tend(self, pod: Json) -> Behaviour:
        self._pod = pod
        if problem := await self._mount():
            return Behaviour(waiting="ContainerCreating", message=problem)
        if not self._is_running and time.monotonic() >= self._start_at:
            self._start()
        is_ready = self._is_running and await self._is_well()
        return Behaviour(unready=not is_ready, restarts=self._starts - 1)

    async def _is_well(self) -> bool:
        """As a kubelet sees it: a probe that isn't answered in time is no refusal, unless none is for long."""
        answer = await self._probe()
        if answer is None:
            return time.monotonic() < self._well_until
        self._well_until = time.monotonic() + _SILENT_FOR if answer else 0.0
        return answer

    async def stop(self, limit: float) -> None:
        try:
            await self._end(min(limit, self._gateways.grace))
        finally:
            await self.kill()
            self._gateways.dismiss(self)

    async def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    @property
    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    async def _mount(self) -> str:
        """Why the volumes aren't there yet. Once they are, they stay, also when what is in them is gone."""
        if not self._gateways.admit(self):
            return "there is no room for more gateways in this test"
        if time.monotonic() < self._refresh_at:
            return ""
        try:
            await self._volumes.refresh()
        except MountError as error:
            return "" if self._is_mounted else f"MountVolume.SetUp failed: {error}"
        except AWAY as error:
            return "" if self._is_mounted else f"MountVolume.SetUp failed: {error!r}"
        self._is_mounted = True
        self._refresh_at = time.monotonic() + _REFRESH
        return ""

    def _start(self) -> None:
        self._starts += 1
        self._start_at = time.monotonic() + min(_FIRST_PAUSE * 2**self._starts, _MOST_PAUSE)
        folders = self._folders()
        (name,) = self._container["command"]
        arguments = [_replaced(each, folders) for each in self._container.get("args", [])]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_PROGRAMS[name], *arguments, f"--service-account={folders.get(_ACCOUNT, self._folder / 'none')}"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._variables(),
                process_group=current_run().group,
            )

    def _folders(self) -> dict[str, Path]:
        """Where the pod has a volume -> where it is here."""
        return {each["mountPath"]: self._volumes.folder(each["name"]) for each in self._container["volumeMounts"]}

    def _variables(self) -> dict[str, str]:
        host, port = self._gateways.server
        search = [str(_NETWORK), *filter(None, [os.environ.get("PYTHONPATH")])]
        own = {each["name"]: self._value(each) for each in self._container.get("env", [])}
        return {
            **{key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ},
            "PYTHONPATH": os.pathsep.join(search),
            "POD_NETWORK_ADDRESS": self._address,
            "HOSTNAME": self._pod["metadata"]["name"],
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            **own,
        }

    def _value(self, variable: Json) -> str:
        match variable:
            case {"value": value}:
                return str(value)
            case {"valueFrom": {"fieldRef": {"fieldPath": path}}}:
                return volumes.field(self._pod, path)
        raise LookupError(f"no such variable in these tests: {variable}")

    async def _probe(self) -> bool | None:
        """What it says; None if it says nothing in time."""
        request = self._container["readinessProbe"]["httpGet"]
        ports = {each["name"]: each["containerPort"] for each in self._container["ports"]}
        port = ports.get(request["port"], request["port"])
        try:
            async with asyncio.timeout(_PROBE_LIMIT):
                return 200 <= await _status(self._address, port, request["path"]) < 400
        except TimeoutError:
            return None
        except OSError:
            return False

    async def _end(self, limit: float) -> None:
        """Kindly, then less so: a second SIGTERM ends a drain."""
        for wait in (limit, _LAST_LIMIT):
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGTERM)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    await asyncio.to_thread(self._process.wait, wait)


async def _status(host: str, port: int, path: str) -> int:
    """Of a GET; 0 if there is no answer."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        parts = (await reader.readline()).split()
        return int(parts[1]) if len(parts) > 1 else 0
    finally:
        writer.close()


def _replaced(argument: str, folders: Mapping[str, Path]) -> str:
    option, _, path = argument.partition("=")
    mount = next((each for each in folders if path == each or path.startswith(f"{each}/")), None)
    return argument if mount is None else f"{option}={folders[mount]}{path.removeprefix(mount)}"
