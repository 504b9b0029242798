"""Routes that fall back to each other in a circle: no request would ever end."""

from collections.abc import Iterator, Mapping

from isochrone.validate import backends
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.world import World

_Graph = Mapping[Key, Mapping[Key, str]]


def routes_in_circles(world: World) -> Iterator[Finding]:
    """Each circle once, at the first of its routes."""
    graph = {
        route.key: {
            backend.key: backend.field for backend in backends.of(route) if isinstance(backend, backends.ToRoute)
        }
        for route in world.routes
    }
    reported: set[Key] = set()
    for route in world.routes:
        circle = None if route.key in reported else _back_to(route.key, graph)
        if circle is None:
            continue
        reported.update(circle)
        names = " -> ".join(f"{key.namespace}/{key.name}" for key in (*circle, route.key))
        yield route.error(
            Rule.REF_CYCLE,
            graph[route.key][(*circle, route.key)[1]],
            f"this leads back to the route itself: {names}",
            way_out="remove one of these backends",
        )


def _back_to(start: Key, graph: _Graph) -> list[Key] | None:
    """The shortest way from a route to itself, without the return."""
    ways, seen = [[start]], set[Key]()
    while ways:
        way = ways.pop(0)
        for after in graph.get(way[-1], {}):
            if after == start:
                return way
            if after not in seen:
                seen.add(after)
                ways.append([*way, after])
    return None
