"""Who may use what: rights follow ownership, and nobody has any unless the owner says so."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from isochrone.api.selectors import Namespaces
from isochrone.model.words import listed
from isochrone.validate import backends
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World


def routes_to_backends(world: World) -> Iterator[Finding]:
    """ModelRoute -> ModelProvider, ModelRoute -> ModelRoute of another namespace."""
    for route in world.routes:
        for backend in backends.of(route):
            match backend:
                case backends.ToProvider():
                    provider = world.provider(backend.ref.name)
                    if provider and world.may_use(provider.resource.spec.allowed_namespaces, route.namespace) is False:
                        yield _refused(route, f"{backend.field}.name", provider)
                case backends.ToRoute():
                    yield from _to_route(world, route, f"{backend.field}.name", backend.key)


def tenants_to_routes(world: World) -> Iterator[Finding]:
    """InferenceTenant -> ModelRoute of another namespace."""
    for tenant in world.tenants:
        for i, ref in enumerate(tenant.resource.spec.allowed_routes or ()):
            key = Key("ModelRoute", ref.namespace or tenant.namespace, ref.name)
            yield from _to_route(world, tenant, f"spec.allowedRoutes[{i}].name", key)


def used_by_nobody(world: World) -> Iterator[Finding]:
    """Pools and providers without allowedNamespaces."""
    for owned in (*world.pools, *world.providers):
        if owned.resource.spec.allowed_namespaces is None:
            yield owned.warning(
                Rule.USED_BY_NOBODY,
                "spec.allowedNamespaces",
                "no namespace may use it",
                way_out="name namespaces in allowedNamespaces.names, or all of them with selector: {}",
            )


def labels_not_known(world: World) -> Iterator[Finding]:
    """Selectors that can't be decided, since Namespaces are not among the manifests."""
    routes = {route.namespace for route in world.routes}
    callers = {tenant.namespace for tenant in world.tenants}
    for field, items, asking in (
        ("spec.allowedNamespaces", world.pools, routes),
        ("spec.allowedNamespaces", world.providers, routes),
        ("spec.allowedNamespaces", world.routes, routes | callers),
        ("spec.binds.namespaces", world.policies, routes | callers),
    ):
        yield from _undecided(world, field, items, asking)


def _undecided(world: World, field: str, items: Sequence[Item[Any]], asking: Iterable[str]) -> Iterator[Finding]:
    for item in items:
        unknown = [name for name in sorted(asking) if world.may_use(_namespaces(item), name) is None]
        if unknown:
            yield item.warning(
                Rule.NAMESPACE_UNKNOWN,
                f"{field}.selector",
                f"whether it selects {listed(unknown)} depends on labels that are not known",
                way_out="add the Namespaces to the manifests",
            )


def _namespaces(item: Item[Any]) -> Namespaces | None:
    spec = item.resource.spec
    allowed: Namespaces | None = (
        spec.binds.namespaces if item.key.kind == "DataResidencyPolicy" else spec.allowed_namespaces
    )
    return allowed


def _to_route(world: World, item: Item[Any], field: str, key: Key) -> Iterator[Finding]:
    target = world.route(key.namespace, key.name)
    if target is None or key.namespace == item.namespace:
        return
    if world.may_use(target.resource.spec.allowed_namespaces, item.namespace) is False:
        yield _refused(item, field, target)


def _refused(item: Item[Any], field: str, owner: Item[Any]) -> Finding:
    return item.error(
        Rule.REF_NOT_PERMITTED,
        field,
        f'{owner.key} does not admit namespace "{item.namespace}"',
        way_out=f"ask its owner to add {item.namespace} to spec.allowedNamespaces ({owner.manifest.source})",
    )
