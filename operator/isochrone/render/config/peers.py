"""Peers: the gateways of all other sites, whether this one sends to them or they to it.

All sites are listed, not those alone that a plan happens to use: a change of placements then changes nobody's list, and
no gateway is refused because its peer has not heard of it yet.
"""

from collections.abc import Iterable

from isochrone.api import EdgeNode
from isochrone.api.edge_node import Advertise, State
from isochrone.law.atlas import Atlas
from isochrone_gateway.config.peers import Peer


def peers_of(edges: Iterable[EdgeNode], atlas: Atlas, installation: str) -> tuple[Peer, ...]:
    """The gateways among which requests may hop."""
    return tuple(_peer(edge, atlas.sites[edge.metadata.name], installation) for edge in hopping(edges))


def hopping(edges: Iterable[EdgeNode]) -> tuple[EdgeNode, ...]:
    """The sites that run a gateway; none if there are no two, or none of them can be reached by others."""
    running = tuple(edge for edge in edges if edge.spec.state is not State.DISABLED)
    is_any_reached = len(running) > 1 and any(edge.spec.gateway.advertise for edge in running)
    return running if is_any_reached else ()


def identity_of(site: str, installation: str) -> str:
    """The URI that the certificate of a site's gateway carries (SPIFFE): the installation is the trust domain."""
    return f"spiffe://{installation}/site/{site}"


def address_of(advertise: Advertise) -> str:
    host = f"[{advertise.host}]" if ":" in advertise.host else advertise.host
    return f"{host}:{advertise.port}"


def _peer(edge: EdgeNode, place: int, installation: str) -> Peer:
    name, gateway = edge.metadata.name, edge.spec.gateway
    return Peer(
        site=name,
        # A site that others can't reach may still send to them, so they must know it. No name ends in .invalid (RFC
        # 2606), and no candidate leads there.
        address=address_of(gateway.advertise) if gateway.advertise else f"{name}.invalid:8443",
        hostname=gateway.hostname,
        place=place,
        uri=identity_of(name, installation),
    )
