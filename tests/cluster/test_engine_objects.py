"""What is rendered for engines is taken by the real API server, and its pods by the strictest pod security."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from tests.cluster.client import Client, Object
from tests.unit.render.sample import CASES

Json = dict[str, Any]

MINIMAL: Final = {
    "PodMonitor": ("monitoring.coreos.com", "v1", "podmonitors"),
    "CiliumNetworkPolicy": ("cilium.io", "v2", "ciliumnetworkpolicies"),
    "FQDNNetworkPolicy": ("networking.gke.io", "v1alpha1", "fqdnnetworkpolicies"),
}
"""Kinds of others, which are here with an open schema: that they exist is tested, not what is in them."""


def minimal_crd(kind: str, group: str, version: str, plural: str) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    approved = {"api-approved.kubernetes.io": "unapproved, for tests"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": approved},
        "spec": {
            "group": group,
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "scope": "Namespaced",
            "versions": [served],
        },
    }


@pytest.fixture(scope="module")
def with_crds(api: Client) -> Iterator[Client]:
    made = [minimal_crd(kind, *names) for kind, names in MINIMAL.items()]
    for each in made:
        assert api.apply(each).ok
        api.wait_for_condition(each, "Established")
    yield api
    for each in made:
        assert api.delete(each).ok


def placed(item: Mapping[str, Any], namespace: str) -> Json:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}


@pytest.mark.parametrize("name", CASES)
def test_every_object_is_taken(with_crds: Client, namespace: str, name: str) -> None:
    for item in CASES[name].objects():
        if item["kind"] == "Namespace":
            answer = with_crds.create({**item, "metadata": {**item["metadata"], "name": "lab"}}, dry_run=True)
        else:
            answer = with_crds.create(placed(item, namespace), dry_run=True)
        assert answer.ok, f"{item['kind']}: {answer.message}"


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_dropped(with_crds: Client, namespace: str, name: str) -> None:
    """What comes back has all that was sent: no field that this version doesn't know, none that it changed."""
    for item in CASES[name].objects()[1:]:
        sent = placed(item, namespace)
        assert missing(sent, with_crds.create(sent, dry_run=True).body) == [], item["kind"]


def missing(sent: Any, stored: Any, path: str = "") -> list[str]:
    if isinstance(sent, dict):
        absent = [f"{path}.{key}" for key in sent if not isinstance(stored, dict) or key not in stored]
        return absent or [each for key in sent for each in missing(sent[key], stored[key], f"{path}.{key}")]
    if isinstance(sent, list):
        if not isinstance(stored, list) or len(sent) != len(stored):
            return [path]
        return [each for one, other in zip(sent, stored, strict=True) for each in missing(one, other, f"{path}[]")]
    return [] if sent == stored or sent is False else [f"{path}: {sent} became {stored}"]


@pytest.fixture
def restricted(temporary: Callable[[Object], Json], namespace: str) -> str:
    """A namespace that takes only what the restricted Pod Security Standard allows."""
    name = f"{namespace}-restricted"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    temporary({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    return name


@pytest.mark.parametrize("name", CASES)
def test_pods_are_restricted(api: Client, temporary: Callable[[Object], Json], restricted: str, name: str) -> None:
    deployment = CASES[name].one("Deployment")
    template, account = deployment["spec"]["template"], CASES[name].one("ServiceAccount")
    temporary(placed(account, restricted))
    metadata = {**template["metadata"], "name": "engine", "namespace": restricted}
    pod: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": without_runtime(template["spec"])}
    answer = api.create(pod, dry_run=True)
    assert answer.ok, answer.message
    spec: Json = pod["spec"]
    loose = {**pod, "spec": {**spec, "securityContext": {}}}
    assert api.create(loose, dry_run=True).status == 403, "the namespace is restricted indeed"


def without_runtime(spec: Json) -> Json:
    """A pod, unlike a Deployment, is refused where its RuntimeClass is missing."""
    return {key: value for key, value in spec.items() if key != "runtimeClassName"}
