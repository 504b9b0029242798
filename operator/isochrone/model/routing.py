"""Who may answer a route's requests that come in at one site, in which order."""

import dataclasses
from collections.abc import Mapping

from isochrone.model.keys import RouteKey


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class ToEngine:
    """Engines of this route at this very site."""

    route: RouteKey


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class ToPeer:
    """Engines of this route at another site, by way of its gateway."""

    site: str
    route: RouteKey


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class ToProvider:
    """A provider's model, at one of its endpoints."""

    provider: str
    endpoint: str
    model: str
    """By the name that ModelRoutes use."""


Target = ToEngine | ToPeer | ToProvider


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to answer."""

    target: Target
    place: int
    """Index into the installation's places (`law.atlas`)."""
    weight: int = 1
    rtt: int = 0
    """Microseconds that the planner expects; 0 at the site itself."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The tiers of each route at one site, each with its candidates, best first. Empty tiers are left out."""

    site: str
    routes: Mapping[RouteKey, tuple[tuple[Candidate, ...], ...]]
