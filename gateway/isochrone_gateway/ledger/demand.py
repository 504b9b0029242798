"""Where requests come from, by route: what the hub plans by.

Counted where their client is answered, so once however often they hop, and by the origin that the law is asked with.
Not counted is what was refused: nobody is nearer to that anywhere. All requests with one head on one route count in one
child, which is found when that head is first seen (`server.pipeline.decide`); so a request pays for an addition.
"""

from collections.abc import Sequence
from typing import Final

from isochrone_gateway.ledger.metrics import Family, Registry, Value

NAME: Final = "isochrone_origin_requests_total"
UNKNOWN: Final = ""
_CAP: Final = 4_096
_MOST_CODES: Final = 64
"""Of one origin. What may come from more places than that tells nothing."""


def family_in(registry: Registry) -> Family[Value]:
    """Make the counters in a registry."""
    text = "Requests that were not refused, by where they come from, as far as the hub may know that."
    return registry.counter(NAME, text, "route", "origin", cap=_CAP)


def origin_of(codes: Sequence[str], *, is_told: bool) -> str:
    """An origin as it is counted: its codes, sorted; unknown if it may be anywhere, or isn't for the hub to know."""
    if not is_told or UNKNOWN in codes or len(codes) > _MOST_CODES:
        return UNKNOWN
    return ",".join(codes)
