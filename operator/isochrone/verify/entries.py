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
from isochrone.verify.services import rendered
from isochrone.verify.workloads import SYSTEM, Key, key_of

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
        yield from _of_entries(gateways, [each for each in objects if _is_entry(declared, each, taken)])


def _of_entries(gateways: Container[str], found: Iterable[Found]) -> Iterator[Finding]:
    """Those of one cluster; of a domain that may be its own it is told once."""
    by_domain: dict[str, list[Found]] = {}
    for each in found:
        domain = _domain(gateways, each.item.get("spec") or {})
        if domain is None:
            yield _astray(each)
        else:
            by_domain.setdefault(domain, []).append(each)
    for domain, those in by_domain.items():
        if domain != _DOMAIN:
            text = f"{_called(those[0])} leads to a gateway only if {domain} is the domain of its cluster"
            yield _wrong(those[0], text, Severity.WARNING, cases=len(those))


def _is_entry(declared: Declared, found: Found, taken: Container[Key]) -> bool:
    """By its label, or by a name that no gateway and no engines have."""
    is_named = _name(found) in declared.routes and key_of(found.item) not in taken
    return found.item["kind"] == SERVICE and (is_named or _is_labelled(found))


def _domain(gateways: Container[str], spec: Json) -> str | None:
    """In which domain a Service leads to one of these gateways; None if it leads to none."""
    host = _HOST.fullmatch(str(spec.get("externalName")))
    if spec.get("type") != "ExternalName" or host is None or host[1] not in gateways:
        return None
    return host[2] or _DOMAIN


def _astray(found: Found) -> Finding:
    where = (found.item.get("spec") or {}).get("externalName") or "pods of its own"
    # What a cluster lists has no apiVersion: we asked for it.
    is_anothers = not _is_labelled(found) and found.item.get("apiVersion") is None
    severity = Severity.WARNING if is_anothers else Severity.ERROR
    return _wrong(found, f"{_called(found)} leads to {where}, and to no gateway of its cluster", severity)


def _called(found: Found) -> str:
    return f"the Service {_name(found)}, by which clients call a route,"


def _wrong(found: Found, text: str, severity: Severity, *, cases: int = 1) -> Finding:
    return Finding(rule=Rule.WRONG_ADDRESS, site="", where=found.where, message=text, severity=severity, cases=cases)


def _is_labelled(found: Found) -> bool:
    labels: Json = found.item["metadata"].get("labels") or {}
    return labels.get(COMPONENT) == _ROUTE


def _name(found: Found) -> str:
    return "/".join(key_of(found.item))
