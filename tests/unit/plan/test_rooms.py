"""Two counts of devices: what has been decided, and what is spoken for."""

from tests.unit.plan.small import CHAT

from isochrone.model import Because
from isochrone.plan.held import Held
from isochrone.plan.rooms import Rooms


def rooms() -> Rooms:
    """Twelve devices on one node at site 3, of which two replicas with three each are spoken for."""
    here = Held(route=CHAT, site=3, pool="gpu", replicas=2, is_running=True, is_ready=True, because=Because.KEPT)
    nothing = Held(route=CHAT, site=3, pool=None, replicas=9, is_running=True, is_ready=True, because=Because.KEPT)
    return Rooms(lambda pool, site: (12,) if (pool, site) == ("gpu", 3) else (), [(here, 3), (nothing, 3)])


def counts(of: Rooms, devices: int = 1) -> tuple[int, int]:
    return (of.left("gpu", 3, devices, 99), of.at_all("gpu", 3, devices, 99))


def test_what_runs_is_spoken_for() -> None:
    assert counts(rooms()) == (6, 12)
    assert counts(rooms(), 4) == (1, 3)


def test_what_is_taken_counts_in_both_until_it_is_given_back() -> None:
    found = rooms()
    found.take("gpu", 3, 5, 1)
    assert counts(found) == (1, 7)

    found.give_back("gpu", 3, 5, 1)
    assert counts(found) == (6, 12)


def test_what_is_left_is_no_longer_spoken_for() -> None:
    found = rooms()
    found.leave("gpu", 3, 3, 1)

    assert counts(found) == (9, 12)


def test_replicas_without_devices_have_room_everywhere_and_take_none() -> None:
    found = rooms()
    for step in (found.take, found.leave, found.give_back):
        step(None, 3, 1, 1)

    assert (found.left(None, 3, 1, 5), found.at_all(None, 3, 1, 5)) == (5, 5)
    assert counts(found) == (6, 12)


def test_elsewhere_there_is_no_room() -> None:
    assert (rooms().left("gpu", 1, 1, 1), rooms().at_all("other", 3, 1, 1)) == (0, 0)


def test_replicas_and_their_devices_are_not_mixed_up() -> None:
    """Five replicas with two devices each, on two nodes with six, leave two on one node; not one on each."""
    found = Rooms(lambda _pool, _site: (6, 6), [])
    found.take("gpu", 3, 2, 5)

    assert (found.left("gpu", 3, 2, 9), found.at_all("gpu", 3, 2, 9)) == (1, 1)
