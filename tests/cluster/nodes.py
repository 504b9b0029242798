"""Nodes as they are in a cluster with GPUs: what a kubelet and NVIDIA's operator say of them. Pure."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

GPU_TAINT: Json = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
LEASE_SECONDS = 40
"""As a kubelet's. Without a sign of life for so long (and a while more) the node's pods are taken to be lost."""

_PROBLEMS = ("MemoryPressure", "DiskPressure", "PIDPressure")


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """Nodes that are alike, named `<prefix>-1` and so on."""

    prefix: str = "gpu"
    count: int = 1
    zone: str = "a"
    gpus: int = 8
    product: str = "NVIDIA-H100-80GB-HBM3"
    megabytes: int = 81_559
    """Memory of a GPU."""
    cpu: str = "128"
    memory: str = "2Ti"
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Json] = ()

    @property
    def names(self) -> list[str]:
        return [f"{self.prefix}-{number}" for number in range(1, self.count + 1)]


def node(kind: Nodes, name: str) -> Json:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": kind.zone,
        **_gpu_labels(kind),
        **kind.labels,
    }
    metadata = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {"taints": list(kind.taints)}}


def node_status(kind: Nodes, *, address: str, ready: bool, now: dt.datetime) -> Json:
    amounts = {"cpu": kind.cpu, "memory": kind.memory, "pods": "110", "ephemeral-storage": "4Ti"}
    amounts |= {"nvidia.com/gpu": str(kind.gpus)} if kind.gpus else {}
    reason = "KubeletReady" if ready else "KubeletNotReady"
    return {
        "capacity": amounts,
        "allocatable": amounts,
        "addresses": [{"type": "InternalIP", "address": address}],
        "conditions": [
            _condition("Ready", reason, now, holds=ready),
            *(_condition(each, f"KubeletHasNo{each}", now, holds=False) for each in _PROBLEMS),
        ],
    }


def lease(name: str, now: dt.datetime) -> Json:
    metadata = {"name": name, "namespace": "kube-node-lease"}
    spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": f"{now:%FT%T.%fZ}"}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}


def timestamp(now: dt.datetime) -> str:
    return f"{now:%FT%TZ}"


def _gpu_labels(kind: Nodes) -> dict[str, str]:
    if not kind.gpus:
        return {}
    return {
        "nvidia.com/gpu.present": "true",
        "nvidia.com/gpu.product": kind.product,
        "nvidia.com/gpu.count": str(kind.gpus),
        "nvidia.com/gpu.memory": str(kind.megabytes),
    }


def _condition(name: str, reason: str, now: dt.datetime, *, holds: bool) -> Json:
    return {
        "type": name,
        "status": "True" if holds else "False",
        "reason": reason,
        "message": f"a node of the tests: {reason}",
        "lastHeartbeatTime": timestamp(now),
        "lastTransitionTime": timestamp(now),
    }
