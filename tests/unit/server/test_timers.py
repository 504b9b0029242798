"""The wheel: never early, at most a tick late, and it keeps nobody alive."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conformance.http1.memory import ManualLoop

from isochrone_gateway.server.timers import NEVER, Timed, Wheel

pytestmark = pytest.mark.interpreted
TICK = 0.25


class Entry(Timed):
    def __init__(self, due: float = NEVER) -> None:
        super().__init__()
        self.due = due
        self.fired: list[float] = []

    def on_due(self, now: float) -> None:
        self.fired.append(now)
        self.due = NEVER


@settings(deadline=None)  # The machine may be busy.
@given(delays=st.lists(st.floats(0, 100), min_size=1, max_size=20))
def test_each_fires_once_never_early_and_at_most_a_tick_late(delays: list[float]) -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    entries = [Entry(due=loop.now + delay) for delay in delays]
    due = [entry.due for entry in entries]
    for entry in entries:
        wheel.watch(entry)

    loop.advance(101)

    for entry, expected in zip(entries, due, strict=True):
        (fired,) = entry.fired
        assert expected <= fired <= expected + 2 * TICK


@settings(deadline=None)  # The machine may be busy.
@given(moves=st.lists(st.tuples(st.floats(0, 3), st.floats(0, 20)), min_size=1, max_size=30))
def test_only_the_last_deadline_counts(moves: list[tuple[float, float]]) -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    entry = Entry()
    expected: list[float] = []
    last = 0.0
    for wait, delay in moves:
        loop.advance(wait)
        expected = entry.fired[:]
        entry.due = loop.now + delay
        wheel.watch(entry)
        last = entry.due

    loop.advance(30)

    assert len(entry.fired) == len(expected) + 1
    assert last <= entry.fired[-1] <= last + 2 * TICK


def test_a_later_deadline_costs_no_move() -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    entry = Entry(due=loop.now + 10)
    wheel.watch(entry)
    slot = entry.slot

    entry.due = loop.now + 20
    wheel.watch(entry)
    assert entry.slot == slot
    loop.advance(19)
    assert entry.fired == []
    loop.advance(2)
    assert len(entry.fired) == 1


def test_forgotten_entries_are_let_go_at_once() -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    entries = [Entry(due=loop.now + 10) for _ in range(5)]
    for entry in entries:
        wheel.watch(entry)

    for entry in entries[:4]:
        wheel.forget(entry)

    assert len(wheel) == 1
    loop.advance(20)
    assert [len(entry.fired) for entry in entries] == [0, 0, 0, 0, 1]


def test_it_sleeps_without_entries() -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    assert loop.timers == 0
    entry = Entry(due=loop.now + 1)
    wheel.watch(entry)
    assert loop.timers == 1

    loop.advance(2)

    assert loop.timers == 0


def test_a_loop_that_was_held_up_catches_up() -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    entries = [Entry(due=loop.now + delay) for delay in (1.0, 2.0, 500.0)]
    for entry in entries:
        wheel.watch(entry)

    loop.now += 400
    loop.advance(1)

    assert [len(entry.fired) for entry in entries] == [1, 1, 0]


@pytest.mark.parametrize("due", [NEVER, math.inf])
def test_never_is_never(due: float) -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)

    wheel.watch(Entry(due=due))

    assert len(wheel) == 0
    assert loop.timers == 0


@pytest.mark.parametrize("apart", [0.0, 5.0])
def test_an_entry_may_forget_others_that_are_due(apart: float) -> None:
    loop = ManualLoop()
    wheel = Wheel(loop, TICK)
    entries: list[Entry] = []

    class Killer(Entry):
        def on_due(self, now: float) -> None:
            super().on_due(now)
            for entry in entries:
                entry.due = NEVER
                wheel.forget(entry)

    entries += [Killer(due=loop.now + 1), Killer(due=loop.now + 1 + apart)]
    for entry in entries:
        wheel.watch(entry)

    loop.now += 100
    loop.advance(1)

    assert sum(len(entry.fired) for entry in entries) == 1
    assert loop.timers == 0
