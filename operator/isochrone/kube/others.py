"""What others hold of the GPUs in a cluster: pods, and claims of devices, that are not of our engines.

That is looked at seldom, and no more than is needed for it: the nodes that a pool may be on, and the pods on those of
them that have such devices. In a cluster of thousands of pods, those are a few.

Nodes that are absent, cordoned or not ready count as the pool declares them: they come and go with upgrades and
autoscalers. An engine that finds no node there is found to fail, as it is wherever it can't start.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

from isochrone.kube import devices, kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, Forbidden, NotFound
from isochrone.model import NO_POOLS, PoolAt, Pools

Json = Mapping[str, Any]

EVERY: Final = 60.0
"""Seconds between two looks."""
_RUNNING: Final = "status.phase!=Succeeded,status.phase!=Failed"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What others hold at a site."""

    taken: Mapping[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)
    """GPUPool -> devices, one number per node on which they hold any."""
    untold: str = ""
    """Why that isn't known of all pools; empty if it is."""


NOTHING: Final = Held()


class Others:
    """Looks now and then, and remembers what was seen."""

    def __init__(self, api: Api, installation: str, *, clock: Callable[[], float], every: float = EVERY) -> None:
        self._api = api
        self._installation = installation
        self._clock = clock
        self._every = every
        self._pools: Pools = NO_POOLS
        self._seen: dict[str, Held] = {}
        self._at = float("-inf")

    async def look(self, pools: Pools) -> Mapping[str, Held]:
        """EdgeNode -> what others hold there. Pools that are new are looked at at once."""
        now = self._clock()
        if pools != self._pools or not 0 <= now - self._at < self._every:
            known = {site: self._seen[site] for site, each in pools.items() if self._pools.get(site) == each}
            self._seen = await self._looked(pools, known)
            self._pools, self._at = dict(pools), now
        return self._seen

    async def _looked(self, pools: Pools, known: Mapping[str, Held]) -> dict[str, Held]:
        """If the API server doesn't answer, what is known still holds."""
        look, found = Look(self._api, self._installation), {}
        for site, here in pools.items():
            try:
                found[site] = await look.at(here)
            except ApiError as error:
                found[site] = known.get(site) or Held(untold=str(error))
        return found


class Look:
    """One look. What several pools have in common is asked for once."""

    def __init__(self, api: Api, installation: str) -> None:
        self._api = api
        self._installation = installation
        self._nodes: dict[str, tuple[Json, ...]] = {}
        self._pods: dict[str, tuple[Json, ...]] = {}
        self._claims: tuple[Json, ...] | None = None

    async def at(self, pools: tuple[PoolAt, ...]) -> Held:
        """At a site. Raises ApiError, but for what may not be seen."""
        taken: dict[str, tuple[int, ...]] = {}
        untold = ""
        for pool in pools:
            try:
                numbers = await self._taken(pool)
            except Forbidden as error:
                untold = untold or str(error)
            else:
                taken |= {pool.name: numbers} if numbers else {}
        return Held(taken=taken, untold=untold)

    async def _taken(self, pool: PoolAt) -> tuple[int, ...]:
        nodes = {node["metadata"]["name"]: node for node in await self._nodes_of(pool)}
        if not pool.resource_name:
            held = devices.allocated(await self._claims_of_others(), pool.device_class)
            sizes = {name: pool.devices_per_node for name in held if name in nodes}
        else:
            sizes = {name: devices.capacity(node, pool.resource_name) for name, node in nodes.items()}
            sizes = {name: size for name, size in sizes.items() if size}
            held = await self._requested(pool.resource_name, tuple(sizes))
        return devices.taken(pool, held, sizes)

    async def _nodes_of(self, pool: PoolAt) -> tuple[Json, ...]:
        selector = ",".join(f"{key}={value}" for key, value in sorted(pool.node_selector.items()))
        if selector not in self._nodes:
            self._nodes[selector] = (await self._api.recent(kinds.NODE.path(), label_selector=selector)).items
        return self._nodes[selector]

    async def _requested(self, resource: str, nodes: tuple[str, ...]) -> dict[str, int]:
        on_each = await asyncio.gather(*map(self._pods_on, nodes))
        return {
            node: sum(devices.requested(pod, resource) for pod in pods)
            for node, pods in zip(nodes, on_each, strict=True)
        }

    async def _pods_on(self, node: str) -> tuple[Json, ...]:
        if node not in self._pods:
            only = f"spec.nodeName={node},{_RUNNING}"
            self._pods[node] = self._without_ours((await self._api.recent(kinds.POD.path(), field_selector=only)).items)
        return self._pods[node]

    async def _claims_of_others(self) -> tuple[Json, ...]:
        if self._claims is None:
            try:
                listed = await self._api.recent(kinds.RESOURCE_CLAIM.path())
            except NotFound:  # a cluster without them
                return ()
            self._claims = self._without_ours(listed.items)
        return self._claims

    def _without_ours(self, items: tuple[Json, ...]) -> tuple[Json, ...]:
        return tuple(item for item in items if not devices.is_ours(item, self._installation))
