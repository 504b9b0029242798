"""The age of a config: nothing makes an old one look fresh."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.source.publishing import ManualClock

from isochrone_gateway.config.site import Age as AgeLimits
from isochrone_gateway.route.mask import Age, age_of
from isochrone_gateway.source.contact import Contact, age_seconds, keep, made, restore, system_clock

LIMITS = AgeLimits(max_age_ms=60_000, hard_max_age_ms=600_000)


def test_within_a_process_only_the_running_clock_counts() -> None:
    time = ManualClock()
    contact = made(time.clock())
    time.running += 30
    time.wall -= 1_000_000
    assert age_seconds(contact, time.clock()) == 30
    time.wall += 9_000_000
    assert age_seconds(contact, time.clock()) == 30


def test_without_any_contact_the_age_is_infinite() -> None:
    assert age_seconds(None, ManualClock().clock()) == math.inf
    assert age_seconds(Contact(), ManualClock().clock()) == math.inf


@pytest.mark.parametrize(
    ("boot", "running", "wall", "age"),
    [
        pytest.param("boot-1", 40, 40, 40, id="same boot"),
        pytest.param("boot-1", 40, -5000, 40, id="same boot, wall clock set back"),
        pytest.param("boot-1", 40, 500, 500, id="same boot, but the wall clock says more: resumed from a snapshot"),
        pytest.param("boot-2", -90, 300, 300, id="rebooted"),
        pytest.param("boot-2", -90, -4, 0, id="rebooted, wall clock corrected by a little"),
        pytest.param("boot-2", -90, -600, math.inf, id="rebooted, wall clock behind the contact"),
        pytest.param("boot-2", 999_999, 300, 300, id="rebooted long ago: the running clock is another's"),
    ],
)
def test_a_restart_keeps_the_age(boot: str, running: float, wall: float, age: float) -> None:
    before = ManualClock()
    kept = keep(made(before.clock()), before.clock())
    after = ManualClock(boot=boot, running=before.running + running, wall=before.wall + wall)
    assert age_seconds(restore(kept, after.clock()), after.clock()) == age


def test_where_boots_are_unknown_the_wall_clock_decides() -> None:
    before = ManualClock(boot="")
    kept = keep(made(before.clock()), before.clock())
    after = ManualClock(boot="", running=before.running, wall=before.wall + 70)
    assert age_seconds(restore(kept, after.clock()), after.clock()) == 70


def test_a_clock_that_catches_up_ends_the_uncertainty() -> None:
    before = ManualClock()
    kept = keep(made(before.clock()), before.clock())
    after = ManualClock(boot="boot-2", running=1, wall=before.wall - 1000)
    contact = restore(kept, after.clock())
    assert age_of(age_seconds(contact, after.clock()), LIMITS) is Age.EXPIRED
    after.wall = before.wall + 45
    assert age_of(age_seconds(contact, after.clock()), LIMITS) is Age.FRESH


@pytest.mark.parametrize(
    ("seconds", "age"),
    [(0, Age.FRESH), (60, Age.FRESH), (60.1, Age.STALE), (600, Age.STALE), (600.1, Age.EXPIRED), (1e9, Age.EXPIRED)],
)
def test_the_states_of_the_decision_record(seconds: float, age: Age) -> None:
    time = ManualClock()
    contact = made(time.clock())
    time.pass_by(seconds)
    assert age_of(age_seconds(contact, time.clock()), LIMITS) is age


steps = st.lists(
    st.tuples(st.sampled_from(["pass", "restart", "reboot", "set wall"]), st.floats(0, 100_000), st.floats(-1e6, 1e6)),
    max_size=12,
)


@given(steps)
def test_no_history_makes_a_config_younger_than_it_is(history: list[tuple[str, float, float]]) -> None:
    """Unless the wall clock is set back *and* the machine rebooted: then nothing can tell, but it is never negative."""
    time = ManualClock()
    contact = made(time.clock())
    true_age, wall_lied = 0.0, False
    for what, seconds, shift in history:
        kept = keep(contact, time.clock()) if age_seconds(contact, time.clock()) < math.inf else None
        true_age += seconds
        time.pass_by(seconds)
        if what == "set wall":
            time.wall += shift
            wall_lied = wall_lied or shift < 0
        elif what in {"restart", "reboot"} and kept is not None:
            if what == "reboot":
                time.boot, time.running = time.boot + "x", 0.0
            contact = restore(kept, time.clock())
        age = age_seconds(contact, time.clock())
        assert age >= 0
        if not wall_lied:
            assert age >= true_age - 1e-3


def test_the_system_clock_runs() -> None:
    clock = system_clock()
    contact = made(clock)
    assert 0 <= age_seconds(contact, clock) < 5
    assert 0 <= age_seconds(restore(keep(contact, clock), clock), clock) < 5
