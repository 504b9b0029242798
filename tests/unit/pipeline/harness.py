"""A gateway in the test's own event loop: real sockets, a real pool, fake backends, and a config of the test's.

Backends are candidates `a`, `b`, ... in one route `chat`; each is an engine or a provider at its own place.
"""

import asyncio
import contextlib
import dataclasses
import gc
import hashlib
import pathlib
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any

import uvloop
from tests.contract.config_cases import RELEASE

from isochrone_gateway.config import Config, Loaded, encode_index, read_index, shard
from isochrone_gateway.config.engines import EngineKind, EnginePool, StaticEndpoints
from isochrone_gateway.config.law import Binds, Law, Policy, Refusal, Table, encode_row
from isochrone_gateway.config.load import assemble
from isochrone_gateway.config.places import Place, Places
from isochrone_gateway.config.providers import Credential, Endpoint, Provider, ProviderModel
from isochrone_gateway.config.routes import (
    Candidate,
    EngineTarget,
    PeerTarget,
    ProviderTarget,
    Queue,
    Retry,
    Route,
    RouteEndpoint,
    Tier,
    Timeouts,
)
from isochrone_gateway.config.site import Age, Listener, Listeners, Site
from isochrone_gateway.config.tenants import Key, Tenant, Tenants
from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.ledger.record import Record
from isochrone_gateway.server.pipeline import DataPlane
from isochrone_gateway.server.pipeline.plane import Prepared
from isochrone_gateway.server.supervisor import tls
from isochrone_gateway.server.supervisor.dataplane import Context
from isochrone_gateway.server.supervisor.ports import Port
from isochrone_gateway.server.supervisor.proxied import proxied_by
from isochrone_gateway.upstream import scripts
from isochrone_gateway.upstream.fake import Choose, FakeUpstream, Received
from isochrone_gateway.upstream.probes import ProbeSettings
from isochrone_gateway.upstream.scripts import Script

KEY = "sk-test-0123456789abcdef0123456789abcdef"
PLACES = ("DE", "US", "FR")
_WELL = scripts.answer(b"{}")
_PROBE_PATHS = frozenset({b"/health", b"/metrics"})
PATIENT = {"timeouts": Timeouts(first_byte_ms=600_000, idle_ms=600_000, total_ms=600_000)}
"""A route on which no time-out passes within a test: what ends early was ended."""


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop; whatever the loop would only log is an error."""
    problems: list[dict[str, Any]] = []

    async def guarded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
        await asyncio.wait_for(work, 300)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(guarded())
    gc.collect()
    assert problems == []


async def until(condition: Callable[[], bool], *, limit: float = 60.0) -> None:
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


class Backend(FakeUpstream):
    """A fake that is well, and keeps the requests that are not probes apart."""

    def __init__(self, script: Script | Choose, **options: Any) -> None:
        answers: Choose = script if callable(script) else lambda _: script
        self.is_well = True
        self.asked: list[Received] = []

        def choose(request: Received) -> Script:
            if request.path in _PROBE_PATHS:
                return _WELL if self.is_well else scripts.server_error(503)
            self.asked.append(request)
            return answers(request)

        super().__init__(choose, **options)


def sha256(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def engine(name: str, port: int, **fields: Any) -> EnginePool:
    addresses = StaticEndpoints(addresses=frozenset({f"127.0.0.1:{port}"}))
    return EnginePool(id=f"lab/{name}", kind=EngineKind.VLLM, discovery=addresses, **fields)


def provider(name: str, port: int, *, place: int = 0, keys: Sequence[str] = (), **fields: Any) -> Provider:
    endpoint = Endpoint(name="main", base_url=f"http://127.0.0.1:{port}/v1", place=place, plaintext=True)
    return Provider(
        name=name,
        dialect="OpenAI",
        endpoints=(endpoint,),
        models=(ProviderModel(name="upstream-model"),),
        credentials=tuple(Credential(name=key, file=f"{name}/{key}") for key in keys),
        **fields,
    )


def engine_candidate(name: str, *, place: int = 0, **fields: Any) -> Candidate:
    return Candidate(target=EngineTarget(pool=f"lab/{name}"), place=place, model="upstream-model", **fields)


def provider_candidate(name: str, *, place: int = 0, endpoint: str = "main", **fields: Any) -> Candidate:
    target = ProviderTarget(provider=name, endpoint=endpoint)
    return Candidate(target=target, place=place, model="upstream-model", **fields)


def peer_candidate(site: str, pool: str = "a", *, place: int, **fields: Any) -> Candidate:
    target = PeerTarget(site=site, pool=f"lab/{pool}")
    return Candidate(target=target, place=place, model="upstream-model", **fields)


def route(*tiers: Sequence[Candidate], **fields: Any) -> Route:
    settings: dict[str, Any] = {
        "id": "lab/chat",
        "name": "chat",
        "endpoints": frozenset(RouteEndpoint),
        "retry": Retry(backoff_base_ms=1, backoff_max_ms=2),
        "queue": Queue(max_requests=10, max_wait_ms=600_000),
        **PATIENT,
        "tiers": tuple(Tier(candidates=tuple(tier)) for tier in tiers),
    }
    return Route(**(settings | fields))


def tenant(**fields: Any) -> Tenant:
    return Tenant(**({"id": "lab/team"} | fields))


def only_in(*allowed: int, origins: Sequence[str] = ("DE",), **binds: Any) -> Law:
    """A law that keeps data from these origins at these places."""
    row = encode_row(sum(1 << place for place in allowed))
    table = Table(rows=dict.fromkeys(origins, 0))
    policy = Policy(
        name="stay-home",
        generation=1,
        digest=sha256("stay-home"),
        scopes={"Inference": 0},
        binds=Binds(**binds),
        refusal=Refusal(way_out="Ask your admin.", hostnames={"DE": "de.ai.example.com"}),
    )
    return Law(policies=(policy,), tables=(table,), rows=(row,))


def config(**fields: Any) -> Config:
    site_fields = fields.pop("site", {})
    site = Site(
        **(
            {
                "name": "lab",
                "place": 0,
                "hostname": "lab.example.com",
                "listeners": Listeners(data=Listener(port=8080), admin=Listener(port=9090)),
                "age": Age(max_age_ms=60_000, hard_max_age_ms=120_000),
            }
            | site_fields
        )
    )
    places = Places(places=tuple(Place(codes=frozenset({code}), country=code) for code in PLACES))
    callers = fields.pop("tenants", None) or Tenants(
        keys={sha256(KEY): Key(tenant="lab/team", name="main")}, tenants=(fields.pop("tenant", None) or tenant(),)
    )
    fields.pop("tenant", None)
    return Config(site=site, places=places, tenants=callers, **fields)


def load(made: Config, sequence: int = 1) -> Loaded:
    index, blobs = shard(made, dataclasses.replace(RELEASE, sequence=sequence))
    return assemble(read_index(encode_index(index)), blobs)


class Gateway:
    """One worker's pipeline behind one real port, and another one for peers if it has any."""

    def __init__(
        self, plane: DataPlane, port: Port, number: int, records: RecordQueue, context: Context, peer: Port | None
    ) -> None:
        self.plane = plane
        self.port = port
        self.peer_port = peer
        self.number = number
        self.context = context
        self._records = records
        self.sequence = 0

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.number}/v1"

    def use(self, made: Config) -> None:
        self.sequence += 1
        loaded = load(made, self.sequence)
        handlers = self.plane.prepare(loaded)
        assert isinstance(handlers, Prepared)
        self.plane.activate(handlers)
        secured = tls.for_clients(made.site.listeners.data, secrets=self.context.secrets)
        self.port.use(handlers.data, made.site.limits, secured, proxied=proxied_by(made.site))
        self.port.acceptor.allow(True)
        listener = made.site.listeners.peer
        if self.peer_port is not None and listener is not None:
            secured = tls.for_peers(listener, made.site.peer_trust, secrets=self.context.secrets)
            self.peer_port.use(handlers.peer, made.site.limits, secured, of_peers=True)
            self.peer_port.acceptor.allow(True)

    async def ready(self) -> None:
        """Wait until each engine was probed."""
        await until(lambda: all(each["health"] != "Unknown" for each in self.plane.describe()["engines"].values()))

    def records(self) -> list[Record]:
        """Those that came since the last call."""
        found = list(self._records._records)
        self._records._records.clear()
        return found

    async def record(self) -> Record:
        """The only one that comes."""
        await until(lambda: len(self._records) > 0)
        (found,) = self.records()
        return found


