"""A week without the hub, or without contact to it, begun at any moment: whoever could talk to others still can."""

import itertools
from collections.abc import Iterator
from typing import Final

import pytest
from tests.unit.certificates.made import DAY, NOW
from tests.unit.certificates.network import HOUR, Network, Outage

from isochrone.certificates import State

SITES: Final = ("ber1", "fra1", "muc1")
WEEK: Final = 7 * DAY
LATE: Final = (Outage("fra1", NOW, NOW + 3 * DAY), Outage("muc1", NOW, NOW + 6 * DAY))
"""Sites that came later, so that their certificates end at different times."""


@pytest.fixture(scope="module")
def moments() -> list[Network]:
    """Forty days of an installation whose authority is replaced on the 25th, every day, and often while it is."""
    network = Network(SITES, LATE)
    found = []
    while network.now < NOW + 40 * DAY:
        is_asked = frozenset({NOW + 25 * DAY}) if network.now == NOW + 25 * DAY else frozenset[int]()
        network.go_on(network.now + 1, calm=DAY, asked_at=is_asked)
        if network.now >= NOW + 7 * DAY:
            found.append(network.copy())
    return found


def phases(moments: list[Network]) -> Iterator[tuple[str, bool]]:
    """What was going on, and whether it was everywhere already."""
    for each in moments:
        yield _name(each.state), each.state.complete_since is not None


def _name(state: State) -> str:
    return "introduced" if state.coming else "replacing" if state.former else "settled"


def test_all_phases_of_a_rotation_are_among_the_moments(moments: list[Network]) -> None:
    every = {(name, is_complete) for name in ("introduced", "replacing") for is_complete in (False, True)}
    assert set(phases(moments)) == {("settled", False), *every}
    assert len(moments[-1].steps) == 3


def test_the_hub_is_away_for_a_week(moments: list[Network]) -> None:
    for each in (moment.copy() for moment in moments):
        each.go_on_without_hub(each.now + WEEK)
        each.go_on(each.now + DAY, calm=HOUR)
        each.check_all_are_well()


def test_certificates_last_for_twenty_days_without_the_hub_whenever_it_goes(moments: list[Network]) -> None:
    for each in (moment.copy() for moment in moments):
        each.now += 20 * DAY
        each.check_all_are_well()


@pytest.mark.parametrize("away", SITES)
def test_a_site_is_away_for_a_week(moments: list[Network], away: str) -> None:
    """Before, while, or shortly after somebody asks for another authority."""
    for moment, asked_after in itertools.product(moments[::4], (HOUR, 6 * DAY)):
        begins = moment.now
        each = moment.copy((Outage(away, begins, begins + WEEK),))
        while each.now < begins + 8 * DAY:
            asked_at = frozenset({begins + asked_after}) if each.now < begins + asked_after else frozenset[int]()
            each.go_on(each.now + 6 * HOUR, calm=6 * HOUR, busy=3 * HOUR, asked_at=asked_at)
            each.check_all_are_well()
