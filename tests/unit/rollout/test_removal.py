"""An installation that leaves: what goes when, and whose a Namespace is."""

import itertools
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.render import labels
from isochrone.render.bundle import identity
from isochrone.rollout import removal
from isochrone.rollout.actions import Actions, Found

Json = dict[str, Any]

GROUPS: Final = {
    "Deployment": "apps/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Namespace": "v1",
    "Pod": "v1",
}


def item(kind: str, name: str, *, site: str | None = "fra1", component: str = "engine", **more: Any) -> Json:
    marks = {labels.INSTALLATION: "isochrone", labels.COMPONENT: component} | ({labels.EDGE_NODE: site} if site else {})
    metadata = {"name": name, "namespace": "demo", "uid": f"{kind}-{name}", "resourceVersion": "1", "labels": marks}
    metadata |= more.pop("metadata", {})
    return {"apiVersion": GROUPS.get(kind, "v1"), "kind": kind, "metadata": metadata, **more}


def found(*items: Json, pods: tuple[Json, ...] = ()) -> Found:
    return Found(children={identity(each): each for each in items}, pods=pods)


def names(decided: Actions) -> list[str]:
    return [f"{each.identity[1]} {each.identity[3]}" for each in decided.remove]


GATEWAY = item("Deployment", "gateway", component="gateway")
KEEPER = item("StatefulSet", "gateway", component="gateway")
SCALER = item("HorizontalPodAutoscaler", "gateway", component="gateway")
GATEWAY_POD = item("Pod", "gateway-1", component="gateway")
ENGINE = item("Deployment", "chat")
ENGINE_POD = item("Pod", "chat-1")
SERVICE = item("Service", "chat")
GUARD = item("NetworkPolicy", "chat", spec={"podSelector": {"matchLabels": {labels.COMPONENT: "engine"}}})
KEY = item("Secret", "isochrone-index-key", site=None, component="keys")
NAMESPACE = item("Namespace", "demo", site=None)
ALL = (GATEWAY, SCALER, ENGINE, SERVICE, GUARD, KEY, NAMESPACE)


@pytest.mark.parametrize(
    ("has", "pods", "more", "removed", "waiting"),
    [
        pytest.param(
            ALL,
            (GATEWAY_POD, ENGINE_POD),
            {},
            ["HorizontalPodAutoscaler gateway", "Deployment gateway"],
            4,
            id="gateways-first",
        ),
        pytest.param((ENGINE, SERVICE, GUARD), (GATEWAY_POD, ENGINE_POD), {}, [], 3, id="while-a-gateway-ends"),
        pytest.param((KEEPER, ENGINE), (GATEWAY_POD,), {}, ["StatefulSet gateway"], 1, id="one-that-keeps-evidence"),
        pytest.param(
            (ENGINE, SERVICE, GUARD), (ENGINE_POD,), {}, ["Deployment chat", "Service chat"], 1, id="then-engines"
        ),
        pytest.param((GUARD,), (), {}, ["NetworkPolicy chat"], 0, id="guards-last"),
        pytest.param(
            (GATEWAY, ENGINE, GUARD),
            (GATEWAY_POD, ENGINE_POD),
            {"drains": False},
            ["Deployment chat", "Deployment gateway"],
            1,
            id="at-once",
        ),
        pytest.param((GATEWAY, ENGINE), (GATEWAY_POD,), {"spared": {"fra1"}}, [], 0, id="a-site-that-is-spared"),
        pytest.param(
            (item("Deployment", "other", site="iad1"), ENGINE),
            (GATEWAY_POD,),
            {"spared": {"fra1"}},
            ["Deployment other"],
            0,
            id="beside-one-that-is-spared",
        ),
        pytest.param((KEY, NAMESPACE), (), {}, ["Secret isochrone-index-key"], 0, id="of-no-site"),
        pytest.param(
            (item("Deployment", "chat", metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}),),
            (),
            {},
            [],
            0,
            id="on-its-way-out",
        ),
    ],
)
def test_what_goes_now(
    has: tuple[Json, ...], pods: tuple[Json, ...], more: Json, removed: list[str], waiting: int
) -> None:
    decided = removal.decide(found(*has, pods=pods), **more)
    assert (names(decided), decided.waiting) == (removed, waiting)
    assert decided.apply == ()


@given(
    st.lists(st.sampled_from([*ALL, item("Deployment", "other", site="iad1")]), unique_by=identity),
    st.lists(st.sampled_from([GATEWAY_POD, ENGINE_POD]), unique_by=identity),
    st.booleans(),
)
def test_it_ends_with_nothing_but_namespaces_and_never_guards_nobody(
    has: list[Json], pods: list[Json], drains: bool
) -> None:
    """As a cluster does: what is removed is gone, and pods whose Deployment is gone end."""
    for _ in itertools.repeat(None, 2 * len(ALL)):
        decided = removal.decide(found(*has, pods=tuple(pods)), drains=drains)
        gone = {each.identity for each in decided.remove}
        if drains and GATEWAY_POD in pods:
            assert all(name in {"HorizontalPodAutoscaler gateway", "Deployment gateway"} for name in names(decided))
        assert ENGINE_POD not in pods or identity(GUARD) not in gone
        has = [each for each in has if identity(each) not in gone]
        pods = [pod for pod, owner in ((GATEWAY_POD, GATEWAY), (ENGINE_POD, ENGINE)) if pod in pods and owner in has]
    assert [each for each in has if each["kind"] != "Namespace"] == []


