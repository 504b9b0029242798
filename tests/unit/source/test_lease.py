"""What a pod tells on its Lease: when, what, and what becomes of it where the API server doesn't take it."""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from tests.unit.source.lease_api import LEASE, LeaseApi
from tests.unit.source.publishing import published, until
from tests.unit.source.scripted_api import listening

from isochrone_gateway.config import read_index
from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.report import Anchored, Evidence, Served
from isochrone_gateway.source import judging
from isochrone_gateway.source.credentials import ServiceAccount
from isochrone_gateway.source.judging import Complete, Refused, Wanted, Why
from isochrone_gateway.source.lease import LeaseReporter, Pace, Surroundings
from isochrone_gateway.source.report import Counts, Happening, Origin, Refusal, Report, Running

POD = "gateway-1"
QUICK = Pace(beat=600.0, between=0.05, first=0.02, most=0.08, goodbye=5.0)
NOW = 1_800_000_000.0
Told = list[tuple[Happening, str]]


def complete(sequence: int) -> Complete:
    index, blobs = published(sequence)
    loaded = judging.load(index, Wanted(read_index(index)), blobs)
    assert isinstance(loaded, Complete)
    return loaded


NOTHING = Report(
    source="ConfigMap index", running=None, refusal=None, away=None, store_problem=None, contact=None, counts=Counts()
)


def running(sequence: int) -> Report:
    return dataclasses.replace(NOTHING, running=Running(complete=complete(sequence), origin=Origin.SOURCE, since=NOW))


def refusing(report: Report, sequence: int, *, attempts: int = 1) -> Report:
    revision = Revision(epoch=1, sequence=sequence, digest="f" * 64)
    refused = Refused(reason=Why.INVALID_CONFIG, problems=("a is wrong", "b" * 500), revision=revision)
    return dataclasses.replace(report, refusal=Refusal(refused=refused, at=NOW, attempts=attempts))


class World:
    """A reporter, what it is to report, and what it complained of."""

    def __init__(self, account: ServiceAccount, pace: Pace, chance: Callable[[], float]) -> None:
        self.report = NOTHING
        self.told: Told = []
        self.served: Callable[[Revision], Served | None] = lambda _: None
        self.evidence: Evidence | None = None

        async def served(revision: Revision) -> Served | None:
            return self.served(revision)

        around = Surroundings(
            report=lambda: self.report,
            served=served,
            evidence=lambda: self.evidence,
            happened=lambda what, detail: self.told.append((what, detail)),
            wall=lambda: NOW + 0.7,
            chance=chance,
        )
        self.reporter = LeaseReporter(account, LEASE, around, pod=POD, pace=pace)

    def use(self, report: Report) -> None:
        self.report = report
        self.reporter.look()

    @property
    def kinds(self) -> list[Happening]:
        return [what for what, _ in self.told]


Test = Callable[[LeaseApi, World], Awaitable[None]]


