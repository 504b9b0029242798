"""What an operator remembers from one plan to the next: which moves were made lately, and where engines failed."""

import dataclasses
from collections.abc import Mapping

from isochrone.model import Because, Change, ChangeKind, Plan, RouteKey

HOUR = 3600
FAILED_FOR = 3600
"""Seconds for which nothing of a route is tried where its engines failed."""

Move = tuple[RouteKey, str, str]
"""The route, from which site, to which."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """Since when, in seconds since the epoch."""

    moves: Mapping[Move, int] = dataclasses.field(default_factory=dict)
    """Moves that nothing forced."""
    failed: Mapping[tuple[RouteKey, str], int] = dataclasses.field(default_factory=dict)

    @property
    def move_times(self) -> tuple[int, ...]:
        return tuple(sorted(self.moves.values()))


def recalled(before: Recalled, plan: Plan, *, now: int) -> Recalled:
    """With what this plan adds, and without what is long ago. A move that takes several passes is one."""
    moves = {
        _move(each): now for each in plan.changes if each.kind is ChangeKind.MOVE and each.because is Because.BETTER
    }
    failed = {
        (each.route, each.from_site or each.site): now
        for each in plan.changes
        if each.because is Because.FAILING and each.kind in {ChangeKind.MOVE, ChangeKind.STOP}
    }
    return Recalled(
        moves={**moves, **{key: at for key, at in before.moves.items() if now - at < HOUR}},
        failed={**{key: at for key, at in before.failed.items() if now - at < FAILED_FOR}, **failed},
    )


def _move(change: Change) -> Move:
    return change.route, change.from_site or "", change.site
