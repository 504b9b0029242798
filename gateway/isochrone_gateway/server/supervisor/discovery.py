"""The engines behind Kubernetes Services: watched once per gateway, for all workers, which so need no credentials.

    config ─▶ its Services ─▶ one watch each ─▶ EndpointSlices ─▶ ready endpoints ─▶ workers, those that join too

A watch lasts through all configs that want its Service. While a config is being applied, the Services of both are
watched: the new engines are then known when it starts to run.

An API server that is away says nothing about engines. What was found last stays, the gateway's own probes and breakers
go on, and `/status` and metrics say so. An API server that knows of no EndpointSlices does say something: no engines.
"""

import asyncio
import contextlib
import dataclasses
import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import msgspec

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.server.supervisor.fleet import Say
from isochrone_gateway.server.supervisor.messages import Forget, Found, ToWorker
from isochrone_gateway.source import kube_watch
from isochrone_gateway.source.credentials import CredentialsError, ServiceAccount
from isochrone_gateway.source.kube_api import ApiClient
from isochrone_gateway.source.kube_watch import DEFAULT_PACE, Collection, Pace
from isochrone_gateway.source.reading import Away
from isochrone_gateway.upstream.discovery import Endpoints, ready_endpoints

_LABEL: Final = "kubernetes.io/service-name"
_RESTART: Final = 5.0
"""Seconds until a watch that failed with a bug of ours is started again."""

_Slice = Mapping[str, Any]
_Tell = Callable[[ToWorker], None]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceReport:
    """What is told of one Service. `read_at` is when it was last read, by the clock that Discovery was given."""

    name: str
    problem: str | None
    read_at: float | None
    endpoints: Mapping[str, int]
    """How many are ready, by the name of the port."""


def services_of(config: Config) -> frozenset[ServiceEndpoints]:
    """The Services whose endpoints a config wants."""
    found = (pool.discovery for pool in config.engines)
    return frozenset(each for each in found if isinstance(each, ServiceEndpoints))


