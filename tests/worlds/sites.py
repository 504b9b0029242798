"""Installations out of a seed, for what is rendered: all ways to declare a site, a provider, a route and a tenant.

Names are few, so that things meet: routes that claim one name, keys that two tenants have, references that lead
nowhere, places that don't exist. Each object is one that the API server accepts.
"""

import hashlib
import random
from collections.abc import Sequence
from typing import Any

from tests.worlds.build import snapshot

from isochrone.model import Capability, Observed, SiteObservation, Snapshot

Json = dict[str, Any]
API = "isochrone.dev/v1alpha1"
NAMESPACES = ("apps", "bank", "isochrone-system")
SITES = ("ams1", "ber1", "cdg1", "fra1", "iad1", "nrt1", "shared")
AIRPORTS = ("FRA", "BER", "CDG", "IAD", "NRT", "RUN", "ZZZ")
AREAS = ("EU", "DE", "FR", "US", "US-VA", "GB-LND", "World", "Atlantis", "FR-971")
ROUTES = ("chat", "embed", "chat-engine", "isochrone-gateway")
CLASSES = ("health", "payments")
LABELS = ("gold", "silver")


class _Dice(random.Random):
    def chance(self, percent: int) -> bool:
        return self.randrange(100) < percent

    def some(self, items: Sequence[Any], low: int = 1, high: int = 3) -> list[Any]:
        return self.sample(items, self.randint(low, min(high, len(items))))

    def maybe(self, percent: int, **fields: Any) -> Json:
        return fields if self.chance(percent) else {}


def world(seed: int) -> Snapshot:
    """The installation of this seed."""
    dice = _Dice(seed)
    sites = dice.some(SITES, 1, 6)
    objects = [
        *(_edge(dice, name) for name in sites),
        *(_pool(dice, name) for name in sites if dice.chance(60)),
        *(_provider(dice, name) for name in ("acme", "openai") if dice.chance(70)),
        *(_policy(dice, f"policy-{i}") for i in range(dice.randint(0, 3))),
        *(_route(dice, name, ns) for name in ROUTES for ns in NAMESPACES if dice.chance(30)),
        *(_tenant(dice, f"tenant-{i}") for i in range(dice.randint(0, 3))),
        _obj("Namespace", "apps", labels={"tier": dice.choice(LABELS)}),
    ]
    seen = Observed(sites={name: _seen(dice) for name in sites if dice.chance(60)})
    return snapshot(objects, seen, unbound=dice.choice(("Allow", "Deny")))


def _obj(kind: str, name: str, spec: Json | None = None, **metadata: Any) -> Json:
    version = "v1" if kind == "Namespace" else API
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": name, **metadata},
        **({"spec": spec} if spec else {}),
    }


def _born(dice: _Dice) -> Json:
    day = dice.randint(1, 9)
    return {
        **dice.maybe(
            50, creationTimestamp=f"2026-01-0{day}T00:00:00Z", uid=f"00000000-0000-0000-0000-00000000000{day}"
        ),
        **dice.maybe(4, deletionTimestamp="2026-02-01T00:00:00Z"),
    }


def _seen(dice: _Dice) -> SiteObservation:
    return SiteObservation(
        capabilities=frozenset(dice.some(tuple(Capability), 0, 6)),
        kubernetes=(1, dice.choice((33, 34, 36))),
        api_servers=tuple(dice.some(("192.0.2.1:6443", "192.0.2.2:443", "[2001:db8::1]:6443"), 0, 3)),
    )


def _edge(dice: _Dice, name: str) -> Json:
    place: Json = {"iata": dice.choice(AIRPORTS)}
    if dice.chance(20):
        place = {
            "jurisdiction": dice.choice(("DE", "US-CA", "MA-12")),
            "coordinates": {"latitude": "1", "longitude": "2"},
        }
    if dice.chance(20):
        place |= {"evidence": "Contracted", "evidenceRef": "contract 7"}
    spec = {
        "place": place,
        **dice.choice(_CLUSTERS)(name),
        **dice.maybe(30, nodeSelector={"topology.kubernetes.io/zone": name}),
        "gateway": _gateway(dice, name),
        **dice.maybe(30, staleness={"maxAge": "1h30m", "hardMaxAge": "48h"}),
        **dice.maybe(30, egress={"pricePerGiB": "0.05"}),
        **dice.maybe(30, images={"registryPrefix": "mirror.example.com/x", "pullSecrets": ["pull"]}),
        "state": dice.choice(("Active", "Active", "Active", "Draining", "Disabled")),
    }
    return _obj("EdgeNode", name, spec, labels={"tier": dice.choice(LABELS)}, **_born(dice))


_CLUSTERS = (
    lambda _: {"cluster": {"type": "Local"}},
    lambda name: {"cluster": {"type": "Kubeconfig", "kubeconfigSecretRef": {"name": name, "key": "kubeconfig"}}},
    lambda name: {"cluster": {"type": "ClusterProfile", "clusterProfileRef": {"namespace": "fleet", "name": name}}},
    lambda _: {"cluster": {"type": "Remote"}, "delivery": "Pull"},
)


