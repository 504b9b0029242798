"""Whether what leads requests to gateways leads them there alone: routes of the Gateway API, addresses of Services.

A route may copy requests or send them elsewhere before a gateway sees them, and a Service may take an address that is
somebody else's, for all pods of its cluster.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify.engines import COMPONENT, GATEWAY
from isochrone.verify.finding import Finding, Rule, Severity
from isochrone.verify.gathered import EDGE_NODE, SERVICE, Found, Gathered
from isochrone.verify.kinds import HTTP_ROUTE
from isochrone.verify.workloads import Key, key_of

Json = Mapping[str, Any]

_UNDERSTOOD: Final = frozenset({"name", "matches", "backendRefs", "timeouts"})
"""What a rule may say. Filters copy requests and send clients elsewhere; whatever else there is may do so, too."""
_BACKEND: Final = frozenset({"group", "kind", "name", "namespace", "port", "weight"})


def findings(gathered: Gathered) -> Iterator[Finding]:
    """Of all clusters."""
    hosts = {name: site.config.site.hostname for name, site in gathered.configs.items()}
    for found in gathered.found.values():
        yield from _of_cluster(found, hosts)


def _of_cluster(found: Iterable[Found], hosts: Mapping[str, str | None]) -> Iterator[Finding]:
    chosen = list(found)
    gateways = dict(_gateways(chosen))
    for each in chosen:
        if each.item["kind"] == SERVICE:
            yield from _of_service(each)
        elif each.item["kind"] == HTTP_ROUTE:
            for text in _of_route(each.item, gateways, hosts):
                yield Finding(rule=Rule.WRONG_ADDRESS, site="", where=each.where, message=text)


def _gateways(found: Iterable[Found]) -> Iterator[tuple[Key, str]]:
    """Services whose pods are gateways of one site -> the site. What they are labelled with themselves says nothing."""
    for each in found:
        spec: Json = each.item.get("spec") or {}
        selector = spec.get("selector") or {}
        is_one = selector.get(COMPONENT) == GATEWAY and EDGE_NODE in selector
        if each.item["kind"] == SERVICE and spec.get("type") != "ExternalName" and is_one:
            yield key_of(each.item), selector[EDGE_NODE]


def _of_service(found: Found) -> Iterator[Finding]:
    """In a cluster that is others', too, it may be theirs."""
    if taken := (found.item.get("spec") or {}).get("externalIPs"):
        text = f"the Service {'/'.join(key_of(found.item))} takes what pods send to {', '.join(taken)} (externalIPs)"
        severity = Severity.WARNING if found.is_live else Severity.ERROR
        yield Finding(rule=Rule.WRONG_ADDRESS, site="", where=found.where, message=text, severity=severity)


def _of_route(route: Json, gateways: Mapping[Key, str], hosts: Mapping[str, str | None]) -> Iterator[str]:
    namespace, name = key_of(route)
    rules = route["spec"].get("rules") or ()
    if any((each.get("kind") or "Gateway") != "Gateway" for each in route["spec"].get("parentRefs") or ()):
        yield f"the HTTPRoute {namespace}/{name} is for others than Gateways"
    for rule in rules:
        for more in _strange(rule, _UNDERSTOOD):
            yield f"the HTTPRoute {namespace}/{name} has {more}, which may copy requests or send them elsewhere"
    leading = sorted({_backend(each, namespace) for rule in rules for each in rule.get("backendRefs") or ()})
    for where in (each for each in leading if each not in gateways):
        yield f"the HTTPRoute {namespace}/{name} leads to {where[0]}/{where[1]}, which is no Service of a gateway"
    said = sorted(route["spec"].get("hostnames") or ())
    for site in dict.fromkeys(gateways[each] for each in leading if each in gateways):
        if said != ([hosts[site]] if hosts.get(site) else []):
            text = f"the HTTPRoute {namespace}/{name} leads {', '.join(said) or 'any host name'} to the gateway"
            yield f"{text} of {site}, which is known to clients as {hosts.get(site) or 'nothing'}"


def _backend(said: Json, own: str) -> Key:
    """Whatever isn't a Service alone has a name that none has."""
    is_service = (said.get("kind") or SERVICE) == SERVICE and not said.get("group")
    home = said.get("namespace") or own
    if not is_service:
        return home, f"{said['name']} ({said.get('kind')})"
    if strange := _strange(said, _BACKEND):
        return home, f"{said['name']} with {', '.join(strange)}"
    return home, said["name"]


def _strange(said: Json, known: frozenset[str]) -> list[str]:
    return sorted(name for name in said if name not in known and said[name] is not None)
