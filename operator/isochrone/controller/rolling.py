"""What the decisions of a roll-out have to know of each site, from all that a pass knows."""

from collections.abc import Iterator, Mapping

from isochrone.api import EdgeNode
from isochrone.controller.made import Made
from isochrone.model import SiteReport
from isochrone.rollout import waves
from isochrone.rollout.errors import Watch
from isochrone.rollout.releases import Releases, Trial
from isochrone.rollout.trial import ALLOW_ERRORS
from isochrone.rollout.waves import Site


def sites(
    made: Mapping[str, Made], releases: Releases, reports: Mapping[str, SiteReport], edges: Mapping[str, EdgeNode]
) -> Iterator[Site]:
    """Those for which something was rendered."""
    for name, each in made.items():
        issued, edge = releases.sites.get(name), edges.get(name)
        yield Site(
            name=name,
            wanted=each.content.digest,
            issued=issued.revision if issued is not None and releases.has_issued(name) else None,
            is_urgent=issued is not None and issued.law != each.content.law,
            report=reports.get(name),
            trial=issued.trial if issued is not None else None,
            allowed=(edge.metadata.annotations or {}).get(ALLOW_ERRORS, "") if edge is not None else "",
        )


def going_on(
    made: Mapping[str, Made],
    releases: Releases,
    reports: Mapping[str, SiteReport],
    edges: Mapping[str, EdgeNode],
    *,
    watch: Watch,
    now: int,
) -> dict[str, Trial]:
    """Trials that have not ended when nothing but the law changes in what these sites have."""
    tried = {name: each for name, each in made.items() if name in releases.sites and releases.sites[name].trial}
    found = ((site.name, waves.kept(site, watch, now=now)) for site in sites(tried, releases, reports, edges))
    return {name: each for name, each in found if each is not None}
