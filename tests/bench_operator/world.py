"""The network of `tests.bench_plan`, declared in a real API server, and one site beside it that the hub delivers to."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import yaml
from tests.bench_plan import network
from tests.cluster.client import Client
from tests.cluster.fleet import CRDS, SYSTEM

from isochrone.api.resource import API_VERSION
from isochrone.kube import mailbox

Json = dict[str, Any]

NEAR: Final = "near"
"""The site in the hub's own cluster, and the one route that is served there."""
NEAR_NAMESPACE: Final = "near"


def install(api: Client) -> None:
    """What is there before anything is declared."""
    crds = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    apply(api, [*crds, namespace(SYSTEM)])
    for each in crds:
        api.wait_for_condition(each, "Established")


def apply(api: Client, items: Iterable[Json]) -> int:
    """All of them, one after the other; how many they were."""
    count = 0
    for count, each in enumerate(items, 1):  # noqa: B007 - it is returned
        answer = api.apply(each)
        if not answer.ok:
            raise RuntimeError(f"{each['kind']} {each['metadata']['name']}: {answer.message}")
    return count


def namespace(name: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def near() -> Iterator[Json]:
    """One site with GPUs in the hub's cluster, and a route that is served there."""
    yield namespace(NEAR_NAMESPACE)
    yield _object(
        "EdgeNode",
        NEAR,
        {"place": {"iata": "FRA"}, "cluster": {"type": "Local"}, "delivery": "Push"},
        labels={NEAR: "true"},
    )
    yield _object(
        "GPUPool",
        NEAR,
        {
            "edgeNodeSelector": {"matchLabels": {NEAR: "true"}},
            "device": {"product": "NVIDIA-L4", "memory": "24Gi", "resourceName": "nvidia.com/gpu"},
            "nodes": 1,
            "devicesPerNode": 8,
            "pricePerDeviceHour": "0.71",
            "allowedNamespaces": {"selector": {}},
        },
    )
    yield route(cpu=1)


def route(*, cpu: int) -> Json:
    """The route of the near site; its engine asks for so many CPUs."""
    spec = {
        "serving": {
            "engine": {"type": "VLLM"},
            "weights": {"uri": "pvc://models/near", "size": "15Gi"},
            "resources": {"devices": 1, "deviceMemory": "20Gi", "cpu": str(cpu), "memory": "32Gi"},
        },
        "placement": {"edgeNodeSelector": {"matchLabels": {NEAR: "true"}}, "maxSites": 1},
        "tiers": [{"backends": [{"serving": {}}]}],
    }
    return _object("ModelRoute", NEAR, spec, namespace=NEAR_NAMESPACE)


def pulling(*, sites: int, routes: int) -> Iterator[Json]:
    """The network, its sites with their namespaces in the hub."""
    objects = [_without_uid(each) for each in network.objects(sites=sites, routes=routes)]
    yield from map(namespace, network.teams())
    yield from (namespace(mailbox.namespace_of(name)) for name in names(objects))
    yield from objects


def names(objects: Iterable[Json]) -> list[str]:
    """Of the EdgeNodes among these."""
    return [each["metadata"]["name"] for each in objects if each["kind"] == "EdgeNode"]


def policy(*, is_tight: bool) -> Json:
    """The law of Brazil's data: at home and in the United States, or at home alone."""
    [found] = [each for each in network.objects(sites=0, routes=0) if each["metadata"]["name"] == "br-stays"]
    places = ["BR"] if is_tight else ["BR", "US"]
    allow = [{"scope": "Inference", "places": {"include": places}}]
    return _without_uid({**found, "spec": {**found["spec"], "allow": allow}})


def _object(kind: str, name: str, spec: Json, **metadata: Any) -> Json:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}


def _without_uid(item: Json) -> Json:
    metadata = {key: value for key, value in item["metadata"].items() if key != "uid"}
    return {**item, "metadata": metadata}
