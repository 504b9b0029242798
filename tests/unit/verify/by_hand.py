"""Two sites written by hand, without planner and renderer: small enough to ask each part of the verifier by itself.

One policy, `eu`, lets data of Germany be handled in Germany alone, whatever the scope. What the compiled law lets
through may be more: `law(Inference={DE, US})`.
"""

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec
from tests.unit.verify.installation import obj, policy, route, tenant

from isochrone.geo import codes
from isochrone.verify import declared
from isochrone.verify.declared import Declared
from isochrone.verify.gathered import SiteConfig
from isochrone.verify.reach import Reach
from isochrone_gateway.config import Config, Index, Kind
from isochrone_gateway.config.law import encode_row

Json = dict[str, Any]
DE, US, EU, NOWHERE = 0, 1, 2, 3
"""Places: of the site fra1; of iad1 and the provider's endpoint `us`; of its endpoint `eu`; of nobody knows what."""
PLACES: Final = [
    {"codes": ["DE-HE"], "country": "DE", "evidence": "Declared"},
    {"codes": ["US-VA"], "country": "US", "evidence": "Declared"},
    {"codes": ["DE", "FR"], "evidence": "Declared"},
    {"codes": [], "evidence": "Declared"},
]
WITHIN: Final = {
    code: frozenset(codes.parents(code))
    for code in codes.subdivisions()
    if codes.canonical(code) == code and set(codes.parents(code)) != {code[:2]}
}
"""What doesn't simply lie in the country that its code begins with."""
NO_SUM: Final = "0" * 64
HERE: Final = {"type": "Engine", "pool": "shop/chat"}
PEER: Final = {"type": "Peer", "site": "iad1", "pool": "shop/chat"}
US_END: Final = {"type": "Provider", "provider": "acme", "endpoint": "us"}
EU_END: Final = {"type": "Provider", "provider": "acme", "endpoint": "eu"}


def edge(name: str, jurisdiction: str, **spec: Any) -> Json:
    gateway = {"advertise": {"host": f"{name}.example.com"}}
    return obj("EdgeNode", name, {"place": {"jurisdiction": jurisdiction}, "gateway": gateway, **spec})


OBJECTS: Final[list[Json]] = [
    edge("fra1", "DE-HE"),
    edge("iad1", "US-VA"),
    obj(
        "ModelProvider",
        "acme",
        {
            "endpoints": [
                {"name": "eu", "url": "https://eu.example.com/v1", "processesIn": ["DE", "FR"], "storesIn": ["US-VA"]},
                {"name": "us", "url": "https://us.example.com/v1", "processesIn": ["US-VA"]},
            ],
            "models": [{"name": "large"}],
        },
    ),
    route("chat", "shop"),
    policy("eu", ["DE"], {"origins": {"include": ["DE"]}}),
    tenant("web", "shop", 1, origins=["DE"]),
]


def read(objects: Iterable[Mapping[str, Any]] = (), **settings: Any) -> Declared:
    """What is declared, with these objects in place of those of their names, or beside them."""
    made = {(each["kind"], each["metadata"]["name"]): each for each in [*OBJECTS, *objects]}
    return declared.read(list(made.values()), **settings)


def law(**scopes: set[int]) -> Json:
    """The policy `eu` as it is compiled: for each scope the places that it lets through, for those left out DE's."""
    allowed = {"Inference": {DE}, **scopes}
    return {
        "policies": [
            {
                "name": "eu",
                "generation": 1,
                "digest": NO_SUM,
                "scopes": {scope: number for number, scope in enumerate(allowed)},
            }
        ],
        "tables": [{"rows": {"DE": number}} for number in range(len(allowed))],
        "rows": [encode_row(sum(1 << place for place in places)) for places in allowed.values()],
    }


def candidates(*each: tuple[Json, int]) -> Json:
    return {"candidates": [{"target": target, "place": place, "model": "large"} for target, place in each]}


def config(site: str = "fra1", **sections: Any) -> Json:
    """Its JSON: a gateway that sends to engines of its own, to the other one, and to the provider."""
    here, there = (DE, US) if site == "fra1" else (US, DE)
    other = "iad1" if site == "fra1" else "fra1"
    made: Json = {
        "site": {
            "name": site,
            "place": here,
            "listeners": {"data": {"port": 1}, "admin": {"port": 2}, "peer": {"port": 3}},
            "hub": [DE, US],
            "peerTrust": {
                "caBundle": "peer/ca.crt",
                "identity": {"certificate": "peer/tls.crt", "key": "peer/tls.key"},
            },
            "age": {"maxAgeMs": 86_400_000, "hardMaxAgeMs": 2_592_000_000},
        },
        "places": {
            "places": PLACES,
            "aliases": dict(codes.aliases()),
            "within": {code: sorted(above) for code, above in WITHIN.items()},
        },
        "law": law(),
        "routes": [
            {
                "id": "shop/chat",
                "name": "chat",
                "tiers": [
                    candidates((HERE, here), ({**PEER, "site": other}, there)),
                    candidates((EU_END, EU), (US_END, US)),
                ],
            }
        ],
        "engines": [
            {
                "id": "shop/chat",
                "kind": "VLLM",
                "discovery": {
                    "type": "EndpointSlices",
                    "namespace": "shop",
                    "service": "chat-engine",
                    "portName": "http",
                },
            }
        ],
        "providers": [
            {
                "name": "acme",
                "dialect": "OpenAI",
                "endpoints": [
                    {"name": "eu", "baseUrl": "https://eu.example.com/v1", "place": EU, "statePlace": US},
                    {"name": "us", "baseUrl": "https://us.example.com/v1", "place": US},
                ],
                "models": [{"name": "large"}],
            }
        ],
        "tenants": {
            "keys": {f"{1:064x}": {"tenant": "shop/web"}},
            "tenants": [{"id": "shop/web", "routes": ["shop/chat"], "origins": ["DE"]}],
        },
        "peers": [
            {
                "site": other,
                "address": f"{other}.example.com:8443",
                "place": there,
                "uri": f"spiffe://isochrone/site/{other}",
            }
        ],
    }
    return copy.deepcopy({**made, **sections})


def decoded(made: Json) -> Config:
    return msgspec.convert(made, Config)


def site(made: Json) -> SiteConfig:
    """As it would have been gathered, but for what it was stored in."""
    found = decoded(made)
    return SiteConfig(
        site=found.site.name,
        cluster=f"cluster of {found.site.name}",
        where=f"config of {found.site.name}",
        namespace="isochrone-system",
        index_name=f"{found.site.name}-config",
        config=found,
        index=msgspec.convert(INDEX, Index),
        signed_by=(),
        sections=dict.fromkeys(Kind, frozenset()),
        shard_names={kind: kind.value.lower() for kind in Kind},
    )


INDEX: Final = {
    "apiVersion": "config.isochrone.dev/v1",
    "version": "1.1",
    "minReader": "1.0",
    "installation": "isochrone",
    "site": "any",
    "revision": {"epoch": 1, "sequence": 1, "digest": NO_SUM},
    "issuedAt": "2026-01-01T00:00:00Z",
    "shards": [
        {
            "name": "site-0",
            "kind": "Site",
            "sha256": "0" * 64,
            "bytes": 1,
            "documentSha256": "0" * 64,
            "documentBytes": 1,
        }
    ],
    "checksum": "0" * 64,
}


def reaches(known: Declared, *made: Json) -> dict[str, tuple[Reach, SiteConfig]]:
    """All sites, each with what its config lets through."""
    sites = [site(each) for each in made]
    return {each.site: (Reach(known, each), each) for each in sites}
