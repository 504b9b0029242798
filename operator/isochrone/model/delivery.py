"""What is handed to a site's cluster, and what is heard from there.

    Parcel      everything of one site at one revision, whole objects        hub -> member
    Pools       what GPUs a site has, so that it looks what others hold      hub -> member
    SiteReport  what became of it, and what was found in the cluster         member -> hub

With delivery Push both stay in the hub's process; with Pull they pass through the site's namespace in the hub. Times
are seconds since the epoch.
"""

import dataclasses
import types
from collections.abc import Mapping
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.model.evidence import Anchoring, EvidenceTold
from isochrone.model.observed import Running, SiteObservation
from isochrone.model.peering import Peering

Json = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Revision:
    """Which delivery this is. Ordered by (epoch, sequence); `digest` is the bundle's."""

    epoch: int
    sequence: int
    digest: str

    @property
    def order(self) -> tuple[int, int]:
        """What tells newer from older. Digests of a bundle and of its config differ."""
        return self.epoch, self.sequence

    @property
    def name(self) -> str:
        """`1.42`: the epoch and the sequence."""
        return f"{self.epoch}.{self.sequence}"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SecretCopy:
    """A Secret of the hub that a site needs, in isochrone-system. Its values are in no log and no repr."""

    name: str
    data: Mapping[str, str] = dataclasses.field(repr=False)
    """Key -> value in base64, as in a Secret's `data`."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PeerIdentity:
    """Who a site's gateway is to others, and the Secret that holds its certificate."""

    secret: str
    identity: str
    """The URI in its certificate."""
    issuer: str = ""
    """Who issues it in the site's cluster, such as `ClusterIssuer peers`; empty where the hub signs."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parcel:
    """All of one site, at one revision."""

    site: str
    installation: str
    revision: Revision
    objects: tuple[Json, ...] = ()
    """In the order in which they are applied; the gateway's index is the last. None: the site is to be emptied."""
    secrets: tuple[SecretCopy, ...] = ()
    peer: PeerIdentity | None = None
    """None where the site's gateway talks to no other."""
    authorities: str = ""
    """PEM: the authorities of peers' certificates, which the site's gateway trusts."""
    keeps_authorities: bool = False
    """Whether it goes on trusting others that it trusts already: the hub may not know them."""
    evidence_key: str = ""
    """The Secret of the key that signs the site's evidence, which is made where it is delivered; empty for none."""
    is_paused: bool = False
    """Whether somebody has stopped the site: only the certificate of its gateway is kept up, and it has no objects."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PoolAt:
    """A GPUPool at a site: which nodes of the cluster are its own, and how pods there ask for its devices."""

    name: str
    nodes: int
    devices_per_node: int
    node_selector: Mapping[str, str] = dataclasses.field(default_factory=dict)
    resource_name: str = ""
    """Of the device plug-in; empty for dynamic resource allocation."""
    device_class: str = ""


Pools = Mapping[str, tuple[PoolAt, ...]]
"""EdgeNode -> the pools that it has, by name."""
NO_POOLS: Final[Pools] = types.MappingProxyType({})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fault:
    """Something that could not be done, and is tried again."""

    reason: Reason
    """Unreachable, CredentialsInvalid, Forbidden, Conflict, DeliveryFailed."""
    subject: str
    """What it is about, such as `Deployment demo/chat-engine`; the cluster's address where it is all of it."""
    message: str
    """What happened, and the way out."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Repair:
    """Something of ours that somebody had deleted or changed, and that was put right."""

    subject: str
    difference: str
    """The first, in words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class RouteServed:
    """What became of the requests to one route."""

    route: str
    answered: int = 0
    failed: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Served:
    """What became of requests under one config, as far as gateways or whomever they asked had a part in it."""

    seconds: int = 0
    """Over how long."""
    answered: int = 0
    failed: int = 0
    worst: tuple[RouteServed, ...] = ()
    """Routes with failures: the few that have most of them."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RouteDemand:
    """Where the requests to one route come from, by what gateways have counted."""

    requests: int
    """How many were counted, of which those of a day ago count half."""
    seconds: int
    """Over how long the gateway counted that did for longest, in the same way."""
    daily: Mapping[str, int] = dataclasses.field(default_factory=dict)
    """Origin -> requests in a day: ISO 3166 codes, joined by commas where it may be any; empty where not known."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class GatewayPod:
    """What one pod of a gateway says of its configuration, on its site's Lease."""

    pod: str
    at: int
    """When it said so."""
    running: Revision | None = None
    """The config that it runs. Its digest is that of the config."""
    refused: Revision | None = None
    """The newest config that it was given and does not run."""
    refused_because: str = ""
    served: Served | None = None
    """Under the config that it runs. None from gateways that don't count it."""
    evidence: EvidenceTold | None = None
    """None where it keeps none."""

    @property
    def newest(self) -> tuple[int, int]:
        """How new the newest is that it has said anything of; (0, 0) before all if it has not."""
        return max((each.order for each in (self.running, self.refused) if each is not None), default=(0, 0))

    def runs(self, revision: Revision) -> bool:
        """Whether it runs this one, or something newer."""
        return self.running is not None and self.running.order >= revision.order


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SiteReport:
    """What is known of a site's cluster after an attempt to deliver."""

    site: str
    at: int
    """When the attempt ended."""
    delivered: Revision | None = None
    """The last that is complete there: every object applied, what is gone removed."""
    faults: tuple[Fault, ...] = ()
    repairs: tuple[Repair, ...] = ()
    children: int = 0
    """Objects of ours in the cluster that are of this site."""
    running: tuple[Running, ...] = ()
    sees_engines: bool = True
    """Whether Deployments may be listed there: if not, `running` says nothing."""
    gateway_replicas: int = 0
    gateway_ready: int = 0
    gateway_outdated: int = 0
    """Pods that are yet to be replaced by others of the newest template: they stay as long as those don't start."""
    gateway_pods: tuple[GatewayPod, ...] = ()
    version: str = ""
    """Of the API server, such as v1.34.1."""
    demand: Mapping[str, RouteDemand] | None = None
    """Route -> where its requests come from; None where not all gateways tell it."""
    peering: Peering | None = None
    """Whom its gateway trusts and who vouches for it; None where that was not looked at."""
    evidence_key: str = ""
    """PEM: the public half of the key that signs its evidence; empty where none is kept."""
    observation: SiteObservation = dataclasses.field(default_factory=SiteObservation)
    """`unreachable_since` says since when there is no contact; all else is then as it was last seen."""

    @property
    def is_reachable(self) -> bool:
        return self.observation.unreachable_since is None

    @property
    def is_seen(self) -> bool:
        """Whether what runs there is known: not if the cluster has been away since we began, or lets nobody look."""
        return bool(self.version) and self.sees_engines


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A site whose new revision waits, and why: a wave that isn't its own, a refusal elsewhere, a guard."""

    reason: Reason
    """Progressing, Paused, ConfigRejected, ErrorsRose, or Conflict where only `isochrone.dev/allow-prune` helps."""
    message: str
    is_cause: bool = False
    """Whether it has what was issued, and that is why others wait."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Everything that status is made from, beside snapshot and plan."""

    reports: Mapping[str, SiteReport] = dataclasses.field(default_factory=dict)
    """EdgeNode -> the last report; those that were never tried are missing."""
    wanted: Mapping[str, Revision] = dataclasses.field(default_factory=dict)
    """EdgeNode -> the newest revision that was issued for it."""
    held: Mapping[str, Held] = dataclasses.field(default_factory=dict)
    """EdgeNode -> why what is planned for it has not been issued."""
    anchoring: Anchoring = dataclasses.field(default_factory=Anchoring)
    """What the hub keeps of evidence."""
    secrets: Mapping[str, frozenset[str]] | None = None
    """Secret of isochrone-system on the hub -> those of its keys that have a value; None where that isn't known."""


def essence(report: SiteReport) -> SiteReport:
    """Without what is new in every report."""
    pods = tuple(map(_settled, report.gateway_pods))
    return dataclasses.replace(report, at=0, gateway_pods=pods, demand=None)


def _settled(pod: GatewayPod) -> GatewayPod:
    told = pod.evidence
    evidence = None if told is None else EvidenceTold(problem=told.problem, copying=told.copying)
    return dataclasses.replace(pod, at=0, served=None, evidence=evidence)
