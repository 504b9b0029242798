"""Probes: what is found of engines in every state."""

import asyncio

import pytest
from tests.unit.upstream.harness import PATIENT, Session, run

from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import FakeUpstream, Received
from isochrone_gateway.upstream.load import EngineLoad
from isochrone_gateway.upstream.probes import Observation, Probe, Prober, ProbeSettings
from isochrone_gateway.upstream.scripts import Script
from isochrone_gateway.upstream.target import Timeouts

METRICS = (
    b'vllm:num_requests_running{m="x"} 3\nvllm:num_requests_waiting{m="x"} 2\nvllm:kv_cache_usage_perc{m="x"} 0.5\n'
)
LOAD = EngineLoad(waiting=2, running=3, kv_use=0.5)
BRIEF = Timeouts(connect=300, first_byte=0.2, idle=300, total=300)
HANG = scripts.hang()


def engine(health: Script, metrics: Script) -> FakeUpstream:
    return FakeUpstream(lambda request: health if request.path == b"/health" else metrics)


def prober(
    session: Session,
    found: list[Observation],
    *,
    interval: float = 1.0,
    at_once: int = 32,
    timeouts: Timeouts = PATIENT,
) -> Prober:
    loop = asyncio.get_running_loop()
    made = ProbeSettings(timeouts=timeouts, interval=interval, at_once=at_once)
    return Prober(session.pool, found.append, random=lambda: 0.5, clock=loop.time, settings=made)


def probe(session: Session, key: str = "pod-0", metrics_path: str | None = "/metrics") -> Probe:
    return Probe(key=key, target=session.target(), health_path="/health", metrics_path=metrics_path)


OK = scripts.answer(b"")
PAGE = scripts.answer(METRICS, headers=b"content-type: text/plain\r\n")


@pytest.mark.parametrize(
    ("health", "metrics", "problem", "load"),
    [
        pytest.param(OK, PAGE, "", LOAD, id="well"),
        pytest.param(OK, scripts.server_error(404), "", None, id="no metrics"),
        pytest.param(OK, scripts.answer(b"hi"), "", None, id="strange metrics"),
        pytest.param(OK, scripts.reset_at_once(), "", None, id="metrics fail"),
        pytest.param(scripts.server_error(503), PAGE, "status 503", None, id="loading"),
        pytest.param(scripts.answer(b"", status=302), PAGE, "status 302", None, id="a redirect is not followed"),
        pytest.param(HANG, PAGE, "first_byte_timeout: no answer within 0.2 s", None, id="hangs"),
        pytest.param(scripts.raw(b"junk\r\n"), PAGE, "protocol:", None, id="not HTTP"),
        pytest.param(scripts.answer_bytes(5_000_000), PAGE, "protocol: the answer is over", None, id="endless"),
    ],
)
def test_asking_once(health: Script, metrics: Script, problem: str, load: EngineLoad | None) -> None:
    async def work() -> None:
        async with Session(engine(health, metrics)) as session:
            asking = prober(session, [], timeouts=BRIEF if health is HANG else PATIENT)
            observation = await asking.ask(probe(session))
            assert (observation.key, observation.is_well, observation.load) == ("pod-0", not problem, load)
            assert observation.problem.startswith(problem)
            assert bool(observation.problem) == bool(problem)
            assert 0 <= observation.seconds < 60

    run(work())


def test_metrics_are_not_asked_for_without_a_path() -> None:
    async def work() -> None:
        async with Session(engine(OK, PAGE)) as session:
            observation = await prober(session, []).ask(probe(session, metrics_path=None))
            assert (observation.is_well, observation.load) == (True, None)
            assert [request.path for request in session.upstream.requests] == [b"/health"]

    run(work())


def test_asking_again_and_again_on_one_connection() -> None:
    async def work() -> None:
        async with Session(engine(OK, PAGE)) as session:
            found: list[Observation] = []
            asking = prober(session, found, interval=0.02)
            asking.watch([probe(session)])
            await session.upstream.wait(lambda: len(session.upstream.requests) >= 8)
            await asking.close()
            assert len(found) >= 3
            assert all(observation.is_well for observation in found)
            assert [one.at for one in found] == sorted(one.at for one in found)
            assert len(session.upstream.connections) == 1
            asked = len(session.upstream.requests)
            await asyncio.sleep(0.1)
            assert len(session.upstream.requests) == asked

    run(work())


def test_intervals_are_drawn() -> None:
    async def work() -> None:
        async with Session(engine(OK, PAGE)) as session:
            settings = ProbeSettings(timeouts=PATIENT, interval=60, jitter=0.9999)
            clock = asyncio.get_running_loop().time
            asking = Prober(session.pool, lambda _: None, random=lambda: 0.0, clock=clock, settings=settings)
            asking.watch([probe(session)])
            await session.upstream.wait(
                lambda: len(session.upstream.requests) >= 6, seconds=60
            )  # Else the third comes after two minutes.
            await asking.close()

    run(work())


def test_changing_what_is_watched() -> None:
    async def work() -> None:
        async with Session(engine(OK, PAGE)) as session:
            found: list[Observation] = []
            asking = prober(session, found, interval=0.02)
            one, other = probe(session, "one"), probe(session, "other")
            asking.watch([one])
            await session.upstream.wait(lambda: len(session.upstream.requests) >= 4)
            task = asking._tasks[one]
            asking.watch([one, other])
            assert asking._tasks[one] is task
            await session.upstream.wait(lambda: len(session.upstream.requests) >= 12)
            asking.watch([other])
            await asyncio.sleep(0.05)
            found.clear()
            await session.upstream.wait(lambda: len(found) >= 3)
            assert {observation.key for observation in found} == {"other"}
            await asking.close()

    run(work())


def test_only_so_many_questions_at_once() -> None:
    async def work() -> None:
        now = most = 0

        def choose(_: Received) -> Script:
            nonlocal now, most
            now += 1
            most = max(most, now)
            asyncio.get_running_loop().call_later(0.02, finished)
            return scripts.slow_head(0.02, b"")

        def finished() -> None:
            nonlocal now
            now -= 1

        async with Session(FakeUpstream(choose)) as session:
            asking = prober(session, [], interval=10, at_once=2)
            asking.watch([probe(session, f"pod-{number}", None) for number in range(8)])
            await session.upstream.wait(lambda: len(session.upstream.requests) == 8)
            await asking.close()
            assert most <= 3  # Two, and one that has just ended here but not there.

    run(work())


def test_closing_in_the_middle_of_a_question() -> None:
    async def work() -> None:
        async with Session(engine(scripts.hang(), PAGE)) as session:
            settings = ProbeSettings(timeouts=PATIENT)
            clock = asyncio.get_running_loop().time
            asking = Prober(session.pool, lambda _: None, random=lambda: 0.5, clock=clock, settings=settings)
            asking.watch([probe(session)])
            await session.upstream.wait(lambda: len(session.upstream.requests) == 1)
            await asking.close()
            await session.upstream.wait(lambda: session.upstream.open == 0)

    run(work())
