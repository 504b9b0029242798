"""Who may talk to a gateway, and whom it may talk to: DNS, the API server, its engines, its peers, its providers.

Peers and providers that have names, not addresses, are allowed by name where the cluster knows such policies.
Elsewhere it is their port: of providers on the internet, outside private ranges; of peers and of providers inside,
anywhere, since a peer proves who it is and a gateway connects to nobody whom its config doesn't name.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from isochrone.model import Capability
from isochrone.model.declared import NAME_LABEL, SYSTEM_NAMESPACE, key_of
from isochrone.model.hosts import Remote, block
from isochrone.render import flows, labels
from isochrone.render.gateway import remotes
from isochrone.render.gateway.subject import ADMIN, DATA, PEER, Subject
from isochrone.render.manifest import Json, filled

_API_PORTS: Final = (443, 6443)


def policies(subject: Subject) -> list[Json]:
    """The NetworkPolicy, and where the cluster knows domain names, one with those."""
    found = tuple(remotes.of(subject))
    kind = subject.observation.policy_by_name
    spec = {
        "podSelector": {"matchLabels": subject.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(subject)),
        **filled(egress=list(_egress(subject, found, kind))),
    }
    policy = subject.manifest("networking.k8s.io/v1", "NetworkPolicy", spec=spec)
    if kind is None:
        return [policy]
    hosts = _grouped((each.port, each.host) for each in found if each.by_name)
    named = flows.ByName(selector=subject.selector, hosts=hosts, settings=subject.settings, reaches_api=True)
    return [policy, *flows.policies_by_name(kind, named, subject.manifest)]


def _ingress(subject: Subject) -> Iterator[Json]:
    yield {"ports": [flows.tcp(DATA)]}
    if subject.is_reached:
        yield {"ports": [flows.tcp(PEER)]}
    operator = flows.pods(SYSTEM_NAMESPACE, {labels.NAME: subject.gateway.operator_name})
    yield {"from": [operator, *flows.prometheus(subject.settings)], "ports": [flows.tcp(ADMIN)]}


def _egress(subject: Subject, found: Iterable[Remote], kind: Capability | None) -> Iterator[Json]:
    if kind is not Capability.CILIUM_NETWORK_POLICY:
        # Cilium's own policy has both: a rule for DNS without names would let answers pass unseen.
        yield flows.dns(subject.settings)
        yield _api_server(subject)
    yield from _engines(subject)
    if subject.beside:
        gateways = {
            labels.COMPONENT: labels.GATEWAY,
            labels.INSTALLATION: subject.settings.installation,
        }
        yield {"to": [flows.pods(SYSTEM_NAMESPACE, gateways)], "ports": [flows.tcp(PEER)]}
    yield from _namespaces(found)
    yield from _blocks(each for each in found if each.address is not None)
    if kind is None:
        yield from _by_port(each for each in found if each.by_name)


def _api_server(subject: Subject) -> Json:
    """Where it is known to be. It is behind a Service, but policies see the address behind it."""
    known = subject.observation.api_servers
    if not known:
        return {"to": flows.anywhere(), "ports": [flows.tcp(port) for port in _API_PORTS]}
    hosts, ports = zip(*(remotes.split(each) for each in known), strict=True)
    return {
        "to": [{"ipBlock": {"cidr": block(host)}} for host in sorted(set(hosts))],
        "ports": [flows.tcp(port) for port in sorted(set(ports))],
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
        yield {"to": [flows.pods(each, pods) for each in namespaces]}


def _namespaces(found: Iterable[Remote]) -> Iterator[Json]:
    """Services of this cluster that are providers: which pods are behind one isn't known, nor at which port."""
    for namespace in sorted({each.namespace for each in found if each.namespace}):
        yield {"to": [{"namespaceSelector": {"matchLabels": {NAME_LABEL: namespace}}}]}


def _blocks(found: Iterable[Remote]) -> Iterator[Json]:
    for port, blocks in sorted(_grouped((each.port, each.address or "") for each in found).items()):
        yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in blocks], "ports": [flows.tcp(port)]}


def _by_port(found: Iterable[Remote]) -> Iterator[Json]:
    named = list(found)
    inside = {each.port for each in named if each.is_inside}
    outside = {each.port for each in named} - inside
    if outside:
        yield {"to": flows.internet(), "ports": [flows.tcp(port) for port in sorted(outside)]}
    if inside:
        yield {"to": flows.anywhere(), "ports": [flows.tcp(port) for port in sorted(inside)]}


def _grouped(pairs: Iterable[tuple[int, str]]) -> dict[int, list[str]]:
    found: dict[int, set[str]] = {}
    for key, value in pairs:
        found.setdefault(key, set()).add(value)
    return {key: sorted(values) for key, values in found.items()}
