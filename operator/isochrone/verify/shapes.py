"""Whether objects have the shape that the verifier reads: somebody may have written them by hand.

An object that no API server would take says nothing that could be proved. So it is refused as a whole, with the path to
what is wrong in it, before anything of it is read. Fields that nobody here reads aren't looked at; null is a field that
is left out, as in Kubernetes.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Never

from isochrone.verify import kinds, syntax

Json = Mapping[str, Any]
Shape = Callable[[object, str], None]
"""Looks at what stands at a path. Raises MalformedError."""

_SHOWN: Final = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a map"}


class MalformedError(ValueError):
    """An object hasn't the shape of its kind. The message says where, and what ought to stand there."""


def check(item: Json, where: str) -> None:
    """Look at an object; what has no kind that is read, at its metadata alone. Raises MalformedError."""
    try:
        _ANY(item, "")
        if kinds.is_read(item):
            _NAMED.get(item["kind"], _SUBDOMAIN)(item["metadata"]["name"], "metadata.name")
            _KINDS[item["kind"]](item, "")
    except MalformedError as wrong:
        raise MalformedError(f"{where}: {wrong}") from None


def _refuse(at: str, ought: str, found: object) -> Never:
    shown = "nothing" if found is None else _SHOWN.get(type(found), type(found).__name__)
    raise MalformedError(f"{at or 'the object'} must be {ought}, not {shown}")


def _text(found: object, at: str) -> None:
    _any_text(found, at)
    if not found:
        raise MalformedError(f"{at} is empty")


def _any_text(found: object, at: str) -> None:
    if not isinstance(found, str):
        _refuse(at, "text", found)


class _OneOf:
    def __init__(self, *values: str) -> None:
        self._values = values

    def __call__(self, found: object, at: str) -> None:
        _any_text(found, at)
        if found not in self._values:
            raise MalformedError(f"{at} must be {' or '.join(self._values)}, not {found!r}")


def _switch(found: object, at: str) -> None:
    if not isinstance(found, bool):
        _refuse(at, "true or false", found)


class _Spelled:
    """Text that API servers spell like this."""

    def __init__(self, is_so: Callable[[str], bool], ought: str) -> None:
        self._is_so, self._ought = is_so, ought

    def __call__(self, found: object, at: str) -> None:
        _text(found, at)
        if not self._is_so(str(found)):
            raise MalformedError(f"{at} must be {self._ought}, not {found!r}")


def _namespace(found: object, at: str) -> None:
    """An empty one is left out."""
    if found != "":
        _LABEL(found, at)


def _network(found: object, at: str) -> None:
    _network_of(found, at)


def _network_of(found: object, at: str) -> syntax.Network:
    _text(found, at)
    made = syntax.network(str(found))
    if made is None:
        raise MalformedError(f"{at} must be a network such as 192.0.2.0/24, not {found!r}")
    return made


def _port(found: object, at: str) -> None:
    if isinstance(found, bool) or not isinstance(found, int | str):
        _refuse(at, "a number or a name", found)
    if not (syntax.is_port(found) or syntax.is_port_name(found)):
        raise MalformedError(f"{at} must be the number or the name of a port, not {found!r}")


def _port_text(found: object, at: str) -> None:
    _any_text(found, at)
    if not (syntax.is_port_text(found) or syntax.is_port_name(found)):
        raise MalformedError(f"{at} must be the number or the name of a port, not {found!r}")


def _last_port(found: object, at: str) -> None:
    if not isinstance(found, int):
        _refuse(at, "a number", found)
    if not syntax.is_port(found):
        raise MalformedError(f"{at} must be the number of a port, not {found!r}")


class _Each:
    def __init__(self, shape: Shape) -> None:
        self._shape = shape

    def __call__(self, found: object, at: str) -> None:
        if not isinstance(found, list | tuple):
            _refuse(at, "a list", found)
        for number, each in enumerate(found):
            self._shape(each, f"{at}[{number}]")


def _map(found: object, at: str) -> Json:
    if not isinstance(found, Mapping):
        _refuse(at, "a map", found)
    return found


def _texts(found: object, at: str) -> None:
    """A map of text."""
    for key, value in _map(found, at).items():
        _any_text(key, f"a key of {at}")
        _any_text(value, f"{at}.{key}")


def _value(found: object, at: str) -> None:
    _any_text(found, at)
    if not syntax.is_value(str(found)):
        raise MalformedError(f"{at} must be a label's value, not {found!r}")


