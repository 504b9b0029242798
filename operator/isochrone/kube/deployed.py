"""What a cluster has of an installation: gateways' configs, the workloads beside them, and what others add to these.

Network policies of others are read too: they add up with ours. So are workloads of others, since what their pods are
labelled with may make them ours, Services, and EndpointSlices that Kubernetes' own controller didn't write.
"""

from http import HTTPStatus
from typing import Final

from isochrone.kube.errors import ClusterError
from isochrone.kube.reader import Object, Reader
from isochrone.render import labels

_CONFIGS: Final = ("ConfigMap", "/api/v1/configmaps")
_SLICES: Final = ("EndpointSlice", "/apis/discovery.k8s.io/v1/endpointslices")
_OTHERS: Final = "endpointslice.kubernetes.io/managed-by!=endpointslice-controller.k8s.io"
_ALL: Final = (
    ("Service", "/api/v1/services"),
    ("Deployment", "/apis/apps/v1/deployments"),
    ("StatefulSet", "/apis/apps/v1/statefulsets"),
    ("DaemonSet", "/apis/apps/v1/daemonsets"),
)
_POLICIES: Final = (
    ("NetworkPolicy", "/apis/networking.k8s.io/v1/networkpolicies"),
    ("CiliumNetworkPolicy", "/apis/cilium.io/v2/ciliumnetworkpolicies"),
    ("FQDNNetworkPolicy", "/apis/networking.gke.io/v1alpha1/fqdnnetworkpolicies"),
)


async def deployed(reader: Reader) -> tuple[Object, ...]:
    """Each with its kind, which lists leave out. Raises ClusterError."""
    found: list[Object] = []
    for (kind, path), selector in ((_CONFIGS, f"{labels.MANAGED_BY}=isochrone"), (_SLICES, _OTHERS)):
        found += [{**each, "kind": kind} for each in await reader.list(path, label_selector=selector)]
    for kind, path in _ALL:
        found += [{**each, "kind": kind} for each in await reader.list(path)]
    for kind, path in _POLICIES:
        found += [{**each, "kind": kind} for each in await _if_any(reader, path)]
    return tuple(found)


async def _if_any(reader: Reader, path: str) -> tuple[Object, ...]:
    """None where the cluster doesn't know the kind."""
    try:
        return await reader.list(path)
    except ClusterError as error:
        if error.status == HTTPStatus.NOT_FOUND:
            return ()
        raise
