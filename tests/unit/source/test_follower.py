"""The loop from source to running config: what replaces what, what is kept, and how old it is."""

import asyncio
import contextlib
import os
import pathlib
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Coroutine, Mapping
from typing import Any

import pytest
from tests.contract.config_cases import RELEASE, trust
from tests.unit.source.publishing import ManualClock, RecordingOwner, assert_cancellable, publish, published, until

from isochrone_gateway.config import Owner
from isochrone_gateway.config.fencing import RefusalReason
from isochrone_gateway.source import files
from isochrone_gateway.source.contact import age_seconds
from isochrone_gateway.source.folder import FolderSource
from isochrone_gateway.source.follower import Follower, Pace
from isochrone_gateway.source.judging import ANYBODY, Trust, Why
from isochrone_gateway.source.reading import Away, Seen, Source, SourceError
from isochrone_gateway.source.report import Happening, Origin
from isochrone_gateway.source.store import Store

PACE = Pace(start_patience=0.2, retry_first=0.05, retry_most=0.2, touch=0.0)


class ScriptedSource:
    """Says what the test tells it to say."""

    name = "script"

    def __init__(self) -> None:
        self.said: asyncio.Queue[Seen | Away | Exception] = asyncio.Queue()
        self.blobs: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.fetch_fails = False

    def nudge(self) -> None:
        pass

    def publish(self, sequence: int, *, epoch: int = 1, hostname: str = "", signer: str = "") -> None:
        index, blobs = published(sequence, epoch=epoch, hostname=hostname, signer=signer)
        self.blobs |= blobs
        self.say(index)

    def say(self, index: bytes) -> None:
        self.said.put_nowait(Seen(index=index, fetch=self._fetch))

    async def _fetch(self, names: Collection[str]) -> Mapping[str, bytes]:
        await asyncio.sleep(0)
        if self.fetch_fails:
            raise SourceError("the line is dead")
        self.fetched.extend(names)
        return {name: self.blobs[name] for name in names if name in self.blobs}

    async def observe(self) -> AsyncGenerator[Seen | Away, None]:
        while True:
            match await self.said.get():
                case Exception() as error:
                    raise error
                case said:
                    yield said


class World:
    """A follower with its surroundings."""

    def __init__(self, source: Source, *, state: pathlib.Path | None, trusted: Trust, time: ManualClock) -> None:
        self.owner = RecordingOwner()
        self.time = time
        self.follower = Follower(
            source,
            self.owner,
            clock=time.clock(),
            store=None if state is None else Store(state),
            trust=trusted,
            pace=PACE,
        )

    @property
    def age(self) -> float:
        return age_seconds(self.follower.report.contact, self.time.clock())

    async def until_runs(self, sequence: int) -> None:
        await until(lambda: self.owner.sequences[-1:] == [sequence])
        await until(lambda: self.follower.report.running is not None)

    async def until_refused(self) -> str:
        await until(lambda: self.follower.report.refusal is not None)
        refusal = self.follower.report.refusal
        assert refusal is not None
        return refusal.refused.reason


@contextlib.asynccontextmanager
async def following(
    source: Source,
    *,
    state: pathlib.Path | None = None,
    trusted: Trust = ANYBODY,
    time: ManualClock | None = None,
    turning: bool = True,
) -> AsyncIterator[World]:
    """Run a follower. `turning` lets the manual clock go on with real time, as retries need it."""
    world = World(source, state=state, trusted=trusted, time=time or ManualClock())
    tasks = [asyncio.create_task(world.follower.run())]
    if turning:
        tasks.append(asyncio.create_task(_turn(world.time)))
    try:
        yield world
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


async def _turn(time: ManualClock) -> None:
    while True:
        await asyncio.sleep(0.01)
        time.pass_by(0.01)


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test

    asyncio.run(bounded())