class _Labels:
    """Labels and annotations: keys are spelled by rule; values mostly, too."""

    def __init__(self, is_key: Callable[[str], bool] = syntax.is_key, *, value: Shape = _value) -> None:
        self._is_key, self._value = is_key, value

    def __call__(self, found: object, at: str) -> None:
        for key, value in _map(found, at).items():
            _any_text(key, f"a key of {at}")
            if not self._is_key(key):
                raise MalformedError(f"a key of {at} must be one such as example.com/name, not {key!r}")
            self._value(value, f"{at}.{key}")


class _Fields:
    """Some must be there; whichever are have these shapes."""

    def __init__(self, *needs: str, **fields: Shape) -> None:
        self._needs, self._fields = needs, fields

    def __call__(self, found: object, at: str) -> None:
        said, below = _map(found, at), f"{at}." if at else ""
        for name in self._needs:
            if said.get(name) is None:
                raise MalformedError(f"{below}{name} is missing")
        for name, shape in self._fields.items():
            if said.get(name) is not None:
                shape(said[name], f"{below}{name}")


class _JustOne:
    """A name or a pattern: were there both, only one of them would be read."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def __call__(self, found: object, at: str) -> None:
        _texts(found, at)
        said = set(_map(found, at))
        if len(said) != 1 or said.isdisjoint(self._names):
            raise MalformedError(f"{at} must have either {' or '.join(self._names)}, and nothing else")


def _peer(found: object, at: str) -> None:
    """A network, or pods: nobody is both."""
    _PEER(found, at)
    said = _map(found, at)
    if "ipBlock" in said and said["ipBlock"] is None:
        raise MalformedError(f"{at}.ipBlock is empty")
    chosen = [name for name in _PEERS_BY if said.get(name) is not None]
    if not chosen:
        raise MalformedError(f"{at} must have {', '.join(_PEERS_BY[:-1])} or {_PEERS_BY[-1]}")
    if "ipBlock" in chosen and len(chosen) > 1:
        raise MalformedError(f"{at} must have either ipBlock or {chosen[1]}, not both")


def _block(found: object, at: str) -> None:
    """What is left out of a network is some of it."""
    _BLOCK(found, at)
    said = _map(found, at)
    whole = _network_of(said["cidr"], f"{at}.cidr")
    for number, each in enumerate(said.get("except") or ()):
        if not syntax.is_within(_network_of(each, at), whole):
            raise MalformedError(f"{at}.except[{number}] must be some of {said['cidr']}, not {each!r}")


def _ports_of_rule(found: object, at: str) -> None:
    """A range goes from a number to one that isn't less."""
    _PORTS_FROM(found, at)
    said = _map(found, at)
    first, last = said.get("port"), said.get("endPort")
    if last is None:
        return
    if not isinstance(first, int):
        raise MalformedError(f"{at}.endPort must have the number of a port beside it")
    if last < first:
        raise MalformedError(f"{at}.endPort must be {first} or more, not {last}")


class _Expression:
    """Some operators compare with values; others must have none."""

    def __init__(self, is_key: Callable[[str], bool]) -> None:
        key = _Spelled(is_key, "the key of a label")
        self._fields = _Fields("key", "operator", key=key, operator=_OPERATOR, values=_Each(_value))

    def __call__(self, found: object, at: str) -> None:
        self._fields(found, at)
        said = _map(found, at)
        if bool(said.get("values")) is not (said["operator"] in _COMPARING):
            ought = "some" if said["operator"] in _COMPARING else "none"
            raise MalformedError(f"{at}.values must be {ought} for {said['operator']}")


def _selector(is_key: Callable[[str], bool]) -> Shape:
    return _Fields(matchLabels=_Labels(is_key), matchExpressions=_Each(_Expression(is_key)))


def _cilium(found: object, at: str) -> None:
    """Cilium takes one spec, or several of them."""
    _Fields(spec=_CILIUM, specs=_Each(_CILIUM))(found, at)
    said = _map(found, at)
    if not (said.get("spec") or said.get("specs")):
        raise MalformedError("spec is missing")


_LABEL: Final = _Spelled(syntax.is_label, "at most 63 of a-z, 0-9 and '-'")
_SUBDOMAIN: Final = _Spelled(syntax.is_subdomain, "a name of a-z, 0-9, '-' and '.'")
_NAMED: Final[Mapping[str, Shape]] = {"Service": _LABEL}
"""Other objects may have dots in their names."""
_LABELS: Final = _Labels()
_ANNOTATIONS: Final = _Labels(syntax.is_annotation, value=_any_text)
_COMPARING: Final = ("In", "NotIn")
_OPERATOR: Final = _OneOf(*_COMPARING, "Exists", "DoesNotExist")
_SELECTOR: Final = _selector(syntax.is_key)
_CILIUM_SELECTOR: Final = _selector(syntax.is_cilium_key)

