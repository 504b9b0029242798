"""Where a route's replicas could run: pools that hold one, sites with room, and why the others don't.

Capacity only, and each route for itself: what several routes leave for each other is the planner's business.
"""

import dataclasses
from collections.abc import Iterator

from isochrone.api import EdgeNode, GPUPool, ModelRoute
from isochrone.api.edge_node import State
from isochrone.law.subject import is_at, matches
from isochrone.model.amounts import number
from isochrone.validate.item import Item
from isochrone.validate.world import World, once


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Unfit:
    """A pool that does not hold the route. The further the pool got, the lower `distance`."""

    distance: int
    pool: str
    reason: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What could hold a route."""

    sites: dict[str, int]
    """Name of an EdgeNode -> replicas that it has room for."""
    unfit: tuple[Unfit, ...]
    is_certain: bool
    """Whether nothing that is missing or broken could change it."""


@once
def holding(world: World, route: Item[ModelRoute]) -> Holding:
    """The sites for a route that has `serving`."""
    serving = route.resource.spec.serving
    if serving is None:
        return Holding(sites={}, unfit=(), is_certain=True)
    certain = world.is_whole(EdgeNode, GPUPool)
    if serving.resources.devices == 0:
        sites = {edge.name: serving.replicas_per_site for edge in world.edge_nodes if _site_fault(route, edge) is None}
        return Holding(sites=sites, unfit=(), is_certain=certain)
    found: dict[str, int] = {}
    unfit = []
    for pool in world.pools:
        edges = _sites(world, pool)
        ref = pool.resource.spec.edge_node_ref
        certain = certain and (ref is None or bool(edges))
        fault = _fault(world, route, pool, edges)
        if fault is not None:
            unfit.append(fault)
            continue
        room = pool.resource.spec.nodes * (pool.resource.spec.devices_per_node // serving.resources.devices)
        for edge in edges:
            if _site_fault(route, edge) is None:
                found[edge.name] = found.get(edge.name, 0) + room
    return Holding(sites=found, unfit=tuple(sorted(unfit)), is_certain=certain)


def _fault(
    world: World, route: Item[ModelRoute], pool: Item[GPUPool], edges: tuple[Item[EdgeNode], ...]
) -> Unfit | None:
    reasons = [*_faults(world, route, pool), *_faults_of_sites(route, edges), *_faults_of_devices(route, pool)]
    return Unfit(len(reasons), pool.name, reasons[0]) if reasons else None


def _faults(world: World, route: Item[ModelRoute], pool: Item[GPUPool]) -> Iterator[str]:
    spec, placement = pool.resource.spec, route.resource.spec.placement
    priority = route.resource.spec.serving.priority if route.resource.spec.serving else 0
    if world.may_use(spec.allowed_namespaces, route.namespace) is False:
        yield f'does not admit namespace "{route.namespace}"'
    if placement.pool_selector and not matches(placement.pool_selector, pool.resource.metadata.labels):
        yield "is not matched by spec.placement.poolSelector"
    if placement.capacity_types and spec.capacity_type not in placement.capacity_types:
        yield f"is {spec.capacity_type.value}, not {' or '.join(kind.value for kind in placement.capacity_types)}"
    if priority > spec.max_priority:
        yield f"takes priorities up to {spec.max_priority}, the route has {priority}"


def _faults_of_sites(route: Item[ModelRoute], edges: tuple[Item[EdgeNode], ...]) -> Iterator[str]:
    faults = [_site_fault(route, edge) for edge in edges]
    if not edges:
        yield "is at no EdgeNode"
    elif all(fault is not None for fault in faults):
        yield f"is at EdgeNode {edges[0].name}, which {faults[0]}"


def _faults_of_devices(route: Item[ModelRoute], pool: Item[GPUPool]) -> Iterator[str]:
    spec, serving = pool.resource.spec, route.resource.spec.serving
    if serving is None:
        return
    need, device = serving.resources, spec.device
    if need.device_products and device.product not in need.device_products:
        yield f"has {device.product}, not {' or '.join(need.device_products)}"
    if need.device_memory and number(device.memory) < number(need.device_memory):
        yield f"has {device.memory} per device, a replica needs {need.device_memory}"
    if spec.devices_per_node < need.devices:
        yield f"has {spec.devices_per_node} devices per node, a replica needs {need.devices} on one node"


@once
def _sites(world: World, pool: Item[GPUPool]) -> tuple[Item[EdgeNode], ...]:
    return tuple(edge for edge in world.edge_nodes if is_at(pool.resource, edge.name, edge.resource.metadata.labels))


def _site_fault(route: Item[ModelRoute], edge: Item[EdgeNode]) -> str | None:
    selector = route.resource.spec.placement.edge_node_selector
    if edge.resource.spec.state is not State.ACTIVE:
        return f"is {edge.resource.spec.state.value}"
    if selector is not None and not matches(selector, edge.resource.metadata.labels):
        return "is not matched by spec.placement.edgeNodeSelector"
    return None
