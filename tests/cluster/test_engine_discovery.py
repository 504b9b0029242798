"""Engines behind a Service, found by a real gateway on a real API server, with the rights that the manual says."""

import asyncio
import contextlib
import pathlib
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import pytest
import yaml
from msgspec.structs import replace
from tests.cluster.choice import Cluster
from tests.cluster.client import Client, Object
from tests.cluster.controlplane import ControlPlane
from tests.cluster.pod import Pod
from tests.unit.pipeline.harness import Backend, config, engine_candidate, route
from tests.unit.pipeline.talk import Answer, Talk, post
from tests.unit.supervisor import gateways
from tests.unit.supervisor.gateways import Gateway, running

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import EngineKind, EnginePool, ServiceEndpoints
from isochrone_gateway.config.routes import Queue
from isochrone_gateway.config.site import Drain, Listener, Listeners
from isochrone_gateway.upstream import scripts

_PAGE = pathlib.Path(__file__).parents[2] / "docs" / "reference" / "gateway.md"
_PLANE = "isochrone_gateway.server.pipeline:DataPlane"
_SERVICE = "chat-engine"
_LIMIT = 60.0
BODY = b'{"model":"chat"}'


def documented_rights(engines: str, gateway: str) -> list[Any]:
    """The Role and its binding as the manual has them, with the namespaces put in."""
    blocks = re.findall(r"```yaml\n(.*?)```", _PAGE.read_text(), re.DOTALL)
    (block,) = (each for each in blocks if "endpointslices" in each)
    placed = block.replace("ENGINES", engines).replace("isochrone-system", gateway)
    return list(yaml.safe_load_all(placed.replace("name: isochrone-gateway\n", "name: gateway\n")))


def own_address() -> str:
    """An address of this machine that an EndpointSlice may have: Kubernetes refuses loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("192.0.2.1", 9))
        address: str = sock.getsockname()[0]
        return address


class Cell:
    """A namespace with a Service, its EndpointSlices, and a gateway's pod in another namespace."""

    def __init__(self, api: Client, file: pathlib.Path, *, engines: str, gateway: str, folder: pathlib.Path) -> None:
        self._api = api
        self.engines = engines
        self.gateway = gateway
        self.pod = Pod(api, file, gateway, folder)

    def make(self) -> None:
        self.pod.create()
        for item in documented_rights(self.engines, self.gateway):
            self._done(self._api.create(item))
        spec = {"clusterIP": "None", "ports": [{"name": "http", "port": 8000}]}
        self._done(self._api.create(self._object("v1", "Service", _SERVICE, spec=spec)))

    def put(self, name: str, *engines: Backend, ready: bool = True) -> None:
        """One slice; engines in one slice share a port, so each needs one of its own."""
        (engine,) = engines
        entry = {
            "addresses": [own_address()],
            "conditions": {"ready": ready, "serving": ready, "terminating": False},
            "targetRef": {"kind": "Pod", "name": f"engine-{engine.port}", "namespace": self.engines},
        }
        self._done(self._api.apply(self.slice(name, [entry], engine.port)))

    def delete(self, name: str) -> None:
        self._done(self._api.delete(self.slice(name, [], 0)))

    def slice(self, name: str, endpoints: Sequence[Object], port: int) -> dict[str, Any]:
        return self._object(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            name,
            labels={"kubernetes.io/service-name": _SERVICE},
            addressType="IPv4",
            endpoints=endpoints,
            ports=[{"name": "http", "port": port, "protocol": "TCP"}],
        )

    def _done(self, answer: Any) -> None:
        assert answer.ok, answer.message

    def _object(self, version: str, kind: str, name: str, **content: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.engines, "labels": content.pop("labels", {})}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


