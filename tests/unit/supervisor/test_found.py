"""What the supervisor finds behind Services reaches its workers: all of them, at all times, through all configs."""

import asyncio
import dataclasses
import os
import pathlib
import signal
from collections.abc import Awaitable, Callable, Sequence

import pytest
from msgspec.structs import replace
from tests.unit.source.scripted_api import listening
from tests.unit.supervisor import gateways, plane
from tests.unit.supervisor.gateways import Gateway, running
from tests.unit.supervisor.slice_api import SliceApi, slice_of

from isochrone_gateway.config.engines import EngineKind, EnginePool, ServiceEndpoints


def pool(service: str) -> EnginePool:
    namespace, _, name = service.partition("/")
    discovery = ServiceEndpoints(namespace=namespace, service=name, port_name="http")
    return EnginePool(id=f"found/{name}", kind=EngineKind.VLLM, discovery=discovery)


def publish(gateway: Gateway, sequence: int, *services: str, hostname: str = "") -> None:
    made = gateways.make_config(gateway.data, gateway.admin, hostname=hostname or f"s{sequence}.example.com")
    made = replace(made, engines=(*made.engines, *map(pool, services)))
    gateways.write(gateway.folder / "config", made, sequence)


@dataclasses.dataclass
class World:
    api: SliceApi
    gateway: Gateway

    async def publish(self, sequence: int, *services: str) -> None:
        """Publish a config, and wait until it runs."""
        publish(self.gateway, sequence, *services)
        await self.until(lambda: self.gateway.is_ready() and self.gateway.runs(f"s{sequence}.example.com"))

    async def until(self, condition: Callable[[], bool]) -> None:
        await asyncio.to_thread(gateways.until, condition, log=lambda: self.gateway.log)

    async def until_engines(self, workers: int = 2, /, **services: Sequence[str]) -> None:
        """Wait until so many workers know of these engines, by Service of the namespace `lab`."""
        expected = [{f"lab/{name}": list(found) for name, found in services.items()}] * workers
        await self.until(lambda: [each["dataPlane"]["engines"] for each in self.workers()] == expected)

    def workers(self) -> list[dict[str, dict[str, object]]]:
        """Those that answer."""
        found: list[dict[str, dict[str, object]]] = self.gateway.status()["workers"]
        return [each for each in found if "dataPlane" in each]


def run(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch, test: Callable[[World], Awaitable[None]]) -> None:
    async def bounded() -> None:
        api = SliceApi()
        (folder / "account").mkdir()
        async with asyncio.timeout(300), listening(folder / "account", api.serve) as account:
            monkeypatch.setenv("KUBERNETES_SERVICE_HOST", account.host)
            monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(account.port))
            with running(folder, "--service-account", str(account.folder), publish=False) as gateway:
                await test(World(api, gateway))

    asyncio.run(bounded())


def test_all_workers_are_told_and_so_is_who_asks(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        api, gateway = world.api, world.gateway
        api.put("lab/chat", "a", slice_of("10.0.0.1"))
        await world.publish(1, "lab/chat", "lab/mail")
        await world.until_engines(chat=["10.0.0.1:8000"], mail=[])
        api.put("lab/mail", "a", slice_of("10.0.0.2", "10.0.0.3"))
        await world.until_engines(chat=["10.0.0.1:8000"], mail=["10.0.0.2:8000", "10.0.0.3:8000"])
        chat, mail = (await asyncio.to_thread(gateway.status))["discovery"]
        assert 0 <= chat.pop("readSecondsAgo") < 60
        assert chat == {"service": "lab/chat", "problem": None, "endpoints": {"http": 1}}
        assert mail["endpoints"] == {"http": 2}
        count = 'isochrone_discovery_endpoints{engine_service="lab/mail",engine_port="http"}'
        up = 'isochrone_discovery_up{engine_service="lab/mail"}'
        assert await asyncio.to_thread(gateway.metric, count) == 2
        assert await asyncio.to_thread(gateway.metric, up) == 1
        assert api.lists == {"lab/chat": 1, "lab/mail": 1}, "once for both workers"
        api.refusal = 500
        api.cut()
        await world.until(lambda: gateway.metric(up) == 0)
        assert await asyncio.to_thread(gateway.metric, count) == 2

    run(tmp_path, monkeypatch, test)


def test_workers_that_start_later_are_told_what_is_known(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(world: World) -> None:
        api, gateway = world.api, world.gateway
        api.put("lab/chat", "a", slice_of("10.0.0.1"))
        await world.publish(1, "lab/chat")
        await world.until_engines(chat=["10.0.0.1:8000"])
        api.refusal = 500  # Nobody else could tell them now.
        api.cut()
        pids = await asyncio.to_thread(gateway.pids)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        await world.until(lambda: len(gateway.pids() - pids) == 2 and gateway.is_ready())
        await world.until_engines(chat=["10.0.0.1:8000"])

    run(tmp_path, monkeypatch, test)


def test_watches_follow_the_config(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(world: World) -> None:
        api = world.api
        for name in ("chat", "mail", "code"):
            api.put(f"lab/{name}", "a", slice_of("10.0.0.1"))
        await world.publish(1, "lab/chat", "lab/mail")
        await world.until_engines(chat=["10.0.0.1:8000"], mail=["10.0.0.1:8000"])
        await world.publish(2, "lab/chat", "lab/code")
        await world.until_engines(chat=["10.0.0.1:8000"], code=["10.0.0.1:8000"])
        await world.until(lambda: api.watched == ["lab/chat", "lab/code"])
        api.put("lab/mail", "a", slice_of("10.0.0.9"))
        await world.publish(3, "lab/mail")
        await world.until_engines(mail=["10.0.0.9:8000"])
        await world.until(lambda: api.watched == ["lab/mail"])
        assert api.lists == {"lab/chat": 1, "lab/mail": 2, "lab/code": 1}
        await world.publish(4)
        await world.until_engines()
        await world.until(lambda: api.watched == [])

    run(tmp_path, monkeypatch, test)


def test_a_config_that_is_refused_leaves_nothing_behind(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(world: World) -> None:
        api, gateway = world.api, world.gateway
        api.put("lab/chat", "a", slice_of("10.0.0.1"))
        api.put("lab/mail", "a", slice_of("10.0.0.2"))
        await world.publish(1, "lab/chat")
        await world.until_engines(chat=["10.0.0.1:8000"])
        publish(gateway, 2, "lab/mail", hostname=plane.REFUSED)
        await world.until(lambda: world.gateway.status()["config"]["refused"] is not None)
        await world.until(lambda: api.watched == ["lab/chat"])
        api.refusal = 500
        await world.publish(3, "lab/chat", "lab/mail")
        await world.until_engines(chat=["10.0.0.1:8000"])
        assert api.lists["lab/chat"] == 1
        api.refusal = 0
        await world.until_engines(chat=["10.0.0.1:8000"], mail=["10.0.0.2:8000"])

    run(tmp_path, monkeypatch, test)


def test_outside_of_kubernetes_it_says_so_and_runs_what_it_can(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with running(tmp_path, workers=1) as gateway:
        publish(gateway, 2, "lab/chat")
        gateways.until(lambda: gateway.status()["config"]["refused"] is not None)
        refused = gateway.status()["config"]["refused"]
        assert refused["reason"] == "NotApplied"
        assert refused["problems"][0].startswith('$.engines["found/chat"].discovery: EndpointSlices are read through')
        assert gateway.runs("s1.example.com")
        publish(gateway, 3)
        gateways.until(lambda: gateway.runs("s3.example.com"))
