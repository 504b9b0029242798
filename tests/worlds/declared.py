"""Random installations as users write them: sites, pools, routes, policies, providers and tenants that meet.

Every object is valid by itself. References mostly lead somewhere, devices are mostly scarce, and the places are few
countries and blocs, so that several rules hold at once.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from tests.worlds.dice import Dice

Json = dict[str, Any]
API = "isochrone.dev/v1alpha1"

AIRPORTS = (
    "FRA",
    "BER",
    "CDG",
    "LYS",
    "DUB",
    "WAW",
    "ZRH",
    "LHR",
    "IAD",
    "SFO",
    "JFK",
    "YYZ",
    "GRU",
    "NRT",
    "SIN",
    "RUN",
)
AREAS = ("EU", "EUTerritories", "DE", "FR", "US", "US-CA", "US-VA", "GB", "CH", "JP", "BR", "RE", "World", "DACH")
ORIGINS = ("DE", "FR", "US", "US-CA", "GB", "JP", "BR", "RE", "EU", "CH")
NAMESPACES = ("shop", "bank", "lab")
CLASSES = ("health", "payments")
GPUS = (("NVIDIA-L4", "24Gi", "0.71"), ("NVIDIA-A100", "80Gi", "1.80"), ("NVIDIA-H100", "80Gi", "2.95"))
EVIDENCE = ("Declared", "Declared", "Contracted", "Attested")


@dataclasses.dataclass(frozen=True)
class Size:
    """How many of each there are, at most."""

    sites: int = 9
    routes: int = 7
    policies: int = 3
    tenants: int = 4
    providers: int = 2


def objects(dice: Dice, size: Size = Size()) -> list[Json]:
    """All objects of an installation. Most are large, with several policies and too few devices."""
    large = dice.chance(80)
    sites = [site(dice, number) for number in range(dice.randint(min(5, size.sites) if large else 1, size.sites))]
    names = [each["metadata"]["name"] for each in sites]
    providers = [provider(dice, number) for number in range(dice.randint(0, size.providers))]
    routes = [f"route-{number}" for number in range(dice.randint(min(4, size.routes) if large else 1, size.routes))]
    homes = {name: dice.choice(NAMESPACES) for name in routes}
    return [
        *(_object("Namespace", name, None, labels=_labels(dice), api="v1") for name in NAMESPACES),
        *sites,
        *(each for name in names for each in pools(dice, name)),
        *([_shared_pool(dice)] if dice.chance(40) else []),
        *(route(dice, name, homes, [each["metadata"]["name"] for each in providers]) for name in routes),
        *(policy(dice, number) for number in range(dice.randint(min(2, size.policies) if large else 0, size.policies))),
        *providers,
        *(tenant(dice, number, homes) for number in range(dice.randint(0, size.tenants))),
    ]


def site(dice: Dice, number: int) -> Json:
    """Some share the hub's cluster, told apart by their nodes; the others have clusters of their own."""
    name = f"site-{number}"
    if dice.chance(3):
        place: Json = {
            "jurisdiction": dice.choice(["DE", "US-CA"]),
            "coordinates": {"latitude": "50.1", "longitude": "8.6"},
        }
    else:
        place = {"iata": "QQQ" if dice.chance(3) else dice.choice(AIRPORTS)}
    evidence = dice.choice(EVIDENCE)
    if evidence != "Declared":
        place |= {"evidence": evidence, "evidenceRef": "contract 7"}
    kind = dice.choice(["Local", "Remote", "Kubeconfig", "GitOps"])
    clusters: dict[str, Json] = {
        "Local": {"cluster": {"type": "Local"}, "nodeSelector": {"site": name}},
        "Remote": {"cluster": {"type": "Remote"}, "delivery": "Pull"},
        "Kubeconfig": {"cluster": {"type": "Kubeconfig", "kubeconfigSecretRef": {"name": name, "key": "kubeconfig"}}},
        "GitOps": {"cluster": {"type": "Remote"}, "delivery": "GitOps"},
    }
    gateway = {
        **dice.field(80, "advertise", {"host": f"{name}.edge.example.com"}),
        **dice.field(60, "hostname", f"{name}.ai.example.com"),
        **dice.field(20, "anonymousAccess", "Allow"),
        **dice.field(20, "autoscaling", {"maxReplicas": 6}),
        **dice.field(30, "serviceType", dice.choice(["LoadBalancer", "NodePort"])),
        **dice.field(20, "tls", {"secretName": "tls"}),
    }
    spec = {
        "place": place,
        **clusters[kind],
        "gateway": gateway,
        **dice.field(50, "egress", {"pricePerGiB": dice.choice(["0", "0.01", "0.09"])}),
        **dice.field(20, "images", {"registryPrefix": "mirror.example.com/x", "pullSecrets": ["pull"]}),
        **dice.field(10, "state", dice.choice(["Draining", "Disabled"])),
    }
    return _object("EdgeNode", name, spec, labels={"region": dice.choice(["east", "west"]), **_labels(dice)})


