"""Which nodes of a cluster a pool's devices are on: where engines are put, and where others are looked for."""

from collections.abc import Iterable

from isochrone.api import EdgeNode, GPUPool
from isochrone.law.subject import is_at
from isochrone.model import PoolAt


def node_selector(pool: GPUPool | None, site: EdgeNode) -> dict[str, str]:
    """Labels of the nodes that engines in a pool run on; without a pool, of all nodes of the site."""
    return {**((pool.spec.node_selector if pool else None) or {}), **(site.spec.node_selector or {})}


def pools_at(site: EdgeNode, pools: Iterable[GPUPool]) -> tuple[PoolAt, ...]:
    """The pools of a site, as its cluster is told of them; by name."""
    here = (pool for pool in pools if is_at(pool, site.metadata.name, site.metadata.labels))
    return tuple(_told(pool, site) for pool in sorted(here, key=lambda pool: pool.metadata.name))


def _told(pool: GPUPool, site: EdgeNode) -> PoolAt:
    spec = pool.spec
    return PoolAt(
        name=pool.metadata.name,
        nodes=spec.nodes,
        devices_per_node=spec.devices_per_node,
        node_selector=node_selector(pool, site),
        resource_name=spec.device.resource_name or "",
        device_class=spec.device.device_class_name or "",
    )
