"""What is to run where, and why, as data. Reasons are codes; words are made from them where they are shown."""

import dataclasses
import enum

from isochrone.model.keys import RouteKey
from isochrone.model.observed import Running


class Because(enum.StrEnum):
    """Why a placement is made, kept, moved or ended."""

    KEPT = "Kept"
    """It runs, and nothing speaks against it."""
    MIN_SITES = "MinSites"
    """The route wants this many sites."""
    OBJECTIVE = "LatencyObjective"
    """Too few callers would be within the route's objective without it."""
    BETTER = "ClearlyBetter"
    """It pays to move there, by more than the least gain."""
    LAW_CHANGED = "NoLongerLawful"
    SITE_LOST = "SiteLost"
    SITE_DRAINING = "SiteDraining"
    SITE_DISABLED = "SiteDisabled"
    SITE_GONE = "SiteGone"
    POOL_GONE = "PoolGone"
    NO_LONGER_FITS = "NoLongerFits"
    """The route, the pool or the selectors changed, and the pool does not suit any more."""
    OUTBID = "OutbidByPriority"
    """A route of higher priority needs the devices."""
    FAILING = "Failing"
    ROUTE_GONE = "RouteGone"
    """The route is gone, or serves no longer itself."""
    TOO_MANY_SITES = "TooManySites"
    """The route wants fewer sites than it has."""
    RESIZED = "Resized"
    """The route wants another number of replicas per site, or there is room for more or fewer."""


class WhyNot(enum.StrEnum):
    """Why a route's engines are not at a site, or not in a pool there."""

    SITE_LOST = "SiteLost"
    SITE_DRAINING = "SiteDraining"
    SITE_DISABLED = "SiteDisabled"
    UNKNOWN_PLACE = "UnknownPlace"
    SITE_NOT_SELECTED = "SiteNotSelected"
    UNLAWFUL_INFERENCE = "UnlawfulInference"
    """Lawful for no origin of any caller."""
    UNLAWFUL_WEIGHTS = "UnlawfulWeights"
    NO_POOL = "NoPool"
    """The site has no GPUPool at all."""
    POOL_NOT_SELECTED = "PoolNotSelected"
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    CAPACITY_TYPE = "CapacityType"
    PRIORITY_TOO_HIGH = "PriorityTooHigh"
    DEVICE_PRODUCT = "DeviceProduct"
    DEVICE_MEMORY = "DeviceMemory"
    DEVICES_PER_NODE = "DevicesPerNode"
    """A replica needs more devices than one node has."""
    NO_CAPACITY = "NoCapacity"
    """It would fit, were the devices not taken."""
    FAILED_LATELY = "FailedLately"
    """Its engines failed there, and it is too early to try again."""
    NOT_NEEDED = "NotNeeded"
    """It could run there; other sites serve the route better."""


class ChangeKind(enum.StrEnum):
    """What happens to a placement."""

    START = "Start"
    STOP = "Stop"
    MOVE = "Move"
    RESIZE = "Resize"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Placement:
    """Engines of a route at a site. Every replica fits one node of the pool."""

    route: RouteKey
    site: str
    pool: str | None
    """The GPUPool; None for engines without devices."""
    replicas: int
    because: Because


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Shortfall:
    """What a route wants and does not get."""

    route: RouteKey
    wanted_sites: int
    sites: int
    wanted_replicas: int
    """Over the sites that it wants or has, whichever is more."""
    replicas: int
    why_not: tuple[tuple[WhyNot, int], ...]
    """At how many sites each reason holds, the most frequent first. A site counts once, for where it got furthest."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Change:
    """One difference between what runs and what is to run.

    A move stops at `from_site` once `site` is ready and all gateways know of it.
    """

    route: RouteKey
    kind: ChangeKind
    site: str
    pool: str | None
    because: Because
    from_site: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything decided. Each tuple is sorted."""

    placements: tuple[Placement, ...] = ()
    staying: tuple[Placement, ...] = ()
    """Engines that are to go, and serve until others can do it in their stead; with the reason why they go."""
    shortfalls: tuple[Shortfall, ...] = ()
    changes: tuple[Change, ...] = ()
    deferred: tuple[Change, ...] = ()
    """Moves that would pay, and wait for `maxMovesPerHour`."""

    def as_running(self) -> tuple[Running, ...]:
        """What would be found once it is applied and all of it is ready."""
        return tuple(map(_running, self.placements))

    def meanwhile(self) -> tuple[Running, ...]:
        """The same before what stays has gone."""
        return (*self.as_running(), *map(_running, self.staying))


def _running(placed: Placement) -> Running:
    return Running(
        route=placed.route, site=placed.site, pool=placed.pool, replicas=placed.replicas, ready=placed.replicas
    )
