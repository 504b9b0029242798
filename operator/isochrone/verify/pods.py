"""Whether a site's pods run on the site's own nodes, policies hold them, and its gateway runs the config that was read.

Sites may share a cluster: then labels of nodes are what says which machines stand at which place.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify import workloads
from isochrone.verify.declared import Site
from isochrone.verify.engines import COMPONENT, GATEWAY, is_engine
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import Found, SiteConfig
from isochrone.verify.workloads import arguments, pod_spec

Json = Mapping[str, Any]

_CONFIG: Final = "--config=kubernetes:"
_RESOLVED_BY_CLUSTER: Final = (None, "ClusterFirst")
"""What API servers write where nothing is said."""


def findings(declared: Site, site: SiteConfig, objects: Iterable[Found]) -> Iterator[Finding]:
    """Of all workloads of a site."""
    for each in objects:
        if is_gateway(each):
            yield from _of_config(site, each)
            yield from _of_names(declared.name, each)
        if is_gateway(each) or is_engine(each):
            yield from _of_nodes(declared, each)
            yield from _of_network(declared.name, each)


def is_gateway(found: Found) -> bool:
    return found.item["kind"] in workloads.KINDS and GATEWAY in workloads.said(found.item, COMPONENT)


def _of_nodes(declared: Site, found: Found) -> Iterator[Finding]:
    spec = pod_spec(found.item)
    chosen = spec.get("nodeSelector") or {}
    lost = sorted(key for key, value in declared.nodes.items() if chosen.get(key) != value)
    if lost:
        text = f"pods may run on nodes that are not the site's: their nodeSelector lacks {', '.join(lost)}"
        yield Finding(rule=Rule.WRONG_PLACE, site=declared.name, where=found.where, message=text)
    elif spec.get("nodeName"):
        text = f"pods are bound to the node {spec['nodeName']}, whatever labels it has"
        yield Finding(rule=Rule.WRONG_PLACE, site=declared.name, where=found.where, message=text)


def is_on_its_node(found: Found) -> bool:
    """Whether pods are on the network of their node: no network policy holds those."""
    return bool(pod_spec(found.item).get("hostNetwork"))


def _of_network(site: str, found: Found) -> Iterator[Finding]:
    if is_on_its_node(found):
        text = "pods are on the network of their node (hostNetwork), where no network policy holds them"
        yield Finding(rule=Rule.EGRESS_OPEN, site=site, where=found.where, message=text)


def _of_names(site: str, found: Found) -> Iterator[Finding]:
    """A gateway calls peers and providers by name: who answers names says where its requests go."""
    spec = pod_spec(found.item)
    said = [name for name in ("hostAliases", "dnsConfig") if spec.get(name)]
    if spec.get("dnsPolicy") not in _RESOLVED_BY_CLUSTER:
        said.append(f"dnsPolicy {spec['dnsPolicy']}")
    if said:
        text = f"the gateway takes names from its pod's {', '.join(said)}, not from the cluster's resolver alone"
        yield Finding(rule=Rule.WRONG_ADDRESS, site=site, where=found.where, message=text)


def _of_config(site: SiteConfig, found: Found) -> Iterator[Finding]:
    """The last argument of a name is what counts."""
    said = [each for container in pod_spec(found.item).get("containers") or () for each in arguments(container)]
    named = [each.removeprefix(_CONFIG) for each in said if each.startswith(_CONFIG)]
    others = [each for each in said if each.startswith("--config") and not each.startswith(_CONFIG)]
    if set(named) != {site.index_name} or others:
        shown = ", ".join([*named, *others]) or "none"
        text = f"the gateway runs the config {shown}, not {site.index_name}, which was verified"
        yield Finding(rule=Rule.WRONG_ADDRESS, site=site.site, where=found.where, message=text)
