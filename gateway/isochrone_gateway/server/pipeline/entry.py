"""What the head of a request decides by itself, kept for the next request with the same head.

A client sends the same head again and again (see `server.heads`), and it means the same until the config changes, its
age counts as another, or the key expires. So what was worked out is kept on the head, and asked whether it still holds.
"""

from typing import TYPE_CHECKING, Final

from isochrone_gateway.config.site import Age as AgeLimits
from isochrone_gateway.ledger.record import Operation
from isochrone_gateway.route.mask import Age, age_of
from isochrone_gateway.server.pipeline.callers import ANYBODY, Caller
from isochrone_gateway.server.pipeline.outgoing import Asked
from isochrone_gateway.server.pipeline.rulings import Standpoint
from isochrone_gateway.wire.trace_context import NO_TRACE

if TYPE_CHECKING:
    from isochrone_gateway.server.pipeline.decide import Terms
    from isochrone_gateway.server.pipeline.revision import Revision, Way

NOWHERE: Final = Standpoint(None, frozenset(), frozenset(), Age.FRESH)
"""Of a request that was refused before it was judged."""
_NEVER: Final = float("inf")


class Going:
    """What requests with one head to one backend have in common: the first lines, and those that are passed on."""

    __slots__ = ("lines", "passed")

    def __init__(self, lines: bytes, passed: bytes) -> None:
        self.lines = lines
        self.passed = passed


class Entry:
    """Who calls, what for, from where; filled as far as known, where a request is refused at its head."""

    __slots__ = (
        "_expires",
        "_least",
        "_most",
        "asked",
        "caller",
        "came",
        "chance",
        "explains",
        "going",
        "lines",
        "operation",
        "origin",
        "origin_from",
        "revision",
        "standpoint",
        "tags",
        "terms",
    )

    def __init__(self, revision: "Revision") -> None:
        self.revision = revision
        self.lines = b""
        """Header lines of any answer."""
        self.came = NO_TRACE
        """The trace that the requests belong to."""
        self.chance = 0
        """How many percent of them are recorded with spans."""
        self.caller: Caller = ANYBODY
        self.asked = Asked.CHAT
        self.operation = Operation.UNKNOWN
        self.standpoint = NOWHERE
        self.origin: tuple[str, ...] = ()
        """Of the standpoint, sorted."""
        self.origin_from = ""
        """What said so: `Tenant` or `Header`."""
        self.explains = False
        """Whether the caller may ask for the reasons of a choice, and does."""
        self.tags: dict[str, str] = {}
        """What the caller counts its costs by."""
        self.terms: dict[str, Terms] = {}
        """By the name of the model that was asked for."""
        self.going: dict[Way, Going] = {}
        """What a request to a backend begins with."""
        self._expires = _NEVER
        self._least = self._most = -1.0

    def keep_for(self, age: Age, limits: AgeLimits) -> None:
        """Keep it for as long as the config's age counts as this, and the key is good."""
        self._least, self._most = bounds_of(age, limits)
        if self.caller.expires is not None:
            self._expires = self.caller.expires

    def holds(self, revision: "Revision", age: float, wall: float) -> bool:
        """Whether the same head still means the same."""
        return revision is self.revision and self._least <= age <= self._most and wall < self._expires


def bounds_of(age: Age, limits: AgeLimits) -> tuple[float, float]:
    """From and up to how many seconds the age of a config counts as this one (see `age_of`)."""
    fresh, stale = limits.max_age_ms / 1_000, limits.hard_max_age_ms / 1_000
    bounds = {Age.FRESH: (0.0, fresh), Age.STALE: (fresh, stale), Age.EXPIRED: (stale, _NEVER)}
    least, most = bounds[age]
    # A bound itself belongs to the younger side; one that is met exactly is asked again.
    return (least, most) if age_of(least, limits) is age else (least + 1e-3, most)