def other(kind: str, name: str, **more: Any) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **more.pop("metadata", {})}, **more}


@pytest.mark.parametrize(
    ("inside", "is_mailbox", "stays"),
    [
        pytest.param(ENGINE, False, False, id="ours"),
        pytest.param(other("ConfigMap", "kube-root-ca.crt"), False, False, id="the-clusters-authority"),
        pytest.param(other("ServiceAccount", "default"), False, False, id="the-default-account"),
        pytest.param(other("Event", "chat.1"), False, False, id="an-event"),
        pytest.param(other("Lease", "isochrone-operator"), False, False, id="our-leaders"),
        pytest.param(
            other("ReplicaSet", "chat-1", metadata={"ownerReferences": [{"kind": "Deployment"}]}),
            False,
            False,
            id="what-belongs-to-something",
        ),
        pytest.param(
            other("Secret", "token", type="kubernetes.io/service-account-token"), False, False, id="an-accounts-token"
        ),
        pytest.param(other("ConfigMap", "settings"), False, True, id="somebodys-config"),
        pytest.param(other("Secret", "password", type="Opaque"), False, True, id="somebodys-secret"),
        pytest.param(other("ConfigMap", "request"), False, True, id="a-request-elsewhere"),
        pytest.param(other("ConfigMap", "request"), True, False, id="a-request-in-a-sites-namespace"),
        pytest.param(
            item("ConfigMap", "x", metadata={"labels": {labels.INSTALLATION: "theirs"}}),
            False,
            True,
            id="another-installations",
        ),
    ],
)
def test_what_a_namespace_stays_for(inside: Json, is_mailbox: bool, stays: bool) -> None:
    assert bool(removal.staying([inside], "isochrone", is_mailbox=is_mailbox)) is stays


def test_a_namespace_stays_for_a_site_that_is_spared() -> None:
    assert removal.staying([ENGINE], "isochrone", spared={"fra1"}) == [ENGINE]
    assert removal.staying([ENGINE], "isochrone", spared={"iad1"}) == []


@pytest.mark.parametrize(
    ("inside", "said"),
    [
        pytest.param([("Secret", "b")], "Secret b", id="one"),
        pytest.param([("Secret", "b"), ("Secret", "a")], "Secret a, b", id="of-a-kind"),
        pytest.param(
            [("PersistentVolumeClaim", "b"), ("ConfigMap", "a"), ("PersistentVolumeClaim", "a")],
            "ConfigMap a; PersistentVolumeClaim a, b",
            id="of-two-kinds",
        ),
        pytest.param(
            [("Secret", f"s{number}") for number in range(9)],
            "Secret s0, s1, s2, s3, s4, s5, s6, s7, s8",
            id="none-is-left-out",
        ),
    ],
)
def test_what_stays_is_listed_whole(inside: list[tuple[str, str]], said: str) -> None:
    assert removal.listed([item(kind, name) for kind, name in inside]) == said
    assert removal.listed([item(kind, name) for kind, name in reversed(inside)]) == said


@pytest.mark.parametrize(
    ("name", "marks", "pulling", "expected"),
    [
        pytest.param("isochrone-site-iad1", {labels.INSTALLATION: "isochrone"}, set(), True, id="made-by-us"),
        pytest.param("isochrone-site-iad1", {}, {"iad1"}, True, id="of-a-site-that-pulls"),
        pytest.param("isochrone-site-iad1", {}, {"fra1"}, False, id="of-nobody"),
        pytest.param("iad1", {}, {"iad1"}, False, id="another-name"),
        pytest.param("isochrone-site-iad1", {labels.INSTALLATION: "theirs"}, set(), False, id="another-installations"),
    ],
)
def test_namespaces_of_sites_that_pull(name: str, marks: Json, pulling: set[str], expected: bool) -> None:
    namespace = {"metadata": {"name": name, "labels": marks}}
    assert removal.is_mailbox(namespace, pulling, "isochrone") is expected


def test_the_law_goes_last() -> None:
    assert (removal.ORDER[0], removal.ORDER[-1]) == ("EdgeNode", "DataResidencyPolicy")


def test_a_namespace_stays_for_evidence_though_its_claims_have_our_label() -> None:
    claim = item("PersistentVolumeClaim", "evidence-gateway-0")
    assert removal.staying([claim, ENGINE], "isochrone") == [claim]
