"""What goes wrong or changes while requests are open: none is lost that needn't be."""

import asyncio
import contextlib
import json
import os
import pathlib
import signal
import socket
import time
from collections.abc import AsyncIterator

import pytest
from tests.unit.supervisor.clients import Tally, ask, keep_asking
from tests.unit.supervisor.gateways import Gateway, all_gone, running, until

from isochrone_gateway.config.site import Drain
from isochrone_gateway.server.supervisor.supervise import Phase


@contextlib.asynccontextmanager
async def load(gateway: Gateway, *, streams: int, unary: int, pieces: int = 10) -> AsyncIterator[Tally]:
    """Ask all the time; on leaving, let each client finish what it began."""
    tally, stop = Tally(), asyncio.Event()
    paths = [f"/stream?{pieces}"] * streams + ["/"] * unary
    clients = [asyncio.create_task(keep_asking(gateway.data, path, tally, stop)) for path in paths]
    try:
        yield tally
    finally:
        stop.set()
        await asyncio.wait_for(asyncio.gather(*clients), 200)


async def until_async(condition: object, *, limit: float = 120.0) -> None:
    assert callable(condition)
    await asyncio.to_thread(until, condition, limit=limit)


def sequence_of(gateway: Gateway) -> int:
    sequence: int = gateway.status()["config"]["running"]["revision"]["sequence"]
    return sequence


def test_changes_of_the_config_lose_no_request(tmp_path: pathlib.Path) -> None:
    async def test(gateway: Gateway) -> None:
        async with load(gateway, streams=60, unary=4) as tally:
            await until_async(lambda: tally.answers["s1.example.com"] >= 64)
            for sequence in range(2, 22):
                await asyncio.to_thread(gateway.publish, sequence)
                gateway.signal(signal.SIGHUP)
                await until_async(lambda expected=sequence: sequence_of(gateway) == expected)
            await until_async(lambda: tally.answers["s21.example.com"] >= 64)
        assert tally.cut == []
        assert tally.refused_connections == 0
        assert tally.closed_after == tally.unannounced == 0
        assert {"s1.example.com", "s21.example.com"} <= set(tally.answers)

    with running(tmp_path) as gateway:
        pids = gateway.pids()
        asyncio.run(test(gateway))
        assert gateway.pids() == pids, "the same workers all the time"


def busiest(gateway: Gateway, *, connections: int) -> dict[str, int]:
    """The worker with most connections, once both together are known to have so many."""
    workers: list[dict[str, int]] = []

    def all_came() -> bool:
        workers[:] = gateway.status()["workers"]
        return sum(each["connections"] for each in workers) == connections

    until(all_came, log=lambda: gateway.log)
    return max(workers, key=lambda each: each["connections"])


def test_a_killed_worker_costs_only_its_own_connections(tmp_path: pathlib.Path) -> None:
    async def test(gateway: Gateway) -> None:
        async with load(gateway, streams=40, unary=0, pieces=20) as tally:
            victim = await asyncio.to_thread(busiest, gateway, connections=40)
            await until_async(lambda: sum(tally.answers.values()) >= 40)
            before = await asyncio.to_thread(gateway.metric, "test_requests_total")
            os.kill(victim["pid"], signal.SIGKILL)
            await until_async(lambda: all_gone([victim["pid"]]))
            await until_async(lambda: len(gateway.pids() - {victim["pid"]}) == 2)
            # A second of its counts may be lost, but what was told before is never taken back.
            assert await asyncio.to_thread(gateway.metric, "test_requests_total") >= before
        assert 0 < len(tally.cut) <= victim["connections"]
        assert tally.refused_connections == 0
        await asyncio.to_thread(until, lambda: gateway.metric("isochrone_worker_restarts_total") == 1)
        assert await asyncio.to_thread(gateway.is_ready)

    with running(tmp_path) as gateway:
        asyncio.run(test(gateway))


def test_a_restarted_worker_runs_what_the_others_run(tmp_path: pathlib.Path) -> None:
    with running(tmp_path) as gateway:
        gateway.publish(2)
        until(lambda: sequence_of(gateway) == 2)
        before = gateway.pids()
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        until(lambda: all_gone(before))
        until(lambda: len(gateway.pids() - before) == 2)
        until(lambda: gateway.metric("isochrone_workers_ready") == 2)
        assert {gateway.get()[1].split()[0] for _ in range(20)} == {b"s2.example.com"}
        assert float(gateway.get("/age")[1]) < 60


