"""Joining verified shards into one config. Where shards contradict each other nothing is loaded."""

import dataclasses
import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from isochrone_gateway.config.document import (
    Config,
    EnginesShard,
    Kind,
    LawShard,
    PeersShard,
    PlacesShard,
    ProvidersShard,
    RoutesShard,
    ShardDocument,
    SiteShard,
    TenantsShard,
)
from isochrone_gateway.config.errors import ConfigError, Problem
from isochrone_gateway.config.law import Law
from isochrone_gateway.config.shards import hash_name
from isochrone_gateway.config.tenants import Tenants

DOCUMENTS: Final[Mapping[Kind, type[ShardDocument]]] = {
    Kind.SITE: SiteShard,
    Kind.PLACES: PlacesShard,
    Kind.LAW: LawShard,
    Kind.ROUTES: RoutesShard,
    Kind.ENGINES: EnginesShard,
    Kind.PROVIDERS: ProvidersShard,
    Kind.TENANTS: TenantsShard,
    Kind.PEERS: PeersShard,
}

_Shard = TypeVar("_Shard")


@dataclasses.dataclass(frozen=True, kw_only=True)
class NamedShard:
    """A decoded shard and the name to complain about."""

    name: str
    kind: Kind
    document: ShardDocument

    @property
    def prefix(self) -> str:
        match self.document:
            case SiteShard() | PlacesShard() | LawShard():
                return ""
            case _:
                return self.document.prefix


def join(shards: Sequence[NamedShard]) -> Config:
    """Join one complete set of shards."""
    problems = [*_repeated(shards), *(problem for shard in shards for problem in _misplaced(shard))]
    if problems:
        raise ConfigError(*problems)
    (site,), (places,) = _of(shards, SiteShard), _of(shards, PlacesShard)
    return Config(
        site=site.site,
        places=places.places,
        law=_join_law(_of(shards, LawShard)),
        routes=_merged((shard.routes for shard in _of(shards, RoutesShard)), "id"),
        engines=_merged((shard.engines for shard in _of(shards, EnginesShard)), "id"),
        providers=_merged((shard.providers for shard in _of(shards, ProvidersShard)), "name"),
        tenants=_join_tenants(_of(shards, TenantsShard)),
        peers=_merged((shard.peers for shard in _of(shards, PeersShard)), "site"),
    )


def name_source(problem: Problem, shards: Iterable[NamedShard]) -> Problem:
    """Add which shard the item with the problem came in."""
    is_hash = problem.kind == Kind.TENANTS and "/" not in problem.key  # ids of tenants have a slash
    key_hash = problem.key if is_hash else hash_name(problem.key)
    for shard in shards:
        if shard.kind == problem.kind and key_hash.startswith(shard.prefix):
            return dataclasses.replace(problem, source=shard.name)
    return problem


def _repeated(shards: Sequence[NamedShard]) -> Iterator[Problem]:
    """Site and Places come once; the prefixes of one kind don't overlap, so no item can come twice."""
    ordered = sorted(shards, key=lambda shard: (shard.kind, shard.prefix))
    for shard, after in itertools.pairwise(ordered):
        overlaps = shard.kind is after.kind and after.prefix.startswith(shard.prefix)
        if overlaps and shard.kind is not Kind.LAW:
            text = f"overlaps with {shard.name}; the shards are not one set, write them again"
            yield Problem(source=after.name, text=text)


def _misplaced(shard: NamedShard) -> Iterator[Problem]:
    if not shard.prefix:
        return
    for name, key_hash in _hashes(shard.document):
        if not key_hash.startswith(shard.prefix):
            text = f"{name} does not belong to prefix {shard.prefix}; write the shards again"
            yield Problem(source=shard.name, text=text)


def _hashes(document: ShardDocument) -> Iterator[tuple[str, str]]:
    names: Iterable[str] = ()
    match document:
        case RoutesShard():
            names = [route.id for route in document.routes]
        case EnginesShard():
            names = [pool.id for pool in document.engines]
        case ProvidersShard():
            names = [provider.name for provider in document.providers]
        case PeersShard():
            names = [peer.site for peer in document.peers]
        case TenantsShard():
            yield from ((key, key) for key in document.keys)
            names = [tenant.id for tenant in document.tenants]
        case _:
            pass
    yield from ((name, hash_name(name)) for name in names)


def _of(shards: Sequence[NamedShard], kind: type[_Shard]) -> list[_Shard]:
    return [shard.document for shard in shards if isinstance(shard.document, kind)]


def _merged(runs: Iterable[tuple[Any, ...]], name: str) -> tuple[Any, ...]:
    return tuple(sorted((item for run in runs for item in run), key=lambda item: str(getattr(item, name))))


def _join_tenants(shards: Sequence[TenantsShard]) -> Tenants:
    keys = {key_hash: key for shard in shards for key_hash, key in shard.keys.items()}
    return Tenants(keys=keys, tenants=_merged((shard.tenants for shard in shards), "id"))


def _join_law(shards: Sequence[LawShard]) -> Law:
    return Law(
        policies=_join_runs("policies", [(shard.first_policy, shard.policies) for shard in shards]),
        tables=_join_runs("tables", [(shard.first_table, shard.tables) for shard in shards]),
        rows=_join_runs("rows", [(shard.first_row, shard.rows) for shard in shards]),
    )


def _join_runs(name: str, runs: Sequence[tuple[int, tuple[Any, ...]]]) -> tuple[Any, ...]:
    joined: list[Any] = []
    for first, run in sorted((each for each in runs if each[1]), key=lambda each: each[0]):
        if first != len(joined):
            text = f"a run starts at {first} where {len(joined)} is due; the shards are not one set, write them again"
            raise ConfigError(Problem(source=Kind.LAW, path=f"$.{name}", text=text))
        joined.extend(run)
    return tuple(joined)
