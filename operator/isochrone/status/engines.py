"""A route's engines over all sites: how many are wanted, how many are ready, and where something is wrong."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from isochrone.api import ModelRoute
from isochrone.api.conditions import Reason
from isochrone.model import Placement, Running
from isochrone.model.amounts import stamp
from isochrone.model.declared import key_of
from isochrone.model.words import count
from isochrone.status import delivered
from isochrone.status.facts import Facts


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Trouble:
    """A site where something is wrong."""

    site: str
    reason: Reason
    message: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Engines:
    """Engines at lost sites are not counted: others are made elsewhere."""

    sites: int
    ready_sites: int
    replicas: int
    ready: int
    troubles: tuple[Trouble, ...]
    """By site."""


class _Counted(NamedTuple):
    wanted: int
    ready: int


def engines_of(facts: Facts, route: ModelRoute) -> Engines:
    key = key_of(route)
    running = {each.site: each for each in facts.running_of.get(key, ())}
    placed = {each.site: each for each in facts.placed_of.get(key, ())}
    there = [each for each in placed.values() if each.site not in facts.lost]
    counts = {each.site: _counted(route, each, running.get(each.site)) for each in there}
    return Engines(
        sites=len(counts),
        ready_sites=sum(each.ready > 0 for each in counts.values()),
        replicas=sum(each.wanted for each in counts.values()),
        ready=sum(each.ready for each in counts.values()),
        troubles=tuple(sorted(_troubles(facts, placed, running, counts))),
    )


def _counted(route: ModelRoute, placement: Placement, running: Running | None) -> _Counted:
    wanted = _wanted(route, placement, running)
    return _Counted(wanted, min(wanted, running.ready) if running is not None else 0)


def _wanted(route: ModelRoute, placement: Placement, running: Running | None) -> int:
    """What an autoscaler wants is in the cluster; the placement is what it may want at most."""
    serving = route.spec.serving
    if serving is None or serving.replicas_managed_by != "Autoscaler":
        return placement.replicas
    return min(placement.replicas, running.replicas if running is not None else serving.replicas_per_site)


def _troubles(
    facts: Facts, placed: Iterable[str], running: Mapping[str, Running], counts: Mapping[str, _Counted]
) -> Iterator[Trouble]:
    for site in placed:
        if site in facts.lost:
            yield Trouble(site=site, reason=Reason.UNREACHABLE, message=_lost(facts, site))
        elif site in running and running[site].is_failing:
            ready = f"{counts[site].ready} of {count(counts[site].wanted, 'replica')} ready"
            yield Trouble(site=site, reason=Reason.FAILING, message=f"{ready}, and that for long: see their logs")
        elif counts[site].ready < counts[site].wanted:
            report = facts.delivery.reports.get(site)
            fault = delivered.fault(report) if report is not None and report.is_reachable else None
            if fault is not None:
                yield Trouble(site=site, reason=fault.reason, message=fault.message)


def _lost(facts: Facts, site: str) -> str:
    since = facts.snapshot.observed.sites[site].unreachable_since
    return f"no contact since {stamp(since)}; it is placed elsewhere as well" if since is not None else "no contact"
