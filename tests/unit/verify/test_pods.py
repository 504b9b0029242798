"""Whether pods run on their site's nodes, and gateways run the config that was read."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, read, site

from isochrone.verify import Rule, pods, workloads
from isochrone.verify.gathered import Found

GATEWAY: Final = "gateway"
RIGHT: Final = "--config=kubernetes:fra1-config"


def workload(
    *containers: Json, kind: str = "Deployment", component: str = GATEWAY, labels: Json | None = None, **spec: Any
) -> Found:
    given = {"app.kubernetes.io/component": component} if labels is None else labels
    made = {"containers": [*containers], **spec} if containers else spec
    item = {"kind": kind, "metadata": {"name": "x", "labels": given}, "spec": {"template": {"spec": made}}}
    return Found(item, "deployment.yaml")


def bare(spec: Json | None) -> Found:
    """An engine that nothing else has made."""
    labels = {"app.kubernetes.io/component": "engine"}
    return Found({"kind": "Pod", "metadata": {"name": "x", "labels": labels}, "spec": spec}, "deployment.yaml")


def told(*objects: Found, nodes: Json | None = None) -> list[tuple[Rule, str]]:
    known = read([edge("fra1", "DE-HE", nodeSelector=nodes or {})])
    found = list(pods.findings(known.sites["fra1"], site(config()), objects))
    assert {(each.site, each.where) for each in found} <= {("fra1", "deployment.yaml")}
    return [(each.rule, each.message) for each in found]


def runs(what: str) -> tuple[Rule, str]:
    return Rule.WRONG_ADDRESS, f"the gateway runs the config {what}, not fra1-config, which was verified"


@pytest.mark.parametrize(
    ("containers", "what"),
    [
        pytest.param([{"args": [RIGHT]}], None, id="as an argument"),
        pytest.param([{"command": ["isochrone-gateway", RIGHT]}], None, id="in the command"),
        pytest.param([{"command": ["x"], "args": ["--a", RIGHT, "--b"]}], None, id="among others"),
        pytest.param([{}, {"args": [RIGHT]}], None, id="in the second container"),
        pytest.param([{"args": [RIGHT, RIGHT]}], None, id="twice"),
        pytest.param([], "none", id="no container"),
        pytest.param([{"args": ["--log"]}], "none", id="none"),
        pytest.param([{"args": ["--config=kubernetes:other"]}], "other", id="another"),
        pytest.param([{"args": [RIGHT, "--config=kubernetes:other"]}], "fra1-config, other", id="another, too"),
        pytest.param(
            [{"args": [RIGHT]}, {"args": ["--config=kubernetes:z"]}], "fra1-config, z", id="another elsewhere"
        ),
        pytest.param([{"args": [RIGHT, "--config=/etc/mine"]}], "fra1-config, --config=/etc/mine", id="a file as well"),
        pytest.param([{"command": ["x", "--config", "/a"], "args": [RIGHT]}], "fra1-config, --config", id="apart"),
    ],
)
def test_which_config_a_gateway_runs(containers: list[Json], what: str | None) -> None:
    assert told(workload(*containers)) == ([runs(what)] if what else [])


def nodes(what: str) -> list[tuple[Rule, str]]:
    return [(Rule.WRONG_PLACE, what)]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({"nodeSelector": {"site": "fra1", "zone": "a"}}, [], id="its own"),
        pytest.param({"nodeSelector": {"site": "fra1", "zone": "a", "disk": "ssd"}}, [], id="some of its own"),
        pytest.param(
            {"nodeSelector": {"site": "fra1"}},
            nodes("pods may run on nodes that are not the site's: their nodeSelector lacks zone"),
            id="one label less",
        ),
        pytest.param(
            {"nodeSelector": {"site": "cdg1"}},
            nodes("pods may run on nodes that are not the site's: their nodeSelector lacks site, zone"),
            id="another's",
        ),
        pytest.param(
            {}, nodes("pods may run on nodes that are not the site's: their nodeSelector lacks site, zone"), id="any"
        ),
        pytest.param(
            {"nodeSelector": {"site": "fra1", "zone": "a"}, "nodeName": "n7"},
            nodes("pods are bound to the node n7, whatever labels it has"),
            id="one node",
        ),
    ],
)
@pytest.mark.parametrize(
    "given",
    [
        pytest.param(lambda spec: workload({"args": [RIGHT]}, **spec), id="gateway"),
        pytest.param(lambda spec: workload(component="engine", **spec), id="engine"),
        pytest.param(bare, id="bare"),
    ],
)
def test_on_which_nodes_pods_run(spec: Json, expected: list[tuple[Rule, str]], given: Callable[[Json], Found]) -> None:
    assert told(given(spec), nodes={"zone": "a", "site": "fra1"}) == expected


def test_a_pod_is_not_what_it_says_of_others() -> None:
    """Only what makes pods has a template."""
    lacking = nodes("pods may run on nodes that are not the site's: their nodeSelector lacks site")
    assert told(bare({"template": {"spec": {"nodeSelector": {"site": "fra1"}}}}), nodes={"site": "fra1"}) == lacking
    assert told(bare(None), nodes={"site": "fra1"}) == lacking


@pytest.mark.parametrize(
    ("spec", "is_on_it"),
    [
        pytest.param({"hostNetwork": True}, True, id="its node's"),
        pytest.param({"hostNetwork": False}, False, id="its own"),
        pytest.param({}, False, id="nothing is said"),
    ],
)
@pytest.mark.parametrize("component", ["gateway", "engine", "web"])
def test_on_which_network_pods_are(spec: Json, component: str, *, is_on_it: bool) -> None:
    text = "pods are on the network of their node (hostNetwork), where no network policy holds them"
    expected = [(Rule.EGRESS_OPEN, text)] if is_on_it and component != "web" else []
    assert told(workload({"args": [RIGHT]}, component=component, **spec)) == expected


def test_other_pods_may_run_anywhere() -> None:
    assert told(workload(component="web"), workload(labels={}), nodes={"site": "fra1"}) == []


@pytest.mark.parametrize(
    ("kind", "labels", "is_gateway"),
    [
        ("Deployment", {"app.kubernetes.io/component": "gateway"}, True),
        ("StatefulSet", {"app.kubernetes.io/component": "gateway"}, True),
        ("Deployment", {"app.kubernetes.io/component": "engine"}, False),
        ("Deployment", {}, False),
        ("Service", {"app.kubernetes.io/component": "gateway"}, False),
    ],
)
def test_what_is_a_gateway(kind: str, labels: Json, *, is_gateway: bool) -> None:
    assert pods.is_gateway(workload(kind=kind, labels=labels)) is is_gateway
    assert told(workload(kind=kind, labels=labels)) == ([runs("none")] if is_gateway else [])


@pytest.mark.parametrize(
    ("own", "pods_own", "is_one"),
    [
        pytest.param(GATEWAY, "engine", True, id="by its own labels"),
        pytest.param("web", GATEWAY, True, id="by its pods' labels"),
        pytest.param(None, GATEWAY, True, id="by its pods' labels alone"),
        pytest.param("web", "engine", False, id="by neither"),
    ],
)
@pytest.mark.parametrize("kind", ["Deployment", "DaemonSet", "ReplicaSet", "Job"])
def test_a_gateway_is_known_by_its_pods_too(kind: str, own: str | None, pods_own: str, *, is_one: bool) -> None:
    labels = {} if own is None else {"app.kubernetes.io/component": own}
    given = workload(kind=kind, labels=labels)
    given.item["spec"]["template"]["metadata"] = {"labels": {"app.kubernetes.io/component": pods_own}}
    assert pods.is_gateway(given) is is_one


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({"dnsPolicy": "ClusterFirst", "hostAliases": [], "dnsConfig": {}}, None, id="the cluster's"),
        pytest.param({"hostAliases": [{"ip": "192.0.2.1"}]}, "hostAliases", id="a file of its own"),
        pytest.param({"dnsConfig": {"nameservers": ["192.0.2.1"]}}, "dnsConfig", id="another resolver"),
        pytest.param({"dnsPolicy": "None"}, "dnsPolicy None", id="none"),
        pytest.param({"dnsPolicy": "Default"}, "dnsPolicy Default", id="its node's"),
        pytest.param(
            {"hostAliases": [{}], "dnsConfig": {"searches": ["example.us"]}, "dnsPolicy": "None"},
            "hostAliases, dnsConfig, dnsPolicy None",
            id="all of it",
        ),
    ],
)
def test_who_answers_names_for_a_gateway(spec: Json, said: str | None) -> None:
    text = f"the gateway takes names from its pod's {said}, not from the cluster's resolver alone"
    assert told(workload({"args": [RIGHT]}, **spec)) == ([(Rule.WRONG_ADDRESS, text)] if said else [])
    assert told(workload(component="engine", **spec)) == []


def test_whose_labels_are_asked() -> None:
    item: Json = {"kind": "Deployment", "metadata": {"labels": {"a": "1", "b": "2"}}}
    item["spec"] = {"template": {"metadata": {"labels": {"a": "3", "c": "4"}}}}
    assert [sorted(workloads.said(item, key)) for key in "abcde"] == [["1", "3"], ["2"], ["4"], [], []]
    assert workloads.labels(item) == {"a": "3", "b": "2", "c": "4"}
    assert workloads.said({**item, "kind": "PodTemplate"}, "c") == frozenset()


@pytest.mark.parametrize("item", [{"metadata": {}}, {"metadata": {"labels": None}}])
def test_what_has_no_labels_is_none(item: Json) -> None:
    assert not pods.is_gateway(Found({"kind": "Deployment", **item}, "x"))


@pytest.mark.parametrize(
    "rest", [{}, {"spec": None}, {"spec": {"template": None}}, {"spec": {"template": {"spec": None}}}]
)
def test_a_gateway_of_which_nothing_is_said(rest: Json) -> None:
    labels = {"app.kubernetes.io/component": GATEWAY}
    assert told(Found({"kind": "Deployment", "metadata": {"labels": labels}, **rest}, "deployment.yaml")) == [
        runs("none")
    ]


def test_a_container_that_says_nothing() -> None:
    assert told(workload({"command": None, "args": None})) == [runs("none")]
    assert told(workload(containers=None)) == [runs("none")]


@pytest.mark.parametrize(("said", "namespace"), [({"namespace": "a"}, "a"), ({"namespace": ""}, "default")])
def test_what_an_object_is_known_by(said: Json, namespace: str) -> None:
    item = {"kind": "Service", "metadata": {"name": "x", **said}}
    assert workloads.key_of(item) == (namespace, "x")
    assert workloads.identity(item) == ("Service", namespace, "x")
