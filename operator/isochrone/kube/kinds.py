"""Kinds by their paths: those that we apply, and those that we read.

Discovery would tell the same at the price of a request per group and cluster. What we may do with them is in
`isochrone.render.rights`.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Kind:
    """A kind of object, and where the API server has it."""

    api_version: str
    name: str
    plural: str
    is_namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Of one object, of all in a namespace, or of all in the cluster."""
        prefix = "/apis" if "/" in self.api_version else "/api"
        inside = f"/namespaces/{quote(namespace, safe='')}" if self.is_namespaced and namespace else ""
        which = f"/{quote(name, safe='')}" if name else ""
        return f"{prefix}/{self.api_version}{inside}/{self.plural}{which}"


NAMESPACE: Final = Kind("v1", "Namespace", "namespaces", is_namespaced=False)
SERVICE_ACCOUNT: Final = Kind("v1", "ServiceAccount", "serviceaccounts")
ROLE: Final = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING: Final = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
CLUSTER_ROLE: Final = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", is_namespaced=False)
CLUSTER_ROLE_BINDING: Final = Kind(
    "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", is_namespaced=False
)
NETWORK_POLICY: Final = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
SERVICE: Final = Kind("v1", "Service", "services")
CONFIG_MAP: Final = Kind("v1", "ConfigMap", "configmaps")
SECRET: Final = Kind("v1", "Secret", "secrets")
LEASE: Final = Kind("coordination.k8s.io/v1", "Lease", "leases")
CLAIM_TEMPLATE: Final = Kind("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates")
RESOURCE_CLAIM: Final = Kind("resource.k8s.io/v1", "ResourceClaim", "resourceclaims")
DISRUPTION_BUDGET: Final = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
DEPLOYMENT: Final = Kind("apps/v1", "Deployment", "deployments")
STATEFUL_SET: Final = Kind("apps/v1", "StatefulSet", "statefulsets")
AUTOSCALER: Final = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
VOLUME_CLAIM: Final = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
POD: Final = Kind("v1", "Pod", "pods")
NODE: Final = Kind("v1", "Node", "nodes", is_namespaced=False)
ENDPOINT_SLICE: Final = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
EVENT: Final = Kind("events.k8s.io/v1", "Event", "events")

POD_MONITOR: Final = Kind("monitoring.coreos.com/v1", "PodMonitor", "podmonitors")
HTTP_ROUTE: Final = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
SERVICE_EXPORT: Final = Kind("multicluster.x-k8s.io/v1alpha1", "ServiceExport", "serviceexports")
CERTIFICATE: Final = Kind("cert-manager.io/v1", "Certificate", "certificates")
CILIUM_NETWORK_POLICY: Final = Kind("cilium.io/v2", "CiliumNetworkPolicy", "ciliumnetworkpolicies")
FQDN_NETWORK_POLICY: Final = Kind("networking.gke.io/v1alpha1", "FQDNNetworkPolicy", "fqdnnetworkpolicies")

CHILDREN: Final = (
    SERVICE_ACCOUNT,
    ROLE,
    ROLE_BINDING,
    NETWORK_POLICY,
    SERVICE,
    CONFIG_MAP,
    SECRET,
    LEASE,
    CLAIM_TEMPLATE,
    DISRUPTION_BUDGET,
    DEPLOYMENT,
    STATEFUL_SET,
    AUTOSCALER,
)
"""What every cluster has, and what of it is removed when it is no longer wanted. Namespaces never are."""
OPTIONAL_CHILDREN: Final = (
    POD_MONITOR,
    HTTP_ROUTE,
    SERVICE_EXPORT,
    CERTIFICATE,
    CILIUM_NETWORK_POLICY,
    FQDN_NETWORK_POLICY,
)
"""What some clusters have."""

_OTHERS: Final = (NAMESPACE, CLUSTER_ROLE, CLUSTER_ROLE_BINDING, POD, NODE, ENDPOINT_SLICE, EVENT)
_BY_NAME: Final = {(kind.api_version, kind.name): kind for kind in (*CHILDREN, *OPTIONAL_CHILDREN, *_OTHERS)}


def kind_of(item: Mapping[str, Any]) -> Kind:
    """The kind of an object that was rendered."""
    return _BY_NAME[item["apiVersion"], item["kind"]]


def path_of(item: Mapping[str, Any]) -> str:
    """Where an object that was rendered is."""
    metadata = item["metadata"]
    return kind_of(item).path(metadata.get("namespace"), metadata["name"])
