"""Whom a peer of a NetworkPolicy's rule means: pods are known by their labels and their namespace together.

Labels alone say nothing: whoever may make pods in any namespace may give them any labels. Resolvers, and those who read
metrics, may be elsewhere than where they mostly are; then it is said who is trusted there.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.verify.chosen import label_of
from isochrone.verify.engines import COMPONENT, ENGINE, GATEWAY
from isochrone.verify.finding import Severity
from isochrone.verify.gathered import EDGE_NODE
from isochrone.verify.workloads import SYSTEM

Json = Mapping[str, Any]
Told = tuple[str, Severity]
"""Who it is, or might be; and how bad that is."""

_NAME: Final = "app.kubernetes.io/name"
_NAMESPACE: Final = "kubernetes.io/metadata.name"
_READER: Final = "prometheus"
_READERS: Final = "monitoring"
_RESOLVERS: Final = "kube-system"
_RESOLVER: Final = ("k8s-app", "kube-dns")
_ON_NODE: Final = "169.254.20.10/32"
"""The cache of names that Kubernetes has on its nodes."""


def namespace_of(peer: Json, own: str) -> str | None:
    """The one namespace that it leads to; None if that may be several. Without a selector it is the policy's own."""
    selector = peer.get("namespaceSelector")
    if selector is None:
        return own
    found: str | None = (selector.get("matchLabels") or {}).get(_NAMESPACE)
    return found


def labels_of(peer: Json) -> Json:
    """What its pods must have."""
    found: Json = (peer.get("podSelector") or {}).get("matchLabels") or {}
    return found


def is_gateway(peer: Json, own: str, site: str | None = None) -> bool:
    """Gateways alone, of this site if one is named."""
    labels = labels_of(peer)
    is_one = labels.get(COMPONENT) == GATEWAY and namespace_of(peer, own) == SYSTEM
    return is_one and (site is None or labels.get(EDGE_NODE) == site)


def is_engine(peer: Json) -> bool:
    """By its labels, wherever it is."""
    return labels_of(peer).get(COMPONENT) == ENGINE


def strangers(rule: Json, own: str, site: str, ports: frozenset[int] | None) -> Iterator[Told]:
    """Of a rule for engines: who is neither the site's gateway nor one who reads metrics."""
    if not rule.get("from"):
        yield "anybody", Severity.ERROR
    is_at_one_port = ports is not None and len(ports) == 1
    for each in rule.get("from") or ():
        if not is_gateway(each, own, site):
            yield from _strange_reader(each, own, is_at_one_port=is_at_one_port)


def _strange_reader(peer: Json, own: str, *, is_at_one_port: bool) -> Iterator[Told]:
    """What is no Prometheus: that reads metrics at the port at which requests come in, so at one alone."""
    namespace = namespace_of(peer, own)
    if "ipBlock" in peer:
        yield str(peer["ipBlock"]["cidr"]), Severity.ERROR
    elif labels_of(peer).get(_NAME) != _READER:
        yield "other pods", Severity.ERROR
    elif namespace is None:
        yield f"pods called {_READER} of any namespace", Severity.ERROR
    elif not is_at_one_port:
        yield f"pods called {_READER} at more ports than one", Severity.ERROR
    elif namespace != _READERS:
        yield f"pods called {_READER} of the namespace {namespace}, unless they read metrics,", Severity.WARNING


def strange_resolvers(rule: Json, own: str) -> Iterator[Told]:
    """Of a rule for the port of names: what is not known to resolve any."""
    if not rule.get("to"):
        yield "anybody at port 53", Severity.ERROR
    for each in rule.get("to") or ():
        if "ipBlock" not in each:
            yield from _strange_resolver(namespace_of(each, own), labels_of(each))
        elif each["ipBlock"]["cidr"] != _ON_NODE:
            yield f"{each['ipBlock']['cidr']} at port 53, where no resolver is known to be", Severity.ERROR


def strange_endpoints(rule: Json, own: str) -> Iterator[Told]:
    """The same of Cilium's rules, where the namespace is one of the labels. Not all that it has labels for are pods."""
    for each in rule["toEndpoints"]:
        labels = {label: said for key, said in _wanted(each).items() if (label := label_of(key))}
        if others := sorted(key for key in (*_wanted(each), *_asked(each)) if label_of(key) is None):
            yield f"whatever Cilium knows by {', '.join(others)} at port 53", Severity.ERROR
            continue
        namespace = labels.pop("io.kubernetes.pod.namespace", None)
        is_anywhere = any("namespace" in key for key in (*labels, *_asked(each)))
        yield from _strange_resolver(namespace or (None if is_anywhere else own), labels)


def _wanted(selector: Json) -> Mapping[str, str]:
    return selector.get("matchLabels") or {}


def _asked(selector: Json) -> list[str]:
    return [str(each["key"]) for each in selector.get("matchExpressions") or ()]


def _strange_resolver(namespace: str | None, labels: Json) -> Iterator[Told]:
    if namespace is None or not labels:
        whose = "any namespace" if namespace is None else f"the namespace {namespace}"
        yield f"{'pods' if labels else 'any pods'} of {whose} at port 53", Severity.ERROR
    elif namespace != _RESOLVERS or _RESOLVER not in labels.items():
        shown = ", ".join(f"{key}={labels[key]}" for key in sorted(labels))
        yield f"pods of the namespace {namespace} with {shown} at port 53, unless they resolve names", Severity.WARNING
