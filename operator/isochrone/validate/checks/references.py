"""References to objects that are not there, with what may have been meant."""

from collections.abc import Iterator

from isochrone.api import EdgeNode, GPUPool, InferenceTenant, ModelProvider, ModelRoute
from isochrone.model.words import listed
from isochrone.validate import backends
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import Item, meant
from isochrone.validate.world import World


def pools_to_sites(world: World) -> Iterator[Finding]:
    """GPUPool -> EdgeNode."""
    for pool in world.pools:
        ref = pool.resource.spec.edge_node_ref
        if ref and not (world.edge_node(ref.name) or world.is_broken(EdgeNode, ref.name)):
            hint = meant(ref.name, world.names(EdgeNode))
            yield _missing(pool, "spec.edgeNodeRef.name", Key("EdgeNode", "", ref.name), hint)


def routes_to_backends(world: World) -> Iterator[Finding]:
    """ModelRoute -> ModelProvider and its model, ModelRoute -> ModelRoute."""
    for route in world.routes:
        for backend in backends.of(route):
            match backend:
                case backends.ToProvider():
                    yield from _to_provider(world, route, backend)
                case backends.ToRoute():
                    yield from _to_route(world, route, f"{backend.field}.name", backend.key)


def tenants_to_routes(world: World) -> Iterator[Finding]:
    """InferenceTenant -> ModelRoute."""
    for tenant in world.tenants:
        for i, ref in enumerate(tenant.resource.spec.allowed_routes or ()):
            key = Key("ModelRoute", ref.namespace or tenant.namespace, ref.name)
            yield from _to_route(world, tenant, f"spec.allowedRoutes[{i}].name", key)


def _to_provider(world: World, route: Item[ModelRoute], backend: backends.ToProvider) -> Iterator[Finding]:
    provider = world.provider(backend.ref.name)
    if provider is None:
        if not world.is_broken(ModelProvider, backend.ref.name):
            hint = meant(backend.ref.name, world.names(ModelProvider))
            yield _missing(route, f"{backend.field}.name", Key("ModelProvider", "", backend.ref.name), hint)
        return
    models = [model.name for model in provider.resource.spec.models]
    if backend.ref.model not in models:
        yield route.error(
            Rule.REF_NOT_FOUND,
            f"{backend.field}.model",
            f'ModelProvider {provider.name} has no model "{backend.ref.model}"',
            way_out=meant(backend.ref.model, models) or f"its models are {listed(models)}",
        )


def _to_route(world: World, item: Item[ModelRoute] | Item[InferenceTenant], field: str, key: Key) -> Iterator[Finding]:
    if world.route(key.namespace, key.name) or key in world.broken:
        return
    elsewhere = [route.resource.key for route in world.routes if route.name == key.name]
    hint = f'it is in another namespace: "{elsewhere[0]}"' if elsewhere else ""
    yield _missing(item, field, key, hint or meant(key.name, world.names(ModelRoute, key.namespace)))


def _missing(
    item: Item[GPUPool] | Item[ModelRoute] | Item[InferenceTenant], field: str, key: Key, hint: str
) -> Finding:
    return item.error(
        Rule.REF_NOT_FOUND, field, f"there is no {key}", way_out=hint or f"add the {key.kind} to the manifests"
    )
