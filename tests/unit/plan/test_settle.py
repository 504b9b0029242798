"""Rounds until nothing changes: what one frees, the next one sees, and what was told before is not told twice."""

from collections.abc import Sequence
from typing import Any

from tests.unit.plan.test_round import GOLD, held, wants
from tests.unit.plan.wanted import option

from isochrone.api.model_route import Strategy
from isochrone.model import Because, RouteKey
from isochrone.plan.held import Held
from isochrone.plan.round import Terms
from isochrone.plan.settle import Settled, settle
from isochrone.plan.wants import Want

CHEAP: dict[str, Any] = {"strategy": Strategy.CHEAPEST}


def settled(
    routes: Sequence[Want], runs: Sequence[Held], *, moves: int = 9, free: dict[int, tuple[int, ...]] | None = None
) -> Settled:
    terms = Terms(
        free=lambda _, site: (free or {}).get(site, (1,)),
        place_of=lambda site: site,
        gain_percent=0,
        barred={},
        moves=moves,
    )
    return settle(routes, runs, terms)


def told(found: Settled) -> list[str]:
    return [f"{each.held.route.name} {each.held.site}>{each.to}: {each.because.value}" for each in found.left]


def chain() -> tuple[list[Want], list[Held]]:
    """The first wants to be where the second is, who wants to be elsewhere."""
    first = wants("first", options=[option(0, 9), option(1, 5)], **CHEAP)
    second = wants("second", options=[option(1, 5), option(2, 1)], **CHEAP)
    return [first, second], [held(0, name="first"), held(1, name="second")]


def test_what_somebody_leaves_is_seen_in_the_next_round() -> None:
    found = settled(*chain())

    assert told(found) == ["second 1>2: ClearlyBetter", "first 0>1: ClearlyBetter"]
    assert (found.moves, found.deferred) == (2, ())


def test_moves_of_all_rounds_count() -> None:
    found = settled(*chain(), moves=1)

    assert told(found) == ["second 1>2: ClearlyBetter"]
    assert found.moves == 1
    assert [(each.route.name, each.site, there.site) for each, there in found.deferred] == [("first", 0, 1)]


def test_who_is_back_again_was_not_sent_away() -> None:
    """Gold takes the place of another, and then that of a third who has left for a better one."""
    gold = wants("gold", options=[option(1, 1), option(0, 5)], **GOLD, **CHEAP)
    third = wants("third", options=[option(2, 1), option(1, 5)], **GOLD, **CHEAP)
    found = settled([gold, third, wants("low", (0,))], [held(1, name="third"), held(0, name="low")])

    assert {key.name: sorted(at) for key, at in found.seats.items()} == {"gold": [1], "third": [2], "low": [0]}
    assert told(found) == ["third 1>2: ClearlyBetter"]


def test_what_only_shrinks_makes_room_too() -> None:
    gold = wants("gold", options=[option(1, 9), option(0, 1)], **GOLD, **CHEAP)
    found = settled(
        [gold, wants("low", (0,))], [held(1, name="gold"), held(0, name="low", replicas=2)], free={0: (2,), 1: (1,)}
    )
    assert {key.name: sorted(at) for key, at in found.seats.items()} == {"gold": [0], "low": [0]}


def test_what_a_round_wanted_counts_as_if_it_ran() -> None:
    """Of what runs it is still known how it is; what is placed is there for what it was placed for."""
    slow = held(0, Because.SITE_LOST, name="a")
    found = settled([wants("a", (0, 1), closed=[0]), wants("b", (2,))], [slow])

    assert [seat.held for _, seat in sorted(found.seats[RouteKey("shop", "a")].items())] == [
        slow,
        held(1, Because.MIN_SITES, name="a", is_running=False),
    ]
    assert [seat.held for seat in found.seats[RouteKey("shop", "b")].values()] == [
        held(2, Because.MIN_SITES, name="b", is_running=False)
    ]


def test_the_same_site_in_another_pool_is_another_place() -> None:
    route = wants(options=[option(0, 9, "old"), option(0, 1, "new")], **CHEAP)
    found = settled([route], [held(0, pool="old", is_ready=False)])

    assert told(found) == []
    assert seats_of(found) == ["old"]


def seats_of(found: Settled) -> list[str | None]:
    return [seat.pool for at in found.seats.values() for seat in at.values()]


def test_what_runs_and_isn_t_ready_yet_stays_so() -> None:
    slow, quick = held(0, name="a", is_ready=False), held(1, name="b")
    found = settled([wants("a", (0,)), wants("b", (1,))], [slow, quick])

    assert [seat.held for at in found.seats.values() for seat in at.values()] == [slow, quick]
