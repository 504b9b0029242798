"""What a site's cluster itself lets pods talk to: how its gateway is held, and whether anything is wider than need be.

NetworkPolicies add up, so each rule is looked at by itself. Hosts that have only a name take a policy by name, which
not every cluster has; there a gateway may reach their port anywhere, and its own list of whom it calls is what holds
it (docs/decisions/0016-site-bundle.md). That is no fault, but it is said.
"""

import dataclasses
import functools
import ipaddress
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.verify import chosen, whom, workloads
from isochrone.verify.declared import Declared
from isochrone.verify.engines import is_engine, route_of
from isochrone.verify.finding import Egress, Finding, Rule, Severity
from isochrone.verify.gathered import EDGE_NODE, Found, SiteConfig
from isochrone.verify.kinds import CILIUM
from isochrone.verify.pods import is_gateway, is_on_its_node

Json = Mapping[str, Any]

_API_PORTS: Final = frozenset({443, 6443})
_DNS: Final = 53
_DNS_ALONE: Final[frozenset[int] | None] = frozenset({_DNS})
_POLICY: Final = "NetworkPolicy"
_API_SERVER: Final = "kube-apiserver"
_WHOM: Final = ("toFQDNs", "toEndpoints", "toEntities")
_KNOWN_BY_NAME: Final = frozenset({*_WHOM, "toPorts", "matches", "ports"})
_WIDEST: Final = (Egress.NONE, Egress.BY_PORT, Egress.BY_NAME, Egress.BY_ADDRESS)
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


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """Whom a gateway has a reason to call."""

    site: str
    remotes: list[Remote]
    namespaces: frozenset[str]
    """Where engines are: those of routes."""

    @property
    def ports(self) -> frozenset[int]:
        return _API_PORTS.union(each.port for each in self.remotes)

    @property
    def services(self) -> frozenset[str]:
        """Namespaces of providers that are Services: which of their pods, nobody knows."""
        return frozenset(match[1] for each in self.remotes if (match := _SERVICE.fullmatch(each.host)))


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

    def __init__(self, objects: Iterable[Found], workload: Json) -> None:
        policies = list(chosen.policies_of(workload, objects))
        self.policies = [each for each in policies if each.item["kind"] == _POLICY]
        self.by_name = [each for each in policies if each.item["kind"] != _POLICY]

    def is_held(self, direction: str) -> bool:
        """Whether anything is closed at all."""
        if direction == "Egress" and any(_closes(each.item) for each in self.by_name if not each.only_opens):
            return True
        return any(direction in _types(each.item) for each in self.policies if not each.only_opens)

    def rules(self, direction: str) -> Iterator[tuple[Found, Json]]:
        for each in self.policies:
            for rule in each.item["spec"].get(direction.lower()) or ():
                yield each, rule

    def hosts(self) -> Iterator[tuple[Found, str]]:
        """Names that may be called."""
        for each, rule in self._rules_by_name():
            for said in (*(rule.get("toFQDNs") or ()), *(rule.get("matches") or ())):
                yield each, next(iter(said.values()))

    def open_by_name(self) -> Iterator[tuple[Found, str, Severity]]:
        """Rules of Cilium's that are by no name, no resolver's and no API server's."""
        for each, rule in self._rules_by_name():
            entities = sorted(set(rule.get("toEntities") or ()) - {_API_SERVER})
            if unknown := sorted(set(rule) - _KNOWN_BY_NAME):
                yield each, f"by {', '.join(unknown)}", Severity.ERROR
            elif entities:
                yield each, f"by the entities {', '.join(entities)}", Severity.ERROR
            elif rule.get("toEndpoints") and _ports_by_name(rule) != _DNS_ALONE:
                yield each, "by labels of pods", Severity.ERROR
            elif rule.get("toEndpoints"):
                strange = whom.strange_endpoints(rule, workloads.namespace_of(each.item))
                yield from ((each, f"to {who}", severity) for who, severity in strange)
            elif "toPorts" in rule and not any(rule.get(name) for name in _WHOM):
                yield each, "by ports alone", Severity.ERROR

    def admitting_by_name(self) -> Iterator[Found]:
        """Policies of Cilium's that let somebody in: those that we know of let only out."""
        return (each for each in self.by_name if any(each.item["spec"].get("ingress") or ()))

    def _rules_by_name(self) -> Iterator[tuple[Found, Json]]:
        for each in self.by_name:
            for rule in each.item["spec"].get("egress") or ():
                yield each, rule


