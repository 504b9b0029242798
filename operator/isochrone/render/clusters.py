"""Which sites are one Kubernetes cluster, and which of them speaks for it where only one can.

A Service can lead to one gateway only. In a cluster of several sites that is the oldest site's, by name where no age is
known: another site that comes later changes nothing for those who call. Sites that are Disabled don't count.
"""

from collections.abc import Iterable
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.edge_node import State
from isochrone.model.declared import age_of

HUB: Final = "local"
"""The cluster that the hub is in."""


def cluster_of(site: EdgeNode) -> str:
    """What tells its cluster from others. Of a Remote one nothing is known, so it counts as one of its own."""
    cluster = site.spec.cluster
    if ref := cluster.kubeconfig_secret_ref:
        return f"kubeconfig/{ref.name}/{ref.key}"
    if profile := cluster.cluster_profile_ref:
        return f"profile/{profile.namespace}/{profile.name}"
    return f"remote/{site.metadata.name}" if cluster.type == "Remote" else HUB


def speakers(sites: Iterable[EdgeNode]) -> dict[str, str]:
    """Cluster -> the site whose gateway the Services of routes lead to."""
    found: dict[str, str] = {}
    running = (site for site in sites if site.spec.state is not State.DISABLED)
    for site in sorted(running, key=lambda each: (age_of(each), each.metadata.name)):
        found.setdefault(cluster_of(site), site.metadata.name)
    return found
