"""What of a snapshot is there: an object that is being deleted is gone, and of two with one name the older is there.

Places, names and keys are told apart by it, so whoever counts them counts them alike.
"""

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from isochrone.api import ModelRoute, Resource
from isochrone.model.keys import RouteKey

DEFAULT_NAMESPACE: Final = "default"
SYSTEM_NAMESPACE: Final = "isochrone-system"
"""Where gateways live in each cluster, and the Secrets that cluster-scoped kinds name."""
NAME_LABEL: Final = "kubernetes.io/metadata.name"
"""The label that the API server gives to every Namespace."""

PAUSED: Final = "isochrone.dev/paused"
"""The annotation that stops changes of an object; `false` is as good as none."""

R = TypeVar("R", bound=Resource)


def present(resources: Iterable[R]) -> dict[str, R]:
    """Those that are not being deleted, by key, in order of their keys."""
    found: dict[str, R] = {}
    for resource in sorted(resources, key=lambda each: (each.key, age_of(each), each.metadata.uid)):
        if resource.metadata.deletion_timestamp is None:
            found.setdefault(resource.key, resource)
    return found


def key_of(resource: Resource) -> RouteKey:
    """The namespace and the name of a namespaced object."""
    return RouteKey(resource.metadata.namespace or DEFAULT_NAMESPACE, resource.metadata.name)


def serves(route: ModelRoute) -> bool:
    """Whether a route has engines of its own that a tier names."""
    spec = route.spec
    if spec.serving is None:
        return False
    return spec.tiers is None or any(each.serving is not None for tier in spec.tiers for each in tier.backends)


def age_of(resource: Resource) -> tuple[bool, str]:
    """Older first; those whose age is not known come last."""
    created = resource.metadata.creation_timestamp or ""
    return (not created, created)


def by_age(resources: Iterable[R]) -> list[R]:
    """The oldest first, who keeps what several claim; by name where the age is the same, or not known."""
    return sorted(resources, key=lambda each: (age_of(each), key_of(each)))


def model_name(route: ModelRoute) -> str:
    """What clients send as `model`, and gateways to the engines, whichever alias was asked for."""
    return route.spec.model_name or route.metadata.name


def is_paused(resource: Resource) -> bool:
    """Whether its owner wants nothing about it to be changed."""
    return resource.metadata.annotations.get(PAUSED, "false") != "false"


def public_names(routes: Iterable[ModelRoute]) -> Mapping[RouteKey, tuple[str, ...]]:
    """The names by which each route is called, its own before its aliases.

    Of several that claim one, the oldest has it; a route that others were before in everything has none.
    """
    there = list(present(routes).values())
    owners: dict[str, RouteKey] = {}
    for route in by_age(there):
        for name in _claimed(route):
            owners.setdefault(name, key_of(route))
    kept = {key_of(route): route for route in there}
    return {key: tuple(name for name in _claimed(kept[key]) if owners[name] == key) for key in sorted(kept)}


def _claimed(route: ModelRoute) -> tuple[str, ...]:
    return (model_name(route), *(route.spec.aliases or ()))
