"""What /proc says, and what we take from it."""

import os
import time

import pytest
from tests.bench import cores, proc
from tests.bench.cores import CoresError
from tests.bench.proc import Process

_STAT = " S 7 1 1 0 -1 4194560 9 8 7 6 150 50 900 800 20 0 3 0 100 1000 10 18446744073709551615 0 0"


@pytest.mark.parametrize("name", ["nginx", "a b", "x) S 1 (", ")", ""])
def test_a_name_may_hold_anything(name: str) -> None:
    assert proc.parse_process(f"42 ({name}){_STAT}") == Process(pid=42, parent=7, ticks=200)


def test_waiting_for_a_disk_is_not_being_busy() -> None:
    text = "cpu  1 1 1 1 1 1 1 1 0 0\ncpu0 1 2 4 1000 2000 8 16 32 5 5\ncpu1 0 0 0 9 0 0 0 0 0 0\nintr 1 2\n"

    assert proc.parse_cores(text) == {0: 63, 1: 0}


def test_memory_of_a_process_that_has_ended() -> None:
    assert proc.parse_resident("Name:\tx\nVmRSS:\t    2048 kB\n") == 2 * 1024 * 1024
    assert proc.parse_resident("Name:\tx\nState:\tZ (zombie)\n") == 0


def test_a_tree_has_grandchildren_and_no_strangers() -> None:
    assert proc.tree(1, {1: 0, 2: 1, 3: 2, 4: 9, 9: 0}) == {1, 2, 3}
    assert proc.tree(5, {1: 0}) == set()


def test_our_own_cpu_and_memory() -> None:
    before = proc.cpu_seconds([os.getpid()])
    began = time.process_time()
    while time.process_time() - began < 0.1:
        pass

    used = proc.cpu_seconds([os.getpid()]) - before

    assert used >= 0.08
    assert proc.resident(os.getpid()) > 1024 * 1024
    assert proc.busy_seconds().keys() >= os.sched_getaffinity(0)


@pytest.mark.parametrize(
    ("usable", "gateway", "upstream", "driver"),
    [
        pytest.param({0, 1}, 1, 0, 0, id="two: upstream and driver share one"),
        pytest.param({2, 4, 6, 7}, 7, 4, 2, id="more: one each"),
    ],
)
def test_layout(usable: set[int], gateway: int, upstream: int, driver: int) -> None:
    found = cores.layout(usable)

    assert (found.gateway, found.upstream, found.driver) == (gateway, upstream, driver)


def test_one_core_is_too_few() -> None:
    with pytest.raises(CoresError, match="two cores"):
        cores.layout({3})


def test_who_is_started_while_pinned_stays_there() -> None:
    before = os.sched_getaffinity(0)

    with cores.pinned(min(before)):
        inside = os.sched_getaffinity(0)

    assert inside == {min(before)}
    assert os.sched_getaffinity(0) == before
