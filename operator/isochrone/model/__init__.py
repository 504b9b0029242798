"""What planner, renderer and delivery hand to each other: frozen records, no decisions.

    Snapshot  what is declared, and what was observed     gathered from a cluster, or read from files
    Plan      where each route's engines are to run       `isochrone.plan`: plan(snapshot, now=...)
    Routing   who answers a route at one site             `isochrone.plan`: derived from snapshot and plan
    Parcel    what a site's cluster is to have            made from a bundle and a revision
    Report    what was found there, and what went wrong   told by whoever applied the parcel

What must not be here: I/O, clocks, the meaning of the law, Kubernetes manifests. It reads the API's models and
geography only. Times are whole seconds since the epoch, round trips whole microseconds, money `decimal.Decimal` US
dollars: a plan is the same to the byte wherever it is computed.
"""

from isochrone.model.delivery import (
    NO_POOLS,
    Delivery,
    Fault,
    GatewayPod,
    Held,
    Parcel,
    PeerIdentity,
    PoolAt,
    Pools,
    Repair,
    Revision,
    RouteDemand,
    RouteServed,
    SecretCopy,
    Served,
    SiteReport,
    essence,
)
from isochrone.model.evidence import Anchor, Anchoring, EvidenceTold
from isochrone.model.keys import ObjectKey, RouteKey
from isochrone.model.observed import Capability, Observed, Running, SiteObservation, Stand
from isochrone.model.peering import Peering
from isochrone.model.plan import (
    Because,
    Change,
    ChangeKind,
    Placement,
    Plan,
    Shortfall,
    WhyNot,
)
from isochrone.model.routing import Candidate, Routing, Target, ToEngine, ToPeer, ToProvider
from isochrone.model.snapshot import Settings, Snapshot, lost_sites

__all__ = [
    "NO_POOLS",
    "Anchor",
    "Anchoring",
    "Because",
    "Candidate",
    "Capability",
    "Change",
    "ChangeKind",
    "Delivery",
    "EvidenceTold",
    "Fault",
    "GatewayPod",
    "Held",
    "ObjectKey",
    "Observed",
    "Parcel",
    "PeerIdentity",
    "Peering",
    "Placement",
    "Plan",
    "PoolAt",
    "Pools",
    "Repair",
    "Revision",
    "RouteDemand",
    "RouteKey",
    "RouteServed",
    "Routing",
    "Running",
    "SecretCopy",
    "Served",
    "Settings",
    "Shortfall",
    "SiteObservation",
    "SiteReport",
    "Snapshot",
    "Stand",
    "Target",
    "ToEngine",
    "ToPeer",
    "ToProvider",
    "WhyNot",
    "essence",
    "lost_sites",
]
