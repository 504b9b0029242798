"""A gateway's config, made for clusters, with the addresses of this machine. What is decided in it stays as it is.

engines     a list of addresses in place of a Service
peers       their ports on this machine, or that of a relay which adds the distance
data port   plain HTTP, from whoever comes: certificates and load balancers are the cluster's
evidence    is kept, in the state folder
drain       seconds rather than minutes: nobody's DNS has to forget the site
"""

import dataclasses
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from isochrone.local.engines import EngineId, Player, Server
from isochrone.model import RouteKey
from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import EngineKind, EnginePool, StaticEndpoints
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.routes import Candidate, EngineTarget, Route
from isochrone_gateway.config.site import ClientAddress, Drain, EvidenceKeeping, Site

HOST: Final = "127.0.0.1"
DRAIN: Final = Drain(announce_ms=500, max_ms=30_000)
EVIDENCE: Final = EvidenceKeeping(retention_s=30 * 86_400)
_NOBODY: Final = f"{HOST}:1"
"""In place of an engine that is not ready: a pool has an address, and nobody listens on this one."""
_MODELS: Final = "/v1/models"
"""What every server with the OpenAI API answers, once it can."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wires:
    """What is where on this machine."""

    engines: Mapping[EngineId, str] = dataclasses.field(default_factory=dict)
    """`host:port` of those that listen."""
    peers: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    """(from, to) -> the port by which one site's gateway reaches the other's."""


def rewired(config: Config, wires: Wires, player: Player) -> Config:
    """The config of one site, for this machine."""
    here = config.site.name
    return replace(
        config,
        site=_site(config.site),
        engines=tuple(_pool(pool, here, wires, player) for pool in config.engines),
        peers=tuple(_peer(peer, wires.peers.get((here, peer.site))) for peer in config.peers),
        routes=tuple(_route(route, player) for route in config.routes),
    )


def _site(site: Site) -> Site:
    data = replace(site.listeners.data, tls=None)
    listeners = replace(site.listeners, data=data)
    return replace(site, listeners=listeners, drain=DRAIN, client_address=ClientAddress(), evidence=EVIDENCE)


def _pool(pool: EnginePool, here: str, wires: Wires, player: Player) -> EnginePool:
    """Whichever engine is declared, what answers here is llama.cpp, or a server that we know nothing else of."""
    if isinstance(player, Server):
        listed = StaticEndpoints(addresses=frozenset({player.address}))
        return EnginePool(id=pool.id, kind=EngineKind.CUSTOM, discovery=listed, health_path=_MODELS, metrics_path=None)
    namespace, _, name = pool.id.partition("/")
    address = wires.engines.get(EngineId(RouteKey(namespace, name), here))
    listed = StaticEndpoints(addresses=frozenset({address or _NOBODY}))
    return EnginePool(id=pool.id, kind=EngineKind.LLAMA_CPP, discovery=listed)


def _peer(peer: Peer, port: int | None) -> Peer:
    return peer if port is None else replace(peer, address=f"{HOST}:{port}")


def _route(route: Route, player: Player) -> Route:
    if not isinstance(player, Server) or player.model is None:
        return route
    model = player.model
    tiers = tuple(
        replace(tier, candidates=tuple(_candidate(each, model) for each in tier.candidates)) for tier in route.tiers
    )
    return replace(route, tiers=tiers) if tiers else route


def _candidate(candidate: Candidate, model: str) -> Candidate:
    return replace(candidate, model=model) if isinstance(candidate.target, EngineTarget) else candidate