def test_a_folder_is_followed(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        publish(tmp_path, 1)
        async with following(FolderSource(tmp_path, interval=0.01)) as world:
            await world.until_runs(1)
            publish(tmp_path, 2)
            await world.until_runs(2)
            assert world.owner.applied[-1].loaded.config.site.hostname == "s2.example.com"
            running = world.follower.report.running
            assert running is not None
            assert running.origin is Origin.SOURCE

    run(test())


def test_a_swapped_link_is_followed(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        link = tmp_path / "current"
        for sequence in (1, 2, 3):
            publish(tmp_path / str(sequence), sequence)
            (tmp_path / "next").symlink_to(str(sequence))
            (tmp_path / "next").replace(link)
            if sequence == 1:
                break
        async with following(FolderSource(link, interval=0.01)) as world:
            await world.until_runs(1)
            for sequence in (2, 3):
                publish(tmp_path / str(sequence), sequence)
                (tmp_path / "next").symlink_to(str(sequence))
                (tmp_path / "next").replace(link)
                await world.until_runs(sequence)
            assert world.follower.report.counts.refused == 0

    run(test())


def test_only_what_is_not_there_is_fetched() -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source) as world:
            source.publish(1)
            await world.until_runs(1)
            first = list(source.fetched)
            source.publish(2)
            await world.until_runs(2)
            assert len(first) == 8
            assert [name.split("-")[0] for name in source.fetched[8:]] == ["site"]

    run(test())


@pytest.mark.parametrize(
    ("candidate", "reason"),
    [
        pytest.param({"sequence": 4}, RefusalReason.OLD_SEQUENCE, id="older sequence"),
        pytest.param({"sequence": 9, "epoch": 0}, RefusalReason.OLD_EPOCH, id="older epoch"),
        pytest.param({"sequence": 1, "epoch": 2}, RefusalReason.UNSIGNED_EPOCH, id="unsigned new epoch"),
        pytest.param({"sequence": 5, "hostname": "other.example.com"}, RefusalReason.DIGEST_CONFLICT, id="two leaders"),
    ],
)
def test_what_the_fence_refuses_does_not_run(candidate: dict[str, Any], reason: RefusalReason) -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source) as world:
            source.publish(5)
            await world.until_runs(5)
            source.publish(**candidate)
            assert await world.until_refused() == reason
            assert world.owner.sequences == [5]
            assert len(world.owner.saw(Happening.REFUSED)) == 1
            source.publish(6)
            await world.until_runs(6)
            await until(lambda: world.follower.report.refusal is None)

    run(test())


def damaged(index: bytes) -> bytes:
    return index.replace(b'"lab"', b'"bal"')


@pytest.mark.parametrize(
    ("index", "lost", "reason"),
    [
        pytest.param(lambda index: index[:-20], None, Why.INVALID_INDEX, id="cut off"),
        pytest.param(lambda _: b"\xff\x00", None, Why.INVALID_INDEX, id="not JSON"),
        pytest.param(damaged, None, Why.INVALID_INDEX, id="checksum"),
        pytest.param(lambda index: index, "missing", Why.INCOMPLETE, id="shard missing"),
        pytest.param(lambda index: index, "damaged", Why.INVALID_CONFIG, id="shard damaged"),
    ],
)
def test_what_is_invalid_does_not_run_until_it_is_mended(index: Any, lost: str | None, reason: Why) -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source) as world:
            source.publish(1)
            await world.until_runs(1)
            good, blobs = published(2)
            source.blobs |= blobs
            changed = next(name for name in blobs if name.startswith("site-"))
            if lost is not None:
                source.blobs.pop(changed)
            if lost == "damaged":
                source.blobs[changed] = b"?"
            source.say(index(good))
            assert await world.until_refused() == reason
            assert world.owner.sequences == [1]
            source.blobs |= blobs
            if lost is None:
                source.say(good)
            await world.until_runs(2)

    run(test())


