"""`isochrone support-bundle`: what all clusters of an installation tell, the hub's first."""

import asyncio
import dataclasses
from collections.abc import Mapping

from isochrone.api import EdgeNode
from isochrone.api.edge_node import ClusterType, Delivery
from isochrone.controller import reaching
from isochrone.kube import collecting, gather, kinds, profiles
from isochrone.kube.access import Access
from isochrone.kube.api import Api, Limits
from isochrone.kube.collecting import Collecting
from isochrone.kube.errors import ApiError
from isochrone.kube.hub import KINDS
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.clusters import cluster_of
from isochrone.support.bundle import Collected, Trouble

HUB = "hub"
QUICK = Limits(attempts=2, answer=20.0)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a user asks for."""

    installation: str = "isochrone"
    timeout: float = 120.0
    """Seconds for everything."""
    ways: Mapping[str, Access] = dataclasses.field(default_factory=dict)
    """EdgeNode -> a way into its cluster."""


async def everything(hub: Api, wish: Wish) -> list[Collected]:
    """From all clusters that can be reached, beside each other. Raises ApiError if not even the hub can be."""
    await hub.get("/version")
    here = Collecting(hub, HUB, wish.installation)
    edges, troubles = await _sites(hub)
    here.into.troubles += troubles
    here.into.facts["sites"] = [each.metadata.name for each in edges if each.spec.cluster.type is ClusterType.LOCAL]
    away: dict[str, list[EdgeNode]] = {}
    for edge in edges:
        if edge.spec.cluster.type is not ClusterType.LOCAL:
            away.setdefault(cluster_of(edge), []).append(edge)
    return await asyncio.gather(
        collecting.within(here, wish.timeout), *(_away(hub, sites, wish) for sites in away.values())
    )


async def _sites(hub: Api) -> tuple[list[EdgeNode], list[Trouble]]:
    """EdgeNodes that can be read."""
    found, troubles = [], []
    try:
        listed = await hub.list(KINDS[EdgeNode].path())
    except ApiError as error:
        return [], [Trouble(cluster=HUB, what="EdgeNodes", why=str(error))]
    for item in listed.items:
        try:
            found.append(gather.read(EdgeNode, item))
        except ApiError as error:
            troubles.append(Trouble(cluster=HUB, what=f"EdgeNode {item['metadata']['name']}", why=str(error)))
    return found, troubles


async def _away(hub: Api, sites: list[EdgeNode], wish: Wish) -> Collected:
    """From the cluster of these sites."""
    names = [each.metadata.name for each in sites]
    name = f"cluster-{names[0]}"
    try:
        access = await _access(hub, sites, wish)
        async with access.api(limits=QUICK) as api:
            await api.get("/version")
            made = Collecting(api, name, wish.installation)
            made.into.facts["sites"] = names
            return await collecting.within(made, wish.timeout)
    except ApiError as error:
        trouble = Trouble(cluster=name, what="everything", why=str(error))
        return Collected(name=name, facts={"sites": names}, troubles=[trouble])


async def _access(hub: Api, sites: list[EdgeNode], wish: Wish) -> Access:
    for each in sites:
        if each.metadata.name in wish.ways:
            return wish.ways[each.metadata.name]
    edge = sites[0]
    if edge.spec.cluster.type is ClusterType.REMOTE or edge.spec.delivery is Delivery.PULL:
        raise ApiError(f"the hub has no way into it: give one with --site-kubeconfig {edge.metadata.name}=FILE")
    secrets = await hub.list(kinds.SECRET.path(SYSTEM_NAMESPACE))
    known = {item["metadata"]["name"]: item for item in secrets.items}
    return reaching.access_of(edge, known, await profiles.all_of(hub))
