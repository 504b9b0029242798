"""A hub and its members: whole clusters, side by side on this machine, each with nodes that only seem to be there.

    with Fleet(Member("fra1"), Member("iad1")) as fleet:
        fleet.hub.api.apply(edge_node)
        fleet["fra1"].plane.stop_api_server()

Three of them need 1.1 GB, and ten seconds on two cores to start.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from tests.cluster import tools
from tests.cluster.background import Background
from tests.cluster.balancer import Balancer
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.engines import Engines
from tests.cluster.gateways import Gateways
from tests.cluster.kubelet import USER, Fares, Kubelet, Program
from tests.cluster.nodes import GPU_TAINT, Nodes
from tests.cluster.reaper import current_run
from tests.cluster.subnets import on_this_machine, reserved
from tests.cluster.watching import AsyncClient

Json = dict[str, Any]

CRDS = Path(__file__).parents[2] / "crds"
SYSTEM = "isochrone-system"
MASTERS = ("system:masters",)

_CPU_ONLY = Nodes(prefix="cpu", gpus=0, cpu="16", memory="64Gi")
_WITH_GPUS = Nodes(prefix="gpu", count=2, taints=(GPU_TAINT,))
_WHOLE = Options(controllers=True, scheduler=True, audit=True)
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Member:
    """A cluster to be. The hub is one, too."""

    name: str
    nodes: Sequence[Nodes] = (_CPU_ONLY, _WITH_GPUS)
    options: Options = _WHOLE
    gateways: int = 0
    """How many gateways of a site may really run at once: 2 where each has one replica, since a pod that follows
    another starts before that ends. Engines then answer. With 0 they are pretence, as all other pods are."""


HUB = Member("hub", nodes=(_CPU_ONLY,))


class Site:
    """A cluster that runs."""

    def __init__(self, member: Member, plane: ControlPlane, background: Background, *, subnet: int) -> None:
        self.name = member.name
        self.plane = plane
        self.api = Client(plane.kubeconfig)
        """The administrator's, for the thread of the test."""
        self._background = background
        self._client = AsyncClient(plane.issue_kubeconfig(USER, groups=MASTERS))
        self.gateways = Gateways(plane.kubeconfig, plane.folder / "pods", most=member.gateways)
        self.engines = Engines()
        self.kubelet = Kubelet(self._client, member.nodes, subnet=subnet, finds=self._find)
        self._gateways_run = member.gateways > 0
        self.balancer = Balancer(subnet=subnet)

    def _find(self, client: AsyncClient, pod: Json, address: str) -> Program | None:
        """What really runs in a pod."""
        if not self._gateways_run:
            return None
        return self.gateways.find(client, pod, address) or self.engines.find(client, pod, address)

    async def run(self) -> None:
        async with self._client, asyncio.TaskGroup() as group:
            group.create_task(self.kubelet.run())
            group.create_task(self.balancer.run(self._client))

    @property
    def kubeconfig(self) -> bytes:
        """The administrator's way in."""
        return self.plane.kubeconfig.read_bytes()

    def kubeconfig_for(self, user: str, *, groups: Sequence[str] = MASTERS) -> bytes:
        """The way in of a user of that name: so that the audit log tells who asked."""
        return self.plane.issue_kubeconfig(user, groups=groups).read_bytes()

    def let_pods_fare(self, fares: Fares) -> None:
        """From now on pods start, become ready and end so, those that run too."""
        self._background.soon(lambda: self.kubelet.change(fares))

    def set_node_ready(self, name: str, *, ready: bool) -> None:
        self._background.call(self.kubelet.set_ready(name, ready=ready))

    def set_power(self, which: Callable[[Nodes], bool], *, on: bool) -> None:
        """Of such nodes. Without it their programs are gone at once, and the API server isn't told."""
        self._background.soon(lambda: self.kubelet.set_power(which, on=on))

    def gateway_address(self, site: str = "") -> str:
        """Where pods reach the gateway of that EdgeNode (named as the cluster, if left out): for it to advertise."""
        return self.balancer.address(site or self.name)

    def gateway_host(self, site: str = "") -> str:
        """Where a test reaches it, at the ports that its pods have."""
        return on_this_machine(self.gateway_address(site))

    def requests_of(self, user: str) -> list[Json]:
        """What the audit log has of a user, in order."""
        return [event for event in self.plane.audit_events() if event["user"].get("username") == user]


class Fleet:
    """Starts on entry, all at once; is gone on exit."""

    def __init__(self, *members: Member, hub: Member = HUB) -> None:
        self.seconds = 0.0
        """That the start took."""
        self._members = (hub, *members)
        self._stack = contextlib.ExitStack()
        self._sites: dict[str, Site] = {}

    def __enter__(self) -> Self:
        began = time.monotonic()
        with contextlib.ExitStack() as stack:
            planes = [ControlPlane(member.options) for member in self._members]
            for plane in planes:
                stack.callback(plane.stop)
            _start_all(planes)
            subnets = stack.enter_context(reserved(len(planes)))
            self.background = stack.enter_context(Background())
            for member, plane, subnet in zip(self._members, planes, subnets, strict=True):
                site = Site(member, plane, self.background, subnet=subnet)
                stack.callback(site.api.close)
                self._sites[member.name] = site
            _install(self.hub.api)
            for site in self.sites:
                self.background.start(site.run())
            self._stack = stack.pop_all()
        self.seconds = time.monotonic() - began
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        self._sites.clear()

    def __getitem__(self, name: str) -> Site:
        return self._sites[name]

    @property
    def hub(self) -> Site:
        return self._sites[self._members[0].name]

    @property
    def sites(self) -> list[Site]:
        """The hub first."""
        return list(self._sites.values())

    @property
    def mebibytes(self) -> float:
        """Memory of all control planes; what their programs share counts once."""
        return sum(_memory(pid) for site in self.sites for pid in site.plane.pids) / _MIB


def _start_all(planes: Sequence[ControlPlane]) -> None:
    tools.built()
    current_run()  # both are made once, and not by several threads
    with ThreadPoolExecutor(len(planes)) as pool:
        for done in [pool.submit(plane.start) for plane in planes]:
            done.result()


def _install(api: Client) -> None:
    """As the chart does."""
    crds = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    for each in [*crds, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}]:
        answer = api.apply(each)
        assert answer.ok, answer.message
    for each in crds:
        api.wait_for_condition(each, "Established")


def _memory(pid: int) -> int:
    """Proportional set size, in bytes (proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
