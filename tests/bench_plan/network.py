"""A network of any size to plan for: sites at real airports, three sorts of GPU, routes of all sizes, six laws.

It is the same for the same size, and a larger one holds every site and route of a smaller one. What it is like: a few
large sites with the big GPUs, many small ones, more routes that want to be near than there is room for.
"""

import random
from collections.abc import Iterator
from typing import Any

from isochrone.api import (
    DataResidencyPolicy,
    EdgeNode,
    GPUPool,
    InferenceTenant,
    ModelProvider,
    ModelRoute,
)
from isochrone.api.resource import API_VERSION
from isochrone.geo import places
from isochrone.model import Snapshot

_TEAMS = 20
_TENANTS = 50
_SEED = 20261126
_PRODUCTS: dict[str, dict[str, Any]] = {
    # every so manieth site has it: devices of this memory, so many nodes with so many devices, dollars per hour
    "NVIDIA-L4": {"each": 1, "memory": "24Gi", "nodes": 4, "per_node": 4, "price": "0.71"},
    "NVIDIA-L40S": {"each": 3, "memory": "48Gi", "nodes": 2, "per_node": 8, "price": "1.35"},
    "NVIDIA-H100-80GB-HBM3": {"each": 5, "memory": "80Gi", "nodes": 2, "per_node": 8, "price": "2.95"},
}
_REGIONS = {
    "eu": (["EU"], ["EU"]),
    "uk": (["GB"], ["GB", "EU"]),
    "us": (["US"], ["US"]),
    "in": (["IN"], ["IN"]),
    "br": (["BR"], ["BR", "US"]),
    "jp": (["JP"], ["JP", "KR", "SG"]),
}


def network(*, sites: int, routes: int) -> Snapshot:
    """A snapshot of this size, with nothing running."""
    return Snapshot(
        edge_nodes=tuple(EdgeNode.model_validate(obj) for obj in _sites(sites)),
        pools=tuple(GPUPool.model_validate(obj) for obj in _pools()),
        routes=tuple(ModelRoute.model_validate(obj) for obj in _routes(routes)),
        policies=tuple(DataResidencyPolicy.model_validate(obj) for obj in _policies()),
        providers=(ModelProvider.model_validate(_provider()),),
        tenants=tuple(InferenceTenant.model_validate(obj) for obj in _tenants()),
        namespaces={name: {} for name in teams()},
    )


def objects(*, sites: int, routes: int) -> Iterator[dict[str, Any]]:
    """The same as objects of the API, without the namespaces."""
    yield from (*_sites(sites), *_pools(), *_routes(routes), *_policies(), _provider(), *_tenants())


def teams() -> Iterator[str]:
    """The namespaces of routes and tenants."""
    yield from (f"team-{number}" for number in range(_TEAMS))


def _object(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name, "uid": name, **metadata}, "spec": spec}


def _sites(count: int) -> Iterator[dict[str, Any]]:
    chosen = [code for code, place in places.places().items() if "International" in place.name]
    random.Random(_SEED).shuffle(chosen)
    for number, code in enumerate(chosen[:count]):
        name = code.lower()
        spec = {
            "place": {"iata": code},
            "cluster": {"type": "Remote"},
            "delivery": "Pull",
            "gateway": {"advertise": {"host": f"{name}.edge.example.com"}, "hostname": f"{name}.ai.example.com"},
            "egress": {"pricePerGiB": f"0.0{number % 9}"},
        }
        labels = {product: str(number % each["each"] == 0).lower() for product, each in _PRODUCTS.items()}
        yield _object("EdgeNode", name, spec, labels=labels)


def _pools() -> Iterator[dict[str, Any]]:
    for product, each in _PRODUCTS.items():
        spec = {
            "edgeNodeSelector": {"matchLabels": {product: "true"}},
            "device": {"product": product, "memory": each["memory"], "resourceName": "nvidia.com/gpu"},
            "nodes": each["nodes"],
            "devicesPerNode": each["per_node"],
            "pricePerDeviceHour": each["price"],
            "allowedNamespaces": {"selector": {}},
        }
        yield _object("GPUPool", product.lower(), spec)


def _routes(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        chance = random.Random(_SEED + number)
        devices, memory = chance.choice([(1, "20Gi"), (1, "20Gi"), (1, "40Gi"), (2, "40Gi"), (4, "70Gi"), (8, "70Gi")])
        placement: dict[str, Any] = {"strategy": chance.choice(["Nearest", "Cheapest", "Balanced"])}
        if chance.random() < 0.5:
            placement["latencyObjective"] = {"rtt": chance.choice(["30ms", "50ms", "100ms"])}
        placement["minSites"] = chance.randint(1, 3)
        placement["maxSites"] = placement["minSites"] + chance.randint(0, 12)
        spec = {
            "serving": {
                "engine": {"type": chance.choice(["VLLM", "SGLang"])},
                "weights": {"uri": f"pvc://models/model-{number}", "size": "15Gi"},
                "resources": {"devices": devices, "deviceMemory": memory, "cpu": "4", "memory": "32Gi"},
                "replicasPerSite": chance.randint(1, 3),
                "priority": chance.choice([0, 0, 100, 200]),
            },
            "placement": placement,
            "tiers": [
                {"backends": [{"serving": {}}]},
                {"backends": [{"provider": {"name": "outside", "model": "large"}}]},
            ],
        }
        yield _object("ModelRoute", f"model-{number}", spec, namespace=f"team-{number % _TEAMS}")


def _policies() -> Iterator[dict[str, Any]]:
    for name, (origins, allowed) in _REGIONS.items():
        spec = {
            "binds": {"origins": {"include": origins}},
            "allow": [{"scope": "Inference", "places": {"include": allowed}}],
            "unknownOrigin": "Bind",
        }
        yield _object("DataResidencyPolicy", f"{name}-stays", spec)


def _tenants() -> Iterator[dict[str, Any]]:
    regions = list(_REGIONS.values())
    for number in range(_TENANTS):
        spec: dict[str, Any] = {"keys": [{"name": "main", "sha256": f"{number:064x}"}]}
        if number % 4:
            spec |= {"origins": regions[number % len(regions)][0], "originHeader": "Trust"}
        yield _object("InferenceTenant", f"tenant-{number}", spec, namespace=f"team-{number % _TEAMS}")


def _provider() -> dict[str, Any]:
    spec = {
        "endpoints": [
            {"name": "eu", "url": "https://eu.api.example.com/v1", "processesIn": ["EU"]},
            {"name": "us", "url": "https://api.example.com/v1", "processesIn": ["US"]},
        ],
        "models": [{"name": "large", "pricePerMillionTokens": {"input": "1", "output": "3"}}],
        "allowedNamespaces": {"selector": {}},
    }
    return _object("ModelProvider", "outside", spec)
