"""The backends of routes, each with its field path."""

import dataclasses
from collections.abc import Iterator

from isochrone.api import ModelRoute
from isochrone.api.model_route import ProviderBackend, RouteBackend
from isochrone.validate.finding import Key
from isochrone.validate.item import Item


@dataclasses.dataclass(frozen=True, slots=True)
class ToProvider:
    """A backend that is a provider's model."""

    field: str
    ref: ProviderBackend


@dataclasses.dataclass(frozen=True, slots=True)
class ToRoute:
    """A backend that is another route; `key` is which."""

    field: str
    ref: RouteBackend
    key: Key


def of(route: Item[ModelRoute]) -> Iterator[ToProvider | ToRoute]:
    """The backends that lead to other objects, in order."""
    for i, tier in enumerate(route.resource.spec.tiers or ()):
        for j, backend in enumerate(tier.backends):
            field = f"spec.tiers[{i}].backends[{j}]"
            if backend.provider is not None:
                yield ToProvider(f"{field}.provider", backend.provider)
            if backend.route is not None:
                target = Key("ModelRoute", backend.route.namespace or route.namespace, backend.route.name)
                yield ToRoute(f"{field}.route", backend.route, target)
