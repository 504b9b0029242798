"""A route's tiers with other routes written out: in each tier who shares the requests, and how.

A backend that is another route stands for that route's own tiers. Its first tier shares in this one, by the weight of
the backend times the shares within; its second tier comes right after this one, before this route's next; and so on.
Who has no right to a provider or a route, or names what isn't there, doesn't get it; a circle is cut where it closes.
"""

import dataclasses
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction

from isochrone.api.model_route import Backend, Tier
from isochrone.law import references
from isochrone.model import RouteKey
from isochrone.plan.world import Route, World

MOST = 1_000_000
"""The greatest weight; finer shares are rounded."""


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Engines:
    """The engines of a route, wherever they are."""

    route: RouteKey


@dataclasses.dataclass(frozen=True, slots=True, order=True)
class Outside:
    """A provider's model, at any of its endpoints."""

    provider: str
    model: str


Who = Engines | Outside
Shares = Mapping[Who, Fraction]


def tiers_of(world: World, route: Route) -> list[dict[Who, int]]:
    """Each tier with the weights of its backends. A backend stands where it comes first, and not again."""
    seen: set[Who] = set()
    found = []
    for shares in _written_out(world, route, frozenset()):
        fresh = {who: share for who, share in shares.items() if who not in seen}
        seen |= set(fresh)
        if fresh:
            found.append(_whole(fresh))
    return found


def _written_out(world: World, route: Route, above: frozenset[RouteKey]) -> list[Shares]:
    tiers = route.resource.spec.tiers
    if tiers is None:
        return [{Engines(route.key): Fraction(1)}] if route.serves else []
    within = above | {route.key}
    return [level for tier in tiers for level in _levels(world, route, tier, within)]


def _levels(world: World, route: Route, tier: Tier, within: frozenset[RouteKey]) -> Iterator[Shares]:
    """One tier, and after it the further tiers of the routes in it."""
    levels: list[dict[Who, Fraction]] = []
    for backend in tier.backends:
        for depth, shares in enumerate(_of_backend(world, route, backend, within) if backend.weight else ()):
            if depth == len(levels):
                levels.append({})
            everything = sum(shares.values())
            for who, share in shares.items():
                levels[depth][who] = levels[depth].get(who, Fraction(0)) + backend.weight * share / everything
    return iter(levels)


def _of_backend(world: World, route: Route, backend: Backend, within: frozenset[RouteKey]) -> list[Shares]:
    if references.of_backend(
        backend,
        route.key.namespace,
        routes=world.resources,
        providers=world.providers,
        namespaces=world.namespaces,
    ):
        return []
    if backend.provider is not None:
        return [{Outside(backend.provider.name, backend.provider.model): Fraction(1)}]
    if backend.route is not None:
        key = references.target(backend, route.key.namespace)
        return [] if key in within else _written_out(world, world.routes[key], within)
    return [{Engines(route.key): Fraction(1)}] if route.serves else []


def _whole(shares: Shares) -> dict[Who, int]:
    """Shares as whole numbers in the same proportions, as far as these are not too fine."""
    scale = math.lcm(*(share.denominator for share in shares.values()))
    largest = max(shares.values()) * scale
    factor = scale * min(Fraction(1), MOST / largest)
    return {who: max(1, round(share * factor)) for who, share in sorted(shares.items(), key=_place)}


def _place(item: tuple[Who, Fraction]) -> tuple[bool, Who]:
    return (isinstance(item[0], Outside), item[0])
