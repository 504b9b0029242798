"""A real node: containerd, kubelet and kube-proxy in namespaces of their own, with real containers."""

import dataclasses
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.cluster import tools
from tests.cluster.controlplane import ControlPlane
from tests.cluster.machines import cgroups, needs
from tests.cluster.machines.wire import Wire, run, wait_for_namespace
from tests.cluster.reaper import current_run
from tests.cluster.server import ClusterError, Server

_FIRST = Path(__file__).parent / "first.py"
_UNSHARED = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=SIGKILL", "--mount-proc")
_READY_LIMIT = 120.0
DNS = "10.96.0.10"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What a node is to be."""

    name: str
    number: int
    """Its place on the wire, from 1 on."""
    images: Sequence[Path]
    """Archives that it has from the start; `pause` names one of them."""
    pause: str
    labels: Mapping[str, str] = dataclasses.field(default_factory=dict)
    pods: str
    """Where the pods of all nodes of its cluster are: others come from outside."""


class Machine:
    """A node that runs."""

    def __init__(self, plan: Plan, plane: ControlPlane, wire: Wire) -> None:
        self.name = plan.name
        self.address = wire.address(plan.number)
        self.folder = current_run().new_folder(f"node-{plan.name}")
        self.cgroup = f"{current_run().folder.name}-{plan.name}"
        self._plan, self._plane, self.wire = plan, plane, wire
        self._server = Server([*_UNSHARED, sys.executable, "-I", _FIRST, self._spec()], log=self.folder / "first.log")

    @property
    def pid(self) -> int:
        """Of the process whose network is the node's."""
        return self._server.pid

    def start(self) -> None:
        current_run().at_end([sys.executable, str(Path(cgroups.__file__)), self.cgroup])
        cgroups.make(self.cgroup)
        self._server.start()
        wait_for_namespace(self._server)
        self.wire.connect(self.pid, self._plan.number)

    def wait_until_started(self) -> None:
        """Until its programs run. It has then told its cluster of itself, or is about to."""
        said = self.folder / "said"
        self._server.wait_until(lambda: said.exists() and "started" in said.read_text(), limit=_READY_LIMIT)

    def stop(self) -> None:
        """As if its power were cut."""
        self._server.stop()
        cgroups.remove(self.cgroup)

    def inside(self, *command: str, stdin: str = "") -> str:
        """What a command writes that runs in the node's network."""
        return run("nsenter", "--target", str(self.pid), "--net", *command, stdin=stdin)

    def tail(self) -> str:
        """The last words of its programs."""
        logs = [self.folder / f"{each}.log" for each in ("first", "containerd", "kubelet", "kube-proxy")]
        return "\n".join(f"--- {log.name}\n{_last(log)}" for log in logs if log.exists())

    def _spec(self) -> Path:
        path = self.folder / "spec.json"
        found = {
            "folder": str(self.folder),
            "address": f"{self.address}/24",
            "pods": self.wire.pods(self._plan.number),
            "routes": self.wire.routes(self._plan.number),
            "containerd": _program("containerd"),
            "ctr": _program("ctr"),
            "plugins": needs.plugins(),
            "pause": self._plan.pause,
            "images": [str(each) for each in self._plan.images],
            "programs": str(tools.built().parent),
            "kubelet": self._kubelet(),
            "kube-proxy": self._proxy(),
        }
        path.write_text(json.dumps(found))
        return path

    def _kubelet(self) -> list[str]:
        user = self._plane.issue_kubeconfig(f"system:node:{self.name}", groups=["system:nodes"])
        config = self.folder / "kubelet.json"
        config.write_text(json.dumps(_kubelet_config(self._plane.folder, self.cgroup)))
        return [
            f"--config={config}",
            f"--kubeconfig={user}",
            f"--hostname-override={self.name}",
            f"--node-ip={self.address}",
            f"--node-labels={','.join(f'{key}={value}' for key, value in self._plan.labels.items())}",
            f"--cert-dir={self.folder}",
        ]

    def _proxy(self) -> list[str]:
        """Limits of conntrack are the whole machine's, and not ours to change."""
        user = self._plane.issue_kubeconfig("system:kube-proxy")
        return [
            f"--kubeconfig={user}",
            f"--hostname-override={self.name}",
            f"--cluster-cidr={self._plan.pods}",
            "--proxy-mode=iptables",
            "--conntrack-max-per-core=0",
            "--conntrack-tcp-timeout-established=0",
            "--conntrack-tcp-timeout-close-wait=0",
            "--iptables-min-sync-period=100ms",
        ]


def _kubelet_config(plane: Path, cgroup: str) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"webhook": {"enabled": True}, "x509": {"clientCAFile": str(plane / "ca.crt")}},
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": "unix:///run/containerd.sock",
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "failCgroupV1": False,
        "failSwapOn": False,
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS],
        "enforceNodeAllocatable": [],
        "evictionHard": {},
        "nodeStatusUpdateFrequency": "4s",
        "syncFrequency": "10s",
        # A Secret or ConfigMap that changes is in its pods within a second or two.
        "configMapAndSecretChangeDetectionStrategy": "Watch",
        "serializeImagePulls": False,
        "registryPullQPS": 0,
        "imageGCHighThresholdPercent": 100,
        "shutdownGracePeriod": "0s",
    }


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ClusterError(f"{name} is not installed")
    return found


def _last(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])
