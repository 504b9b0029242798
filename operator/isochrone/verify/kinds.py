"""Which kinds of objects are read, and which can be left unread, since they neither open traffic nor start pods.

Whatever else is applied beside gateways could: network policies of other kinds, meshes, custom resources that some
controller makes pods of, nodes that take a site's labels, ingresses that copy requests. Nobody can list them all, so
what isn't known to be harmless is an error.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = Mapping[str, Any]

CILIUM: Final = "CiliumNetworkPolicy"
POLICIES: Final = frozenset({"NetworkPolicy", CILIUM, "FQDNNetworkPolicy"})
HTTP_ROUTE: Final = "HTTPRoute"
_READ: Final = {
    "NetworkPolicy": "networking.k8s.io/v1",
    CILIUM: "cilium.io/v2",
    "FQDNNetworkPolicy": "networking.gke.io/v1alpha1",
    HTTP_ROUTE: "gateway.networking.k8s.io/v1",
    "ConfigMap": "v1",
    "Service": "v1",
    "EndpointSlice": "discovery.k8s.io/v1",
    "Pod": "v1",
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
}
"""Kinds that are read, each in one version: in another, no API server takes them, or they mean something else."""
_HARMLESS: Final = frozenset(
    {
        ("", "LimitRange"),
        ("", "Namespace"),
        ("", "PersistentVolumeClaim"),
        ("", "ResourceQuota"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("cert-manager.io", "Certificate"),
        ("coordination.k8s.io", "Lease"),
        ("monitoring.coreos.com", "PodMonitor"),
        ("monitoring.coreos.com", "PrometheusRule"),
        ("monitoring.coreos.com", "ServiceMonitor"),
        ("multicluster.x-k8s.io", "ServiceExport"),
        ("policy", "PodDisruptionBudget"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("resource.k8s.io", "ResourceClaimTemplate"),
        ("scheduling.k8s.io", "PriorityClass"),
    }
)
"""What is rendered beside those that are read, and what is often kept there: groups and kinds."""


def is_read(item: Json) -> bool:
    """Whether it says what its kind here says. What a cluster lists has no version: we asked for it."""
    version = item.get("apiVersion")
    return item["kind"] in _READ and (version is None or version == _READ[item["kind"]])


def is_known(item: Json) -> bool:
    """Whether an object is read, or can be left unread."""
    if item.get("apiVersion") is None or is_read(item):
        return True
    return (item["apiVersion"].rpartition("/")[0], item["kind"]) in _HARMLESS


def each_spec(item: Json) -> Iterator[Json]:
    """A policy with several specs, as Cilium has it, is as many policies."""
    if item["kind"] != CILIUM or not item.get("specs"):
        yield item
        return
    for spec in (*([item["spec"]] if item.get("spec") else []), *item["specs"]):
        yield {**item, "spec": spec}