def pools(dice: Dice, site_name: str) -> list[Json]:
    """Up to two at a site, mostly one."""
    return [
        _pool(dice, f"{site_name}-{i}", {"edgeNodeRef": {"name": site_name}})
        for i in range(dice.choice([0, 1, 1, 1, 2]))
    ]


def _shared_pool(dice: Dice) -> Json:
    return _pool(dice, "shared", {"edgeNodeSelector": {"matchLabels": {"region": dice.choice(["east", "west"])}}})


def _pool(dice: Dice, name: str, at: Json) -> Json:
    product, memory, price = dice.choice(GPUS)
    by = {"deviceClassName": "gpu.example.com"} if dice.chance(20) else {"resourceName": "nvidia.com/gpu"}
    spec = {
        **at,
        "device": {"product": product, "memory": memory, **by},
        "nodes": dice.choice([1, 1, 1, 2, 3]),
        "devicesPerNode": dice.choice([1, 2, 2, 3, 4, 5, 8]),
        "pricePerDeviceHour": price if dice.chance(90) else "0",
        "capacityType": dice.choice(["Reserved", "OnDemand", "OnDemand", "Spot"]),
        "allowedNamespaces": _namespaces(dice),
        **dice.field(8, "maxPriority", 10),
        **dice.field(30, "nodeSelector", {"gpu": "yes"}),
        **dice.field(50, "tolerations", [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]),
    }
    return _object("GPUPool", name, spec, labels=_labels(dice))


def route(dice: Dice, name: str, homes: dict[str, str], providers: Sequence[str]) -> Json:
    """Most have engines of their own; half of them fall back to somebody else."""
    serves = dice.chance(85)
    others = [f"route-{number}" for number in range(len(homes) + 1)]
    tiers = _tiers(dice, others, homes, [*providers, *(["nowhere"] if dice.chance(10) else [])])
    if serves and tiers:
        first = {"serving": {}, **dice.field(30, "weight", dice.randint(1, 9))}
        tiers[0]["backends"] = [first, *(tiers[0]["backends"] if dice.chance(40) else [])]
    if not serves and not tiers:
        tiers = [{"backends": [{"provider": {"name": "nowhere", "model": "large"}}]}]
    spec = {
        **({"serving": _serving(dice)} if serves else {}),
        **({"placement": _placement(dice)} if serves else {}),
        **({"tiers": tiers} if tiers else {}),
        **dice.field(30, "modelName", f"org/{dice.choice([name, name, 'popular'])}"),
        **dice.field(20, "aliases", [dice.choice(["chat", f"alias-{name}"])]),
        **dice.field(20, "dataClasses", [dice.choice(CLASSES)]),
        **dice.field(40, "allowedNamespaces", _namespaces(dice)),
        **dice.field(20, "endpoints", ["Embeddings"]),
    }
    created = f"2026-01-{dice.randint(1, 28):02d}T00:00:00Z"
    return _object(
        "ModelRoute", name, spec, ns=homes[name], labels=_labels(dice), **dice.field(80, "creationTimestamp", created)
    )


