"""Gateways without sockets: the pipeline as it is, with a clock, a pool and connections of the test's.

Nothing is sent anywhere. Who was to be asked is written down, and answers as the test wants.
"""

import asyncio
import heapq
import itertools
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

from isochrone_gateway.config import Loaded
from isochrone_gateway.config.peers import Peer
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, ProviderTarget
from isochrone_gateway.ledger.demand import family_in
from isochrone_gateway.ledger.evidence.keeping import Keeping
from isochrone_gateway.ledger.hops import HopMeter
from isochrone_gateway.ledger.meter import Meter
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.queue import RecordQueue
from isochrone_gateway.ledger.withheld import Withheld, audited_in
from isochrone_gateway.route.health import Health
from isochrone_gateway.route.limits import Meter as LimitMeter
from isochrone_gateway.server.exchange import Exchange, ExchangeHandler
from isochrone_gateway.server.heads import HeadParser
from isochrone_gateway.server.limits import Limits
from isochrone_gateway.server.pipeline.backends import Absent, EngineBackend, PeerBackend, RemoteBackend
from isochrone_gateway.server.pipeline.compile import Compiler
from isochrone_gateway.server.pipeline.engines import Engines
from isochrone_gateway.server.pipeline.entrance import Entrance
from isochrone_gateway.server.pipeline.live import Live
from isochrone_gateway.server.pipeline.peer_entrance import PeerEntrance
from isochrone_gateway.server.pipeline.revision import Way
from isochrone_gateway.server.pipeline.services import Memory, Names, Services
from isochrone_gateway.server.refusals import Refusal
from isochrone_gateway.upstream.call import Call, Failure, FailureKind, Sink
from isochrone_gateway.upstream.discovery import EngineEndpoint
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.resolver import Resolver
from isochrone_gateway.upstream.target import Outgoing, Target, Timeouts
from isochrone_gateway.wire.http import RequestHead, ResponseHead

Where = tuple[str, ...]
"""`("engine", POOL)`, `("peer", SITE, POOL)` or `("provider", NAME, ENDPOINT)`."""
_MEMORY: Final = 1 << 40
_CLIENT: Final = ("192.0.2.7", 40000)


class Answer(NamedTuple):
    """What a client reads."""

    status: int
    code: str
    was_read: bool
    """Whether its body was asked for."""


class Sent(NamedTuple):
    """An attempt that one gateway made."""

    site: str
    where: Where
    answer: str
    """`ok`, `unlawful` (a peer's own law), `elsewhere` (a peer has no such pool), or what failed."""
    hosted: bool
    """Whether a peer had sent the request there."""


class Loop:
    """A clock that moves when somebody waits for something."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._count = itertools.count()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., object], *args: object) -> "_Timer":
        return self.call_at(self.now, callback, *args)

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> "_Timer":
        return self.call_at(self.now + delay, callback, *args)

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> "_Timer":
        timer = _Timer(callback, args)
        heapq.heappush(self._timers, (when, next(self._count), timer))
        return timer

    def step(self) -> bool:
        """Go on to what is next; False if nothing is."""
        if not self._timers:
            return False
        when, _, timer = heapq.heappop(self._timers)
        self.now = max(self.now, when)
        timer.run()
        return True


class _Timer:
    def __init__(self, callback: Callable[..., object], args: tuple[object, ...]) -> None:
        self._call: tuple[Callable[..., object], tuple[object, ...]] | None = (callback, args)

    def cancel(self) -> None:
        self._call = None

    def run(self) -> None:
        if self._call is not None:
            callback, args = self._call
            callback(*args)


class Connection:
    """What an exchange has of its connection. Keeps the answer."""

    def __init__(self, certificate: Mapping[str, Any]) -> None:
        self.was_read = False
        self.data = bytearray()
        self.is_over = False
        self._certificate = certificate

    def certificate(self) -> Mapping[str, Any]:
        return self._certificate

    def read_body(self) -> None:
        self.was_read = True

    def head_end(self, *, whole: bool) -> bytes:  # noqa: ARG002 - as a connection has it
        return b"\r\n"

    def write(self, data: bytes) -> bool:
        self.data += data
        return True

    def write_pieces(self, head: bytes, body: bytes, tail: bytes) -> bool:
        return self.write(head + body + tail)

    def is_writable(self) -> bool:
        return True

    def answered(self) -> None:
        self.is_over = True

    abandon = answered

    @property
    def status(self) -> int:
        return int(self.data[9:12])

    def header(self, name: bytes) -> bytes:
        _, _, rest = bytes(self.data).partition(b"\r\n%b: " % name)
        return rest.partition(b"\r\n")[0]


class _Call:
    def cancel(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


class _Recording:
    """A site's pool: hands to the network who is to be asked."""

    def __init__(self, network: "Network", site: "Site") -> None:
        self._network = network
        self._site = site

    def send(self, target: Target, request: Outgoing, sink: Sink, *, timeouts: Timeouts, deadline: float) -> Call:  # noqa: ARG002 - as a pool has it
        network = self._network
        self._site.is_used = True
        network.loop.call_soon(network.answer, self._site, target, request, sink)
        return _Call()


