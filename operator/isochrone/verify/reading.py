"""Whether a site's gateway can read the config that was verified: pods read ConfigMaps of their own namespace alone."""

from collections.abc import Iterable, Iterator

from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import Found, SiteConfig
from isochrone.verify.pods import is_gateway


def findings(site: SiteConfig, objects: Iterable[Found]) -> Iterator[Finding]:
    """Of each workload that runs the gateway."""
    for each in objects:
        there = each.item["metadata"].get("namespace") or "default"
        if is_gateway(each) and there != site.namespace:
            text = (
                f"the gateway runs in the namespace {there}, and can't read the config that was verified, which is in"
                f" {site.namespace}"
            )
            yield Finding(rule=Rule.WRONG_ADDRESS, site=site.site, where=each.where, message=text)
