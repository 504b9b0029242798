"""Which routes could come into each other's way: those that may have devices of one pool, or have them already."""

from collections.abc import Iterable, Mapping

from isochrone.model import RouteKey
from isochrone.plan.held import Held
from isochrone.plan.wants import Want


def groups(wants: Mapping[RouteKey, Want], held: Iterable[Held]) -> list[list[Want]]:
    """Each route in exactly one group, routes and groups in order."""
    pools = {key: {option.pool for at in want.options.values() for option in at} for key, want in wants.items()}
    for each in held:
        pools[each.route].add(each.pool)
    leader: dict[RouteKey, RouteKey] = {key: key for key in wants}
    first: dict[str, RouteKey] = {}
    for key, names in pools.items():
        for name in names - {None}:
            one, other = _lead(leader, key), _lead(leader, first.setdefault(name or "", key))
            leader[one] = other
    found: dict[RouteKey, list[Want]] = {}
    for key, want in wants.items():
        found.setdefault(_lead(leader, key), []).append(want)
    return list(found.values())


def _lead(leader: dict[RouteKey, RouteKey], key: RouteKey) -> RouteKey:
    while leader[key] != key:
        leader[key] = leader[leader[key]]
        key = leader[key]
    return key
