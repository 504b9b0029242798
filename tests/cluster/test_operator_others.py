"""Pods of others take GPUs at a site, and give them back: at one that the hub pushes to, and at one that pulls."""

import base64
import functools
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import yaml
from tests.cluster import accounts
from tests.cluster.accounts import PULL, PUSH, SITE_OPERATOR
from tests.cluster.fleet import SYSTEM, Fleet, Member, Site
from tests.cluster.network import weights
from tests.cluster.operators import OperatorProcess
from tests.cluster.waiting import until

from isochrone.render.joining import Joining

Json = Mapping[str, Any]
T = TypeVar("T")

GROUP: Final = "isochrone.dev/v1alpha1"
LIMIT: Final = 300.0
SITES: Final = ("cdg1", "iad1")
_SITE: Final = """
kind: EdgeNode
metadata: {name: NAME}
spec:
  place: {iata: IATA}
  cluster: CLUSTER
  gateway: {replicas: 1}
---
kind: GPUPool
metadata: {name: NAME-h100}
spec:
  edgeNodeRef: {name: NAME}
  device: {product: NVIDIA-H100-80GB-HBM3, memory: 80Gi, resourceName: nvidia.com/gpu}
  nodes: 2
  devicesPerNode: 8
  pricePerDeviceHour: "PRICE"
  tolerations: [{key: nvidia.com/gpu, operator: Exists}]
  allowedNamespaces: {names: [demo]}
"""
_PUSH: Final = "{type: Kubeconfig, kubeconfigSecretRef: {name: cdg1, key: kubeconfig}}"
_ROUTE: Final = """
kind: ModelRoute
metadata: {name: NAME, namespace: demo}
spec:
  modelName: NAME
  serving:
    engine: {type: VLLM}
    weights: {uri: pvc://models/bge-m3, size: 3Gi}
    resources: {devices: 1, cpu: 2, memory: 8Gi}
  placement: {strategy: Cheapest, minSites: 1, maxSites: 1}
  tiers: [{backends: [{serving: {}}]}]
"""


