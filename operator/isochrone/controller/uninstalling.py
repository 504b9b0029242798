"""`isochrone uninstall`: takes an installation out of its hub and the clusters of its sites, in a safe order.

While an operator leads, it does what it does whenever an EdgeNode is deleted: it drains the site and empties its
cluster. After that, or if none leads, its Lease is held, so that nobody delivers anything any more, and what is left is
removed from here by the same rules. Resources go once sites are clean, the law last, and CRDs after everything else.
"""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from isochrone.api import GROUP, EdgeNode
from isochrone.api.edge_node import ClusterType, Delivery
from isochrone.controller import departures, reaching, state
from isochrone.controller.pulled import Pulled
from isochrone.kube import announcing, fence, gather, kinds, peering, profiles
from isochrone.kube.access import Access
from isochrone.kube.api import Api, Limits
from isochrone.kube.clearing import Clearing, Limit
from isochrone.kube.errors import ApiError, Conflict, NotFound, Unreachable
from isochrone.kube.hub import KINDS, Hub, finalizers_of, set_finalizers
from isochrone.kube.kinds import Kind
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.clusters import cluster_of
from isochrone.rollout import leaving, removal
from isochrone.rollout.removal import Fate, Told

Json = Mapping[str, Any]
Tell = Callable[[Told], None]

HUB: Final = "the hub"
CRD: Final = Kind(
    "apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", is_namespaced=False
)
_ALL: Final = "all that is left of Isochrone there"
_PAUSE: Final = 0.5
_AFTERWARDS: Final = 60.0
"""Seconds for what the hub itself has, once sites are clean or given up."""
_SLACK: Final = 30.0
"""Seconds beyond the limit for requests that are under way."""
_QUICK: Final = Limits(attempts=2, answer=15.0)
_OURS: Final = frozenset({leaving.FINALIZER, departures.IN_USE})
_BY_NAME: Final = {kind.__name__: found for kind, found in KINDS.items()}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user asks for."""

    installation: str = "isochrone"
    timeout: float = 600.0
    """Seconds for sites to become clean."""
    drains: bool = True
    ways: Mapping[str, Access] = dataclasses.field(default_factory=dict)
    """EdgeNode -> an administrator's way into its cluster."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """What the hub has."""

    edges: tuple[EdgeNode, ...]
    """Those that are gone while something is left of them too."""
    resources: Mapping[str, tuple[Json, ...]]
    """Kind -> objects."""
    secrets: Mapping[str, Json] = dataclasses.field(repr=False)
    crds: tuple[Json, ...]
    leader: str | None

    @property
    def spared(self) -> dict[str, str]:
        """EdgeNode -> why nothing of it is removed."""
        return {edge.metadata.name: why for edge in self.edges if (why := _spared(edge))}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """A cluster with sites, and how it is reached."""

    name: str
    """As it is called in what is said."""
    sites: tuple[str, ...]
    edge: EdgeNode | None = None
    given: Access | None = None

    @property
    def is_mailed(self) -> bool:
        """Whether only the operator in it can be asked, through the hub."""
        return self.given is None and self.edge is not None and self.edge.spec.delivery is Delivery.PULL


async def look(api: Api) -> Look:
    """Raises ApiError."""
    resources = {name: await _all(api, kind) for name, kind in _BY_NAME.items()}
    declared = [gather.read(EdgeNode, each) for each in resources["EdgeNode"]]
    kept = await state.read(Hub(api))
    gone = [gather.read(EdgeNode, each) for each in kept.releases.tombstones.values()]
    secrets = await api.list(kinds.SECRET.path(SYSTEM_NAMESPACE))
    return Look(
        edges=(*declared, *gone),
        resources=resources,
        secrets={item["metadata"]["name"]: item for item in secrets.items},
        crds=tuple(each for each in await _all(api, CRD) if each["spec"]["group"] == GROUP),
        leader=await fence.leader(api),
    )


def places(seen: Look, wish: Wish) -> list[Place]:
    """Every cluster but the hub's."""
    clusters: dict[str, list[EdgeNode]] = {}
    for edge in seen.edges:
        if edge.spec.cluster.type is not ClusterType.LOCAL and not _spared(edge):
            clusters.setdefault(cluster_of(edge), []).append(edge)
    found = []
    for edges in clusters.values():
        names = tuple(edge.metadata.name for edge in edges)
        given = next((wish.ways[name] for name in names if name in wish.ways), None)
        found.append(Place(name=_named(names), sites=names, edge=edges[0], given=given))
    known = {edge.metadata.name for edge in seen.edges}
    found += [
        Place(name=_named([name]), sites=(name,), given=way) for name, way in wish.ways.items() if name not in known
    ]
    return found


