"""A site by a ClusterProfile, on a real API server: the operator's process is let in with what the profile tells."""

import base64
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.cluster import optional_kinds
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.fleet import CRDS, MASTERS, SYSTEM
from tests.cluster.operators import OperatorProcess
from tests.cluster.waiting import until

from isochrone.kube import access, kinds

Json = dict[str, Any]

GROUP: Final = "isochrone.dev/v1alpha1"
FLEET: Final = "fleet"


@pytest.fixture(scope="module", params=["v1alpha1", "v1alpha2"])
def inventory(request: pytest.FixtureRequest) -> str:
    """The version of ClusterProfile that the hub has."""
    version: str = request.param
    return version


@pytest.fixture(scope="module")
def plane(kube: Path, inventory: str) -> Iterator[ControlPlane]:
    """The hub and its member in one: the member is told by a profile."""
    assert kube.exists()
    with ControlPlane(Options(controllers=True, audit=True)) as plane, Client(plane.kubeconfig) as api:
        crds = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
        crds.append(optional_kinds.cluster_profile(inventory))
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in (SYSTEM, FLEET)]
        for each in (*crds, *spaces):
            assert api.apply(each).ok
        for each in crds:
            api.wait_for_condition(each, "Established")
        yield plane


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Client]:
    with Client(plane.kubeconfig) as client:
        yield client


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    kubeconfig = plane.issue_kubeconfig("hub-a", groups=MASTERS).read_bytes()
    process = OperatorProcess(kubeconfig, tmp_path_factory.mktemp("operator"), "hub-a")
    process.start()
    yield process
    process.stop()


def token(api: Client, name: str) -> str:
    """Of an account that may do everything."""
    metadata = {"name": name, "namespace": FLEET}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }
    for each in ({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}, binding):
        assert api.apply(each).ok
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    made = api.request("POST", kinds.SERVICE_ACCOUNT.path(FLEET, name) + "/token", request)
    found: str = made.body["status"]["token"]
    return found


def offer(plane: ControlPlane, api: Client, version: str, name: str, *providers: str) -> None:
    """As a fleet's manager does."""
    found = access.from_file(plane.kubeconfig)
    item = {
        "apiVersion": f"multicluster.x-k8s.io/{version}",
        "kind": "ClusterProfile",
        "metadata": {"name": name, "namespace": FLEET},
        "spec": {"clusterManager": {"name": "tests"}},
    }
    assert api.apply(item).ok
    cluster = {
        "server": found.url,
        "certificate-authority-data": base64.b64encode(found.authority or b"").decode(),
        "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"clusterName": name}}],
    }
    status = {"accessProviders": [{"name": each, "cluster": cluster} for each in providers]}
    path = f"/apis/multicluster.x-k8s.io/{version}/namespaces/{FLEET}/clusterprofiles/{name}/status"
    answer = api.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
    assert answer.ok, answer.message


def hand_over(api: Client, name: str, value: str) -> None:
    metadata = {"name": name, "namespace": SYSTEM}
    data = {"token": base64.b64encode(value.encode()).decode()}
    assert api.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}).ok


def declare(api: Client, name: str) -> None:
    cluster = {"type": "ClusterProfile", "clusterProfileRef": {"namespace": FLEET, "name": name}}
    spec = {"place": {"iata": "FRA"}, "cluster": cluster}
    assert api.apply({"apiVersion": GROUP, "kind": "EdgeNode", "metadata": {"name": name}, "spec": spec}).ok


def condition(api: Client, name: str, kind: str) -> tuple[str, str]:
    """(status, message)."""
    edge = api.get({"apiVersion": GROUP, "kind": "EdgeNode", "metadata": {"name": name}}).body
    found = [each for each in edge.get("status", {}).get("conditions", ()) if each["type"] == kind]
    return (found[0]["status"], found[0]["message"]) if found else ("", "")


def test_with_a_token_beside_the_profile_a_site_is_delivered(
    plane: ControlPlane, api: Client, operator: OperatorProcess, inventory: str
) -> None:
    declare(api, "fra1")
    why = operator.tail
    told = functools.partial(condition, api, "fra1", "Reachable")
    until(told, holds=lambda found: "there is no ClusterProfile fleet/fra1" in found[1], why=why)
    offer(plane, api, inventory, "fra1", "gke-fleet")
    until(told, holds=lambda found: "lets in by gke-fleet, and only secretreader is used" in found[1], why=why)
    offer(plane, api, inventory, "fra1", "gke-fleet", "secretreader")
    until(told, holds=lambda found: "there is no Secret isochrone-system/fra1 with the key token" in found[1], why=why)
    hand_over(api, "fra1", token(api, "first"))
    until(told, holds=lambda found: found[0] == "True", why=why)
    until(lambda: condition(api, "fra1", "Delivered")[0], holds=lambda found: found == "True", why=why)
    assert api.request("GET", kinds.DEPLOYMENT.path(SYSTEM, "isochrone-gateway")).ok
    secret = functools.partial(api.request, "GET", kinds.SECRET.path(SYSTEM, "fra1"))
    held = "isochrone.dev/in-use"
    until(lambda: secret().body["metadata"], holds=lambda found: held in found.get("finalizers", ()), why=why)


def test_another_token_is_used_at_once(plane: ControlPlane, api: Client, operator: OperatorProcess) -> None:
    hand_over(api, "fra1", token(api, "second"))
    asked = functools.partial(_asked_as, plane, f"system:serviceaccount:{FLEET}:second")
    until(asked, why=operator.tail)
    until(lambda: condition(api, "fra1", "Reachable")[0], holds=lambda found: found == "True", why=operator.tail)


def _asked_as(plane: ControlPlane, user: str) -> bool:
    return any(event["user"]["username"] == user for event in plane.audit_events())
