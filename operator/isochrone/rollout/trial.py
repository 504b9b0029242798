"""A site that has got something new: whether it is still being tried out there, and whether requests fail more since.

It is tried out from when it is issued, until all pods of the gateway run it and have told of requests for as long as is
wished. A gateway that neither runs nor refuses it, that says nothing, or that counts no requests, is not waited for.
Pods of a new template are waited for longer: as long as those don't start, the ones before go on in their place. What
was found bad stays so, whatever becomes of the numbers, until something else is issued or somebody says that it is to
go on.
"""

from collections.abc import Iterator
from typing import Final

from isochrone.model import Revision, Served, SiteReport
from isochrone.rollout import errors
from isochrone.rollout.errors import Watch
from isochrone.rollout.releases import Trial

ALLOW_ERRORS: Final = "isochrone.dev/allow-errors"
"""On an EdgeNode, a revision: that more requests fail there since it got this one stops nothing."""
CONFIRM_WITHIN: Final = 60
"""Seconds for which a gateway is waited for that neither runs nor refuses what it was given."""
REPLACED_WITHIN: Final = 600
"""Seconds for which pods of a new template are waited for: after so long a Deployment gives up, too."""


def begun(before: Trial | None, report: SiteReport | None, *, is_unresolved: bool, now: int) -> Trial | None:
    """Of what is issued now, where a gateway runs. What isn't known to be well is no measure for what comes next."""
    if report is None or not report.gateway_pods:
        return None
    if before is not None and is_unresolved:
        return Trial(at=now, before=before.before)
    return Trial(at=now, before=errors.together(each.served for each in report.gateway_pods if each.served))


def risen(trial: Trial | None, issued: Revision | None, report: SiteReport | None, watch: Watch, *, now: int) -> str:
    """By how much more requests fail since, in words; empty if they don't."""
    if trial is None or trial.risen:
        return trial.risen if trial is not None else ""
    if not watch.seconds or now - trial.at >= _limit(watch):
        return ""
    return errors.risen(trial.before, errors.together(_told(issued, report)), watch)


def is_open(trial: Trial | None, issued: Revision | None, report: SiteReport | None, watch: Watch, *, now: int) -> bool:
    """Whether others still wait for what is found at this site."""
    if trial is None or issued is None or report is None or not report.is_reachable:
        return False
    if report.delivered != issued or not is_programmed(issued, report):
        return now - trial.at < CONFIRM_WITHIN
    if report.gateway_outdated:
        return now - trial.at < REPLACED_WITHIN
    seconds = [each.seconds for each in _told(issued, report)]
    return bool(seconds) and min(seconds) < watch.seconds and now - trial.at < _limit(watch)


def is_programmed(issued: Revision, report: SiteReport) -> bool:
    """Whether every pod of a gateway that speaks runs what was issued, or something newer."""
    return all(each.runs(issued) for each in report.gateway_pods)


def _told(issued: Revision | None, report: SiteReport | None) -> Iterator[Served]:
    """What pods say that run what was issued."""
    for each in report.gateway_pods if report is not None and issued is not None else ():
        if each.served is not None and issued is not None and each.runs(issued):
            yield each.served


def _limit(watch: Watch) -> float:
    """Seconds after which nothing of a trial is waited for, and no errors are laid to it: reports come in late."""
    return CONFIRM_WITHIN + 2 * watch.seconds
