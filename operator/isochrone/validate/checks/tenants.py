"""Tenants that can't call anything, and keys that belong to two."""

from collections.abc import Iterator

from isochrone.api import InferenceTenant, ModelRoute
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World


def call_nothing(world: World) -> Iterator[Finding]:
    """Tenants without any route. References that lead nowhere are reported on their own."""
    if not world.is_whole(ModelRoute):
        return
    for tenant in world.tenants:
        allowed = tenant.resource.spec.allowed_routes
        if allowed is None and not any(route.namespace == tenant.namespace for route in world.routes):
            yield tenant.warning(
                Rule.CALLS_NOTHING,
                "spec.allowedRoutes",
                f'it may call the ModelRoutes of its own namespace, and "{tenant.namespace}" has none',
                way_out="list routes of other namespaces in spec.allowedRoutes",
            )
        elif allowed == []:
            yield tenant.warning(
                Rule.CALLS_NOTHING,
                "spec.allowedRoutes",
                "the list is empty: it may call no ModelRoute",
                way_out="leave it out to allow all of its own namespace; state: Suspended to refuse its keys",
            )


def shared_keys(world: World) -> Iterator[Finding]:
    """A key can't tell which of two tenants is calling."""
    first: dict[str, Item[InferenceTenant]] = {}
    for tenant in world.tenants:
        for i, key in enumerate(tenant.resource.spec.keys):
            earlier = first.setdefault(key.sha256, tenant)
            if earlier is not tenant:
                yield tenant.error(
                    Rule.KEY_SHARED,
                    f"spec.keys[{i}].sha256",
                    f"InferenceTenant {earlier.resource.key} has this key too",
                    way_out="make another key for one: openssl rand -hex 32; its hash: printf %s KEY | sha256sum",
                )
