"""Two hundred streams, and what goes wrong or changes meanwhile: no request is lost, and no answer is cut.

A request that an engine had not begun to answer is answered by another one. A stream that was begun by an engine that
dies ends with an error frame, since what is left of it is nobody's to know. Everything else isn't noticed at all.
"""

import asyncio
import functools
import pathlib
import signal
from typing import Any

from tests.faults.clients import Tally, asking
from tests.faults.gateways import LIMIT, Site, running, until_async
from tests.unit.supervisor.gateways import all_gone

from isochrone_gateway.config.routes import Timeouts
from isochrone_gateway.config.site import Drain

CLIENTS = 210
"""Two hundred of them ask for streams."""
CHANGES: list[dict[str, Any]] = [
    {},
    {"timeouts": Timeouts(first_byte_ms=500_000, idle_ms=500_000, total_ms=500_000)},
    {"routes": 20},
    {"cache_salt": True},
]
"""What differs from one config to the next: nothing but its name, a route's settings, the routes, an engine pool."""


async def under_load(site: Site, tally: Tally, *, answers: int = 250) -> None:
    """Wait for so many more answers: each client has streams behind it, and one under way."""
    enough = tally.answered + answers
    await until_async(lambda: tally.answered >= enough or bool(tally.problems()))
    assert tally.problems() == [], site.log


async def until_turned_away(tally: Tally) -> None:
    """Wait until each client has found that nobody listens any more."""
    await until_async(lambda: tally.turned_away == CLIENTS or bool(tally.problems()))


async def reload(site: Site, times: int) -> None:
    """Change the config so often, each time when the one before runs; a gateway that ends takes no more."""
    for number in range(times):
        sequence = await asyncio.to_thread(site.use, **CHANGES[number % len(CHANGES)])
        site.signal(signal.SIGHUP)
        await until_async(functools.partial(site.runs_or_has_ended, sequence))


def test_a_killed_engine_costs_only_the_streams_that_it_had_begun(tmp_path: pathlib.Path) -> None:
    async def test(site: Site) -> None:
        async with asking(site.data) as tally:
            await under_load(site, tally)
            site.engines[0].kill()
            await under_load(site, tally, answers=500)
            site.restart(0)
            await until_async(lambda: tally.whole["engine-0-again"] > 0)
        assert tally.problems() == []
        assert 0 < tally.broken["engine-0 stream_interrupted"] <= 200
        assert set(tally.broken) == {"engine-0 stream_interrupted"}
        assert tally.turned_away == 0
        assert min(tally.whole[name] for name in ("engine-0", "engine-1", "engine-2")) > 0

    with running(tmp_path) as site:
        asyncio.run(test(site))


def test_a_hundred_changes_of_the_config_are_not_noticed(tmp_path: pathlib.Path) -> None:
    async def test(site: Site) -> None:
        async with asking(site.data) as tally:
            await under_load(site, tally)
            await reload(site, 100)
            await under_load(site, tally)
        assert tally.problems() == []
        assert tally.broken.total() == tally.turned_away == tally.announced == 0
        assert site.sequence() == 101

    with running(tmp_path) as site:
        pids = site.pids()
        asyncio.run(test(site))
        assert site.pids() == pids, "the same workers all the time"


def test_a_drain_loses_and_cuts_nothing(tmp_path: pathlib.Path) -> None:
    async def test(site: Site) -> None:
        async with asking(site.data) as tally:
            await under_load(site, tally)
            site.signal(signal.SIGTERM)
            await until_async(lambda: not site.is_ready())
            assert await asyncio.to_thread(site.wait, LIMIT) == 0
            await until_turned_away(tally)
        assert tally.problems() == []
        assert tally.broken.total() == tally.ended == 0
        assert tally.announced == tally.turned_away == CLIENTS, "each knew that its last answer was the last"

    with running(tmp_path) as site:
        pids = site.pids()
        asyncio.run(test(site))
        assert all_gone(pids)


def test_what_is_open_when_the_drain_is_over_ends_with_an_error(tmp_path: pathlib.Path) -> None:
    async def test(site: Site) -> None:
        async with asking(site.data, unary=0) as tally:
            await under_load(site, tally)
            site.signal(signal.SIGTERM)
            await until_async(lambda: not site.is_ready())
            site.signal(signal.SIGTERM)
            assert await asyncio.to_thread(site.wait, LIMIT) == 0
        assert tally.problems() == []
        assert {key.split()[1] for key in tally.broken} == {"draining"}
        assert tally.broken.total() + tally.ended >= 200

    # Nothing closes before the second signal, however late that is.
    with running(tmp_path, drain=Drain(announce_ms=600_000, max_ms=600_000)) as site:
        asyncio.run(test(site))


def test_all_of_it_at_once(tmp_path: pathlib.Path) -> None:
    async def test(site: Site) -> None:
        async with asking(site.data) as tally:
            await under_load(site, tally)
            reloading = asyncio.create_task(reload(site, 100))
            await under_load(site, tally)
            site.engines[0].kill()
            await under_load(site, tally)
            site.signal(signal.SIGTERM)
            assert await asyncio.to_thread(site.wait, LIMIT) == 0
            await reloading
            await until_turned_away(tally)
        assert tally.problems() == []
        assert set(tally.broken) == {"engine-0 stream_interrupted"}
        assert tally.turned_away == CLIENTS

    with running(tmp_path, drain=Drain(announce_ms=1_000, max_ms=600_000)) as site:
        asyncio.run(test(site))
