"""What a running network says of itself: to the screen, and to `isochrone sites` by way of the control socket."""

import dataclasses
from collections.abc import Mapping

import msgspec


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EngineView:
    """An engine that runs, or is about to."""

    route: str
    site: str
    is_ready: bool
    pid: int | None = None
    restarts: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SiteView:
    """A site."""

    name: str
    place: str
    url: str
    state: str
    """Starting, Ready, or how it stands: Draining, Stopped, Killed."""
    rtt_ms: float
    """From the client."""
    is_lawful: bool
    is_front: bool
    """Whether the front door leads there now."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RouteView:
    """A route."""

    route: str
    model: str
    endpoints: tuple[str, ...]
    providers: tuple[str, ...]
    is_played: bool
    """Whether another model stands in for its weights."""
    wanted: int
    """Engines that are planned."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """All of it."""

    front: str
    client: str
    is_far: bool
    """Whether distance is simulated."""
    player: str
    """What answers for the engines."""
    sites: tuple[SiteView, ...]
    routes: tuple[RouteView, ...]
    engines: tuple[EngineView, ...]
    missing_keys: Mapping[str, str]
    """Provider -> the environment variable that would make it available."""
    problem: str = ""
    """Why the manifests as they are now are not run."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing is starting."""
        return all(each.state != "Starting" for each in self.sites) and all(each.is_ready for each in self.engines)


def encode(view: View) -> bytes:
    return msgspec.json.encode(view)


def decode(data: bytes) -> View:
    return msgspec.json.decode(data, type=View)
