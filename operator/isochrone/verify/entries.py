"""Services that are named like routes: clients call `http://ROUTE.NAMESPACE.svc`, and each leads on to a gateway.

What a cluster has under such a name may be its users' own, which nobody overwrites; a folder has only what is rendered.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify.declared import Declared
from isochrone.verify.engines import COMPONENT
from isochrone.verify.finding import Finding, Rule, Severity
from isochrone.verify.gathered import SERVICE, Found, SiteConfig
from isochrone.verify.services import gateway_name
from isochrone.verify.whom import SYSTEM
from isochrone.verify.workloads import namespace_of

Json = Mapping[str, Any]

_ROUTE: Final = "route"
_HOST: Final = re.compile(rf"([^.]+)\.{SYSTEM}\.svc(?:\.(.+?))?\.?")
_DOMAIN: Final = "cluster.local"


def findings(
    declared: Declared, configs: Iterable[SiteConfig], clusters: Mapping[str, Iterable[Found]]
) -> Iterator[Finding]:
    """Of the Services of each cluster."""
    named = {name: gateway_name(site) for name, site in declared.sites.items()}
    gateways: dict[str, set[str]] = {}
    for site in configs:
        gateways.setdefault(site.cluster, set()).update({named[site.site]} if site.site in named else ())
    for cluster, objects in clusters.items():
        known = gateways.get(cluster) or set(named.values())  # Without a config it may be any site's.
        for each in objects:
            if each.item["kind"] == SERVICE and (_is_labelled(each.item) or _name(each.item) in declared.routes):
                yield from _of_entry(known, each)


def _of_entry(gateways: set[str], found: Found) -> Iterator[Finding]:
    spec, name = found.item.get("spec") or {}, f"the Service {_name(found.item)}, by which clients call a route,"
    host = _HOST.fullmatch(spec.get("externalName") or "")
    if spec.get("type") != "ExternalName" or host is None or host[1] not in gateways:
        where = spec.get("externalName") or "pods of its own"
        # What a cluster lists has no apiVersion: we asked for it.
        is_anothers = not _is_labelled(found.item) and found.item.get("apiVersion") is None
        severity = Severity.WARNING if is_anothers else Severity.ERROR
        yield _wrong(found, f"{name} leads to {where}, and to no gateway of its cluster", severity)
    elif host[2] not in (None, _DOMAIN):
        text = f"{name} leads to {host[0]}, which is a gateway only if {host[2]} is the domain of its cluster"
        yield _wrong(found, text, Severity.WARNING)


def _wrong(found: Found, text: str, severity: Severity) -> Finding:
    return Finding(rule=Rule.WRONG_ADDRESS, site="", where=found.where, message=text, severity=severity)


def _is_labelled(item: Json) -> bool:
    labels: Json = item["metadata"].get("labels") or {}
    return labels.get(COMPONENT) == _ROUTE


def _name(item: Json) -> str:
    return f"{namespace_of(item)}/{item['metadata']['name']}"
