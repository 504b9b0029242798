"""An engine that is to go stays as long as a gateway of its site may ask it."""

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any, Final

from tests.cluster.parcels import bundles, parcel
from tests.unit.controller.wall import Wall
from tests.unit.outage.cluster import Cluster
from tests.worlds import examples

from isochrone.kube import kinds
from isochrone.kube.kinds import path_of
from isochrone.kube.member import Member
from isochrone.kube.told import FORGOTTEN_AFTER
from isochrone.model import Parcel
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone_gateway.config import index, report


def is_engine(item: Mapping[str, Any]) -> bool:
    return bool(item["metadata"].get("labels", {}).get(labels.COMPONENT) == labels.ENGINE)


BUNDLE: Final = next(
    each for each in bundles(examples.example("quickstart-multicluster")) if any(map(is_engine, each.objects))
)
FIRST: Final = parcel(BUNDLE, 1)
ENGINES: Final = tuple(filter(is_engine, FIRST.objects))
SECOND: Final = parcel(
    dataclasses.replace(BUNDLE, objects=tuple(each for each in BUNDLE.objects if not is_engine(each))), 2
)
LAST: Final = dataclasses.replace(SECOND, objects=())


async def says(cluster: Cluster, wall: Wall, sequence: int) -> None:
    """A gateway's pod, of what it runs."""
    at = dt.datetime.fromtimestamp(wall.now, dt.UTC)
    running = index.Revision(epoch=1, sequence=sequence, digest="a" * 64)
    said = report.encode(report.PodReport(pod="gateway-0", at=at, running=running))
    path = kinds.LEASE.path(SYSTEM_NAMESPACE, f"{BUNDLE.gateway}-config")
    await cluster.merge(path, {"metadata": {"annotations": {report.annotation("gateway-0"): said}}})


async def left(member: Member, cluster: Cluster, given: Parcel) -> int:
    """Engines' objects that are there after a delivery; whether it counts as complete goes with that."""
    reports = await member.deliver([given])
    there = [each for item in ENGINES for each in (await cluster.list(path_of(item).rpartition("/")[0])).items]
    count = sum(map(is_engine, there))
    assert (reports[BUNDLE.site].delivered == given.revision) is (given is FIRST or count == 0)
    return count


def test_it_goes_once_gateways_have_a_config_without_it() -> None:
    async def story() -> None:
        wall = Wall()
        wall.now = 1_800_000_000.0
        cluster = Cluster("fra1", wall)
        member = Member(cluster, "isochrone", clock=wall)
        assert await left(member, cluster, FIRST) > 0
        await says(cluster, wall, 1)
        assert await left(member, cluster, SECOND) > 0
        await says(cluster, wall, 2)
        assert await left(member, cluster, SECOND) == 0

    asyncio.run(story())


def test_a_gateway_that_is_gone_holds_nothing_up() -> None:
    async def story() -> None:
        wall = Wall()
        wall.now = 1_800_000_000.0
        cluster = Cluster("fra1", wall)
        member = Member(cluster, "isochrone", clock=wall)
        await left(member, cluster, FIRST)
        await says(cluster, wall, 1)
        wall.now += FORGOTTEN_AFTER
        assert await left(member, cluster, SECOND) == 0

    asyncio.run(story())


def test_what_is_emptied_takes_its_engines_along_with_its_gateway() -> None:
    async def story() -> None:
        wall = Wall()
        wall.now = 1_800_000_000.0
        cluster = Cluster("fra1", wall)
        member = Member(cluster, "isochrone", clock=wall)
        await left(member, cluster, FIRST)
        await says(cluster, wall, 1)
        assert await left(member, cluster, LAST) == 0

    asyncio.run(story())
