"""The whole config of one site, and the shard documents that it travels in."""

import enum
from collections.abc import Mapping
from typing import Annotated

import msgspec

from isochrone_gateway.config.engines import EnginePool
from isochrone_gateway.config.law import Law, Policy, Row, Table
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.places import Places
from isochrone_gateway.config.providers import Provider
from isochrone_gateway.config.record import Count, Record, Sha256, whole
from isochrone_gateway.config.routes import Route
from isochrone_gateway.config.site import Site
from isochrone_gateway.config.tenants import Key, Tenant, Tenants


class Config(Record, frozen=True, kw_only=True):
    """Everything that one site's gateway needs to answer requests."""

    site: Site
    places: Places
    law: Law = Law()
    routes: tuple[Route, ...] = ()
    engines: tuple[EnginePool, ...] = ()
    providers: tuple[Provider, ...] = ()
    tenants: Tenants = Tenants()
    peers: tuple[Peer, ...] = ()


class Kind(enum.StrEnum):
    """The sections of a config. Each has at least one shard."""

    SITE = "Site"
    PLACES = "Places"
    LAW = "Law"
    ROUTES = "Routes"
    ENGINES = "Engines"
    PROVIDERS = "Providers"
    TENANTS = "Tenants"
    PEERS = "Peers"


HexPrefix = Annotated[str, whole("[0-9a-f]{0,64}")]


class SiteShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Site"):
    """The site; never split."""

    site: Site


class PlacesShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Places"):
    """The places; never split, since their order is their meaning."""

    places: Places


class LawShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Law"):
    """A run of each of the law's lists; `first_*` is the index that the run starts at."""

    first_policy: Count = 0
    first_table: Count = 0
    first_row: Count = 0
    policies: tuple[Policy, ...] = ()
    tables: tuple[Table, ...] = ()
    rows: tuple[Row, ...] = ()


class RoutesShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Routes"):
    """The routes whose id hashes to this prefix."""

    prefix: HexPrefix = ""
    routes: tuple[Route, ...] = ()


class EnginesShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Engines"):
    """The engine pools whose id hashes to this prefix."""

    prefix: HexPrefix = ""
    engines: tuple[EnginePool, ...] = ()


class ProvidersShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Providers"):
    """The providers whose name hashes to this prefix."""

    prefix: HexPrefix = ""
    providers: tuple[Provider, ...] = ()


class TenantsShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Tenants"):
    """The keys whose hash starts with this prefix, and the tenants whose id hashes to it."""

    prefix: HexPrefix = ""
    keys: Mapping[Sha256, Key] = msgspec.field(default_factory=dict)
    tenants: tuple[Tenant, ...] = ()


class PeersShard(Record, frozen=True, kw_only=True, tag_field="kind", tag="Peers"):
    """The peers whose site name hashes to this prefix."""

    prefix: HexPrefix = ""
    peers: tuple[Peer, ...] = ()


ShardDocument = (
    SiteShard | PlacesShard | LawShard | RoutesShard | EnginesShard | ProvidersShard | TenantsShard | PeersShard
)
