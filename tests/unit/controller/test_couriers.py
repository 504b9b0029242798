"""Couriers: what was given is tried, and whoever waits for that is not held up by a cluster that is away."""

import asyncio
import dataclasses
from collections.abc import Mapping, Sequence

from isochrone.controller.couriers import Couriers, Deliverer, Load
from isochrone.controller.settings import Pace
from isochrone.kube.errors import Unreachable
from isochrone.model import NO_POOLS, GatewayPod, Parcel, PoolAt, Pools, Revision, Served, SiteReport, essence

LIMIT = 60.0
PARCEL = Parcel(site="fra1", installation="isochrone", revision=Revision(epoch=1, sequence=1, digest="a"))


class Clerk:
    """A deliverer that works once it may."""

    def __init__(self, *, is_away: bool = False) -> None:
        self.may = asyncio.Event()
        self.began = asyncio.Event()
        self.delivered: list[int] = []
        self.pools: list[Pools] = []
        self._is_away = is_away

    async def connect(self) -> Deliverer:
        return self

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        paused: frozenset[str],
        looks: Sequence[str] = (),
        pools: Pools = NO_POOLS,
    ) -> Mapping[str, SiteReport]:
        del paused, looks
        self.pools.append(pools)
        self.began.set()
        await self.may.wait()
        if self._is_away:
            raise Unreachable("away")
        self.delivered += [each.revision.sequence for each in parcels]
        return {each.site: SiteReport(site=each.site, at=1, delivered=each.revision) for each in parcels}

    async def close(self) -> None:
        """Nothing is kept open."""


def couriers() -> Couriers:
    return Couriers(pace=Pace(), at_once=4, clock=lambda: 1.0, changed=lambda: None)


def load(sequence: int) -> Load:
    revision = dataclasses.replace(PARCEL.revision, sequence=sequence)
    return Load(parcels=(dataclasses.replace(PARCEL, revision=revision),))


async def is_held(waiting: "asyncio.Task[None]") -> bool:
    """Whether it waits still, after all that could happen has happened."""
    for _ in range(20):
        await asyncio.sleep(0)
    return not waiting.done()


def test_a_pool_is_looked_at_as_soon_as_it_is_known() -> None:
    async def story() -> None:
        clerk, them, given = Clerk(), couriers(), load(1)
        clerk.may.set()
        pools = {"fra1": (PoolAt(name="h100", nodes=1, devices_per_node=8, resource_name="a/gpu"),)}
        for each in (given, dataclasses.replace(given, pools=pools), dataclasses.replace(given, pools=dict(pools))):
            them.give("cluster", each, clerk.connect)
            await asyncio.wait_for(them.tried(limit=LIMIT), LIMIT)
        assert clerk.pools == [NO_POOLS, pools]
        await them.stop()

    asyncio.run(story())


def test_all_that_was_given_has_been_tried() -> None:
    async def story() -> None:
        clerk, them = Clerk(), couriers()
        them.give("cluster", load(1), clerk.connect)
        waiting = asyncio.create_task(them.tried(limit=LIMIT))
        assert await is_held(waiting)
        clerk.may.set()
        await asyncio.wait_for(waiting, LIMIT)
        assert clerk.delivered == [1]
        them.give("cluster", load(1), clerk.connect)
        await asyncio.wait_for(them.tried(limit=LIMIT), LIMIT)
        them.give("cluster", load(2), clerk.connect)
        await asyncio.wait_for(them.tried(limit=LIMIT), LIMIT)
        assert clerk.delivered == [1, 2]
        await them.stop()

    asyncio.run(story())


def test_what_came_meanwhile_has_not_been_tried() -> None:
    async def story() -> None:
        clerk, them = Clerk(), couriers()
        them.give("cluster", load(1), clerk.connect)
        await asyncio.wait_for(clerk.began.wait(), LIMIT)
        them.give("cluster", load(2), clerk.connect)
        waiting = asyncio.create_task(them.tried(limit=LIMIT))
        clerk.may.set()
        await asyncio.wait_for(waiting, LIMIT)
        assert clerk.delivered == [1, 2]
        await them.stop()

    asyncio.run(story())


def test_a_cluster_that_can_not_be_reached_was_tried() -> None:
    async def story() -> None:
        clerk, them = Clerk(is_away=True), couriers()
        clerk.may.set()
        them.give("cluster", load(1), clerk.connect)
        await asyncio.wait_for(them.tried(limit=LIMIT), LIMIT)
        assert them.reports["fra1"].faults
        await them.stop()

    asyncio.run(story())


def test_a_cluster_that_does_not_answer_is_not_waited_for() -> None:
    async def story() -> None:
        clerk, them = Clerk(), couriers()
        them.give("cluster", load(1), clerk.connect)
        await them.tried(limit=0.01)
        assert clerk.delivered == []
        await them.stop()

    asyncio.run(story())


def test_there_may_be_nobody_to_wait_for() -> None:
    asyncio.run(couriers().tried(limit=LIMIT))


def test_what_became_of_requests_is_no_news() -> None:
    """It changes all the time: nothing is planned, and no report written, for that."""
    quiet, busy = (
        SiteReport(site="fra1", at=at, gateway_pods=(GatewayPod(pod="a", at=at, served=Served(answered=at)),))
        for at in (1, 2)
    )
    assert essence(quiet) == essence(busy)
