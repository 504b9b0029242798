"""Sites on their way out: the finalizer that holds an EdgeNode until its cluster is clean, and what is let go."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.api import EdgeNode
from isochrone.controller import reaching
from isochrone.kube import hub, kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import Conflict, NotFound
from isochrone.kube.hub import KINDS, Declared
from isochrone.model import Parcel, Revision, SiteReport
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.rollout import leaving
from isochrone.rollout.leaving import FINALIZER, Phase
from isochrone.rollout.releases import Releases

Json = Mapping[str, Any]

IN_USE: Final = "isochrone.dev/in-use"
"""On Secrets with kubeconfigs and tokens, until no EdgeNode needs them."""
_GONE: Final = frozenset({Phase.GONE, Phase.GONE_WITH_TOMBSTONE})


def departing(declared: Declared) -> Iterator[EdgeNode]:
    """EdgeNodes that are being deleted and wait for us."""
    for edge in declared.of(EdgeNode):
        if edge.metadata.deletion_timestamp and FINALIZER in hub.finalizers_of(declared.raw["EdgeNode", edge.key]):
            yield edge


def buried(
    releases: Releases, declared: Declared, phases: Mapping[str, Phase], reports: Mapping[str, SiteReport]
) -> Releases:
    """With a tombstone for each site that goes while its cluster is away, and without those that are done with."""
    edges = {edge.metadata.name: edge for edge in declared.of(EdgeNode)}
    lost = [site for site, phase in phases.items() if phase is Phase.GONE_WITH_TOMBSTONE]
    here = {site for site in edges if site not in phases or phases[site] not in _GONE}
    clean = {site for site in releases.tombstones if leaving.is_empty(reports.get(site))}
    made = {site: _kept_of(declared.raw["EdgeNode", edges[site].key]) for site in lost}
    return releases.without_tombstones(clean | here).with_tombstones(made)


def _kept_of(item: Json) -> dict[str, Any]:
    """What is needed to find its cluster again."""
    return {"metadata": {"name": item["metadata"]["name"]}, "spec": item["spec"]}


def emptied(site: str, installation: str) -> Parcel:
    """The parcel of a site that is no more."""
    return Parcel(site=site, installation=installation, revision=Revision(epoch=0, sequence=0, digest=""))


async def settle(api: Api, declared: Declared, phases: Mapping[str, Phase]) -> None:
    """Hold what has to be held, and let go of what is done. What has changed meanwhile is left to the next pass."""
    for edge in declared.of(EdgeNode):
        item = declared.raw["EdgeNode", edge.key]
        is_done = phases.get(edge.metadata.name) in _GONE
        is_held = leaving.needs_cleanup(edge) and not is_done
        if edge.metadata.deletion_timestamp and FINALIZER not in hub.finalizers_of(item):
            continue  # a finalizer can't be added any more
        await _hold(api, KINDS[EdgeNode].path(None, edge.metadata.name), item, FINALIZER, is_held=is_held)
    needed = set(_credentials(declared, phases))
    for name, secret in declared.secrets.items():
        is_new = name in needed and not secret["metadata"].get("deletionTimestamp")
        if is_new or IN_USE in hub.finalizers_of(secret):
            path = kinds.SECRET.path(SYSTEM_NAMESPACE, name)
            await _hold(api, path, secret, IN_USE, is_held=name in needed)


def _credentials(declared: Declared, phases: Mapping[str, Phase]) -> Iterator[str]:
    for edge in declared.of(EdgeNode):
        secret = reaching.secret_of(edge)
        if secret is not None and phases.get(edge.metadata.name) not in _GONE:
            yield secret


async def _hold(api: Api, path: str, item: Json, finalizer: str, *, is_held: bool) -> None:
    found = hub.finalizers_of(item)
    if (finalizer in found) == is_held:
        return
    wanted = [*found, finalizer] if is_held else [each for each in found if each != finalizer]
    try:
        await hub.set_finalizers(api, path, item, wanted)
    except (Conflict, NotFound):
        return
