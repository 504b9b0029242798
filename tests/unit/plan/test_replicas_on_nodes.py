"""Whether replicas fit on nodes, held to trying every way of putting them there."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.plan.pack import SEARCHED, Bin, fits

NODES = st.lists(st.integers(0, 9), max_size=4)
ANY = st.dictionaries(st.integers(1, 6), st.integers(0, 4), max_size=4)
DIVIDING = st.dictionaries(st.sampled_from([1, 2, 4, 8]), st.integers(0, 4))
TRIPLES = st.dictionaries(st.sampled_from([1, 3, 6]), st.integers(0, 4))
LOADS = ANY | DIVIDING | TRIPLES


def can_be_put(nodes: tuple[int, ...], replicas: tuple[int, ...]) -> bool:
    """Every node is tried for each replica."""
    if not replicas:
        return True
    first, *others = replicas
    return any(
        can_be_put((*nodes[:at], room - first, *nodes[at + 1 :]), tuple(others))
        for at, room in enumerate(nodes)
        if room >= first and room not in nodes[:at]
    )


def expected(nodes: list[int], load: Mapping[int, int]) -> bool:
    return can_be_put(tuple(nodes), tuple(size for size in sorted(load, reverse=True) for _ in range(load[size])))


def bin_with(nodes: list[int], load: Mapping[int, int]) -> Bin:
    found = Bin(nodes)
    for size, count in load.items():
        found.put(size, count)
    return found


@given(NODES, LOADS)
def test_what_fits_is_what_can_be_put_on_nodes(nodes: list[int], load: dict[int, int]) -> None:
    assert fits(nodes, load) == expected(nodes, load)
    assert bin_with(nodes, load).fits() == expected(nodes, load)


@given(NODES, LOADS, st.integers(1, 8), st.integers(0, 5))
def test_the_room_left_is_as_many_as_can_be_put_beside_what_is_there(
    nodes: list[int], load: dict[int, int], devices: int, wanted: int
) -> None:
    if not expected(nodes, load):
        return
    more = [{**load, devices: load.get(devices, 0) + number} for number in range(wanted + 1)]

    assert bin_with(nodes, load).room(devices, wanted) == max(
        number for number, each in enumerate(more) if expected(nodes, each)
    )


@given(NODES, LOADS, st.lists(st.tuples(st.integers(1, 8), st.integers(0, 5), st.integers(-1, 1)), max_size=6))
def test_a_bin_that_was_asked_before_answers_as_a_new_one(
    nodes: list[int], load: dict[int, int], asked: list[tuple[int, int, int]]
) -> None:
    old, held = bin_with(nodes, load), dict(load)
    for devices, wanted, more in asked:
        assert old.room(devices, wanted) == bin_with(nodes, held).room(devices, wanted)
        if more and held.get(devices, 0) + more >= 0:
            held[devices] = held.get(devices, 0) + more
            old.put(devices, more)


@given(NODES, DIVIDING, st.sampled_from([1, 2, 4, 8]))
def test_there_is_no_room_where_too_much_was_put_already(nodes: list[int], load: dict[int, int], devices: int) -> None:
    """A pool may shrink under what runs in it: then nothing more fits, and never a negative number."""
    if not expected(nodes, load):
        assert bin_with(nodes, load).room(devices, 5) in range(6)
    assert bin_with(nodes, {**load, devices: 40}).room(devices, 5) == 0


@given(NODES, LOADS)
def test_what_is_given_back_leaves_no_trace(nodes: list[int], load: dict[int, int]) -> None:
    emptied = bin_with(nodes, load)
    assert emptied.free_devices() == sum(nodes) - sum(size * count for size, count in load.items())
    for size, count in load.items():
        emptied.put(size, -count)

    assert emptied.free_devices() == sum(nodes)
    assert [emptied.room(size, 9) for size in (1, 2, 3)] == [Bin(nodes).room(size, 9) for size in (1, 2, 3)]


@pytest.mark.parametrize(
    ("nodes", "load"),
    [
        pytest.param([6, 10], {3: 2, 5: 2}, id="two sizes"),
        pytest.param([5, 10], {4: 2, 3: 1, 2: 2}, id="three sizes"),
        pytest.param([10, 4, 11], {7: 1, 5: 2, 4: 2}, id="three nodes"),
        pytest.param([14, 8, 10, 12, 13, 14, 10], {7: 1, 6: 5, 4: 10}, id="the fullest first, or it takes too long"),
    ],
)
def test_the_obvious_way_is_not_the_only_one(nodes: list[int], load: dict[int, int]) -> None:
    assert fits(nodes, load) is expected(nodes, load) is True


@pytest.mark.parametrize(("replicas", "found"), [(SEARCHED, True), (SEARCHED + 1, False)])
def test_of_more_replicas_only_the_obvious_way_is_tried(replicas: int, found: bool) -> None:
    """Then room that there is may be left empty, but nothing is put where none is."""
    others = replicas - 4

    assert fits([6, 10, *([20] * others)], {3: 2, 5: 2, 20: others}) is found


@pytest.mark.parametrize(
    ("nodes", "load", "fit"),
    [
        pytest.param([4, 3] * 101, {3: 101, 2: 202}, True, id="each where it leaves least"),
        pytest.param([4, 3] * 101, {3: 102, 2: 202}, False, id="one too many"),
        pytest.param([4], {3: 1, 2: 1}, False, id="one fits without the other"),
        pytest.param([4], {2: 1, 1: 3}, False, id="sizes that divide, and one too many"),
        pytest.param([4, 4, 3] * 101, {3: 102, 2: 402}, True, id="one leaves a rest"),
    ],
)
def test_however_many_there_are_the_obvious_way_is_tried(nodes: list[int], load: dict[int, int], fit: bool) -> None:
    assert fits(nodes, load) is fit


@pytest.mark.parametrize(
    ("nodes", "load", "devices", "room"),
    [
        pytest.param([3], {1: 2}, 2, 0, id="a smaller size took more than is left over"),
        pytest.param([3, 3], {1: 2}, 2, 2, id="a smaller size took what is left over"),
        pytest.param([7], {4: 1}, 2, 1, id="a larger size leaves a rest"),
        pytest.param([8, 8], {4: 1}, 4, 3, id="the same size"),
        pytest.param([4], {3: 1, 2: 1}, 2, 0, id="there is too much already"),
        pytest.param([1], {2: 1}, 2, 0, id="one is there that doesn't fit"),
        pytest.param([7], {3: 1}, 2, 2, id="beside one that doesn't divide"),
    ],
)
def test_the_room_left(nodes: list[int], load: dict[int, int], devices: int, room: int) -> None:
    assert bin_with(nodes, load).room(devices, 5) == room


def test_a_search_that_takes_too_long_ends_with_no() -> None:
    """All counts allow for it; only that 13 isn't 5 + 5 + 4 forbids it, and there are millions of ways to see that."""
    assert not fits([13] * 12, {5: 20, 4: 12})
