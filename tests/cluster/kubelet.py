"""Nodes without machines: pods that are scheduled to them start, become ready and end, as a kubelet would have them.

Why not kwok, which is made for this: it makes every pod ready, whatever is in it. Here the readiness of a gateway's pod
is what a real process answers (`gateways.py`), which is what rollouts wait for. kwok would also be a second Go program
of a thousand packages to build, and a process of its own per cluster; this is one thread for all clusters, idle at a
Lease per node and ten seconds. How pods fare is a function that a test may change at any time.

Everything is level-triggered: a status that isn't as it should be is written again, so an API server may go, come back,
or be restored from an older copy. The API server sees one user, `fake-kubelet`.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from typing import Protocol

from tests.cluster import lifecycle, nodes
from tests.cluster.lifecycle import Behaviour, Json, Stage
from tests.cluster.nodes import Nodes
from tests.cluster.watching import AWAY, TYPE_STRATEGIC, AsyncClient, Listed, StatusError

USER = "fake-kubelet"

_HEARTBEAT = 10.0
_AGAIN = 0.3
_PROBES_EVERY = 0.25
_AT_ONCE = 8
_NOT_FOUND = 404
_CONFLICT = 409


class Program(Protocol):
    """What really runs in a pod."""

    async def tend(self, pod: Json) -> Behaviour:
        """Start it if it doesn't run, and say how it fares, beside how the test lets it fare."""
        ...

    async def stop(self, limit: float) -> None:
        """End it, kindly for so many seconds."""
        ...

    async def kill(self) -> None:
        """End it at once, as a power cut does. It may be started again."""
        ...


Fares = Callable[[Json], Behaviour]
Finds = Callable[[AsyncClient, Json, str], Program | None]
"""The program of a pod at an address; None where there is only the pretence of one."""


class Kubelet:
    """All nodes of one cluster."""

    def __init__(
        self,
        client: AsyncClient,
        kinds: Sequence[Nodes],
        *,
        subnet: int = 0,
        finds: Finds = lambda *_: None,
    ) -> None:
        """Addresses of pods are in 10.`subnet`.0.0/16."""
        self.client = client
        self.fares: Fares = lambda _: Behaviour()
        self.finds = finds
        self.few = asyncio.Semaphore(_AT_ONCE)
        self._kinds = {name: kind for kind in kinds for name in kind.names}
        self._hosts = {name: f"10.{subnet}.0.{number}" for number, name in enumerate(self._kinds, start=1)}
        self._addresses = (f"10.{subnet}.{number // 250 + 1}.{number % 250 + 1}" for number in itertools.count())
        self._workers: dict[str, _Worker] = {}
        self._said: dict[str, bool] = {}
        """Node -> whether it was last said to be ready."""
        self._dark: set[str] = set()
        """Nodes without power."""

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._register())
            group.create_task(self._send_heartbeats())
            params = {"fieldSelector": "spec.nodeName!="}
            async for seen in self.client.follow("/api/v1/pods", params):
                if isinstance(seen, Listed):
                    self._take_all(seen.items, group)
                else:
                    self._take(seen.item, group, gone=seen.gone)

    def change(self, fares: Fares) -> None:
        """From now on pods fare so, those that run too."""
        self.fares = fares
        for worker in self._workers.values():
            worker.wake()

    async def set_ready(self, name: str, *, ready: bool) -> None:
        """Say that the node can or can't run pods."""
        self._said[name] = ready
        kind, now = self._kinds[name], dt.datetime.now(dt.UTC)
        status = nodes.node_status(kind, address=self._hosts[name], ready=ready, now=now)
        await self.client.request(
            "PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, content_type=TYPE_STRATEGIC
        )

    def set_power(self, which: Callable[[Nodes], bool], *, on: bool) -> None:
        """Cut it: all programs of such nodes end at once, and nobody says so. Or give it back: they start again."""
        names = {name for name, kind in self._kinds.items() if which(kind)}
        self._dark = self._dark - names if on else self._dark | names
        for worker in self._workers.values():
            worker.wake()

    def is_dark(self, pod: Json) -> bool:
        return pod["spec"]["nodeName"] in self._dark

    def host(self, pod: Json) -> str:
        return self._hosts[pod["spec"]["nodeName"]]

    def new_address(self) -> str:
        return next(self._addresses)

    async def _register(self) -> None:
        for name, kind in self._kinds.items():
            while True:
                with contextlib.suppress(*AWAY):
                    await self._create("/api/v1/nodes", nodes.node(kind, name))
                    await self.set_ready(name, ready=True)
                    break
                await asyncio.sleep(_AGAIN)

    async def _send_heartbeats(self) -> None:
        leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
        while True:
            for name in [each for each in self._kinds if each not in self._dark]:
                lease = nodes.lease(name, dt.datetime.now(dt.UTC))
                with contextlib.suppress(*AWAY):
                    try:
                        await self.client.request(
                            "PATCH", f"{leases}/{name}", {"spec": lease["spec"]}, content_type=TYPE_STRATEGIC
                        )
                    except StatusError as error:
                        if error.status != _NOT_FOUND:
                            raise
                        await self._create(leases, lease)
                    await self._affirm(name)
            await asyncio.sleep(_HEARTBEAT)

    async def _affirm(self, name: str) -> None:
        """Say again what was said, if the cluster has given the node up: on a busy machine signs of life come late."""
        node = await self.client.request("GET", f"/api/v1/nodes/{name}")
        conditions = node.get("status", {}).get("conditions", ())
        if any(each["type"] == "Ready" and each["status"] == "Unknown" for each in conditions):
            await self.set_ready(name, ready=self._said.get(name, True))

    async def _create(self, path: str, item: Json) -> None:
        try:
            await self.client.request("POST", path, item)
        except StatusError as error:
            if error.status != _CONFLICT:
                raise

    def _take_all(self, pods: list[Json], group: asyncio.TaskGroup) -> None:
        there = {pod["metadata"]["uid"] for pod in pods}
        for uid in [uid for uid in self._workers if uid not in there]:
            self._workers.pop(uid).end()
        for pod in pods:
            self._take(pod, group, gone=False)

    def _take(self, pod: Json, group: asyncio.TaskGroup, *, gone: bool) -> None:
        uid = pod["metadata"]["uid"]
        worker = self._workers.get(uid)
        if gone:
            if worker is not None:
                self._workers.pop(uid).end()
        elif worker is not None:
            worker.observe(pod)
        elif pod["spec"]["nodeName"] in self._kinds:
            worker = self._workers[uid] = _Worker(pod, self)
            group.create_task(worker.run())


