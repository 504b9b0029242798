"""The command, with the real pipeline: a folder of config in, answers out."""

import asyncio
import dataclasses
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

import pytest
from msgspec.structs import replace
from tests.contract.config_cases import RELEASE
from tests.unit.pipeline.harness import backends, config, engine, engine_candidate, route, run
from tests.unit.pipeline.talk import Answer, Talk, get, post
from tests.unit.supervisor.gateways import end, free_ports

from isochrone_gateway.config import Config, encode_index, shard
from isochrone_gateway.config.engines import DnsName, EngineKind, EnginePool
from isochrone_gateway.config.site import Drain, Listener, Listeners
from isochrone_gateway.source import files
from isochrone_gateway.upstream import scripts

BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'


@dataclasses.dataclass
class Command:
    """A gateway's process, its folder and its ports."""

    folder: pathlib.Path
    data: int
    admin: int
    process: subprocess.Popen[bytes]

    async def talk(self, port: int = 0) -> Talk:
        return Talk(*await asyncio.open_connection("127.0.0.1", port or self.data))

    async def ready(self) -> None:
        async with asyncio.timeout(100):
            while not await self._is_ready():  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(0.05)

    async def _is_ready(self) -> bool:
        try:
            return (await self.tells("/readyz")).status == 200
        except OSError:
            return False

    async def tells(self, path: str) -> Answer:
        """What is answered on the admin port."""
        talk = await self.talk(self.admin)
        talk.send(get(path))
        answer = await talk.answer()
        talk.writer.close()
        return answer

    def use(self, made: Config) -> None:
        index, blobs = shard(made, RELEASE)
        files.write(self.folder / "config", encode_index(index), blobs)


def made_for(pool: EnginePool, data: int, admin: int) -> Config:
    made = config(engines=(pool,), routes=(route([engine_candidate("a")]),))
    listeners = Listeners(data=Listener(port=data, host="127.0.0.1"), admin=Listener(port=admin, host="127.0.0.1"))
    return replace(made, site=replace(made.site, listeners=listeners, drain=Drain(announce_ms=50, max_ms=60_000)))


@pytest.fixture
def command(tmp_path: pathlib.Path) -> Iterator[Command]:
    data, admin = free_ports(2)
    (tmp_path / "config").mkdir()
    with (tmp_path / "log").open("wb") as log, (tmp_path / "requests").open("wb") as requests:
        process = subprocess.Popen(
            [sys.executable, "-m", "isochrone_gateway.server", "--config", str(tmp_path / "config")],
            stdout=requests,
            stderr=log,
            env=dict(os.environ),
        )
    yield Command(tmp_path, data, admin, process)
    end(process)


def test_from_a_folder_to_an_answer(command: Command) -> None:
    def answer(request: object) -> scripts.Script:
        is_stream = b"stream" in getattr(request, "body", b"")
        return scripts.stream([DELTA] * 20, gap=0.05) if is_stream else scripts.answer(b"{}")

    async def scenario() -> None:
        async with backends(answer) as [found]:
            command.use(made_for(engine("a", found.port), command.data, command.admin))
            await command.ready()
            talk = await command.talk()
            talk.send(post(BODY))
            whole = await talk.answer()
            talk.send(post(STREAM))
            await talk.head()
            await talk.chunk()
            command.process.send_signal(signal.SIGTERM)
            chunks = [chunk async for chunk in _chunks(talk)]
            talk.writer.close()
            status = await asyncio.to_thread(command.process.wait, 100)

        assert whole.status == 200, (command.folder / "log").read_text()
        assert whole.headers["x-isochrone-backend"] == "engine:lab/a"
        assert chunks[-1] == b"data: [DONE]\n\n"
        assert status == 0, (command.folder / "log").read_text()
        lines = (command.folder / "requests").read_text().splitlines()
        assert len(lines) == 2
        assert '"route":"lab/chat"' in lines[0]

    run(scenario())


async def _chunks(talk: Talk) -> AsyncIterator[bytes]:
    while chunk := await talk.chunk():
        yield chunk


def test_demand_for_a_pool_without_engines_shows_at_any_scrape(command: Command) -> None:
    """There is nobody to be probed: what waits is the only sign of the demand."""

    async def waiting() -> list[float]:
        """A worker that is too slow to answer is shown as it was before, at first without anything."""
        page = (await command.tells("/metrics")).body.decode()
        lines = [line for line in page.splitlines() if line.startswith("isochrone_held_requests{")]
        assert all(line.startswith('isochrone_held_requests{route="lab/chat"} ') for line in lines)
        return [float(line.split()[1]) for line in lines]

    async def until_waiting(count: int) -> None:
        async with asyncio.timeout(100):
            while await waiting() != [count]:  # noqa: ASYNC110 - another process has no event
                await asyncio.sleep(0.05)

    async def scenario() -> None:
        nowhere = EnginePool(id="lab/a", kind=EngineKind.VLLM, discovery=DnsName(name="nothing.invalid", port=80))
        command.use(made_for(nowhere, command.data, command.admin))
        await command.ready()
        await until_waiting(0)
        talks = [await command.talk() for _ in range(2)]
        for talk in talks:
            talk.send(post(BODY))
        await until_waiting(2)
        talks[0].writer.close()
        await until_waiting(1)
        talks[1].writer.close()

    run(scenario())
