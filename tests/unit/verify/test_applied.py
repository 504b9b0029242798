"""What a folder's objects say to tools that apply them, and where they are."""

from typing import Any, Final

import pytest

from isochrone.verify.applied import problems

Json = dict[str, Any]
LEFT_OUT: Final = "by which it may be left out, or removed again: take it out"


def policy(kind: str = "NetworkPolicy", /, **metadata: Any) -> Json:
    return {"kind": kind, "metadata": {"name": "x", "namespace": "isochrone-system", **metadata}}


@pytest.mark.parametrize(
    "key",
    [
        "argocd.argoproj.io/hook",
        "argocd.argoproj.io/hook-delete-policy",
        "argocd.argoproj.io/sync-options",
        "config.kubernetes.io/local-config",
        "internal.config.kubernetes.io/needsHashSuffix",
        "config.k8s.io/owning-inventory",
        "client.lifecycle.config.k8s.io/deletion",
        "kustomize.config.k8s.io/behavior",
        "kustomize.toolkit.fluxcd.io/reconcile",
        "helm.toolkit.fluxcd.io/driftDetection",
        "helm.sh/hook",
        "meta.helm.sh/release-name",
        "kapp.k14s.io/noop",
        "configmanagement.gke.io/managed",
        "configsync.gke.io/reconcile",
        "addonmanager.kubernetes.io/mode",
        "applyset.kubernetes.io/part-of",
        "objectset.rio.cattle.io/id",
        "cnrm.cloud.google.com/deletion-policy",
        "kluctl.io/delete",
        "kpt.dev/x",
        "kubectl.kubernetes.io/last-applied-configuration",
        "pulumi.com/skipAwait",
        "werf.io/x",
    ],
)
@pytest.mark.parametrize("kind", ["NetworkPolicy", "Service"])
def test_what_tools_read_is_told(key: str, kind: str) -> None:
    assert list(problems(policy(kind, annotations={key: "x"}))) == [f"has the annotation {key}, {LEFT_OUT}"]
    assert list(problems(policy(kind, labels={key: "x"}))) == [f"has the label {key}, {LEFT_OUT}"]


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(policy(labels=None, annotations=None, deletionTimestamp=None), id="nothing"),
        pytest.param(policy(labels={"a": "b", "isochrone.dev/x": "y", "notfluxcd.io/a": "b"}), id="labels"),
        pytest.param(
            policy(annotations={"isochrone.dev/config-hash": "1", "isochrone.dev/gpu-pool": "a"}), id="what is rendered"
        ),
        pytest.param(policy(annotations={"app.kubernetes.io/managed-by": "x"}), id="what describes it"),
        pytest.param(policy(annotations={"argocd.argoproj.io/sync-wave": "1"}), id="its turn"),
        pytest.param(policy(annotations={"argocd.argoproj.io/compare-options": "x"}), id="how it is compared"),
        pytest.param(policy(annotations={"argocd.argoproj.io/tracking-id": "x"}), id="whose it is"),
        pytest.param(policy("Service", labels={"argocd.argoproj.io/sync-wave": "1"}), id="no label of theirs"),
        pytest.param(
            policy("Service", annotations={"service.beta.kubernetes.io/x": "y", "a": "b"}), id="how load is balanced"
        ),
        pytest.param(policy("ConfigMap"), id="a config"),
        pytest.param(policy(namespace="shop"), id="a route's"),
        pytest.param(policy(namespace=None), id="no namespace"),
    ],
)
def test_what_harms_nobody_is_taken(item: Json) -> None:
    assert list(problems(item)) == []


@pytest.mark.parametrize(
    ("item", "says"),
    [
        *(
            pytest.param(
                policy(**{name: value}),
                f"has {name} in its metadata, so it may be refused or removed again: take it out",
                id=name,
            )
            for name, value in {
                "ownerReferences": [{"name": "gone"}],
                "deletionTimestamp": "2026-01-01T00:00:00Z",
                "generateName": "x-",
                "finalizers": ["a"],
                "uid": "1",
                "resourceVersion": "1",
                "managedFields": [],
            }.items()
        ),
        pytest.param(policy(annotations={"mine": "x"}), f"has the annotation mine, {LEFT_OUT}", id="an annotation"),
        pytest.param(
            policy(annotations={"isochrone.dev/apply": "Create"}),
            f"has the annotation isochrone.dev/apply, {LEFT_OUT}",
            id="one of ours that isn't rendered there",
        ),
        pytest.param(
            policy("Service", namespace="kube-system"),
            "is in the namespace kube-system, where none of ours is, and may change how names are resolved",
            id="among resolvers",
        ),
        pytest.param(
            policy("ConfigMap", namespace="kube-node-lease"),
            "is in the namespace kube-node-lease, where none of ours is, and may change how names are resolved",
            id="in a cluster's own",
        ),
        pytest.param(
            policy("ConfigMap", namespace="cilium"),
            "is in the namespace cilium, where no config of ours is: whoever reads it isn't known",
            id="a plug-in's config",
        ),
        pytest.param(
            policy("ConfigMap", namespace=None),
            "is in the namespace default, where no config of ours is: whoever reads it isn't known",
            id="a config somewhere",
        ),
    ],
)
def test_what_may_not_be_there_is_told(item: Json, says: str) -> None:
    assert list(problems(item)) == [says]


def test_all_is_told_in_order() -> None:
    item = policy(namespace="kube-system", uid="1", generation=1, labels={"helm.sh/b": "", "helm.sh/a": ""})
    item["metadata"]["annotations"] = {"d": "", "c": ""}
    said = [each.partition(" in its ")[0].partition(", by ")[0].partition(", where")[0] for each in problems(item)]
    assert said == [
        "has generation",
        "has uid",
        "has the label helm.sh/a",
        "has the label helm.sh/b",
        "has the annotation c",
        "has the annotation d",
        "is in the namespace kube-system",
    ]
