"""Claims made from our template are allocated by the real scheduler from real ResourceSlices, and pods are bound.

Nodes are objects without a kubelet: the scheduler needs no more. Their GPUs are what a driver would publish of them.
"""

import asyncio
import collections
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.unit.render.sample import CLASS, S3, case

from isochrone.kube import kubeconfig
from isochrone.kube.others import Look
from isochrone.model import PoolAt

Json = dict[str, Any]

DRIVER: Final = "gpu.nvidia.com"


def told(product: str, memory: str) -> Json:
    return {"attributes": {"productName": {"string": product}}, "capacity": {"memory": {"value": memory}}}


NODES: Final = {
    "h100-a": told("NVIDIA H100 80GB HBM3", "81559Mi"),
    "h100-b": told("NVIDIA H100 80GB HBM3", "81559Mi"),
    "slice": told("NVIDIA H100 80GB HBM3", "20Gi"),
    "a100": told("NVIDIA A100-SXM4-80GB", "81920Mi"),
}
RESOURCES: Final = {
    "devices": 4,
    "cpu": 4,
    "memory": "16Gi",
    "deviceMemory": "80Gi",
    "deviceProducts": ["NVIDIA-H100-80GB-HBM3"],
}
LIMIT: Final = 200.0


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane(Options(controllers=True, scheduler=True)) as made:
        yield made


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Client]:
    with Client(plane.kubeconfig) as client:
        selector = {"cel": {"expression": f'device.driver == "{DRIVER}"'}}
        create(client, "resource.k8s.io/v1", "DeviceClass", DRIVER, spec={"selectors": [selector]})
        yield client


def create(api: Client, version: str, kind: str, name: str, **content: Any) -> None:
    answer = api.create({"apiVersion": version, "kind": kind, "metadata": {"name": name}, **content})
    assert answer.ok, answer.message


def node(api: Client, name: str, tells: Json) -> None:
    """A node that is ready, and the slice of its driver: four devices, and what is told of each."""
    amounts = {"cpu": "64", "memory": "512Gi", "ephemeral-storage": "1Ti", "pods": "110"}
    ready = {"type": "Ready", "status": "True", "reason": "Test", "message": "made by a test"}
    item = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}
    assert api.create(item).ok
    status = {"capacity": amounts, "allocatable": amounts, "conditions": [ready]}
    patched = api.request(
        "PATCH", f"{api.path(item)}/status", {"status": status}, content_type="application/merge-patch+json"
    )
    assert patched.ok, patched.message
    found = [{"name": f"gpu-{index}", **tells} for index in range(4)]
    pool = {"name": name, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "nodeName": name, "pool": pool, "devices": found}
    create(api, "resource.k8s.io/v1", "ResourceSlice", f"{name}-gpus", spec=spec)


def until(api: Client, condition: Callable[[], bool], namespace: str) -> None:
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, [each["status"] for each in items(api, namespace, "pods")]
        time.sleep(0.1)


def items(api: Client, namespace: str, plural: str) -> list[Json]:
    prefix = "/api/v1" if plural == "pods" else "/apis/resource.k8s.io/v1"
    found: list[Json] = api.request("GET", f"{prefix}/namespaces/{namespace}/{plural}").body["items"]
    return found


def applied(api: Client, namespace: str, *, replicas: int) -> None:
    """All objects of a route on GPUs of a device class, in their order."""
    # Nobody says for these nodes that they are alive, so after a while they are tainted.
    pool = {"tolerations": [{"operator": "Exists"}]}
    made = case("VLLM", S3, CLASS, resources=RESOURCES, pool=pool, replicas=replicas)
    for item in made.objects():
        metadata = item["metadata"]
        placed = {"name": namespace} if item["kind"] == "Namespace" else {"namespace": namespace}
        answer = api.apply({**item, "metadata": {**metadata, **placed}})
        assert answer.ok, f"{item['kind']}: {answer.message}"


def bound(api: Client, namespace: str) -> list[str]:
    return sorted(pod["spec"]["nodeName"] for pod in items(api, namespace, "pods") if "nodeName" in pod["spec"])


def test_each_replica_gets_its_devices_on_one_node(plane: ControlPlane, api: Client) -> None:
    for name, tells in NODES.items():
        node(api, name, tells)

    applied(api, "devices", replicas=3)
    until(api, lambda: len(bound(api, "devices")) == 2, "devices")
    until(api, lambda: any(map(unschedulable, items(api, "devices", "pods"))), "devices")

    assert bound(api, "devices") == ["h100-a", "h100-b"], "not where memory is little, nor another product"
    assert allocated(api, "devices") == {"h100-a": 4, "h100-b": 4}

    node(api, "silent", {})
    until(api, lambda: len(bound(api, "devices")) == 3, "devices")
    assert allocated(api, "devices") == {"h100-a": 4, "h100-b": 4, "silent": 4}, "a driver that tells nothing will do"

    assert asyncio.run(seen_by(plane, "isochrone")) == {}, "these are our own"
    # What the API server has in its cache may be a moment old.
    until(api, lambda: asyncio.run(seen_by(plane, "other")) == {"gpu": (4, 4, 4)}, "devices")


async def seen_by(plane: ControlPlane, installation: str) -> Mapping[str, tuple[int, ...]]:
    """What others hold, for an installation whose pool has all these nodes, by their labels."""
    pool = PoolAt(name="gpu", nodes=9, devices_per_node=4, device_class=DRIVER)
    async with kubeconfig.parse(plane.kubeconfig.read_bytes()).api() as there:
        held = await Look(there, installation).at((pool,))
    assert not held.untold
    return held.taken


def allocated(api: Client, namespace: str) -> dict[str, int]:
    """Devices by the pool that they are of."""
    claims = [claim.get("status", {}).get("allocation", {}) for claim in items(api, namespace, "resourceclaims")]
    found = [device["pool"] for each in claims for device in each.get("devices", {}).get("results", [])]
    return collections.Counter(found)


def unschedulable(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", [])
    return any(each.get("reason") == "Unschedulable" for each in conditions)
