"""One authority after another: what each step waits for, and that no two sites ever refuse each other."""

import dataclasses
from typing import Final

import pytest
from tests.unit.certificates import made
from tests.unit.certificates.made import DAY, NOW
from tests.unit.certificates.network import Network, Outage

from isochrone import certificates
from isochrone.certificates import Authority, State
from isochrone.certificates.rotation import PATIENCE, SETTLE
from isochrone.model import Peering

OLD, NEW = made.authority(), made.authority()
SETTLED = State(signer=OLD, since=NOW)
INTRODUCED = State(signer=OLD, coming=NEW, since=NOW)
REPLACING = State(signer=NEW, former=OLD.certificate, since=NOW)
BOTH = frozenset({OLD.name, NEW.name})
YEAR: Final = 365 * DAY

FIRST = Peering(trusted=frozenset({OLD.name}), issuer=OLD.name)
TRUSTING = Peering(trusted=BOTH, issuer=OLD.name)
CHANGED = Peering(trusted=BOTH, issuer=NEW.name)
LAST = Peering(trusted=frozenset({NEW.name}), issuer=NEW.name)


def fresh() -> Authority:
    return NEW


def never() -> Authority:
    raise AssertionError("no authority is needed")


def complete(state: State, since: int = NOW) -> State:
    return dataclasses.replace(state, complete_since=since)


@pytest.mark.parametrize(
    ("state", "said", "after", "next_state", "waits_for"),
    [
        pytest.param(SETTLED, FIRST, 3 * YEAR, SETTLED, (), id="settled"),
        pytest.param(SETTLED, None, 3 * YEAR, SETTLED, (), id="settled-whatever-sites-say"),
        pytest.param(INTRODUCED, None, 60, INTRODUCED, ("fra1",), id="introduced-nothing-heard"),
        pytest.param(INTRODUCED, FIRST, 60, INTRODUCED, ("fra1",), id="introduced-not-there"),
        pytest.param(INTRODUCED, CHANGED, 60, INTRODUCED, ("fra1",), id="introduced-signed-by-who-does-not-sign"),
        pytest.param(INTRODUCED, TRUSTING, 60, complete(INTRODUCED, NOW + 60), (), id="introduced-everywhere"),
        pytest.param(complete(INTRODUCED), TRUSTING, SETTLE - 1, complete(INTRODUCED), (), id="introduced-settling"),
        pytest.param(
            complete(INTRODUCED), TRUSTING, SETTLE, dataclasses.replace(REPLACING, since=NOW + SETTLE), (), id="signs"
        ),
        pytest.param(complete(INTRODUCED), FIRST, SETTLE, INTRODUCED, ("fra1",), id="introduced-and-lost-again"),
        pytest.param(INTRODUCED, FIRST, PATIENCE - 1, INTRODUCED, ("fra1",), id="introduced-waiting"),
        pytest.param(
            INTRODUCED, FIRST, PATIENCE, dataclasses.replace(REPLACING, since=NOW + PATIENCE), (), id="out-of-patience"
        ),
        pytest.param(REPLACING, TRUSTING, 60, REPLACING, ("fra1",), id="replacing-not-there"),
        pytest.param(REPLACING, LAST, 60, REPLACING, ("fra1",), id="replacing-trusts-too-little"),
        pytest.param(REPLACING, CHANGED, 60, complete(REPLACING, NOW + 60), (), id="replaced-everywhere"),
        pytest.param(
            complete(REPLACING), CHANGED, SETTLE, State(signer=NEW, since=NOW + SETTLE), (), id="the-old-one-goes"
        ),
        pytest.param(
            REPLACING, TRUSTING, PATIENCE, State(signer=NEW, since=NOW + PATIENCE), (), id="its-certificates-are-over"
        ),
    ],
)
def test_what_each_step_waits_for(
    state: State, said: Peering | None, after: int, next_state: State, waits_for: tuple[str, ...]
) -> None:
    decided = certificates.decide(state, {"fra1": said}, now=NOW + after, fresh=never)
    assert (decided.state, decided.waits_for) == (next_state, waits_for)


@pytest.mark.parametrize(
    ("after", "is_asked"), [(10 * YEAR // 3, False), (60, True)], ids=["two-thirds-of-its-life", "asked"]
)
def test_when_another_is_introduced(after: int, *, is_asked: bool) -> None:
    now = NOW + after
    decided = certificates.decide(SETTLED, {}, now=now, fresh=fresh, is_asked=is_asked)
    assert decided.state == dataclasses.replace(INTRODUCED, since=now)


def test_one_that_is_being_replaced_is_not_replaced_again() -> None:
    for state in (INTRODUCED, REPLACING):
        assert certificates.decide(state, {"fra1": None}, now=NOW, fresh=never, is_asked=True).state == state


def test_nobody_is_waited_for_once_the_old_one_has_ended() -> None:
    after = 5 * YEAR
    state = dataclasses.replace(INTRODUCED, since=NOW + after - 60)
    decided = certificates.decide(state, {"fra1": FIRST}, now=NOW + after, fresh=never)
    assert decided.state == dataclasses.replace(REPLACING, since=NOW + after)


def test_who_is_waited_for_is_named_in_order() -> None:
    sites = {"muc1": None, "ber1": FIRST, "fra1": TRUSTING}
    assert certificates.decide(INTRODUCED, sites, now=NOW, fresh=never).waits_for == ("ber1", "muc1")


def test_for_years_no_two_sites_refuse_each_other() -> None:
    first = NOW + 10 * YEAR // 3
    outages = (
        Outage("fra1", first - 5 * DAY, first + 15 * DAY),
        Outage("muc1", first + 15 * DAY, first + 25 * DAY),
        Outage("ber1", NOW + 2 * first // 3, NOW + 2 * first // 3 + 20 * DAY),
    )
    network = Network(("ber1", "fra1", "muc1"), outages)
    network.go_on(NOW + 7 * YEAR, calm=4 * DAY)

    assert len(network.steps) == 6
    assert all(network.is_well(site) for site in network.held)
    begun, signs = network.steps[0][0], network.steps[1][0]
    # The first outage held the first step up until the site was back, and the second one the next.
    assert first + 15 * DAY <= signs <= first + 16 * DAY
    assert begun <= first + 4 * DAY


def test_a_site_that_is_away_for_ever_holds_nothing_up_for_ever() -> None:
    network = Network(("fra1", "muc1"), (Outage("muc1", NOW + DAY, NOW + 100 * YEAR),))
    network.go_on(NOW + 80 * DAY, asked_at=frozenset({NOW + 10 * DAY}))

    assert [state.is_settled for _, state in network.steps] == [False, False, True]
    assert network.steps[-1][0] - network.steps[0][0] == 2 * PATIENCE
    assert network.is_well("fra1")
    assert not network.is_well("muc1")
