"""The smallest config, and one that sets every field: each released version keeps a copy of both, to stay readable."""

from tests.contract.config_cases import ISSUED, sha256

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import (
    DnsName,
    EngineKind,
    EnginePool,
    ServiceEndpoints,
    StaticEndpoints,
)
from isochrone_gateway.config.law import (
    Binds,
    Law,
    Mode,
    Policy,
    Refusal,
    Table,
    UnknownOrigin,
)
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Evidence, Place, Places
from isochrone_gateway.config.providers import (
    Credential,
    Endpoint,
    KeyRotation,
    Provider,
    ProviderModel,
    ProviderTls,
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
    Queue,
    Retry,
    RetryOn,
    Route,
    RouteEndpoint,
    Tier,
    Timeouts,
)
from isochrone_gateway.config.site import (
    Age,
    ClientAddress,
    ClientAddressSource,
    Cors,
    Drain,
    EvidenceKeeping,
    Limits,
    Listener,
    Listeners,
    LogLevel,
    Logs,
    ObjectStorage,
    OnFailure,
    PeerTrust,
    Site,
    TlsFiles,
    UnboundTraffic,
)
from isochrone_gateway.config.tenants import Budget, BudgetAction, BudgetWindow, Key, Tenant, Tenants


def minimal() -> Config:
    """Only what is required, at every level."""
    return Config(
        site=Site(
            name="lab",
            place=0,
            hostname="lab.example.com",
            listeners=Listeners(data=Listener(port=8080), admin=Listener(port=9090)),
            age=Age(max_age_ms=1_000, hard_max_age_ms=1_000),
        ),
        places=Places(places=(Place(codes=frozenset({"CH"}), country="CH"),)),
        law=Law(
            policies=(Policy(name="all", generation=1, digest=sha256("all"), scopes={"Inference": 0}),),
            tables=(Table(),),
        ),
        routes=(
            Route(
                id="lab/chat",
                name="chat",
                tiers=(
                    Tier(
                        candidates=(
                            Candidate(target=EngineTarget(pool="lab/chat"), place=0, model="m"),
                            Candidate(target=PeerTarget(site="home", pool="lab/chat"), place=0, model="m"),
                            Candidate(target=ProviderTarget(provider="p", endpoint="e"), place=0, model="m"),
                        )
                    ),
                ),
            ),
        ),
        engines=(
            EnginePool(
                id="lab/chat",
                kind=EngineKind.CUSTOM,
                discovery=StaticEndpoints(addresses=frozenset({"127.0.0.1:8000"})),
            ),
        ),
        providers=(
            Provider(
                name="p",
                dialect="OpenAI",
                endpoints=(Endpoint(name="e", base_url="https://api.example.com", place=0),),
                models=(ProviderModel(name="m"),),
            ),
        ),
        tenants=Tenants(keys={sha256("k"): Key(tenant="lab/me")}, tenants=(Tenant(id="lab/me"),)),
        peers=(Peer(site="home", address="[::1]:8081", hostname="localhost", place=0),),
    )


