"""Which sites wait because too much would be lost: engines run for routes that nobody declares.

A route that is missing may have been deleted, or the hub may not have it yet: after it was made anew, say, or while a
GitOps tool is half-way. So what runs for it is left alone until its deletion was seen, or until it has been missing for
long. And of the routes that run, only so many may go in one pass: whoever means it says `isochrone.dev/allow-prune`.

A whole site waits, not only its objects: a config without the route would end it as well.
"""

import dataclasses
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.conditions import Reason
from isochrone.model import Held, RouteKey, SiteReport
from isochrone.rollout.releases import Releases

ALLOW_PRUNE: Final = "isochrone.dev/allow-prune"
"""On an EdgeNode: what is no longer declared may be removed there, however much it is."""
MISSING_FOR: Final = 600
"""Seconds after which a route that runs and isn't declared counts as deleted."""
_FEW: Final = 3
_PERCENT: Final = 10


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Absences:
    """Since when routes that run have not been declared, and which of them were seen to be deleted."""

    since: Mapping[RouteKey, int] = dataclasses.field(default_factory=dict)
    deleted: frozenset[RouteKey] = frozenset()


def looked(
    before: Absences,
    reports: Iterable[SiteReport],
    declared: Collection[RouteKey],
    deleted: Collection[RouteKey],
    *,
    now: int,
) -> Absences:
    """What is missing now. `deleted` are those whose deletion was seen since the last look."""
    running = {each.route for report in reports for each in report.running}
    missing = running - set(declared)
    return Absences(
        since={route: before.since.get(route, now) for route in missing},
        deleted=(before.deleted | frozenset(deleted)) & missing,
    )


def held(
    absences: Absences, reports: Iterable[SiteReport], edges: Mapping[str, EdgeNode], *, now: int
) -> dict[str, Held]:
    """EdgeNode -> why it waits."""
    known = list(reports)
    running = {each.route for report in known for each in report.running}
    may_go = {route for route in absences.since if _may_go(route, absences, now)}
    most = max(_FEW, len(running) * _PERCENT // 100)
    found: dict[str, Held] = {}
    for report in known:
        lost = {each.route for each in report.running} & absences.since.keys()
        if not lost or report.site not in edges or _is_allowed(edges[report.site]):
            continue
        if unseen := sorted(lost - may_go):
            found[report.site] = Held(reason=Reason.PROGRESSING, message=_unseen(unseen[0]))
        elif len(may_go) > most:
            found[report.site] = Held(reason=Reason.CONFLICT, message=_too_many(len(may_go), len(running), report.site))
    return found


def unknown(sites: Iterable[str], releases: Releases, reports: Mapping[str, SiteReport]) -> dict[str, Held]:
    """Sites that nobody has looked at yet; all, as long as that is so for one that was given something before.

    A plan that doesn't know what runs would move it.
    """
    wanted = list(sites)
    unseen = [site for site in wanted if site not in reports]
    is_any_known = any(site in releases.sites for site in unseen)
    message = f"waits until the cluster of {unseen[0] if unseen else ''} has been looked at"
    waiting = wanted if is_any_known else unseen
    return {site: Held(reason=Reason.PROGRESSING, message=message) for site in waiting}


def adopted(
    sites: Iterable[str], releases: Releases, reports: Mapping[str, SiteReport], *, quiet_for: float, wait: float
) -> dict[str, Held]:
    """Sites where something of ours runs that this hub has not delivered: it was made anew, and may lack something.

    Where nobody could look yet, as the cluster is away, something may run.
    """
    if quiet_for >= wait:
        return {}
    until = f"waits until nothing has been declared for {wait:g} s"
    old = Held(reason=Reason.PROGRESSING, message=f"runs what a hub before this one delivered; {until}")
    dark = Held(reason=Reason.PROGRESSING, message=f"may run what a hub before this one delivered; {until}")
    return {
        site: old if reports[site].children else dark
        for site in sites
        if not releases.has_issued(site) and site in reports and (reports[site].children or not reports[site].is_seen)
    }


def _may_go(route: RouteKey, absences: Absences, now: int) -> bool:
    return route in absences.deleted or now - absences.since[route] >= MISSING_FOR


def _is_allowed(edge: EdgeNode) -> bool:
    return ALLOW_PRUNE in (edge.metadata.annotations or {})


def _unseen(route: RouteKey) -> str:
    return (
        f"engines of ModelRoute {route.namespace}/{route.name} run here, and it is not declared. Nothing is changed"
        f" until it has been missing for {MISSING_FOR // 60} minutes: declare it, or annotate the EdgeNode with"
        f" {ALLOW_PRUNE}=true if it is to go"
    )


def _too_many(gone: int, running: int, site: str) -> str:
    return (
        f"{gone} of the {running} ModelRoutes that run are no longer declared, which is more than goes at once. If they"
        f" are to go: kubectl annotate edgenode {site} {ALLOW_PRUNE}=true"
    )
