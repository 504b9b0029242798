"""Who may talk to a gateway, and whom it may talk to: DNS, the API server, its engines, its peers, its providers.

Peers and providers that have names, not addresses, are allowed by name where the cluster knows such policies.
Elsewhere it is their port: of providers on the internet, outside private ranges; of peers and of providers inside,
anywhere, since a peer proves who it is and a gateway connects to nobody whom its config doesn't name.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from isochrone.model import Capability
from isochrone.model.declared import NAME_LABEL, SYSTEM_NAMESPACE, key_of
from isochrone.render import labels
from isochrone.render.gateway import remotes
from isochrone.render.gateway.remotes import Remote
from isochrone.render.gateway.subject import ADMIN, DATA, PEER, Subject
from isochrone.render.manifest import Json, filled
from isochrone.render.network import PRIVATE, PRIVATE_IPV6
from isochrone.render.settings import RenderSettings

_NODE_LOCAL_DNS: Final = "169.254.20.10/32"
_API_PORTS: Final = (443, 6443)


def policies(subject: Subject) -> list[Json]:
    """The NetworkPolicy, and where the cluster knows domain names, one with those."""
    found = tuple(remotes.of(subject))
    kind = next((each for each in _KINDS if subject.has(each)), None)
    spec = {
        "podSelector": {"matchLabels": subject.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(subject)),
        **filled(egress=list(_egress(subject, found, kind))),
    }
    policy = subject.manifest("networking.k8s.io/v1", "NetworkPolicy", spec=spec)
    named = [each for each in found if each.by_name]
    return [policy, *(_KINDS[kind](subject, named) if kind else ())]


def _ingress(subject: Subject) -> Iterator[Json]:
    yield {"ports": [_tcp(DATA)]}
    if subject.is_reached:
        yield {"ports": [_tcp(PEER)]}
    prometheus = [_pods(each, {labels.NAME: "prometheus"}) for each in subject.settings.monitoring_namespaces]
    operator = _pods(SYSTEM_NAMESPACE, {labels.NAME: subject.gateway.operator_name})
    yield {"from": [operator, *prometheus], "ports": [_tcp(ADMIN)]}


def _egress(subject: Subject, found: Iterable[Remote], kind: Capability | None) -> Iterator[Json]:
    if kind is not Capability.CILIUM_NETWORK_POLICY:
        # Cilium's own policy has both: a rule for DNS without names would let answers pass unseen.
        yield dns(subject.settings)
        yield _api_server(subject)
    yield from _engines(subject)
    if subject.beside:
        gateways = {
            labels.COMPONENT: labels.GATEWAY,
            labels.INSTALLATION: subject.settings.installation,
        }
        yield {"to": [_pods(SYSTEM_NAMESPACE, gateways)], "ports": [_tcp(PEER)]}
    yield from _namespaces(found)
    yield from _blocks(each for each in found if each.address is not None)
    if kind is None:
        yield from _by_port(each for each in found if each.by_name)


def dns(settings: RenderSettings) -> Json:
    """The cluster's resolvers, and one on the node."""
    servers = [_pods(settings.dns_namespace, dict(settings.dns_labels)), {"ipBlock": {"cidr": _NODE_LOCAL_DNS}}]
    return {"to": servers, "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]}


def _api_server(subject: Subject) -> Json:
    """Where it is known to be. It is behind a Service, but policies see the address behind it."""
    known = subject.observation.api_servers
    if not known:
        return {"to": _anywhere(), "ports": [_tcp(port) for port in _API_PORTS]}
    hosts, ports = zip(*(remotes.split(each) for each in known), strict=True)
    return {
        "to": [{"ipBlock": {"cidr": remotes.block(host)}} for host in sorted(set(hosts))],
        "ports": [_tcp(port) for port in sorted(set(ports))],
    }


def _engines(subject: Subject) -> Iterator[Json]:
    """The engines of this site, in the namespaces that have any. They admit nobody but gateways themselves."""
    namespaces = sorted({key_of(route).namespace for route in subject.engines})
    pods = {
        labels.COMPONENT: labels.ENGINE,
        labels.INSTALLATION: subject.settings.installation,
        labels.EDGE_NODE: subject.site.metadata.name,
    }
    if namespaces:
        yield {"to": [_pods(each, pods) for each in namespaces]}


def _namespaces(found: Iterable[Remote]) -> Iterator[Json]:
    """Services of this cluster that are providers: which pods are behind one isn't known, nor at which port."""
    for namespace in sorted({each.namespace for each in found if each.namespace}):
        yield {"to": [{"namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}}}]}


def _blocks(found: Iterable[Remote]) -> Iterator[Json]:
    for port, blocks in sorted(_grouped((each.port, each.address or "") for each in found).items()):
        yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in blocks], "ports": [_tcp(port)]}


def _by_port(found: Iterable[Remote]) -> Iterator[Json]:
    named = list(found)
    inside = {each.port for each in named if each.is_inside}
    outside = {each.port for each in named} - inside
    if outside:
        yield {"to": _internet(), "ports": [_tcp(port) for port in sorted(outside)]}
    if inside:
        yield {"to": _anywhere(), "ports": [_tcp(port) for port in sorted(inside)]}


def _internet() -> list[Json]:
    return [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(PRIVATE)}},
        {"ipBlock": {"cidr": "::/0", "except": list(PRIVATE_IPV6)}},
    ]


def _anywhere() -> list[Json]:
    return [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]


def _pods(namespace: str, wanted: Mapping[str, str]) -> Json:
    return {
        "namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}},
        "podSelector": {"matchLabels": dict(wanted)},
    }


def _tcp(port: int | str) -> Json:
    return {"protocol": "TCP", "port": port}


def _grouped(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    found: dict[int, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in found.items()}


# By name.


def _cilium(subject: Subject, named: Iterable[Remote]) -> list[Json]:
    """Cilium learns addresses from the answers of DNS, so those must pass its proxy."""
    settings = subject.settings
    pods = {
        "k8s:io.kubernetes.pod.namespace": settings.dns_namespace,
        **{f"k8s:{key}": value for key, value in settings.dns_labels.items()},
    }
    dns_ports = {"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}
    web = [
        {
            "toFQDNs": [{"matchName": host} for host in hosts],
            "toPorts": [{"ports": [{"port": str(port), "protocol": "TCP"}]}],
        }
        for port, hosts in sorted(_grouped((each.port, each.host) for each in named).items())
    ]
    spec = {
        "endpointSelector": {"matchLabels": subject.selector},
        "egress": [
            {"toEndpoints": [{"matchLabels": pods}], "toPorts": [dns_ports]},
            {"toEntities": ["kube-apiserver"]},
            *web,
        ],
    }
    return [subject.manifest("cilium.io/v2", "CiliumNetworkPolicy", spec=spec)]


def _gke(subject: Subject, named: Iterable[Remote]) -> list[Json]:
    egress = [
        {"matches": [{"name": host} for host in hosts], "ports": [_tcp(port)]}
        for port, hosts in sorted(_grouped((each.port, each.host) for each in named).items())
    ]
    if not egress:
        return []
    spec = {"podSelector": {"matchLabels": subject.selector}, "egress": egress}
    return [subject.manifest("networking.gke.io/v1alpha1", "FQDNNetworkPolicy", spec=spec)]


_KINDS: Final[Mapping[Capability, Callable[[Subject, Iterable[Remote]], list[Json]]]] = {
    Capability.CILIUM_NETWORK_POLICY: _cilium,
    Capability.FQDN_NETWORK_POLICY: _gke,
}
