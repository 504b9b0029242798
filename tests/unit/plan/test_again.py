"""Planning again: what a change can't touch is taken over, and the moves of an hour are shared in order."""

import dataclasses
from typing import Any

from tests.unit.plan.small import AMS, FRA, NOW, chat, network, planned, pool, running, site, sites
from tests.unit.validate import sample

from isochrone.model import Observed, RouteKey, SiteObservation, Snapshot
from isochrone.plan import counts, plan, replan
from isochrone.plan.planner import Planned

APART = {"edgeNodeSelector": {"matchLabels": {"of": "other"}}}


def two_groups(**observed: Any) -> Snapshot:
    """Chat in Frankfurt and other in Amsterdam share no pool."""
    return network(
        site("fra", "FRA", labels={"of": "chat"}),
        site("ams", "AMS", labels={"of": "other"}),
        pool("fra"),
        pool("ams"),
        chat(placement={"edgeNodeSelector": {"matchLabels": {"of": "chat"}}}),
        chat("other", placement=APART),
        observed=Observed(**observed),
    )


def settled(found: Planned) -> dict[str, object]:
    """What was settled, by the first route of each group."""
    return {question[1].name: answer for question, answer in _answers(found) if question[0] == "settled"}


def _answers(found: Planned) -> list[tuple[Any, object]]:
    return [(question, answer) for question, (_, answer) in found.memo._now.items() if isinstance(question, tuple)]


def test_a_group_that_a_change_can_t_touch_is_not_settled_again() -> None:
    first = replan(None, two_groups(), now=NOW)
    other = RouteKey("shop", "other")
    seen = {"running": (running("ams", "other"),), "failed": frozenset({(other, "ams")})}
    again = replan(first, two_groups(**seen), now=NOW + 1)

    assert settled(again)["chat"] is settled(first)["chat"]
    assert settled(again)["other"] is not settled(first)["other"]


def test_without_a_change_nothing_is() -> None:
    world = two_groups()
    first = replan(None, world, now=NOW)
    again = replan(first, dataclasses.replace(world, policies=()), now=NOW + 1)

    before, after = dict(_answers(first)), dict(_answers(again))
    assert set(before) == set(after)
    assert [question for question in before if before[question] is not after[question]] == []


def test_a_site_that_is_lost_by_and_by_is_seen_without_any_other_change() -> None:
    seen = {"fra": SiteObservation(unreachable_since=NOW)}
    world = network(
        FRA, AMS, pool("fra"), pool("ams"), chat(), observed=Observed(running=(running("fra"),), sites=seen)
    )
    first = replan(None, world, now=NOW + 119)
    later = replan(first, world, now=NOW + 120)

    assert [each.site for each in first.plan.placements] == ["fra"]
    assert later.plan == plan(world, now=NOW + 120)
    assert sites(later.plan) == ["ams", "fra"]


def cheaper_for_both(**settings: int) -> Snapshot:
    """Two groups, in each of which something could be had for half the price."""
    places = [("fra", "FRA", "chat"), ("cdg", "CDG", "chat"), ("ams", "AMS", "other"), ("bru", "BRU", "other")]
    return network(
        *(site(name, iata, labels={"of": of}) for name, iata, of in places),
        *(pool(name, pricePerDeviceHour="2" if name in {"fra", "ams"} else "1") for name, _, _ in places),
        chat(placement={"strategy": "Cheapest", "edgeNodeSelector": {"matchLabels": {"of": "chat"}}}),
        chat(
            "other",
            placement={"strategy": "Cheapest", **APART},
            serving={"priority": 1},
        ),
        observed=Observed(running=(running("fra"), running("ams", "other"))),
        **settings,
    )


def test_who_comes_first_moves_first() -> None:
    found = planned(cheaper_for_both(max_moves_per_hour=1))

    assert [(each.route.name, each.site) for each in found.changes if counts(each)] == [("other", "bru")]
    assert [(each.route.name, each.site) for each in found.deferred] == [("chat", "cdg")]


def test_all_move_if_they_may() -> None:
    found = planned(cheaper_for_both(max_moves_per_hour=2))

    assert sorted(each.route.name for each in found.changes if counts(each)) == ["chat", "other"]
    assert found.deferred == ()


def test_what_was_moved_a_moment_ago_does_not_move_at_once_again() -> None:
    before = cheaper_for_both(max_moves_per_hour=1)
    seen = dataclasses.replace(before.observed, moves=(NOW - 1,))

    assert not any(map(counts, planned(dataclasses.replace(before, observed=seen)).changes))


def test_a_chain_of_moves_ends_in_one_plan() -> None:
    """Two routes want to be where the other was or nobody is: what frees a place is seen in the same plan."""
    world = network(
        FRA,
        AMS,
        site("bru", "BRU"),
        pool("fra", pricePerDeviceHour="4"),
        pool("ams", pricePerDeviceHour="2"),
        pool("bru", pricePerDeviceHour="1"),
        chat("first", placement={"strategy": "Cheapest"}, serving={"priority": 1}),
        chat("second", placement={"strategy": "Cheapest"}),
        sample.tenant(),
        observed=Observed(running=(running("ams", "first"), running("fra", "second"))),
    )
    found = planned(world)

    assert (sites(found, "first"), sites(found, "second")) == (["bru"], ["ams"])


def test_a_place_that_somebody_later_in_the_order_leaves_is_seen_in_the_same_plan() -> None:
    """The first may not send the second away for a better price; but once it has moved by itself, there is room."""
    world = network(
        FRA,
        AMS,
        site("bru", "BRU"),
        pool("fra", pricePerDeviceHour="4", labels={"for": "first"}),
        pool("ams", pricePerDeviceHour="2", labels={"for": "both"}),
        pool("bru", pricePerDeviceHour="1", labels={"for": "second"}),
        chat(
            "first",
            placement={"strategy": "Cheapest", "poolSelector": {"matchExpressions": [_for("first", "both")]}},
            serving={"priority": 1},
        ),
        chat(
            "second",
            placement={"strategy": "Cheapest", "poolSelector": {"matchExpressions": [_for("second", "both")]}},
        ),
        observed=Observed(running=(running("fra", "first"), running("ams", "second"))),
    )
    found = planned(world)

    assert (sites(found, "first"), sites(found, "second")) == (["ams"], ["bru"])


def _for(*values: str) -> dict[str, Any]:
    return {"key": "for", "operator": "In", "values": list(values)}
