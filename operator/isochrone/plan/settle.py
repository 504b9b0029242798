"""Rounds until one changes nothing: what came of it is a plan that stays as it is when it is applied.

One round can free room that somebody before it in the order could have used. Such a thing is found by the next round,
which starts from what this one wanted, as if it ran. Two rounds are the rule, the second being the proof.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Final

from isochrone.model import RouteKey
from isochrone.plan.held import Held
from isochrone.plan.round import Left, Round, Seat, Terms
from isochrone.plan.wants import Option, Want

ROUNDS: Final = 12
"""More are never needed where no two moves undo each other; then the last one holds."""

Start = tuple[RouteKey, int, str | None]
"""A route, a site and a pool."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """Where engines of some routes are to be."""

    seats: Mapping[RouteKey, Mapping[int, Seat]]
    left: tuple[Left, ...]
    """What runs and is to go, for the first reason that sent it away."""
    moves: int
    """Healthy engines that move because it pays."""
    deferred: tuple[tuple[Held, Option], ...]


def settle(wants: Sequence[Want], held: Sequence[Held], terms: Terms) -> Settled:
    """Repeats rounds until one changes nothing."""
    running = {_key(each): each for each in held}
    reasons: dict[Start, Left] = {}
    now, moved = list(held), 0
    done = Round(wants, now, terms)
    for _ in range(ROUNDS):
        done = Round(wants, now, dataclasses.replace(terms, moves=terms.moves - moved)).run()
        moved += len(done.moves)
        for left in done.left:
            if _key(left.held) in running:
                reasons.setdefault(_key(left.held), left)
        before, now = now, _as_held(done, running)
        if _state(now) == _state(before):
            break
    there = {_key(each) for each in now}
    return Settled(
        seats=done.seats,
        left=tuple(left for key, left in reasons.items() if key not in there),
        moves=moved,
        deferred=tuple(done.deferred),
    )


def _as_held(done: Round, running: Mapping[Start, Held]) -> list[Held]:
    """What a round wanted, as if it ran."""
    found = []
    for route, seats in done.seats.items():
        for site, seat in seats.items():
            before = running.get((route, site, seat.pool))
            placed = Held(
                route=route,
                site=site,
                pool=seat.pool,
                replicas=seat.replicas,
                is_running=False,
                is_ready=True,
                because=seat.because,
            )
            found.append(placed if before is None else dataclasses.replace(before, replicas=seat.replicas))
    return found


def _state(held: Sequence[Held]) -> set[tuple[RouteKey, int, str | None, int]]:
    return {(*_key(each), each.replicas) for each in held}


def _key(held: Held) -> Start:
    return (held.route, held.site, held.pool)
