"""What a site's cluster itself lets pods talk to: how its gateway is held, and whether anything is wider than need be.

NetworkPolicies add up, so each rule is looked at by itself. Hosts that have only a name take a policy by name, which
not every cluster has; there a gateway may reach their port anywhere, and its own list of whom it calls is what holds
it (docs/decisions/0016-site-bundle.md). That is no fault, but it is said.
"""

import dataclasses
import functools
import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify.declared import Declared
from isochrone.verify.engines import COMPONENT, ENGINE, is_engine, route_of
from isochrone.verify.finding import Egress, Finding, Rule, Severity
from isochrone.verify.gathered import EDGE_NODE, Found, SiteConfig
from isochrone.verify.pods import is_gateway
from isochrone.verify.selecting import Selector

Json = Mapping[str, Any]

_GATEWAY: Final = "gateway"
_NAME: Final = "app.kubernetes.io/name"
_NAMESPACE: Final = "kubernetes.io/metadata.name"
_API_PORTS: Final = frozenset({443, 6443})
_DNS: Final = 53
_DNS_ALONE: Final[frozenset[int] | None] = frozenset({_DNS})
_POLICY: Final = "NetworkPolicy"
_BY_NAME: Final = ("CiliumNetworkPolicy", "FQDNNetworkPolicy")
_API_SERVER: Final = "kube-apiserver"
_WHOM: Final = ("toFQDNs", "toEndpoints", "toEntities")
_KNOWN_BY_NAME: Final = frozenset({*_WHOM, "toPorts", "matches", "ports"})
_LABEL_SOURCE: Final = re.compile("^(k8s|any):")
_URL: Final = re.compile(r"(https?)://(\[[^\]]+\]|[^/:]+)(?::([0-9]+))?")
_SERVICE: Final = re.compile(r"[^.]+\.([^.]+)\.svc(\..+)?")
_STANDARD: Final = {"http": 80, "https": 443}
_PRIVATE: Final = tuple(
    ipaddress.ip_network(each)
    for each in (
        *("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"),
        *("::1/128", "fc00::/7", "fe80::/10"),
    )
)


@dataclasses.dataclass(frozen=True, slots=True)
class Remote:
    """A host and a port that is declared."""

    host: str
    port: int

    @property
    def network(self) -> str | None:
        return _network(self.host)


@functools.lru_cache(maxsize=65_536)
def _network(host: str) -> str | None:
    """The host as a network, if it is an address."""
    try:
        return str(ipaddress.ip_network(host))
    except ValueError:
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How a gateway is held."""

    level: Egress
    detail: str


def remotes(declared: Declared, site: SiteConfig) -> list[Remote]:
    """Whom the site's gateway has a reason to call: peers that advertise, endpoints of its providers, its bucket."""
    found = [
        Remote(*other.advertise)
        for name, other in declared.sites.items()
        if name != site.site and other.advertise is not None and other.state != "Disabled"
    ]
    for each in site.config.providers:
        said = declared.providers.get(each.name)
        found += [remote_of(endpoint.url) for endpoint in (said.endpoints.values() if said else ())]
    evidence, bucket = site.config.site.evidence, declared.sites[site.site].bucket
    if evidence is not None and evidence.objects is not None and bucket is not None:
        found.append(remote_of(bucket.endpoint))
    return found


def remote_of(url: str) -> Remote:
    match = _URL.match(url)
    if match is None:
        raise ValueError(f"{url} is no base URL")
    scheme, host, port = match.groups()
    return Remote(host.strip("[]"), int(port or _STANDARD[scheme]))


