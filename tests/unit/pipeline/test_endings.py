"""How requests end before their time: clients that go, slow readers, engines that come late, gateways that stop."""

import asyncio
import contextlib
import json

import pytest
from tests.unit.pipeline.harness import PATIENT, Backend, Gateway, backends, of_engines, run, serving, tenant, until
from tests.unit.pipeline.talk import ask, post, talking

from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.routes import Queue, Retry
from isochrone_gateway.config.site import Limits
from isochrone_gateway.ledger.record import Outcome
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import Received
from isochrone_gateway.upstream.scripts import Repeat, Script, Send

GOOD = scripts.answer(b"{}")
BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'


@pytest.mark.parametrize(
    ("script", "body", "is_begun"),
    [
        pytest.param(scripts.hang(), BODY, False, id="before-the-answer"),
        pytest.param(scripts.hang(), STREAM, False, id="before-the-first-token"),
        pytest.param(scripts.hang_mid_stream([DELTA]), STREAM, True, id="mid-stream"),
        pytest.param(
            Script((Send(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), *scripts.hang().steps)),
            BODY,
            False,
            id="mid-body",
        ),
    ],
)
def test_a_client_that_goes_takes_its_upstream_call_with_it_at_once(
    script: Script, body: bytes, is_begun: bool
) -> None:
    async def scenario() -> None:
        async with backends(script) as [found], serving(of_engines([found], route=PATIENT), probing=60.0) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(body))
                await found.wait(lambda: len(found.asked) == 1)
                if is_begun:
                    await talk.head()
                    await talk.chunk()
                calling = found.connections[-1]
                assert calling.closed is None
            await found.wait(lambda: calling.closed is not None, seconds=30)

            record = await gateway.record()
            assert (record.outcome, record.status) == (Outcome.CLIENT_GONE, 499)
            assert gateway.plane.services.open == set()
            assert gateway.plane.services.memory.used == 0

    run(scenario())


def test_a_half_sent_body_of_a_client_that_goes_is_forgotten() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found])) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(BODY, headers={"content-length": "1000"}))
                await until(lambda: gateway.plane.services.memory.used == 1000)
            record = await gateway.record()

            assert record.outcome is Outcome.CLIENT_GONE
            assert gateway.plane.services.memory.used == 0
            assert found.asked == []

    run(scenario())


def test_a_slow_reader_pauses_its_upstream() -> None:
    async def scenario() -> None:
        piece = scripts.frame(b'{"choices":[{"index":0,"delta":{"content":"%b"}}]}' % (b"x" * 60_000))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        flood = Script((Send(head), Repeat(piece, 1_000), Send(scripts.frame(b"[DONE]") + b"0\r\n\r\n")))
        async with backends(flood) as [found], serving(of_engines([found])) as gateway:
            async with talking(gateway) as talk:
                talk.writer.transport.pause_reading()  # type: ignore[attr-defined] # it is a full transport
                talk.send(post(STREAM))
                await found.wait(lambda: len(found.asked) == 1)
                (handling,) = gateway.plane.services.open
                await until(lambda: handling._attempt is not None and handling._attempt._size > 0)
                attempt = handling._attempt
                assert attempt is not None
                sizes = [-1]
                async with asyncio.timeout(60):
                    while attempt._size != sizes[-1]:  # It comes to rest.
                        sizes.append(attempt._size)
                        await asyncio.sleep(0.3)
                assert sizes[-1] < 30_000_000
                talk.writer.transport.resume_reading()  # type: ignore[attr-defined] # as above
                tail = b""
                while b"[DONE]" not in tail:
                    tail = tail[-16:] + await talk.reader.read(1 << 20)

            assert (await gateway.record()).bytes_out > 60_000_000

    run(scenario())


def test_a_request_waits_for_an_engine_to_become_ready() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            found.is_well = False
            async with serving(of_engines([found])) as gateway:
                asking = asyncio.create_task(ask(gateway, post(BODY)))
                await until(lambda: gateway.plane.describe()["held"] == {"lab/chat": 1})
                found.is_well = True
                assert (await asking).status == 200
                assert gateway.plane.describe()["held"] == {}

    run(scenario())


def test_it_waits_no_longer_than_the_route_says() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            found.is_well = False
            made = of_engines([found], route={"queue": Queue(max_requests=1, max_wait_ms=100)})
            async with serving(made) as gateway:
                answer = await ask(gateway, post(BODY))

            assert (answer.status, answer.code) == (503, "no_capacity")
            assert found.asked == []

    run(scenario())


def test_who_goes_while_waiting_leaves_the_queue() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found]:
            found.is_well = False
            async with serving(of_engines([found])) as gateway:
                async with talking(gateway) as talk:
                    talk.send(post(BODY))
                    await until(lambda: gateway.plane.describe()["held"] != {})
                assert (await gateway.record()).outcome is Outcome.CLIENT_GONE
                assert gateway.plane.describe()["held"] == {}

    run(scenario())


