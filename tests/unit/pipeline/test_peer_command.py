"""Two gateways as processes, with the real pipeline: hops, renewed certificates, and an end in order."""

import asyncio
import contextlib
import pathlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator

from msgspec.structs import replace
from tests.contract.config_cases import RELEASE
from tests.unit.pipeline.harness import Backend, backends, peer_candidate, run
from tests.unit.pipeline.network import Network
from tests.unit.pipeline.talk import Answer, get, post
from tests.unit.pipeline.test_command import Command
from tests.unit.supervisor.gateways import end, free_ports, reserve

from isochrone_gateway.config import Config, encode_index, shard
from isochrone_gateway.config.site import Drain, Listener, Listeners
from isochrone_gateway.source import files
from isochrone_gateway.upstream import scripts

BODY = b'{"model":"chat"}'
STREAM = b'{"model":"chat","stream":true}'
DELTA = b'{"choices":[{"index":0,"delta":{"content":"x"}}]}'


class Installation:
    """Frankfurt, whose second choice is an engine of its own, and Paris."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        (folder / "secrets").mkdir()
        self.network = Network(folder / "secrets", "fra", "par")
        self.network.close()  # The processes bind these ports.
        reserve(self.network.ports.values())
        self.gateways: dict[str, Command] = {}

    @contextlib.contextmanager
    def running(self, near: Backend, far: Backend) -> Iterator[None]:
        here = self.network.config("fra", [near], tiers=[[peer_candidate("par", place=2)]])
        tiers = tuple(reversed(here.routes[0].tiers))
        configs = {
            "fra": replace(here, routes=(replace(here.routes[0], tiers=tiers),)),
            "par": self.network.config("par", [far]),
        }
        with contextlib.ExitStack() as stack:
            for name, made in configs.items():
                self.gateways[name] = self._start(name, made)
                stack.callback(end, self.gateways[name].process)
            yield

    def _start(self, name: str, made: Config) -> Command:
        data, admin = free_ports(2)
        folder = self.folder / name
        (folder / "config").mkdir(parents=True)
        ports = {"data": data, "admin": admin, "peer": self.network.ports[name]}
        listeners = Listeners(**{what: Listener(port=port, host="127.0.0.1") for what, port in ports.items()})
        site = replace(made.site, listeners=listeners, drain=Drain(announce_ms=50, max_ms=60_000))
        index, blobs = shard(replace(made, site=site), RELEASE)
        files.write(folder / "config", encode_index(index), blobs)
        options = ["--config", str(folder / "config"), "--secrets", str(self.network.folder), "--workers", "2"]
        with (folder / "log").open("wb") as log, (folder / "requests").open("wb") as requests:
            process = subprocess.Popen(
                [sys.executable, "-m", "isochrone_gateway.server", *options], stdout=requests, stderr=log
            )
        return Command(folder, data, admin, process)

    async def ask(self, name: str, request: bytes) -> Answer:
        talk = await self.gateways[name].talk()
        talk.send(request)
        answer = await talk.answer()
        talk.writer.close()
        return answer

    async def answered_by(self, site: str) -> None:
        """Wait until requests to Frankfurt are answered there. None may fail meanwhile."""
        async with asyncio.timeout(100):
            while (answer := await self.ask("fra", post(BODY))).headers.get("x-isochrone-site") != site:
                assert answer.status == 200, answer
                await asyncio.sleep(0.05)

    def log(self, name: str) -> str:
        return (self.folder / name / "log").read_text()


async def _stream(command: Command) -> AsyncIterator[bytes]:
    talk = await command.talk()
    talk.send(post(STREAM))
    status, headers = await talk.head()
    assert (status, headers["x-isochrone-site"]) == (200, "par")
    while chunk := await talk.chunk():
        yield chunk
    talk.writer.close()


def test_two_gateways_as_processes(tmp_path: pathlib.Path) -> None:
    def answer(request: object) -> scripts.Script:
        is_stream = b"stream" in getattr(request, "body", b"")
        return scripts.stream([DELTA] * 20, gap=0.05) if is_stream else scripts.answer(b"{}")

    async def scenario() -> None:
        installation = Installation(tmp_path)
        async with backends(scripts.answer(b"{}"), answer) as [near, far]:
            with installation.running(near, far):
                fra, par = installation.gateways["fra"], installation.gateways["par"]
                await fra.ready()
                await par.ready()
                await installation.answered_by("par")

                for name in ("fra", "par"):
                    renewed = installation.network.authority.issue(
                        name, names=(f"{name}.peers.test",), uri=f"spiffe://peers.test/site/{name}"
                    )
                    assert renewed.certificate.exists()
                    installation.gateways[name].process.send_signal(signal.SIGHUP)
                await installation.answered_by("par")

                chunks = []
                async for chunk in _stream(fra):
                    chunks.append(chunk)
                    if len(chunks) == 1:
                        par.process.send_signal(signal.SIGTERM)
                assert chunks[-1] == b"data: [DONE]\n\n"
                assert await asyncio.to_thread(par.process.wait, 100) == 0, installation.log("par")
                await installation.answered_by("fra")

                await told(fra, b'isochrone_peer_ready{peer="par"} 0')
            hosted = (par.folder / "requests").read_text().splitlines()
            entered = (fra.folder / "requests").read_text().splitlines()

        assert hosted
        assert all('"peer":"fra","hosted":true' in line for line in hosted)
        assert all('"hosted"' not in line for line in entered)
        assert "Traceback" not in installation.log("fra") + installation.log("par")

    run(scenario())


async def told(command: Command, line: bytes) -> None:
    """Wait until a gateway's metrics say so: each worker finds out for itself, and tells it once a second."""
    async with asyncio.timeout(100):
        while True:
            if line in (await _metrics(command)).splitlines():
                return
            await asyncio.sleep(0.1)


async def _metrics(command: Command) -> bytes:
    talk = await command.talk(command.admin)
    talk.send(get("/metrics"))
    page = (await talk.answer()).body
    talk.writer.close()
    return page
