"""Our gateway: with all that it can do for a request, the same not compiled, and with as little as can be asked."""

import dataclasses
import datetime as dt
import hashlib
import importlib.metadata
from pathlib import Path

from tests.bench.subjects import built
from tests.bench.subjects.subject import ALL, MODEL, UPSTREAM_ADDRESSES, UPSTREAM_MODEL, Launch, Load, Setup, Subject

from isochrone_gateway.config import Config, Release, encode_index, shard
from isochrone_gateway.config.engines import EngineKind, EnginePool, StaticEndpoints
from isochrone_gateway.config.law import Binds, Law, Policy, Table, encode_row
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Candidate, EngineTarget, Route, Tier
from isochrone_gateway.config.site import Age, Drain, EvidenceKeeping, Listener, Listeners, Logs, Site, TlsFiles
from isochrone_gateway.config.tenants import Key, Tenant, Tenants
from isochrone_gateway.source import files

_ISSUED = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
_ROUTE = "bench/chat"
_HOUR_MS = 3_600_000
_TENANTS = 10_000
_UNREACHED = 1_000_000_000
"""A limit that is counted against, and never met."""
MISSING = ("the exact cache",)
"""What the design counts among all features and the gateway doesn't do yet. Who adds one strikes it out here."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Features:
    """What a config asks of the gateway for each request."""

    tenants: int
    """Each with a key of its own and two limits; none: anybody may call."""
    policies: bool
    """Three that bind every request."""
    log_percent: int
    trace_percent: int
    evidence: bool
    """Where each request is sent is written down before, and signed."""
    engines: int = 1


EVERYTHING = Features(tenants=_TENANTS, policies=True, log_percent=100, trace_percent=1, evidence=True)
UNSIGNED = dataclasses.replace(EVERYTHING, evidence=False)
BARE = Features(tenants=0, policies=False, log_percent=0, trace_percent=0, evidence=False)
MANY_TENANTS = dataclasses.replace(EVERYTHING, tenants=1_000, engines=UPSTREAM_ADDRESSES)
"""For the memory run. If one engine fails too often and is left alone for a while, others answer."""


def api_key(number: int) -> str:
    """The key of the tenant with this number."""
    return f"sk-bench-{number:06d}-" + hashlib.sha256(str(number).encode()).hexdigest()[:40]


def config(setup: Setup, features: Features) -> Config:
    """One site in Germany, one route, and one engine: the upstream."""
    tls = TlsFiles(certificate=setup.certificate.name, key=setup.key.name) if setup.load is Load.TLS else None
    addresses = frozenset(f"127.0.0.{number}:{setup.upstream}" for number in range(1, 1 + features.engines))
    answered = Candidate(target=EngineTarget(pool=_ROUTE), place=0, model=UPSTREAM_MODEL)
    return Config(
        site=Site(
            name="bench",
            place=0,
            listeners=Listeners(
                data=Listener(host="127.0.0.1", port=setup.port, tls=tls),
                admin=Listener(host="127.0.0.1", port=setup.admin),
            ),
            age=Age(max_age_ms=_HOUR_MS, hard_max_age_ms=_HOUR_MS),
            anonymous_access=not features.tenants,
            drain=Drain(announce_ms=0, max_ms=1_000),
            logs=Logs(requests=features.log_percent > 0, trace_percent=features.trace_percent),
            evidence=EvidenceKeeping() if features.evidence else None,
        ),
        places=Places(places=tuple(Place(codes=frozenset({code}), country=code) for code in ("DE", "FR", "US"))),
        law=_law() if features.policies else Law(),
        routes=(Route(id=_ROUTE, name=MODEL, tiers=(Tier(candidates=(answered,)),)),),
        engines=(EnginePool(id=_ROUTE, kind=EngineKind.VLLM, discovery=StaticEndpoints(addresses=addresses)),),
        tenants=_tenants(features.tenants),
    )


def _law() -> Law:
    """Personal data, this namespace and this route: each has a policy, and all of them bind each request."""
    bindings = {
        "personal-data": Binds(data_classes=frozenset({"personal"})),
        "namespace": Binds(namespaces=frozenset({"bench"})),
        "route": Binds(routes=frozenset({_ROUTE})),
    }
    policies = tuple(
        Policy(
            name=name,
            generation=1,
            digest=hashlib.sha256(name.encode()).hexdigest(),
            scopes={"Inference": index},
            binds=binds,
        )
        for index, (name, binds) in enumerate(bindings.items())
    )
    germany, germany_or_france = 0b001, 0b011
    tables = tuple(Table(rows={"DE": index}) for index in range(3))
    rows = tuple(map(encode_row, (germany_or_france, germany, germany_or_france | 0b100)))
    return Law(policies=policies, tables=tables, rows=rows)


def _tenants(count: int) -> Tenants:
    tenants = tuple(
        Tenant(
            id=f"bench/tenant-{number:06d}",
            origins=frozenset({"DE"}),
            data_classes=frozenset({"personal"}),
            limits=Rates(requests_per_minute=_UNREACHED, concurrent_requests=_UNREACHED),
        )
        for number in range(count)
    )
    keys = {
        hashlib.sha256(api_key(number).encode()).hexdigest(): Key(tenant=tenant.id, name="main")
        for number, tenant in enumerate(tenants)
    }
    return Tenants(keys=keys, tenants=tenants)


def publish(folder: Path, made: Config) -> None:
    """Write a config as a hub would."""
    index, blobs = shard(made, Release(installation="bench", epoch=1, sequence=1, issued_at=_ISSUED))
    files.write(folder, encode_index(index), blobs)


def launch(setup: Setup, features: Features, *, is_compiled: bool = True) -> Launch:
    """One worker. Its log of requests goes to a file; the upstream is also the collector of its traces."""
    publish(setup.folder / "config", config(setup, features))
    options = ["--workers", "1", "--log-percent", str(features.log_percent), "--secrets", str(setup.certificate.parent)]
    if features.evidence:
        options += ["--evidence", str(setup.folder / "evidence"), "--evidence-key", str(setup.folder / "evidence.pem")]
    environment = {"PYTHONPATH": str(built.compiled(setup.installed))} if is_compiled else {}
    if features.trace_percent:
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{setup.upstream}"
    gateway = setup.installed / "bin" / "isochrone-gateway"
    return Launch(
        command=(str(gateway), "--config", str(setup.folder / "config"), *options),
        port=setup.port,
        api_key=api_key(features.tenants // 2) if features.tenants else "",
        environment=environment,
    )


def _subject(name: str, about: str, features: Features, loads: frozenset[Load], *, is_compiled: bool = True) -> Subject:
    return Subject(
        name=name,
        about=about,
        loads=loads,
        version=lambda: f"{importlib.metadata.version('isochrone')} on {built.about_interpreter()}",
        install=built.install,
        launch=lambda setup: launch(setup, features, is_compiled=is_compiled),
    )


FULL = _subject(
    "isochrone",
    "all on: 10,000 keys, 3 binding policies, 2 limits, metrics, 1 % traces, every request logged, signed evidence",
    EVERYTHING,
    ALL,
)
WITHOUT_EVIDENCE = _subject(
    "isochrone-unsigned", "all on but evidence", UNSIGNED, frozenset({Load.UNARY, Load.OPEN, Load.STREAMS})
)
PLAIN = _subject(
    "isochrone-bare", "one anonymous route; no policies, limits or logs", BARE, frozenset({Load.UNARY, Load.STREAMS})
)
INTERPRETED = _subject(
    "isochrone-interpreted",
    "all on, not compiled",
    EVERYTHING,
    frozenset({Load.UNARY, Load.STREAMS}),
    is_compiled=False,
)
