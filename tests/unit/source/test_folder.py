"""The folder as a source: what it says in which state, and that it never waits for ever."""

import asyncio
import contextlib
import pathlib
import threading
from collections.abc import Callable

import pytest
from tests.unit.source.publishing import assert_cancellable, publish, published

from isochrone_gateway.config.index import MAX_INDEX_BYTES
from isochrone_gateway.source import files, folder
from isochrone_gateway.source.folder import FolderSource
from isochrone_gateway.source.reading import Away, Seen


async def first(source: FolderSource) -> Seen | Away:
    observed = source.observe()
    try:
        return await asyncio.wait_for(anext(observed), 10)
    finally:
        await observed.aclose()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        pytest.param(lambda _: None, "No such file", id="no folder"),
        pytest.param(lambda path: path.mkdir(), "No such file", id="no index"),
        pytest.param(lambda path: path.write_bytes(b""), "Not a directory", id="a file"),
        pytest.param(
            lambda path: (path.mkdir(), (path / files.INDEX).mkdir()), "Is a directory", id="index is a folder"
        ),
        pytest.param(lambda path: path.symlink_to(path), "symbolic link", id="a loop of links"),
    ],
)
def test_what_cannot_be_read_is_away(
    tmp_path: pathlib.Path, make: Callable[[pathlib.Path], object], problem: str
) -> None:
    make(tmp_path / "config")
    said = asyncio.run(first(FolderSource(tmp_path / "config")))
    assert isinstance(said, Away)
    assert problem in said.problem or "loop" in said.problem.lower()
    assert str(tmp_path / "config") in said.problem


def test_the_index_and_its_shards(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        publish(tmp_path, 1)
        index, blobs = published(1)
        said = await first(FolderSource(tmp_path))
        assert isinstance(said, Seen)
        assert said.index == index

        source = FolderSource(tmp_path)
        observed = source.observe()
        seen = await anext(observed)
        assert isinstance(seen, Seen)
        assert await seen.fetch([*blobs, "routes-0123"]) == blobs
        await observed.aclose()

    asyncio.run(test())


def test_no_more_than_the_limit_is_read(tmp_path: pathlib.Path) -> None:
    (tmp_path / files.INDEX).write_bytes(b" " * (MAX_INDEX_BYTES + 1000))
    said = asyncio.run(first(FolderSource(tmp_path)))
    assert isinstance(said, Seen)
    assert len(said.index) == MAX_INDEX_BYTES + 1


def test_a_nudge_is_followed_by_a_look(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        publish(tmp_path, 1)
        source = FolderSource(tmp_path, interval=3600)
        observed = source.observe()
        await anext(observed)
        publish(tmp_path, 2)
        source.nudge()
        seen = await asyncio.wait_for(anext(observed), 10)
        assert isinstance(seen, Seen)
        assert seen.index == published(2)[0]
        await observed.aclose()

    asyncio.run(test())


def test_a_hanging_file_system_is_away_and_holds_one_thread(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    looks = 0

    def hang(_folder: pathlib.Path) -> bytes:
        nonlocal looks
        looks += 1
        if looks == 1:
            released.wait(10)
        return b"index"

    async def test() -> None:
        monkeypatch.setattr(folder, "_read_index", hang)
        source = FolderSource(tmp_path, interval=0.01, patience=0.05)
        observed = source.observe()
        said: Seen | Away = Away("")
        for _ in range(5):
            said = await asyncio.wait_for(anext(observed), 10)
            assert isinstance(said, Away)
            assert "answer" in said.problem
        assert looks == 1
        released.set()
        while not isinstance(said, Seen):
            said = await asyncio.wait_for(anext(observed), 10)
        await observed.aclose()

    asyncio.run(test())


def test_a_writer_that_never_stops_never_shows_half_a_config(tmp_path: pathlib.Path) -> None:
    """Sets are written over each other; whatever is seen either has all its shards or is followed by one that has."""
    stop = threading.Event()

    def write() -> None:
        sequence = 0
        while not stop.is_set():
            sequence += 1
            index, blobs = published(sequence % 5 + 1)
            files.write(tmp_path, index, blobs)

    async def test() -> None:
        publish(tmp_path, 1)
        thread = threading.Thread(target=write)
        thread.start()
        try:
            observed = FolderSource(tmp_path, interval=0.001).observe()
            indexes = {published(sequence)[0]: published(sequence)[1] for sequence in range(1, 6)}
            for _ in range(30):
                seen = await asyncio.wait_for(anext(observed), 10)
                assert isinstance(seen, Seen)
                assert seen.index in indexes
                assert await seen.fetch(list(indexes[seen.index])) == indexes[seen.index]
            await observed.aclose()
        finally:
            stop.set()
            thread.join(10)

    asyncio.run(test())
    assert not list(tmp_path.glob("*.unfinished"))


def test_a_nudge_at_the_end_does_not_keep_it_alive(tmp_path: pathlib.Path) -> None:
    async def test() -> None:
        sources: list[FolderSource] = []

        async def follow() -> None:
            sources.append(FolderSource(tmp_path, interval=3600))
            async with contextlib.aclosing(sources[-1].observe()) as observed:
                async for _ in observed:
                    pass

        def nudge() -> None:
            sources[-1].nudge()

        await assert_cancellable(lambda: asyncio.create_task(follow()), nudge)

    asyncio.run(test())
