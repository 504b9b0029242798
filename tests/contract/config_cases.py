"""Configs that several tests load, and signatures to sign them with."""

import datetime as dt
import hashlib
import pathlib

from tests.contract import ed25519

from isochrone_gateway.config import Config, Release, Signer, Verify
from isochrone_gateway.config.engines import (
    EngineKind,
    EnginePool,
    ServiceEndpoints,
)
from isochrone_gateway.config.law import (
    Binds,
    Law,
    Policy,
    Refusal,
    Table,
    encode_row,
)
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Evidence, Place, Places
from isochrone_gateway.config.providers import (
    Credential,
    Endpoint,
    Provider,
    ProviderModel,
)
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import (
    Cache,
    Candidate,
    EngineTarget,
    Parameters,
    PeerTarget,
    Price,
    ProviderTarget,
    Route,
    Tier,
)
from isochrone_gateway.config.site import (
    Age,
    Listener,
    Listeners,
    PeerTrust,
    Site,
    TlsFiles,
)
from isochrone_gateway.config.tenants import Budget, BudgetWindow, Key, Tenant, Tenants

FILES = pathlib.Path(__file__).parent / "config"
ISSUED = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
RELEASE = Release(installation="acme", epoch=1, sequence=42, issued_at=ISSUED)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def sign_as(key_id: str) -> Signer:
    """Sign with the key that this id stands for in tests."""
    return Signer(key_id=key_id, sign=lambda message: ed25519.sign(_secret(key_id), message))


def public_key(key_id: str) -> bytes:
    """The 32 bytes of the key that this id stands for."""
    return ed25519.public_key(_secret(key_id))


def trust(*key_ids: str) -> Verify:
    """Trust the keys that these ids stand for."""
    public = {key_id: public_key(key_id) for key_id in key_ids}

    def verify(key_id: str, message: bytes, signature: bytes) -> bool:
        return key_id in public and ed25519.verify(public[key_id], message, signature)

    return verify


def _secret(key_id: str) -> bytes:
    return hashlib.sha256(key_id.encode()).digest()


def example() -> Config:
    """Frankfurt, with peers in Paris and Ashburn, a provider in two countries and one law for health data."""
    europe = encode_row(0b1011)
    return Config(
        site=Site(
            name="fra",
            place=0,
            hostname="fra.ai.example.com",
            listeners=Listeners(
                data=Listener(port=8080),
                admin=Listener(port=9090, host="127.0.0.1"),
                peer=Listener(port=8443, tls=TlsFiles(certificate="site/tls.crt", key="site/tls.key")),
            ),
            age=Age(max_age_ms=900_000, hard_max_age_ms=86_400_000),
            jurisdictions={"EU": "eu.ai.example.com", "US": "us.ai.example.com"},
            peer_trust=PeerTrust(
                ca_bundle="peers/ca.crt",
                identity=TlsFiles(certificate="site/tls.crt", key="site/tls.key"),
            ),
        ),
        places=Places(
            places=(
                Place(
                    codes=frozenset({"DE"}), country="DE", evidence=Evidence.ATTESTED, latitude=50.03, longitude=8.56
                ),
                Place(
                    codes=frozenset({"FR"}), country="FR", evidence=Evidence.ATTESTED, latitude=49.01, longitude=2.55
                ),
                Place(codes=frozenset({"US-VA"}), country="US", latitude=38.94, longitude=-77.46),
                Place(codes=frozenset({"IE", "NL"}), evidence=Evidence.CONTRACTED),
            ),
            aliases={"FR-971": "GP"},
        ),
        law=Law(
            policies=(
                Policy(
                    name="health-data-stays-in-europe",
                    generation=3,
                    digest=sha256("health-data-stays-in-europe"),
                    scopes={"Inference": 0},
                    binds=Binds(data_classes=frozenset({"health"})),
                    refusal=Refusal(
                        way_out="Health data is processed in the EU only.",
                        hostnames={"EU": "eu.ai.example.com"},
                    ),
                ),
            ),
            tables=(Table(rows={"DE": 0, "FR": 0, "US": -1}, otherwise=0),),
            rows=(europe,),
        ),
        routes=(
            Route(
                id="clinic/notes",
                name="notes",
                data_classes=frozenset({"health"}),
                tiers=(
                    Tier(
                        candidates=(
                            Candidate(target=EngineTarget(pool="clinic/notes"), place=0, model="qwen3-8b"),
                            Candidate(
                                target=PeerTarget(site="par", pool="clinic/notes"),
                                place=1,
                                model="qwen3-8b",
                                rtt_ms=9,
                            ),
                        )
                    ),
                ),
            ),
            Route(
                id="shop/chat",
                name="chat",
                aliases=frozenset({"gpt-4o-mini"}),
                parameters=Parameters(defaults={"temperature": 0.7}, caps={"max_tokens": 4096}),
                cache=Cache(ttl_ms=600_000),
                tiers=(
                    Tier(
                        candidates=(
                            Candidate(
                                target=PeerTarget(site="iad", pool="shop/chat"),
                                place=2,
                                model="llama-3.1-8b",
                                rtt_ms=88,
                                price=Price(input="0.02", output="0.05"),
                            ),
                        )
                    ),
                    Tier(
                        candidates=(
                            Candidate(
                                target=ProviderTarget(provider="openai", endpoint="europe"),
                                place=3,
                                model="gpt-4o-mini",
                                rtt_ms=24,
                                price=Price(input="0.15", output="0.60"),
                            ),
                        )
                    ),
                ),
            ),
        ),
        engines=(
            EnginePool(
                id="clinic/notes",
                kind=EngineKind.VLLM,
                discovery=ServiceEndpoints(namespace="clinic", service="notes-engine", port_name="http"),
                cache_salt=True,
            ),
        ),
        providers=(
            Provider(
                name="openai",
                dialect="OpenAI",
                endpoints=(Endpoint(name="europe", base_url="https://eu.api.openai.com/v1", place=3),),
                credentials=(Credential(name="primary", file="providers/openai/primary"),),
                models=(ProviderModel(name="gpt-4o-mini", price=Price(input="0.15", output="0.60")),),
                headers=frozenset({"openai-organization", "openai-project"}),
            ),
        ),
        tenants=Tenants(
            keys={
                sha256("a key of the clinic"): Key(tenant="clinic/ward"),
                sha256("a key of the shop"): Key(
                    tenant="shop/web", name="first", expires=ISSUED + dt.timedelta(days=30)
                ),
                sha256("the shop's next key"): Key(tenant="shop/web", name="next"),
            },
            tenants=(
                Tenant(
                    id="clinic/ward",
                    routes=frozenset({"clinic/notes"}),
                    origins=frozenset({"DE", "FR"}),
                    origin_header=True,
                ),
                Tenant(
                    id="shop/web",
                    limits=Rates(requests_per_minute=600, tokens_per_minute=200_000),
                    budgets=(Budget(amount="250.00", window=BudgetWindow.MONTH),),
                ),
            ),
        ),
        peers=(
            Peer(
                site="iad",
                address="iad.ai.example.com:8443",
                hostname="iad.ai.example.com",
                place=2,
                server_name="iad.ai.example.com",
                rtt_ms=88,
            ),
            Peer(
                site="par",
                address="par.ai.example.com:8443",
                hostname="par.ai.example.com",
                place=1,
                server_name="par.ai.example.com",
                rtt_ms=9,
            ),
        ),
    )