@contextlib.asynccontextmanager
async def serving(
    made: Config,
    *,
    secrets: pathlib.Path | None = None,
    age: float = 0.0,
    probing: float = 0.05,
    exports_spans: bool = False,
    evidence: Keeping | None = None,
    peers: socket.socket | None = None,
) -> AsyncIterator[Gateway]:
    loop = asyncio.get_running_loop()
    sock = socket.create_server(("127.0.0.1", 0), backlog=1024)
    sock.setblocking(False)
    records = RecordQueue()
    context = Context(
        worker=0,
        registry=Registry(),
        records=records,
        age=lambda: age,
        secrets=secrets,
        connections=lambda: 0,
        exports_spans=exports_spans,
        evidence=evidence or Keeping(),
    )
    settings = ProbeSettings(interval=probing)
    plane = DataPlane(context, probes=settings, peer_probes=settings)
    port = Port(loop, sock)
    peer_port = None if peers is None else Port(loop, peers)
    gateway = Gateway(plane, port, sock.getsockname()[1], records, context, peer_port)
    try:
        gateway.use(made)
        await gateway.ready()
        yield gateway
    finally:
        port.close()
        if peer_port is not None:
            peer_port.close()
        await plane.close()
        await asyncio.sleep(0.01)  # Connections that were cut end in the loop's next rounds.


@contextlib.asynccontextmanager
async def backends(*scripts_of: Script | Choose) -> AsyncIterator[list[Backend]]:
    async with contextlib.AsyncExitStack() as stack:
        made = [Backend(script) for script in scripts_of]
        for backend in made:
            await stack.enter_async_context(backend)
        yield made


def of_engines(found: Sequence[Backend], **fields: Any) -> Config:
    """One tier for each engine, in order."""
    names = [chr(ord("a") + index) for index in range(len(found))]
    route_fields = fields.pop("route", {})
    return config(
        engines=tuple(engine(name, backend.port) for name, backend in zip(names, found, strict=True)),
        routes=(route(*[[engine_candidate(name)] for name in names], **route_fields),),
        **fields,
    )
