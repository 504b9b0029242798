"""Whether objects have the shape that the verifier reads: somebody may have written them by hand.

An object that no API server would take says nothing that could be proved. So it is refused as a whole, with the path to
what is wrong in it, before anything of it is read. Fields that nobody here reads aren't looked at; null is a field that
is left out, as in Kubernetes.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Never

Json = Mapping[str, Any]
Shape = Callable[[object, str], None]
"""Looks at what stands at a path. Raises MalformedError."""

_PORT: Final = re.compile("[0-9]{1,5}|[a-z0-9-]*[a-z][a-z0-9-]*")
_SHOWN: Final = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "a map"}


class MalformedError(ValueError):
    """An object hasn't the shape of its kind. The message says where, and what ought to stand there."""


def check(item: Json, where: str) -> None:
    """Look at an object; what has no kind that is read, at its metadata alone. Raises MalformedError."""
    try:
        _ANY(item, "")
        _KINDS.get(str(item["kind"]), _nothing)(item, "")
    except MalformedError as wrong:
        raise MalformedError(f"{where}: {wrong}") from None


def _nothing(found: object, at: str) -> None:
    """Whatever it is."""


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
        if found not in self._values:
            raise MalformedError(f"{at} must be {' or '.join(self._values)}, not {found!r}")


def _switch(found: object, at: str) -> None:
    if not isinstance(found, bool):
        _refuse(at, "true or false", found)


def _network(found: object, at: str) -> None:
    _text(found, at)
    try:
        ipaddress.ip_network(str(found), strict=False)
    except ValueError:
        raise MalformedError(f"{at} must be a network such as 192.0.2.0/24, not {found!r}") from None


def _port(found: object, at: str) -> None:
    if isinstance(found, bool) or not isinstance(found, int | str):
        _refuse(at, "a number or a name", found)
    if not _PORT.fullmatch(str(found)):
        raise MalformedError(f"{at} must be the number or the name of a port, not {found!r}")


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
    """Labels, and other maps of text."""
    for key, value in _map(found, at).items():
        _any_text(key, f"a key of {at}")
        _any_text(value, f"{at}.{key}")


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
    _PEER(found, at)
    said = _map(found, at)
    if "ipBlock" in said and said["ipBlock"] is None:
        raise MalformedError(f"{at}.ipBlock is empty")


def _cilium(found: object, at: str) -> None:
    """Cilium takes one spec, or several of them."""
    _Fields(spec=_CILIUM, specs=_Each(_CILIUM))(found, at)
    said = _map(found, at)
    if not (said.get("spec") or said.get("specs")):
        raise MalformedError("spec is missing")


_OPERATOR: Final = _OneOf("In", "NotIn", "Exists", "DoesNotExist")
_EXPRESSION: Final = _Fields("key", "operator", key=_text, operator=_OPERATOR, values=_Each(_any_text))
_SELECTOR: Final = _Fields(matchLabels=_texts, matchExpressions=_Each(_EXPRESSION))
_BLOCK: Final = _Fields("cidr", cidr=_network, **{"except": _Each(_network)})
_PEER: Final = _Fields(ipBlock=_BLOCK, podSelector=_SELECTOR, namespaceSelector=_SELECTOR)
_PEERS: Final = _Each(_peer)
_PORTS: Final = _Each(_Fields(protocol=_text, port=_port, endPort=_port))
_RULES: Final = _Each(_Fields(to=_PEERS, ports=_PORTS, **{"from": _PEERS}))
_TYPES: Final = _Each(_OneOf("Ingress", "Egress"))
_POLICY: Final = _Fields(podSelector=_SELECTOR, policyTypes=_TYPES, ingress=_RULES, egress=_RULES)

_HOSTS: Final = _Each(_JustOne("matchName", "matchPattern"))
_TO_PORTS: Final = _Each(_Fields(ports=_Each(_Fields("port", port=_port, endPort=_port))))
_CILIUM_RULE: Final = _Fields(
    toFQDNs=_HOSTS, toEndpoints=_Each(_SELECTOR), toEntities=_Each(_text), toPorts=_TO_PORTS
)  # Whatever else a rule has is an error by its name.
_CILIUM: Final = _Fields(
    "endpointSelector",
    endpointSelector=_SELECTOR,
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
    nodeSelector=_texts,
    nodeName=_any_text,
    containers=_Each(_CONTAINER),
    volumes=_Each(_VOLUME),
    hostNetwork=_switch,
)
_TEMPLATE: Final = _Fields(metadata=_Fields(labels=_texts), spec=_POD)
_WORKLOAD: Final = _Fields(spec=_Fields(template=_TEMPLATE))

_ANY: Final = _Fields(
    "kind",
    "metadata",
    kind=_text,
    apiVersion=_text,
    metadata=_Fields("name", name=_text, namespace=_any_text, labels=_texts),
)
_KINDS: Final[Mapping[str, Shape]] = {
    "NetworkPolicy": _Fields("spec", spec=_POLICY),
    "CiliumNetworkPolicy": _cilium,
    "FQDNNetworkPolicy": _Fields("spec", spec=_GKE),
    "ConfigMap": _Fields(data=_texts, binaryData=_texts),
    "Service": _Fields(spec=_Fields(type=_text, externalName=_any_text, selector=_texts)),
    "Pod": _Fields(spec=_POD),
    "EndpointSlice": _Fields(endpoints=_Each(_Fields(addresses=_Each(_text)))),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), _WORKLOAD),
}
