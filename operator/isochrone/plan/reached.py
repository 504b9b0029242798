"""Who is served from where, as a map shows it: for each centre of population the nearest lawful site with engines."""

import dataclasses
from collections.abc import Iterable, Iterator

from isochrone.geo.population import Centre, population
from isochrone.model import Plan, RouteKey, Snapshot
from isochrone.plan.demand import centres, lawful_by_code
from isochrone.plan.latency import rtts_to_centres
from isochrone.plan.planner import Prepared, prepare


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """A centre from which callers may ask, and who answers them."""

    centre: Centre
    site: str | None
    """None where nobody does."""
    rtt: int | None
    """Microseconds."""
    is_lawful: bool
    """Whether some site may, if it had engines."""


def reached(
    snapshot: Snapshot,
    plan: Plan,
    *,
    now: int,
    routes: Iterable[RouteKey] | None = None,
    prepared: Prepared | None = None,
) -> Iterator[Reached]:
    """Every centre from which somebody may call one of these routes; all routes, when left out.

    `prepared` as for `routing`.
    """
    prepared = prepared or prepare(snapshot, now=now)
    wanted = [key for key in prepared.wants if routes is None or key in set(routes)]
    lawful = _lawful(prepared, wanted)
    serving = _serving(prepared, plan, wanted)
    sites = prepared.world.sites
    table = rtts_to_centres([site.point for site in sites])
    for code in sorted(lawful):
        masks = lawful[code]
        able = [site for site in sites if any(mask & serving[key] >> site.index & 1 for key, mask in masks.items())]
        for index in centres()[code]:
            rtt, site = min(((int(table[at.index, index]), at.name) for at in able), default=(None, None))
            yield Reached(centre=population()[index], site=site, rtt=rtt, is_lawful=any(masks.values()))


def _lawful(prepared: Prepared, routes: Iterable[RouteKey]) -> dict[str, dict[RouteKey, int]]:
    """Code of centres -> by route, the sites whose engines may serve some caller's data from there."""
    found: dict[str, dict[RouteKey, int]] = {}
    for key in routes:
        for code, mask in lawful_by_code(prepared.laws[key].reach, len(prepared.world.sites)).items():
            found.setdefault(code, {})[key] = mask
    return found


def _serving(prepared: Prepared, plan: Plan, routes: Iterable[RouteKey]) -> dict[RouteKey, int]:
    """By route, the sites that have its engines and can be reached."""
    found = dict.fromkeys(routes, 0)
    for each in plan.placements:
        site = prepared.world.sites[prepared.world.site_index[each.site]]
        if each.route in found and not site.is_lost:
            found[each.route] |= 1 << site.index
    return found