class Discovery:
    """Watches the Services that are wanted."""

    def __init__(
        self,
        account: Callable[[], ServiceAccount],
        tell: _Tell,
        say: Say,
        *,
        clock: Callable[[], float],
        pace: Pace = DEFAULT_PACE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._account = account
        self._tell = tell
        self._say = say
        self._clock = clock
        self._pace = pace
        self._chance = chance
        self._client: ApiClient | None = None
        self._watches: dict[tuple[str, str], ServiceWatch] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def why_not(self, config: Config) -> tuple[str, ...]:
        """Why the engines of a config can't be found here. An API server that is away is no reason: it comes back."""
        pools = [pool.id for pool in config.engines if isinstance(pool.discovery, ServiceEndpoints)]
        if not pools:
            return ()
        try:
            await asyncio.to_thread(_try, self._account)
        except CredentialsError as error:
            return (_no_way(pools, error),)
        return ()

    def want(self, services: Iterable[ServiceEndpoints]) -> None:
        """Watch just these from now on. What was watched before goes on undisturbed."""
        by_name = {
            name: frozenset(ports)
            for name, ports in itertools.groupby(sorted(services, key=_sorted), key=lambda each: _sorted(each)[:2])
        }
        for name in self._watches.keys() - by_name.keys():
            self._stop(self._watches.pop(name))
        for name, ports in by_name.items():
            if name not in self._watches:
                self._watches[name] = self._start(*name)
            self._watches[name].want(ports)

    def known(self) -> Sequence[Found]:
        """All that was found."""
        return [found for watch in self._watches.values() for found in watch.known()]

    def report(self) -> Sequence[ServiceReport]:
        return [self._watches[name].report() for name in sorted(self._watches)]

    def nudge(self) -> None:
        """Ask again at once where the API server was away."""
        for watch in self._watches.values():
            watch.nudge()

    async def close(self) -> None:
        for watch in self._watches.values():
            self._stop(watch)
        self._watches.clear()
        await asyncio.gather(*self._ending, return_exceptions=True)
        if self._client is not None:
            self._client.close()

    def _start(self, namespace: str, service: str) -> "ServiceWatch":
        if self._client is None:
            self._client = ApiClient(self._account())
        path = f"/apis/discovery.k8s.io/v1/namespaces/{quote(namespace)}/endpointslices"
        selector = {"labelSelector": f"{_LABEL}={service}"}
        slices = Collection(self._client, path, selector, _read, pace=self._pace, chance=self._chance)
        return ServiceWatch(f"{namespace}/{service}", slices, tell=self._tell, say=self._say, clock=self._clock)

    def _stop(self, watch: "ServiceWatch") -> None:
        watch.want(frozenset())
        watch.task.cancel()
        self._ending.add(watch.task)
        watch.task.add_done_callback(self._ending.discard)


class ServiceWatch:
    """One Service, and the endpoints of those of its ports that are wanted."""

    def __init__(
        self, name: str, slices: Collection[_Slice], *, tell: _Tell, say: Say, clock: Callable[[], float]
    ) -> None:
        self._name = name
        self._collection = slices
        self._tell = tell
        self._say = say
        self._clock = clock
        self._slices: tuple[_Slice, ...] = ()
        self._read_at: float | None = None
        self._problem: str | None = None
        self._wanted: frozenset[ServiceEndpoints] = frozenset()
        self._found: dict[ServiceEndpoints, Endpoints] = {}
        self.task = asyncio.get_running_loop().create_task(self._observe())

    def want(self, ports: frozenset[ServiceEndpoints]) -> None:
        for port in self._found.keys() - ports:
            del self._found[port]
            self._tell(Forget(port))
        self._wanted = ports
        if self._read_at is not None:
            self._look()

    def known(self) -> Sequence[Found]:
        return [Found(port, endpoints) for port, endpoints in self._found.items()]

    def report(self) -> ServiceReport:
        return ServiceReport(
            name=self._name,
            problem=self._problem or (None if self._read_at is not None else "it is being read"),
            read_at=self._read_at,
            endpoints={port.port_name: len(endpoints) for port, endpoints in self._found.items()},
        )

    def nudge(self) -> None:
        self._collection.nudge()

    async def _observe(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._collection.observe()) as observed:
                    async for said in observed:
                        self._hear(said)
            except Exception as error:  # noqa: BLE001 - a bug here must not stop the finding of engines for ever
                self._hear(Away(f"watching it failed: {error!r}"))
            await asyncio.sleep(_RESTART)

    def _hear(self, said: Mapping[str, _Slice] | Away) -> None:
        if isinstance(said, Away):
            if self._problem is None:
                self._say(LogLevel.WARNING, "DiscoveryAway", service=self._name, detail=said.problem)
            self._problem = said.problem
            return
        self._slices, self._read_at = tuple(said.values()), self._clock()
        self._look()
        if self._problem is not None:
            self._problem = None
            self._say(LogLevel.INFO, "DiscoveryBack", service=self._name)

    def _look(self) -> None:
        """Work out the endpoints, and tell those that changed."""
        for port in self._wanted:
            endpoints = ready_endpoints(self._slices, port.port_name)
            if self._found.get(port) != endpoints:
                self._found[port] = endpoints
                self._tell(Found(port, endpoints))
                self._say(LogLevel.INFO, "EnginesFound", service=self._name, port=port.port_name, ready=len(endpoints))


def _sorted(service: ServiceEndpoints) -> tuple[str, str, str]:
    return service.namespace, service.service, service.port_name


def _read(found: msgspec.Raw) -> _Slice:
    read: _Slice = kube_watch.decode(found, dict)
    return read


def _try(account: Callable[[], ServiceAccount]) -> None:
    found = account()
    found.token()
    found.tls()


def _no_way(pools: Sequence[str], error: CredentialsError) -> str:
    more = f" and {len(pools) - 1} more" if len(pools) > 1 else ""
    return (
        f'$.engines["{pools[0]}"].discovery{more}: EndpointSlices are read through the Kubernetes API, and there is '
        f"no way to it here ({error}); run this gateway in a pod with a service account, or let Dns or Static find them"
    )
