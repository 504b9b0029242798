"""Cutting a config into shards and joining them again.

Items with a name go where the hash of their name says: a shard holds all whose hash starts with its prefix, and one
that grows too large becomes sixteen with prefixes one digit longer. So a change of one item rewrites one small shard,
wherever the item sorts, and the other shards keep their names. Lists whose positions mean something (the law's) are
cut into runs instead.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from isochrone_gateway.config.canonical import canonical_items, canonical_law, canonical_tenants, plain
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
from isochrone_gateway.config.index import ShardEntry
from isochrone_gateway.config.storage import Stored, encode, is_storable, store
from isochrone_gateway.config.tenants import Tenant
from isochrone_gateway.config.version import OLDEST_READER, Version

SPLIT_STORED_BYTES: Final = 262_144
SPLIT_DOCUMENT_BYTES: Final = 1_048_576


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pack:
    """The shards of some or all sections.

    `digest` is over the documents, so it doesn't depend on how they are compressed. `min_reader` is the oldest gateway
    that may use it: one that left out what it doesn't know would let more pass than was said.
    """

    entries: tuple[ShardEntry, ...]
    blobs: Mapping[str, bytes]
    min_reader: Version = OLDEST_READER

    @property
    def digest(self) -> str:
        return content_digest(self.entries)


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Item:
    """Something that is found by name; the hash decides its shard."""

    key_hash: str
    value: Any


def content_digest(entries: Iterable[ShardEntry]) -> str:
    """SHA-256 over one line per shard, `<kind> <sha256 of its document>`, sorted."""
    lines = sorted(f"{entry.kind} {entry.document_sha256}\n" for entry in entries)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def hash_name(name: str) -> str:
    """The hash whose prefix decides which shard holds the item of this name. Keys of tenants are hashes already."""
    return hashlib.sha256(name.encode()).hexdigest()


def pack(config: Config, *, readable: bool = False) -> Pack:
    """Cut a config that has no problems into shards. `readable` stores indented JSON, for people and for Git."""
    return combine(pack_section(kind, config, readable=readable) for kind in Kind)


def combine(packs: Iterable[Pack]) -> Pack:
    """Join packs of different sections; sites that share a section need pack it only once."""
    parts = list(packs)
    entries = sorted((entry for part in parts for entry in part.entries), key=lambda entry: entry.name)
    return Pack(
        entries=tuple(entries),
        blobs={name: blob for part in parts for name, blob in part.blobs.items()},
        min_reader=max((part.min_reader for part in parts), default=OLDEST_READER),
    )


def pack_section(kind: Kind, config: Config, *, readable: bool = False, is_plain: bool = False) -> Pack:
    """Cut one section of a config that has no problems.

    `is_plain` says that `canonical.plain` would change none of its items, which takes longest to find out.
    """
    stored = list(_SECTIONS[kind](config, _Keep(kind=kind, readable=readable, is_plain=is_plain)))
    if too_large := [each.entry for each in stored if not is_storable(each.entry)]:
        raise ConfigError(*(_too_large(entry) for entry in too_large))
    return Pack(
        entries=tuple(each.entry for each in stored),
        blobs={each.entry.name: each.blob for each in stored},
        min_reader=_min_reader(config) if kind is Kind.PROVIDERS else OLDEST_READER,
    )


def _min_reader(config: Config) -> Version:
    """A gateway that knows nothing of regions would ask for whatever the provider's default is."""
    endpoints = (endpoint for provider in config.providers for endpoint in provider.endpoints)
    return Version(1, 1) if any(each.is_told_its_region for each in endpoints) else OLDEST_READER


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Keep:
    """How the documents of one section are stored."""

    kind: Kind
    readable: bool
    is_plain: bool

    def __call__(self, text: bytes, prefix: str = "") -> Stored:
        return store(text, kind=self.kind, prefix=prefix, readable=self.readable)


_Build = Callable[[str, Sequence[_Item]], ShardDocument]


def _site(config: Config, keep: _Keep) -> Iterator[Stored]:
    yield keep(encode(SiteShard(site=plain(config.site))))


def _places(config: Config, keep: _Keep) -> Iterator[Stored]:
    yield keep(encode(PlacesShard(places=plain(config.places))))


def _law(config: Config, keep: _Keep) -> Iterator[Stored]:
    law = canonical_law(config.law)
    return _runs(LawShard(policies=law.policies, tables=law.tables, rows=law.rows), keep)


def _routes(config: Config, keep: _Keep) -> Iterator[Stored]:
    items = [_named(route.id, route) for route in canonical_items(config.routes, key="id", is_plain=keep.is_plain)]
    return _split(items, keep, lambda prefix, part: RoutesShard(prefix=prefix, routes=_values(part)))