def _serving(dice: Dice) -> Json:
    kind = dice.choice(["VLLM", "VLLM", "SGLang", "LlamaCpp", "Custom"])
    engine: Json = {"type": kind, **dice.field(30, "contextLength", 8192), **dice.field(20, "args", ["--seed=1"])}
    if kind == "Custom":
        engine |= {"image": "registry.example.com/engine:1", "port": 9000}
    digest = "sha256:" + "ab" * 32
    weights = dice.choice(
        [
            {"uri": "pvc://models/one"},
            {"uri": "https://models.example.com/one.gguf", "digest": digest, "size": "4Gi"},
            {"uri": "s3://models/one", "digest": digest, "secretName": "s3"},
            {"uri": "hf://org/one", "digest": digest},
            {"uri": f"oci://registry.example.com/one@{digest}"},
        ]
    )
    devices = dice.choice([0, 1, 1, 1, 2, 2, 2, 3, 4])
    needs = {
        "devices": devices,
        **(dice.field(30, "deviceMemory", dice.choice(["20Gi", "60Gi"])) if devices else {}),
        **(dice.field(20, "deviceProducts", ["NVIDIA-H100", "NVIDIA-A100"]) if devices else {}),
        **dice.field(50, "cpu", dice.choice([2, "500m"])),
        **dice.field(50, "memory", "8Gi"),
    }
    replicas = dice.choice([1, 1, 2, 2, 3])
    scaled = dice.chance(15)
    return {
        "engine": engine,
        "weights": weights,
        "resources": needs,
        "replicasPerSite": replicas,
        **({"replicasManagedBy": "Autoscaler", "maxReplicasPerSite": replicas + dice.randint(0, 2)} if scaled else {}),
        **dice.field(60, "priority", dice.choice([-10, 0, 0, 50, 100])),
    }


def _placement(dice: Dice) -> Json:
    least = dice.choice([1, 2, 2, 3, 4])
    objective = {
        "rtt": dice.choice(["25ms", "60ms", "150ms"]),
        **dice.field(50, "percentile", dice.choice([50, 80, 100])),
    }
    return {
        **dice.field(80, "strategy", dice.choice(["Nearest", "Cheapest", "Balanced"])),
        **dice.field(40, "latencyObjective", objective),
        "minSites": least,
        **dice.field(25, "maxSites", least + dice.randint(0, 2)),
        **dice.field(8, "edgeNodeSelector", {"matchLabels": {"region": "east"}}),
        **dice.field(5, "poolSelector", {"matchExpressions": [{"key": "tier", "operator": "Exists"}]}),
        **dice.field(8, "capacityTypes", dice.some(["Reserved", "OnDemand", "Spot"], 1, 2)),
    }


def _tiers(dice: Dice, others: Sequence[str], homes: dict[str, str], providers: Sequence[str]) -> list[Json]:
    return [
        {"backends": [_backend(dice, others, homes, providers) for _ in range(dice.choice([1, 1, 2]))]}
        for _ in range(dice.choice([0, 0, 1, 2]))
    ]


def _backend(dice: Dice, others: Sequence[str], homes: dict[str, str], providers: Sequence[str]) -> Json:
    weight = dice.field(30, "weight", dice.randint(1, 20))
    if providers and dice.chance(60):
        model = "large" if dice.chance(90) else "unheard-of"
        return {"provider": {"name": dice.choice(providers), "model": model}, **weight}
    name = dice.choice(others)
    return {"route": {"name": name, "namespace": homes.get(name, "shop")}, **weight}