def maximal() -> Config:
    """Every field at another value than its default."""
    tls = TlsFiles(certificate="a.crt", key="a.key")
    return Config(
        site=Site(
            name="max",
            place=1,
            hub=frozenset({0, 1}),
            hostname="max.example.com",
            listeners=Listeners(
                data=Listener(port=8080, host="0.0.0.0", tls=tls),
                admin=Listener(port=9090),
                peer=Listener(port=8443),
            ),
            age=Age(max_age_ms=1_000, hard_max_age_ms=2_000),
            jurisdictions={"EU": "eu.example.com"},
            unbound_traffic=UnboundTraffic.DENY,
            anonymous_access=True,
            limits=Limits(
                header_bytes=1,
                body_bytes=2,
                body_memory_bytes=3,
                connections=4,
                header_timeout_ms=5,
                body_timeout_ms=6,
                keep_alive_timeout_ms=7,
                write_stall_timeout_ms=8,
            ),
            drain=Drain(announce_ms=1, max_ms=2),
            client_address=ClientAddress(
                source=ClientAddressSource.PROXY_PROTOCOL, trusted_proxies=frozenset({"10.0.0.0/8", "fd00::/8"})
            ),
            egress_price_per_gib="0.02",
            cors=Cors(origins=frozenset({"https://app.example.com"}), max_age_ms=1),
            logs=Logs(level=LogLevel.WARNING, requests=False, trace_percent=1),
            peer_trust=PeerTrust(ca_bundle="peers/ca.crt", identity=tls),
            evidence=EvidenceKeeping(
                on_failure=OnFailure.COUNT,
                retention_s=1,
                objects=ObjectStorage(
                    endpoint="http://store.example.com:9000",
                    plaintext=True,
                    bucket="evidence",
                    prefix="lab/ca",
                    region="ca-1",
                    place=1,
                    access_key="objects/AWS_ACCESS_KEY_ID",
                    secret_key="objects/AWS_SECRET_ACCESS_KEY",
                    ca_bundle="objects/ca.crt",
                    close_after_s=60,
                ),
            ),
        ),
        places=Places(
            places=(
                Place(
                    codes=frozenset({"CA-QC"}), country="CA", evidence=Evidence.CONTRACTED, latitude=1.5, longitude=2.5
                ),
                Place(codes=frozenset({"GP"}), country="GP", evidence=Evidence.ATTESTED),
            ),
            aliases={"FR-971": "GP"},
            within={"GB-LND": frozenset({"GB-ENG"})},
        ),
        law=Law(
            policies=(
                Policy(
                    name="all.scopes",
                    generation=7,
                    digest=sha256("all"),
                    scopes={
                        "Ingress": 0,
                        "Inference": 1,
                        "Cache": 1,
                        "Logs": 1,
                        "Weights": 1,
                        "Metadata": 1,
                        "State": 2,
                    },
                    mode=Mode.AUDIT,
                    binds=Binds(
                        namespaces=frozenset({"lab"}),
                        routes=frozenset({"lab/chat"}),
                        tenants=frozenset({"lab/me"}),
                        data_classes=frozenset({"health"}),
                    ),
                    unknown_origin=UnknownOrigin.IGNORE,
                    refusal=Refusal(way_out="no", hostnames={"EU": "eu.example.com"}),
                ),
            ),
            tables=(
                Table(rows={"CA": 0, "CA-QC": 1, "US": -1}, otherwise=0, unknown=1),
                Table(unknown="Unbound"),
                Table(otherwise=1, unknown=0),
            ),
            rows=("01", "03"),
        ),
        routes=(
            Route(
                id="lab/chat",
                name="org/chat:latest",
                aliases=frozenset({"chat", "chat-2"}),
                endpoints=frozenset({RouteEndpoint.EMBEDDINGS}),
                data_classes=frozenset({"health"}),
                parameters=Parameters(
                    defaults={"temperature": 0.5, "user": "x", "n": 1, "logprobs": True},
                    caps={"max_tokens": 10, "top_p": 0.9},
                ),
                timeouts=Timeouts(first_byte_ms=1, idle_ms=2, total_ms=3),
                retry=Retry(
                    attempts=2,
                    backoff_base_ms=1,
                    backoff_max_ms=2,
                    jitter_percent=3,
                    budget_percent=4,
                    on=frozenset(RetryOn) - {RetryOn.SERVER_ERROR},
                ),
                queue=Queue(max_requests=1, max_wait_ms=1),
                cache=Cache(ttl_ms=1, max_entry_bytes=2),
                tiers=(
                    Tier(
                        candidates=(
                            Candidate(
                                target=EngineTarget(pool="lab/dns"),
                                place=1,
                                model="m",
                                weight=9,
                                rtt_ms=1,
                                price=Price(input="0", output="0.000000001"),
                            ),
                            Candidate(target=PeerTarget(site="home", pool="lab/chat"), place=0, model="m"),
                            Candidate(target=ProviderTarget(provider="p", endpoint="e"), place=0, model="m"),
                        )
                    ),
                ),
            ),
        ),
        engines=(
            EnginePool(
                id="lab/dns",
                kind=EngineKind.LLAMA_CPP,
                discovery=DnsName(name="engine.lab.svc", port=80),
                health_path="/ok",
                metrics_path=None,
                cache_salt=True,
            ),
            EnginePool(
                id="lab/slices",
                kind=EngineKind.SGLANG,
                discovery=ServiceEndpoints(namespace="lab", service="engine", port_name="http"),
            ),
            EnginePool(
                id="lab/static",
                kind=EngineKind.VLLM,
                discovery=StaticEndpoints(addresses=frozenset({"engine:8000", "[fd00::1]:8000"})),
            ),
        ),
        providers=(
            Provider(
                name="p",
                dialect="Anthropic",
                endpoints=(
                    Endpoint(
                        name="e",
                        base_url="http://api.example.com:8443/v1",
                        place=0,
                        state_place=1,
                        plaintext=True,
                        tls=ProviderTls(ca_bundle="p/ca.crt", server_name="inner.example.com"),
                        models={"m": "eu.m"},
                        body={"inference_geo": "us"},
                        headers={"openai-project": "proj_eu"},
                    ),
                ),
                credentials=(Credential(name="a", file="p/a"), Credential(name="b", file="p/b")),
                rotation=KeyRotation.ROUND_ROBIN,
                models=(
                    ProviderModel(
                        name="m",
                        price=Price(input="3", output="15.5", cached_input="0.3"),
                        context_length=8192,
                        max_output_tokens=1024,
                    ),
                ),
                limits=Rates(requests_per_minute=1, tokens_per_minute=2, concurrent_requests=3),
                headers=frozenset({"anthropic-beta"}),
            ),
        ),
        tenants=Tenants(
            keys={sha256("k"): Key(tenant="lab/me", name="first", expires=ISSUED)},
            tenants=(
                Tenant(
                    id="lab/me",
                    routes=frozenset({"lab/chat"}),
                    origins=frozenset({"CA", "CA-QC"}),
                    origin_header=True,
                    data_classes=frozenset({"health"}),
                    data_class_header=True,
                    limits=Rates(requests_per_minute=1, tokens_per_minute=2, concurrent_requests=3),
                    budgets=(
                        Budget(amount="1", window=BudgetWindow.DAY, action=BudgetAction.REPORT),
                        Budget(amount="2.5", window=BudgetWindow.WEEK),
                    ),
                    or_elsewhere=True,
                    explain=True,
                    suspended=True,
                ),
            ),
        ),
        peers=(
            Peer(
                site="home",
                address="home.example.com:443",
                hostname="home.example.com",
                place=0,
                server_name="home.example.com",
                uri="spiffe://example.com/site/home",
                rtt_ms=5,
            ),
        ),
    )
