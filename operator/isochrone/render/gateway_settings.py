"""What an installation says of its gateways, the same at every site."""

import dataclasses
from typing import Final

DATA_PORT: Final = 8080
ADMIN_PORT: Final = 9090
PEER_PORT: Final = 8443


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where a gateway listens. In a pod they are its own; several gateways on one machine need different ones."""

    data: int = DATA_PORT
    admin: int = ADMIN_PORT
    peer: int = PEER_PORT
    host: str = ""
    """The address to listen on; all of them when empty."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ParentGateway:
    """A Gateway of the Gateway API that clients come in by, of the same name in every cluster that has one."""

    namespace: str
    name: str
    section: str | None = None
    """One of its listeners; all that match when left out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerIssuer:
    """An issuer of cert-manager, of the same name in every cluster, all of the same authority."""

    name: str
    kind: str = "ClusterIssuer"
    group: str = "cert-manager.io"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GatewaySettings:
    """How gateways run."""

    workers: int = 2
    """Processes of a pod that answer requests, about one for each core."""
    cpu: str = "1"
    """CPUs that a pod asks for, which autoscaling counts by. They aren't limited: a gateway that is throttled delays
    every answer that streams through it."""
    memory: str | None = None
    """Memory of a pod; by its workers when left out."""
    cluster_domain: str = "cluster.local"
    """The DNS domain of Services."""
    parents: tuple[ParentGateway, ...] = ()
    """None: no HTTPRoute is rendered."""
    peer_issuer: PeerIssuer | None = None
    """Who issues the certificates by which gateways know each other. None: the operator of the hub."""
    operator_name: str = "isochrone-operator"
    """`app.kubernetes.io/name` of the pods that read gateways' `/status`."""
    ports: Ports = dataclasses.field(default_factory=Ports)
