"""Arbitrary valid configs for properties."""

from typing import TypeVar

from hypothesis import strategies as st
from msgspec.structs import replace
from tests.contract.config_cases import sha256
from tests.contract.config_versions import minimal

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import DnsName, EngineKind, EnginePool
from isochrone_gateway.config.law import Binds, Law, Policy, Scope, Table, UnknownOrigin, encode_row
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Evidence, Place, Places
from isochrone_gateway.config.providers import Endpoint, Provider, ProviderModel
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, ProviderTarget, Route, Tier
from isochrone_gateway.config.tenants import Key, Tenant, Tenants

ORIGINS = ("DE", "FR", "US", "US-CA", "CH", "JP-13")
SCOPES: tuple[Scope, ...] = ("Ingress", "Cache", "Logs", "Weights", "Metadata", "State")
_T = TypeVar("_T")


def _count(most: int, least: int = 0) -> st.SearchStrategy[int]:
    return st.integers(least, most)


def _some(values: tuple[str, ...]) -> st.SearchStrategy[frozenset[str]]:
    return st.frozensets(st.sampled_from(values), max_size=3) if values else st.just(frozenset())


@st.composite
def _laws(draw: st.DrawFn, *, places: int, routes: tuple[str, ...], tenants: tuple[str, ...]) -> Law:
    rows = tuple(draw(st.lists(st.integers(0, 2**places - 1).map(encode_row), max_size=5)))
    row = st.integers(-1, len(rows) - 1)
    unknown = st.just("Deny") | st.integers(0, len(rows) - 1) if rows else st.just("Deny")
    table = st.builds(
        Table, rows=st.dictionaries(st.sampled_from(ORIGINS), row, max_size=4), otherwise=row, unknown=unknown
    )
    tables = tuple(draw(st.lists(table, min_size=1, max_size=4)))
    index = st.integers(0, len(tables) - 1)
    policy = st.builds(
        Policy,
        name=st.just("set below"),
        generation=_count(9),
        digest=st.integers().map(lambda seed: sha256(str(seed))),
        scopes=st.dictionaries(st.sampled_from(SCOPES), index, max_size=3).flatmap(
            lambda some: index.map(lambda inference: {**some, "Inference": inference})
        ),
        binds=st.builds(Binds, routes=st.none() | _some(routes), tenants=st.none() | _some(tenants)),
        unknown_origin=st.just(UnknownOrigin.DENY),
    )
    policies = draw(st.lists(policy, max_size=4))
    return Law(
        policies=tuple(replace(each, name=f"policy-{i}") for i, each in enumerate(policies)),
        tables=tables,
        rows=rows,
    )


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """A config without problems: all that is referred to exists."""
    places = tuple(
        Place(codes=frozenset({code}), country=code[:2], evidence=draw(st.sampled_from(Evidence)))
        for code in draw(st.lists(st.sampled_from(ORIGINS), min_size=1, max_size=12))
    )
    place = st.integers(0, len(places) - 1)
    site = replace(minimal().site, place=draw(place))
    peers = tuple(
        Peer(site=f"site-{i}", address=f"127.0.0.1:{8000 + i}", hostname=f"site-{i}.test", place=draw(place))
        for i in range(draw(_count(4)))
    )
    engines = tuple(
        EnginePool(id=f"team/pool-{i}", kind=draw(st.sampled_from(EngineKind)), discovery=DnsName(name="e", port=80))
        for i in range(draw(_count(4)))
    )
    providers = tuple(
        Provider(
            name=f"provider-{i}",
            dialect="OpenAI",
            endpoints=(Endpoint(name="e", base_url="https://api.example.com", place=draw(place)),),
            models=(ProviderModel(name="m"),),
        )
        for i in range(draw(_count(3)))
    )
    candidates = (
        *(Candidate(target=EngineTarget(pool=pool.id), place=site.place, model="m") for pool in engines),
        *(Candidate(target=PeerTarget(site=peer.site, pool="a/b"), place=peer.place, model="m") for peer in peers),
        *(
            Candidate(target=ProviderTarget(provider=each.name, endpoint="e"), place=each.endpoints[0].place, model="m")
            for each in providers
        ),
    )
    tier = st.lists(st.sampled_from(candidates), min_size=1, max_size=4).map(lambda some: Tier(candidates=tuple(some)))
    routes = tuple(
        Route(
            id=f"team/route-{i}",
            name=f"model-{i}",
            aliases=frozenset(f"alias-{i}-{j}" for j in range(draw(_count(2)))),
            tiers=tuple(draw(st.lists(tier, max_size=3))) if candidates else (),
        )
        for i in range(draw(_count(5)))
    )
    route_ids = tuple(route.id for route in routes)
    tenants = tuple(
        Tenant(id=f"team/tenant-{i}", routes=draw(st.none() | _some(route_ids)), origins=draw(_some(ORIGINS)))
        for i in range(draw(_count(5)))
    )
    tenant_ids = tuple(tenant.id for tenant in tenants)
    keys = (
        {sha256(f"key {i}"): Key(tenant=draw(st.sampled_from(tenant_ids))) for i in range(draw(_count(6)))}
        if tenants
        else {}
    )
    return Config(
        site=site,
        places=Places(places=places, aliases={"FR-971": "GP"}),
        law=draw(_laws(places=len(places), routes=route_ids, tenants=tenant_ids)),
        routes=routes,
        engines=engines,
        providers=providers,
        tenants=Tenants(keys=keys, tenants=tenants),
        peers=peers,
    )


@st.composite
def shuffled(draw: st.DrawFn, config: Config) -> Config:
    """The same config with every list that has no order of its own in another order."""

    def mix(items: tuple[_T, ...]) -> tuple[_T, ...]:
        return tuple(draw(st.permutations(items)))

    return replace(
        config,
        law=draw(_renumbered(config.law)),
        routes=mix(config.routes),
        engines=mix(config.engines),
        providers=mix(config.providers),
        tenants=Tenants(
            keys=dict(mix(tuple(config.tenants.keys.items()))),
            tenants=mix(config.tenants.tenants),
        ),
        peers=mix(config.peers),
    )


@st.composite
def _renumbered(draw: st.DrawFn, law: Law) -> Law:
    """The same law with policies, tables and rows in another order."""
    rows = draw(st.permutations(range(len(law.rows))))
    tables = draw(st.permutations(range(len(law.tables))))

    def row(index: int) -> int:
        return index if index < 0 else rows.index(index)

    moved = [
        Table(
            rows={origin: row(index) for origin, index in reversed(list(table.rows.items()))},
            otherwise=row(table.otherwise),
            unknown=row(table.unknown) if isinstance(table.unknown, int) else table.unknown,
        )
        for table in (law.tables[index] for index in tables)
    ]
    policies = [
        replace(policy, scopes={scope: tables.index(index) for scope, index in reversed(list(policy.scopes.items()))})
        for policy in law.policies
    ]
    return Law(
        policies=tuple(draw(st.permutations(policies))),
        tables=tuple(moved),
        rows=tuple(law.rows[index] for index in rows),
    )
