"""Who may talk to a route's engines, and whom they may talk to: the site's gateways, DNS, the source of the weights.

Policies add up: whoever lets an engine talk to more writes one of their own. An engine whose weights are not fetched
talks to nobody.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Final

from isochrone.model import Capability
from isochrone.model.declared import NAME_LABEL, SYSTEM_NAMESPACE
from isochrone.render import labels, sources
from isochrone.render.manifest import Json, filled
from isochrone.render.service import is_monitored
from isochrone.render.subject import Subject
from isochrone.render.weights import way

_NODE_LOCAL_DNS: Final = "169.254.20.10/32"

PRIVATE: Final = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
PRIVATE_IPV6: Final = ("::1/128", "fc00::/7", "fe80::/10")
"""What is not on the internet, metadata services of clouds among it."""


def policies(subject: Subject) -> list[Json]:
    """The NetworkPolicy, and where the cluster knows domain names, one for the source of the weights."""
    source = _fetched_from(subject)
    kind = _by_name(subject)
    spec = {
        "podSelector": {"matchLabels": subject.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": _callers(subject), "ports": [{"protocol": "TCP", "port": subject.program.port}]}],
        **filled(egress=_egress(subject, source) if source else None),
    }
    policy = subject.manifest("networking.k8s.io/v1", "NetworkPolicy", spec=spec)
    return [policy, _KINDS[kind](subject, source)] if source and kind else [policy]


def _fetched_from(subject: Subject) -> sources.Source | None:
    """Where a container of the pod downloads from; None when it doesn't."""
    weights = subject.serving.weights
    source = sources.read(weights) if weights else None
    if source is None or way(subject, source) is not sources.Way.FETCH:
        return None
    return dataclasses.replace(source, place=subject.image(source.place)) if source.scheme == "oci" else source


def _callers(subject: Subject) -> list[Json]:
    gateways = {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: SYSTEM_NAMESPACE}},
        "podSelector": {"matchLabels": labels.gateway_selector(subject.site, subject.settings.installation)},
    }
    namespaces = subject.settings.monitoring_namespaces if is_monitored(subject) else ()
    return [gateways, *(_prometheus(each) for each in namespaces)]


def _prometheus(namespace: str) -> Json:
    return {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}},
        "podSelector": {"matchLabels": {labels.NAME: "prometheus"}},
    }


def _egress(subject: Subject, source: sources.Source) -> list[Json]:
    extra = [_to_network(each.cidr, each.port) for each in subject.settings.weights_networks]
    dns = {"to": [_dns(subject), {"ipBlock": {"cidr": _NODE_LOCAL_DNS}}], "ports": _dns_ports()}
    match _by_name(subject):
        case Capability.CILIUM_NETWORK_POLICY:
            # A rule for DNS without names, added to that with names, would let answers pass unseen.
            return extra
        case Capability.FQDN_NETWORK_POLICY:
            return [dns, *extra]
        case _:
            return [dns, _to_internet(_port(subject, source)), *extra]


def _dns(subject: Subject) -> Json:
    settings = subject.settings
    return {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: settings.dns_namespace}},
        "podSelector": {"matchLabels": dict(settings.dns_labels)},
    }


def _dns_ports() -> list[Json]:
    return [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]


def _to_internet(port: int) -> Json:
    blocks = [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE)}},
        {"ipBlock": {"cidr": "::/0", "except": list(PRIVATE_IPV6)}},
    ]
    return {"to": blocks, "ports": [{"protocol": "TCP", "port": port}]}


def _to_network(cidr: str, port: int) -> Json:
    return {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [{"protocol": "TCP", "port": port}]}


def _port(subject: Subject, source: sources.Source) -> int:
    settings = subject.settings
    return sources.port(source, hf_endpoint=settings.hf_endpoint, s3_endpoint=settings.s3_endpoint)


def _hosts(subject: Subject, source: sources.Source) -> tuple[str, ...]:
    settings = subject.settings
    return sources.hosts(source, hf_endpoint=settings.hf_endpoint, s3_endpoint=settings.s3_endpoint)


def _by_name(subject: Subject) -> Capability | None:
    """The kind of policy by which this cluster allows a domain name."""
    return next((each for each in _KINDS if each in subject.observation.capabilities), None)


def _cilium(subject: Subject, source: sources.Source) -> Json:
    """Cilium learns addresses from the answers of DNS, so those must pass its proxy."""
    settings = subject.settings
    pods = {
        "k8s:io.kubernetes.pod.namespace": settings.dns_namespace,
        **{f"k8s:{key}": value for key, value in settings.dns_labels.items()},
    }
    names = [{"matchPattern" if "*" in each else "matchName": each} for each in _hosts(subject, source)]
    dns = {
        "toEndpoints": [{"matchLabels": pods}],
        "toPorts": [{"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}],
    }
    web = {"toFQDNs": names, "toPorts": [{"ports": [{"port": str(_port(subject, source)), "protocol": "TCP"}]}]}
    spec = {"endpointSelector": {"matchLabels": subject.selector}, "egress": [dns, web]}
    return subject.manifest("cilium.io/v2", "CiliumNetworkPolicy", spec=spec)


def _gke(subject: Subject, source: sources.Source) -> Json:
    matches = [{"pattern" if "*" in each else "name": each} for each in _hosts(subject, source)]
    egress = [{"matches": matches, "ports": [{"protocol": "TCP", "port": _port(subject, source)}]}]
    spec = {"podSelector": {"matchLabels": subject.selector}, "egress": egress}
    return subject.manifest("networking.gke.io/v1alpha1", "FQDNNetworkPolicy", spec=spec)


_KINDS: Final[Mapping[Capability, Callable[[Subject, sources.Source], Json]]] = {
    Capability.CILIUM_NETWORK_POLICY: _cilium,
    Capability.FQDN_NETWORK_POLICY: _gke,
}
