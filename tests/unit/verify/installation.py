"""A small installation in which every part of the law matters: sites in four countries, peers, providers, tenants."""

from typing import Any

Json = dict[str, Any]
API = "isochrone.dev/v1alpha1"


def obj(kind: str, name: str, spec: Json, *, ns: str | None = None, **metadata: Any) -> Json:
    home = {"namespace": ns} if ns else {}
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name, **home, **metadata}, "spec": spec}


def site(name: str, iata: str, **gateway: Any) -> Json:
    place: Json = {"iata": iata}
    if iata == "FRA":
        place |= {"evidence": "Contracted", "evidenceRef": "contract 7"}
    spec = {
        "place": place,
        "cluster": {"type": "Remote"},
        "delivery": "GitOps",
        "gateway": {"advertise": {"host": f"{name}.edge.example.com"}, **gateway},
    }
    return obj("EdgeNode", name, spec)


def route(name: str, ns: str, *, provider: bool = True, **spec: Any) -> Json:
    serving = {
        "engine": {"type": "VLLM"},
        "weights": {"uri": "https://models.example.com/one", "digest": "sha256:" + "ab" * 32, "size": "1Gi"},
        "resources": {"devices": 0, "cpu": 1, "memory": "1Gi"},
    }
    tiers: list[Json] = [{"backends": [{"serving": {}}]}]
    if provider:
        tiers.append({"backends": [{"provider": {"name": "acme", "model": "large"}}]})
    return obj("ModelRoute", name, {"serving": serving, "placement": {"minSites": 4}, "tiers": tiers, **spec}, ns=ns)


def policy(name: str, inference: list[str], binds: Json | None = None, *others: Json, **spec: Any) -> Json:
    allow = [{"scope": "Inference", "places": {"include": inference}}, *others]
    return obj("DataResidencyPolicy", name, {**({"binds": binds} if binds else {}), "allow": allow, **spec})


def tenant(name: str, ns: str, number: int, **spec: Any) -> Json:
    return obj("InferenceTenant", name, {"keys": [{"name": "main", "sha256": f"{number:064x}"}], **spec}, ns=ns)


PROVIDER = obj(
    "ModelProvider",
    "acme",
    {
        "endpoints": [
            {"name": "eu", "url": "https://eu.acme.example.com/v1", "processesIn": ["DE", "FR"], "storesIn": ["US"]},
            {
                "name": "us",
                "url": "https://us.acme.example.com/v1",
                "processesIn": ["US"],
                "requestBody": [{"name": "inference_geo", "value": "us"}],
                "requestHeaders": [{"name": "acme-project", "value": "us-1"}],
            },
        ],
        "models": [{"name": "large", "pricePerMillionTokens": {"input": "1", "output": "3"}}],
        "allowedNamespaces": {"selector": {}},
    },
)
OBJECTS: list[Json] = [
    site("fra1", "FRA"),
    site("cdg1", "CDG"),
    site("iad1", "IAD", anonymousAccess="Allow"),
    site("nrt1", "NRT"),
    route("chat", "shop"),
    route("scan", "clinic", dataClasses=["health"]),
    route("score", "bank", provider=False),
    policy(
        "eu",
        ["EU"],
        {"origins": {"include": ["EU"]}},
        {"scope": "State", "places": {"include": ["FR"]}},
        unknownOrigin="Bind",
    ),
    policy("health", ["DE", "US"], {"dataClasses": ["health"]}),
    policy("bank", ["DE"], {"namespaces": {"names": ["bank"]}}, {"scope": "Weights", "places": {"include": ["EU"]}}),
    policy("gold", ["DE", "FR", "US"], {"tenants": {"matchLabels": {"tier": "gold"}}}),
    policy("chats", ["World"], {"routes": {"matchLabels": {"app": "chat"}}}, unknownOrigin="Ignore"),
    policy(
        "known",
        ["DE"],
        {"dataClasses": ["secret"]},
        {"scope": "Ingress", "places": {"include": ["EU"]}, "minEvidence": "Contracted"},
    ),
    policy("home", ["JP", "US"], {"origins": {"include": ["JP"]}}, unknownOrigin="Ignore"),
    PROVIDER,
    tenant("web", "shop", 1, origins=["DE", "FR"], originHeader="Trust"),
    tenant("far", "shop", 2, origins=["US", "JP"], dataClassHeader="Trust"),
    {**tenant("vip", "shop", 3), "metadata": {"name": "vip", "namespace": "shop", "labels": {"tier": "gold"}}},
    tenant("ward", "clinic", 4, origins=["US"], dataClasses=["secret"]),
    tenant("teller", "bank", 5, origins=["DE", "Atlantis"]),
]