def _gateway(dice: _Dice, name: str) -> Json:
    hosts = (
        f"{name}.edge.example.com",
        f"192.0.2.{1 + SITES.index(name)}",
        f"2001:db8::{1 + SITES.index(name)}",
        f"isochrone-gateway-{name}.isochrone-system.svc",
    )
    return {
        "replicas": dice.randint(1, 3),
        "serviceType": dice.choice(("ClusterIP", "NodePort", "LoadBalancer")),
        **dice.maybe(30, autoscaling={"maxReplicas": 9}),
        **dice.maybe(30, serviceAnnotations={"example.com/balancer": "internal"}),
        **dice.maybe(50, hostname=f"{name}.ai.example.com"),
        **dice.maybe(70, advertise={"host": dice.choice(hosts), "port": dice.choice((8443, 443, 80))}),
        **dice.maybe(30, tls={"secretName": "front-door"}),
        **dice.maybe(30, clientAddress={"source": "ProxyProtocol", "trustedProxies": ["10.0.0.0/8", "2001:db8::/32"]}),
        **dice.maybe(30, corsOrigins=["https://app.example.com"]),
        "anonymousAccess": dice.choice(("Deny", "Allow")),
    }


def _pool(dice: _Dice, site: str) -> Json:
    device = dice.choice(({"resourceName": "nvidia.com/gpu"}, {"deviceClassName": "gpu.nvidia.com"}))
    at = dice.choice(({"edgeNodeRef": {"name": site}}, {"edgeNodeSelector": {"matchLabels": {"tier": "gold"}}}))
    spec = {
        **at,
        "device": {"product": "NVIDIA-L4", "memory": "24Gi", **device},
        "nodes": 2,
        "devicesPerNode": 4,
        "pricePerDeviceHour": "0.71",
        **dice.maybe(30, tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists"}]),
        **dice.maybe(90, allowedNamespaces={"selector": {}}),
    }
    return _obj("GPUPool", f"pool-{site}", spec, **_born(dice))


def _provider(dice: _Dice, name: str) -> Json:
    spec = {
        "dialect": dice.choice(("OpenAI", "Anthropic")),
        "endpoints": [_endpoint(dice, f"e{i}") for i in range(dice.randint(1, 3))],
        **dice.maybe(70, keys=[_key(dice, f"k{i}") for i in range(dice.randint(1, 3))]),
        "models": [
            {
                "name": f"m{i}",
                "pricePerMillionTokens": {"input": "0.15", "output": "0.60", **dice.maybe(50, cachedInput="0.07")},
                **dice.maybe(50, upstreamName=dice.choice(("m0", "gpt-x"))),
                **dice.maybe(50, contextLength=8192, maxOutputTokens=1024),
            }
            for i in range(dice.randint(1, 3))
        ],
        **dice.maybe(30, limits={"requestsPerMinute": 60}),
        **dice.maybe(90, allowedNamespaces={"selector": {}}),
        **dice.maybe(30, headers=["anthropic-beta"]),
    }
    return _obj("ModelProvider", name, spec, **_born(dice))


def _endpoint(dice: _Dice, name: str) -> Json:
    where = dice.choice(
        (
            {"url": "https://eu.api.example.com/v1"},
            {"url": "https://api.example.com:8443"},
            {"url": "http://llm.apps.svc:9000/v1", "plaintext": "Allow"},
            {"url": "http://10.1.2.3/v1", "plaintext": "Allow"},
            {"url": "https://[2001:db8::7]:8000/v1"},
            {"url": "https://llm.corp.example.com", "caSecretRef": {"name": "corp-ca", "key": "ca.crt"}},
        )
    )
    return {
        "name": name,
        **where,
        "processesIn": dice.some(AREAS),
        **dice.maybe(30, storesIn=dice.some(AREAS)),
        **dice.maybe(30, evidence="Attested", evidenceRef="report"),
    }


def _key(dice: _Dice, name: str) -> Json:
    return {
        "name": name,
        "secretRef": {"name": dice.choice(("acme", "openai")), "key": dice.choice(("key", "other.key"))},
    }


def _policy(dice: _Dice, name: str) -> Json:
    selector = {"matchLabels": {"tier": dice.choice(LABELS)}}
    binds = {
        **dice.maybe(60, origins={"include": dice.some(AREAS)}),
        **dice.maybe(30, dataClasses=dice.some(CLASSES)),
        **dice.maybe(30, namespaces=dice.choice(({"names": ["apps"]}, {"selector": selector}, {"selector": {}}))),
        **dice.maybe(30, routes=selector),
        **dice.maybe(30, tenants=selector),
    }
    scopes = ["Inference", *dice.some(("Ingress", "Cache", "Logs", "Weights", "Metadata", "State"), 0, 3)]
    allow = [
        {
            "scope": scope,
            **dice.choice(
                ({"places": {"include": dice.some(AREAS), "exclude": ["FR"]}}, {"places": {"include": ["EU"]}})
            ),
            "originCountry": dice.choice(("Ignore", "Allow")),
            "minEvidence": dice.choice(("Declared", "Contracted")),
        }
        for scope in scopes
    ]
    spec = {
        "binds": binds,
        "allow": allow,
        "mode": dice.choice(("Enforce", "Audit")),
        "unknownOrigin": dice.choice(("Deny", "Bind", "Ignore")),
        **dice.maybe(50, wayOut="Ask the platform team."),
    }
    return _obj("DataResidencyPolicy", name, spec, **_born(dice))


def _route(dice: _Dice, name: str, namespace: str) -> Json:
    serving = dice.choice(_SERVING) if dice.chance(75) else None
    provider = {"provider": {"name": dice.choice(("acme", "openai", "nobody")), "model": dice.choice(("m0", "m1"))}}
    other = {"route": {"namespace": dice.choice(NAMESPACES), "name": dice.choice(("embed", "nothing"))}}
    backends = [{"serving": {}}] if serving else [provider]
    tiers = [{"backends": backends}, {"backends": [{**provider, "weight": dice.randint(0, 2)}, {**other, "weight": 1}]}]
    spec = {
        **dice.maybe(50, modelName=dice.choice(("llama-3.1-8b", "org/model:tag", "chat"))),
        **dice.maybe(40, aliases=dice.some(("gpt", "small", "org/alias"))),
        **dice.maybe(20, endpoints=["Embeddings"]),
        **({"serving": serving} if serving else {}),
        **({"tiers": tiers} if not serving or dice.chance(60) else {}),
        **dice.maybe(60, placement={"minSites": dice.randint(1, 4)}),
        **dice.maybe(50, allowedNamespaces={"selector": {}}),
        **dice.maybe(30, dataClasses=dice.some(CLASSES)),
        **dice.maybe(30, retries={"attempts": 2, "on": ["Timeout"], "backoff": "10ms", "maxBackoff": "1s"}),
        **dice.maybe(30, timeouts={"firstByte": "5s", "idle": "1m", "total": "1h"}),
        **dice.maybe(30, queue={"maxRequests": 0, "maxWait": "0s"}),
        **dice.maybe(30, cache={"mode": "Exact", "ttl": "10m"}),
        **dice.maybe(
            30, parameters={"defaults": {"temperature": "0.7", "topP": "1"}, "caps": {"maxTokens": 9, "choices": 2}}
        ),
    }
    return _obj("ModelRoute", name, spec, namespace=namespace, labels={"tier": dice.choice(LABELS)}, **_born(dice))


_DIGEST = "sha256:" + "0" * 64
_CPU = {"devices": 0, "cpu": "1", "memory": "1Gi"}
_SERVING: tuple[Json, ...] = (
    {"engine": {"type": "VLLM"}, "weights": {"uri": "pvc://models/a"}},
    {"engine": {"type": "SGLang"}, "weights": {"uri": "s3://models/a", "digest": _DIGEST}, "resources": {"devices": 2}},
    {"engine": {"type": "LlamaCpp"}, "weights": {"uri": "hf://a/b/c.gguf", "digest": _DIGEST}, "resources": _CPU},
    {"engine": {"type": "Custom", "image": "x:1", "port": 9000, "healthPath": "/ok"}, "resources": _CPU},
    {
        "engine": {"type": "VLLM"},
        "weights": {"uri": f"oci://registry.example.com/weights@{_DIGEST}"},
        "resources": _CPU,
        "replicasManagedBy": "Autoscaler",
        "maxReplicasPerSite": 3,
    },
)


def _tenant(dice: _Dice, name: str) -> Json:
    keys = [
        {
            "name": f"k{i}",
            "sha256": hashlib.sha256(str(dice.randrange(6)).encode()).hexdigest(),
            **dice.maybe(50, expires=dice.choice(("2027-01-01T00:00:00Z", "2027-01-01T00:00:00.5+02:00"))),
        }
        for i in range(dice.randint(1, 2))
    ]
    refs = [{"name": dice.choice(ROUTES), **dice.maybe(60, namespace=dice.choice(NAMESPACES))} for _ in range(3)]
    spec = {
        "keys": list({each["sha256"]: each for each in keys}.values()),
        **dice.maybe(50, allowedRoutes=refs[: dice.randint(0, 3)]),
        **dice.maybe(70, origins=dice.some(AREAS)),
        **dice.maybe(30, dataClasses=dice.some(CLASSES)),
        "dataClassHeader": dice.choice(("Ignore", "Trust")),
        **dice.maybe(50, limits={"tokensPerMinute": 1000}),
        **dice.maybe(
            50, budgets=[{"window": "Day", "amount": "10.5"}, {"window": "Month", "amount": "9", "action": "Report"}]
        ),
        "state": dice.choice(("Active", "Active", "Suspended")),
    }
    if "origins" in spec:
        spec["originHeader"] = "Trust"
    namespace = dice.choice(NAMESPACES)
    return _obj("InferenceTenant", name, spec, namespace=namespace, labels={"tier": dice.choice(LABELS)}, **_born(dice))