class Site:
    """One gateway."""

    def __init__(self, network: "Network", loaded: Loaded, secrets: pathlib.Path) -> None:
        self.config = loaded.config
        self.name = self.config.site.name
        self.age = 0.0
        registry = Registry()
        self.records = RecordQueue()
        memory = Memory()
        memory.most = _MEMORY
        self.services = Services(
            loop=cast("asyncio.AbstractEventLoop", network.loop),
            pool=cast("Pool", _Recording(network, self)),
            memory=memory,
            records=self.records,
            withheld=Withheld(registry),
            meter=Meter(registry),
            hop_meter=HopMeter(registry),
            demand=family_in(registry),
            audited=audited_in(registry),
            age=lambda: self.age,
            wall=lambda: 1_800_000_000.0,
            random=lambda: network.random(),  # noqa: PLW0108 - it is another one for each request
            names=Names(b"0"),
            bits=lambda _: 0,
            traces=False,
            evidence=Keeping(),
        )
        live = Live()
        resolver = Resolver(_no_names, network.loop.time)
        compiler = Compiler(
            loaded, live.roll(), secrets=secrets, resolver=resolver, watcher=_Unwatched(), meter=LimitMeter
        )
        self.revision = compiler.revision()
        self.entrance = Entrance(self.services, self.revision)
        self.peers = PeerEntrance(self.services, self.revision)
        self.heads: dict[bytes, RequestHead | Refusal] = {}
        self.wheres = {id(way): where for way, where in self._ways()}
        self.endpoints = {
            provider_endpoint.base_url.split("/")[2]: (provider.name, provider_endpoint.name)
            for provider in self.config.providers
            for provider_endpoint in provider.endpoints
        }
        for pool in self._pools():
            pool.find((EngineEndpoint("192.0.2.1", 8000), EngineEndpoint("192.0.2.2", 8000)))
        self.is_used = False
        """Whether anything was sent from here since all was as at first."""
        pools = {id(pool): pool for pool in self._pools()}
        self._engines = [(pool.pool.id, engine) for pool in pools.values() for engine in pool.members]
        self.pools = frozenset(pool.pool.id for pool in pools.values())
        ways = [way for view in self.revision.routes for way in view.ways]
        self._standings = [(way.peer, way.backend._standing) for way in ways if isinstance(way.backend, PeerBackend)]
        self._remote = [way.backend._standing for way in ways if isinstance(way.backend, RemoteBackend)]
        self.absent = {id(way) for way in ways if isinstance(way.backend, Absent)}

    def _ways(self) -> Iterator[tuple[Way, Where]]:
        for view in self.revision.routes:
            candidates = [each for tier in view.route.tiers for each in tier.candidates]
            yield from zip(view.ways, map(where_of, candidates), strict=True)

    def _pools(self) -> Iterator[Engines]:
        for view in self.revision.routes:
            yield from (way.backend.engines for way in view.ways if isinstance(way.backend, EngineBackend))

    def begin_anew(self, down: frozenset[Where], now: float) -> None:
        """All is well but what is down, and nothing is left of what was before."""
        for pool, engine in self._engines:
            _know(engine.health, now, is_well=("engine", self.name, pool) not in down)
        for peer, standing in self._standings:
            _know(standing.health, now, is_well=("site", peer) not in down)
        if self.is_used:
            self._forget()

    def _forget(self) -> None:
        self.is_used = False
        for _, engine in self._engines:
            _renew(engine.breaker)
        for _, standing in self._standings:
            _renew(standing, health=standing.health, breaker=standing.breaker, figures=standing.figures)
            _renew(standing.breaker)
        for remote in self._remote:
            _renew(remote.breaker)
            if remote.keys is not None:
                _renew(remote.keys, remote.keys._count, remote.keys._rotation)
        for view in self.revision.routes:
            _renew(view.budget, view.retry.budget_percent)
        self.records._records.clear()


def _know(health: Health, now: float, *, is_well: bool) -> None:
    """One probe after another, until they say it."""
    for _ in range(3):
        health.probed(now, is_well=is_well)
        if health.is_ready(now) == is_well:
            return


def _renew(thing: Any, *made_of: Any, **named: Any) -> None:
    """As it was at first, in its place: much refers to it."""
    thing.__init__(*made_of, **named)


