"""Signals that come to a process with several threads, at any time."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from isochrone_gateway.server.supervisor.signals import heeding

HEEDED = (signal.SIGHUP, signal.SIGTERM)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """The signals of this process are as they were, afterwards."""
    before = {number: signal.getsignal(number) for number in HEEDED}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


async def _heard(*sent: signal.Signals) -> list[str]:
    found: list[str] = []
    with heeding({signal.SIGHUP: lambda: found.append("reload"), signal.SIGTERM: lambda: found.append("stop")}):
        for number in sent:
            os.kill(os.getpid(), number)
            await asyncio.sleep(0.01)
    for number in HEEDED:
        os.kill(os.getpid(), number)
    await asyncio.sleep(0.01)
    return found


def test_each_is_acted_on_in_order_and_none_afterwards() -> None:
    assert asyncio.run(_heard(signal.SIGHUP, signal.SIGTERM, signal.SIGHUP)) == ["reload", "stop", "reload"]


def test_one_that_comes_to_another_thread_wakes_the_loop() -> None:
    async def heard() -> None:
        happened = asyncio.Event()
        with heeding({signal.SIGHUP: happened.set}):
            thread = threading.Thread(target=lambda: signal.pthread_kill(threading.get_ident(), signal.SIGHUP))
            thread.start()
            await asyncio.wait_for(happened.wait(), 30)
            thread.join()

    asyncio.run(heard())


def test_others_keep_their_handlers() -> None:
    found: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, _: found.append(number))
    try:
        assert asyncio.run(_heard(signal.SIGUSR1, signal.SIGHUP)) == ["reload"]
        assert found == [signal.SIGUSR1]
    finally:
        signal.signal(signal.SIGUSR1, before)


_LIVES_WITH_A_THREAD = """
import asyncio, signal, sys, threading
from isochrone_gateway.server.supervisor.signals import heeding

async def live():
    await asyncio.to_thread(lambda: None)  # an idle thread of the loop's executor, that takes signals too
    for _ in range(300):
        with heeding({signal.SIGHUP: lambda: None}):
            print("ready", flush=True)
            await asyncio.sleep(0)

signal.signal(signal.SIGHUP, signal.SIG_IGN)
asyncio.run(live())
"""


def test_none_kills_a_process_that_ceases_to_heed_it() -> None:
    process = subprocess.Popen([sys.executable, "-c", _LIVES_WITH_A_THREAD], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        drained = threading.Thread(target=process.stdout.read)
        drained.start()
        while process.poll() is None:
            process.send_signal(signal.SIGHUP)
        drained.join()
    assert process.returncode == 0
