"""The law is said to all that pull at once, and goes in parcels to whoever did not hear of it."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from tests.cluster.parcels import parcel
from tests.unit.controller.test_made import SNAPSHOT, made, tightened
from tests.unit.controller.wall import Wall
from tests.unit.kube.shelf import Shelf
from tests.unit.outage.cluster import Cluster

from isochrone.controller.announcing import Announcer
from isochrone.controller.made import under
from isochrone.controller.pulled import Pulled
from isochrone.controller.settings import Pace
from isochrone.controller.site import SiteOperator
from isochrone.kube import announcing, contact, kinds, mailbox, peering
from isochrone.kube.errors import ApiError
from isochrone.kube.hub import Hub
from isochrone.model import Parcel, SiteReport
from isochrone.model.declared import SYSTEM_NAMESPACE

Json = Mapping[str, Any]

MADE = made()
SITE, OTHER, *_ = sorted(MADE)
BEFORE = parcel(MADE[SITE].bundle, 1)
AFTER = {site: parcel(each.bundle, 2) for site, each in under(tightened(SNAPSHOT), MADE).items()}
LONG = 60.0


class HubShelf(Shelf):
    """With what an announcer does, too."""

    async def create(self, path: str, item: Json) -> Json:
        return await self.apply(item, path=f"{path}/{item['metadata']['name']}")

    async def replace(self, path: str, item: Json) -> Json:
        return await self.apply(item, path=path)


def hub_of(shelf: Shelf, announcer: Announcer, wall: Wall) -> Pulled:
    return Pulled(shelf, SITE, clock=wall, vouch=peering.nobody, is_telling=announcer.is_telling)


async def delivered(hub: Pulled, given: Parcel) -> SiteReport:
    return (await hub.deliver([given], paused=frozenset()))[SITE]


def test_what_was_announced_is_left_in_the_parcel_some_seconds_later() -> None:
    async def story() -> None:
        shelf, wall = HubShelf(), Wall()
        announcer = Announcer(Hub(shelf), wall)
        hub = hub_of(shelf, announcer, wall)
        said = SiteReport(site=SITE, at=1)
        await mailbox.tell(shelf, "isochrone", said)
        await contact.show(shelf, SITE, "1", contact.ack_of(said))
        await delivered(hub, BEFORE)
        await delivered(hub, BEFORE)

        await announcer.announce(AFTER.values())
        shelf.forget()
        assert (await delivered(hub, AFTER[SITE])).delivered is None
        assert shelf.asked == [], "there can't be an answer yet"
        ack = contact.ack_of(dataclasses.replace(said, delivered=AFTER[SITE].revision))
        await contact.show(shelf, SITE, "2", ack, is_there=True)
        shelf.forget()
        assert (await delivered(hub, AFTER[SITE])).delivered == AFTER[SITE].revision
        assert shelf.asked == [("get", contact.LEASE)], "that says it all"

        wall.now += 11
        shelf.forget()
        await delivered(hub, AFTER[SITE])
        assert shelf.asked == [("merge", mailbox.PARCEL)]
        head = await mailbox.head(shelf, SITE)
        assert head is not None
        assert head.revision == AFTER[SITE].revision

    asyncio.run(story())


@pytest.mark.parametrize("is_first", [True, False], ids=["nothing was left before", "something else is announced"])
def test_a_parcel_that_is_not_announced_is_left_at_once(is_first: bool) -> None:
    async def story() -> None:
        shelf, wall = HubShelf(), Wall()
        announcer = Announcer(Hub(shelf), wall)
        hub = hub_of(shelf, announcer, wall)
        if is_first:
            await announcer.announce(AFTER.values())
        else:
            await mailbox.tell(shelf, "isochrone", SiteReport(site=SITE, at=1))
            await contact.show(shelf, SITE, "1")
            await delivered(hub, BEFORE)
            await announcer.announce([AFTER[OTHER]])
        shelf.forget()
        with contextlib.suppress(ApiError):
            await delivered(hub, AFTER[SITE])
        head = await mailbox.head(shelf, SITE)
        assert head is not None
        assert head.revision == AFTER[SITE].revision

    asyncio.run(story())


def test_a_law_that_cannot_be_announced_is_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "_MOST_BYTES", 10)
    announcer = Announcer(Hub(HubShelf()), Wall())
    asyncio.run(announcer.announce(AFTER.values()))
    assert not announcer.is_telling(AFTER[SITE])


def test_a_hub_that_refuses_it_holds_nothing_up() -> None:
    wall = Wall()
    hub = Cluster("hub", wall)
    hub.is_away = True
    announcer = Announcer(Hub(hub), wall)
    asyncio.run(announcer.announce(AFTER.values()))
    assert not announcer.is_telling(AFTER[SITE])


def test_a_second_law_replaces_the_first() -> None:
    async def story() -> None:
        shelf, wall = HubShelf(), Wall()
        announcer = Announcer(Hub(shelf), wall)
        await announcer.announce(AFTER.values())
        await announcer.announce([BEFORE])
        assert announcer.is_telling(BEFORE)
        assert not announcer.is_telling(AFTER[SITE])
        found = [each async for each in announcing.announcements(shelf)]
        assert [[*law.sites] for each in found for law in each.laws] == [[SITE]] * 2

    asyncio.run(story())


def test_a_site_applies_what_it_hears_before_its_parcel_says_so() -> None:
    async def story() -> None:
        shelf, wall = HubShelf(), Wall()
        here = Cluster("here", wall)
        await mailbox.put(shelf, BEFORE, ())
        await Announcer(Hub(shelf), wall).announce(AFTER.values())
        operator = SiteOperator(SITE, shelf, here, installation="isochrone", pace=Pace(), wall=wall)
        running = asyncio.create_task(operator.run())
        async with asyncio.timeout(LONG):
            while (ack := (await contact.look(shelf, SITE)).ack) is None or ack.delivered != AFTER[SITE].revision:
                assert not running.done()
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        law = next(each for each in AFTER[SITE].objects if each["metadata"]["name"].startswith("law-"))
        path = kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, law["metadata"]["name"])
        assert (await here.get(path))["binaryData"] == law["binaryData"]
        head = await mailbox.head(shelf, SITE)
        assert head is not None
        assert head.revision == BEFORE.revision

    asyncio.run(story())