class Network:
    """The gateways of one installation. `random` and `fate` are drawn anew for each request."""

    def __init__(self, configs: Mapping[str, Loaded], secrets: pathlib.Path) -> None:
        self.loop = Loop()
        self.random: Callable[[], float] = lambda: 0.0
        self.fate: Callable[[str, Where], str] = lambda _, __: "ok"
        self.sent: list[Sent] = []
        self.parser = HeadParser(Limits())
        self.sites = {name: Site(self, loaded, secrets) for name, loaded in configs.items()}

    def ask(self, site: Site, raw: bytes, body: bytes) -> Answer:
        """A client's request at the data port, from its bytes to its answer."""
        head = site.heads.get(raw)
        if head is None:
            head = site.heads[raw] = self.parser.parse(raw)
        if isinstance(head, Refusal):
            return Answer(head.status, head.code, was_read=False)
        connection = self._serve(site.entrance.on_request, head, body, {})
        while not connection.is_over:
            if not self.loop.step():
                raise AssertionError("the request waits for nothing")
        return Answer(connection.status, _code_in(bytes(connection.data)), connection.was_read)

    def hop(self, site: Site, raw: bytes, body: bytes, certificate: Mapping[str, Any]) -> Connection:
        """A request at the peer port."""
        head = self.parser.parse(raw)
        if isinstance(head, Refusal):
            raise ValueError(f"no gateway sends such a head: {head.code}")  # noqa: TRY004 - the head is at fault
        return self._serve(site.peers.on_request, head, body, certificate)

    def _serve(
        self,
        on_request: Callable[[Exchange], ExchangeHandler],
        head: RequestHead,
        body: bytes,
        certificate: Mapping[str, Any],
    ) -> Connection:
        connection = Connection(certificate)
        exchange = Exchange(cast("Any", connection), head, len(body), _CLIENT, self.loop.now)
        handler = on_request(exchange)
        if connection.was_read and not connection.is_over:
            handler.on_body(body)
            handler.on_body_end()
        return connection

    # Who is asked.

    def answer(self, site: Site, target: Target, request: Outgoing, sink: Sink) -> None:
        """Let somebody answer an attempt."""
        hosted = not hasattr(sink, "lease")
        if target.name.startswith("peer:"):
            self._at_peer(site, target, request, sink)
            return
        provider = site.endpoints.get(target.authority.decode())
        where = ("engine", target.name) if provider is None else ("provider", *provider)
        fate = self.fate(site.name, where)
        self.sent.append(Sent(site.name, where, fate, hosted))
        _give(sink, fate)

    def _at_peer(self, site: Site, target: Target, request: Outgoing, sink: Sink) -> None:
        name = target.name.removeprefix("peer:")
        _, _, rest = request.head.partition(b"x-isochrone-hop-pool: ")
        where = ("peer", name, rest.partition(b"\r\n")[0].decode())
        fate = self.fate(site.name, where)
        if fate != "ok" or name not in self.sites:
            fate = fate if fate != "ok" else "connect"
            self.sent.append(Sent(site.name, where, fate, hosted=False))
            _give(sink, fate)
            return
        peer = self.sites[name]
        entry = next((each for each in peer.config.peers if each.site == site.name), None)
        place = len(self.sent)
        self.sent.append(Sent(site.name, where, "open", hosted=False))
        connection = self.hop(peer, request.head, b"".join(request.body), certificate_of(entry))
        self._hand_back(place, connection, sink)

    def _hand_back(self, place: int, connection: Connection, sink: Sink) -> None:
        """Once the peer has answered."""
        if not connection.is_over:
            self.loop.call_later(0.001, self._hand_back, place, connection, sink)
            return
        refusal = connection.header(b"x-isochrone-hop-refusal")
        words = {b"residency_denied": "unlawful", b"unknown_route": "elsewhere", b"unknown_pool": "elsewhere"}
        answer = words.get(refusal, "ok" if connection.status == 200 else refusal.decode() or "503")
        self.sent[place] = self.sent[place]._replace(answer=answer)
        headers = [(b"x-isochrone-hop-refusal", refusal)] if refusal else []
        sink.on_head(ResponseHead(connection.status, headers, 2, chunked=False, keep_alive=True))
        sink.on_data(b"{}")
        sink.on_end()


def where_of(candidate: Candidate) -> Where:
    match candidate.target:
        case EngineTarget(pool=pool):
            return ("engine", pool)
        case PeerTarget(site=site, pool=pool):
            return ("peer", site, pool)
        case ProviderTarget(provider=provider, endpoint=endpoint):
            return ("provider", provider, endpoint)


def certificate_of(peer: Peer | None) -> dict[str, Any]:
    """What a gateway shows that is this peer to the one that it asks."""
    if peer is None:
        return {"subjectAltName": (("URI", "spiffe://elsewhere/site/nobody"),)}
    names = (("DNS", peer.server_name), ("URI", peer.uri))
    return {"subjectAltName": tuple((kind, name) for kind, name in names if name is not None)}


_STATUSES: Final = {"ok": 200, "503": 503, "429": 429}


def _give(sink: Sink, fate: str) -> None:
    status = _STATUSES.get(fate)
    if status is None:
        kind = FailureKind.CONNECT if fate == "connect" else FailureKind.FIRST_BYTE_TIMEOUT
        sink.on_failure(Failure(kind=kind, detail=fate))
        return
    sink.on_head(ResponseHead(status, [], 2, chunked=False, keep_alive=True))
    sink.on_data(b"{}")
    sink.on_end()


def _code_in(data: bytes) -> str:
    _, found, rest = data.partition(b'"code":"')
    return rest.partition(b'"')[0].decode() if found else ""


class _Unwatched:
    def engines_changed(self) -> None: ...
    def engines_ready(self) -> None: ...


async def _no_names(host: str) -> Sequence[str]:
    raise OSError(f"nothing is looked up here: {host}")
