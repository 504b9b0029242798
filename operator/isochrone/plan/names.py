"""Public model names: of several routes that claim one, the oldest has it."""

from collections.abc import Iterable, Mapping

from isochrone.api import ModelRoute
from isochrone.model import RouteKey
from isochrone.plan.world import age_of, key_of


def public_names(routes: Iterable[ModelRoute]) -> Mapping[RouteKey, tuple[str, ...]]:
    """The names by which each route is called, its own before its aliases; none where others had all of them before.

    Placement does not ask: a route that lost its name keeps its GPUs, and its status says `NameTaken`.
    """
    present = [route for route in routes if route.metadata.deletion_timestamp is None]
    owners: dict[str, RouteKey] = {}
    for route in sorted(present, key=lambda each: (age_of(each), key_of(each))):
        for name in _claimed(route):
            owners.setdefault(name, key_of(route))
    kept = ((key_of(route), route) for route in present)
    return {
        key: tuple(name for name in _claimed(route) if owners[name] == key) for key, route in sorted(kept, key=_first)
    }


def _first(pair: tuple[RouteKey, ModelRoute]) -> RouteKey:
    return pair[0]


def _claimed(route: ModelRoute) -> tuple[str, ...]:
    return (route.spec.model_name or route.metadata.name, *(route.spec.aliases or ()))
