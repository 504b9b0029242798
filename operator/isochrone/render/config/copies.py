"""Where sites' evidence is copied to: a gateway is given a bucket only where the law lets all of it be.

Without one, nothing of it is in what is rendered: no address, no key, no way out of the cluster.
"""

from collections.abc import Iterable, Mapping

from isochrone import law
from isochrone.api import DataResidencyPolicy, EdgeNode
from isochrone.law import Place, Policy, atlas
from isochrone.law.copies import forbidding


def lawful(edges: Mapping[str, EdgeNode], policies: Iterable[DataResidencyPolicy]) -> Mapping[str, EdgeNode]:
    """The sites, each without a bucket that may not have its evidence."""
    if not any(map(atlas.bucket_of, edges.values())):
        return edges
    asked = _Asked([law.read(each)[0] for each in policies])
    return {name: edge if asked.is_lawful(edge) else _without(edge) for name, edge in edges.items()}


class _Asked:
    """Many sites are in one place, and have their buckets in one."""

    def __init__(self, policies: Iterable[Policy]) -> None:
        self._policies = tuple(policies)
        self._known: dict[tuple[Place, Place], bool] = {}

    def is_lawful(self, edge: EdgeNode) -> bool:
        bucket = atlas.bucket_of(edge)
        if bucket is None:
            return True
        key = (atlas.of_site(edge).place, atlas.of_bucket(bucket))
        if key not in self._known:
            here, there = key
            self._known[key] = there.is_known and not forbidding(self._policies, here=here, there=there)
        return self._known[key]


def _without(edge: EdgeNode) -> EdgeNode:
    gateway = edge.spec.gateway
    evidence = None if gateway.evidence is None else gateway.evidence.model_copy(update={"object_storage": None})
    spec = edge.spec.model_copy(update={"gateway": gateway.model_copy(update={"evidence": evidence})})
    return edge.model_copy(update={"spec": spec})
