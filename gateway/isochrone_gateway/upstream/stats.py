"""What a pool tells about itself, for metrics and `/status`."""

import dataclasses

from isochrone_gateway.upstream.target import Target


@dataclasses.dataclass(slots=True)
class Counters:
    """Totals since the start, by `Target.name`: they outlive connections and changes of the config."""

    attempts: int = 0
    opened: int = 0
    sent_again: int = 0
    """Attempts that met a stale connection and were sent once more."""


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class LaneState:
    """The connections to one target now."""

    target: Target
    busy: int
    idle: int
    connecting: int
    waiting: int
