"""Names of what is rendered: within Kubernetes' bounds, the same at each rendering, and no two for the same name.

Sites that share a cluster share its namespaces, so their objects carry the site's name. Which sites do can't be seen
from one EdgeNode, and must not change with the others, since a Deployment can't be renamed: so those that may.
"""

import hashlib
from typing import Final

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterType

LONGEST: Final = 63
"""Characters of a DNS label (RFC 1123), which the names of Services are, and of a label's value."""

_DIGITS: Final = 8


def may_share_cluster(site: EdgeNode) -> bool:
    """Whether other sites may be in the same cluster: those of the hub's own, and those that are some of the nodes."""
    return site.spec.node_selector is not None or site.spec.cluster.type is ClusterType.LOCAL


def engine_name(route: str, site: EdgeNode) -> str:
    """The name of a route's engines at a site: of the Deployment, of its Service, of all that belongs to them."""
    if not may_share_cluster(site):
        return cut(f"{route}-engine")
    # The hash tells route `a-b` at site `c` from route `a` at site `b-c`, and both from the route `a-b-c`.
    digest = _digest(f"{route}/{site.metadata.name}")
    return cut(f"{route}-{site.metadata.name}-engine", digest)


LONGEST_STATEFUL: Final = 52
"""Characters of a StatefulSet's name: its pods' labels have it with a hash of 10 digits."""


def gateway_name(site: EdgeNode) -> str:
    """The name of a site's gateway."""
    if not may_share_cluster(site):
        return "isochrone-gateway"
    return cut(f"isochrone-gateway-{site.metadata.name}")


def stateful_name(site: EdgeNode) -> str:
    """The name of its StatefulSet, where it is one. Its pods have it with their numbers, and evidence has theirs."""
    return cut(gateway_name(site), longest=LONGEST_STATEFUL)


def cut(name: str, digest: str | None = None, *, longest: int = LONGEST) -> str:
    """The name itself where it is short enough and no digest is asked for; else cut, with a hash of all of it."""
    if digest is None and len(name) <= longest:
        return name
    head = name[: longest - _DIGITS - 1].rstrip("-.")
    return f"{head}-{digest or _digest(name)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
