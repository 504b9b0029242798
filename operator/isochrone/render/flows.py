"""What network policies are made of: pods by their labels, resolvers, the internet, and hosts by name.

Hosts by name take a kind of policy of the cluster's own, which is told by its `Capability`.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from isochrone.model import Capability
from isochrone.model.declared import NAME_LABEL
from isochrone.render import labels
from isochrone.render.manifest import Json
from isochrone.render.settings import RenderSettings

_NODE_LOCAL_DNS: Final = "169.254.20.10/32"
_PRIVATE: Final = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
_PRIVATE_IPV6: Final = ("::1/128", "fc00::/7", "fe80::/10")
"""What is not on the internet, metadata services of clouds among it."""


def tcp(port: int | str) -> Json:
    return {"protocol": "TCP", "port": port}


def pods(namespace: str, wanted: Mapping[str, str]) -> Json:
    """Pods of a namespace that have these labels."""
    return {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}},
        "podSelector": {"matchLabels": dict(wanted)},
    }


def prometheus(settings: RenderSettings) -> list[Json]:
    """Those who read metrics."""
    return [pods(each, {labels.NAME: "prometheus"}) for each in settings.monitoring_namespaces]


def dns(settings: RenderSettings) -> Json:
    """The cluster's resolvers, and one on the node."""
    servers = [pods(settings.dns_namespace, settings.dns_labels), {"ipBlock": {"cidr": _NODE_LOCAL_DNS}}]
    return {"to": servers, "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}


def internet() -> list[Json]:
    """All addresses but private ones."""
    return [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_PRIVATE)}},
        {"ipBlock": {"cidr": "::/0", "except": list(_PRIVATE_IPV6)}},
    ]


def anywhere() -> list[Json]:
    return [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ByName:
    """Pods that may reach hosts by name."""

    selector: Mapping[str, str]
    hosts: Mapping[int, Sequence[str]]
    """Port -> hosts, of which a `*` stands for any part of a name."""
    settings: RenderSettings
    reaches_api: bool = False
    """Whether the cluster's own API server is one of them."""


def policies_by_name(kind: Capability, named: ByName, manifest: Callable[..., Json]) -> list[Json]:
    """The policy of this kind; none if it would say nothing. `manifest` makes an object of the pods' owner."""
    return _KINDS[kind](named, manifest)


def _cilium(named: ByName, manifest: Callable[..., Json]) -> list[Json]:
    """Cilium learns addresses from the answers of DNS, so those must pass its proxy."""
    settings = named.settings
    resolvers = {
        "k8s:io.kubernetes.pod.namespace": settings.dns_namespace,
        **{f"k8s:{key}": value for key, value in settings.dns_labels.items()},
    }
    resolving = {"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}
    web = [
        {
            "toFQDNs": [{"matchPattern" if "*" in each else "matchName": each} for each in hosts],
            "toPorts": [{"ports": [{"port": str(port), "protocol": "TCP"}]}],
        }
        for port, hosts in sorted(named.hosts.items())
    ]
    egress = [
        {"toEndpoints": [{"matchLabels": resolvers}], "toPorts": [resolving]},
        *([{"toEntities": ["kube-apiserver"]}] if named.reaches_api else []),
        *web,
    ]
    spec = {"endpointSelector": {"matchLabels": dict(named.selector)}, "egress": egress}
    return [manifest("cilium.io/v2", "CiliumNetworkPolicy", spec=spec)]


def _gke(named: ByName, manifest: Callable[..., Json]) -> list[Json]:
    egress = [
        {"matches": [{"pattern" if "*" in each else "name": each} for each in hosts], "ports": [tcp(port)]}
        for port, hosts in sorted(named.hosts.items())
    ]
    if not egress:
        return []
    spec = {"podSelector": {"matchLabels": dict(named.selector)}, "egress": egress}
    return [manifest("networking.gke.io/v1alpha1", "FQDNNetworkPolicy", spec=spec)]


_KINDS: Final[Mapping[Capability, Callable[[ByName, Callable[..., Json]], list[Json]]]] = {
    Capability.CILIUM_NETWORK_POLICY: _cilium,
    Capability.FQDN_NETWORK_POLICY: _gke,
}
