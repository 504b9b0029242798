"""Network policies as rules of nft: what is let through is what Kubernetes' documentation says."""

from typing import Any

import pytest
from tests.cluster.machines import policies

Json = dict[str, Any]

NAMESPACES = [
    {"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}}} for name in ("demo", "kube-system")
]


def pod(name: str, address: str, namespace: str = "demo", **spec: Any) -> Json:
    containers = [{"name": "c", "ports": [{"name": "http", "containerPort": 8000}]}]
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": containers, **spec},
        "status": {"podIP": address, "phase": "Running"},
    }


PODS = [pod("web", "10.1.0.2"), pod("db", "10.1.0.3"), pod("dns", "10.1.0.4", "kube-system")]


def policy(**spec: Any) -> Json:
    selector = spec.pop("podSelector", {"matchLabels": {"app": "db"}})
    return {"metadata": {"name": "p", "namespace": "demo"}, "spec": {"podSelector": selector, **spec}}


def chain(name: str, *policies_of: Json, pods: list[Json] = PODS) -> list[str] | None:
    """The lines of a chain; None where there is none."""
    text = policies.rules(NAMESPACES, pods, policies_of)
    _, found, rest = text.partition(f"  chain {name} {{\n")
    return [line.strip() for line in rest.partition("  }")[0].splitlines()] if found else None


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({}, ["return"], id="everybody"),
        pytest.param(
            {"from": [{"podSelector": {}}]}, ["ip saddr 10.1.0.2 return", "ip saddr 10.1.0.3 return"], id="own"
        ),
        pytest.param(
            {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 5432}]},
            ["ip saddr 10.1.0.2 tcp dport 5432 return"],
            id="one-at-a-port",
        ),
        pytest.param(
            {"from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}}]},
            ["ip saddr 10.1.0.4 return"],
            id="namespace",
        ),
        pytest.param(
            {"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "dns"}}}]},
            ["ip saddr 10.1.0.4 return"],
            id="both",
        ),
        pytest.param(
            {"from": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}, {"ipBlock": {"cidr": "::/0"}}]},
            ["ip saddr 10.0.0.0/8 ip saddr != { 10.1.0.0/16 } return"],
            id="block",
        ),
        pytest.param({"ports": [{"port": "http"}]}, ["tcp dport 8000 return"], id="named-port"),
        pytest.param({"ports": [{"port": 1, "endPort": 9, "protocol": "UDP"}]}, ["udp dport 1-9 return"], id="range"),
        pytest.param({"ports": [{"protocol": "UDP"}]}, ["meta l4proto udp return"], id="protocol"),
    ],
)
def test_who_is_let_in(rule: Json, expected: list[str]) -> None:
    assert chain("ingress_10_1_0_3", policy(ingress=[rule])) == [*expected, "counter drop"]


def test_a_pod_that_no_policy_is_about_is_open() -> None:
    assert chain("ingress_10_1_0_2", policy()) is None
    assert chain("egress_10_1_0_3", policy()) is None


def test_policies_add_up_and_an_empty_one_lets_nobody_in() -> None:
    assert chain("ingress_10_1_0_3", policy()) == ["counter drop"]
    both = (policy(), policy(ingress=[{"ports": [{"port": 1}]}]))
    assert chain("ingress_10_1_0_3", *both) == ["tcp dport 1 return", "counter drop"]


def test_what_may_be_reached_and_ports_by_their_names_there() -> None:
    rule = {"to": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": "http"}]}
    found = chain("egress_10_1_0_3", policy(policyTypes=["Egress"], egress=[rule]))
    assert found == ["ip daddr 10.1.0.2 tcp dport 8000 return", "counter drop"]
    assert chain("ingress_10_1_0_3", policy(policyTypes=["Egress"], egress=[rule])) is None


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ({"operator": "In", "values": ["db"]}, True),
        ({"operator": "NotIn", "values": ["db"]}, False),
        ({"operator": "Exists"}, True),
        ({"operator": "DoesNotExist"}, False),
    ],
)
def test_expressions(expression: Json, chosen: bool) -> None:
    assert policies.matches({"matchExpressions": [{"key": "app", **expression}]}, {"app": "db"}) is chosen


def test_pods_of_the_nodes_network_and_those_that_ended_are_left_out() -> None:
    ended = {**pod("db", "10.1.0.9"), "status": {"podIP": "10.1.0.9", "phase": "Succeeded"}}
    assert chain("ingress_10_1_0_9", policy(), pods=[ended]) is None
    assert chain("ingress_10_1_0_8", policy(), pods=[pod("db", "10.1.0.8", hostNetwork=True)]) is None
