"""What became of requests under the config that runs, from what workers count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.ledger.records import record

from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.report import MAX_WORST, RouteServed, Served
from isochrone_gateway.ledger import exposition
from isochrone_gateway.ledger.hops import HopMeter
from isochrone_gateway.ledger.meter import Meter
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.server.supervisor.served import WINDOW, Count, Tally, counts_of

FIRST = Revision(epoch=1, sequence=1, digest="a" * 64)
SECOND = Revision(epoch=1, sequence=2, digest="b" * 64)
A = "demo/a"


class Workers:
    """Two of them, with what they have counted."""

    def __init__(self) -> None:
        self._registries = [Registry(), Registry()]
        self._meters = [(Meter(each), HopMeter(each)) for each in self._registries]
        self._next = 0

    def end(self, outcome: Outcome, error: str = "", *, route: str = A, times: int = 1, hosted: bool = False) -> None:
        for _ in range(times):
            made = record(route=route, outcome=outcome, error=error, peer="iad1" if hosted else "", hosted=hosted)
            self._next += 1
            meter, hops = self._meters[self._next % 2]
            (hops if hosted else meter).count(made)

    def counts(self) -> dict[str, Count]:
        return dict(counts_of(exposition.merge(each.snapshot() for each in self._registries)))


@pytest.mark.parametrize(
    ("outcome", "error", "counted"),
    [
        pytest.param(Outcome.ANSWERED, "", Count(answered=3), id="answered"),
        pytest.param(Outcome.FAILED, "upstream_failed", Count(failed=3), id="upstream-fails"),
        pytest.param(Outcome.FAILED, "upstream_timeout", Count(failed=3), id="upstream-is-late"),
        pytest.param(Outcome.FAILED, "upstream_credentials_refused", Count(failed=3), id="our-keys"),
        pytest.param(Outcome.FAILED, "internal_error", Count(failed=3), id="our-fault"),
        pytest.param(Outcome.PARTIAL, "stream_interrupted", Count(failed=3), id="stream-breaks"),
        pytest.param(Outcome.FAILED, "no_capacity", Count(missing=3), id="no-engine"),
        pytest.param(Outcome.FAILED, "upstream_rejected", Count(), id="client-is-wrong"),
        pytest.param(Outcome.FAILED, "rate_limit_exceeded", Count(), id="all-at-their-limits"),
        pytest.param(Outcome.FAILED, "draining", Count(), id="gateway-ends"),
        pytest.param(Outcome.PARTIAL, "draining", Count(), id="stream-ends-with-gateway"),
        pytest.param(Outcome.REFUSED, "residency_denied", Count(), id="law"),
        pytest.param(Outcome.REFUSED, "rate_limit_exceeded", Count(), id="limit"),
        pytest.param(Outcome.REFUSED, "overloaded", Count(), id="too-much"),
        pytest.param(Outcome.CLIENT_GONE, "client_gone", Count(), id="client-goes"),
    ],
)
@pytest.mark.parametrize("hosted", [False, True], ids=["client", "peer"])
def test_what_counts(outcome: Outcome, error: str, counted: Count, *, hosted: bool) -> None:
    workers = Workers()
    workers.end(outcome, error, times=3, hosted=hosted)
    assert workers.counts() == {A: counted}


class World:
    """A tally, its clock, and workers that count."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.workers = Workers()
        self.tally = Tally(lambda: self.now)

    def begin(self, revision: Revision) -> None:
        self.tally.begin(revision, self.workers.counts())

    def told(self, revision: Revision) -> Served | None:
        return self.tally.told(revision, self.workers.counts())


def test_each_config_begins_with_nothing() -> None:
    world = World()
    world.begin(FIRST)
    world.workers.end(Outcome.ANSWERED, times=5)
    assert world.told(FIRST) == Served(seconds=0, answered=5)
    world.begin(SECOND)
    world.now += 61.5
    world.workers.end(Outcome.FAILED, "upstream_failed", times=2)
    assert world.told(FIRST) is None
    assert world.told(SECOND) == Served(seconds=61, failed=2, worst=(RouteServed(route=A, failed=2),))


def test_what_was_long_ago_is_forgotten() -> None:
    world = World()
    world.begin(FIRST)
    world.workers.end(Outcome.FAILED, "upstream_failed", times=7)
    world.now += 2 * WINDOW - 1
    world.workers.end(Outcome.ANSWERED)
    before = world.told(FIRST)
    assert before is not None
    assert (before.seconds, before.answered, before.failed) == (2 * WINDOW - 1, 1, 7)
    world.now += WINDOW
    world.workers.end(Outcome.ANSWERED)
    assert world.told(FIRST) == Served(seconds=int(WINDOW), answered=1)


def test_a_route_that_was_never_answered_still_waits_for_its_engines() -> None:
    world = World()
    world.workers.end(Outcome.ANSWERED)
    world.begin(FIRST)
    world.workers.end(Outcome.FAILED, "no_capacity", times=4)
    world.workers.end(Outcome.FAILED, "no_capacity", route="demo/new", times=9)
    assert world.told(FIRST) == Served(seconds=0, failed=4, worst=(RouteServed(route=A, failed=4),))


def test_the_worst_are_named_and_all_are_counted() -> None:
    world = World()
    world.begin(FIRST)
    world.workers.end(Outcome.FAILED, "internal_error", route="", times=99)
    for number in range(20):
        world.workers.end(Outcome.FAILED, "upstream_failed", route=f"demo/{number:02}", times=1 + number)
    told = world.told(FIRST)
    assert told is not None
    assert told.failed == 99 + sum(range(1, 21))
    assert [each.route for each in told.worst] == [f"demo/{number:02}" for number in range(19, 19 - MAX_WORST, -1)]


ENDS = st.sampled_from([(Outcome.ANSWERED, ""), (Outcome.FAILED, "upstream_failed"), (Outcome.REFUSED, "x")])
STEPS = st.lists(st.tuples(ENDS, st.sampled_from(["demo/a", "demo/b"]), st.booleans(), st.floats(0, 700)), max_size=30)


@given(STEPS)
def test_no_more_is_told_than_was_counted(steps: list[tuple[tuple[Outcome, str], str, bool, float]]) -> None:
    world = World()
    world.begin(FIRST)
    for (outcome, error), route, hosted, seconds in steps:
        world.now += seconds
        world.workers.end(outcome, error, route=route, hosted=hosted)
        told, counted = world.told(FIRST), world.workers.counts().values()
        assert told is not None
        assert told.answered <= sum(each.answered for each in counted)
        assert told.failed <= sum(each.failed for each in counted)
        assert told.failed == sum(each.failed for each in told.worst)
        assert told.seconds <= 2 * WINDOW + 700


def test_a_worker_that_died_may_take_along_what_it_counted_last() -> None:
    tally = Tally(lambda: 0.0)
    tally.begin(FIRST, {A: Count(answered=10, failed=4)})
    assert tally.told(FIRST, {A: Count(answered=9, failed=5)}) == Served(
        seconds=0, failed=1, worst=(RouteServed(route=A, failed=1),)
    )
