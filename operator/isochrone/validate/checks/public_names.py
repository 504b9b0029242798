"""Public model names that two routes claim. In a cluster the oldest keeps it, the other one says `NameTaken`."""

import collections
from collections.abc import Iterator

from isochrone.api import ModelRoute
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World


def claimed_twice(world: World) -> Iterator[Finding]:
    """Each further claim to a name, at the route that would lose it."""
    claims: dict[str, list[tuple[Item[ModelRoute], str]]] = collections.defaultdict(list)
    for route in sorted(world.routes, key=_age):
        for field, name in _names(route):
            claims[name].append((route, field))
    for name, claimed in sorted(claims.items()):
        (keeper, _), *losers = claimed
        for route, field in losers:
            if route is not keeper:
                yield _taken(name, keeper, route, field)


def _taken(name: str, keeper: Item[ModelRoute], route: Item[ModelRoute], field: str) -> Finding:
    known = _created(route) and _created(keeper)
    why = "the older" if known else "the first by name; in a cluster, the older"
    return route.error(
        Rule.NAME_TAKEN,
        field,
        f'ModelRoute {keeper.resource.key} claims the name "{name}" too, and keeps it as {why}',
        way_out=f"choose another name, or remove it from {keeper.manifest.source}",
    )


def _names(route: Item[ModelRoute]) -> Iterator[tuple[str, str]]:
    spec = route.resource.spec
    yield ("spec.modelName", spec.model_name) if spec.model_name else ("metadata.name", route.name)
    for i, alias in enumerate(spec.aliases or ()):
        yield f"spec.aliases[{i}]", alias


def _age(route: Item[ModelRoute]) -> tuple[bool, str, str, str]:
    """Oldest first; those whose age is not known last, by name."""
    created = _created(route)
    return not created, created, route.namespace, route.name


def _created(route: Item[ModelRoute]) -> str:
    """As `kubectl get -o yaml` has it. The API server would drop it from a new object, so that one has it no more."""
    created = route.manifest.obj["metadata"].get("creationTimestamp")
    return created if isinstance(created, str) else ""