def policy(dice: Dice, number: int) -> Json:
    """Binds by one or two dimensions, mostly by origin."""
    binds = {
        **dice.field(60, "origins", _areas(dice, least=1)),
        **dice.field(30, "dataClasses", [dice.choice(CLASSES)]),
        **dice.field(30, "namespaces", {"names": dice.some(NAMESPACES, 1, 2)}),
        **dice.field(15, "routes", {"matchLabels": {"tier": "gold"}}),
        **dice.field(15, "tenants", {"matchLabels": {"tier": "gold"}}),
    }
    others = dice.some(["Ingress", "Weights", "Cache", "State"], 0, 2)
    spec = {
        **dice.field(15, "mode", "Audit"),
        **({"binds": binds} if binds else {}),
        "allow": [_allowance(dice, scope) for scope in ("Inference", *others)],
        **dice.field(85, "unknownOrigin", dice.choice(["Deny", "Bind", "Ignore", "Ignore"])),
    }
    return _object("DataResidencyPolicy", f"policy-{number}", spec)


def _allowance(dice: Dice, scope: str) -> Json:
    least = dice.field(10, "minEvidence", dice.choice(["Contracted", "Attested"]))
    if dice.chance(15):
        return {"scope": scope, "originCountry": "Allow", **least}
    return {"scope": scope, "places": _areas(dice), **dice.field(20, "originCountry", "Allow"), **least}


def _areas(dice: Dice, *, least: int = 0) -> Json:
    include = dice.some([*AREAS, "Atlantis"] if dice.chance(3) else AREAS, least if dice.chance(3) else 4, 9)
    return {"include": include, **dice.field(15, "exclude", dice.some(AREAS[2:10], 1, 2))}


def provider(dice: Dice, number: int) -> Json:
    """One or two endpoints in different places."""
    name = f"provider-{number}"
    endpoints = [
        {
            "name": f"e{i}",
            "url": f"https://{name}-{i}.example.com/v1",
            "processesIn": dice.some(AREAS, 1, 2),
            **dice.field(20, "storesIn", dice.some(AREAS, 1, 2)),
        }
        for i in range(dice.choice([1, 2, 2, 3]))
    ]
    spec = {
        "dialect": dice.choice(["OpenAI", "Anthropic"]),
        "endpoints": endpoints,
        "models": [{"name": "large", "pricePerMillionTokens": {"input": "1", "output": "2"}}],
        "keys": [{"name": "main", "secretRef": {"name": name, "key": "key"}}],
        "allowedNamespaces": _namespaces(dice),
    }
    return _object("ModelProvider", name, spec)


def tenant(dice: Dice, number: int, homes: dict[str, str]) -> Json:
    """Mostly of one or two origins."""
    origins = dice.some(ORIGINS, 1, 3)
    named = [{"name": name, "namespace": homes[name]} for name in dice.some(sorted(homes), 1, 3)]
    spec = {
        "keys": [{"name": "key", "sha256": f"{number:064x}"[:-1] + "a"}],
        **({"origins": origins, **dice.field(40, "originHeader", "Trust")} if dice.chance(80) else {}),
        **dice.field(40, "allowedRoutes", named),
        **dice.field(20, "dataClasses", [dice.choice(CLASSES)]),
        **dice.field(20, "dataClassHeader", "Trust"),
    }
    return _object("InferenceTenant", f"tenant-{number}", spec, ns=dice.choice(NAMESPACES), labels=_labels(dice))


def _namespaces(dice: Dice) -> Json:
    if dice.chance(88):
        return {"selector": {}}
    return (
        {"names": dice.some(NAMESPACES, 1, 2)} if dice.chance(70) else {"selector": {"matchLabels": {"tier": "gold"}}}
    )


def _labels(dice: Dice) -> Json:
    return dice.field(40, "tier", dice.choice(["gold", "iron"]))


def _object(kind: str, name: str, spec: Json | None, *, ns: str = "", api: str = API, **metadata: Any) -> Json:
    named = {"name": name, "uid": f"uid-{kind}-{name}".lower(), **({"namespace": ns} if ns else {}), **metadata}
    return {"apiVersion": api, "kind": kind, "metadata": named, **({"spec": spec} if spec is not None else {})}
