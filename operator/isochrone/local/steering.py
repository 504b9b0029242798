"""Which site a new connection goes to: the nearest that is live, and lawful for data of the client's place.

The front door sees bytes, no requests, so it knows of the client no more than anycast does: where it is. Who asks, for
whom, and whether that is lawful, the gateway decides; where no lawful site is live, another's refusal says so in words.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from isochrone.law import Origin, Scope
from isochrone.plan.lawful import Asking
from isochrone.plan.planner import Prepared


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A site, as the front door sees it."""

    site: str
    rtt: float
    """Milliseconds from the client."""
    is_lawful: bool
    is_live: bool


def order(doors: Iterable[Door]) -> tuple[str, ...]:
    """Whom to try, in this order."""
    live = sorted((each for each in doors if each.is_live), key=lambda each: (each.rtt, each.site))
    lawful = [each for each in live if each.is_lawful]
    return tuple(each.site for each in lawful or live)


def lawful_entries(prepared: Prepared, code: str | None) -> Mapping[str, bool]:
    """Site -> whether its gateway may see data from the client's place, whoever sends it."""
    origin = Origin.of(code) if code else Origin.of()
    selecting = {asking.selecting for law in prepared.laws.values() for asking in (*law.askings, *law.without_key)}
    masks = [prepared.book.lawful(Asking(each, origin), Scope.INGRESS) for each in sorted(selecting)]
    return {site.name: all(mask >> site.index & 1 for mask in masks) for site in prepared.world.sites}
