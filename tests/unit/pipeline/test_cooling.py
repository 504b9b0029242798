"""Backends that say when to come back, and those that are left alone: who is asked meanwhile, and what clients hear."""

import asyncio
import pathlib
from collections.abc import Callable

import pytest
from tests.unit.pipeline.harness import (
    Backend,
    Gateway,
    backends,
    config,
    of_engines,
    provider,
    provider_candidate,
    route,
    run,
    serving,
)
from tests.unit.pipeline.talk import Answer, ask, post

from isochrone_gateway.config import Config
from isochrone_gateway.config.routes import Retry
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import Received
from isochrone_gateway.upstream.scripts import Script

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
ONCE = Retry(attempts=1)


def limited(header: str) -> Script:
    return scripts.answer(b"{}", status=429, headers=f"content-type: application/json\r\n{header}\r\n".encode())


def of_providers(*found: Backend, retry: Retry = ONCE) -> Config:
    """One tier for each provider, each with one key."""
    names = [f"ai-{number}" for number in range(len(found))]
    return config(
        providers=tuple(provider(name, each.port, keys=["key"]) for name, each in zip(names, found, strict=True)),
        routes=(route(*([provider_candidate(name)] for name in names), retry=retry),),
    )


def keys_in(folder: pathlib.Path) -> pathlib.Path:
    for number in range(2):
        (folder / f"ai-{number}").mkdir()
        (folder / f"ai-{number}" / "key").write_text(f"key-{number}")
    return folder


def first_then(first: Script) -> Callable[[Received], Script]:
    """Answer so once, and well from then on."""
    left = [first]
    return lambda _: left.pop() if left else GOOD


async def until_answered(gateway: Gateway) -> Answer:
    async with asyncio.timeout(60):
        while (answer := await ask(gateway, post(BODY))).status != 200:  # noqa: ASYNC110 - time has no event
            await asyncio.sleep(0.01)
    return answer


# Limits of a provider.


@pytest.mark.parametrize("header", ["retry-after: 30", "retry-after-ms: 30000"])
def test_a_provider_is_not_asked_before_the_time_that_it_said(tmp_path: pathlib.Path, header: str) -> None:
    async def scenario() -> None:
        async with (
            backends(limited(header)) as [found],
            serving(of_providers(found), secrets=keys_in(tmp_path)) as gateway,
        ):
            first = await ask(gateway, post(BODY))
            more = [await ask(gateway, post(BODY)) for _ in range(3)]

        assert (first.status, first.code, first.headers["retry-after"]) == (429, "rate_limit_exceeded", "30")
        assert "x-should-retry" not in first.headers
        assert {(each.status, each.code) for each in more} == {(503, "no_capacity")}
        assert all(1 <= int(each.headers["retry-after"]) <= 30 for each in more)
        assert len(found.asked) == 1

    run(scenario())


def test_a_provider_is_asked_again_when_its_time_has_come(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        times: list[float] = []
        answers = first_then(limited("retry-after-ms: 500"))

        def timed(request: Received) -> Script:
            times.append(loop.time())
            return answers(request)

        async with (
            backends(timed) as [found],
            serving(of_providers(found), secrets=keys_in(tmp_path)) as gateway,
        ):
            assert (await ask(gateway, post(BODY))).status == 429
            await until_answered(gateway)

        first, second = times
        assert second - first >= 0.5

    run(scenario())


def test_a_provider_that_does_not_say_when_rests_all_the_same(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with (
            backends(first_then(limited("x-other: 1"))) as [found],
            serving(of_providers(found), secrets=keys_in(tmp_path)) as gateway,
        ):
            first = await ask(gateway, post(BODY))
            await until_answered(gateway)

        assert (first.status, first.headers["x-should-retry"]) == (429, "false")
        assert "retry-after" not in first.headers
        assert len(found.asked) == 2

    run(scenario())


def test_meanwhile_the_next_provider_is_asked_at_once(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with backends(limited("retry-after: 30"), GOOD) as found:
            made = of_providers(*found, retry=Retry(attempts=3))
            async with serving(made, secrets=keys_in(tmp_path)) as gateway:
                answers = [await ask(gateway, post(BODY)) for _ in range(4)]

        assert [answer.status for answer in answers] == [200] * 4
        assert [answer.headers["x-isochrone-attempts"] for answer in answers] == ["2", "1", "1", "1"]
        assert [len(each.asked) for each in found] == [1, 4]

    run(scenario())


@pytest.mark.parametrize("waits", [(30, 90), (90, 30)])
def test_where_all_are_limited_the_first_that_is_free_says_when(tmp_path: pathlib.Path, waits: tuple[int, int]) -> None:
    async def scenario() -> None:
        async with backends(*(limited(f"retry-after: {wait}") for wait in waits)) as found:
            made = of_providers(*found, retry=Retry(attempts=3))
            async with serving(made, secrets=keys_in(tmp_path)) as gateway:
                answer = await ask(gateway, post(BODY))

        assert answer.status == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        assert [len(each.asked) for each in found] == [1, 1]

    run(scenario())


def test_an_engine_that_is_limited_has_no_key_to_rest() -> None:
    """It says how it is with each request: some of them are small enough."""

    async def scenario() -> None:
        async with (
            backends(first_then(limited("retry-after: 30"))) as found,
            serving(of_engines(found, route={"retry": ONCE})) as gateway,
        ):
            first, second = [await ask(gateway, post(BODY)) for _ in range(2)]

        assert (first.status, first.headers["retry-after"], second.status) == (429, "30", 200)

    run(scenario())


# Engines that fail.


def test_who_fails_again_and_again_is_left_alone_and_clients_hear_for_how_long() -> None:
    async def scenario() -> None:
        async with (
            backends(scripts.server_error(500)) as [found],
            serving(of_engines([found], route={"retry": ONCE}), probing=60.0) as gateway,
        ):
            answers = [await ask(gateway, post(BODY)) for _ in range(50)]

        failed = [answer for answer in answers if answer.code == "upstream_failed"]
        spared = [answer for answer in answers if answer.code == "no_capacity"]
        assert len(failed) + len(spared) == 50
        assert [answer.code for answer in answers[:5]] == ["upstream_failed"] * 5
        assert len(found.asked) == len(failed)
        assert spared
        assert {answer.status for answer in spared} == {503}
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in spared)
        assert all("x-should-retry" not in answer.headers for answer in spared), "these may come again"

    run(scenario())


def test_who_is_well_again_is_found_again() -> None:
    async def scenario() -> None:
        is_well: list[bool] = []

        def answer(_: Received) -> Script:
            return GOOD if is_well else scripts.server_error(500)

        async with (
            backends(answer) as [found],
            serving(of_engines([found], route={"retry": ONCE}), probing=60.0) as gateway,
        ):
            while (await ask(gateway, post(BODY))).code != "no_capacity":
                pass
            is_well.append(True)
            await until_answered(gateway)
            assert (await until_answered(gateway)).status == 200
            (state,) = gateway.plane.describe()["engines"].values()
            assert state["breaker"] == "Closed"

    run(scenario())
