"""Limits that several processes keep: the memory, who has which slot, and processes that do their worst."""

import bisect
import contextlib
import dataclasses
import math
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.config_cases import example
from tests.unit.supervisor.gateways import ROOT, until
from tests.unit.supervisor.hammer import NAME, RATES, SLOTS, WORKERS, clock

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.limits import Admission, Exceeded, Meter, admit
from isochrone_gateway.route.sharing import SharedMeter
from isochrone_gateway.server.supervisor.counts import Counts, Meters
from isochrone_gateway.server.supervisor.slots import Slots, key, keys

TWO = Rates(requests_per_minute=2)


# Slots


@pytest.mark.parametrize(
    ("configs", "slots"),
    [
        pytest.param([("ab", 1)], {"a": 0, "b": 1}, id="first config"),
        pytest.param([("ab", 1), ("cb", 2)], {"c": 2, "b": 1}, id="what stays keeps its slot"),
        pytest.param([("ab", 1), ("b", 2), ("bc", 2)], {"b": 1, "c": 0}, id="a free slot is given again"),
        pytest.param([("ab", 1), ("b", 2), ("bc", 1)], {"b": 1, "c": 2}, id="not while a worker runs the old config"),
        pytest.param([("a", 1), ("b", 2), ("a", 3)], {"a": 0}, id="who comes back begins anew"),
        pytest.param([("", 1)], {}, id="no limits"),
    ],
)
def test_slots(configs: list[tuple[str, int]], slots: Mapping[str, int]) -> None:
    given = Slots()
    for number, (wanted, oldest) in enumerate(configs, 1):
        given = given.following(wanted, number=number, oldest=oldest)
    assert given.of == slots


@given(st.lists(st.tuples(st.sets(st.sampled_from("abcdef")), st.integers(0, 3)), max_size=20))
def test_no_slot_is_given_to_two_of_whom_somebody_may_still_count(configs: list[tuple[set[str], int]]) -> None:
    slots, history, oldest = Slots(), [Slots()], 0
    for number, (wanted, behind) in enumerate(configs, 1):
        oldest = max(oldest, number - 1 - behind)
        slots = slots.following(sorted(wanted), number=number, oldest=oldest)
        for older in history[oldest:]:
            now = {slot: each for each, slot in slots.of.items()}
            assert all(now.get(slot, each) == each for each, slot in older.of.items())
        assert set(slots.of) == wanted
        assert len(set(slots.of.values())) == len(wanted)
        assert slots.size <= 6 * 5
        history.append(slots)


def test_all_that_is_limited_has_a_key() -> None:
    config = example()
    wanted = [f"tenant {each.id}" for each in config.tenants.tenants if each.limits != Rates()]
    wanted += [f"provider {each.name}" for each in config.providers if each.limits != Rates()]
    assert wanted
    assert [each.rsplit(" ", 3)[0] for each in keys(config)] == wanted
    assert len({key("t", Rates()), key("t", TWO), key("t", Rates(tokens_per_minute=2)), key("u", TWO)}) == 4


# Memory


@contextlib.contextmanager
def counting(workers: int) -> Iterator[tuple[Counts, list[Counts]]]:
    """The supervisor's, and each worker's."""
    ours = Counts(workers)
    yield ours, [Counts(workers, ours.descriptor) for _ in range(workers)]
    ours.close()


def meter(counts: Counts, number: int, slots: Mapping[str, int], name: str = "t", rates: Rates = TWO) -> Meter:
    meters = Meters(counts, number)
    meters.expect(slots)
    return meters.make(name, rates)


def is_admitted(meter: Meter, now: float = 100.0) -> bool:
    return isinstance(admit((meter,), now, 0), Admission)


@pytest.mark.parametrize("slot", [0, 1, 1023, 1024, 70_000])
def test_workers_see_each_others_counts(slot: int) -> None:
    with counting(3) as (ours, theirs):
        ours.grow(slot + 1)
        meters = [meter(each, number, {key("t", TWO): slot}) for number, each in enumerate(theirs)]
        assert [is_admitted(each) for each in meters] == [True, True, False]
        beside = meter(theirs[0], 0, {key("u", TWO): slot ^ 1}, "u")
        assert is_admitted(beside)
        ours.clear(slot)
        again = [meter(each, number, {key("t", TWO): slot}) for number, each in enumerate(theirs)]
        assert [is_admitted(each) for each in again] == [True, True, False]
        assert is_admitted(beside)


def test_untouched_slots_take_no_memory() -> None:
    with counting(4) as (ours, theirs):
        ours.grow(10_000)
        for slot in range(0, 10_000, 100):
            is_admitted(meter(theirs[0], 0, {key("t", TWO): slot}))
        assert os.fstat(ours.descriptor).st_size < 30_000_000
        assert os.fstat(ours.descriptor).st_blocks * 512 < 3_000_000


def test_a_worker_that_ended_runs_no_requests() -> None:
    one = Rates(concurrent_requests=1)
    slots = {key("t", one): 3}
    with counting(2) as (ours, theirs):
        ours.grow(4)
        gone, other = (meter(each, number, slots, rates=one) for number, each in enumerate(theirs))
        assert is_admitted(gone)
        assert not is_admitted(other)
        ours.leave(0, 4)
        assert is_admitted(other)


