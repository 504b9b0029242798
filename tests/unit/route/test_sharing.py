"""Limits that workers keep together: what each sees of the others, and what remains of one that ended."""

import math
import threading
from collections.abc import Callable, Iterator

import pytest
from tests.property.interleaving import World

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.cells import MOST_TOKENS, RING, ROW, Slot
from isochrone_gateway.route.limits import Admission, Exceeded, Limit, Meter, admit
from isochrone_gateway.route.sharing import SharedMeter

Act = Callable[[], object]

MINUTE = Rates(requests_per_minute=4, tokens_per_minute=100)


def slots(workers: int = 2) -> list[Slot]:
    cells = memoryview(bytearray(8 * workers * (ROW + RING))).cast("Q")
    barrier = threading.Lock()
    barrier.acquire()
    return [Slot(cells, 0, ROW * workers, workers, number, barrier) for number in range(workers)]


def meters(rates: Rates, workers: int = 2) -> list[SharedMeter]:
    return [SharedMeter("shop/web", rates, slot) for slot in slots(workers)]


def admitted(meter: Meter, now: float, tokens: int = 0) -> Admission:
    given = admit((meter,), now, tokens)
    assert isinstance(given, Admission), given
    return given


def refused(meter: Meter, now: float, tokens: int = 0) -> Exceeded:
    given = admit((meter,), now, tokens)
    assert isinstance(given, Exceeded), given
    return given


def test_what_others_used_counts() -> None:
    one, other = meters(MINUTE)
    admitted(one, 100.9, tokens=60)
    admitted(other, 130, tokens=10)
    assert refused(other, 130, tokens=31) == ("shop/web", Limit.TOKENS, 100, 161.0)
    admitted(other, 140, tokens=30)
    admitted(one, 150)
    assert refused(other, 155) == ("shop/web", Limit.REQUESTS, 4, 161.0)
    assert refused(one, 155) == ("shop/web", Limit.REQUESTS, 4, 161.0)
    admitted(other, 161)


@pytest.mark.parametrize("later", [61, 64, 65, 100, 128, 1000])
def test_what_is_older_than_a_minute_does_not_count_though_its_worker_does_nothing(later: int) -> None:
    one, other = meters(MINUTE)
    for second in (100, 101, 102, 103):
        admitted(one, second, tokens=25)
    assert refused(other, 160, tokens=25).until == 161.0
    for second in range(4):
        admitted(other, 103 + later + second, tokens=25)
    assert refused(one, 107 + later).until == 164.0 + later


def test_settling_is_seen_by_others_also_a_while_later() -> None:
    one, other = meters(Rates(tokens_per_minute=100))
    long, short = admitted(one, 100, tokens=50), admitted(one, 110, tokens=50)
    assert refused(other, 120, tokens=40).until == 161.0
    short.settle(125, used=10)
    admitted(other, 125, tokens=40)
    assert refused(other, 130, tokens=1).until == 161.0
    long.settle(140, used=55)
    assert refused(other, 161, tokens=51).until == 171.0
    admitted(other, 161, tokens=50)


def test_the_time_to_come_back_is_that_of_now_though_all_looks_as_before() -> None:
    one, other = meters(Rates(tokens_per_minute=100))
    first = admitted(one, 134, tokens=90)
    for meter in (one, other):
        assert refused(meter, 186, tokens=50).until == 195.0
    first.settle(186, used=0)
    admitted(one, 186, tokens=90)
    for meter in (one, other):
        assert refused(meter, 186, tokens=50).until == 247.0


def test_requests_at_a_time_are_those_of_all() -> None:
    one, other = meters(Rates(concurrent_requests=2))
    first = admitted(one, 100)
    admitted(other, 100)
    assert refused(one, 100).limit is refused(other, 100).limit is Limit.CONCURRENT
    first.settle(101, None)
    admitted(other, 101)
    refused(one, 101)


def test_a_worker_that_ended_leaves_what_it_used_but_no_running_requests() -> None:
    mine, theirs = slots()
    rates = Rates(requests_per_minute=3, tokens_per_minute=100, concurrent_requests=2)
    gone, other = SharedMeter("t", rates, mine), SharedMeter("t", rates, theirs)
    admitted(gone, 100, tokens=40)
    admitted(gone, 101, tokens=40)
    assert refused(other, 102).limit is Limit.CONCURRENT
    mine.end()
    assert refused(other, 102, tokens=30) == ("t", Limit.TOKENS, 100, 161.0)
    next_one = SharedMeter("t", rates, mine)
    assert refused(next_one, 102, tokens=30) == ("t", Limit.TOKENS, 100, 161.0)
    admitted(next_one, 102, tokens=20)
    assert refused(next_one, 103) == ("t", Limit.REQUESTS, 3, 161.0)
    assert refused(other, 103) == ("t", Limit.REQUESTS, 3, 161.0)
    admitted(next_one, 161, tokens=40)


def test_a_meter_that_gave_up_its_slot_goes_on_alone() -> None:
    mine, theirs = slots()
    one, other = SharedMeter("t", MINUTE, mine), SharedMeter("t", MINUTE, theirs)
    running = admitted(one, 100, tokens=50)
    admitted(other, 100, tokens=50)
    one.detach()
    mine.clear()
    refused(one, 101, tokens=1)
    running.settle(130, used=0)
    admitted(one, 131, tokens=50)
    assert list(theirs.cells[: ROW * 2]) == [0] * ROW * 2


