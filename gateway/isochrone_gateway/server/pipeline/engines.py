"""The engines of one pool: found by discovery, probed for health and load, chosen among for each request.

To the choice among candidates a pool is one target. It is ready if one of its engines is; its figures are their means.
"""

from collections.abc import Container
from typing import Final, Protocol

from isochrone_gateway.config.engines import DnsName, EnginePool, StaticEndpoints
from isochrone_gateway.route import endpoints as picking
from isochrone_gateway.route.breaker import Breaker
from isochrone_gateway.route.candidates import Blocked, Figures, Why
from isochrone_gateway.route.endpoints import Endpoint
from isochrone_gateway.route.health import Health
from isochrone_gateway.upstream.addresses import ANYWHERE
from isochrone_gateway.upstream.discovery import DnsWatch, Endpoints, EngineEndpoint, static_endpoints
from isochrone_gateway.upstream.probes import Observation, Probe
from isochrone_gateway.upstream.resolver import Resolver
from isochrone_gateway.upstream.target import Target

_NOT_READY: Final = Blocked(Why.NOT_READY)


class Engine:
    """One engine."""

    __slots__ = ("breaker", "endpoint", "found", "health", "key", "probe", "target")

    def __init__(self, pool: EnginePool, found: EngineEndpoint) -> None:
        self.found = found
        self.key = f"{pool.id}/{found.key}"
        authority = f"[{found.host}]:{found.port}" if ":" in found.host else f"{found.host}:{found.port}"
        self.target = Target(
            host=found.host, port=found.port, authority=authority.encode(), name=pool.id, addresses=ANYWHERE
        )
        self.health = Health()
        self.breaker = Breaker()
        self.endpoint = Endpoint(name=self.key)
        self.probe = Probe(
            key=self.key, target=self.target, health_path=pool.health_path, metrics_path=pool.metrics_path
        )


class Watcher(Protocol):
    """Who is told of changes."""

    def engines_changed(self) -> None:
        """Other engines must be probed."""

    def engines_ready(self) -> None:
        """An engine can take requests that couldn't before."""


class Engines:
    """The engines of one pool; the standing of its candidates."""

    def __init__(self, pool: EnginePool, resolver: Resolver, watcher: Watcher) -> None:
        self.pool = pool
        self.figures = Figures()
        self.members: tuple[Engine, ...] = ()
        self._watcher = watcher
        self._watch: DnsWatch | None = None
        match pool.discovery:
            case StaticEndpoints():
                self.find(static_endpoints(pool.discovery))
            case DnsName():
                self._watch = DnsWatch(pool.discovery, resolver, self.found)
            case _:
                pass  # The supervisor watches the Kubernetes API, and the plane hands on what it finds.

    def start(self) -> None:
        if self._watch is not None:
            self._watch.start()

    async def close(self) -> None:
        if self._watch is not None:
            await self._watch.close()

    def found(self, endpoints: Endpoints) -> None:
        """These are the engines now; tells the watcher."""
        self.find(endpoints)
        self._watcher.engines_changed()

    def observed(self, engine: Engine, observation: Observation) -> None:
        """What a probe found."""
        was_ready = engine.health.is_ready(observation.at)
        engine.health.probed(observation.at, is_well=observation.is_well)
        if observation.load is not None:
            engine.endpoint.waiting = observation.load.waiting
            engine.endpoint.kv_use = observation.load.kv_use or 0.0
        ready = [each.endpoint for each in self.members if each.health.is_ready(observation.at)]
        count = len(ready) or 1
        self.figures.waiting = sum(each.waiting for each in ready) / count
        self.figures.kv_use = sum(each.kv_use for each in ready) / count
        if not was_ready and engine.health.is_ready(observation.at):
            self._watcher.engines_ready()

    def blocked(self, now: float) -> Blocked | None:
        """Why none of them can answer now."""
        until = None
        for engine in self.members:
            if engine.health.is_ready(now):
                refused = engine.breaker.refused_until(now)
                if refused is None:
                    return None
                until = refused if until is None else min(until, refused)
        return _NOT_READY if until is None else Blocked(Why.COOLING, until)

    def last_resort_at(self, now: float) -> float | None:
        times = [
            at
            for engine in self.members
            if engine.health.is_ready(now) and (at := engine.breaker.last_resort_at()) is not None
        ]
        return min(times, default=None)

    def pick(self, now: float, key: int | None, rand: float, tried: Container[Engine]) -> Engine | None:
        """The engine for a prompt, if one can take it. One that was tried for it is taken only if no other is left."""
        able = [
            engine
            for engine in self.members
            if engine.health.is_ready(now) and engine.breaker.refused_until(now) is None
        ]
        if len(able) <= 1:
            return able[0] if able else None
        fresh = [engine for engine in able if engine not in tried] or able
        chosen = picking.pick([engine.endpoint for engine in fresh], key, rand)
        return next((engine for engine in fresh if engine.endpoint is chosen), None)

    def pick_last_resort(self, now: float) -> Engine | None:
        """Of those that are cooling down, one whose breaker may agree to be tried all the same."""
        cooling = [(at, index) for index, each in enumerate(self.members) if (at := _resort(each, now)) is not None]
        return self.members[min(cooling)[1]] if cooling else None

    def has_fresh(self, now: float, tried: Container[Engine]) -> bool:
        """Whether an engine that wasn't tried for a request could take it."""
        return any(
            engine not in tried and engine.health.is_ready(now) and engine.breaker.refused_until(now) is None
            for engine in self.members
        )

    def find(self, endpoints: Endpoints) -> None:
        """These are the engines now. Those that stay keep what is known of them."""
        known = {engine.probe: engine for engine in self.members}
        made = (Engine(self.pool, endpoint) for endpoint in endpoints)
        self.members = tuple(known.get(each.probe, each) for each in made)

    def take_over(self, former: "Engines") -> None:
        """The pool is configured anew: engines that stay keep what is known of them.

        Where engines are looked for in the same place, they are those that were found there, until others are.
        """
        is_same_place = self.pool.discovery == former.pool.discovery
        endpoints = tuple(engine.found for engine in (former if is_same_place else self).members)
        self.members = former.members
        self.find(endpoints)


def _resort(engine: Engine, now: float) -> float | None:
    at = engine.breaker.last_resort_at() if engine.health.is_ready(now) else None
    return None if at is None or at > now else at