def _closes(by_name: Json) -> bool:
    """Cilium closes what it has rules for; what GKE has by name opens what others closed."""
    spec = by_name["spec"]
    is_on = (spec.get("enableDefaultDeny") or {}).get("egress", True)
    return by_name["kind"] == CILIUM and bool(spec.get("egress")) and is_on


def _types(policy: Json) -> list[str]:
    spec = policy["spec"]
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _ports_by_name(rule: Json) -> frozenset[int] | None:
    """None as for `_ports`."""
    groups = [_ports(each) for each in rule.get("toPorts") or ()]
    return None if None in groups else frozenset(port for each in groups for port in each or ())


# The gateway


def of_gateway(declared: Declared, site: SiteConfig, objects: Iterable[Found]) -> tuple[Held, tuple[Finding, ...]]:
    """How the site's gateway is held, and what of that is too wide; of several, how the widest is."""
    given = list(objects)
    gateways = [each for each in given if is_gateway(each)]
    if not gateways:
        detail = "no Deployment or StatefulSet of the gateway was given"
        return Held(level=Egress.NONE, detail=detail), (_open(site.site, site.where, f"{detail}, so nothing holds it"),)
    namespaces = frozenset(id_.partition("/")[0] for id_ in declared.routes)
    calls = _Calls(site=site.site, remotes=remotes(declared, site), namespaces=namespaces)
    each_held, told = zip(*(_of_one_gateway(calls, each, given) for each in gateways), strict=True)
    return min(each_held, key=lambda held: _WIDEST.index(held.level)), tuple(dict.fromkeys(itertools.chain(*told)))


def _of_one_gateway(calls: _Calls, workload: Found, objects: Iterable[Found]) -> tuple[Held, list[Finding]]:
    pods = Pods(objects, workload.item)
    if not pods.is_held("Egress"):
        text = "no NetworkPolicy closes the egress of the gateway's pods"
        return Held(level=Egress.NONE, detail="no policy"), [_open(calls.site, workload.where, text)]
    held = Held(level=Egress.NONE, detail="on its node's network") if is_on_its_node(workload) else _held(pods)
    return held, [
        *(found for where, rule in pods.rules("Egress") for found in _of_gateway_rule(calls, where, rule)),
        *_of_names(calls.site, pods, {each.host for each in calls.remotes}),
    ]


def _held(pods: Pods) -> Held:
    wide = [_ports(rule) for _, rule in pods.rules("Egress") if _is_wide(rule)]
    names = {host for _, host in pods.hosts()}
    if wide:
        numbers = [] if None in wide else sorted({port for each in wide for port in each or ()})
        shown = f"port {', '.join(map(str, numbers))}" if numbers else "all ports"
        return Held(level=Egress.BY_PORT, detail=shown)
    if names:
        return Held(level=Egress.BY_NAME, detail=f"{len(names)} hosts by {pods.by_name[0].item['kind']}")
    return Held(level=Egress.BY_ADDRESS, detail="addresses and pods alone")


def _of_gateway_rule(calls: _Calls, where: Found, rule: Json) -> Iterator[Finding]:
    own = workloads.namespace_of(where.item)
    if _ports(rule) == _DNS_ALONE:
        told = whom.strange_resolvers(rule, own)
    elif not rule.get("to"):
        told = iter([("anybody", Severity.ERROR)])
    else:
        told = itertools.chain(_of_addresses(calls, rule), _of_pods(calls, own, rule))
    for who, severity in told:
        yield _open(calls.site, where.where, f"a rule lets the gateway talk to {who}", severity)


def _of_addresses(calls: _Calls, rule: Json) -> Iterator[whom.Told]:
    ports = _ports(rule)
    if _is_wide(rule) and (ports is None or ports - calls.ports):
        shown = "any port" if ports is None else f"port {', '.join(map(str, sorted(ports - calls.ports)))}"
        yield f"any address at {shown}, where it calls nobody", Severity.ERROR
    known = {each.network for each in calls.remotes}
    for cidr in _blocks(rule):
        if not _is_everywhere(cidr) and cidr not in known:
            text = f"{cidr}, where nobody is whom it calls"
            if _may_be_api_server(cidr, ports):
                yield f"{text}, unless it is the cluster's API server", Severity.WARNING
            else:
                yield text, Severity.ERROR


