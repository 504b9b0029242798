"""One config, prepared for look-ups. Nothing in it changes; what does is only referred to (see `live`)."""

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from isochrone_gateway.config.routes import Retry, Route, RouteEndpoint
from isochrone_gateway.config.site import Age, Site
from isochrone_gateway.ledger.trail import Trail
from isochrone_gateway.route.candidates import Picker
from isochrone_gateway.route.clients import Networks
from isochrone_gateway.route.hold import HoldQueue
from isochrone_gateway.route.origin import Origins
from isochrone_gateway.route.retry import RetryBudget
from isochrone_gateway.server.pipeline.backends import Backend
from isochrone_gateway.server.pipeline.callers import Caller
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.peers import Identities
from isochrone_gateway.server.pipeline.regions import Regions
from isochrone_gateway.server.pipeline.rulings import Rulings
from isochrone_gateway.upstream.target import Timeouts
from isochrone_gateway.wire.body import Shaping

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.handling import Handling


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Way:
    """One candidate of a route, with all of its requests and answers that doesn't depend on the request."""

    backend: Backend
    model: str
    model_json: bytes
    model_change: dict[str, bytes]
    """The change of the body that puts this model into it."""
    set_members: dict[str, bytes]
    """Changes of the body that tell a provider its region."""
    told: tuple[str, ...]
    """What tells a provider its region, for people: `model=`, `inference_geo=`, `openai-project:`."""
    heads: Mapping[Asked, bytes]
    passed: tuple[bytes, ...]
    """Headers of the client that go on."""
    salts: bool
    """Whether prompts get a cache salt of their tenant."""
    lines: bytes
    """Header lines that tell the client who answered."""
    place: int
    label: str
    provider: str
    jurisdiction: str
    level: str
    """How well its place is known."""
    pool: str = ""
    """The pool of engines, here or at a peer."""
    peer: str = ""

    @property
    def is_own(self) -> bool:
        """Whether engines of this site answer."""
        return bool(self.pool) and not self.peer

    def begin(self, trail: Trail, now: float) -> bytes:
        """An attempt at it begins, in this trail. Gives the header lines that tell the backend its parent."""
        return trail.begin(
            now, candidate=self.label, provider=self.provider, model=self.model, jurisdiction=self.jurisdiction
        )


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class RouteView:
    """One route."""

    route: Route
    id: str
    endpoints: frozenset[RouteEndpoint]
    data_classes: frozenset[str]
    picker: Picker
    ways: tuple[Way, ...]
    """In the order of the picker's options."""
    state_places: tuple[int, ...]
    shaping: Shaping
    regions: Regions
    """What callers may not choose, since it is chosen here."""
    timeouts: Timeouts
    """Of streamed answers."""
    whole_timeouts: Timeouts
    """Of the others: their first byte comes when all of it is there."""
    retry: Retry
    budget: RetryBudget
    hold: "HoldQueue[Handling]"


class Own(NamedTuple):
    """A route and a pool of this site that may answer it: what a peer may ask for."""

    route: RouteView
    way: Way


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Revision:
    """One config."""

    name: str
    installation: str
    created: int
    site: Site
    site_lines: bytes
    callers: Mapping[bytes, Caller]
    anybody: Caller | None
    origins: Origins
    rulings: Rulings
    age: Age
    routes: tuple[RouteView, ...]
    route_classes: Mapping[str, frozenset[str]]
    """The data classes of each route."""
    names: Mapping[str, RouteView]
    jurisdictions: tuple[str, ...]
    """Of each place, as told to clients."""
    forwarders: Networks
    """Whose word on the client's address is taken from X-Forwarded-For."""
    peers: Identities
    """Who may send requests of its clients here."""
    own: Mapping[tuple[str, str], Own]
    """By route and pool."""
    tenant_classes: Mapping[str, frozenset[str]]
    """The data classes of each tenant."""