def test_a_refused_candidate_is_not_tried_at_each_look(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        publish(tmp_path, 3)
        async with following(FolderSource(tmp_path, interval=0.005), turning=False) as world:
            await world.until_runs(3)
            publish(tmp_path, 2)
            await world.until_refused()
            reads = world.follower.report.counts.reads
            await until(lambda: world.follower.report.counts.reads > reads + 20)
            assert world.follower.report.counts.refused == 1
            world.time.pass_by(10)
            await until(lambda: world.follower.report.counts.refused == 2)
            refusal = world.follower.report.refusal
            assert refusal is not None
            assert refusal.attempts == 2

    run(test())


def test_what_the_data_plane_refuses_does_not_run_and_is_tried_again() -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source) as world:
            source.publish(1)
            await world.until_runs(1)
            world.owner.problems = [("no such secret",), ("no such secret",)]
            source.publish(2)
            assert await world.until_refused() == Why.NOT_APPLIED
            await world.until_runs(2)
            assert world.owner.saw(Happening.REFUSED) == ["NotApplied: no such secret"]
            assert world.follower.report.counts.refused == 2

    run(test())


def test_age_grows_while_the_source_is_away_and_while_its_config_is_refused() -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source, turning=False) as world:
            source.publish(1)
            await world.until_runs(1)
            world.time.pass_by(30)
            source.said.put_nowait(Away("unplugged"))
            await until(lambda: world.follower.report.away == "unplugged")
            assert world.age == 30
            source.say(b"nonsense")
            await world.until_refused()
            assert world.follower.report.away is None
            assert world.age == 30
            source.publish(1)
            await until(lambda: world.age == 0)
            assert world.owner.sequences == [1]
            happened = [what for what, _ in world.owner.happenings]
            assert happened == [
                Happening.ACCEPTED,
                Happening.SOURCE_AWAY,
                Happening.SOURCE_BACK,
                Happening.REFUSED,
            ]

    run(test())


def test_a_fetch_that_fails_is_tried_again_without_news() -> None:
    async def test() -> None:
        source = ScriptedSource()
        source.fetch_fails = True
        async with following(source) as world:
            source.publish(1)
            await until(lambda: world.follower.report.away == "the line is dead")
            source.fetch_fails = False
            await world.until_runs(1)
            await until(lambda: world.follower.report.away is None)

    run(test())