async def let_go(api: Api, seen: Look, tell: Tell) -> None:
    """Nothing of ours holds anything any more; all else stays. Raises ApiError."""
    async with fence.held(api):
        for item in seen.resources["EdgeNode"]:
            await _release(api, _BY_NAME["EdgeNode"], item, tell)
        for item in seen.secrets.values():
            await _release(api, kinds.SECRET, item, tell)


async def everything(api: Api, seen: Look, wish: Wish, tell: Tell) -> None:
    """Leave nothing of it. Raises ApiError if the hub can't be asked."""
    for site, why in seen.spared.items():
        tell(Told(cluster=HUB, what=f"what EdgeNode {site} has in its cluster", fate=Fate.KEPT, why=why))
    began = time.monotonic()
    for item in seen.resources["EdgeNode"]:
        await _ask_to_go(api, item, _BY_NAME["EdgeNode"])
    if seen.leader is not None:
        await _emptied_by_operator(api, seen, tell, until=began + wish.timeout / 2)
    limit = Limit(until=began + wish.timeout, drain_until=began + wish.timeout * 3 / 4 if wish.drains else 0.0)
    async with fence.held(api):
        hub = Clearing(HUB, api, wish.installation, limit=limit, tell=tell)
        away = _Removal(hub, seen, wish, limit)
        await asyncio.gather(hub.sweep(seen.spared), *map(away.clear, places(seen, wish)))
        await _resources(api, seen, wish, tell)


async def _emptied_by_operator(api: Api, seen: Look, tell: Tell, *, until: float) -> None:
    """Wait while the operator does its part."""
    waiting = {item["metadata"]["name"] for item in seen.resources["EdgeNode"]} - seen.spared.keys()
    while waiting and time.monotonic() < until:
        there = {item["metadata"]["name"] for item in await _all(api, _BY_NAME["EdgeNode"])}
        for site in sorted(waiting - there):
            what = f"what was delivered for EdgeNode {site}, by the operator {seen.leader}"
            tell(Told(cluster=HUB, what=what, fate=Fate.REMOVED))
        waiting &= there
        await asyncio.sleep(_PAUSE)


class _Removal:
    """From the clusters of sites."""

    def __init__(self, hub: Clearing, seen: Look, wish: Wish, limit: Limit) -> None:
        self._hub = hub.api
        self._tell = hub.tell
        self._seen = seen
        self._wish = wish
        self._limit = limit

    async def clear(self, place: Place) -> None:
        """One cluster. Whatever can't be done is told."""
        try:
            async with asyncio.timeout(self._limit.until - time.monotonic() + _SLACK):
                if place.is_mailed:
                    await self._by_mail(place)
                else:
                    await self._by_hand(place)
        except (ApiError, TimeoutError) as error:
            why = str(error) or "it did not answer in time"
            self._left(place, _ALL, f"{why}. {_again(place)}")

    async def _by_hand(self, place: Place) -> None:
        """Tried until the limit while nobody answers."""
        while True:
            try:
                async with (await self._access(place)).api(limits=_QUICK) as api:
                    await self._clear(place, api)
            except Unreachable:
                if self._limit.is_over:
                    raise
            else:
                return
            await asyncio.sleep(_PAUSE)

    async def _access(self, place: Place) -> Access:
        if place.given is not None:
            return place.given
        if place.edge is None:
            raise ValueError(f"{place.name} is neither declared nor given")
        return reaching.access_of(place.edge, self._seen.secrets, await profiles.all_of(self._hub))

    async def _clear(self, place: Place, api: Api) -> None:
        clearing = Clearing(place.name, api, self._wish.installation, limit=self._limit, tell=self._tell)
        spared = self._seen.spared
        if place.given is None:
            await clearing.sweep(spared)
            await clearing.namespaces(spared)
            await clearing.guests(is_one=True)
            return
        if leader := await fence.leader(api):
            if place.edge is None or place.edge.spec.delivery is not Delivery.PULL:
                why = f"the operator {leader} leads there, and would bring it back: end it, and run this again"
                self._left(place, _ALL, why)
                return
            if not await self._by_mail(place):
                return
        async with fence.held(api):
            await clearing.sweep(spared)
            await clearing.guests(is_one=False)
            await clearing.namespaces(spared)

    async def _by_mail(self, place: Place) -> bool:
        """Ask the operator in the cluster to empty it. Whether it has."""
        (site,) = place.sites
        pulled = Pulled(self._hub, site, clock=time.time, vouch=peering.nobody)
        empty = departures.emptied(site, self._wish.installation)
        why = "its operator has not emptied it in time"
        while not self._limit.is_over:
            try:
                report = (await pulled.deliver([empty], paused=frozenset()))[site]
            except Unreachable as error:
                why = str(error)
            else:
                if leaving.is_empty(report):
                    self._mailed(place)
                    return True
                why = report.faults[0].message if report.faults else f"{report.children} objects are still there"
            await asyncio.sleep(_PAUSE)
        self._left(place, _ALL, f"{why}. {_again(place)}")
        return False

    def _mailed(self, place: Place) -> None:
        what = "all that was delivered to it"
        self._tell(Told(cluster=place.name, what=what, fate=Fate.REMOVED))
        if place.given is None:
            self._left(place, "its Namespaces, and what `isochrone site join` has made", _again(place))

    def _left(self, place: Place, what: str, why: str) -> None:
        self._tell(Told(cluster=place.name, what=what, fate=Fate.LEFT, why=why))