@pytest.fixture
def cell(
    api: Client,
    control_plane: Cluster,
    namespace: str,
    temporary: Callable[[Object], dict[str, Any]],
    tmp_path: pathlib.Path,
) -> Cell:
    engines = f"{namespace}-engines"
    temporary({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": engines}})
    made = Cell(api, control_plane.kubeconfig, engines=engines, gateway=namespace, folder=tmp_path / "account")
    made.make()
    return made


SLICES = "/apis/discovery.k8s.io/v1/namespaces/{engines}/endpointslices"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", f"{SLICES}/one", id="get a slice"),
        pytest.param("POST", SLICES, id="create a slice"),
        pytest.param("PUT", f"{SLICES}/one", id="update a slice"),
        pytest.param("PATCH", f"{SLICES}/one", id="patch a slice"),
        pytest.param("DELETE", f"{SLICES}/one", id="delete a slice"),
        pytest.param("DELETE", SLICES, id="delete all slices"),
        pytest.param("GET", "/apis/discovery.k8s.io/v1/endpointslices", id="slices of all namespaces"),
        pytest.param("GET", "/apis/discovery.k8s.io/v1/namespaces/{gateway}/endpointslices", id="in its own namespace"),
        pytest.param("GET", "/api/v1/namespaces/{engines}/pods", id="pods"),
        pytest.param("GET", "/api/v1/namespaces/{engines}/services", id="services"),
        pytest.param("GET", "/api/v1/namespaces/{engines}/endpoints", id="endpoints"),
        pytest.param("GET", "/api/v1/namespaces/{engines}/secrets", id="secrets"),
        pytest.param("GET", "/api/v1/namespaces/{gateway}/configmaps", id="configmaps"),
    ],
)
def test_the_documented_rights_allow_nothing_else(cell: Cell, method: str, path: str) -> None:
    placed = path.format(engines=cell.engines, gateway=cell.gateway)
    body = cell.slice("one", [], 80) if method in {"POST", "PUT", "PATCH"} else None
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    with cell.pod.client() as client:
        listed = client.request("GET", SLICES.format(engines=cell.engines))
        assert listed.ok, listed.message
        refused = client.request(method, placed, body, content_type=kind)
        assert refused.status == 403, refused.message


def made_for(cell: Cell, gateway: Gateway) -> Config:
    discovery = ServiceEndpoints(namespace=cell.engines, service=_SERVICE, port_name="http")
    pool = EnginePool(id="lab/a", kind=EngineKind.VLLM, discovery=discovery)
    queue = Queue(max_requests=10, max_wait_ms=30_000)
    made = config(engines=(pool,), routes=(route([engine_candidate("a")], queue=queue),))
    listeners = Listeners(
        data=Listener(port=gateway.data, host="127.0.0.1"), admin=Listener(port=gateway.admin, host="127.0.0.1")
    )
    return replace(made, site=replace(made.site, listeners=listeners, drain=Drain(announce_ms=50, max_ms=5_000)))


class Site:
    """A gateway's processes, and what clients see of them."""

    def __init__(self, cell: Cell, gateway: Gateway, options: Sequence[str]) -> None:
        self.cell = cell
        self.gateway = gateway
        self._options = options

    def restart(self) -> None:
        gateways.end(self.gateway.process)
        self.gateway.process = gateways.start(self.gateway.folder, *self._options, plane=_PLANE)

    async def ask(self) -> Answer:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.data)
        with contextlib.closing(writer):
            writer.write(post(BODY))
            return await asyncio.wait_for(Talk(reader, writer).answer(), 40)

    async def served_by(self, engine: Backend, count: int = 10) -> bool:
        """Ask some times: are all answered, and by this engine?"""
        before = len(engine.asked)
        answers = [await self.ask() for _ in range(count)]
        assert [answer.status for answer in answers] == [200] * count
        return len(engine.asked) == before + count

    async def until(self, condition: Callable[[], bool]) -> None:
        await asyncio.to_thread(gateways.until, condition, limit=_LIMIT, log=lambda: self.gateway.log)

    async def until_workers_know(self, *engines: Backend) -> None:
        """Wait until all workers have probed just these, and found them well."""
        expected = {f"lab/a/engine-{each.port}": "Healthy" for each in engines}
        await self.until(lambda: [_healths(each) for each in self.planes()] == [expected] * 2)

    def planes(self) -> list[dict[str, Any]]:
        """What the workers that answer tell of themselves."""
        return [each["dataPlane"] for each in self.gateway.status()["workers"] if "dataPlane" in each]

    def found(self) -> Any:
        (service,) = self.gateway.status()["discovery"]
        return service


