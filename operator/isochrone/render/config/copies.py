"""Where sites' evidence is copied to: a gateway is given a bucket only where the law lets all of it be.

Without one, nothing of it is in what is rendered: no address, no key, no way out of the cluster.
"""

from collections.abc import Iterable, Mapping

from isochrone import law
from isochrone.api import DataResidencyPolicy, EdgeNode
from isochrone.law import atlas
from isochrone.law.copies import Buckets


def lawful(edges: Mapping[str, EdgeNode], policies: Iterable[DataResidencyPolicy]) -> Mapping[str, EdgeNode]:
    """The sites, each without a bucket that may not have its evidence."""
    if not any(map(atlas.bucket_of, edges.values())):
        return edges
    buckets = Buckets(law.read(each)[0] for each in policies)
    return {
        name: edge if buckets.lawful(edge) is atlas.bucket_of(edge) else _without(edge) for name, edge in edges.items()
    }


def _without(edge: EdgeNode) -> EdgeNode:
    gateway = edge.spec.gateway
    evidence = None if gateway.evidence is None else gateway.evidence.model_copy(update={"object_storage": None})
    spec = edge.spec.model_copy(update={"gateway": gateway.model_copy(update={"evidence": evidence})})
    return edge.model_copy(update={"spec": spec})
