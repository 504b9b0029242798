"""How often, and by what, others' GPUs are looked at; and what is said where they may not be seen."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.controller.wall import Wall

from isochrone.kube import access
from isochrone.kube.api import Api, Listed
from isochrone.kube.errors import ApiError, Forbidden, NotFound, Unreachable
from isochrone.kube.others import Held, Others
from isochrone.model import PoolAt, Pools

Json = dict[str, Any]
GPU = "nvidia.com/gpu"
NODES, PODS, CLAIMS = "/api/v1/nodes", "/api/v1/pods", "/apis/resource.k8s.io/v1/resourceclaims"
H100 = PoolAt(name="h100", nodes=2, devices_per_node=8, node_selector={"gpu": "h100"}, resource_name=GPU)
L4 = PoolAt(name="l4", nodes=2, devices_per_node=4, node_selector={"gpu": "l4"}, resource_name=GPU)
CLAIMED = PoolAt(name="by-claim", nodes=2, devices_per_node=4, node_selector={"gpu": "l4"}, device_class="gpu")
OURS = {"isochrone.dev/installation": "isochrone", "app.kubernetes.io/component": "engine"}


def node(name: str, gpus: int, **labels: str) -> Json:
    return {"metadata": {"name": name, "labels": labels}, "status": {"capacity": {GPU: str(gpus)} if gpus else {}}}


def pod(on: str, gpus: int, labels: Mapping[str, str] | None = None) -> Json:
    container = {"name": "any", "resources": {"requests": {GPU: str(gpus)}}}
    return {"metadata": {"labels": labels or {}}, "spec": {"nodeName": on, "containers": [container]}}


def claim(on: str, labels: Mapping[str, str] | None = None) -> Json:
    requests = [{"name": "gpu", "exactly": {"deviceClassName": "gpu"}}]
    results = [{"request": "gpu", "driver": "gpu.example.com", "pool": on, "device": "gpu-0"}]
    allocation = {"devices": {"results": results}}
    return {
        "metadata": {"labels": labels or {}},
        "spec": {"devices": {"requests": requests}},
        "status": {"allocation": allocation},
    }


class Cluster(Api):
    """Nodes, pods and claims, as lists of them are answered; and what was listed."""

    def __init__(self, *items: Json, claims: tuple[Json, ...] = ()) -> None:
        found = access.Access(url="https://cluster.invalid", token="none")
        super().__init__(found.url, tls=found.tls())
        self.nodes = [item for item in items if "status" in item]
        self.pods = [item for item in items if "status" not in item]
        self.claims = claims
        self.errors: dict[str, ApiError] = {}
        self.asked: list[tuple[str, str]] = []

    async def recent(self, path: str, *, label_selector: str = "", field_selector: str = "") -> Listed:
        self.asked.append((path, label_selector or field_selector))
        if path in self.errors:
            raise self.errors[path]
        if path == NODES:
            wanted = dict(each.split("=") for each in label_selector.split(",") if each)
            return Listed(
                tuple(each for each in self.nodes if wanted.items() <= each["metadata"]["labels"].items()), ""
            )
        if path == PODS:
            name = field_selector.split(",", maxsplit=1)[0].removeprefix("spec.nodeName=")
            return Listed(tuple(each for each in self.pods if each["spec"]["nodeName"] == name), "")
        return Listed(self.claims, "")


CLUSTER = (
    node("h1", 8, gpu="h100"),
    node("h2", 8, gpu="h100"),
    node("l1", 4, gpu="l4"),
    node("cpu", 0, gpu="h100"),
    pod("h1", 4),
    pod("h1", 2, OURS),
    pod("h2", 1),
    pod("h2", 1),
    pod("l1", 3),
)


def looked(cluster: Cluster, pools: Pools) -> Mapping[str, Held]:
    return asyncio.run(Others(cluster, "isochrone", clock=Wall()).look(pools))


def test_each_pool_has_what_others_hold_on_its_nodes() -> None:
    found = looked(Cluster(*CLUSTER), {"fra1": (H100,), "ber1": (H100, L4)})

    assert found == {
        "fra1": Held(taken={"h100": (2, 4)}),
        "ber1": Held(taken={"h100": (2, 4), "l4": (3,)}),
    }


def test_nothing_is_asked_for_twice_and_no_pod_of_other_nodes() -> None:
    cluster = Cluster(*CLUSTER)
    looked(cluster, {"fra1": (H100,), "ber1": (H100, L4)})

    ended = "status.phase!=Succeeded,status.phase!=Failed"
    assert cluster.asked == [
        (NODES, "gpu=h100"),
        (PODS, f"spec.nodeName=h1,{ended}"),
        (PODS, f"spec.nodeName=h2,{ended}"),
        (NODES, "gpu=l4"),
        (PODS, f"spec.nodeName=l1,{ended}"),
    ]


def test_claims_of_others_count_on_the_nodes_of_the_pool() -> None:
    claims = (claim("l1"), claim("l1", OURS), claim("h1"))
    assert looked(Cluster(*CLUSTER, claims=claims), {"fra1": (CLAIMED,)}) == {"fra1": Held(taken={"by-claim": (1,)})}


def test_a_cluster_without_claims_has_none() -> None:
    cluster = Cluster(*CLUSTER)
    cluster.errors[CLAIMS] = NotFound("the server could not find the requested resource")
    assert looked(cluster, {"fra1": (CLAIMED,)}) == {"fra1": Held()}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (NODES, Held(untold="may not be listed")),
        (PODS, Held(untold="may not be listed")),
        (CLAIMS, Held(taken={"h100": (2, 4)}, untold="may not be listed")),
    ],
)
def test_what_may_not_be_seen_is_said(path: str, expected: Held) -> None:
    cluster = Cluster(*CLUSTER)
    cluster.errors[path] = Forbidden("may not be listed")
    assert looked(cluster, {"fra1": (H100, CLAIMED)}) == {"fra1": expected}


def test_sites_without_pools_ask_for_nothing() -> None:
    cluster = Cluster(*CLUSTER)
    assert looked(cluster, {"fra1": ()}) == {"fra1": Held()}
    assert cluster.asked == []


def test_it_is_looked_at_now_and_then_and_at_once_when_a_pool_is_new() -> None:
    async def story() -> None:
        wall, cluster = Wall(), Cluster(*CLUSTER)
        others = Others(cluster, "isochrone", clock=wall, every=60.0)
        await others.look({"fra1": (L4,)})
        cluster.pods.clear()
        wall.now += 59.0
        assert await others.look({"fra1": (L4,)}) == {"fra1": Held(taken={"l4": (3,)})}
        wall.now += 1.0
        assert await others.look({"fra1": (L4,)}) == {"fra1": Held()}
        cluster.pods.append(pod("h1", 8))
        assert await others.look({"fra1": (H100, L4)}) == {"fra1": Held(taken={"h100": (8,)})}
        cluster.pods.clear()
        wall.now -= 3600.0
        assert await others.look({"fra1": (H100, L4)}) == {"fra1": Held()}, "a clock that was put back"

    asyncio.run(story())


def test_what_was_seen_holds_while_the_api_server_does_not_answer() -> None:
    async def story() -> None:
        wall, cluster = Wall(), Cluster(*CLUSTER)
        others = Others(cluster, "isochrone", clock=wall, every=60.0)
        seen = await others.look({"fra1": (L4,)})
        cluster.errors[PODS] = Unreachable("does not answer")
        wall.now += 60.0
        assert await others.look({"fra1": (L4,)}) == seen
        found = await others.look({"fra1": (L4,), "ber1": (L4,)})
        assert found == {**seen, "ber1": Held(untold="does not answer")}
        cluster.errors[PODS] = Forbidden("may not be listed")
        wall.now += 60.0
        assert (await others.look({"fra1": (L4,)}))["fra1"] == Held(untold="may not be listed"), "not for ever"

    asyncio.run(story())
