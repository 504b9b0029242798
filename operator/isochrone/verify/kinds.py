"""Which kinds of objects are read, and which can be left unread, since they neither open traffic nor start pods.

Whatever else is applied beside gateways could: network policies of other kinds, meshes, custom resources that some
controller makes pods of. Nobody can list them all, so what isn't known to be harmless is an error.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]

CILIUM: Final = "CiliumNetworkPolicy"
POLICIES: Final = frozenset({"NetworkPolicy", CILIUM, "FQDNNetworkPolicy"})
_HOMES: Final = {
    "NetworkPolicy": "networking.k8s.io",
    CILIUM: "cilium.io",
    "FQDNNetworkPolicy": "networking.gke.io",
    "ConfigMap": "",
    "Service": "",
    "Pod": "",
    "Deployment": "apps",
    "StatefulSet": "apps",
    "DaemonSet": "apps",
    "ReplicaSet": "apps",
    "Job": "batch",
}
"""Kinds that are read, and their API groups. Others have kinds of the same names, which mean something else."""
_HARMLESS_GROUPS: Final = frozenset(
    {
        "",
        "autoscaling",
        "policy",
        "apiextensions.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "snapshot.storage.k8s.io",
        "storage.k8s.io",
        "gateway.networking.k8s.io",
        "multicluster.x-k8s.io",
        "cert-manager.io",
        "isochrone.dev",
    }
)
"""Kubernetes' own, whose kinds are known, and what is rendered beside them."""
_HARMLESS: Final = frozenset(
    {("apps", "ControllerRevision"), *(("monitoring.coreos.com", f"{each}Monitor") for each in ("Pod", "Service"))}
    | {("monitoring.coreos.com", "PrometheusRule")}
)
_STARTS_PODS: Final = ("", "ReplicationController")


def is_known(item: Json) -> bool:
    """Whether an object is read, or can be left unread. What a cluster lists has no group: we asked for it."""
    if item.get("apiVersion") is None:
        return True
    group, kind = item["apiVersion"].rpartition("/")[0], item["kind"]
    if kind in _HOMES:
        return bool(_HOMES[kind] == group)
    return (group, kind) in _HARMLESS or (group in _HARMLESS_GROUPS and (group, kind) != _STARTS_PODS)


def each_spec(item: Json) -> Iterator[Json]:
    """A policy with several specs, as Cilium has it, is as many policies."""
    if item["kind"] != CILIUM or not item.get("specs"):
        yield item
        return
    for spec in (*([item["spec"]] if item.get("spec") else []), *item["specs"]):
        yield {**item, "spec": spec}
