"""The Kubernetes source against an API server that misbehaves: each wait ends, each failure has its answer."""

import asyncio
import contextlib
import itertools
import pathlib
from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest
from tests.unit.source.scripted_api import (
    END,
    STREAM,
    Answer,
    ScriptedApi,
    config_map,
    event,
    listed,
    serving,
    whole,
)

from isochrone_gateway.source import kube_api
from isochrone_gateway.source.credentials import ServiceAccount
from isochrone_gateway.source.kube_api import ApiClient, ApiError
from isochrone_gateway.source.kube_watch import Pace
from isochrone_gateway.source.kubernetes import KubernetesSource
from isochrone_gateway.source.reading import Away, Seen

QUICK = Pace(watch=1.0, slack=0.3, between=0.01, first=0.05, most=0.4)
BOOKMARK = event("BOOKMARK", {"metadata": {"resourceVersion": "11"}})
Said = AsyncGenerator[Seen | Away, None]


def run(folder: pathlib.Path, test: Callable[[ScriptedApi, ServiceAccount], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20), serving(folder) as (api, account):
            await test(api, account)

    asyncio.run(bounded())


def observing(account: ServiceAccount, pace: Pace = QUICK) -> contextlib.aclosing[Said]:
    return contextlib.aclosing(KubernetesSource(account, "index", pace=pace, chance=lambda: 0.5).observe())


def said(what: Seen | Away) -> str:
    return what.index.decode() if isinstance(what, Seen) else f"away: {what.problem}"


def test_events_and_bookmarks(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        api.lists = [[listed(b"one")]]
        modified = event("MODIFIED", config_map(b"two", "12"))
        deleted = event("DELETED", config_map(b"two", "13"))
        api.watches = [[STREAM, BOOKMARK, modified[:20], 0.05, modified[20:], deleted, 60.0]]
        async with observing(account, Pace()) as observed:
            heard = [said(await anext(observed)) for _ in range(4)]
        assert heard[:3] == ["one", "one", "two"]
        assert heard[3].startswith("away: there is no ConfigMap index")
        assert "resourceVersion=10" in api.targets[1]
        assert "timeoutSeconds=27" in api.targets[1]

    run(tmp_path, test)


@pytest.mark.parametrize(
    "watch",
    [
        pytest.param([STREAM, event("ERROR", {"code": 410, "message": "too old"}), 60.0], id="in an event"),
        pytest.param([whole({"message": "too old"}, 410)], id="as an answer"),
        pytest.param([STREAM, END], id="the watch ended"),
    ],
)
def test_a_watch_that_is_over_is_listed_again_without_being_away(tmp_path: pathlib.Path, watch: Answer) -> None:
    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        api.lists = [[listed(b"one")], [listed(b"two", "20")]]
        api.watches = [watch, [STREAM, 60.0]]
        async with observing(account) as observed:
            assert [said(await anext(observed)) for _ in range(2)] == ["one", "two"]

    run(tmp_path, test)


@pytest.mark.parametrize(
    ("watch", "problem"),
    [
        pytest.param([STREAM, 60.0], "no answer in time", id="silent"),
        pytest.param([STREAM, event("BOOKMARK", {}), b""], "closed the connection", id="cut off"),
        pytest.param([b""], "closed the connection", id="no answer"),
        pytest.param([STREAM, b"zz\r\n"], "nvalid", id="bad chunk"),
        pytest.param([STREAM, b"3\r\n{]\n\r\n", 60.0], "is not what it should be", id="bad JSON"),
        pytest.param([STREAM, event("ERROR", {"code": 500, "message": "etcd is gone"})], "etcd is gone", id="error"),
        pytest.param([whole({"message": "slow down"}, 429)], "slow down", id="refused"),
        pytest.param([whole(b"<html>", 502, close=True)], "<html>", id="a proxy's answer"),
    ],
)
def test_a_watch_that_fails_is_away(tmp_path: pathlib.Path, watch: Answer, problem: str) -> None:
    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        api.lists = [[listed(b"one")]]
        api.watches = [watch, watch, [STREAM, 60.0]]
        async with observing(account) as observed:
            heard = [said(await anext(observed)) for _ in range(2)]
            while not heard[-1].startswith("away"):
                heard.append(said(await anext(observed)))
            assert problem in heard[-1]
            assert said(await anext(observed)) == "one", "listed again"

    run(tmp_path, test)


def test_failures_in_a_row_wait_longer_each_time_and_a_nudge_ends_the_wait(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        api.lists = [[whole({"message": "no"}, 500)]]
        loop = asyncio.get_running_loop()
        source = KubernetesSource(account, "index", pace=QUICK, chance=lambda: 0.0)
        times = []
        async with contextlib.aclosing(source.observe()) as observed:
            for _ in range(6):
                await anext(observed)
                times.append(loop.time())
            gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
            for gap, least in zip(gaps, [0.05, 0.1, 0.2, 0.4, 0.4], strict=True):
                assert least <= gap < least + 0.3
        slow = KubernetesSource(account, "index", pace=Pace(first=600.0, most=600.0))
        async with contextlib.aclosing(slow.observe()) as observed:
            await anext(observed)
            slow.nudge()
            await asyncio.wait_for(anext(observed), 5)

    run(tmp_path, test)


def test_answers_and_lines_are_bounded(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_api, "_MAX_ANSWER", 100_000)
    monkeypatch.setattr(kube_api, "_MAX_HEAD", 20_000)

    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        client = ApiClient(account, limit=5.0)
        api.lists = [[whole(b" " * 100_001)], [b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000, 60.0]]
        with pytest.raises(ApiError, match="an answer of more than"):
            await client.get("/x")
        with pytest.raises(ApiError, match="head of the answer has no end"):
            await client.get("/x")
        api.watches = [[STREAM, b"%x\r\n%b\r\n" % (200_000, b" " * 200_000), 60.0]]
        with pytest.raises(ApiError, match="a line of more than"):
            await anext(client.watch("/x", {}, silence=5.0))
        client.close()

    run(tmp_path, test)


def test_a_connection_is_kept_and_a_dead_one_replaced(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        client = ApiClient(account)
        api.lists = [[whole(b"1")], [whole(b"2")], [whole(b"3"), b""], [whole(b"4")]]
        assert [await client.get("/x") for _ in range(3)] == [b"1", b"2", b"3"]
        assert api.connections == 1
        await asyncio.sleep(0.05)
        assert await client.get("/x") == b"4"
        assert api.connections == 2
        client.close()

    run(tmp_path, test)


def test_another_authority_is_not_believed(tmp_path: pathlib.Path) -> None:
    async def test(api: ScriptedApi, account: ServiceAccount) -> None:
        api.lists = [[listed(b"one")]]
        other = tmp_path / "other"
        other.mkdir()
        async with serving(other):
            (account.folder / "ca.crt").write_bytes((other / "ca.crt").read_bytes())
            async with observing(account) as observed:
                assert "certificate verify failed" in said(await anext(observed))
        assert api.targets == []

    run(tmp_path, test)
