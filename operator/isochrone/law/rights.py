"""Who may use what beyond their own namespace: pools, providers and routes say whom they let in."""

from collections.abc import Iterable, Iterator, Mapping

from isochrone.api import InferenceTenant, ModelRoute
from isochrone.api.selectors import Namespaces
from isochrone.law.subject import Labelled, Subject, admits
from isochrone.model import RouteKey
from isochrone.model.declared import NAME_LABEL, key_of

Labels = Mapping[str, Mapping[str, str]]
"""Labels of namespaces, by name."""


def namespace_of(name: str, known: Labels) -> Labelled:
    """A namespace with the labels that are known of it, and that which the API server gives to each."""
    return Labelled(name, {**known.get(name, {}), NAME_LABEL: name})


def may_use(allowed: Namespaces | None, namespace: Labelled) -> bool:
    """Whether a set of namespaces admits this one; nobody is admitted where nothing is said."""
    return allowed is not None and admits(allowed, namespace)


def lets_in(route: ModelRoute, namespace: Labelled) -> bool:
    """Whether a route may be used from a namespace: from its own, and from those that it allows."""
    return key_of(route).namespace == namespace.name or may_use(route.spec.allowed_namespaces, namespace)


def asking(route: ModelRoute, tenant: InferenceTenant | None, known: Labels, *, added: Iterable[str] = ()) -> Subject:
    """What policies select by when a tenant calls a route, or somebody without a key; `added` are further classes."""
    theirs = tenant.spec.data_classes or () if tenant is not None else ()
    return Subject(
        route=Labelled(route.metadata.name, route.metadata.labels),
        route_namespace=namespace_of(key_of(route).namespace, known),
        tenant=Labelled(tenant.metadata.name, tenant.metadata.labels) if tenant is not None else None,
        tenant_namespace=namespace_of(key_of(tenant).namespace, known) if tenant is not None else None,
        data_classes=frozenset((*(route.spec.data_classes or ()), *theirs, *added)),
    )


def callable_by(tenant: InferenceTenant, routes: Mapping[RouteKey, ModelRoute], known: Labels) -> Iterator[RouteKey]:
    """The routes that a tenant may call: all of its own namespace, or those that it lists and that let it in."""
    if tenant.spec.allowed_routes is None:
        return (key for key in routes if key.namespace == key_of(tenant).namespace)
    return listed(tenant, routes, known)


def listed(tenant: InferenceTenant, routes: Mapping[RouteKey, ModelRoute], known: Labels) -> Iterator[RouteKey]:
    """The routes that a tenant lists and may call."""
    own = namespace_of(key_of(tenant).namespace, known)
    for ref in tenant.spec.allowed_routes or ():
        key = RouteKey(ref.namespace or own.name, ref.name)
        if key in routes and lets_in(routes[key], own):
            yield key
