"""What references between objects lead to: what is meant, nothing, or something that may not be used."""

import enum
from collections.abc import Iterator, Mapping

from isochrone.api import InferenceTenant, ModelProvider, ModelRoute
from isochrone.api.model_route import Backend
from isochrone.api.selectors import SecretKeyRef
from isochrone.law.rights import Labels, lets_in, may_use, namespace_of
from isochrone.model import RouteKey
from isochrone.model.declared import key_of

Routes = Mapping[RouteKey, ModelRoute]
Providers = Mapping[str, ModelProvider]


class Lack(enum.Enum):
    """Why a reference leads nowhere."""

    NOT_FOUND = enum.auto()
    NO_SUCH_MODEL = enum.auto()
    """The provider is there, and has no such model."""
    NOT_PERMITTED = enum.auto()
    """Its owner lets others in, but not this namespace."""


def secrets_of(provider: ModelProvider) -> Iterator[tuple[str, SecretKeyRef]]:
    """Each field of a provider that names a key of a Secret of isochrone-system."""
    for index, key in enumerate(provider.spec.keys or ()):
        yield f"spec.keys[{index}].secretRef", key.secret_ref
    for index, endpoint in enumerate(provider.spec.endpoints):
        if endpoint.ca_secret_ref is not None:
            yield f"spec.endpoints[{index}].caSecretRef", endpoint.ca_secret_ref


def of_backend(
    backend: Backend, namespace: str, *, routes: Routes, providers: Providers, namespaces: Labels
) -> Lack | None:
    """What a backend of a route in this namespace lacks; its own engines lack nothing."""
    if backend.provider is not None:
        provider = providers.get(backend.provider.name)
        if provider is None:
            return Lack.NOT_FOUND
        if not any(model.name == backend.provider.model for model in provider.spec.models):
            return Lack.NO_SUCH_MODEL
        admitted = may_use(provider.spec.allowed_namespaces, namespace_of(namespace, namespaces))
        return None if admitted else Lack.NOT_PERMITTED
    if backend.route is not None:
        return _of_route(target(backend, namespace), namespace, routes, namespaces)
    return None


def of_tenant(tenant: InferenceTenant, *, routes: Routes, namespaces: Labels) -> Iterator[tuple[int, RouteKey, Lack]]:
    """The routes that a tenant lists in vain, by their place in the list."""
    own = key_of(tenant).namespace
    for index, ref in enumerate(tenant.spec.allowed_routes or ()):
        key = RouteKey(ref.namespace or own, ref.name)
        lack = _of_route(key, own, routes, namespaces)
        if lack is not None:
            yield index, key, lack


def target(backend: Backend, namespace: str) -> RouteKey:
    """The route that a backend names."""
    if backend.route is None:
        raise ValueError("the backend names no route")
    return RouteKey(backend.route.namespace or namespace, backend.route.name)


def _of_route(key: RouteKey, namespace: str, routes: Routes, namespaces: Labels) -> Lack | None:
    if key not in routes:
        return Lack.NOT_FOUND
    return None if lets_in(routes[key], namespace_of(namespace, namespaces)) else Lack.NOT_PERMITTED
