"""What a request leaves behind: nothing, and without waiting for the garbage collector."""

import gc
import pathlib

import pytest
from tests.unit.pipeline.harness import backends, of_engines, peer_candidate, run, serving, until
from tests.unit.pipeline.network import Network, settled
from tests.unit.pipeline.talk import ask, post, talking

from isochrone_gateway.server.pipeline.attempt import Attempt
from isochrone_gateway.server.pipeline.handling import Handling
from isochrone_gateway.server.pipeline.hosting import Hosting
from isochrone_gateway.server.pipeline.visit import Visit
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import Received
from isochrone_gateway.upstream.scripts import Script

DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'
OURS = (Attempt, Handling, Hosting, Visit)


def ours() -> list[object]:
    """Requests that are alive, those of other tests included."""
    return [each for each in gc.get_objects() if isinstance(each, OURS)]


async def until_gone(before: set[int]) -> None:
    """Wait for the loop's next rounds; who waits for the garbage collector waits in vain, since it is off."""
    await until(lambda: [each for each in ours() if id(each) not in before] == [])


def answer(request: Received) -> Script:
    if b"hang" in request.body:
        return scripts.hang()
    if b"fail" in request.body:
        return scripts.server_error(500)
    return scripts.stream([DELTA]) if b"stream" in request.body else scripts.answer(b"{}")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model":"chat"}', id="whole"),
        pytest.param(b'{"model":"chat","stream":true}', id="stream"),
        pytest.param(b'{"model":"chat","x":"fail"}', id="failed"),
        pytest.param(b'{"model":"chat","x":"hang"}', id="client-gone"),
        pytest.param(b"{", id="refused"),
    ],
)
def test_requests_are_gone_when_they_are_over(body: bytes) -> None:
    async def scenario() -> None:
        async with backends(answer) as [found], serving(of_engines([found])) as gateway:
            gc.collect()
            before = {id(each) for each in ours()}
            gc.disable()
            try:
                for _ in range(10):
                    if b"hang" in body or b"stream" in body:
                        asked = len(found.asked)
                        async with talking(gateway) as talk:
                            talk.send(post(body))
                            await found.wait(lambda before=asked: len(found.asked) > before)  # type: ignore[misc] # a bound default
                            if b"stream" in body:
                                await talk.reader.readuntil(b"0\r\n\r\n")
                    else:
                        await ask(gateway, post(body))
                await until(lambda: not gateway.plane.services.open)
                await until_gone(before)
            finally:
                gc.enable()

    run(scenario())


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"model":"chat"}', id="whole"),
        pytest.param(b'{"model":"chat","stream":true}', id="stream"),
        pytest.param(b'{"model":"chat","x":"fail"}', id="failed"),
        pytest.param(b'{"model":"chat","x":"hang"}', id="client-gone"),
    ],
)
def test_hops_are_gone_at_both_ends_when_they_are_over(tmp_path: pathlib.Path, body: bytes) -> None:
    async def scenario() -> None:
        network = Network(tmp_path, "fra", "par")
        async with backends(answer) as [found]:
            tiers = [[peer_candidate("par", place=2)]]
            configs = {"fra": network.config("fra", tiers=tiers), "par": network.config("par", [found])}
            async with network.serving(configs) as gateways:
                gc.collect()
                before = {id(each) for each in ours()}
                gc.disable()
                try:
                    for _ in range(5):
                        asked = len(found.asked)
                        async with talking(gateways["fra"]) as talk:
                            talk.send(post(body))
                            if b"hang" in body:
                                await found.wait(lambda before=asked: len(found.asked) > before)  # type: ignore[misc] # a bound default
                            elif b"stream" in body:
                                await talk.reader.readuntil(b"0\r\n\r\n")
                            else:
                                await talk.answer()
                    await settled(*gateways.values())
                    await until_gone(before)
                finally:
                    gc.enable()

    run(scenario())
