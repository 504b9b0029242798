"""A collection of the Kubernetes API is kept up with: by list, by watch, and when either fails.

That each wait ends and each failure has its answer is shown with the source that uses it (`test_kubernetes`).
"""

import asyncio
import contextlib
import itertools
import pathlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
from tests.unit.source.publishing import assert_cancellable
from tests.unit.source.scripted_api import END, STREAM, Answer, ScriptedApi, event, serving, whole

from isochrone_gateway.source import kube_watch
from isochrone_gateway.source.kube_api import ApiClient
from isochrone_gateway.source.kube_watch import Collection, Pace
from isochrone_gateway.source.reading import Away

QUICK = Pace(watch=1.0, slack=0.3, between=0.01, first=0.05, most=0.4)
REFUSED: Answer = [whole({"message": "you may not watch"}, 403)]


def thing(name: str, value: int) -> dict[str, Any]:
    return {"metadata": {"name": name}, "value": value}


def listed(*items: dict[str, Any]) -> bytes:
    return whole({"metadata": {"resourceVersion": "10"}, "items": list(items)})


class Thing(msgspec.Struct):
    value: int


def value_of(found: msgspec.Raw) -> int:
    read: Thing = kube_watch.decode(found, Thing)
    return read.value


def run(
    folder: pathlib.Path, test: Callable[[ScriptedApi, Collection[int]], Awaitable[None]], pace: Pace = QUICK
) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20), serving(folder) as (api, account):
            with contextlib.closing(ApiClient(account)) as client:
                selector = {"labelSelector": "a=b"}
                await test(api, Collection(client, "/apis/things", selector, value_of, pace=pace, chance=lambda: 0.0))

    asyncio.run(bounded())


async def heard(things: Collection[int], count: int) -> list[Mapping[str, int] | str]:
    """So many of the things that it says."""
    found: list[Mapping[str, int] | str] = []
    async with contextlib.aclosing(things.observe()) as observed:
        while len(found) < count:
            said = await anext(observed)
            found.append(said.problem if isinstance(said, Away) else said)
    return found


def test_objects_come_change_and_go(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, things: Collection[int]) -> None:
        api.lists = [[listed(thing("a", 1), thing("b", 2))], [listed(thing("d", 5))]]
        added, changed = event("ADDED", thing("c", 3)), event("MODIFIED", thing("a", 4))
        gone, never = event("DELETED", thing("b", 2)), event("DELETED", thing("never-seen", 0))
        api.watches = [[STREAM, added, changed, gone, never, END], [STREAM, 60.0]]
        assert await heard(things, 6) == [
            {"a": 1, "b": 2},
            {"a": 1, "b": 2, "c": 3},
            {"a": 4, "b": 2, "c": 3},
            {"a": 4, "c": 3},
            {"a": 4, "c": 3},
            {"d": 5},
        ]
        assert [target.partition("?")[2].split("&")[0] for target in api.targets[:2]] == ["labelSelector=a%3Db"] * 2

    run(tmp_path, test)


def test_what_was_said_before_stays_as_it_was(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, things: Collection[int]) -> None:
        api.lists = [[listed(thing("a", 1))]]
        api.watches = [[STREAM, event("DELETED", thing("a", 1)), 60.0]]
        assert await heard(things, 2) == [{"a": 1}, {}]

    run(tmp_path, test)


def test_an_object_that_cannot_be_read_is_a_failure_like_any_other(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, things: Collection[int]) -> None:
        api.lists = [[whole({"metadata": {}, "items": [[]]})], [listed(thing("a", 1))]]
        api.watches = [[STREAM, event("MODIFIED", {"value": "one"}), 60.0], [STREAM, 60.0]]
        first, second, third, fourth = await heard(things, 4)
        assert "not what it should be" in first
        assert "not what it should be" in third
        assert second == fourth == {"a": 1}

    run(tmp_path, test)


async def seconds_between_lists(things: Collection[int], count: int) -> list[float]:
    times: list[float] = []
    loop = asyncio.get_running_loop()
    async with contextlib.aclosing(things.observe()) as observed:
        while len(times) < count:
            if not isinstance(await anext(observed), Away):
                times.append(loop.time())
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def test_where_only_the_watch_is_refused_lists_become_rare(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, things: Collection[int]) -> None:
        api.lists, api.watches = [[listed(thing("a", 1))]], [REFUSED]
        gaps = await seconds_between_lists(things, 7)
        # A round that a slow machine draws out starts the doubling anew; not all of them are.
        assert max(gaps) >= QUICK.most / 2

    run(tmp_path, test)


def test_a_watch_that_is_cut_now_and_then_is_tried_again_soon(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, things: Collection[int]) -> None:
        api.lists, api.watches = [[listed(thing("a", 1))]], [[STREAM, 0.2, b""]]
        gaps = await seconds_between_lists(things, 8)
        assert min(gaps[-2:]) < 0.05 * 2**5, "that is where doubling would have come to"

    run(tmp_path, test, Pace(watch=1.0, slack=0.3, between=0.01, first=0.05, most=60.0))


def test_a_nudge_at_the_end_does_not_keep_it_alive(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, things: Collection[int]) -> None:
        api.lists = [REFUSED]

        async def follow() -> None:
            async with contextlib.aclosing(things.observe()) as observed:
                async for _ in observed:
                    pass

        await assert_cancellable(lambda: asyncio.create_task(follow()), things.nudge)

    run(tmp_path, test, Pace(first=600.0, most=600.0))
