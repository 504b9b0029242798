"""Routes on own GPUs that no pool could hold, whatever else runs there."""

from collections.abc import Iterator

from isochrone.api import ModelRoute
from isochrone.api.serving import Serving
from isochrone.model.words import listed
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.holding import Holding, holding
from isochrone.validate.item import Item
from isochrone.validate.world import World

_SHOWN = 3


def routes_without_pool(world: World) -> Iterator[Finding]:
    """No pool that holds one replica, no site with room for all, fewer sites than asked for."""
    for route in world.routes:
        serving, held = route.resource.spec.serving, holding(world, route)
        if serving is None or not held.is_certain:
            continue
        if not held.sites:
            yield _unfit(world, route, serving, held)
        else:
            yield from _too_few(route, serving, held)


def _unfit(world: World, route: Item[ModelRoute], serving: Serving, held: Holding) -> Finding:
    if serving.resources.devices == 0:
        message = f"no active EdgeNode will do; there are {len(world.edge_nodes)}"
        return route.error(
            Rule.NO_CAPACITY, "spec.placement", message, way_out="correct spec.placement.edgeNodeSelector"
        )
    why = "; ".join(f"{unfit.pool} {unfit.reason}" for unfit in held.unfit[:_SHOWN])
    more = f"; and {len(held.unfit) - _SHOWN} more" if len(held.unfit) > _SHOWN else ""
    return route.error(
        Rule.NO_FITTING_DEVICE,
        "spec.serving.resources",
        f"no GPUPool can hold a replica: {why}{more}" if why else "no GPUPool can hold a replica: there is none",
        way_out="change the route's needs or the nearest pool, or add a GPUPool",
    )


def _too_few(route: Item[ModelRoute], serving: Serving, held: Holding) -> Iterator[Finding]:
    replicas, sites = serving.replicas_per_site, route.resource.spec.placement.min_sites
    enough = [name for name, room in held.sites.items() if room >= replicas]
    largest = max(held.sites, key=lambda name: (held.sites[name], name))
    if not enough:
        yield route.error(
            Rule.NO_CAPACITY,
            "spec.serving.replicasPerSite",
            f"{replicas} replicas at one site; the largest, {largest}, has room for {held.sites[largest]}",
            way_out="lower replicasPerSite, or add GPUs",
        )
    elif len(enough) < sites:
        yield route.error(
            Rule.NO_CAPACITY,
            "spec.placement.minSites",
            f"{sites} sites are asked for; {len(enough)} can hold {replicas} replicas: {listed(sorted(enough))}",
            way_out="lower minSites, or add GPUs at other sites",
        )
    most = serving.max_replicas_per_site or replicas
    if enough and held.sites[largest] < most:
        yield route.warning(
            Rule.NO_CAPACITY,
            "spec.serving.maxReplicasPerSite",
            f"up to {most} replicas at one site; the largest, {largest}, has room for {held.sites[largest]}",
            way_out="lower maxReplicasPerSite, or add GPUs",
        )
