"""NetworkPolicies as rules of nft, so that they really drop packets. Pure.

    https://kubernetes.io/docs/concepts/services-networking/network-policies/

A pod's traffic passes the forward hook of its node, also on its way to a pod beside it, since bridges call iptables
here. What the node itself sends doesn't: the kubelet's probes reach every pod, as with real engines.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

TABLE: Final = "policies"

Json = Mapping[str, Any]


def rules(namespaces: Iterable[Json], pods: Iterable[Json], policies: Iterable[Json]) -> str:
    """What `nft -f -` takes, in place of what it took before."""
    cluster = _Cluster(namespaces, pods, policies)
    chains: list[str] = []
    jumps: dict[str, list[str]] = {"egress": [], "ingress": []}
    for pod in cluster.pods:
        for direction, jump in jumps.items():
            binding = cluster.binding(pod, direction)
            if binding:
                chain = f"{direction}_{_address(pod).replace('.', '_')}"
                chains.append(_chain(chain, cluster.allowed(pod, direction, binding)))
                jump.append(f"{_address(pod)} : jump {chain}")
    leads = [_lead("saddr", jumps["egress"]), _lead("daddr", jumps["ingress"])]
    hook = ["type filter hook forward priority -5; policy accept;", "ct state established,related accept", *leads]
    lines = [f"table ip {TABLE} {{}}", f"delete table ip {TABLE}", f"table ip {TABLE} {{"]
    return "\n".join([*lines, *chains, _block("forward", hook), "}\n"])


def _chain(name: str, allowed: Iterable[str]) -> str:
    return _block(name, [*(f"{each} return".lstrip() for each in allowed), "counter drop"])


def _block(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"  chain {name} {{", *(f"    {each}" for each in lines if each), "  }"])


def _lead(field: str, jumps: Sequence[str]) -> str:
    return f"ip {field} vmap {{ {', '.join(jumps)} }}" if jumps else ""


class _Cluster:
    """What is there, and who is meant by what."""

    def __init__(self, namespaces: Iterable[Json], pods: Iterable[Json], policies: Iterable[Json]) -> None:
        self._namespaces = {each["metadata"]["name"]: _labels(each) for each in namespaces}
        self.pods = sorted((each for each in pods if _is_on_the_network(each)), key=_address)
        self._policies = list(policies)

    def binding(self, pod: Json, direction: str) -> list[Json]:
        """The policies that are about what the pod receives (`ingress`) or sends (`egress`)."""
        return [
            each
            for each in self._policies
            if each["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and direction.capitalize() in each["spec"].get("policyTypes", ["Ingress"])
            and matches(each["spec"].get("podSelector", {}), _labels(pod))
        ]

    def allowed(self, pod: Json, direction: str, binding: Iterable[Json]) -> Iterator[str]:
        """What at least one of them allows, as matches of nft."""
        field, key = ("saddr", "from") if direction == "ingress" else ("daddr", "to")
        for policy in binding:
            for rule in policy["spec"].get(direction) or ():
                peers = list(self._peers(rule.get(key), policy["metadata"]["namespace"], field))
                for peer, addresses in peers:
                    targets = [pod] if direction == "ingress" else addresses
                    yield from (f"{peer} {port}".strip() for port in _ports(rule.get("ports"), targets))

    def _peers(self, peers: Sequence[Json] | None, namespace: str, field: str) -> Iterator[tuple[str, Sequence[Json]]]:
        """A match, and the pods that it is about: their ports have names."""
        if not peers:
            yield "", self.pods
        for each in peers or ():
            if "ipBlock" in each:
                if ":" not in each["ipBlock"]["cidr"]:
                    yield _addresses(each["ipBlock"], field), ()
                continue
            for pod in self.pods:
                if self._is_meant(each, pod, namespace):
                    yield f"ip {field} {_address(pod)}", [pod]

    def _is_meant(self, peer: Json, pod: Json, namespace: str) -> bool:
        own = pod["metadata"]["namespace"]
        if "namespaceSelector" in peer:
            if not matches(peer["namespaceSelector"], self._namespaces.get(own, {})):
                return False
        elif own != namespace:
            return False
        return matches(peer.get("podSelector", {}), _labels(pod))


def matches(selector: Json, labels: Mapping[str, str]) -> bool:
    """Whether a label selector chooses what has these labels."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_holds(each, labels) for each in selector.get("matchExpressions", ()))


def _holds(wanted: Json, labels: Mapping[str, str]) -> bool:
    value = labels.get(wanted["key"])
    match wanted["operator"]:
        case "In":
            return value in wanted["values"]
        case "NotIn":
            return value not in wanted["values"]
        case "Exists":
            return value is not None
        case _:
            return value is None


def _ports(ports: Sequence[Json] | None, pods: Sequence[Json]) -> Iterator[str]:
    if not ports:
        yield ""
    for each in ports or ():
        protocol, port = each.get("protocol", "TCP").lower(), each.get("port")
        if port is None:
            yield f"meta l4proto {protocol}"
        elif isinstance(port, int):
            yield f"{protocol} dport {port}" + (f"-{each['endPort']}" if "endPort" in each else "")
        else:
            yield from sorted({f"{protocol} dport {number}" for pod in pods for number in _named(pod, port)})


def _named(pod: Json, name: str) -> Iterator[int]:
    for container in pod["spec"]["containers"]:
        yield from (each["containerPort"] for each in container.get("ports", ()) if each.get("name") == name)


def _addresses(block: Json, field: str) -> str:
    without = f" ip {field} != {{ {', '.join(block['except'])} }}" if block.get("except") else ""
    return f"ip {field} {block['cidr']}{without}"


def _is_on_the_network(pod: Json) -> bool:
    ended = pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}
    return bool(_address(pod)) and not ended and not pod["spec"].get("hostNetwork")


def _address(pod: Json) -> str:
    return str(pod.get("status", {}).get("podIP", ""))


def _labels(item: Json) -> Mapping[str, str]:
    found: Mapping[str, str] = item["metadata"].get("labels") or {}
    return found