def test_meters_of_a_config_that_no_longer_runs_go_on_alone() -> None:
    with counting(2) as (ours, theirs):
        ours.grow(2)
        meters, slots = Meters(theirs[0], 0), {key("t", TWO): 0, key("u", TWO): 1}
        meters.expect(slots)
        old, kept, unlimited = meters.make("t", TWO), meters.make("u", TWO), meters.make("v", Rates())
        assert type(unlimited) is Meter
        meters.keep(slots)
        assert is_admitted(old)
        meters.expect({key("u", TWO): 1})
        assert isinstance(meters.make("t", TWO), SharedMeter), "until it is replaced, the running config still counts"
        meters.keep({key("u", TWO): 1})
        ours.clear(0)
        assert is_admitted(old)
        assert not is_admitted(old)
        assert is_admitted(meter(theirs[1], 1, {key("w", TWO): 0}, "w")), "what the old one counts is not seen"
        assert is_admitted(kept)
        assert is_admitted(meter(theirs[1], 1, slots, "u"))
        assert not is_admitted(kept)


# Processes


@dataclasses.dataclass
class Running:
    """An admitted request of one process."""

    began: float
    until: float
    reserved: int
    settled: float = math.inf
    used: int = 0


class Processes:
    """Workers that hammer one meter, and what they wrote."""

    def __init__(self, folder: pathlib.Path, counts: Counts) -> None:
        self._folder = folder
        self._counts = counts
        self._started: list[tuple[subprocess.Popen[bytes], pathlib.Path]] = []
        self._ended: dict[pathlib.Path, float] = {}

    def start(self, number: int, seconds: float) -> pathlib.Path:
        log = self._folder / f"{len(self._started)}.log"
        command = [sys.executable, "-m", "tests.unit.supervisor.hammer"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, str(self._counts.descriptor), str(number), str(seconds)],
                stdout=out,
                pass_fds=[self._counts.descriptor],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        self._started.append((process, log))
        return log

    def kill(self, log: pathlib.Path) -> None:
        (process,) = (process for process, its in self._started if its == log)
        self._ended[log] = clock()
        process.kill()
        assert process.wait(20) == -signal.SIGKILL

    def wait(self) -> None:
        for process, log in self._started:
            assert process.wait(200) == 0 or log in self._ended

    def end(self) -> None:
        for process, _ in self._started:
            process.kill()
            process.wait(20)

    def requests(self) -> Iterator[Running]:
        for _, log in self._started:
            yield from _read(log.read_bytes(), self._ended.get(log, math.inf))


def _read(log: bytes, ended: float) -> Iterable[Running]:
    found: dict[int, Running] = {}
    for line in log.splitlines(keepends=True):
        match line.decode().split():
            case "admitted", number, began, until, reserved if line.endswith(b"\n"):
                found[int(number)] = Running(float(began), float(until), int(reserved), ended, int(reserved))
            case "settled", number, at, used if line.endswith(b"\n"):
                found[int(number)].settled, found[int(number)].used = float(at), int(used)
    return found.values()


def test_processes_that_hammer_one_meter_never_exceed_it_not_even_when_one_is_killed(tmp_path: pathlib.Path) -> None:
    counts = Counts(WORKERS)
    counts.grow(6)
    processes = Processes(tmp_path, counts)
    try:
        for number in range(WORKERS - 1):
            processes.start(number, seconds=75)
        victim = processes.start(WORKERS - 1, seconds=math.inf)
        until(lambda: victim.read_bytes().count(b"\n") > 100)
        processes.kill(victim)
        counts.leave(WORKERS - 1, 6)
        processes.start(WORKERS - 1, seconds=75)
        processes.wait()
    finally:
        processes.end()
    requests = sorted(processes.requests(), key=lambda each: each.until)
    assert_in_no_minute_more_than_allowed(requests)
    assert_never_more_at_a_time_than_allowed(requests)
    assert_the_next_minute_is_free(counts)
    counts.close()


def assert_in_no_minute_more_than_allowed(requests: list[Running]) -> None:
    """Of those that were admitted from beginning to end in the last minute."""
    most, tokens = RATES.requests_per_minute, RATES.tokens_per_minute
    assert most is not None
    assert tokens is not None
    assert len(requests) >= most / 2, "so much that it matters"
    untils = [each.until for each in requests]
    for index, one in enumerate(requests):
        first = bisect.bisect_left(untils, one.until - 60)
        recent = [each for each in requests[first : index + 1] if each.began >= one.until - 60]
        assert len(recent) <= most
        assert sum(each.used for each in recent) <= tokens


def assert_never_more_at_a_time_than_allowed(requests: list[Running]) -> None:
    changes = [(each.until, 1) for each in requests] + [(each.settled, -1) for each in requests]
    running = 0
    for _, change in sorted(changes):
        running += change
        assert running <= (RATES.concurrent_requests or 0)


def assert_the_next_minute_is_free(counts: Counts) -> None:
    for number in range(WORKERS):
        counts.leave(number, 6)
    meters, now = [meter(counts, number, SLOTS, NAME, RATES) for number in range(WORKERS)], clock() + 61
    for number in range(RATES.requests_per_minute or 0):
        admission = admit((meters[number % WORKERS],), now, 1)
        assert isinstance(admission, Admission)
        admission.settle(now, 1)
    assert isinstance(admit((meters[0],), now, 1), Exceeded)
