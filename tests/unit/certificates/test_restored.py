"""A hub restored from a backup knows an older authority than its sites do: what it does, and that nobody is cut off."""

import dataclasses
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import SOAK
from tests.unit.certificates import made
from tests.unit.certificates.made import DAY, NOW
from tests.unit.certificates.network import HOUR, Network, Outage

from isochrone import certificates
from isochrone.certificates import Authority, State, pem, stored
from isochrone.certificates.rotation import ASKING_FOR, PATIENCE, SETTLE, Return
from isochrone.model import Peering

OLD, NEW, LATER = (made.authority() for _ in range(3))
SITES: Final = ("ber1", "fra1", "muc1")
END: Final = NOW + 30 * DAY
SETTLED = State(signer=OLD, since=NOW)
INTRODUCED = State(signer=OLD, coming=NEW, since=NOW)
REPLACING = State(signer=NEW, former=OLD.certificate, since=NOW)
ASKING = State(signer=OLD, since=NOW, returning=Return.ASKING)
RETURNING = State(signer=OLD, since=NOW, returning=Return.SIGNING)


def said(issuer: Authority, *trusted: Authority, expires: int = END) -> Peering:
    return Peering(trusted=frozenset(each.name for each in trusted), issuer=issuer.name, expires=expires)


def later(state: State, seconds: int = 60) -> State:
    return dataclasses.replace(state, since=NOW + seconds)


def complete(state: State, since: int = NOW) -> State:
    return dataclasses.replace(state, complete_since=since)


def never() -> Authority:
    raise AssertionError("no authority is needed")


AS_IT_WAS: Final = said(OLD, OLD)
NOTHING: Final = Peering()


@pytest.mark.parametrize(
    ("state", "reports", "after", "next_state"),
    [
        pytest.param(SETTLED, (AS_IT_WAS, AS_IT_WAS), 60, SETTLED, id="nothing-was-forgotten"),
        pytest.param(SETTLED, (said(OLD, OLD, NEW), None), 60, SETTLED, id="another-was-introduced"),
        pytest.param(SETTLED, (said(NEW, OLD, NEW), None), 60, later(ASKING), id="another-signed"),
        pytest.param(SETTLED, (said(NEW, NEW), None), 60, later(ASKING), id="another-took-over"),
        pytest.param(SETTLED, (said(NEW, NEW, expires=NOW + 60), None), 60, SETTLED, id="that-is-over"),
        pytest.param(SETTLED, (NOTHING, None), 60, SETTLED, id="new-sites"),
        pytest.param(INTRODUCED, (said(OLD, OLD), None), 60, INTRODUCED, id="introduced-not-there"),
        pytest.param(INTRODUCED, (said(NEW, OLD, NEW), None), 60, later(REPLACING), id="introduced-and-signs"),
        pytest.param(INTRODUCED, (said(NEW, NEW), None), 60, later(REPLACING), id="introduced-and-alone"),
        pytest.param(INTRODUCED, (said(LATER, LATER), None), 60, later(ASKING), id="introduced-and-gone-again"),
        pytest.param(
            INTRODUCED, (said(NEW, NEW), said(LATER, NEW, LATER)), 60, later(ASKING), id="introduced-and-going"
        ),
        pytest.param(REPLACING, (said(NEW, NEW), None), 60, REPLACING, id="replacing-and-done"),
        pytest.param(
            REPLACING,
            (said(LATER, NEW, LATER), None),
            60,
            State(signer=NEW, since=NOW + 60, returning=Return.ASKING),
            id="replacing-and-the-next",
        ),
        pytest.param(ASKING, (said(NEW, NEW), said(NEW, OLD, NEW)), 60, ASKING, id="asking-not-there"),
        pytest.param(ASKING, (said(NEW, OLD, NEW), None), 60, ASKING, id="asking-nothing-heard"),
        pytest.param(
            ASKING, (said(NEW, OLD, NEW), NOTHING), 60, complete(ASKING, NOW + 60), id="asking-trusted-everywhere"
        ),
        pytest.param(
            complete(ASKING), (said(NEW, OLD, NEW),), SETTLE, later(RETURNING, SETTLE), id="asking-then-signs"
        ),
        pytest.param(ASKING, (said(NEW, NEW),), ASKING_FOR - 1, ASKING, id="asking-for-a-week"),
        pytest.param(ASKING, (said(NEW, NEW),), ASKING_FOR, later(RETURNING, ASKING_FOR), id="asked-for-a-week"),
        pytest.param(RETURNING, (said(NEW, OLD, NEW),), 60, RETURNING, id="returning-not-there"),
        pytest.param(
            RETURNING, (said(OLD, OLD, NEW),), 60, complete(RETURNING, NOW + 60), id="returned-and-trusts-more"
        ),
        pytest.param(
            complete(RETURNING), (said(OLD, OLD, NEW),), SETTLE, later(SETTLED, SETTLE), id="returned-everywhere"
        ),
        pytest.param(RETURNING, (None,), PATIENCE, later(SETTLED, PATIENCE), id="returning-out-of-patience"),
    ],
)
def test_what_is_done(state: State, reports: tuple[Peering | None, ...], after: int, next_state: State) -> None:
    sites = {f"site{number}": each for number, each in enumerate(reports)}
    assert certificates.decide(state, sites, now=NOW + after, fresh=never).state == next_state


