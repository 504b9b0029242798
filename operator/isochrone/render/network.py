"""Who may talk to a route's engines, and whom they may talk to: the site's gateways, DNS, the source of the weights.

Policies add up: whoever lets an engine talk to more writes one of their own. An engine whose weights are not fetched
talks to nobody.
"""

import dataclasses

from isochrone.model import Capability
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import flows, labels, sources
from isochrone.render.manifest import Json, filled
from isochrone.render.service import is_monitored
from isochrone.render.subject import Subject
from isochrone.render.weights import way


def policies(subject: Subject) -> list[Json]:
    """The NetworkPolicy, and where the cluster knows domain names, one for the source of the weights."""
    source = _fetched_from(subject)
    kind = subject.observation.policy_by_name
    spec = {
        "podSelector": {"matchLabels": subject.selector},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": _callers(subject), "ports": [flows.tcp(subject.program.port)]}],
        **filled(egress=_egress(subject, source, kind) if source else None),
    }
    policy = subject.manifest("networking.k8s.io/v1", "NetworkPolicy", spec=spec)
    if source is None or kind is None:
        return [policy]
    hosts = {_port(subject, source): _hosts(subject, source)}
    named = flows.ByName(selector=subject.selector, hosts=hosts, settings=subject.settings)
    return [policy, *flows.policies_by_name(kind, named, subject.manifest)]


def _fetched_from(subject: Subject) -> sources.Source | None:
    """Where a container of the pod downloads from; None when it doesn't."""
    weights = subject.serving.weights
    source = sources.read(weights) if weights else None
    if source is None or way(subject, source) is not sources.Way.FETCH:
        return None
    return dataclasses.replace(source, place=subject.image(source.place)) if source.scheme == "oci" else source


def _callers(subject: Subject) -> list[Json]:
    gateways = labels.gateway_selector(subject.site, subject.settings.installation)
    readers = flows.prometheus(subject.settings) if is_monitored(subject) else []
    return [flows.pods(SYSTEM_NAMESPACE, gateways), *readers]


def _egress(subject: Subject, source: sources.Source, kind: Capability | None) -> list[Json]:
    extra = [_to_network(each.cidr, each.port) for each in subject.settings.weights_networks]
    match kind:
        case Capability.CILIUM_NETWORK_POLICY:
            # A rule for DNS without names, added to that with names, would let answers pass unseen.
            return extra
        case Capability.FQDN_NETWORK_POLICY:
            return [flows.dns(subject.settings), *extra]
        case _:
            web = {"to": flows.internet(), "ports": [flows.tcp(_port(subject, source))]}
            return [flows.dns(subject.settings), web, *extra]


def _to_network(cidr: str, port: int) -> Json:
    return {"to": [{"ipBlock": {"cidr": cidr}}], "ports": [flows.tcp(port)]}


def _port(subject: Subject, source: sources.Source) -> int:
    settings = subject.settings
    return sources.port(source, hf_endpoint=settings.hf_endpoint, s3_endpoint=settings.s3_endpoint)


def _hosts(subject: Subject, source: sources.Source) -> tuple[str, ...]:
    settings = subject.settings
    return sources.hosts(source, hf_endpoint=settings.hf_endpoint, s3_endpoint=settings.s3_endpoint)
