"""Which routes could come into each other's way: those that may have devices of one pool.

What runs is in a pool that its route may have: engines elsewhere are sent away before this is asked.
"""

from collections.abc import Mapping

from isochrone.model import RouteKey
from isochrone.plan.wants import Want


def groups(wants: Mapping[RouteKey, Want]) -> list[list[Want]]:
    """Each route in exactly one group, routes and groups in order."""
    leader: dict[RouteKey, RouteKey] = {key: key for key in wants}
    first: dict[str, RouteKey] = {}
    for key, want in wants.items():
        for name in {option.pool for at in want.options.values() for option in at if option.pool is not None}:
            one, other = _lead(leader, key), _lead(leader, first.setdefault(name, key))
            leader[one] = other
    found: dict[RouteKey, list[Want]] = {}
    for key, want in wants.items():
        found.setdefault(_lead(leader, key), []).append(want)
    return list(found.values())


def _lead(leader: Mapping[RouteKey, RouteKey], key: RouteKey) -> RouteKey:
    while leader[key] != key:
        key = leader[key]
    return key
