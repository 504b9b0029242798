"""Whether objects have the shape that the verifier reads: somebody may have written them by hand.

An object that no API server would take says nothing that could be proved. So it is refused as a whole, with the path to
what is wrong in it, before anything of it is read. Fields that nobody here reads aren't looked at; null is a field that
is left out, as in Kubernetes.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

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


def _refuse(at: str, ought: str, found: object) -> None:
    shown = "nothing" if found is None else _SHOWN.get(type(found), type(found).__name__)
    raise MalformedError(f"{at or 'the object'} must be {ought}, not {shown}")


def _text(found: object, at: str) -> None:
    _any_text(found, at)
    if not found:
        raise MalformedError(f"{at} is empty")


def _any_text(found: object, at: str) -> None:
    if not isinstance(found, str):
        _refuse(at, "text", found)


def _one_of(*values: str) -> Shape:
    def look(found: object, at: str) -> None:
        if found not in values:
            raise MalformedError(f"{at} must be {' or '.join(values)}, not {found!r}")

    return look


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


def _each(shape: Shape) -> Shape:
    def look(found: object, at: str) -> None:
        if not isinstance(found, list | tuple):
            _refuse(at, "a list", found)
            return
        for number, each in enumerate(found):
            shape(each, f"{at}[{number}]")

    return look


def _texts(found: object, at: str) -> None:
    """Labels, and other maps of text."""
    if not isinstance(found, Mapping):
        _refuse(at, "a map", found)
        return
    for key, value in found.items():
        _any_text(key, f"a key of {at}")
        _any_text(value, f"{at}.{key}")


def _fields(*needs: str, **fields: Shape) -> Shape:
    def look(found: object, at: str) -> None:
        if not isinstance(found, Mapping):
            _refuse(at, "a map", found)
            return
        below = f"{at}." if at else ""
        for name in needs:
            if found.get(name) is None:
                raise MalformedError(f"{below}{name} is missing")
        for name, shape in fields.items():
            if found.get(name) is not None:
                shape(found[name], f"{below}{name}")

    return look


def _just_one(*names: str) -> Shape:
    """A name or a pattern: were there both, only one of them would be read."""

    def look(found: object, at: str) -> None:
        _texts(found, at)
        if not isinstance(found, Mapping) or len(found) != 1 or not set(found) <= set(names):
            raise MalformedError(f"{at} must have either {' or '.join(names)}, and nothing else")

    return look


def _peer(found: object, at: str) -> None:
    _PEER(found, at)
    if isinstance(found, Mapping) and "ipBlock" in found and found["ipBlock"] is None:
        raise MalformedError(f"{at}.ipBlock is empty")


def _cilium(found: object, at: str) -> None:
    """Cilium takes one spec, or several of them."""
    _fields(spec=_CILIUM, specs=_each(_CILIUM))(found, at)
    if isinstance(found, Mapping) and not (found.get("spec") or found.get("specs")):
        raise MalformedError("spec is missing")


_OPERATOR: Final = _one_of("In", "NotIn", "Exists", "DoesNotExist")
_EXPRESSION: Final = _fields("key", "operator", key=_text, operator=_OPERATOR, values=_each(_any_text))
_SELECTOR: Final = _fields(matchLabels=_texts, matchExpressions=_each(_EXPRESSION))
_BLOCK: Final = _fields("cidr", cidr=_network, **{"except": _each(_network)})
_PEER: Final = _fields(ipBlock=_BLOCK, podSelector=_SELECTOR, namespaceSelector=_SELECTOR)
_PEERS: Final = _each(_peer)
_PORTS: Final = _each(_fields(protocol=_text, port=_port, endPort=_port))
_RULES: Final = _each(_fields(to=_PEERS, ports=_PORTS, **{"from": _PEERS}))
_TYPES: Final = _each(_one_of("Ingress", "Egress"))
_POLICY: Final = _fields(podSelector=_SELECTOR, policyTypes=_TYPES, ingress=_RULES, egress=_RULES)

_HOSTS: Final = _each(_just_one("matchName", "matchPattern"))
_TO_PORTS: Final = _each(_fields(ports=_each(_fields("port", port=_port, endPort=_port))))
_CILIUM_RULE: Final = _fields(
    toFQDNs=_HOSTS, toEndpoints=_each(_SELECTOR), toEntities=_each(_text), toPorts=_TO_PORTS
)  # Whatever else a rule has is an error by its name.
_CILIUM: Final = _fields(
    "endpointSelector",
    endpointSelector=_SELECTOR,
    egress=_each(_CILIUM_RULE),
    ingress=_each(_fields()),
    enableDefaultDeny=_fields(egress=_switch, ingress=_switch),
)
_GKE_RULE: Final = _fields("matches", matches=_each(_just_one("name", "pattern")), ports=_PORTS)
_GKE: Final = _fields("podSelector", podSelector=_SELECTOR, egress=_each(_GKE_RULE))

_CONTAINER: Final = _fields(command=_each(_any_text), args=_each(_any_text))
_POD: Final = _fields(nodeSelector=_texts, nodeName=_any_text, containers=_each(_CONTAINER), hostNetwork=_switch)
_TEMPLATE: Final = _fields(metadata=_fields(labels=_texts), spec=_POD)
_WORKLOAD: Final = _fields(spec=_fields(template=_TEMPLATE))

_ANY: Final = _fields(
    "kind",
    "metadata",
    kind=_text,
    apiVersion=_text,
    metadata=_fields("name", name=_text, namespace=_any_text, labels=_texts),
)
_KINDS: Final[Mapping[str, Shape]] = {
    "NetworkPolicy": _fields("spec", spec=_POLICY),
    "CiliumNetworkPolicy": _cilium,
    "FQDNNetworkPolicy": _fields("spec", spec=_GKE),
    "ConfigMap": _fields(data=_texts, binaryData=_texts),
    "Service": _fields(spec=_fields(type=_text, externalName=_any_text, selector=_texts)),
    "Pod": _fields(spec=_POD),
    "EndpointSlice": _fields(endpoints=_each(_fields(addresses=_each(_text)))),
    **dict.fromkeys(("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job"), _WORKLOAD),
}
