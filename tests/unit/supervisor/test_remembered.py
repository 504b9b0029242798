"""The endpoints that were found last, on disk: written when they change, read once, never trusted for too long."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from tests.unit.source.publishing import ManualClock, until

from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.server.supervisor import remembered
from isochrone_gateway.server.supervisor.remembered import FILE, OLDEST, Known, Remembered
from isochrone_gateway.source.store import Store
from isochrone_gateway.upstream.discovery import EngineEndpoint

CHAT = ServiceEndpoints(namespace="lab", service="chat", port_name="http")
MAIL = ServiceEndpoints(namespace="lab", service="mail", port_name="http")
ENGINES = (EngineEndpoint("10.0.0.1", 8000, "pod-1", "b", ("b", "c")), EngineEndpoint("fd00::1", 8000))


class World:
    """What is known, and what of that is on disk."""

    def __init__(self, folder: pathlib.Path | None, clock: ManualClock) -> None:
        self.known: Sequence[Known] = ()
        self.events: list[str] = []
        store = None if folder is None else Store(folder)
        self.remembered = Remembered(store, clock.clock(), self._say)

    def _say(self, _level: LogLevel, event: str, /, **_fields: Any) -> None:
        self.events.append(event)

    def learn(self, *known: Known) -> None:
        self.known = known
        self.remembered.changed()


@contextlib.asynccontextmanager
async def running(folder: pathlib.Path | None, clock: ManualClock) -> AsyncIterator[World]:
    world = World(folder, clock)
    task = asyncio.create_task(world.remembered.run(lambda: world.known))
    try:
        async with asyncio.timeout(100):
            await world.remembered.read.wait()
            yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def after_a_restart(folder: pathlib.Path, clock: ManualClock) -> tuple[Known | None, list[str]]:
    """What is remembered of chat, and what is said of the disk."""

    async def read() -> tuple[Known | None, list[str]]:
        async with running(folder, clock) as world:
            return world.remembered.find(CHAT), world.events

    return asyncio.run(read())


def write(folder: pathlib.Path, clock: ManualClock, *known: Known) -> None:
    folder.mkdir(exist_ok=True)
    (folder / FILE).write_bytes(remembered.encode(known, clock.clock()))


@pytest.mark.parametrize(
    ("change", "age"),
    [
        pytest.param(lambda clock: clock.pass_by(60.0), 100.0, id="the same boot"),
        pytest.param(lambda clock: reboot(clock, 60.0), 100.0, id="another boot"),
        pytest.param(lambda clock: clock.pass_by(OLDEST - 50.0), OLDEST - 10.0, id="nearly too old"),
        pytest.param(lambda clock: clock.pass_by(OLDEST - 30.0), None, id="too old"),
        pytest.param(lambda clock: reboot(clock, OLDEST), None, id="too old, another boot"),
        pytest.param(lambda clock: reboot(clock, -3600.0), None, id="a clock that can not be right"),
    ],
)
def test_what_was_known_is_remembered_for_a_while(
    tmp_path: pathlib.Path, change: Callable[[ManualClock], None], age: float | None
) -> None:
    clock = ManualClock(running=500.0)
    write(tmp_path, clock, Known(CHAT, ENGINES, 460.0))
    change(clock)
    found, events = after_a_restart(tmp_path, clock)
    assert events == []
    assert (found is None) is (age is None)
    if found is not None and age is not None:
        assert (found.service, found.endpoints) == (CHAT, ENGINES)
        assert clock.running - found.read_at == pytest.approx(age)


def reboot(clock: ManualClock, seconds: float) -> None:
    clock.boot, clock.running = "boot-2", 3.0
    clock.wall += seconds


@pytest.mark.parametrize("content", [b"", b"[", b"[{}]", b'[{"service": 1}]', b"\xff"])
def test_a_file_that_says_nothing_is_none(tmp_path: pathlib.Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    assert after_a_restart(tmp_path, ManualClock()) == (None, ["StoredEnginesUnusable"])


def test_changes_are_written_soon_and_the_last_ones_at_the_end(tmp_path: pathlib.Path) -> None:
    clock = ManualClock()

    async def live() -> None:
        async with running(tmp_path, clock) as world:
            assert not (tmp_path / FILE).exists(), "nothing is known"
            world.learn(Known(CHAT, ENGINES, 90.0))
            await until((tmp_path / FILE).exists)
            await until(lambda: world.remembered.find(CHAT) is not None)
            world.learn(Known(CHAT, ENGINES[:1], 95.0), Known(MAIL, (), 95.0))

    asyncio.run(live())
    assert after_a_restart(tmp_path, clock)[0] == Known(CHAT, ENGINES[:1], 95.0)


def test_what_is_still_remembered_is_not_for_ever(tmp_path: pathlib.Path) -> None:
    clock = ManualClock()
    write(tmp_path, clock, Known(CHAT, ENGINES, 100.0))

    async def live() -> None:
        async with running(tmp_path, clock) as world:
            assert world.remembered.find(CHAT) is not None
            clock.pass_by(OLDEST + 1.0)
            assert world.remembered.find(CHAT) is None

    before = (tmp_path / FILE).read_bytes()
    asyncio.run(live())
    assert (tmp_path / FILE).read_bytes() == before, "who never knew anything has nothing to write"


def test_without_a_folder_nothing_is_kept(tmp_path: pathlib.Path) -> None:
    async def live() -> None:
        async with running(None, ManualClock()) as world:
            world.learn(Known(CHAT, ENGINES, 90.0))
            await asyncio.sleep(0)
            assert world.events == []

    asyncio.run(live())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_gateway_is_left_alone(tmp_path: pathlib.Path) -> None:
    clock = ManualClock()
    other = Store(tmp_path)
    other.keep(FILE, b"theirs")

    async def live() -> None:
        async with running(tmp_path, clock) as world:
            world.learn(Known(CHAT, ENGINES, 90.0))
            await until(lambda: "EnginesNotStored" in world.events)
            world.learn(Known(CHAT, ENGINES, 91.0))
        assert world.events == ["StoredEnginesUnusable", "EnginesNotStored"]

    asyncio.run(live())
    assert (tmp_path / FILE).read_bytes() == b"theirs"
    other.close()
