"""A hub and its members: whole clusters, side by side on this machine, each with nodes that only seem to be there.

    with Fleet(Member("fra1"), Member("iad1")) as fleet:
        fleet.hub.api.apply(edge_node)
        fleet["fra1"].plane.stop_api_server()

Three of them need about 2 GB, and a good ten seconds on two cores to start.
"""

import contextlib
import functools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from tests.cluster import tools
from tests.cluster.background import Background
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.kubelet import USER, Fares, Kubelet
from tests.cluster.nodes import GPU_TAINT, Nodes
from tests.cluster.reaper import current_run
from tests.cluster.waiting import until

Json = dict[str, Any]

CRDS = Path(__file__).parents[2] / "crds"
SYSTEM = "isochrone-system"
MASTERS = ("system:masters",)

_CPU_ONLY = Nodes(prefix="cpu", gpus=0, cpu="16", memory="64Gi")
_WITH_GPUS = Nodes(prefix="gpu", count=2, taints=(GPU_TAINT,))
_WHOLE = Options(controllers=True, scheduler=True, audit=True)
_FIRST_SUBNET = 200
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Member:
    """A cluster to be. The hub is one, too."""

    name: str
    nodes: Sequence[Nodes] = (_CPU_ONLY, _WITH_GPUS)
    options: Options = _WHOLE


HUB = Member("hub", nodes=(_CPU_ONLY,))


class Site:
    """A cluster that runs."""

    def __init__(self, member: Member, plane: ControlPlane, background: Background, *, subnet: int) -> None:
        self.name = member.name
        self.plane = plane
        self.api = Client(plane.kubeconfig)
        """The administrator's, for the thread of the test."""
        self._background = background
        user = plane.issue_kubeconfig(USER, groups=MASTERS)
        self.kubelet = Kubelet(user, member.nodes, subnet=subnet)

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

    def requests_of(self, user: str) -> list[Json]:
        """What the audit log has of a user, in order."""
        return [event for event in self.plane.audit_events() if event["user"]["username"] == user]


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
            self.background = stack.enter_context(Background())
            planes = [ControlPlane(member.options) for member in self._members]
            for plane in planes:
                stack.callback(plane.stop)
            _start_all(planes)
            for subnet, (member, plane) in enumerate(zip(self._members, planes, strict=True), start=_FIRST_SUBNET):
                site = Site(member, plane, self.background, subnet=subnet)
                stack.callback(site.api.close)
                self._sites[member.name] = site
            _install(self.hub.api)
            for site in self.sites:
                self.background.start(site.kubelet.run())
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
        until(functools.partial(_is_served, api, each))  # may be a moment later


def _is_served(api: Client, crd: Json) -> bool:
    spec = crd["spec"]
    return api.request("GET", f"/apis/{spec['group']}/{spec['versions'][0]['name']}/{spec['names']['plural']}").ok


def _memory(pid: int) -> int:
    """Proportional set size, in bytes (proc_pid_smaps(5))."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