class Pods:
    """The policies of some pods of a site, rule by rule."""

    def __init__(self, objects: Iterable[Found], labels: Mapping[str, str], namespace: str) -> None:
        chosen = [each for each in objects if (each.item["metadata"].get("namespace") or "default") == namespace]
        self.policies = [each for each in chosen if each.item["kind"] == _POLICY and _selects(each.item, labels)]
        self.by_name = [each for each in chosen if each.item["kind"] in _BY_NAME and _selects(each.item, labels)]

    def is_held(self, direction: str) -> bool:
        """Whether anything is closed at all."""
        if direction == "Egress" and any(_closes(each.item) for each in self.by_name):
            return True
        return any(direction in _types(each.item) for each in self.policies)

    def rules(self, direction: str) -> Iterator[tuple[Found, Json]]:
        for each in self.policies:
            for rule in each.item["spec"].get(direction.lower()) or ():
                yield each, rule

    def hosts(self) -> Iterator[tuple[Found, str]]:
        """Names that may be called."""
        for each, rule in self._rules_by_name():
            for said in (*(rule.get("toFQDNs") or ()), *(rule.get("matches") or ())):
                yield each, next(iter(said.values()))

    def open_by_name(self) -> Iterator[tuple[Found, str]]:
        """Rules of Cilium's that are by no name, no resolver's and no API server's."""
        for each, rule in self._rules_by_name():
            entities = sorted(set(rule.get("toEntities") or ()) - {_API_SERVER})
            if unknown := sorted(set(rule) - _KNOWN_BY_NAME):
                yield each, ", ".join(unknown)
            elif entities:
                yield each, f"the entities {', '.join(entities)}"
            elif rule.get("toEndpoints") and _ports_by_name(rule) != _DNS_ALONE:
                yield each, "labels of pods"
            elif "toPorts" in rule and not any(rule.get(name) for name in _WHOM):
                yield each, "ports alone"

    def _rules_by_name(self) -> Iterator[tuple[Found, Json]]:
        for each in self.by_name:
            for rule in each.item["spec"].get("egress") or ():
                yield each, rule


def _closes(by_name: Json) -> bool:
    """Cilium closes what it has rules for; what GKE has by name opens what others closed."""
    return by_name["kind"] == _BY_NAME[0] and bool(by_name["spec"].get("egress"))


def _types(policy: Json) -> list[str]:
    spec = policy["spec"]
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _selects(policy: Json, labels: Mapping[str, str]) -> bool:
    """Cilium may say of a label where it is from."""
    spec = policy["spec"]
    selector = spec.get("podSelector") or spec.get("endpointSelector") or {}
    wanted = {_LABEL_SOURCE.sub("", key): value for key, value in (selector.get("matchLabels") or {}).items()}
    asked = [{**each, "key": _LABEL_SOURCE.sub("", each["key"])} for each in selector.get("matchExpressions") or ()]
    return Selector.of(wanted, asked).matches(labels)


def _ports_by_name(rule: Json) -> frozenset[int]:
    return frozenset(int(port["port"]) for each in rule.get("toPorts") or () for port in each.get("ports") or ())


# The gateway


def of_gateway(declared: Declared, site: SiteConfig, objects: Iterable[Found]) -> tuple[Held, tuple[Finding, ...]]:
    """How the site's gateway is held, and what of that is too wide."""
    workload = next((each for each in objects if is_gateway(each)), None)
    if workload is None:
        detail = "no Deployment or StatefulSet of the gateway was given"
        return Held(level=Egress.NONE, detail=detail), (_open(site.site, site.where, f"{detail}, so nothing holds it"),)
    labels, namespace = _pod_labels(workload), workload.item["metadata"].get("namespace") or "default"
    pods = Pods(objects, labels, namespace)
    if not pods.is_held("Egress"):
        text = "no NetworkPolicy closes the egress of the gateway's pods"
        return Held(level=Egress.NONE, detail="no policy"), (_open(site.site, workload.where, text),)
    known = remotes(declared, site)
    findings = [
        *(found for where, rule in pods.rules("Egress") for found in _of_gateway_rule(site.site, where, rule, known)),
        *_of_names(site.site, pods, {each.host for each in known}),
    ]
    return _held(pods), tuple(findings)


def _pod_labels(workload: Found) -> Mapping[str, str]:
    if workload.item["kind"] == "Pod":
        labels: Mapping[str, str] = workload.item["metadata"]["labels"]  # By which it was known.
        return labels
    template = (workload.item.get("spec") or {}).get("template") or {}
    return (template.get("metadata") or {}).get("labels") or {}


