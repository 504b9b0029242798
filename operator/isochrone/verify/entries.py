"""Services that are named like routes: clients call `http://ROUTE.NAMESPACE.svc`, and each leads on to a gateway.

What a cluster has under such a name may be its users' own, which nobody overwrites; a folder has only what is rendered.
"""

import itertools
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify import slices
from isochrone.verify.declared import Declared
from isochrone.verify.engines import COMPONENT
from isochrone.verify.finding import Finding, Rule, Severity
from isochrone.verify.gathered import SERVICE, Found, SiteConfig
from isochrone.verify.services import Key, key_of, rendered
from isochrone.verify.whom import SYSTEM

Json = Mapping[str, Any]

_ROUTE: Final = "route"
_HOST: Final = re.compile(rf"([^.]+)\.{SYSTEM}\.svc(?:\.(.+?))?\.?")
_DOMAIN: Final = "cluster.local"


def findings(
    declared: Declared, configs: Iterable[SiteConfig], clusters: Mapping[str, Iterable[Found]]
) -> Iterator[Finding]:
    """Of the Services of each cluster."""
    there: dict[str, list[SiteConfig]] = {}
    for site in configs:
        there.setdefault(site.cluster, []).append(site)
    for cluster, objects in clusters.items():
        own = there.get(cluster, [])
        sites = [declared.sites[each.site] for each in own if each.site in declared.sites]
        # Without a config it may be any site's.
        named = [rendered(each) for each in sites or declared.sites.values()]
        gateways = {name for (_, name), _ in named}
        taken = {*itertools.chain(*named, *map(slices.pools, own))}
        for each in objects:
            if each.item["kind"] == SERVICE and _is_entry(declared, each, taken):
                yield from _of_entry(gateways, each)


def _is_entry(declared: Declared, found: Found, taken: Container[Key]) -> bool:
    """By its label, or by a name that no gateway and no engines have."""
    return _is_labelled(found) or (_name(found) in declared.routes and key_of(found) not in taken)


def _of_entry(gateways: set[str], found: Found) -> Iterator[Finding]:
    spec, name = found.item.get("spec") or {}, f"the Service {_name(found)}, by which clients call a route,"
    host = _HOST.fullmatch(str(spec.get("externalName")))
    if spec.get("type") != "ExternalName" or host is None or host[1] not in gateways:
        where = spec.get("externalName") or "pods of its own"
        # What a cluster lists has no apiVersion: we asked for it.
        is_anothers = not _is_labelled(found) and found.item.get("apiVersion") is None
        severity = Severity.WARNING if is_anothers else Severity.ERROR
        yield _wrong(found, f"{name} leads to {where}, and to no gateway of its cluster", severity)
    elif host[2] not in (None, _DOMAIN):
        text = f"{name} leads to {host[0]}, which is a gateway only if {host[2]} is the domain of its cluster"
        yield _wrong(found, text, Severity.WARNING)


def _wrong(found: Found, text: str, severity: Severity) -> Finding:
    return Finding(rule=Rule.WRONG_ADDRESS, site="", where=found.where, message=text, severity=severity)


def _is_labelled(found: Found) -> bool:
    labels: Json = found.item["metadata"].get("labels") or {}
    return labels.get(COMPONENT) == _ROUTE


def _name(found: Found) -> str:
    return "/".join(key_of(found))
