"""Which engines the gateways of all sites know of: before that, none ends in whose stead they came.

A gateway asks whom its config names. So as long as one anywhere runs a config from before, what that names has to be
there. A config that names the new engines is out everywhere once each site's gateways run what was rendered when those
were ready. A cluster that can't be asked is waited for a while: its gateways may well be serving.
"""

from collections.abc import Iterable
from typing import Final

from isochrone.model import Running, Stand
from isochrone.rollout import trial
from isochrone.rollout.waves import Site

PATIENCE: Final = 300
"""Seconds without contact after which a site is waited for no longer."""


def ready(running: Iterable[Running]) -> frozenset[Stand]:
    """Where engines are that can be asked."""
    return frozenset((each.route, each.site) for each in running if each.ready > 0)


def known(
    before: frozenset[Stand], there: frozenset[Stand], rendered: frozenset[Stand], sites: Iterable[Site], *, now: int
) -> frozenset[Stand]:
    """Of the engines that are ready there, those that all gateways know of.

    `before` were known already, `rendered` were ready when `sites` were rendered.
    """
    told = rendered if all(_follows(site, now) for site in sites) else frozenset()
    return there & (before | told)


def _follows(site: Site, now: int) -> bool:
    """Whether a site's gateways run what was rendered for it, as they were last seen, or are waited for no longer."""
    report, issued = site.report, site.issued
    if report is None:
        return False
    since = report.observation.unreachable_since
    if since is not None and now - since >= PATIENCE:
        return True
    if not report.gateway_pods:
        return since is None
    return issued is not None and issued.digest == site.wanted and trial.is_programmed(issued, report)
