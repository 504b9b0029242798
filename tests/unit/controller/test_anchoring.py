"""When anchors of evidence are read and written on the hub."""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from tests.unit.controller.wall import Wall
from tests.unit.kube.shelf import Shelf
from tests.unit.rollout.test_anchors import KEY, pod, report

from isochrone.controller.anchoring import NAME, Anchors
from isochrone.kube import kinds
from isochrone.kube.election import NotLeadingError
from isochrone.kube.errors import ApiError, Conflict, Unreachable
from isochrone.kube.hub import Hub
from isochrone.model import SiteReport
from isochrone.model.declared import SYSTEM_NAMESPACE

PATH = kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, NAME)
EVERY = 300.0


class Kept(Shelf):
    """A hub that may refuse the next write."""

    def __init__(self) -> None:
        super().__init__()
        self.refusal: ApiError | None = None

    async def create(self, path: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._write("create", f"{path}/{item['metadata']['name']}", item)

    async def replace(self, path: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        assert item["metadata"]["resourceVersion"] == self.items[path]["metadata"]["resourceVersion"]
        return await self._write("replace", path, item)

    async def _write(self, verb: str, path: str, item: Mapping[str, Any]) -> Mapping[str, Any]:
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal
        written = await self.apply(item, path=path)
        self.asked[-1] = (verb, NAME)
        return written

    @property
    def verbs(self) -> list[str]:
        found = [verb for verb, _ in self.asked]
        self.forget()
        return found


class World:
    def __init__(self) -> None:
        self.hub, self.wall = Kept(), Wall()
        self.anchors = Anchors(Hub(self.hub), self.wall, every=EVERY)

    async def keep(self, *reports: SiteReport, later: float = 0.0) -> str:
        """What went wrong."""
        self.wall.now += later
        self.known = await self.anchors.keep(reports)
        return self.known.problem


def test_two_requests_in_five_minutes_and_none_without_evidence() -> None:
    async def scenario() -> None:
        world = World()
        await world.keep(SiteReport(site="fra1", at=0), later=EVERY)
        assert world.hub.verbs == []
        await world.keep(report(pod(1), key=KEY))
        assert world.hub.verbs == ["get", "create"]
        for number in range(2, 12):
            await world.keep(report(pod(number, "b")), later=29.0)
        assert world.hub.verbs == []
        assert world.known.instances == {"fra1": {"gw-0"}}
        await world.keep(report(pod(12, "c")), later=11.0)
        assert world.hub.verbs == ["get", "replace"]
        await world.keep(report(pod(12, "c")), later=EVERY)
        assert world.hub.verbs == ["get"]
        assert '"n":12' in world.hub.items[PATH]["data"]["fra1.jsonl"]

    asyncio.run(scenario())


def test_what_people_have_removed_is_gone() -> None:
    async def scenario() -> None:
        world = World()
        await world.keep(report(pod(9)))
        await world.keep(report(pod(2, "b", said=600)), later=EVERY)
        assert set(world.known.back) == {"fra1"}
        world.hub.items[PATH] = {**world.hub.items[PATH], "data": {}}
        await world.keep(report(pod(3, "b", said=900)), later=EVERY)
        assert world.known.back == {}
        assert world.known.instances == {"fra1": {"gw-0"}}

    asyncio.run(scenario())


def test_what_fails_is_told_and_what_was_known_stays() -> None:
    async def scenario() -> None:
        world = World()
        await world.keep(report(pod(1)))
        world.hub.refusal = Unreachable("no answer")
        assert (
            await world.keep(report(pod(2)), later=EVERY) == "ConfigMap isochrone-system/isochrone-anchors: no answer"
        )
        assert world.known.instances == {"fra1": {"gw-0"}}
        assert await world.keep(report(pod(2)), later=EVERY) == ""
        world.hub.items[PATH] = {**world.hub.items[PATH], "data": {"fra1.jsonl": "{"}}
        assert "fra1.jsonl can't be read" in await world.keep(report(pod(3)), later=EVERY)

    asyncio.run(scenario())


def test_who_was_overtaken_looks_again_at_once() -> None:
    async def scenario() -> None:
        world = World()
        world.hub.refusal = Conflict("somebody has written it")
        assert await world.keep(report(pod(1))) == ""
        await world.keep(report(pod(1)))
        assert world.known.instances == {"fra1": {"gw-0"}}

    asyncio.run(scenario())


def test_who_leads_no_longer_stops() -> None:
    async def scenario() -> None:
        world = World()
        world.hub.refusal = NotLeadingError("b leads")
        with pytest.raises(NotLeadingError):
            await world.keep(report(pod(1)))

    asyncio.run(scenario())
