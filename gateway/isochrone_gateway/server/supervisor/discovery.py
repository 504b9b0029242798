"""The engines behind Kubernetes Services: watched once per gateway, for all workers, which so need no credentials.

    config ─▶ its Services ─▶ one watch each ─▶ EndpointSlices ─▶ ready endpoints ─▶ workers, those that join too

A watch lasts through all configs that want its Service. While a config is being applied, the Services of both are
watched: the new engines are then known when it starts to run.

An API server that is away says nothing about engines. What was found last stays, the gateway's own probes and breakers
go on, and `/status` and metrics say so; a gateway that starts in such a time begins with what is on its disk. An API
server that knows of no EndpointSlices does say something: no engines.
"""

import asyncio
import itertools
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final
from urllib.parse import quote

import msgspec

from isochrone_gateway.config import Config
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.server.supervisor.remembered import Known
from isochrone_gateway.server.supervisor.slices import ServiceReport, ServiceWatch, Slice, Surroundings
from isochrone_gateway.source import kube_watch
from isochrone_gateway.source.credentials import CredentialsError, ServiceAccount
from isochrone_gateway.source.kube_api import ApiClient
from isochrone_gateway.source.kube_watch import DEFAULT_PACE, Collection, Pace

_LABEL: Final = "kubernetes.io/service-name"


def services_of(config: Config) -> frozenset[ServiceEndpoints]:
    """The Services whose endpoints a config wants."""
    found = (pool.discovery for pool in config.engines)
    return frozenset(each for each in found if isinstance(each, ServiceEndpoints))


class Discovery:
    """Watches the Services that are wanted."""

    def __init__(
        self,
        account: Callable[[], ServiceAccount],
        around: Surroundings,
        *,
        pace: Pace = DEFAULT_PACE,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._account = account
        self._around = around
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

    def known(self) -> Sequence[Known]:
        """All that was found."""
        return [known for watch in self._watches.values() for known in watch.known()]

    def worth_keeping(self) -> Sequence[Known]:
        """What to begin with after a restart, should the API server then be away."""
        return [known for watch in self._watches.values() for known in watch.worth_keeping()]

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

    def _start(self, namespace: str, service: str) -> ServiceWatch:
        if self._client is None:
            self._client = ApiClient(self._account())
        path = f"/apis/discovery.k8s.io/v1/namespaces/{quote(namespace)}/endpointslices"
        selector = {"labelSelector": f"{_LABEL}={service}"}
        slices = Collection(self._client, path, selector, _read, pace=self._pace, chance=self._chance)
        return ServiceWatch(f"{namespace}/{service}", slices, self._around)

    def _stop(self, watch: ServiceWatch) -> None:
        task = watch.stop()
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _sorted(service: ServiceEndpoints) -> tuple[str, str, str]:
    return service.namespace, service.service, service.port_name


def _read(found: msgspec.Raw) -> Slice:
    read: Slice = kube_watch.decode(found, dict)
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