def _held(pods: Pods) -> Held:
    wide = sorted({port for _, rule in pods.rules("Egress") if _is_wide(rule) for port in _ports(rule) or {0}})
    names = {host for _, host in pods.hosts()}
    if wide:
        shown = ", ".join(str(port) for port in wide)
        return Held(level=Egress.BY_PORT, detail=f"port {shown}")
    if names:
        return Held(level=Egress.BY_NAME, detail=f"{len(names)} hosts by {pods.by_name[0].item['kind']}")
    return Held(level=Egress.BY_ADDRESS, detail="addresses and pods alone")


def _of_gateway_rule(site: str, where: Found, rule: Json, known: list[Remote]) -> Iterator[Finding]:
    ports = _ports(rule)
    if not rule.get("to"):
        yield _open(site, where.where, "a rule lets the gateway talk to anybody")
        return
    allowed = {each.port for each in known} | _API_PORTS | {_DNS}
    if _is_wide(rule) and (ports is None or ports - allowed):
        shown = "any port" if ports is None else f"port {', '.join(map(str, sorted(ports - allowed)))}"
        yield _open(site, where.where, f"a rule lets the gateway talk to any address at {shown}, where it calls nobody")
    addresses = {each.network for each in known}
    for cidr in _blocks(rule):
        if not _is_everywhere(cidr) and cidr not in addresses and ports != _DNS_ALONE:
            text = f"a rule lets the gateway talk to {cidr}, where nobody is whom it calls"
            if _may_be_api_server(cidr, ports):
                text = f"{text}, unless it is the cluster's API server"
                yield _open(site, where.where, text, Severity.WARNING)
            else:
                yield _open(site, where.where, text)
    yield from _of_peers(site, where, rule, known)


def _may_be_api_server(cidr: str, ports: frozenset[int] | None) -> bool:
    """One address may be: only the cluster knows its API server's."""
    is_one = ipaddress.ip_network(cidr, strict=False).num_addresses == 1
    return is_one and ports is not None and len(ports) <= len(_API_PORTS)


def _of_peers(site: str, where: Found, rule: Json, known: list[Remote]) -> Iterator[Finding]:
    """Pods: engines of the site, gateways, resolvers; whole namespaces only of providers that are Services."""
    services = {match[1] for each in known if (match := _SERVICE.fullmatch(each.host))}
    for each in rule["to"]:
        if "ipBlock" in each:
            continue
        namespace = ((each.get("namespaceSelector") or {}).get("matchLabels") or {}).get(_NAMESPACE)
        labels = (each.get("podSelector") or {}).get("matchLabels") or {}
        if labels.get(COMPONENT) == ENGINE:
            if labels.get(EDGE_NODE) != site:
                yield _open(site, where.where, "a rule lets the gateway talk to engines of other sites")
        elif labels.get(COMPONENT) != _GATEWAY and _ports(rule) != _DNS_ALONE and namespace not in services:
            shown = f"the namespace {namespace}" if namespace else "pods of any namespace"
            yield _open(site, where.where, f"a rule lets the gateway talk to {shown}, where nobody is whom it calls")


def _of_names(site: str, pods: Pods, known: set[str]) -> Iterator[Finding]:
    for where, host in pods.hosts():
        if host not in known:
            yield _open(site, where.where, f"a rule lets pods talk to {host}, which nothing declared names")
    for where, what in pods.open_by_name():
        yield _open(site, where.where, f"a rule lets pods talk by {what}")


# Engines


def of_engines(declared: Declared, site: str, objects: Iterable[Found]) -> Iterator[Finding]:
    """Whom engines talk to, and who talks to them: only the gateway of their own site, which is what asks the law."""
    chosen = list(objects)
    for each in chosen:
        if is_engine(each):
            namespace = each.item["metadata"].get("namespace") or "default"
            yield from _of_engine(declared, site, each, Pods(chosen, _pod_labels(each), namespace))


