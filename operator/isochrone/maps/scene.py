"""What a map shows, as data. Whoever has a plan makes one of these from it; nothing here knows how a plan is made."""

import dataclasses
import enum

from isochrone.geo.latency import Point
from isochrone.model import RouteKey


class SiteState(enum.StrEnum):
    """How a site is."""

    ACTIVE = "Active"
    DRAINING = "Draining"
    DISABLED = "Disabled"
    LOST = "Lost"


class WhyUnserved(enum.StrEnum):
    """Why nobody answers an origin."""

    UNLAWFUL = "Unlawful"
    """No site or endpoint may."""
    NO_ENGINE = "NoEngine"
    """Some may, but none has engines for it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Engines of a route at a site."""

    route: RouteKey
    replicas: int
    devices: int = 0
    """Over all replicas."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A site, and what runs there."""

    name: str
    point: Point | None
    """None where nobody knows: it is named, and not on the map."""
    jurisdiction: str = ""
    state: SiteState = SiteState.ACTIVE
    runs: tuple[Runs, ...] = ()

    @property
    def devices(self) -> int:
        return sum(each.devices for each in self.runs)

    @property
    def is_serving(self) -> bool:
        """Whether it runs engines that can be reached."""
        return bool(self.runs) and self.state in {SiteState.ACTIVE, SiteState.DRAINING}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A point where requests come from, and who answers them."""

    name: str
    point: Point
    people: int
    site: str | None = None
    """The site whose engines answer; None where none does."""
    rtt_ms: float | None = None
    why_unserved: WhyUnserved = WhyUnserved.NO_ENGINE
    """Means something only where no site answers."""

    @property
    def rank(self) -> tuple[int, str, float, float]:
        """By people, most first."""
        return -self.people, self.name, self.point.latitude, self.point.longitude


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two sites of which one hands requests over to the other."""

    here: str
    there: str
    rtt_ms: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A route that runs at fewer sites than it wants, or nowhere."""

    route: RouteKey
    why: str
    """A few words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All that a map shows. The order within each tuple means nothing."""

    title: str
    sites: tuple[Site, ...] = ()
    origins: tuple[Origin, ...] = ()
    links: tuple[Link, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