class Crowd:
    """A hub without a site, two sites, and whoever else works there."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        accounts.let_in(fleet, is_local=False)
        self.fleet, self.hub = fleet, fleet.hub
        way = folder / "hub.kubeconfig"
        way.write_bytes(accounts.way_in(fleet.hub, PULL))
        more = ["--site", "iad1", "--hub-kubeconfig", str(way)]
        self.operators = (
            OperatorProcess(accounts.way_in(fleet.hub, "hub-a"), folder, "hub-a"),
            OperatorProcess(accounts.way_in(fleet["iad1"], SITE_OPERATOR), folder, "site-iad1", more=more),
        )

    def prepare(self) -> None:
        """Paris is a little cheaper, but not so much that anything would move there."""
        for name in SITES:
            for each in weights():
                apply(self.fleet[name], each)
        kubeconfig = base64.b64encode(accounts.way_in(self.fleet["cdg1"], PUSH)).decode()
        metadata = {"name": "cdg1", "namespace": SYSTEM}
        apply(self.hub, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo"}})
        apply(
            self.hub, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"kubeconfig": kubeconfig}}
        )
        self.declare(_SITE, NAME="cdg1", IATA="CDG", CLUSTER=_PUSH, PRICE="2.90")
        self.declare(_SITE, NAME="iad1", IATA="IAD", CLUSTER="{type: Remote}\n  delivery: Pull", PRICE="2.95")

    def declare(self, text: str, **filled: str) -> None:
        for name, value in filled.items():
            text = text.replace(name, value)
        for each in yaml.safe_load_all(text):
            apply(self.hub, {"apiVersion": GROUP, **each})

    def engines(self, site: str) -> dict[str, str]:
        """Route -> the uid of its Deployment there, if all of it is ready."""
        listed = self.fleet[site].api.request("GET", "/apis/apps/v1/namespaces/demo/deployments").body["items"]
        return {
            each["metadata"]["labels"]["isochrone.dev/model-route"]: each["metadata"]["uid"]
            for each in listed
            if each["status"].get("readyReplicas", 0) == each["spec"]["replicas"]
        }

    def placed(self, *sites: str) -> list[set[str]]:
        return [set(self.engines(site)) for site in sites]

    def condition(self, kind: str, name: str, which: str) -> str:
        metadata = {"name": name, **({"namespace": "demo"} if kind == "ModelRoute" else {})}
        status = self.hub.api.get({"apiVersion": GROUP, "kind": kind, "metadata": metadata}).body.get("status", {})
        found = [each for each in status.get("conditions", ()) if each["type"] == which]
        return f"{found[0]['status']} {found[0]['reason']}: {found[0]['message']}" if found else ""

    def held_by_others(self, pool: str) -> int | None:
        item = {"apiVersion": GROUP, "kind": "GPUPool", "metadata": {"name": pool}}
        found: int | None = self.hub.api.get(item).body.get("status", {}).get("devicesOfOthers")
        return found

    def until(self, observe: Callable[[], T], holds: Callable[[T], bool]) -> T:
        return until(observe, holds=holds, limit=LIMIT, why=self._tails)

    def _tails(self) -> str:
        said = [self.condition("ModelRoute", name, "Placed") for name in ("one", "two")]
        return "\n".join([*said, *(f"--- {each.name}\n{each.tail()}" for each in self.operators)])


def apply(site: Site, item: Json) -> None:
    answer = site.api.apply(dict(item))
    assert answer.ok, answer.message


def training(name: str, gpus: int) -> Json:
    """A pod of somebody else."""
    container = {"name": "train", "image": "train", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
    spec = {"containers": [container], "tolerations": [{"operator": "Exists"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


def occupy(crowd: Crowd, site: str, *gpus: int) -> list[Json]:
    """Pods with so many GPUs each, which run."""
    api = crowd.fleet[site].api
    pods = [training(f"training-{number}", count) for number, count in enumerate(gpus)]
    for each in pods:
        answer = until(functools.partial(api.apply, each), holds=lambda answer: answer.ok)
        assert answer.ok, answer.message
    for each in pods:
        until(lambda each=each: api.get(each).body["status"].get("phase"), "Running")  # type: ignore[misc]
    return pods


@pytest.fixture
def crowd(kube: Path, tmp_path: Path) -> Iterator[Crowd]:
    assert kube.exists()
    with Fleet(Member("cdg1", gateways=2), Member("iad1", gateways=2)) as fleet:
        made = Crowd(fleet, tmp_path)
        try:
            yield made
        finally:
            for each in made.operators:
                each.stop()
        fleet.background.check()


def test_routes_go_where_others_leave_room(crowd: Crowd) -> None:
    in_paris = occupy(crowd, "cdg1", 8, 8)
    crowd.prepare()
    for each in crowd.operators:
        each.start()
    crowd.until(functools.partial(crowd.held_by_others, "cdg1-h100"), lambda held: held == 16)

    crowd.declare(_ROUTE, NAME="one")
    crowd.until(functools.partial(crowd.placed, *SITES), lambda found: found == [set(), {"one"}])
    first = crowd.engines("iad1")

    occupy(crowd, "iad1", 8, 7)
    crowd.until(functools.partial(crowd.held_by_others, "iad1-h100"), lambda held: held == 15)
    crowd.declare(_ROUTE, NAME="two")
    said = crowd.until(functools.partial(crowd.condition, "ModelRoute", "two", "Placed"), bool)
    assert said.startswith("False NoCapacity: 0 of 1 site, 0 of 1 replica: at 2 sites the GPUs are taken; add GPUs")

    for pod in in_paris:
        assert crowd.fleet["cdg1"].api.delete(pod).ok
    crowd.until(functools.partial(crowd.placed, *SITES), lambda found: found == [{"two"}, {"one"}])
    assert crowd.engines("iad1") == first, "nobody has moved whom others left alone"
    assert crowd.held_by_others("iad1-h100") == 15

    _is_seldom_asked(crowd)
    _goes_on_with_an_older_join(crowd)


def _is_seldom_asked(crowd: Crowd) -> None:
    """All pods of a cluster are too many."""
    for site, user in (("cdg1", PUSH), ("iad1", SITE_OPERATOR)):
        asked = [event["requestURI"] for event in crowd.fleet[site].requests_of(user)]
        pods = [uri for uri in asked if uri.startswith("/api/v1/pods?")]
        assert any("spec.nodeName%3Dgpu-1" in uri for uri in pods), pods[:3]
        assert all("labelSelector=" in uri or "spec.nodeName%3Dgpu" in uri for uri in pods), pods


def _goes_on_with_an_older_join(crowd: Crowd) -> None:
    """It did not let the hub see nodes."""
    api = crowd.fleet["cdg1"].api
    name = Joining(site="cdg1").hub_account.name
    item = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    rules = [each for each in api.get(item).body["rules"] if each.get("resources") != ["nodes"]]
    assert api.patch(item, {"rules": rules}).ok
    said = crowd.until(
        functools.partial(crowd.condition, "GPUPool", "cdg1-h100", "Ready"), lambda said: "is not known" in said
    )
    assert said.startswith(
        "True Ready: 16 GPUs at 1 site; what others hold of them at cdg1 is not known (nodes is forb"
    )
    assert "isochrone site join cdg1" in said
    delivered = functools.partial(crowd.condition, "EdgeNode", "cdg1", "Delivered")
    crowd.until(delivered, lambda said: said.startswith("True Delivered"))
    assert set(crowd.engines("cdg1")) == {"two"}
    report = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "report", "namespace": "isochrone-site-iad1"},
    }
    told = json.loads(crowd.hub.api.get(report).body["data"]["report.json"])
    assert told["observation"]["taken"] == {"iad1-h100": [7, 8]}
