"""The pipeline of one worker: makes revisions of configs, and keeps what outlives them."""

import asyncio
import dataclasses
import random
import secrets
import time
from collections.abc import Coroutine, Mapping
from typing import Any, Final

from isochrone_gateway.config import Loaded
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.ledger.demand import family_in
from isochrone_gateway.ledger.hops import HopMeter
from isochrone_gateway.ledger.meter import Meter
from isochrone_gateway.ledger.withheld import Withheld, audited_in
from isochrone_gateway.server.pipeline.backends import Absent
from isochrone_gateway.server.pipeline.compile import Compiler
from isochrone_gateway.server.pipeline.engines import Engine, Engines
from isochrone_gateway.server.pipeline.entrance import Entrance
from isochrone_gateway.server.pipeline.handling import Handling
from isochrone_gateway.server.pipeline.live import Live, Roll, Startable
from isochrone_gateway.server.pipeline.peer_entrance import PeerEntrance
from isochrone_gateway.server.pipeline.peers import PeerSite
from isochrone_gateway.server.pipeline.revision import Revision, RouteView
from isochrone_gateway.server.pipeline.services import Memory, Names, Services
from isochrone_gateway.server.supervisor.dataplane import Context, Handlers
from isochrone_gateway.upstream.discovery import Endpoints
from isochrone_gateway.upstream.pool import Pool
from isochrone_gateway.upstream.probes import Observation, Prober, ProbeSettings
from isochrone_gateway.upstream.resolver import Resolver, system_lookup
from isochrone_gateway.upstream.target import Timeouts

