"""Why a route's engines can't be at a site, or in a pool there: one small function per reason, in order.

A site that is refused is refused for the first reason that holds. Of several pools at a site the one that gets furthest
speaks for it. `LASTING` are the reasons for which engines that run are not left running; the others keep new ones away.
"""

import dataclasses
from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Final

from isochrone.api.edge_node import State
from isochrone.api.gpu_pool import CapacityType
from isochrone.api.selectors import LabelSelector
from isochrone.law import Labelled
from isochrone.law.rights import may_use
from isochrone.law.subject import matches
from isochrone.model import WhyNot
from isochrone.model.amounts import number
from isochrone.plan.lawful import RouteLaw
from isochrone.plan.world import Kind, Pool, Route, Site, World


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ask:
    """What a route asks of sites and pools."""

    key: Hashable
    """Equal where the same is asked, so that it has the same answers."""
    law: RouteLaw
    edge_selector: LabelSelector | None
    pool_selector: LabelSelector | None
    capacity_types: frozenset[CapacityType] | None
    priority: int
    devices: int
    products: frozenset[str] | None
    memory: Fraction
    namespace: Labelled
    """The route's own."""


SiteFilter = Callable[[Ask, Site], bool]
PoolFilter = Callable[[Ask, Kind], bool]

SITES: Final[Mapping[WhyNot, SiteFilter]] = {
    WhyNot.SITE_DISABLED: lambda _, site: site.state is State.DISABLED,
    WhyNot.SITE_LOST: lambda _, site: site.is_lost,
    WhyNot.SITE_DRAINING: lambda _, site: site.state is State.DRAINING,
    WhyNot.UNKNOWN_PLACE: lambda _, site: not site.is_known,
    WhyNot.SITE_NOT_SELECTED: lambda ask, site: (
        ask.edge_selector is not None and not matches(ask.edge_selector, site.labels)
    ),
    WhyNot.UNLAWFUL_INFERENCE: lambda ask, site: not ask.law.inference >> site.index & 1,
    WhyNot.UNLAWFUL_WEIGHTS: lambda ask, site: not ask.law.engines >> site.index & 1,
}

POOLS: Final[Mapping[WhyNot, PoolFilter]] = {
    WhyNot.NAMESPACE_NOT_ALLOWED: lambda ask, kind: not may_use(kind.allowed, ask.namespace),
    WhyNot.POOL_NOT_SELECTED: lambda ask, kind: (
        ask.pool_selector is not None and not matches(ask.pool_selector, kind.labels)
    ),
    WhyNot.CAPACITY_TYPE: lambda ask, kind: (
        ask.capacity_types is not None and kind.capacity_type not in ask.capacity_types
    ),
    WhyNot.PRIORITY_TOO_HIGH: lambda ask, kind: ask.priority > kind.max_priority,
    WhyNot.DEVICE_PRODUCT: lambda ask, kind: ask.products is not None and kind.product not in ask.products,
    WhyNot.DEVICE_MEMORY: lambda ask, kind: kind.memory < ask.memory,
    WhyNot.DEVICES_PER_NODE: lambda ask, kind: kind.devices_per_node < ask.devices,
}

LASTING: Final = (
    WhyNot.SITE_DISABLED,
    WhyNot.UNLAWFUL_INFERENCE,
    WhyNot.UNLAWFUL_WEIGHTS,
    WhyNot.UNKNOWN_PLACE,
    WhyNot.SITE_NOT_SELECTED,
)
"""Reasons for which what runs is sent away. Those that can't wait come first, so that no other one hides them."""

_LAST: Final = (WhyNot.FAILED_LATELY, WhyNot.NO_CAPACITY, WhyNot.NOT_NEEDED)
REACH: Final[Mapping[WhyNot, int]] = {why: rank for rank, why in enumerate((*SITES, WhyNot.NO_POOL, *POOLS, *_LAST))}
"""How far a site or pool gets that is refused for a reason."""


def ask_of(world: World, route: Route, law: RouteLaw) -> Ask | None:
    """What a route asks for; None where it has no engines of its own."""
    serving, placement = route.resource.spec.serving, route.resource.spec.placement
    if serving is None or not route.serves:
        return None
    need = serving.resources
    placing = placement.model_dump_json(include={"edge_node_selector", "pool_selector", "capacity_types"})
    resources = need.model_dump_json(include={"devices", "device_memory", "device_products"})
    return Ask(
        key=(law.inference, law.engines, route.key.namespace, serving.priority, placing, resources),
        law=law,
        edge_selector=placement.edge_node_selector,
        pool_selector=placement.pool_selector,
        capacity_types=frozenset(placement.capacity_types) if placement.capacity_types else None,
        priority=serving.priority,
        devices=need.devices,
        products=frozenset(need.device_products) if need.device_products else None,
        memory=number(need.device_memory) if need.device_memory else Fraction(0),
        namespace=world.namespace(route.key.namespace),
    )


def of_site(ask: Ask, site: Site) -> WhyNot | None:
    """The first reason why it can't be at a site."""
    for why, refuses in SITES.items():
        if refuses(ask, site):
            return why
    return None


def lasting(ask: Ask, site: Site) -> WhyNot | None:
    """The first reason why what runs there can't be left there either."""
    return next((why for why in LASTING if SITES[why](ask, site)), None)


def of_pool(ask: Ask, kind: Kind) -> WhyNot | None:
    """The first reason why it can't be in a pool."""
    for why, refuses in POOLS.items():
        if refuses(ask, kind):
            return why
    return None


def furthest(ask: Ask, site: Site, pools: Sequence[Pool]) -> tuple[WhyNot | None, Pool | None]:
    """Why not at this site, and which of its pools speaks for it; None if nothing but room can be missing."""
    why = of_site(ask, site)
    if why is not None or not ask.devices:
        return why, None
    refused = [(of_pool(ask, pool.kind), pool) for pool in pools]
    if not refused:
        return WhyNot.NO_POOL, None
    return max(refused, key=lambda found: len(REACH) if found[0] is None else REACH[found[0]])
