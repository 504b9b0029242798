"""What kopf is let in by: never twice the same, since it takes none again that was refused once."""

import asyncio
import itertools
import threading

import kopf
import pytest
from kopf._cogs.structs.credentials import Vault
from tests.unit.controller.wall import Wall

from isochrone.controller import watching
from isochrone.controller.watching import Laws, Logins


def logins(wall: Wall) -> Logins:
    return Logins(lambda: kopf.ConnectionInfo(server="https://hub.invalid", token="same"), wall=wall)


def test_kopf_goes_on_after_the_same_token_was_refused_once() -> None:
    async def story() -> None:
        wall = Wall()
        made = logins(wall)
        vault = Vault({"login": made.fresh()})
        async for key, info in vault:
            wall.now += 1
            refused = asyncio.create_task(vault.invalidate(key, info, exc=PermissionError()))
            await vault.wait_for_emptiness()
            await vault.populate({"login": made.fresh()})
            await refused  # LoginError if there is nothing else to try
            break
        assert not vault.is_empty()

    asyncio.run(story())


def test_who_comes_back_soon_waits_longer_each_time() -> None:
    wall = Wall()
    made = logins(wall)
    pauses = []
    for _ in range(9):
        pauses.append(made.pause())
        wall.now += pauses[-1] + 1
    assert pauses == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    wall.now += 3600
    assert made.pause() == 0.0


def test_each_login_ends_within_an_hour() -> None:
    wall = Wall()
    wall.now = 1_800_000_000
    made = logins(wall)
    ends = []
    for _ in range(3):
        ends.append(made.fresh().expiration)
        wall.now += 0.001
    assert all(first != then for first, then in itertools.pairwise(ends))
    first = ends[0]
    assert first is not None
    assert first.timestamp() == 1_800_000_000 + 3600


def test_the_law_is_new_when_a_policy_is() -> None:
    laws = Laws()

    def heard(uid: str, generation: int, plural: str = "dataresidencypolicies", *, is_gone: bool = False) -> bool:
        return laws.is_new(plural, {"uid": uid, "generation": generation}, is_gone=is_gone)

    assert heard("a", 1)
    assert not heard("a", 1), "a watch that begins anew"
    assert heard("b", 1)
    assert heard("a", 2)
    assert heard("a", 2, is_gone=True)
    assert not heard("a", 2, is_gone=True)
    assert heard("a", 2), "it was made anew"
    assert not heard("c", 1, "modelroutes")


def test_kopf_begins_anew_when_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, begun = threading.Event(), list[int]()

    async def operator(**_: object) -> None:
        begun.append(1)
        if len(begun) == 3:
            ended.set()
        raise ConnectionResetError

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr(watching, "_FIRST_PAUSE_S", 0.01)
    watching.follow(watching.registry(logins(Wall()), lambda *_, **__: None), ended)
    assert len(begun) == 3
