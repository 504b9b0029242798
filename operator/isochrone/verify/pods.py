"""Whether a site's pods run on the site's own nodes, and its gateway runs the config that was read.

Sites may share a cluster: then labels of nodes are what says which machines stand at which place.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify.declared import Site
from isochrone.verify.engines import COMPONENT, is_engine
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import Found, SiteConfig

Json = Mapping[str, Any]

_GATEWAY: Final = "gateway"
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})
_CONFIG: Final = "--config=kubernetes:"


def findings(declared: Site, site: SiteConfig, objects: Iterable[Found]) -> Iterator[Finding]:
    """Of all workloads of a site."""
    for each in objects:
        if is_gateway(each):
            yield from _of_config(site, each)
        if is_gateway(each) or is_engine(each):
            yield from _of_nodes(declared, each)


def is_gateway(found: Found) -> bool:
    labels = found.item["metadata"].get("labels") or {}
    return found.item["kind"] in _WORKLOADS and labels.get(COMPONENT) == _GATEWAY


def _of_nodes(declared: Site, found: Found) -> Iterator[Finding]:
    spec = _pod(found.item)
    chosen = spec.get("nodeSelector") or {}
    lost = sorted(key for key, value in declared.nodes.items() if chosen.get(key) != value)
    if lost:
        text = f"pods may run on nodes that are not the site's: their nodeSelector lacks {', '.join(lost)}"
        yield Finding(rule=Rule.WRONG_PLACE, site=declared.name, where=found.where, message=text)
    elif spec.get("nodeName"):
        text = f"pods are bound to the node {spec['nodeName']}, whatever labels it has"
        yield Finding(rule=Rule.WRONG_PLACE, site=declared.name, where=found.where, message=text)


def _of_config(site: SiteConfig, found: Found) -> Iterator[Finding]:
    """The last argument of a name is what counts."""
    arguments = [
        str(argument)
        for container in _pod(found.item).get("containers") or ()
        for argument in (*(container.get("command") or ()), *(container.get("args") or ()))
    ]
    named = [each.removeprefix(_CONFIG) for each in arguments if each.startswith(_CONFIG)]
    others = [each for each in arguments if each.startswith("--config") and not each.startswith(_CONFIG)]
    if set(named) != {site.index_name} or others:
        shown = ", ".join([*named, *others]) or "none"
        text = f"the gateway runs the config {shown}, not {site.index_name}, which was verified"
        yield Finding(rule=Rule.WRONG_ADDRESS, site=site.site, where=found.where, message=text)


def _pod(item: Json) -> Json:
    """Of a Pod its own spec, of others that of the pods that they make."""
    spec: Json = item.get("spec") or {}
    made: Json = spec if item["kind"] == "Pod" else (spec.get("template") or {}).get("spec") or {}
    return made