@pytest.mark.parametrize(
    ("state", "asks", "is_signed"),
    [
        (SETTLED, None, True),
        (SETTLED, said(NEW, NEW), True),
        (ASKING, None, False),
        (ASKING, NOTHING, False),
        (ASKING, said(NEW, OLD, NEW), False),
        (ASKING, said(OLD, OLD), True),
        (RETURNING, said(NEW, OLD, NEW), True),
        (RETURNING, None, True),
    ],
)
def test_whom_is_signed_for(state: State, asks: Peering | None, *, is_signed: bool) -> None:
    assert state.signs_for(asks) is is_signed


@pytest.mark.parametrize("state", [ASKING, RETURNING, complete(ASKING)])
def test_what_is_stored_says_how_far_it_is(state: State) -> None:
    assert stored.state_of(stored.data_of(state)) == state


HELD = made.credentials(NEW, trusted=NEW.certificate + OLD.certificate)


@pytest.mark.parametrize(
    ("held", "authorities", "keeps", "after", "expected"),
    [
        pytest.param(made.credentials(OLD), OLD.certificate, False, 0, [OLD], id="as-told"),
        pytest.param(
            made.credentials(OLD), OLD.certificate + NEW.certificate, False, 0, [OLD, NEW], id="another-beside"
        ),
        pytest.param(HELD, NEW.certificate, False, 0, [NEW], id="the-old-one-goes"),
        pytest.param(HELD, NEW.certificate, True, 0, [NEW, OLD], id="the-old-one-is-kept"),
        pytest.param(made.credentials(NEW), OLD.certificate, False, 0, [OLD, NEW], id="never-its-own"),
        pytest.param(HELD, OLD.certificate, False, 31 * DAY, [OLD], id="its-own-is-over"),
        pytest.param(HELD, LATER.certificate, True, 6 * 365 * DAY, [LATER], id="those-that-have-ended"),
        pytest.param(certificates.Credentials(), OLD.certificate, True, 0, [OLD], id="nothing-yet"),
        pytest.param(made.without(HELD, certificate="x"), OLD.certificate, True, 0, [OLD], id="unreadable"),
    ],
)
def test_whom_a_site_trusts(
    held: certificates.Credentials, authorities: str, after: int, expected: list[Authority], *, keeps: bool
) -> None:
    found = certificates.bundle(held, authorities, keeps=keeps, now=NOW + after)
    assert pem.certificates(found) == pem.certificates("".join(each.certificate for each in expected))


def lived(rotations: frozenset[int], days: int) -> tuple[Network, list[State]]:
    """An installation after so many days, and all states that a backup may have."""
    network = Network(SITES)
    backups = [network.state]
    while network.now < NOW + days * DAY:
        due = frozenset(NOW + day * DAY for day in rotations if NOW + day * DAY > network.now)
        network.go_on(network.now + 1, calm=DAY, asked_at=frozenset(each for each in due if each <= network.now + DAY))
        if network.state != backups[-1]:
            backups.append(network.state)
    return network, backups


@settings(max_examples=100 if SOAK else 12, deadline=None)
@given(st.frozensets(st.integers(1, 10), max_size=3), st.integers(1, 12), st.data())
def test_whatever_backup_a_hub_is_restored_from_no_two_sites_refuse_each_other(
    rotations: frozenset[int], days: int, data: st.DataObject
) -> None:
    network, backups = lived(rotations, days)
    for _ in range(data.draw(st.integers(0, 3), label="ticks into a rotation")):
        network.go_on(network.now + 1, calm=HOUR, asked_at=frozenset({network.now}))
        backups.append(network.state)
    network.restore(backups[data.draw(st.integers(0, len(backups) - 1), label="backup")])
    network.go_on_without_hub(network.now + data.draw(st.integers(0, 7), label="days away") * DAY)
    network.go_on(network.now + 3 * DAY, calm=HOUR)
    network.check_all_are_well()
    assert network.state.is_settled
    signer = network.state.signer.name
    assert {(each.issuer, each.trusted) for each in network.reports.values() if each} == {(signer, frozenset({signer}))}


@pytest.mark.parametrize("away_for", [HOUR, 2 * DAY, 6 * DAY])
def test_a_site_that_is_away_while_an_older_one_comes_back(away_for: int) -> None:
    network, backups = lived(frozenset({3}), 6)
    first = backups[0]
    assert network.state.signer != first.signer
    network.outages = (Outage("muc1", network.now, network.now + away_for),)
    network.restore(first)
    until = network.now + 9 * DAY
    while network.now < until:
        network.go_on(network.now + HOUR, calm=HOUR)
        network.check_all_are_well()
    assert network.state == State(signer=first.signer, since=network.state.since)


def test_a_hub_that_has_lost_its_authority_introduces_another() -> None:
    network, _ = lived(frozenset(), 3)
    network.restore(State(signer=made.authority(network.now), since=network.now))
    network.go_on(network.now + DAY, calm=HOUR)
    network.check_all_are_well()
    assert [state.returning for _, state in network.steps] == [Return.ASKING, Return.SIGNING, None]