class _Worker:
    """One pod, from when its node hears of it until it is gone."""

    def __init__(self, pod: Json, kubelet: Kubelet) -> None:
        self._pod = pod
        self._kubelet = kubelet
        self._life = lifecycle.begun(dt.datetime.now(dt.UTC))
        self._address = pod.get("status", {}).get("podIP") or kubelet.new_address()
        self._program = kubelet.finds(kubelet.client, pod, self._address)
        self._changed = asyncio.Event()
        self._gone = False
        metadata = pod["metadata"]
        self._path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"

    def observe(self, pod: Json) -> None:
        self._pod = pod
        self.wake()

    def wake(self) -> None:
        self._changed.set()

    def end(self) -> None:
        self._gone = True
        self.wake()

    async def run(self) -> None:
        try:
            while not self._gone and (self._is_dark or "deletionTimestamp" not in self._pod["metadata"]):
                self._changed.clear()
                await self._wait(await self._advance())
            if not self._gone:
                await self._finish()
        finally:
            if self._program is not None:
                await self._program.stop(0.0)

    @property
    def _is_dark(self) -> bool:
        return self._kubelet.is_dark(self._pod)

    async def _advance(self) -> float | None:
        """Bring the pod as far as it comes; gives the seconds until there is more to do, unless it changes earlier."""
        if self._is_dark:
            if self._program is not None:
                await self._program.kill()
            return None
        fares = self._kubelet.fares(self._pod)
        if self._program is not None and not fares.waiting:
            own = await self._program.tend(self._pod)
            fares = dataclasses.replace(own, start=fares.start, ready=fares.ready, unready=own.unready or fares.unready)
        self._life, left = lifecycle.advance(self._life, self._pod, fares, dt.datetime.now(dt.UTC))
        if not await self._write():
            return _AGAIN
        return left if self._program is None else min(left or _PROBES_EVERY, _PROBES_EVERY)

    async def _write(self) -> bool:
        """Tell the API server. False if it must be tried again."""
        pod, host = self._pod, self._kubelet.host(self._pod)
        status = lifecycle.pod_status(pod, self._life, address=self._address, host=host)
        if not lifecycle.differs(status, pod.get("status", {})):
            return True
        body = {"metadata": {"uid": pod["metadata"]["uid"]}, "status": status}
        return await self._ask("PATCH", f"{self._path}/status", body, content_type=TYPE_STRATEGIC)

    async def _finish(self) -> None:
        grace = float(self._pod["metadata"].get("deletionGracePeriodSeconds") or 0)
        if self._program is not None:
            await self._program.stop(grace)
        elif self._life.stage is not Stage.DONE:
            await asyncio.sleep(min(grace, self._kubelet.fares(self._pod).stop))
        body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self._pod["metadata"]["uid"]}}
        while not self._gone:
            self._changed.clear()
            await self._wait(None if await self._ask("DELETE", self._path, body) else _AGAIN)

    async def _ask(self, method: str, path: str, body: Json, *, content_type: str = "application/json") -> bool:
        try:
            async with self._kubelet.few:
                await self._kubelet.client.request(method, path, body, content_type=content_type)
        except StatusError as error:
            # It is gone, or another of its name is there: the watch will say so.
            return error.status in {_NOT_FOUND, _CONFLICT}
        except AWAY:
            return False
        return True

    async def _wait(self, seconds: float | None) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)
