"""Which policies select pods that nobody has seen yet: surely, maybe, or surely not."""

from typing import Final

import pytest
from tests.unit.verify.by_hand import Json
from tests.unit.verify.clusters import COMPONENT, EDGE_NODE, labelled, workload

from isochrone.verify.chosen import label_of, policies_of, selects
from isochrone.verify.gathered import Found

HOME: Final = "isochrone-system"
OURS: Final = {EDGE_NODE: "fra1", COMPONENT: "gateway", "pod-template-hash": "5d4f"}
GATEWAY: Final = workload("gateway", HOME, OURS)
CILIUM: Final = "CiliumNetworkPolicy"


def policy(selector: Json, kind: str = "NetworkPolicy", namespace: str = HOME) -> Json:
    field = "endpointSelector" if kind == CILIUM else "podSelector"
    return labelled(kind, "p", namespace, {}, spec={field: selector})


def asking(key: str, operator: str, *values: str) -> Json:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


def wanting(**labels: str) -> Json:
    return {"matchLabels": labels}


OF_TEMPLATE: Final = [
    pytest.param({}, True, id="anything"),
    pytest.param({"matchLabels": None, "matchExpressions": None}, True, id="nothing said"),
    pytest.param(wanting(**{EDGE_NODE: "fra1"}), True, id="a label of the template"),
    pytest.param(wanting(**{EDGE_NODE: "iad1"}), False, id="another value"),
    pytest.param(wanting(**{EDGE_NODE: "fra1", "app": "shop"}), False, id="one of two"),
    pytest.param(wanting(app="shop"), False, id="somebody else's label"),
    pytest.param(
        wanting(**{"app.kubernetes.io/instance": "shop"}), False, id="somebody else's label, by its usual name"
    ),
    pytest.param(wanting(**{"app.kubernetes.io/component": "gateway"}), True, id="ours, by its usual name"),
    pytest.param(asking(EDGE_NODE, "In", "fra1", "x"), True, id="In"),
    pytest.param(asking(EDGE_NODE, "In", "x"), False, id="not In"),
    pytest.param(asking(EDGE_NODE, "NotIn", "x"), True, id="NotIn"),
    pytest.param(asking(EDGE_NODE, "NotIn", "fra1"), False, id="not NotIn"),
    pytest.param(asking(EDGE_NODE, "Exists"), True, id="Exists"),
    pytest.param(asking(EDGE_NODE, "DoesNotExist"), False, id="DoesNotExist"),
    pytest.param(asking("app", "Exists"), False, id="somebody else's label exists"),
    pytest.param(asking("app", "DoesNotExist"), True, id="somebody else's label doesn't"),
    pytest.param(asking("app", "NotIn", "shop"), True, id="somebody else's label is another"),
]


@pytest.mark.parametrize(("selector", "is_selected"), OF_TEMPLATE)
@pytest.mark.parametrize("kind", ["NetworkPolicy", CILIUM, "FQDNNetworkPolicy"])
def test_labels_that_templates_have_or_lack_are_known(kind: str, selector: Json, *, is_selected: bool) -> None:
    assert selects(policy(selector, kind), GATEWAY) is is_selected


LATER: Final = [
    *("pod-template-hash", "pod-template-generation", "controller-revision-hash"),
    *("topology.kubernetes.io/zone", "kubernetes.io/hostname", "node.kubernetes.io/instance-type"),
    *("kueue.x-k8s.io/managed", "k8s.io/x", "jobset.sigs.k8s.io/jobset-name", "x-k8s.io/x"),
    *("security.istio.io/tlsMode", "istio.io/rev", "linkerd.io/control-plane-ns", "eks.amazonaws.com/fargate-profile"),
    *("io.kubernetes.pod.namespace", "io.cilium.k8s.policy.serviceaccount"),
    "io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name",
]


@pytest.mark.parametrize("key", LATER)
@pytest.mark.parametrize("kind", ["NetworkPolicy", CILIUM])
@pytest.mark.parametrize(
    ("operator", "values"), [("In", ["5d4f"]), ("NotIn", ["5d4f"]), ("Exists", []), ("DoesNotExist", [])]
)
def test_labels_that_pods_get_later_may_be_anything(kind: str, key: str, operator: str, values: list[str]) -> None:
    """Even those that templates have: what makes pods of them puts its own in their place."""
    selector = asking(key, operator, *values)
    assert selects(policy(selector, kind), GATEWAY) is None
    assert selects(policy({**wanting(**{EDGE_NODE: "fra1"}), **selector}, kind), GATEWAY) is None
    for contradicted in (wanting(**{EDGE_NODE: "iad1"}), wanting(app="shop")):
        assert selects(policy({**contradicted, **selector}, kind), GATEWAY) is False


@pytest.mark.parametrize("key", LATER)
def test_labels_that_pods_get_later_may_have_any_value(key: str) -> None:
    assert selects(policy(wanting(**{key: "x"})), GATEWAY) is None


def test_what_holds_for_sure_makes_nothing_else_sure() -> None:
    both = [
        *asking("pod-template-hash", "Exists")["matchExpressions"],
        *asking(EDGE_NODE, "Exists")["matchExpressions"],
    ]
    for order in (both, both[::-1]):
        assert selects(policy({"matchExpressions": order}), GATEWAY) is None