def _healths(plane: dict[str, Any]) -> dict[str, str]:
    return {key: engine["health"] for key, engine in plane["engines"].items()}


@contextlib.asynccontextmanager
async def engines(count: int) -> AsyncIterator[list[Backend]]:
    made = [Backend(scripts.answer(b"{}")) for _ in range(count)]
    try:
        for each in made:
            await each.start(own_address())
        yield made
    finally:
        for each in made:
            await each.close()


def run(
    cell: Cell,
    folder: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    test: Callable[[Site, list[Backend]], Awaitable[None]],
) -> None:
    async def bounded() -> None:
        options = ("--service-account", str(cell.pod.account.folder), "--state", str(folder / "state"))
        async with asyncio.timeout(240), engines(2) as found:
            with running(folder, *options, publish=False, plane=_PLANE) as gateway:
                gateways.write(folder / "config", made_for(cell, gateway), 1)
                more = ("--workers", "2", "--status-token", str(folder / "token"))
                site = Site(cell, gateway, (*options, *more))
                await site.until(gateway.is_ready)
                await test(site, found)

    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", cell.pod.account.host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(cell.pod.account.port))
    asyncio.run(bounded())


def test_requests_follow_the_slices(cell: Cell, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(site: Site, found: list[Backend]) -> None:
        a, b = found
        waiting = asyncio.create_task(site.ask())
        await site.until(lambda: {"lab/chat": 1} in [each["held"] for each in site.planes()])
        await asyncio.to_thread(cell.put, "one", a)
        assert (await waiting).status == 200, "it waited for its engine"
        await site.until_workers_know(a)
        assert await site.served_by(a)
        await asyncio.to_thread(cell.put, "two", b)
        await site.until_workers_know(a, b)
        while not b.asked:
            assert (await site.ask()).status == 200
        await asyncio.to_thread(cell.put, "one", a, ready=False)
        await site.until_workers_know(b)
        assert await site.served_by(b)
        await asyncio.to_thread(cell.delete, "two")
        await site.until_workers_know()
        assert site.found()["endpoints"] == {"http": 0}
        await asyncio.to_thread(cell.put, "one", a)
        await site.until_workers_know(a)
        assert await site.served_by(a)

    run(cell, tmp_path, monkeypatch, test)


def test_an_api_server_that_is_away_takes_no_engines_away(
    own_plane: ControlPlane, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(site: Site, found: list[Backend]) -> None:
        a, b = found
        await asyncio.to_thread(site.cell.put, "one", a)
        await site.until_workers_know(a)
        await asyncio.to_thread(own_plane.stop_api_server)
        await site.until(lambda: site.found()["problem"] is not None)
        assert site.found()["endpoints"] == {"http": 1}
        assert await site.served_by(a)
        await asyncio.to_thread(site.restart)
        await site.until(site.gateway.is_ready)
        await site.until_workers_know(a)
        assert await site.served_by(a), "from its disk"
        await site.until(lambda: site.found()["problem"] is not None)
        await asyncio.to_thread(own_plane.start_api_server)
        await site.until(lambda: site.found()["problem"] is None)
        await asyncio.to_thread(site.cell.put, "two", b)
        await asyncio.to_thread(site.cell.delete, "one")
        await site.until_workers_know(b)
        assert await site.served_by(b)

    with Client(own_plane.kubeconfig) as api:
        for name in ("engines", "edge"):
            assert api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).ok
        cell = Cell(api, own_plane.kubeconfig, engines="engines", gateway="edge", folder=tmp_path / "account")
        cell.make()
        run(cell, tmp_path, monkeypatch, test)
