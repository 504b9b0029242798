"""What the pods of a site's gateway say of their configuration and of their requests, on the site's Lease.

A pod that is gone doesn't take back what it said. So what hasn't been said again for a while counts no more, and some
time later it is removed.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.kube.kinds import LEASE
from isochrone.model import Anchor, EvidenceTold, GatewayPod, Revision, RouteDemand, RouteServed, Served
from isochrone.rollout.demand import at_site
from isochrone.status.programmed import HEARD_WITHIN
from isochrone_gateway.config import ConfigError
from isochrone_gateway.config import report as reports

Json = Mapping[str, Any]

FORGOTTEN_AFTER: Final = 900


def pods_of(children: Iterable[Json], *, now: float) -> tuple[GatewayPod, ...]:
    """All that speak on the Leases among these objects, sorted. What can't be read was not said."""
    return tuple(sorted(map(_pod, _speaking(children, now))))


def demand_of(children: Iterable[Json], *, now: float) -> dict[str, RouteDemand] | None:
    """Where requests come from, by what the same pods say; None if one of them doesn't say it."""
    speaking = list(_speaking(children, now))
    known = [report.demand for report in speaking if report.demand is not None]
    # A pod that runs nothing yet has not been asked anything.
    return at_site(known) if all(each.demand is not None or each.running is None for each in speaking) else None


def forgotten(children: Iterable[Json], *, now: float) -> Iterator[tuple[str, Json]]:
    """Paths of Leases, and the merge patch that removes what pods said that are long gone."""
    stale: dict[str, dict[str, None]] = {}
    for lease, name, report in _said(children):
        if report is None or now - _at(report) > FORGOTTEN_AFTER:
            metadata = lease["metadata"]
            stale.setdefault(LEASE.path(metadata["namespace"], metadata["name"]), {})[name] = None
    for path, annotations in stale.items():
        yield path, {"metadata": {"annotations": annotations}}


def _speaking(children: Iterable[Json], now: float) -> Iterator[reports.PodReport]:
    """What has been said lately."""
    return (report for _, _, report in _said(children) if report is not None and now - _at(report) <= HEARD_WITHIN)


def _said(children: Iterable[Json]) -> Iterator[tuple[Json, str, reports.PodReport | None]]:
    for item in children:
        annotations = item["metadata"].get("annotations") or {} if item["kind"] == LEASE.name else {}
        for name, value in annotations.items():
            if name.startswith(reports.PREFIX):
                yield item, name, _read(value)


def _read(value: str) -> reports.PodReport | None:
    try:
        return reports.decode(value)
    except ConfigError:
        return None


def _at(report: reports.PodReport) -> float:
    at: dt.datetime = report.at
    return at.timestamp()


def _pod(report: reports.PodReport) -> GatewayPod:
    refused = report.refused
    return GatewayPod(
        pod=report.pod,
        at=int(_at(report)),
        running=_revision(report.running),
        refused=_revision(refused.revision) if refused is not None else None,
        refused_because=f"{refused.reason}: {refused.message}" if refused is not None else "",
        served=_served(report.served),
        evidence=_evidence(report),
    )


def _served(said: reports.Served | None) -> Served | None:
    if said is None:
        return None
    worst = tuple(RouteServed(route=each.route, answered=each.answered, failed=each.failed) for each in said.worst)
    return Served(seconds=said.seconds, answered=said.answered, failed=said.failed, worst=worst)


def _evidence(report: reports.PodReport) -> EvidenceTold | None:
    said = report.evidence
    if said is None:
        return None
    anchor = said.anchor
    found = None if anchor is None else Anchor(n=anchor.n, at=anchor.at, digest=anchor.digest)
    copying = None if said.copying is None else said.copying.problem
    return EvidenceTold(at=int(_at(report)), anchor=found, problem=said.problem, copying=copying)


def _revision(said: Any) -> Revision | None:
    return None if said is None else Revision(epoch=said.epoch, sequence=said.sequence, digest=said.digest)
