"""A real cluster: a control plane, nodes with real pods, names, Services, and policies that drop packets.

    with Wire() as wire, RealCluster("paris", wire, first=1, nodes=1, images=archives, pause=name) as cluster:
        cluster.api.apply(pod)

Several may share a wire: then their nodes reach each other, and their pods reach the nodes of all.
"""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.cluster import tools
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.machines import names, policies
from tests.cluster.machines.machine import DNS, Machine, Plan
from tests.cluster.machines.wire import Wire
from tests.cluster.server import ClusterError
from tests.cluster.waiting import until

Json = dict[str, Any]

_LOOK = 0.5
_READY_LIMIT = 120.0
_POLICIES = "/apis/networking.k8s.io/v1/networkpolicies"


class RealCluster:
    """Starts on entry; on exit nothing of it is left."""

    def __init__(self, name: str, wire: Wire, *, numbers: Sequence[int], images: Sequence[Path], pause: str) -> None:
        self.name = name
        self._wire = wire
        self._numbers, self._images, self._pause = numbers, images, pause
        self._stack = contextlib.ExitStack()
        self.nodes: list[Machine] = []

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            options = Options(controllers=True, scheduler=True, address=self._wire.home)
            self.plane = stack.enter_context(ControlPlane(options))
            self.api = stack.enter_context(Client(self.plane.kubeconfig))
            for number in self._numbers:
                node = Machine(self._plan(number), self.plane, self._wire)
                node.start()
                stack.callback(node.stop)
                self.nodes.append(node)
            enforcer = Enforcer(self)
            stack.callback(enforcer.stop)
            self._make_ready(enforcer)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def _plan(self, number: int) -> Plan:
        return Plan(
            name=f"{self.name}-{number}",
            number=number,
            images=self._images,
            pause=self._pause,
            labels={"topology.kubernetes.io/zone": f"{self.name}-{number}"},
            # Pods of other clusters on the wire are strangers.
            pods=self._wire.pods(number) if len(self._numbers) == 1 else f"10.{self._wire.number}.0.0/16",
        )

    def _make_ready(self, enforcer: "Enforcer") -> None:
        for node in self.nodes:
            node.wait_until_started()
        enforcer.start()
        for each in names.objects(image=self._pause, programs=tools.built().parent, address=DNS):
            answer = self.api.apply(each)
            assert answer.ok, answer.message
        until(self.unready_nodes, holds=lambda found: not found, limit=_READY_LIMIT, why=self.tail)
        until(self._names_ready, limit=_READY_LIMIT, why=self.tail)

    def unready_nodes(self) -> list[str]:
        items = self.api.request("GET", "/api/v1/nodes").body["items"]
        ready = {each["metadata"]["name"] for each in items if _is_true(each, "Ready")}
        return sorted({node.name for node in self.nodes} - ready)

    def _names_ready(self) -> bool:
        path = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
        return bool(self.api.request("GET", path).body.get("status", {}).get("availableReplicas"))

    def tail(self) -> str:
        """The last words of all nodes, and the pods that aren't ready."""
        pods = self.api.request("GET", "/api/v1/pods").body.get("items", [])
        unready = [_told(each) for each in pods if not _is_true(each, "Ready")]
        return "\n".join(
            [f"--- pods of {self.name} that aren't ready", *unready, *(node.tail() for node in self.nodes)]
        )


class Enforcer:
    """Looks at the policies of a cluster again and again, and gives its nodes the rules that they mean."""

    def __init__(self, cluster: RealCluster) -> None:
        self._cluster = cluster
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name=f"policies of {cluster.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(timeout=60)

    def _work(self) -> None:
        last = ""
        with Client(self._cluster.plane.kubeconfig) as api:
            while not self._over.wait(_LOOK):
                with contextlib.suppress(OSError, KeyError, ClusterError):  # it is asked again at once
                    found = policies.rules(
                        *(_listed(api, path) for path in ("/api/v1/namespaces", "/api/v1/pods", _POLICIES))
                    )
                    if found != last:
                        for node in self._cluster.nodes:
                            node.inside("nft", "-f", "-", stdin=found)
                        last = found


def _listed(api: Client, path: str) -> list[Json]:
    items: list[Json] = api.request("GET", path).body["items"]
    return items


def _is_true(item: Json, kind: str) -> bool:
    return any(each["type"] == kind and each["status"] == "True" for each in item["status"].get("conditions", ()))


def _told(pod: Json) -> str:
    status = pod["status"]
    reasons = [
        f"{each['name']}: {kind} {what.get('reason', '')} {what.get('message', '')}"
        for each in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ()))
        for kind, what in each["state"].items()
        if not each["ready"]
    ]
    why = [each.get("message", "") for each in status.get("conditions", ()) if each["status"] == "False"]
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']} {status.get('phase')} {reasons} {why[:2]}"
