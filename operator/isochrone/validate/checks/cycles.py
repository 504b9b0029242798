"""Routes that fall back to each other in a circle: no request would ever end."""

from collections.abc import Iterator

from isochrone.model.circles import back_to
from isochrone.validate import backends
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.world import World


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
        circle = None if route.key in reported else back_to(route.key, graph)
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
