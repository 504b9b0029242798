"""Whether the backends of a route lead somewhere."""

from collections.abc import Iterator

from isochrone.api import ModelRoute
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.model_route import Backend
from isochrone.law import references
from isochrone.model import RouteKey
from isochrone.model.circles import back_to
from isochrone.model.declared import key_of
from isochrone.status.facts import Facts
from isochrone.status.said import State, fails, holds
from isochrone.status.words import LACKS


def resolved(facts: Facts, route: ModelRoute) -> State:
    """The first backend that leads nowhere, or back to the route itself."""
    key, kind = key_of(route), ConditionType.RESOLVED_REFS
    for field, backend in _backends(route):
        lack = references.of_backend(
            backend,
            key.namespace,
            routes=facts.routes,
            providers=facts.providers,
            namespaces=facts.snapshot.namespaces,
        )
        if lack is not None:
            reason, text = LACKS[lack]
            model = backend.provider.model if backend.provider is not None else ""
            words = text.format(target=_name(backend, key), model=model, namespace=key.namespace)
            return fails(kind, reason, f"{field}: {words}")
    circle = back_to(key, facts.leading)
    if circle is not None:
        names = " -> ".join(map(str, (*circle, key)))
        return fails(kind, Reason.REF_CYCLE, f"its backends lead back to it: {names}; remove one of them")
    return holds(kind, Reason.RESOLVED, "everything that it names is there, and lets it in")


def _backends(route: ModelRoute) -> Iterator[tuple[str, Backend]]:
    for i, tier in enumerate(route.spec.tiers or ()):
        for j, backend in enumerate(tier.backends):
            yield f"spec.tiers[{i}].backends[{j}]", backend


def _name(backend: Backend, route: RouteKey) -> str:
    if backend.provider is not None:
        return f"ModelProvider {backend.provider.name}"
    return f"ModelRoute {references.target(backend, route.namespace)}"
