"""Pods of others hold GPUs of a pool: what runs stays, and what is new goes where there is room."""

import dataclasses
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.plan.small import AMS, CHAT, FRA, NOW, chat, network, of_routes, planned, pool, running, sites, told
from tests.worlds.happened import applied

from isochrone.model import Observed, Running, SiteObservation, Snapshot, WhyNot
from isochrone.plan import explain
from isochrone.plan.pack import fits, with_room_for

Json = dict[str, Any]
BIG: Final = {"resources": {"devices": 4, "cpu": 4, "memory": "16Gi"}}


def seen(*there: Running, **taken: tuple[int, ...]) -> Observed:
    sites = {name: SiteObservation(taken={f"gpu-{name}": devices}) for name, devices in taken.items()}
    return Observed(sites=sites, running=there)


def crowd(observed: Observed, *routes: Json, devices: int = 2, nodes: int = 1) -> Snapshot:
    """One site with GPUs, and another one whose GPUs are dearer and as near."""
    dear = pool("ams", devicesPerNode=devices, nodes=nodes, pricePerDeviceHour="9.00")
    return network(FRA, AMS, pool("fra", devicesPerNode=devices, nodes=nodes), dear, *routes, observed=observed)


CHEAP: Final = {"strategy": "Cheapest"}


def test_a_new_route_goes_where_there_is_room() -> None:
    assert sites(planned(crowd(seen(), chat(placement=CHEAP)))) == ["fra"]
    assert sites(planned(crowd(seen(fra=(2,)), chat(placement=CHEAP)))) == ["ams"]


def test_where_there_is_none_it_is_said_why() -> None:
    world = crowd(seen(fra=(2,), ams=(2,)), chat())
    found = planned(world)

    assert found.shortfalls[0].why_not == ((WhyNot.NO_CAPACITY, 2),)
    explained = explain(world, found, CHAT, now=NOW)
    assert explained is not None
    assert {each.why_not for each in explained.sites} == {WhyNot.NO_CAPACITY}


STAYS: Final = {
    "all that is left": (seen(running("fra"), fra=(1,)), [chat()], {"chat": ["fra"]}),
    "more is said to be held than can be": (seen(running("fra"), fra=(2,)), [chat()], {"chat": ["fra"]}),
    "several, and no room beside them": (
        seen(running("fra", "one"), running("fra", "two"), fra=(2,)),
        [chat("one"), chat("two")],
        {"one": ["fra"], "two": ["fra"]},
    ),
    "who is ready, and not an older one that waits": (
        seen(running("fra", "a-waits", ready=0), running("fra", "ready"), fra=(1,)),
        [chat("a-waits"), chat("ready")],
        {"ready": ["fra"], "a-waits": ["ams"]},
    ),
}


@pytest.mark.parametrize(("observed", "routes", "expected"), STAYS.values(), ids=STAYS)
def test_who_is_ready_stays_whatever_is_said_of_others(
    observed: Observed, routes: list[Json], expected: dict[str, list[str]]
) -> None:
    assert of_routes(planned(crowd(observed, *routes)), expected) == expected


def test_replicas_that_wait_for_what_others_hold_give_up() -> None:
    half = seen(running("fra", replicas=2, ready=1), fra=(1,))
    found = planned(crowd(half, chat(serving={"replicasPerSite": 2})))

    assert [(each.site, each.replicas) for each in found.placements] == [("fra", 1)]
    assert told(found) == ["Resize fra Resized"]
    assert found.shortfalls[0].why_not[0] == (WhyNot.NO_CAPACITY, 1)


def test_replicas_that_wait_come_to_where_there_is_room_again() -> None:
    free = seen(running("fra", replicas=1))
    found = planned(crowd(free, chat(serving={"replicasPerSite": 2})))

    assert [(each.site, each.replicas) for each in found.placements] == [("fra", 2)]


def test_engines_none_of_which_found_room_go_elsewhere() -> None:
    found = planned(crowd(seen(running("fra", ready=0), fra=(2,)), chat()))

    assert told(found) == ["Move fra>ams NoLongerFits"]


def test_a_higher_priority_takes_the_place_of_a_lower_one_all_the_same() -> None:
    there = seen(running("fra", "low"), running("ams", "other"), fra=(1,), ams=(1,))
    high = chat("high", serving={"priority": 1})
    found = planned(crowd(there, chat("low"), chat("other"), high))

    assert "Stop fra OutbidByPriority" in told(found) or "Stop ams OutbidByPriority" in told(found)
    assert len(sites(found, "high")) == 1


MADE_ROOM: Final = {
    "it fits": ((4, 8), {4: 2}, 16, (8, 4)),
    "it fits, though not in the obvious way": ((10, 6), {5: 2, 3: 2}, 16, (10, 6)),
    "not the largest": ((4, 4), {8: 1}, 16, (8,)),
    "not the last of several": ((2, 2), {2: 3}, 16, (2, 2, 2)),
    "as few as can be have none: each is put where it leaves least": ((4, 3), {3: 1, 2: 3}, 16, (4, 3, 2)),
    "the smallest rests are given for it, and the largest stays whole": ((6, 4, 3), {7: 1}, 16, (7, 6)),
    "nothing was free": ((0, 0), {1: 2}, 16, (1, 1)),
    "all that there is": ((0, 0), {8: 2}, 16, (8, 8)),
    "more than there is": ((0, 0), {8: 3}, 16, (8, 8)),
    "more than there is: the largest come first": ((4,), {2: 1, 4: 1}, 4, (4,)),
}


@pytest.mark.parametrize(("free", "there", "most", "expected"), MADE_ROOM.values(), ids=MADE_ROOM)
def test_room_is_made_for_what_is_there(
    free: tuple[int, ...], there: dict[int, int], most: int, expected: tuple[int, ...]
) -> None:
    found = with_room_for(there, free, most=most)

    assert tuple(sorted((room for room in found if room), reverse=True)) == expected


shapes = st.lists(st.sampled_from([0, 1, 2, 4, 8]), min_size=1, max_size=4)
loads = st.dictionaries(st.sampled_from([1, 2, 4, 8]), st.integers(1, 4), max_size=4)


@given(shapes, loads)
def test_what_is_there_always_has_room_if_the_pool_is_large_enough(free: list[int], there: dict[int, int]) -> None:
    wanted, most = sum(size * count for size, count in there.items()), sum(free) + 128
    found = with_room_for(there, tuple(free), most=most)

    assert fits(found, there)
    assert sum(found) == max(sum(free), wanted)


numbers = st.lists(st.integers(0, 8), max_size=3).map(tuple)


@settings(max_examples=30)
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.lists(st.booleans(), min_size=4, max_size=4), numbers)
def test_others_that_come_never_move_what_is_ready(replicas: list[int], are_big: list[bool], taken: Any) -> None:
    routes = [
        chat(f"r{index}", serving={"replicasPerSite": count, **(BIG if are_big[index] else {})}, placement=CHEAP)
        for index, count in enumerate(replicas)
    ]
    before = crowd(seen(), *routes, devices=8, nodes=2)
    first = planned(before)
    settled = applied(before, first)
    held = {name: SiteObservation(taken={f"gpu-{name}": taken}) for name in ("fra", "ams")}
    crowded = dataclasses.replace(settled, observed=dataclasses.replace(settled.observed, sites=held))

    assert planned(crowded).changes == ()