@contextlib.asynccontextmanager
async def reporting(world: World) -> AsyncIterator[None]:
    task = asyncio.create_task(world.reporter.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await world.reporter.close()


def run(folder: pathlib.Path, test: Test, *, pace: Pace = QUICK, chance: float = 0.0) -> None:
    async def bounded() -> None:
        api = LeaseApi()
        async with asyncio.timeout(30), listening(folder, api.serve) as account:
            await test(api, World(account, pace, lambda: chance))

    asyncio.run(bounded())


def test_it_says_at_once_that_nothing_runs_yet_and_takes_it_back_at_the_end(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            await until(lambda: api.asked == 1 and bool(api.contents))
            said = api.said(POD)
            assert (said.pod, said.running, said.refused) == (POD, None, None)
            assert said.at == dt.datetime.fromtimestamp(NOW, dt.UTC)
            (content,) = api.contents
            assert content.keys() == {"apiVersion", "kind", "metadata"}
            assert content["metadata"].keys() == {"name", "namespace", "annotations"}
        assert api.annotations == {f"isochrone-gateway-{POD}": {}}
        assert world.told == []

    run(tmp_path, test)


def test_what_runs_and_what_is_refused_is_said_when_it_changes(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            world.use(running(1))
            await until(lambda: bool(api.contents) and api.said(POD).running == complete(1).revision)
            assert api.said(POD).refused is None

            world.use(refusing(world.report, 2))
            await until(lambda: api.said(POD).refused is not None)
            said = api.said(POD)
            assert said.running == complete(1).revision
            assert said.refused is not None
            assert (said.refused.reason, said.refused.revision and said.refused.revision.sequence) == (
                "InvalidConfig",
                2,
            )
            assert said.refused.message.startswith("a is wrong; bbb")
            assert len(said.refused.message) == 300

            world.use(running(3))
            await until(lambda: api.said(POD).running == complete(3).revision)
            assert api.said(POD).refused is None

    run(tmp_path, test)


def test_what_is_the_same_is_not_said_again(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        world.report = refusing(running(1), 2)
        async with reporting(world):
            await until(lambda: api.asked == 1)
            for attempts in range(2, 6):
                world.use(refusing(world.report, 2, attempts=attempts))
            await asyncio.sleep(0.3)
            assert api.asked == 1
            world.use(refusing(running(1), 3))
            await until(lambda: api.asked == 2)
        # The last is the goodbye.
        assert len(api.contents) == 3

    run(tmp_path, test)


def test_changes_in_a_row_are_said_together(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            await until(lambda: api.asked == 1)
            for sequence in range(1, 30):
                world.use(running(sequence))
                await asyncio.sleep(0)
            await until(lambda: api.said(POD).running == complete(29).revision)
            assert api.asked == 2

    run(tmp_path, test, pace=dataclasses.replace(QUICK, between=1.0))


def test_a_pod_shows_that_it_lives(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            await until(lambda: api.asked >= 4)
        assert world.told == []

    run(tmp_path, test, pace=Pace(beat=0.06, between=0.01))


@pytest.mark.parametrize(("chance", "least"), [(0.0, 0.5), (1.0, 0.4)])
def test_how_often_is_left_to_chance(tmp_path: pathlib.Path, chance: float, least: float) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            await until(lambda: api.asked == 2)
            assert api.gaps[0] >= least

    run(tmp_path, test, pace=Pace(beat=0.5, between=0.01), chance=chance)


def test_what_became_of_requests_is_said_with_what_is_said_anyway(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        asked: list[Revision] = []

        def served(revision: Revision) -> Served:
            asked.append(revision)
            return Served(seconds=len(asked), answered=10 * len(asked))

        world.served = served
        async with reporting(world):
            await until(lambda: api.asked == 1)
            assert (api.said(POD).served, asked) == (None, []), "nothing runs yet"
            world.use(running(1))
            await until(lambda: api.asked == 2)
            await asyncio.sleep(0.3)
            assert api.asked == 2, "more requests are no news"
            assert api.said(POD).served == Served(seconds=1, answered=10)
            assert asked == [complete(1).revision]

    run(tmp_path, test)


def test_while_a_config_is_new_it_is_said_more_often(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        world.report = running(1)
        async with reporting(world):
            await until(lambda: api.asked >= 8)

    run(tmp_path, test, pace=dataclasses.replace(QUICK, beat=600.0, fresh=0.02, fresh_for=600.0, between=0.01))


def test_a_config_is_new_only_for_a_while(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        world.report = running(1)
        async with reporting(world):
            await until(lambda: api.asked >= 2)
            await asyncio.sleep(0.5)
            asked = api.asked
            await asyncio.sleep(0.3)
            assert api.asked == asked
            world.use(running(2))
            await until(lambda: api.asked >= asked + 3)

    run(tmp_path, test, pace=dataclasses.replace(QUICK, fresh=0.1, fresh_for=0.25, between=0.01))


# What goes wrong.


def test_a_lease_that_is_not_there_yet_is_tried_again_and_told_once(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        api.refusal = 403
        world.report = running(1)
        async with reporting(world):
            await until(lambda: api.asked >= 4)
            assert world.told == [(Happening.NOT_REPORTED, _path("refused with 403"))]
            api.refusal = 404
            await until(lambda: len(world.told) == 2)
            api.refusal = 0
            await until(lambda: world.kinds[2:] == [Happening.REPORTED])
            assert api.said(POD).running == complete(1).revision
            api.refusal = 403
            world.use(running(2))
            await until(lambda: world.kinds[3:] == [Happening.NOT_REPORTED])

    run(tmp_path, test)


def _path(text: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/edge/leases/{LEASE}: {text}"


def test_errors_of_the_server_are_of_one_kind(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            for status in (500, 503, 502):
                api.refusal = status
                asked = api.asked
                await until(lambda asked=asked: api.asked >= asked + 2)  # type: ignore[misc]
        assert world.kinds == [Happening.NOT_REPORTED]

    run(tmp_path, test)


def test_waits_grow_and_are_bounded(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        api.refusal = 503
        async with reporting(world):
            await until(lambda: api.asked >= 5)
        for gap, least in zip(api.gaps, [0.1, 0.2, 0.4, 0.4], strict=False):
            assert gap >= least

    run(tmp_path, test, pace=Pace(beat=600.0, between=0.01, first=0.1, most=0.4))


def test_what_changes_while_the_server_refuses_is_tried_at_once(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        api.refusal = 503
        async with reporting(world):
            await until(lambda: api.asked == 1)
            world.use(NOTHING)
            api.refusal = 0
            world.use(running(1))
            await until(lambda: bool(api.contents) and api.said(POD).running == complete(1).revision)

    run(tmp_path, test, pace=Pace(beat=600.0, between=0.01, first=600.0, most=600.0))


def test_nobody_there_and_a_file_that_is_gone_are_told_and_tried_again(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        token = tmp_path / "token"
        token.unlink()
        async with reporting(world):
            await until(lambda: bool(world.told))
            assert "token can't be read" in world.told[0][1]
            token.write_text("the-token")
            await until(lambda: world.kinds == [Happening.NOT_REPORTED, Happening.REPORTED])
        assert api.annotations == {f"isochrone-gateway-{POD}": {}}

    run(tmp_path, test)


def test_an_api_server_that_is_gone(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        async with listening(tmp_path, LeaseApi().serve) as account:
            pass
        world = World(account, QUICK, lambda: 0.0)
        async with asyncio.timeout(30):
            async with reporting(world):
                await until(lambda: bool(world.told))
        assert world.kinds == [Happening.NOT_REPORTED]
        assert "Connect call failed" in world.told[0][1]

    asyncio.run(test())


def test_a_bug_in_what_is_told_ends_nothing(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        broken: Any = None
        world.report = broken
        async with reporting(world):
            await until(lambda: bool(world.told))
            world.report = running(1)
            await until(lambda: world.kinds == [Happening.NOT_REPORTED, Happening.REPORTED])
        assert "AttributeError" in world.told[0][1]
        assert len(api.contents) == 2, "what ran, and its goodbye"

    run(tmp_path, test)


def test_a_server_that_says_nothing_holds_up_no_end(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        async with reporting(world):
            await until(lambda: bool(api.contents))
            api.is_silent = True
        assert api.annotations[f"isochrone-gateway-{POD}"], "there was nobody to take it back"

    run(tmp_path, test, pace=dataclasses.replace(QUICK, goodbye=0.1))


def test_how_far_evidence_goes_is_told_with_the_sign_of_life_and_is_no_reason_for_one(tmp_path: pathlib.Path) -> None:
    async def test(api: LeaseApi, world: World) -> None:
        world.evidence = Evidence(anchor=Anchored(n=3, at=NOW, digest="a" * 64))
        async with reporting(world):
            await until(lambda: bool(api.contents) and api.said(POD).evidence == world.evidence)
            asked = api.asked
            world.evidence = Evidence(anchor=Anchored(n=4, at=NOW, digest="b" * 64), problem="the disk is full")
            world.reporter.look()
            await asyncio.sleep(3 * QUICK.between)
            assert api.asked == asked
            world.use(running(1))
            await until(lambda: api.said(POD).evidence == world.evidence)

    run(tmp_path, test)