def _engines(config: Config, keep: _Keep) -> Iterator[Stored]:
    items = [_named(pool.id, pool) for pool in canonical_items(config.engines, key="id", is_plain=keep.is_plain)]
    return _split(items, keep, lambda prefix, part: EnginesShard(prefix=prefix, engines=_values(part)))


def _providers(config: Config, keep: _Keep) -> Iterator[Stored]:
    items = [
        _named(provider.name, provider)
        for provider in canonical_items(config.providers, key="name", is_plain=keep.is_plain)
    ]
    return _split(items, keep, lambda prefix, part: ProvidersShard(prefix=prefix, providers=_values(part)))


def _peers(config: Config, keep: _Keep) -> Iterator[Stored]:
    items = [_named(peer.site, peer) for peer in canonical_items(config.peers, key="site", is_plain=keep.is_plain)]
    return _split(items, keep, lambda prefix, part: PeersShard(prefix=prefix, peers=_values(part)))


def _tenants(config: Config, keep: _Keep) -> Iterator[Stored]:
    tenants = canonical_tenants(config.tenants)
    keys = [_Item(key_hash=key_hash, value=(key_hash, tenant)) for key_hash, tenant in tenants.keys.items()]

    def build(prefix: str, part: Sequence[_Item]) -> ShardDocument:
        return TenantsShard(
            prefix=prefix,
            keys=dict(item.value for item in part if not isinstance(item.value, Tenant)),
            tenants=tuple(item.value for item in part if isinstance(item.value, Tenant)),
        )

    return _split([*keys, *(_named(tenant.id, tenant) for tenant in tenants.tenants)], keep, build)


_SECTIONS: Final[Mapping[Kind, Callable[[Config, _Keep], Iterator[Stored]]]] = {
    Kind.SITE: _site,
    Kind.PLACES: _places,
    Kind.LAW: _law,
    Kind.ROUTES: _routes,
    Kind.ENGINES: _engines,
    Kind.PROVIDERS: _providers,
    Kind.TENANTS: _tenants,
    Kind.PEERS: _peers,
}


def _named(name: str, value: object) -> _Item:
    return _Item(key_hash=hash_name(name), value=value)


def _values(items: Sequence[_Item]) -> tuple[Any, ...]:
    return tuple(item.value for item in items)


def _split(items: Sequence[_Item], keep: _Keep, build: _Build, prefix: str = "") -> Iterator[Stored]:
    text = encode(build(prefix, items))
    if len(items) <= 1 or len(text) <= SPLIT_DOCUMENT_BYTES:  # compress only what might be kept
        stored = keep(text, prefix)
        if len(items) <= 1 or stored.entry.size <= SPLIT_STORED_BYTES:
            yield stored
            return
    parts: dict[str, list[_Item]] = {}
    for item in items:
        parts.setdefault(item.key_hash[: len(prefix) + 1], []).append(item)
    for longer, part in sorted(parts.items()):
        yield from _split(part, keep, build, longer)


def _runs(shard: LawShard, keep: _Keep) -> Iterator[Stored]:
    stored = keep(encode(shard))
    is_large = stored.entry.size > SPLIT_STORED_BYTES or stored.entry.document_size > SPLIT_DOCUMENT_BYTES
    parts = _halves(shard) if is_large else []
    if len(parts) <= 1:
        yield stored
        return
    for part in parts:
        yield from _runs(part, keep)


def _halves(shard: LawShard) -> list[LawShard]:
    """The two halves of each list; one part, or none, if nothing can be cut."""
    half = [(len(items) + 1) // 2 for items in (shard.policies, shard.tables, shard.rows)]
    first = LawShard(
        first_policy=shard.first_policy,
        first_table=shard.first_table,
        first_row=shard.first_row,
        policies=shard.policies[: half[0]],
        tables=shard.tables[: half[1]],
        rows=shard.rows[: half[2]],
    )
    second = LawShard(
        first_policy=shard.first_policy + half[0],
        first_table=shard.first_table + half[1],
        first_row=shard.first_row + half[2],
        policies=shard.policies[half[0] :],
        tables=shard.tables[half[1] :],
        rows=shard.rows[half[2] :],
    )
    return [part for part in (first, second) if part.policies or part.tables or part.rows]


def _too_large(entry: ShardEntry) -> Problem:
    text = f"{entry.kind} needs {entry.size} bytes ({entry.document_size} as JSON) and can't be split; make it smaller"
    return Problem(source=entry.name, text=text)
