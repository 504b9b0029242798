"""Whatever somebody writes into an object beside a gateway: it is read, or it is refused by name."""

import copy
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.verify.by_hand import config
from tests.unit.verify.clusters import KNOWN, of, stored
from tests.unit.verify.installation import OBJECTS
from tests.worlds.drawing import examples
from tests.worlds.verified import rendered

from isochrone.verify import MalformedError, Rule, verify
from isochrone.verify.gathered import Found

Json = dict[str, Any]
Path = tuple[str | int, ...]

STRANGE: Final[tuple[Any, ...]] = (None, "", "x", 0, -1, True, [], {}, [None], {"x": None}, [[]], ["x"], {"x": "y"})
GONE: Final = object()
READ: Final = {"Deployment", "StatefulSet", "NetworkPolicy", "Service"}


def policy(kind: str, api: str, name: str, **fields: Any) -> Json:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "isochrone-system"}, **fields}


def others() -> Iterator[Json]:
    """Of kinds that nobody renders here."""
    expression = {"key": "k", "operator": "In", "values": ["x"]}
    by_name = {"toFQDNs": [{"matchName": "x.example.com"}], "toPorts": [{"ports": [{"port": "443"}]}]}
    to_pods = {"toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system"}}]}
    spec = {
        "endpointSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [expression]},
        "egress": [by_name, to_pods, {"toEntities": ["world"]}],
        "ingress": [{}],
        "enableDefaultDeny": {"egress": True},
    }
    yield policy("CiliumNetworkPolicy", "cilium.io/v2", "one", spec=spec)
    yield policy("CiliumNetworkPolicy", "cilium.io/v2", "more", specs=[{**spec, "endpointSelector": {}}])
    rule = {"matches": [{"name": "x.example.com"}], "ports": [{"port": 443, "protocol": "TCP"}]}
    google = {"podSelector": {"matchLabels": {}}, "egress": [rule]}
    yield policy("FQDNNetworkPolicy", "networking.gke.io/v1alpha1", "gke", spec=google)
    block = {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}
    ports = [{"port": 80, "endPort": 90, "protocol": "TCP"}]
    peers = [{"podSelector": {"matchExpressions": [expression]}, "namespaceSelector": {}}]
    wide = {"podSelector": {}, "egress": [{"to": [block], "ports": ports}], "ingress": [{"from": peers}]}
    yield policy("NetworkPolicy", "networking.k8s.io/v1", "wide", spec={**wide, "policyTypes": ["Egress", "Ingress"]})
    yield {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "s", "namespace": "shop", "labels": {"kubernetes.io/service-name": "chat-engine"}},
        "endpoints": [{"addresses": ["192.0.2.7"]}],
    }
    backend = {"name": "isochrone-gateway-fra1", "namespace": "isochrone-system", "kind": "Service", "port": 80}
    entry = {
        "parentRefs": [{"name": "front", "kind": "Gateway"}],
        "hostnames": [],
        "rules": [{"backendRefs": [backend]}],
    }
    yield policy("HTTPRoute", "gateway.networking.k8s.io/v1", "entry", spec=entry)
    taking = {"selector": {"app.kubernetes.io/component": "gateway"}, "externalIPs": ["192.0.2.9"]}
    yield policy("Service", "v1", "taking", spec=taking)
    described = policy("ConfigMap", "v1", "described", data={"a": "b"})
    described["metadata"] |= {"annotations": {"app.kubernetes.io/part-of": "x"}, "labels": {"a": "b"}, "uid": "1"}
    yield described


def nodes(value: Any, path: Path = ()) -> Iterator[Path]:
    """Where all that stands in it stands, itself left out."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in below:
        yield (*path, key)
        yield from nodes(each, (*path, key))


def changed(item: Json, path: Path, value: Any) -> Json:
    """The object with something else there, or nothing."""
    made = copy.deepcopy(item)
    within: Any = made
    for key in path[:-1]:
        within = within[key]
    if value is GONE:
        del within[path[-1]]
    else:
        within[path[-1]] = copy.deepcopy(value)
    return made


def objects() -> list[Json]:
    """What is rendered beside a gateway, engines with it, and what others may put there."""
    found = [each.item for each in next(iter(rendered(OBJECTS).clusters().values())) if each.item["kind"] in READ]
    return [copy.deepcopy(dict(each)) for each in [*found, *others()]]


CLUSTER: Final = objects()
CONFIG: Final = of({"eu": stored(config("fra1"))})["eu"]
PLACES: Final = [(number, path) for number, item in enumerate(CLUSTER) for path in nodes(item)]


@pytest.mark.soak
@examples(20_000, part=150)
@given(st.sampled_from(PLACES), st.sampled_from((*STRANGE, GONE)))
def test_what_is_malformed_is_refused_by_name(place: tuple[int, Path], value: Any) -> None:
    number, path = place
    made = [*CLUSTER[:number], changed(CLUSTER[number], path, value), *CLUSTER[number + 1 :]]
    found = [Found(each, f"object {index}") for index, each in enumerate(made)]
    assert outcome(found) in {Rule.MISSING_CONFIG.value, f"object {number}"}


def outcome(found: list[Found]) -> str:
    """What is told first: iad1 has no config, if all of it can be read; or which object can't be."""
    try:
        report = verify(KNOWN, {"eu": [*CONFIG, *found]})
    except MalformedError as error:
        return str(error).partition(":")[0]
    return next(each.rule.value for each in report.findings if each.site == "iad1")