_PROBES: Final = ProbeSettings()
_PEER_PROBES: Final = ProbeSettings(timeouts=Timeouts(connect=2.0, first_byte=2.0, idle=2.0, total=4.0))
"""A handshake with the other side of the world takes most of a second."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Prepared(Handlers):
    """A revision on its way from `prepare` to `activate`."""

    data: Entrance
    peer: PeerEntrance
    loaded: Loaded
    revision: Revision
    roll: Roll


class DataPlane:
    """Implements `supervisor.dataplane.DataPlane`."""

    def __init__(
        self, context: Context, *, probes: ProbeSettings = _PROBES, peer_probes: ProbeSettings = _PEER_PROBES
    ) -> None:
        loop = asyncio.get_running_loop()
        self._context = context
        self._loop = loop
        self._live = Live()
        self._resolver = Resolver(system_lookup, loop.time)
        self._pool = Pool(loop, resolver=self._resolver)
        self._probe_pool = Pool(loop, resolver=self._resolver)  # So that busy connections don't look like dead engines.
        self._prober = Prober(self._probe_pool, self._observed, random=random.random, clock=loop.time, settings=probes)
        self._peer_prober = Prober(
            self._probe_pool, self._peer_observed, random=random.random, clock=loop.time, settings=peer_probes
        )
        self._probed: dict[str, tuple[Engines, Engine]] = {}
        self._peers: dict[str, PeerSite] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._running: Prepared | None = None
        self._measured: set[str] = set()
        self._entrance: Entrance | None = None
        self._peer_entrance: PeerEntrance | None = None
        self._held = context.registry.gauge(
            "isochrone_held_requests", "Requests that wait for an engine to become ready.", "route"
        )
        self._ready_peers = context.registry.gauge(
            "isochrone_peer_ready", "Workers of this gateway that find a peer ready.", "peer"
        )
        self.services = Services(
            loop=loop,
            pool=self._pool,
            memory=Memory(),
            records=context.records,
            withheld=Withheld(context.registry),
            meter=Meter(context.registry),
            hop_meter=HopMeter(context.registry),
            demand=family_in(context.registry),
            audited=audited_in(context.registry),
            age=context.age,
            wall=time.time,
            random=random.random,
            names=Names(secrets.token_hex(8).encode()),
            bits=random.getrandbits,
            traces=context.exports_spans,
            evidence=context.evidence,
        )

    # What the worker says.

    def prepare(self, loaded: Loaded) -> Handlers:
        """Build a revision; on a thread."""
        roll = self._live.roll()
        context = self._context
        compiler = Compiler(
            loaded, roll, secrets=context.secrets, resolver=self._resolver, watcher=self, meter=context.meter
        )
        revision = compiler.revision()
        entrance = self._entrance or Entrance(self.services, revision)
        peer = self._peer_entrance or PeerEntrance(self.services, revision)
        return Prepared(data=entrance, peer=peer, loaded=loaded, revision=revision, roll=roll)

    def activate(self, handlers: Handlers) -> None:
        if not isinstance(handlers, Prepared):
            raise TypeError("these handlers were not prepared here")
        waiting = self._release()
        self._running = handlers
        self._entrance, self._peer_entrance = handlers.data, handlers.peer
        self._entrance.revision = self._peer_entrance.revision = handlers.revision
        self.services.memory.most = handlers.revision.site.limits.body_memory_bytes
        self._settle(handlers.roll)
        self.engines_changed()
        self._watch_peers()
        for handling in waiting:
            handling.decide_anew(*self._entrance.enter_again(handling.exchange.head))

    def measure(self) -> None:
        waiting = {route.id: len(route.hold) for route in self._routes()}
        for route_id in self._measured | waiting.keys():
            self._held.child(route_id).set(waiting.get(route_id, 0))
        self._measured = set(waiting)

    def describe(self) -> dict[str, Any]:
        now = self._loop.time()
        return {
            "engines": {engine.key: _describe(engine, now) for _, engine in self._probed.values()},
            "peers": {peer.site: peer.describe(now) for peer in self._peers.values()},
            "held": {} if self._running is None else {r.id: len(r.hold) for r in self._routes() if len(r.hold)},
            "unusable": self._unusable(),
            "openRequests": len(self.services.open),
            "openRequestsOfPeers": len(self.services.hosted),
            "bodyBytes": self.services.memory.used,
        }

    def _unusable(self) -> dict[str, str]:
        """Candidates that this gateway can't use, and why."""
        ways = (way for route in self._routes() for way in route.ways)
        return {way.label: way.backend.why for way in ways if isinstance(way.backend, Absent)}

    def reload(self) -> None:
        """Read secrets again."""
        self._start(self._reload())

    def refresh(self) -> None:
        """Use the certificates that were renewed."""
        self._start(self._reload_tls(only_changed=True))

    def interrupt(self) -> None:
        if self._entrance is not None and self._peer_entrance is not None:
            self._entrance.end()
            self._peer_entrance.end()
        for handling in tuple(self.services.open):
            handling.interrupt()
        for hosting in tuple(self.services.hosted):
            hosting.interrupt()

    async def close(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._prober.close()
        await self._peer_prober.close()
        for thing in self._live.settle(Roll({})):
            await thing.close()
        await self._probe_pool.close()
        await self._pool.close()

    # What the engines say, and what is said of them.

    def found(self, services: Mapping[ServiceEndpoints, Endpoints]) -> None:
        for pool in self._live.of(Engines):
            discovery = pool.pool.discovery
            if isinstance(discovery, ServiceEndpoints) and discovery in services:
                pool.find(services[discovery])
        self.engines_changed()

    def engines_changed(self) -> None:
        self._probed = {engine.key: (pool, engine) for pool in self._live.of(Engines) for engine in pool.members}
        self._prober.watch(engine.probe for _, engine in self._probed.values())

    def engines_ready(self) -> None:
        """Let the requests that wait try again; what finds nothing waits on, until its time is over."""
        for handling in self._release():
            handling.released()

    def _release(self) -> list[Handling]:
        """Take all requests that wait out of their queues."""
        return [handling for route in self._routes() for handling in route.hold.release(len(route.hold))]

    def _settle(self, roll: Roll) -> None:
        """Only what is on this roll is in use from now on."""
        former = {pool.pool.id: pool for pool in self._live.of(Engines)}
        for thing in self._live.settle(roll):
            self._start(_close(thing))
        for pool in self._live.of(Engines):
            before = former.get(pool.pool.id)
            if before is not None and before is not pool:
                pool.take_over(before)

    def _observed(self, observation: Observation) -> None:
        found = self._probed.get(observation.key)
        if found is not None:
            found[0].observed(found[1], observation)

    # What the peers' probes say.

    def _watch_peers(self) -> None:
        for peer in self._peers.values():
            self._ready_peers.remove(peer.site)
        self._peers = {peer.key: peer for peer in self._live.of(PeerSite)}
        self._peer_prober.watch(peer.probe for peer in self._peers.values())
        for peer in self._peers.values():
            self._tell_ready(peer)

    def _peer_observed(self, observation: Observation) -> None:
        peer = self._peers.get(observation.key)
        if peer is None:
            return
        if peer.observed(observation):
            self.engines_ready()
        self._tell_ready(peer)

    def _tell_ready(self, peer: PeerSite) -> None:
        self._ready_peers.child(peer.site).set(float(peer.health.is_ready(self._loop.time())))

    def _routes(self) -> tuple[RouteView, ...]:
        return () if self._running is None else self._running.revision.routes

    async def _reload(self) -> None:
        running = self._running
        await self._reload_tls()
        if running is None:
            return
        prepared = await asyncio.to_thread(self.prepare, running.loaded)
        if self._running is running:  # Else a newer config has read them.
            self.activate(prepared)

    async def _reload_tls(self, *, only_changed: bool = False) -> None:
        for pool in (self._pool, self._probe_pool):
            await pool.reload_tls(only_changed=only_changed)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _close(thing: Startable) -> None:
    await thing.close()


def _describe(engine: Engine, now: float) -> dict[str, Any]:
    endpoint = engine.endpoint
    return {
        "health": engine.health.state(now).value,
        "breaker": engine.breaker.state.value,
        "inFlight": endpoint.in_flight,
        "waiting": endpoint.waiting,
        "kvUse": endpoint.kv_use,
    }
