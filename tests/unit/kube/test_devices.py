"""Which devices pods and claims hold, and what that leaves of a pool."""

from typing import Any

import pytest

from isochrone.kube import devices
from isochrone.model import PoolAt

Json = dict[str, Any]
GPU = "nvidia.com/gpu"


def container(gpus: int | str | None = None, **fields: Any) -> Json:
    resources = {} if gpus is None else {"resources": {"requests": {GPU: str(gpus)}, "limits": {GPU: str(gpus)}}}
    return {"name": "any", **resources, **fields}


def pod(*containers: Json, init: tuple[Json, ...] = (), **labels: str) -> Json:
    return {"metadata": {"labels": labels}, "spec": {"containers": list(containers), "initContainers": list(init)}}


def sidecar(gpus: int) -> Json:
    return container(gpus, restartPolicy="Always")


REQUESTED = {
    "a pod without GPUs": (pod(container()), 0),
    "one container": (pod(container(2)), 2),
    "all containers together": (pod(container(2), container(), container(1)), 3),
    "an init container that takes less": (pod(container(2), init=(container(1),)), 2),
    "an init container that takes more": (pod(container(2), init=(container(4),)), 4),
    "init containers run one after the other": (pod(container(1), init=(container(2), container(3))), 3),
    "a sidecar runs beside containers": (pod(container(2), init=(sidecar(1),)), 3),
    "a sidecar runs beside init containers after it": (pod(container(1), init=(sidecar(2), container(3))), 5),
    "a sidecar does not run beside init containers before it": (pod(container(1), init=(container(3), sidecar(2))), 3),
    "a limit without a request": (pod({"resources": {"limits": {GPU: "2"}}}), 2),
    "devices of others": (pod({"resources": {"requests": {"amd.com/gpu": "2"}}}), 0),
    "a number with a suffix": (pod(container("1k")), 1000),
    "no lists at all": ({"metadata": {}, "spec": {}}, 0),
}


@pytest.mark.parametrize(("given", "expected"), REQUESTED.values(), ids=REQUESTED)
def test_what_a_pod_takes(given: Json, expected: int) -> None:
    assert devices.requested(given, GPU) == expected


OURS = {"isochrone.dev/installation": "isochrone", "app.kubernetes.io/component": "engine"}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (OURS, True),
        ({**OURS, "isochrone.dev/installation": "other"}, False),
        ({**OURS, "app.kubernetes.io/component": "gateway"}, False),
        ({}, False),
        (None, False),
    ],
    ids=["an engine", "an engine of another installation", "not an engine", "no labels", "labels that are null"],
)
def test_whose_it_is(labels: Json | None, expected: bool) -> None:
    assert devices.is_ours({"metadata": {"labels": labels}}, "isochrone") is expected


def result(device: str, *, pool: str = "gpu-1", request: str = "gpus", **fields: Any) -> Json:
    return {"request": request, "driver": "gpu.nvidia.com", "pool": pool, "device": device, **fields}


def claim(*results: Json, node: str | None = "gpu-1", requests: tuple[Json, ...] | None = None) -> Json:
    one = {"name": "gpus", "exactly": {"deviceClassName": "gpu.nvidia.com"}}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    where = {"nodeSelector": {"nodeSelectorTerms": [term]}} if node else {}
    spec = {"devices": {"requests": list(requests or (one,))}}
    return {"metadata": {}, "spec": spec, "status": {"allocation": {**where, "devices": {"results": list(results)}}}}


_EITHER = {
    "name": "gpus",
    "firstAvailable": [
        {"name": "large", "deviceClassName": "gpu.nvidia.com"},
        {"name": "small", "deviceClassName": "mig.nvidia.com"},
    ],
}
_OTHER_CLASS = {"name": "gpus", "exactly": {"deviceClassName": "nic.example.com"}}
ALLOCATED = {
    "two of one node": ((claim(result("gpu-0"), result("gpu-1")),), {"gpu-1": 2}),
    "claims of two nodes": (
        (claim(result("gpu-0")), claim(result("gpu-0", pool="gpu-2"), node="gpu-2")),
        {"gpu-1": 1, "gpu-2": 1},
    ),
    "two claims that share one": ((claim(result("gpu-0")), claim(result("gpu-0"))), {"gpu-1": 1}),
    "where the pool alone names the node": ((claim(result("gpu-0"), node=None),), {"gpu-1": 1}),
    "another class": ((claim(result("nic-0"), requests=(_OTHER_CLASS,)),), {}),
    "the first of several that was to be had": (
        (claim(result("gpu-0", request="gpus/large"), requests=(_EITHER,)),),
        {"gpu-1": 1},
    ),
    "the second of them": ((claim(result("mig-0", request="gpus/small"), requests=(_EITHER,)),), {}),
    "who only watches over it": ((claim(result("gpu-0", adminAccess=True)),), {}),
    "a claim that waits": (({"metadata": {}, "spec": {"devices": {"requests": []}}, "status": {}},), {}),
    "a claim of nothing": (({"metadata": {}, "spec": {}},), {}),
}


@pytest.mark.parametrize(("claims", "expected"), ALLOCATED.values(), ids=ALLOCATED)
def test_what_claims_hold(claims: tuple[Json, ...], expected: dict[str, int]) -> None:
    assert devices.allocated(claims, "gpu.nvidia.com") == expected


TAKEN = {
    "nothing": ({}, {"a": 8, "b": 8}, ()),
    "one node": ({"a": 3}, {"a": 8, "b": 8}, (3,)),
    "each node": ({"a": 3, "b": 1}, {"a": 8, "b": 8}, (1, 3)),
    "a node that is not the pool's": ({"c": 3}, {"a": 8, "b": 8}, ()),
    "beside what the pool has of a node": ({"a": 8}, {"a": 16, "b": 8}, ()),
    "partly beside it": ({"a": 11}, {"a": 16, "b": 8}, (3,)),
    "more than the pool has of a node": ({"a": 16}, {"a": 16, "b": 8}, (8,)),
    "fewer than the pool has are in order": ({"a": 3}, {"a": 7, "b": 8}, (3,)),
    "more nodes than the pool has": ({"a": 8, "b": 8}, {"a": 8, "b": 8, "c": 8, "d": 8}, ()),
    "one node more, and two are full": ({"a": 8, "b": 5}, {"a": 8, "b": 8, "c": 8}, (5,)),
    "fewer nodes than the pool has": ({"a": 8}, {"a": 8}, (8,)),
}


@pytest.mark.parametrize(("held", "sizes", "expected"), TAKEN.values(), ids=TAKEN)
def test_what_others_leave_a_pool_less_of(
    held: dict[str, int], sizes: dict[str, int], expected: tuple[int, ...]
) -> None:
    pool = PoolAt(name="h100", nodes=2, devices_per_node=8, resource_name=GPU)
    assert devices.taken(pool, held, sizes) == expected


def test_capacity_is_what_a_node_says() -> None:
    assert devices.capacity({"status": {"capacity": {GPU: "8"}, "allocatable": {GPU: "7"}}}, GPU) == 8
    assert devices.capacity({}, GPU) == 0