@pytest.mark.parametrize(
    "key",
    [
        *("kubernetes.io.example.com/x", "notkubernetes.io/x", "kubernetes.io", "example.com/pod-template-hash"),
        *("my-k8s.io/x", "amazonaws.com/x", "io.kubernetes", "example.com/io.cilium.x", "istio/x", "reserved.host"),
    ],
)
def test_labels_that_only_look_like_those_are_known(key: str) -> None:
    assert selects(policy(asking(key, "Exists")), GATEWAY) is False
    assert selects(policy(asking(key, "DoesNotExist")), GATEWAY) is True


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ("job-name", {"Job"}),
        ("controller-uid", {"Job"}),
        ("batch.kubernetes.io/job-name", {"Job"}),
        ("statefulset.kubernetes.io/pod-name", {"StatefulSet", "LeaderWorkerSet"}),
        ("apps.kubernetes.io/pod-index", {"StatefulSet", "LeaderWorkerSet"}),
    ],
)
def test_labels_that_only_some_workloads_give(key: str, kinds: set[str]) -> None:
    """So that policies for a tenant's jobs don't count for its engines."""
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod", "LeaderWorkerSet"):
        made = {**GATEWAY, "kind": kind, "metadata": {**GATEWAY["metadata"], "labels": OURS}}
        answers = (selects(policy(asking(key, "Exists")), made), selects(policy(asking(key, "DoesNotExist")), made))
        assert answers == ((None, None) if kind in kinds else (False, True))


@pytest.mark.parametrize(
    ("key", "label"),
    [
        ("app", "app"),
        ("k8s:app", "app"),
        ("any:app", "app"),
        ("k8s:app.kubernetes.io/Name_1-x", "app.kubernetes.io/Name_1-x"),
        ("k8s:reserved.host", "reserved.host"),
        ("any.app", "any.app"),
        *((each, None) for each in ("reserved:host", "reserved.host", "$host", "container:app", "cidr:10.0.0.0/8")),
        *((each, None) for each in ("app=x", "k8s:app=x", "k8s:any:app", ":app", "k8s:", "xk8s:app", "app x")),
    ],
)
def test_what_keys_of_ciliums_mean(key: str, label: str | None) -> None:
    assert label_of(key) == label


@pytest.mark.parametrize("source", ["", "k8s:", "any:"])
def test_cilium_may_say_where_a_label_is_from(source: str) -> None:
    assert selects(policy(wanting(**{f"{source}{EDGE_NODE}": "fra1"}), CILIUM), GATEWAY) is True
    assert selects(policy(wanting(**{f"{source}{EDGE_NODE}": "iad1"}), CILIUM), GATEWAY) is False
    assert selects(policy(asking(f"{source}app", "Exists"), CILIUM), GATEWAY) is False
    assert selects(policy(asking(f"{source}pod-template-hash", "Exists"), CILIUM), GATEWAY) is None


@pytest.mark.parametrize("key", ["reserved:host", "reserved.host", "$host", f"{EDGE_NODE}=x", "node:app"])
def test_other_labels_of_ciliums_may_be_anything(key: str) -> None:
    for selector in (wanting(**{key: "fra1"}), asking(key, "DoesNotExist"), asking(key, "Exists")):
        assert selects(policy(selector, CILIUM), GATEWAY) is None


def test_only_cilium_knows_sources() -> None:
    assert selects(policy(wanting(**{f"k8s:{EDGE_NODE}": "fra1"})), GATEWAY) is False


def test_a_policy_for_another_namespace_of_ciliums_is_for_its_own() -> None:
    """Cilium puts a policy's own namespace in the place of what its selector names."""
    assert selects(policy(wanting(**{"k8s:io.kubernetes.pod.namespace": "shop"}), CILIUM), GATEWAY) is None


@pytest.mark.parametrize(("kind", "other"), [("NetworkPolicy", "endpointSelector"), (CILIUM, "podSelector")])
def test_the_selector_of_another_kind_selects_nothing(kind: str, other: str) -> None:
    found = policy({}, kind)
    assert selects({**found, "spec": {**found["spec"], other: wanting(app="shop")}}, GATEWAY) is True


SURE: Final = Found(policy({}), "sure")
MAYBE: Final = Found(policy(asking("pod-template-hash", "Exists")), "maybe")


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param(SURE, [SURE], id="surely"),
        pytest.param(MAYBE, [MAYBE._replace(only_opens=True)], id="maybe"),
        pytest.param(SURE._replace(only_opens=True), [SURE._replace(only_opens=True)], id="surely, elsewhere"),
        pytest.param(Found(policy(wanting(app="shop")), "not"), [], id="surely not"),
        pytest.param(Found(policy({}, namespace="shop"), "p"), [], id="of another namespace"),
        pytest.param(Found(policy({}, CILIUM), "p"), [Found(policy({}, CILIUM), "p")], id="of Cilium"),
        pytest.param(
            Found(policy({}, "FQDNNetworkPolicy"), "p"), [Found(policy({}, "FQDNNetworkPolicy"), "p")], id="of GKE"
        ),
        pytest.param(Found(GATEWAY, "w"), [], id="no policy"),
    ],
)
def test_what_may_not_select_pods_only_opens(given: Found, found: list[Found]) -> None:
    assert list(policies_of(GATEWAY, [given])) == found


def test_no_namespace_is_the_default_one() -> None:
    bare = {**GATEWAY, "metadata": {"name": "gateway"}}
    assert list(policies_of(bare, [SURE])) == []
    (each,) = policies_of(bare, [Found(policy({}, namespace="default"), "p"), Found(policy({}, namespace="shop"), "q")])
    assert each.where == "p"