def test_the_stored_config_runs_while_the_source_is_away_and_keeps_its_age(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        time = ManualClock()
        source = ScriptedSource()
        async with following(source, state=tmp_path, time=time, turning=False) as world:
            source.publish(7)
            await world.until_runs(7)
        time.pass_by(500)
        source = ScriptedSource()
        source.said.put_nowait(Away("gone"))
        async with following(source, state=tmp_path, time=time, turning=False) as world:
            await world.until_runs(7)
            running = world.follower.report.running
            assert running is not None
            assert running.origin is Origin.DISK
            assert world.age == 500
            assert world.owner.contacts[0] == world.follower.report.contact
            source.publish(6)
            assert await world.until_refused() == RefusalReason.OLD_SEQUENCE
            assert world.age == 500
            source.publish(7)
            await until(lambda: world.age == 0)
            assert world.owner.sequences == [7]

    run(test())


def test_the_stored_config_waits_for_a_source_that_answers(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        for sequences, expected in (([1], [1]), ([2], [2])):
            source = ScriptedSource()
            async with following(source, state=tmp_path) as world:
                source.publish(sequences[0])
                await world.until_runs(sequences[0])
                assert world.owner.sequences == expected

    run(test())


def test_the_stored_config_runs_when_the_source_says_nothing(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source, state=tmp_path) as world:
            source.publish(1)
            await world.until_runs(1)
        async with following(ScriptedSource(), state=tmp_path) as world:
            await world.until_runs(1)

    run(test())


def test_a_refused_candidate_beside_the_stored_config_stays_visible(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source, state=tmp_path) as world:
            source.publish(5)
            await world.until_runs(5)
        source = ScriptedSource()
        async with following(source, state=tmp_path) as world:
            source.publish(4)
            await world.until_runs(5)
            assert await world.until_refused() == RefusalReason.OLD_SEQUENCE
            assert len(world.owner.saw(Happening.REFUSED)) == 1

    run(test())


def test_signatures_are_asked_for_when_keys_are_trusted(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source, state=tmp_path, trusted=Trust(verify=trust("hub"))) as world:
            source.publish(1)
            assert await world.until_refused() == Why.INVALID_INDEX
            source.publish(1, signer="hub")
            await world.until_runs(1)
            source.publish(1, epoch=2, signer="hub")
            await until(lambda: world.owner.applied[-1].revision.epoch == 2)

    run(test())


@pytest.mark.parametrize("how", ["unwritable", "full"])
def test_a_state_folder_that_does_not_work_is_reported_not_fatal(
    tmp_path: pathlib.Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test() -> None:
        state = tmp_path / "state"
        if how == "unwritable":
            state.write_bytes(b"")  # A file in its place: also root can't write there.
        else:
            monkeypatch.setattr(os, "fsync", _full)
        source = ScriptedSource()
        async with following(source, state=state) as world:
            source.publish(1)
            await world.until_runs(1)
            await until(lambda: world.follower.report.store_problem is not None)
            assert len(world.owner.saw(Happening.NOT_STORED)) == 1
            source.publish(2)
            await world.until_runs(2)
            monkeypatch.undo()
            if how == "unwritable":
                state.unlink()
            source.publish(2)
            await until(lambda: world.follower.report.store_problem is None)
            assert (state / "config" / files.INDEX).exists()

    def _full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    run(test())


def test_a_bug_in_a_source_does_not_stop_what_runs() -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source) as world:
            source.publish(1)
            await world.until_runs(1)
            source.said.put_nowait(ZeroDivisionError("oops"))
            await until(lambda: "oops" in (world.follower.report.away or ""))
            assert world.owner.sequences == [1]

    run(test())


def test_news_at_the_end_does_not_keep_it_alive() -> None:
    async def test() -> None:
        follower = Follower(ScriptedSource(), RecordingOwner(), clock=ManualClock().clock(), pace=PACE)
        await assert_cancellable(lambda: asyncio.create_task(follower.run()), follower.nudge)

    run(test())


def test_a_follower_with_nothing_to_do_sleeps() -> None:
    async def test() -> None:
        async with following(ScriptedSource()) as world:
            steps = 0
            step = world.follower._step

            async def counted() -> None:
                nonlocal steps
                steps += 1
                await step()

            world.follower._step = counted  # type: ignore[method-assign]
            await asyncio.sleep(0.5)
            assert steps < 50, "a loop that never waits would take thousands"

    run(test())


ELSEWHERE = [
    pytest.param(Owner(site="other"), RefusalReason.OTHER_SITE, id="site"),
    pytest.param(Owner(installation="other"), RefusalReason.OTHER_INSTALLATION, id="installation"),
]


@pytest.mark.parametrize(("owner", "reason"), ELSEWHERE)
def test_a_config_for_somebody_else_never_runs_not_even_as_the_first(owner: Owner, reason: RefusalReason) -> None:
    async def test() -> None:
        source = ScriptedSource()
        async with following(source, trusted=Trust(owner=owner)) as world:
            source.publish(1)
            assert await world.until_refused() == reason
            assert world.owner.applied == []

    run(test())


@pytest.mark.parametrize(("owner", "reason"), ELSEWHERE)
def test_a_state_folder_from_elsewhere_does_not_make_itself_at_home(
    tmp_path: pathlib.Path, owner: Owner, reason: RefusalReason
) -> None:
    """Whoever wasn't told takes it for its own, and refuses its own config as another's."""

    async def test() -> None:
        source = ScriptedSource()
        async with following(source, state=tmp_path) as world:
            source.publish(1)
            await world.until_runs(1)
        source = ScriptedSource()
        source.said.put_nowait(Away("gone"))
        async with following(source, state=tmp_path, trusted=Trust(owner=owner)) as world:
            await until(lambda: world.owner.saw(Happening.STORED_UNUSABLE) != [])
            await until(lambda: world.follower.report.away == "gone")
            assert world.owner.saw(Happening.STORED_UNUSABLE)[0].startswith(reason)
            assert world.owner.applied == []

    run(test())


def test_a_config_for_us_runs() -> None:
    async def test() -> None:
        source = ScriptedSource()
        ours = Owner(installation=RELEASE.installation, site="lab")
        async with following(source, trusted=Trust(owner=ours)) as world:
            source.publish(1)
            await world.until_runs(1)

    run(test())
