"""What was found in the clusters. Offline there is nothing of it, and a plan starts from an empty network."""

import dataclasses
import enum
from collections.abc import Mapping
from typing import Final

from isochrone.model.keys import RouteKey

Stand = tuple[RouteKey, str]
"""A route, and an EdgeNode at which it has engines."""


class Capability(enum.StrEnum):
    """Something that a cluster may have, and that changes what is rendered for it."""

    SERVICE_MONITOR = "ServiceMonitor"
    """monitoring.coreos.com/v1"""
    HTTP_ROUTE = "HTTPRoute"
    """gateway.networking.k8s.io/v1"""
    SERVICE_EXPORT = "ServiceExport"
    """multicluster.x-k8s.io/v1alpha1"""
    CILIUM_NETWORK_POLICY = "CiliumNetworkPolicy"
    """cilium.io/v2: egress by domain name"""
    FQDN_NETWORK_POLICY = "FQDNNetworkPolicy"
    """networking.gke.io/v1alpha1: egress by domain name"""
    CERTIFICATE = "Certificate"
    """cert-manager.io/v1"""
    IMAGE_VOLUME = "ImageVolume"
    """Volumes whose source is an OCI image"""


BY_NAME: Final = (Capability.CILIUM_NETWORK_POLICY, Capability.FQDN_NETWORK_POLICY)
"""Policies by which egress is allowed by domain name; of several that a cluster has, the first is used."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SiteObservation:
    """What is known of one site's cluster."""

    unreachable_since: int | None = None
    """When contact was lost; None while there is contact."""
    taken: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    """GPUPool -> devices that pods of others hold, one number per node on which they hold any."""
    untold: str = ""
    """Why it isn't known what others hold; empty where it is. What isn't known counts as free."""
    capabilities: frozenset[Capability] = frozenset()
    kubernetes: tuple[int, int] = (1, 34)
    """Version of the API server; offline, the oldest that is supported."""
    api_servers: tuple[str, ...] = ()
    """Where pods reach the API server, each `IP:port`; none where that is not known, as offline."""

    @property
    def policy_by_name(self) -> Capability | None:
        """The kind of policy by which the cluster allows a domain name."""
        return next((each for each in BY_NAME if each in self.capabilities), None)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Running:
    """Engines of a route that were found at a site."""

    route: RouteKey
    site: str
    pool: str | None
    """The GPUPool; None for engines without devices."""
    replicas: int
    ready: int = 0
    is_failing: bool = False
    """Whether they have been unable to become ready for long: nothing is lost by placing them elsewhere."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What was found."""

    sites: Mapping[str, SiteObservation] = dataclasses.field(default_factory=dict)
    """EdgeNode -> what is known of it; those that are missing are taken to be as declared."""
    running: tuple[Running, ...] = ()
    rtts: Mapping[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    """(site, site) -> microseconds, as the first one's gateway measured; estimated where missing."""
    demand: Mapping[RouteKey, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    """Requests by origin, over any one span; population where a route is missing. An origin is an ISO 3166 code, or
    several joined by commas, where it may be any of them; those of an empty one come from where people live."""
    failed: frozenset[Stand] = frozenset()
    """Where the route's engines failed lately, and were placed elsewhere. Nothing of it is tried
    there anew until this is forgotten: else it would go back to where it is best, and fail again."""
    unknown: frozenset[Stand] = frozenset()
    """Where engines are ready, while gateways somewhere don't know of them yet."""
    moves: tuple[int, ...] = ()
    """When healthy placements were moved, in seconds since the epoch."""
