"""The law as integers: per policy and scope, origin -> bit set of the places where it is allowed.

This is what gateways carry (decision record 2, section 8). Bit i stands for place i. A look-up is exact for every code
of ISO 3166, so that a gateway and `evaluate` never differ; `tests/property/test_law.py` compares the two.
"""

import collections
import dataclasses
import functools
from collections.abc import Mapping, Sequence
from typing import Final

from isochrone.api.residency_policy import Scope, UnknownOrigin
from isochrone.geo import codes
from isochrone.geo.areas import Area
from isochrone.geo.suggestions import WORLD
from isochrone.law.policy import Allowance, Place, Policy

NOT_BOUND: Final = -1
"""In place of a mask: the policy does not bind data of this origin."""
REFUSED: Final = -2
"""In place of a mask: the policy refuses data of this origin, because it is unknown."""


@dataclasses.dataclass(frozen=True, slots=True)
class Table:
    """What one policy says in one scope, by origin."""

    rows: Mapping[str, int]
    otherwise: int
    unknown: int

    def mask(self, origin: str | None) -> int:
        """The places for data of this origin (a canonical code; None: unknown), or NOT_BOUND, or REFUSED."""
        if origin is None:
            return self.unknown
        exact = self.rows.get(origin)
        return exact if exact is not None else self.rows.get(origin[:2], self.otherwise)


def table(policy: Policy, scope: Scope, places: Sequence[Place]) -> Table:
    """The table of a policy and scope over these places."""
    allowance = policy.allowance(scope)
    bound = _bound(policy.origins)
    masks = _Masks(allowance, places)
    by_country = {code: masks.of(code) if code in bound else NOT_BOUND for code in codes.countries()}
    otherwise = _most_common(by_country)
    rows = {code: mask for code, mask in by_country.items() if mask != otherwise}
    for code in codes.subdivisions():
        mask = masks.of(code) if code in bound else NOT_BOUND
        if codes.canonical(code) == code and mask != by_country[code[:2]]:
            rows[code] = mask
    return Table(rows=dict(sorted(rows.items())), otherwise=otherwise, unknown=_unknown(policy, scope, masks))


class _Masks:
    """Masks of one allowance. They differ by the origin's country at most, so they are few."""

    def __init__(self, allowance: Allowance, places: Sequence[Place]) -> None:
        self._allowance = allowance
        self._places = places
        self._known: dict[str | None, int] = {}
        counting = places if allowance.origin_country else ()
        self._homes = {above for place in counting for code in place.codes for above in _lineage(code)}

    def of(self, origin: str | None) -> int:
        home = codes.country_of(origin) if origin is not None else None
        if home not in self._homes:
            home = None  # Nothing lies there, so it allows no place.
        if home not in self._known:
            self._known[home] = sum(
                1 << bit for bit, place in enumerate(self._places) if self._allowance.refusal(place, home) is None
            )
        return self._known[home]


def _lineage(code: str) -> tuple[str, ...]:
    return (codes.canonical(code), *codes.ancestors(code))


def _unknown(policy: Policy, scope: Scope, masks: _Masks) -> int:
    if not policy.origin_matters(scope):
        return masks.of(None)
    match policy.unknown_origin:
        case UnknownOrigin.DENY:
            return REFUSED
        case UnknownOrigin.BIND:
            return masks.of(None)
        case UnknownOrigin.IGNORE:
            return NOT_BOUND


@functools.cache
def _bound(origins: Area | None) -> frozenset[str]:
    """The codes of ISO 3166 that a policy's origins touch; all if it names none."""
    every = (*codes.countries(), *codes.subdivisions())
    if origins is None:
        return frozenset(every)
    # Only what lies within an included code or around one can be touched; to ask about all the others takes long.
    inside, around = origins.include, {above for code in origins.include for above in codes.ancestors(code)}
    near = (code for code in every if code in around or not inside.isdisjoint(_lineage(code)))
    return frozenset(code for code in (every if WORLD in inside else near) if origins.touches(code))


def _most_common(rows: Mapping[str, int]) -> int:
    counted = collections.Counter(rows.values())
    return min(counted, key=lambda mask: (-counted[mask], mask))
