"""Whether a target can answer, out of its health, circuit, keys and limits."""

from isochrone_gateway.config.providers import KeyRotation
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.route.breaker import Breaker, Settings
from isochrone_gateway.route.candidates import Blocked, Why
from isochrone_gateway.route.health import NOT_PROBED, Health
from isochrone_gateway.route.keys import KeyRing, Rest
from isochrone_gateway.route.limits import Meter, admit
from isochrone_gateway.route.standing import TargetStanding

BREAKER = Settings(failures_in_a_row=1, open_s=4.0, last_resort_s=1.0)


def standing(rates: Rates = Rates()) -> TargetStanding:  # noqa: B008 - frozen
    return TargetStanding(
        health=Health(NOT_PROBED),
        breaker=Breaker(BREAKER),
        keys=KeyRing(1, KeyRotation.FAILOVER),
        meter=Meter("p", rates),
    )


def trip(target: TargetStanding, now: float) -> None:
    ticket = target.breaker.begin(now)
    assert ticket is not None
    target.breaker.failed(ticket, now, 0.5)


def test_a_target_that_is_well_can_answer() -> None:
    target = standing()
    assert target.blocked(0) is None
    assert target.last_resort_at(0) is None


def test_a_target_that_was_never_seen_is_not_ready() -> None:
    target = TargetStanding(health=Health(), breaker=Breaker(BREAKER))
    assert target.blocked(0) == Blocked(Why.NOT_READY)
    assert target.last_resort_at(0) is None
    target.health.probed(0, is_well=True)
    assert target.blocked(0) is None


def test_an_open_circuit_blocks_and_may_be_a_last_resort() -> None:
    target = standing()
    trip(target, 10)
    assert target.blocked(10) == Blocked(Why.COOLING, 14)
    assert target.last_resort_at(10) == 11
    assert target.breaker.begin(11, is_last_resort=True) is not None
    assert target.blocked(11) == Blocked(Why.COOLING, 11)
    assert target.last_resort_at(11) is None, "its probe is under way"


def test_resting_keys_block_and_nobody_is_tried_without_one() -> None:
    target = standing()
    assert target.keys is not None
    target.keys.rest(0, Rest.LIMITED, 10, 30)
    assert target.blocked(10) == Blocked(Why.KEYS_RESTING, 40)
    trip(target, 10)
    assert target.last_resort_at(11) is None


def test_limits_block() -> None:
    target = standing(Rates(requests_per_minute=1))
    assert target.meter is not None
    admit([target.meter], 0, 0)
    assert target.blocked(1) == Blocked(Why.LIMITED, 61)
    target = standing(Rates(concurrent_requests=1))
    assert target.meter is not None
    admit([target.meter], 0, 0)
    assert target.blocked(1) == Blocked(Why.LIMITED, None)