async def _resources(api: Api, seen: Look, wish: Wish, tell: Tell) -> None:
    """What the hub itself has: resources, what is kept, credentials, Namespaces, and CRDs. Raises ApiError."""
    limit = Limit(until=time.monotonic() + _AFTERWARDS)
    clearing = Clearing(HUB, api, wish.installation, limit=limit, tell=tell)
    for item in await _all(api, _BY_NAME["EdgeNode"]):
        await _release(api, _BY_NAME["EdgeNode"], item, None)
    for name in removal.ORDER:
        await _removed(clearing, _BY_NAME[name], seen.resources[name])
    secrets = await api.list(kinds.SECRET.path(SYSTEM_NAMESPACE))
    for item in secrets.items:
        await _release(api, kinds.SECRET, item, tell)
    kept = [await Hub(api).kept(name) for name in (announcing.NAME, state.NAME)]
    await _removed(clearing, kinds.CONFIG_MAP, filter(None, kept))
    await clearing.guests(is_one=False)
    await clearing.namespaces(seen.spared, pulling=_pulling(seen.edges))
    left = [each for name in removal.ORDER for each in await _all(api, _BY_NAME[name])]
    for crd in seen.crds:
        if left:
            clearing.left(f"CustomResourceDefinition {crd['metadata']['name']}", "resources of ours are still there")
        else:
            await clearing.remove(crd, CRD.path(None, crd["metadata"]["name"]))


async def _removed(clearing: Clearing, kind: Kind, items: Iterable[Json]) -> None:
    """All of a kind, asked first and then waited for."""
    asked = []
    for item in items:
        whole = {"apiVersion": kind.api_version, "kind": kind.name, **item}
        if await _ask_to_go(clearing.api, whole, kind):
            asked.append(whole)
        else:
            clearing.removed(whole)
    for item in asked:
        await clearing.gone(item, _path(kind, item))


async def _ask_to_go(api: Api, item: Json, kind: Kind) -> bool:
    """Whether it was still there."""
    try:
        await api.delete(_path(kind, item), uid=item["metadata"]["uid"])
    except (NotFound, Conflict):
        return False
    return True


async def _release(api: Api, kind: Kind, item: Json, tell: Tell | None) -> None:
    """Without finalizers of ours. Somebody may write it meanwhile: then once more."""
    path = _path(kind, item)
    while ours := _OURS & set(finalizers_of(item)):
        try:
            await set_finalizers(api, path, item, [each for each in finalizers_of(item) if each not in ours])
        except Conflict:
            item = await api.get(path)
            continue
        except NotFound:
            return
        if tell is not None:
            what = f"our hold on {kind.name} {item['metadata']['name']}"
            tell(Told(cluster=HUB, what=what, fate=Fate.REMOVED))
        return


async def _all(api: Api, kind: Kind) -> tuple[Json, ...]:
    """All objects of a kind; none where its CRD is gone."""
    try:
        found = await api.list(kind.path())
    except NotFound:
        return ()
    return tuple({"apiVersion": kind.api_version, "kind": kind.name, **item} for item in found.items)


def _path(kind: Kind, item: Json) -> str:
    return kind.path(item["metadata"].get("namespace"), item["metadata"]["name"])


def _pulling(edges: Iterable[EdgeNode]) -> Collection[str]:
    return {edge.metadata.name for edge in edges if edge.spec.delivery is Delivery.PULL}


def _spared(edge: EdgeNode) -> str:
    if edge.spec.delivery is Delivery.GIT_OPS:
        return "a GitOps tool delivers it: remove its files there"
    if edge.spec.cleanup.policy == "Orphan":
        return "its cleanup.policy is Orphan: it is to go on without Isochrone"
    return ""


def _named(names: Collection[str]) -> str:
    return f"the cluster of {', '.join(names)}"


def _again(place: Place) -> str:
    return f"With an administrator's way in: isochrone uninstall --all --site-kubeconfig {place.sites[0]}=FILE"