def test_limits_above_what_a_cell_can_show_are_lower() -> None:
    one, other = meters(Rates(requests_per_minute=2**50, tokens_per_minute=2**50))
    assert refused(one, 100, tokens=2**49) == ("shop/web", Limit.TOKENS, MOST_TOKENS // 2, math.inf)
    admitted(one, 100, tokens=MOST_TOKENS // 2)
    admitted(other, 170, tokens=10).settle(171, used=2**60)
    assert one.requests is not None
    refused(one, 172, tokens=1)
    assert one.requests.room == one.requests.most - 1, "tokens don't spill over into requests"


# One in the midst of the other: at each step, and with each store that may have reached the memory by then.


def at_each_step(rates: Rates, scene: Callable[["Asking"], tuple[Act, Act]]) -> Iterator["Asking"]:
    """Let the second act happen in the midst of the first, in a new world each time."""
    step, stored = 0, 0
    while True:
        world = World(workers=2)
        asking = Asking(world, rates)
        first, second = scene(asking)
        world.calm()
        interruption = _Interruption(world, step, stored, second)
        world.interrupt = interruption
        first()
        interruption.come_late()
        if interruption.choices is None:
            return
        yield asking
        step, stored = (step, stored + 1) if stored < interruption.choices else (step + 1, 0)


class _Interruption:
    """Comes once, after so many steps, when one of the stores that wait has reached the memory, or none of them."""

    def __init__(self, world: World, after: int, stored: int, act: Act) -> None:
        self._world = world
        self._left = after
        self._stored = stored
        self._act = act
        self._worker = 0
        self.choices: int | None = None

    def come_late(self) -> None:
        """The first act is over, but not all of its stores may have reached the memory."""
        self(self._worker)

    def __call__(self, worker: int) -> None:
        self._worker = worker if self.choices is None else self._worker
        self._left -= 1
        if self._left >= 0 or self.choices is not None:
            return
        self.choices = len(self._world.buffers[worker])
        if self._stored:
            self._world.store(worker, self._stored - 1)
        self._act()
        self._world.store_all(1 - worker)


class Asking:
    """Two workers with one meter, and what they answered in the end."""

    def __init__(self, world: World, rates: Rates) -> None:
        self.meters = [SharedMeter("t", rates, world.slot(worker)) for worker in range(2)]
        self.answers: list[Admission | Exceeded] = []

    def act(self, worker: int, now: float, tokens: int = 0) -> Act:
        return lambda: self.answers.append(admit((self.meters[worker],), now, tokens))

    @property
    def admitted(self) -> int:
        return sum(isinstance(each, Admission) for each in self.answers)


@pytest.mark.parametrize(
    "rates",
    [
        pytest.param(Rates(requests_per_minute=3), id="requests"),
        pytest.param(Rates(tokens_per_minute=30), id="tokens"),
        pytest.param(Rates(concurrent_requests=3), id="at a time"),
    ],
)
def test_of_two_that_want_the_last_one_at_most_one_gets_it(rates: Rates) -> None:
    def scene(asking: Asking) -> tuple[Act, Act]:
        for meter in asking.meters:
            admitted(meter, 1000, tokens=10)
        return asking.act(0, 1001, tokens=10), asking.act(1, 1001, tokens=10)

    outcomes = [asking.admitted for asking in at_each_step(rates, scene)]
    assert len(outcomes) >= 10
    assert set(outcomes) <= {0, 1}


def test_one_that_others_were_faster_than_is_counted_by_none() -> None:
    tenant, given = Meter("tenant", MINUTE), list[Admission | Exceeded]()

    def scene(asking: Asking) -> tuple[Act, Act]:
        return lambda: given.append(admit((tenant, asking.meters[1]), 300, 10)), asking.act(0, 300)

    refusals = 0
    for asking in at_each_step(Rates(requests_per_minute=1), scene):
        answer = given.pop()
        if isinstance(answer, Admission):
            answer.settle(300, 0)
            tenant = Meter("tenant", MINUTE)
            continue
        refusals += 1
        assert answer == ("t", Limit.REQUESTS, 1, 361.0)
        assert tenant.requests is not None
        assert tenant.tokens is not None
        assert (tenant.requests.used, tenant.tokens.used, tenant.concurrent) == (0, 0, 0)
        assert asking.meters[1].concurrent == 0
    assert refusals


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("taken", [0, 1])
def test_while_a_worker_forgets_it_does_not_seem_to_have_used_less(first: int, taken: int) -> None:
    def scene(asking: Asking) -> tuple[Act, Act]:
        for worker, second in ((1, 1000), (1, 1030), (1, 1030), (1, 1030), (0, 1040), (0, 1040)):
            admitted(asking.meters[worker], second)
        refused(asking.meters[0], 1040)
        for _ in range(taken):
            admitted(asking.meters[0], 1061)
        return asking.act(first, 1061.5), asking.act(1 - first, 1061.5)

    outcomes = {asking.admitted for asking in at_each_step(Rates(requests_per_minute=6), scene)}
    assert outcomes <= {0, 1 - taken}


@pytest.mark.parametrize("used", [0, 40])
@pytest.mark.parametrize("is_settling_first", [False, True])
def test_what_is_settled_in_its_last_moment_hides_nothing(used: int, is_settling_first: bool) -> None:
    """One worker is already in the next second when the other one corrects what has just become too old."""
    seen: list[int] = []

    def scene(asking: Asking) -> tuple[Act, Act]:
        old = admitted(asking.meters[1], 1000, tokens=10)
        admitted(asking.meters[1], 1030, tokens=50)
        asking.meters[1].exceeded(1060, 0)
        slot = asking.meters[0]._slot
        acts = (lambda: seen.append(slot.live(1, ours=1061))), (lambda: old.settle(1060.9, used))
        return acts[::-1] if is_settling_first else acts

    for _ in at_each_step(Rates(tokens_per_minute=100), scene):
        assert seen.pop() >= 50
