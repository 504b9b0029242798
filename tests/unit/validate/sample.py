"""Small objects to build worlds of: valid as they are, with the fields under test given by the caller."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from isochrone import manifests
from isochrone.validate import Finding, Severity, validate

Json = dict[str, Any]
API = "isochrone.dev/v1alpha1"
SHA = "a" * 63

FAR: Json = {"gateway": {"advertise": {"host": "gw.example.com"}}, "cluster": {"type": "Remote"}, "delivery": "Pull"}
TEAM: Json = {"selector": {"matchLabels": {"team": "ai"}}}
EVERY: Json = {"selector": {}}


def obj(kind: str, name: str, spec: Json, *, ns: str = "", **metadata: Any) -> Json:
    named = {"name": name, **({"namespace": ns} if ns else {}), **metadata}
    return {"apiVersion": API, "kind": kind, "metadata": named, "spec": spec}


def edge(name: str = "fra", iata: str = "FRA", *, labels: Json | None = None, **spec: Any) -> Json:
    if "place" not in spec:
        spec["place"] = {"iata": iata}
    if spec.get("gateway") == FAR["gateway"]:  # no two sites have one address
        spec["gateway"] = {"advertise": {"host": f"{name}.example.com"}}
    return obj("EdgeNode", name, spec, labels=labels or {})


def pool(name: str = "h100", site: str = "fra", *, labels: Json | None = None, **spec: Any) -> Json:
    device = {"product": "NVIDIA-H100", "memory": "80Gi", "resourceName": "nvidia.com/gpu"}
    at = {} if "edgeNodeSelector" in spec else {"edgeNodeRef": {"name": site}}
    whole = {
        **at,
        "device": device,
        "nodes": 1,
        "devicesPerNode": 8,
        "pricePerDeviceHour": "2.95",
        "allowedNamespaces": {"names": ["shop"]},
    }
    return obj("GPUPool", name, {**whole, **spec}, labels=labels or {})


def serving(**fields: Any) -> Json:
    return {"engine": {"type": "VLLM"}, "weights": {"uri": "pvc://models/chat"}, **fields}


def route(name: str = "chat", *, ns: str = "shop", labels: Json | None = None, **spec: Any) -> Json:
    if "tiers" not in spec and "serving" not in spec:
        spec["serving"] = serving()
    return obj("ModelRoute", name, spec, ns=ns, labels=labels or {})


def needs(**resources: Any) -> Json:
    return serving(resources=resources)


def tiers(*backends: Json) -> list[Json]:
    return [{"backends": [backend]} for backend in backends]


def to_provider(name: str = "acme", model: str = "large") -> Json:
    return {"provider": {"name": name, "model": model}}


def to_route(name: str, ns: str | None = None) -> Json:
    return {"route": {"name": name, **({"namespace": ns} if ns else {})}}


def endpoint(name: str = "eu", *places: str, **fields: Any) -> Json:
    return {"name": name, "url": "https://api.example.com/v1", "processesIn": list(places) or ["EU"], **fields}


def provider(name: str = "acme", *endpoints: Json, **spec: Any) -> Json:
    whole = {
        "endpoints": list(endpoints) or [endpoint()],
        "models": [{"name": "large", "pricePerMillionTokens": {"input": "1", "output": "2"}}],
        "allowedNamespaces": {"names": ["shop"]},
    }
    return obj("ModelProvider", name, {**whole, **spec})


def policy(name: str = "eu-only", *places: str, exclude: Sequence[str] = (), **spec: Any) -> Json:
    areas = {"include": list(places or ["EU"]), **({"exclude": list(exclude)} if exclude else {})}
    return obj("DataResidencyPolicy", name, {"allow": [{"scope": "Inference", "places": areas}], **spec})


def tenant(name: str = "web", *, ns: str = "shop", key: str = "1", labels: Json | None = None, **spec: Any) -> Json:
    return obj(
        "InferenceTenant", name, {"keys": [{"name": "k", "sha256": SHA + key}], **spec}, ns=ns, labels=labels or {}
    )


def namespace(name: str, **labels: str) -> Json:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def secret(name: str, *keys: str, ns: str = "isochrone-system") -> Json:
    data = dict.fromkeys(keys, "eA==")
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": ns}, "data": data}


def findings(objects: Sequence[Mapping[str, Any]], against: Sequence[Mapping[str, Any]] | None = None) -> list[Finding]:
    old = None if against is None else _read(against).manifests
    return validate(_read(objects).manifests, old)


def said(objects: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each finding as `E Rule Kind namespace/name field`."""
    return [
        f"{'E' if found.severity is Severity.ERROR else 'W'} {found.rule} {found.object} {found.field}".strip()
        for found in findings(objects)
    ]


def _read(objects: Sequence[Mapping[str, Any]]) -> manifests.Reading:
    # Not by PyYAML, which writes `y` without quotes.
    reading = manifests.parse("".join(f"---\n{json.dumps(each, indent=1)}\n" for each in objects).encode(), "x.yaml")
    assert not reading.faults
    return reading