def test_who_goes_during_a_backoff_is_not_tried_for_again() -> None:
    async def scenario() -> None:
        slow = {"retry": Retry(backoff_base_ms=200, backoff_max_ms=200, jitter_percent=0)}
        async with backends(scripts.server_error(500)) as [found]:
            async with serving(of_engines([found], route=slow)) as gateway:
                async with talking(gateway) as talk:
                    talk.send(post(BODY))
                    await found.wait(lambda: len(found.asked) == 1)
                    await asyncio.sleep(0.05)
                assert (await gateway.record()).outcome is Outcome.CLIENT_GONE
                asked = len(found.asked)
                await asyncio.sleep(0.3)

            assert len(found.asked) == asked

    run(scenario())


def hanging_or_good() -> contextlib.AbstractAsyncContextManager[list[Backend]]:
    return backends(lambda request: scripts.hang() if b"hang" in request.body else GOOD)


def test_a_concurrency_limit_is_given_back_however_a_request_ends() -> None:
    async def scenario() -> None:
        one = tenant(limits=Rates(concurrent_requests=1))
        async with hanging_or_good() as [found], serving(of_engines([found], tenant=one)) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(b'{"model":"chat","x":"hang"}'))
                await found.wait(lambda: len(found.asked) == 1)
                assert (await ask(gateway, post(BODY))).status == 429
            await until(lambda: not gateway.plane.services.open)

            assert [(await ask(gateway, post(BODY))).status for _ in range(3)] == [200] * 3

    run(scenario())


def test_bodies_over_the_memory_budget_are_refused_before_they_are_read() -> None:
    async def scenario() -> None:
        site = {"limits": Limits(body_memory_bytes=100)}
        async with backends(GOOD) as [found], serving(of_engines([found], site=site)) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(b"", headers={"content-length": "101", "expect": "100-continue"}))
                answer = await talk.answer()

            assert (answer.status, answer.code) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"

    run(scenario())


def test_a_chunked_body_counts_as_it_comes() -> None:
    async def scenario() -> None:
        site = {"limits": Limits(body_memory_bytes=100)}
        async with backends(GOOD) as [found], serving(of_engines([found], site=site)) as gateway:
            async with talking(gateway) as talk:
                talk.send(post(b"", headers={"content-length": "", "transfer-encoding": "chunked"}))
                talk.send(scripts.chunk(b"x" * 60) + scripts.chunk(b"x" * 60))
                assert (await talk.answer()).code == "overloaded"
            assert gateway.plane.services.memory.used == 0

    run(scenario())


async def _stream(gateway: Gateway, words: list[bytes]) -> None:
    async with talking(gateway) as talk:
        talk.send(post(STREAM))
        status, _ = await talk.head()
        assert status == 200
        while chunk := await talk.chunk():
            words.append(chunk)


def test_changing_the_config_loses_no_stream() -> None:
    async def scenario() -> None:
        async with backends(scripts.stream([DELTA] * 40, gap=0.02)) as [found]:
            made = of_engines([found])
            async with serving(made) as gateway:
                heard: list[list[bytes]] = [[] for _ in range(50)]
                streams = [asyncio.create_task(_stream(gateway, words)) for words in heard]
                for _ in range(20):
                    await asyncio.sleep(0.02)
                    gateway.use(made)
                # The route goes, the streams stay.
                gateway.use(of_engines([found], route={"name": "renamed"}))
                assert (await ask(gateway, post(BODY))).status == 404
                await asyncio.gather(*streams)

                assert {b"".join(words) for words in heard} == {(b"data: %b\n\n" % DELTA) * 40 + b"data: [DONE]\n\n"}
                records = [each for each in gateway.records() if each.stream]
                assert {each.outcome for each in records} == {Outcome.ANSWERED}
                assert len(records) == 50

    run(scenario())


def test_health_outlives_a_change_of_the_config() -> None:
    async def scenario() -> None:
        async with backends(GOOD) as [found], serving(of_engines([found]), probing=60.0) as gateway:
            gateway.use(of_engines([found], route={"name": "other"}))

            assert (await ask(gateway, post(b'{"model":"other"}'))).status == 200

    run(scenario())


def test_an_interrupt_ends_each_answer_with_an_error() -> None:
    async def scenario() -> None:
        def hangs(request: Received) -> Script:
            if b"first" in request.body:
                return GOOD
            return scripts.hang_mid_stream([DELTA]) if b"stream" in request.body else scripts.hang()

        async with (
            backends(hangs) as [found],
            serving(of_engines([found])) as gateway,
            talking(gateway) as whole,
            talking(gateway) as stream,
        ):
            for _ in range(2):
                whole.send(post(b'{"model":"chat","x":"first"}'))
                assert (await whole.answer()).status == 200
            whole.send(post(BODY))
            stream.send(post(STREAM))
            await stream.head()
            await stream.chunk()
            await found.wait(lambda: len(found.asked) == 4)
            gateway.plane.interrupt()
            answer = await whole.answer()
            frame = await stream.chunk()

            assert (answer.status, answer.code) == (503, "draining")
            assert json.loads(frame.removeprefix(b"data: "))["error"]["code"] == "draining"
            assert await stream.chunk() == b""
            assert gateway.plane.services.open == set()

            # Who comes back hears the same, with a head that was seen before too, and no backend hears anything.
            for talk in (whole, stream):
                talk.send(post(BODY))
                again = await talk.answer()
                assert (again.status, again.code, again.headers["retry-after"]) == (503, "draining", "1")
            assert len(found.asked) == 4

    run(scenario())