def _of_engine(declared: Declared, site: str, workload: Found, pods: Pods) -> Iterator[Finding]:
    name = f"engines {route_of(workload)}"
    if not pods.is_held("Egress"):
        yield _open(site, workload.where, f"no NetworkPolicy closes the egress of {name}")
    if not pods.is_held("Ingress"):
        text = f"no NetworkPolicy says who may talk to {name}: anybody may, past the gateway"
        yield Finding(rule=Rule.INGRESS_OPEN, site=site, where=workload.where, message=text)
    route = declared.routes.get(route_of(workload))
    port = _port_of_weights(route.weights if route else None, declared.stores)
    for where, rule in pods.rules("Egress"):
        yield from (_open(site, where.where, text, severity) for text, severity in _of_engine_rule(rule, name, port))
    for where, host in pods.hosts():
        if port is None or host.replace("*", "").strip(".") == "":
            yield _open(site, where.where, f"a rule lets {name} talk to {host}")
    for where, what in pods.open_by_name():
        yield _open(site, where.where, f"a rule lets {name} talk by {what}")
    for where, rule in pods.rules("Ingress"):
        if (who := _strangers(rule, site)) is not None:
            text = f"a rule lets {who} talk to {name}, past the gateway of this site"
            yield Finding(rule=Rule.INGRESS_OPEN, site=site, where=where.where, message=text)


def _of_engine_rule(rule: Json, name: str, port: int | None) -> Iterator[tuple[str, Severity]]:
    ports = _ports(rule)
    if ports == _DNS_ALONE:
        return
    if not rule.get("to"):
        yield f"a rule lets {name} talk to anybody", Severity.ERROR
    elif _is_wide(rule):
        if ports != frozenset({port}):
            shown = "no address" if port is None else f"port {port} alone"
            yield f"a rule lets {name} talk to any address; their weights need {shown}", Severity.ERROR
    else:
        for cidr in _blocks(rule):
            severity = Severity.WARNING if _is_private(cidr) else Severity.ERROR
            yield f"a rule lets {name} talk to {cidr}, which nothing declared names", severity
        if any("ipBlock" not in each for each in rule["to"]):
            yield f"a rule lets {name} talk to other pods", Severity.ERROR


def _port_of_weights(uri: str | None, stores: Mapping[str, str]) -> int | None:
    """The port of where weights are fetched from; None where they aren't."""
    scheme, _, rest = (uri or "pvc://").partition("://")
    if scheme == "pvc":
        return None
    if scheme in stores:
        return remote_of(stores[scheme]).port
    given = rest.partition("/")[0].rpartition(":")[2]
    return int(given) if scheme in {"https", "oci"} and given.isdigit() else _STANDARD["https"]


def _strangers(rule: Json, site: str) -> str | None:
    """Who else than this site's gateway, and those who read metrics, may talk to engines."""
    if not rule.get("from"):
        return "anybody"
    for each in rule["from"]:
        labels = (each.get("podSelector") or {}).get("matchLabels") or {}
        is_gateway = labels.get(COMPONENT) == _GATEWAY and labels.get(EDGE_NODE) == site
        is_reader = labels.get(_NAME) == "prometheus"
        if not (is_gateway or is_reader):
            return str(each["ipBlock"]["cidr"]) if "ipBlock" in each else "other pods"
    return None


# Rules


def _ports(rule: Json) -> frozenset[int] | None:
    """None: all of them, or nobody knows which: what port a name stands for is for each pod to say."""
    ports = rule.get("ports") or ()
    numbers = [str(each.get("port")) for each in ports]
    if not numbers or any("endPort" in each for each in ports) or not all(map(str.isdigit, numbers)):
        return None
    return frozenset(map(int, numbers))


def _blocks(rule: Json) -> Iterator[str]:
    return (each["ipBlock"]["cidr"] for each in rule["to"] if "ipBlock" in each)


def _is_wide(rule: Json) -> bool:
    return not rule.get("to") or any(map(_is_everywhere, _blocks(rule)))


def _is_everywhere(cidr: str) -> bool:
    return ipaddress.ip_network(cidr, strict=False).prefixlen == 0


def _is_private(cidr: str) -> bool:
    network = ipaddress.ip_network(cidr, strict=False)
    return any(network.version == each.version and network.subnet_of(each) for each in _PRIVATE)  # type: ignore[arg-type]


def _open(site: str, where: str, message: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule=Rule.EGRESS_OPEN, site=site, where=where, message=message, severity=severity)