def _may_be_api_server(cidr: str, ports: frozenset[int] | None) -> bool:
    """One address may be: only the cluster knows its API server's."""
    is_one = ipaddress.ip_network(cidr, strict=False).num_addresses == 1
    return is_one and ports is not None and (ports <= _API_PORTS or (_is_private(cidr) and len(ports) == 1))


def _of_pods(calls: _Calls, own: str, rule: Json) -> Iterator[whom.Told]:
    """Pods: engines of the site, gateways; whole namespaces only of providers that are Services."""
    for each in rule["to"]:
        namespace = whom.namespace_of(each, own)
        if "ipBlock" in each or whom.is_gateway(each, own) or namespace in calls.services:
            continue
        if whom.is_engine(each) and namespace in calls.namespaces:
            if whom.labels_of(each).get(EDGE_NODE) != calls.site:
                yield "engines of other sites", Severity.ERROR
        else:
            shown = f"the namespace {namespace}" if namespace else "pods of any namespace"
            yield f"{shown}, where nobody is whom it calls", Severity.ERROR


def _of_names(site: str, pods: Pods, known: set[str]) -> Iterator[Finding]:
    for where, host in pods.hosts():
        if host not in known:
            yield _open(site, where.where, f"a rule lets pods talk to {host}, which nothing declared names")
    for where, what, severity in pods.open_by_name():
        yield _open(site, where.where, f"a rule lets pods talk {what}", severity)


# Engines


def of_engines(declared: Declared, site: str, objects: Iterable[Found]) -> Iterator[Finding]:
    """Whom engines talk to, and who talks to them: only the gateway of their own site, which is what asks the law."""
    given = list(objects)
    for each in given:
        if is_engine(each):
            yield from _of_engine(declared, site, each, Pods(given, each.item))


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
        yield from (
            _open(site, where.where, text, severity)
            for text, severity in _of_engine_rule(rule, workloads.namespace_of(where.item), name, port)
        )
    for where, host in pods.hosts():
        if port is None or host.replace("*", "").strip(".") == "":
            yield _open(site, where.where, f"a rule lets {name} talk to {host}")
    for where, what, severity in pods.open_by_name():
        yield _open(site, where.where, f"a rule lets {name} talk {what}", severity)
    for where in pods.admitting_by_name():
        text = f"a rule of Cilium's says who may talk to {name}, and isn't read"
        yield Finding(rule=Rule.INGRESS_OPEN, site=site, where=where.where, message=text)
    for where, rule in pods.rules("Ingress"):
        for who, severity in whom.strangers(rule, workloads.namespace_of(where.item), site, _ports(rule)):
            text = f"a rule lets {who} talk to {name}, past the gateway of this site"
            yield Finding(rule=Rule.INGRESS_OPEN, site=site, where=where.where, message=text, severity=severity)


def _of_engine_rule(rule: Json, own: str, name: str, port: int | None) -> Iterator[tuple[str, Severity]]:
    ports = _ports(rule)
    if ports == _DNS_ALONE:
        strange = whom.strange_resolvers(rule, own)
        yield from ((f"a rule lets {name} talk to {who}", severity) for who, severity in strange)
        return
    if not rule.get("to"):
        yield f"a rule lets {name} talk to anybody", Severity.ERROR
        return
    if _is_wide(rule) and ports != frozenset({port}):
        shown = "no address" if port is None else f"port {port} alone"
        yield f"a rule lets {name} talk to any address; their weights need {shown}", Severity.ERROR
    for cidr in _blocks(rule):
        if not _is_everywhere(cidr):
            is_store = _is_private(cidr) and ports is not None and len(ports) == 1
            severity = Severity.WARNING if is_store else Severity.ERROR
            yield f"a rule lets {name} talk to {cidr}{_at(ports)}, which nothing declared names", severity
    if any("ipBlock" not in each for each in rule["to"]):
        yield f"a rule lets {name} talk to other pods", Severity.ERROR


def _at(ports: frozenset[int] | None) -> str:
    return " at all ports" if ports is None else f" at port {', '.join(map(str, sorted(ports)))}"


def _port_of_weights(uri: str | None, stores: Mapping[str, str]) -> int | None:
    """The port of where weights are fetched from; None where they aren't."""
    scheme, _, rest = (uri or "pvc://").partition("://")
    if scheme == "pvc":
        return None
    if scheme in stores:
        return remote_of(stores[scheme]).port
    given = rest.partition("/")[0].rpartition(":")[2]
    return int(given) if scheme in {"https", "oci"} and given.isdigit() else _STANDARD["https"]


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
