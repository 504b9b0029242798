"""The site itself: where its gateway listens, what it admits, how it drains."""

from collections.abc import Iterable
from typing import Final, Literal

from isochrone.api import EdgeNode
from isochrone.api.edge_node import State
from isochrone.api.gateway_evidence import GatewayEvidence
from isochrone.api.object_storage import ObjectStorage
from isochrone.law.atlas import Atlas
from isochrone.model.amounts import milliseconds
from isochrone.render import secrets
from isochrone.render.clusters import HUB, cluster_of
from isochrone.render.gateway_settings import Ports
from isochrone_gateway.config import site as contract

ANNOUNCED_MS: Final = 5_000
"""How long a gateway that ends still takes requests, while Services forget it."""
ANNOUNCED_TO_BALANCERS_MS: Final = 20_000
"""The same where a load balancer asks at its own pace whether a node is well."""
DRAIN_MS: Final = 300_000
_DAY_S: Final = 86_400


def site_of(
    edge: EdgeNode,
    *,
    atlas: Atlas,
    jurisdictions: dict[str, str],
    unbound: Literal["Allow", "Deny"],
    ports: Ports,
    has_peers: bool,
) -> contract.Site:
    """The section of one site."""
    gateway, staleness = edge.spec.gateway, edge.spec.staleness
    return contract.Site(
        name=edge.metadata.name,
        place=atlas.sites[edge.metadata.name],
        hostname=gateway.hostname,
        listeners=_listeners(edge, ports, has_peers=has_peers),
        age=contract.Age(
            max_age_ms=milliseconds(staleness.max_age), hard_max_age_ms=milliseconds(staleness.hard_max_age)
        ),
        jurisdictions=jurisdictions,
        unbound_traffic=contract.UnboundTraffic(unbound),
        anonymous_access=gateway.anonymous_access == "Allow",
        drain=contract.Drain(announce_ms=announced_ms(edge), max_ms=DRAIN_MS),
        client_address=_client_address(edge),
        egress_price_per_gib=edge.spec.egress.price_per_gib,
        cors=contract.Cors(origins=frozenset(gateway.cors_origins)) if gateway.cors_origins else None,
        peer_trust=_peer_trust() if has_peers else None,
        evidence=_evidence(gateway.evidence, atlas.buckets.get(edge.metadata.name)) if gateway.evidence else None,
    )


def announced_ms(edge: EdgeNode) -> int:
    return ANNOUNCED_MS if edge.spec.gateway.service_type == "ClusterIP" else ANNOUNCED_TO_BALANCERS_MS


def hub_of(edges: Iterable[EdgeNode], atlas: Atlas) -> frozenset[int]:
    """The places of which one is the hub's: those of the sites in its own cluster, each once."""
    here = sorted((atlas.sites[edge.metadata.name] for edge in edges if cluster_of(edge) == HUB), reverse=True)
    return frozenset({atlas.places[index]: index for index in here}.values())


def front_doors(edges: Iterable[EdgeNode], atlas: Atlas) -> dict[str, str]:
    """Jurisdiction -> the host name of a site there; the first by name."""
    found: dict[str, str] = {}
    for edge in sorted(edges, key=lambda each: each.metadata.name):
        hostname = edge.spec.gateway.hostname
        if hostname is not None and edge.spec.state is State.ACTIVE:
            for code in atlas.places[atlas.sites[edge.metadata.name]].codes:
                found.setdefault(code, hostname)
    return dict(sorted(found.items()))


def _listeners(edge: EdgeNode, ports: Ports, *, has_peers: bool) -> contract.Listeners:
    gateway = edge.spec.gateway
    is_reached = has_peers and gateway.advertise is not None
    return contract.Listeners(
        data=contract.Listener(port=ports.data, host=ports.host, tls=_tls(secrets.TLS) if gateway.tls else None),
        admin=contract.Listener(port=ports.admin, host=ports.host),
        peer=contract.Listener(port=ports.peer, host=ports.host) if is_reached else None,
    )


def _peer_trust() -> contract.PeerTrust:
    return contract.PeerTrust(ca_bundle=f"{secrets.PEER}/{secrets.AUTHORITIES}", identity=_tls(secrets.PEER))


def _evidence(asked: GatewayEvidence, place: int | None) -> contract.EvidenceKeeping:
    """`place` is the bucket's."""
    days, bucket = asked.retention_days, asked.object_storage
    return contract.EvidenceKeeping(
        on_failure=contract.OnFailure(asked.on_failure),
        retention_s=None if days is None else days * _DAY_S,
        objects=None if bucket is None or place is None else _objects(bucket, place),
    )


def _objects(bucket: ObjectStorage, place: int) -> contract.ObjectStorage:
    return contract.ObjectStorage(
        endpoint=bucket.endpoint,
        plaintext=bucket.plaintext == "Allow",
        bucket=bucket.bucket,
        prefix=bucket.prefix or "",
        region=bucket.region,
        place=place,
        access_key=f"{secrets.OBJECTS}/{secrets.ACCESS_KEY}",
        secret_key=f"{secrets.OBJECTS}/{secrets.SECRET_KEY}",
        ca_bundle=None if bucket.ca_secret_ref is None else f"{secrets.OBJECTS_CA}/{bucket.ca_secret_ref.key}",
    )


def _tls(folder: str) -> contract.TlsFiles:
    return contract.TlsFiles(certificate=f"{folder}/{secrets.CERTIFICATE}", key=f"{folder}/{secrets.PRIVATE_KEY}")


def _client_address(edge: EdgeNode) -> contract.ClientAddress:
    said = edge.spec.gateway.client_address
    if said is None:
        return contract.ClientAddress()
    return contract.ClientAddress(
        source=contract.ClientAddressSource(said.source), trusted_proxies=frozenset(said.trusted_proxies or ())
    )
