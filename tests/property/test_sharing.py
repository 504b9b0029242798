"""Limits that workers keep together: never more, whatever happens at the same time, and no less when nothing does."""

import random
import threading

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import SOAK
from tests.property.interleaving import Hammering, World

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.cells import RING, ROW, Slot
from isochrone_gateway.route.limits import Admission, Exceeded, Meter, admit
from isochrone_gateway.route.sharing import SharedMeter

RATES = st.builds(
    Rates,
    requests_per_minute=st.none() | st.integers(1, 8),
    tokens_per_minute=st.none() | st.integers(1, 100),
    concurrent_requests=st.none() | st.integers(1, 4),
)
SEEDS = st.integers(0, 2**32)
_STEPS = (0.0, 0.0, 0.0, 0.1, 0.5, 1.0, 1.0, 2.0, 3.0, 7.0, 20.0, 45.0, 58.0, 60.0, 61.0, 64.0, 65.0, 100.0, 128.0)


@given(SEEDS, RATES)
@settings(max_examples=10_000 if SOAK else 200)
def test_together_they_never_admit_too_much(seed: int, rates: Rates) -> None:
    world = World.restless(seed)
    hammering = Hammering(world, rates, requests=12)
    hammering.run()
    for one in hammering.answered:
        earlier = [each for each in hammering.answered if each.barrier < one.barrier]
        recent = [each for each in earlier if each.began_at >= one.ended_at - 60]
        running = [each for each in earlier if each.settled > one.ended]
        assert rates.requests_per_minute is None or len(recent) + 1 <= rates.requests_per_minute
        assert rates.concurrent_requests is None or len(running) + 1 <= rates.concurrent_requests
        used = sum(each.tokens(one.ended) for each in recent) + one.reserved
        assert rates.tokens_per_minute is None or used <= rates.tokens_per_minute
    assert_nothing_is_left(hammering, rates)


def assert_nothing_is_left(hammering: Hammering, rates: Rates) -> None:
    """A minute later all of the limit is free again, at whichever worker."""
    hammering.world.calm()
    now = hammering.world.clock + 100
    wanted = min(rates.requests_per_minute or 9, rates.concurrent_requests or 9)
    tokens = (rates.tokens_per_minute or 0) // wanted
    for number in range(wanted):
        meter = hammering.meters[number % len(hammering.meters)]
        assert isinstance(admit((meter,), now, tokens), Admission)


@given(SEEDS, RATES)
@settings(max_examples=20_000 if SOAK else 500)
def test_when_nothing_happens_at_once_they_are_as_one(seed: int, rates: Rates) -> None:
    chosen, now = random.Random(seed), 1000.0
    beside = Beside(rates, workers=3)
    worker = 0
    steps = chosen.choices(_STEPS, k=chosen.randint(1, 6))
    for _ in range(60):
        now += chosen.choice(steps)
        worker = chosen.choice((0, 1, 2, worker, worker, worker))
        match chosen.choice(("admit", "admit", "admit", "settle", "settle", "end")):
            case "admit":
                beside.admit(worker, now, chosen.randint(0, 40))
            case "settle":
                beside.settle(worker, now, chosen.choice((None, 0, chosen.randint(0, 80))))
            case "end" if chosen.random() < 0.1:
                beside.end(worker, now)


class Beside:
    """Workers, and beside them one meter that sees all that they do."""

    def __init__(self, rates: Rates, workers: int) -> None:
        self.rates = rates
        self.one = Meter("t", rates)
        self.slots = plain_slots(workers)
        self.meters = [SharedMeter("t", rates, slot) for slot in self.slots]
        self.running: list[list[tuple[Admission, Admission]]] = [[] for _ in self.slots]

    def admit(self, worker: int, now: float, tokens: int) -> None:
        ours, expected = admit((self.meters[worker],), now, tokens), admit((self.one,), now, tokens)
        if isinstance(expected, Exceeded):
            assert ours == expected
        else:
            assert isinstance(ours, Admission)
            self.running[worker].append((ours, expected))

    def settle(self, worker: int, now: float, used: int | None) -> None:
        if self.running[worker]:
            for admission in self.running[worker].pop(0):
                admission.settle(now, used)

    def end(self, worker: int, now: float) -> None:
        """A worker ends, its requests with it, and another one takes its place."""
        for _, expected in self.running[worker]:
            expected.settle(now, None)
        self.running[worker].clear()
        self.slots[worker].end()
        self.meters[worker] = SharedMeter("t", self.rates, self.slots[worker])


def plain_slots(workers: int) -> list[Slot]:
    cells = memoryview(bytearray(8 * workers * (ROW + RING))).cast("Q")
    barrier = threading.Lock()
    barrier.acquire()
    return [Slot(cells, 0, ROW * workers, workers, number, barrier) for number in range(workers)]