def test_a_drain_loses_nothing(tmp_path: pathlib.Path) -> None:
    """Not ready at once, still accepting while it announces that, then closing after each answer."""

    async def test(gateway: Gateway) -> None:
        async with load(gateway, streams=60, unary=4, pieces=40) as tally:
            await until_async(lambda: tally.answers["s1.example.com"] >= 64)
            gateway.signal(signal.SIGTERM)
            assert await asyncio.to_thread(seen_meanwhile, gateway) in ([503, True, 1.0], "too late")
            assert await asyncio.to_thread(gateway.wait) == 0
        assert tally.cut == []
        assert tally.closed_after + tally.unannounced >= 64
        assert tally.refused_connections == 64, "each came back after the end, and only then"
        assert set(tally.answers) == {"s1.example.com"}

    with running(tmp_path, drain=Drain(announce_ms=1000, max_ms=100_000)) as gateway:
        pids = gateway.pids()
        asyncio.run(test(gateway))
        assert all_gone(pids)
        entered = [line for line in map(json.loads, gateway.log.splitlines()) if line["event"] == "PhaseEntered"]
        assert [line["phase"] for line in entered] == [Phase.ANNOUNCING, Phase.CLOSING]
        assert entered[1]["at"] - entered[0]["at"] > 0.9, "it was announced for as long as the config says"


def seen_meanwhile(gateway: Gateway) -> list[float] | str:
    """What is seen while the end is announced: readiness, whether a new connection is served, and the metric.

    On a machine that stands still it may be over before that.
    """
    until(lambda: f'"phase":"{Phase.ANNOUNCING}"' in gateway.log, log=lambda: gateway.log)
    seen: list[float] = []
    with contextlib.suppress(OSError):
        seen.append(gateway.admin_get("/readyz")[0])
        seen.append(gateway.runs("s1.example.com"))
        seen.append(gateway.metric("isochrone_draining"))
    return "too late" if f'"phase":"{Phase.CLOSING}"' in gateway.log else seen


async def stream(gateway: Gateway, pieces: int) -> tuple[bytes, float]:
    """The body of one stream, and how long it took."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.data)
    with contextlib.closing(writer):
        answer = await asyncio.wait_for(ask(reader, writer, f"/stream?{pieces}"), 150)
    return answer.body, time.monotonic() - began


@pytest.mark.parametrize(
    ("limits", "signals"),
    [
        pytest.param(Drain(announce_ms=100, max_ms=700), 1, id="its time is up"),
        pytest.param(Drain(announce_ms=60_000, max_ms=60_000), 2, id="a second SIGTERM"),
    ],
)
def test_what_is_open_at_the_end_of_a_drain_ends_with_an_error(
    tmp_path: pathlib.Path, limits: Drain, signals: int
) -> None:
    async def test(gateway: Gateway) -> None:
        streams = [asyncio.create_task(stream(gateway, 10_000)) for _ in range(10)]
        await until_async(lambda: gateway.tells("test_requests_total 10"))
        gateway.signal(signal.SIGTERM)
        if signals == 2:  # Of two that come at once, a process may see but one.
            await until_async(lambda: Phase.ANNOUNCING in gateway.log)
            gateway.signal(signal.SIGTERM)
        for body, took in await asyncio.gather(*streams):
            assert body.endswith(b"piece\ninterrupted\n")
            assert took < 100, "by themselves they would have taken twice as long"
        assert await asyncio.to_thread(gateway.wait) == 0

    with running(tmp_path, drain=limits) as gateway:
        asyncio.run(test(gateway))


def can_be_bound(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def test_workers_outlive_a_killed_supervisor_just_long_enough(tmp_path: pathlib.Path) -> None:
    async def test(gateway: Gateway) -> None:
        open_streams = [asyncio.create_task(stream(gateway, 60)) for _ in range(10)]
        await until_async(lambda: gateway.tells("test_requests_total 10"))
        gateway.process.kill()
        gateway.wait()
        # The address is free for the next gateway while the last answers are still being given.
        await until_async(lambda: can_be_bound(gateway.data))
        for body, _ in await asyncio.gather(*open_streams):
            assert body.endswith(b"s1.example.com")

    with running(tmp_path) as gateway:
        pids = gateway.pids()
        asyncio.run(test(gateway))
        until(lambda: all_gone(pids))


def test_a_gateway_whose_workers_cannot_start_gives_up(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, publish=False, plane="tests.unit.supervisor.plane:Missing") as gateway:
        gateway.publish(1)
        assert gateway.wait(300) == 1
        assert "has no attribute 'Missing'" in gateway.log
        assert "NoWorkerRuns" in gateway.log


def test_a_crash_costs_the_request_and_not_the_gateway(tmp_path: pathlib.Path) -> None:
    with running(tmp_path, workers=1) as gateway:
        for _ in range(3):
            with pytest.raises(OSError, match=r"closed|reset"):
                gateway.get("/crash")
            until(lambda: gateway.metric("isochrone_workers_ready") == 1)
            assert gateway.runs("s1.example.com")
        assert gateway.metric("isochrone_worker_restarts_total") == 3
        assert '"status":17' in gateway.log