_PROTOCOL: Final = _OneOf("TCP", "UDP", "SCTP")
_BLOCK: Final = _Fields("cidr", **{"except": _Each(_network)})
_PEERS_BY: Final = ("ipBlock", "podSelector", "namespaceSelector")
_PEER: Final = _Fields(ipBlock=_block, podSelector=_SELECTOR, namespaceSelector=_SELECTOR)
_PEERS: Final = _Each(_peer)
_PORTS_FROM: Final = _Fields(protocol=_PROTOCOL, port=_port, endPort=_last_port)
_PORTS: Final = _Each(_ports_of_rule)
_RULES: Final = _Each(_Fields(to=_PEERS, ports=_PORTS, **{"from": _PEERS}))
_TYPES: Final = _Each(_OneOf("Ingress", "Egress"))
_POLICY: Final = _Fields(podSelector=_SELECTOR, policyTypes=_TYPES, ingress=_RULES, egress=_RULES)

_HOSTS: Final = _Each(_JustOne("matchName", "matchPattern"))
_CILIUM_PROTOCOL: Final = _OneOf("TCP", "UDP", "SCTP", "ANY", "ICMP", "ICMPv6", "VRRP", "IGMP")
_CILIUM_PORT: Final = _Fields("port", port=_port_text, endPort=_last_port, protocol=_CILIUM_PROTOCOL)
_TO_PORTS: Final = _Each(_Fields(ports=_Each(_CILIUM_PORT)))
_CILIUM_RULE: Final = _Fields(
    toFQDNs=_HOSTS, toEndpoints=_Each(_CILIUM_SELECTOR), toEntities=_Each(_text), toPorts=_TO_PORTS
)  # Whatever else a rule has is an error by its name.
_CILIUM: Final = _Fields(
    "endpointSelector",
    endpointSelector=_CILIUM_SELECTOR,
    egress=_Each(_CILIUM_RULE),
    ingress=_Each(_Fields()),
    enableDefaultDeny=_Fields(egress=_switch, ingress=_switch),
)
_GKE_RULE: Final = _Fields("matches", matches=_Each(_JustOne("name", "pattern")), ports=_PORTS)
_GKE: Final = _Fields("podSelector", podSelector=_SELECTOR, egress=_Each(_GKE_RULE))

_FILE: Final = _Fields("key", "path", key=_text, path=_text)
_SOURCE: Final = _Fields(secret=_Fields("name", name=_text, items=_Each(_FILE)))
_VOLUME: Final = _Fields("name", name=_text, projected=_Fields(sources=_Each(_SOURCE)))
_MOUNT: Final = _Fields("name", "mountPath", name=_text, mountPath=_text, subPath=_any_text, subPathExpr=_any_text)
_CONTAINER: Final = _Fields(command=_Each(_any_text), args=_Each(_any_text), volumeMounts=_Each(_MOUNT))
_POD: Final = _Fields(
    nodeSelector=_LABELS,
    nodeName=_any_text,
    containers=_Each(_CONTAINER),
    volumes=_Each(_VOLUME),
    hostNetwork=_switch,
    hostAliases=_Each(_Fields()),
    dnsConfig=_Fields(),
    dnsPolicy=_text,
)
_TEMPLATE: Final = _Fields(metadata=_Fields(labels=_LABELS), spec=_POD)
_WORKLOAD: Final = _Fields(spec=_Fields(template=_TEMPLATE))

_BACKEND: Final = _Fields("name", name=_text, namespace=_any_text, kind=_text, group=_any_text)
_HTTP_RULE: Final = _Fields(backendRefs=_Each(_BACKEND))
_HTTP_ROUTE: Final = _Fields(
    parentRefs=_Each(_Fields("name", kind=_text)), hostnames=_Each(_text), rules=_Each(_HTTP_RULE)
)

_ANY: Final = _Fields(
    "kind",
    "metadata",
    kind=_text,
    apiVersion=_text,
    metadata=_Fields("name", name=_text, namespace=_namespace, labels=_LABELS, annotations=_ANNOTATIONS),
)
_KINDS: Final[Mapping[str, Shape]] = {
    "NetworkPolicy": _Fields("spec", spec=_POLICY),
    "CiliumNetworkPolicy": _cilium,
    "FQDNNetworkPolicy": _Fields("spec", spec=_GKE),
    "ConfigMap": _Fields(data=_texts, binaryData=_texts),
    "Service": _Fields(
        spec=_Fields(type=_text, externalName=_any_text, selector=_LABELS, externalIPs=_Each(_any_text))
    ),
    "Pod": _Fields(spec=_POD),
    "EndpointSlice": _Fields(endpoints=_Each(_Fields(addresses=_Each(_text)))),
    "HTTPRoute": _Fields("spec", spec=_HTTP_ROUTE),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), _WORKLOAD),
}
