"""The endpoints of an engine pool: a fixed list, all addresses of a name, or a Service's EndpointSlices.

The watch on the Kubernetes API is elsewhere (`server.supervisor.discovery`); here is what EndpointSlices mean.
Endpoints come sorted, so that equal findings are equal values.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from isochrone_gateway.config.engines import DnsName, StaticEndpoints
from isochrone_gateway.upstream.resolver import ResolveError, Resolver

_FAMILIES: Final = ("IPv4", "IPv6")
"""In the order of preference: a pod of a dual-stack Service appears once in each."""


@dataclasses.dataclass(frozen=True, order=True, slots=True)
class EngineEndpoint:
    """One engine. `name` is its pod's, where there is one."""

    host: str
    port: int
    name: str = ""
    zone: str = ""
    zones: tuple[str, ...] = ()
    """The zones that should use it, as hinted by Kubernetes (Topology Aware Routing)."""

    @property
    def key(self) -> str:
        """Its name, or else its address: stable while the engine is the same."""
        return self.name or f"{self.host}:{self.port}"


Endpoints = tuple[EngineEndpoint, ...]


def static_endpoints(listed: StaticEndpoints) -> Endpoints:
    """Give the endpoints of a fixed list."""
    split = (address.rpartition(":") for address in listed.addresses)
    return tuple(sorted(EngineEndpoint(host.strip("[]"), int(port)) for host, _, port in split))


def ready_endpoints(slices: Iterable[Mapping[str, Any]], port_name: str) -> Endpoints:
    """Give the ready endpoints of one Service's `discovery.k8s.io/v1` EndpointSlices, as JSON objects.

    An unset `ready` means ready, and while endpoints move between slices one may be in two of them (Kubernetes docs,
    EndpointSlices, "Duplicate endpoints"). A pod that ends gets no new requests, also where its
    Service publishes addresses that aren't ready.
    """
    found: dict[str, tuple[int, EngineEndpoint]] = {}
    for item in slices:
        family = item.get("addressType")
        port = _port(item, port_name)
        if family not in _FAMILIES or port is None:
            continue
        rank = _FAMILIES.index(family)
        for entry in item.get("endpoints") or ():
            if _is_ready(entry):
                endpoint = _endpoint(entry, port)
                known = found.get(endpoint.key)
                if known is None or (rank, endpoint) < known:
                    found[endpoint.key] = (rank, endpoint)
    return tuple(sorted(endpoint for _, endpoint in found.values()))


def _port(item: Mapping[str, Any], name: str) -> int | None:
    numbers = (port.get("port") for port in item.get("ports") or () if (port.get("name") or "") == name)
    return next((number for number in numbers if isinstance(number, int)), None)


def _is_ready(entry: Mapping[str, Any]) -> bool:
    conditions = entry.get("conditions") or {}
    is_ready = conditions.get("ready") is not False and conditions.get("terminating") is not True
    return is_ready and bool(entry.get("addresses"))


def _endpoint(entry: Mapping[str, Any], port: int) -> EngineEndpoint:
    hints = (entry.get("hints") or {}).get("forZones") or ()
    return EngineEndpoint(
        host=entry["addresses"][0],  # All addresses of an endpoint are alike (API reference, `addresses`).
        port=port,
        name=(entry.get("targetRef") or {}).get("name") or "",
        zone=entry.get("zone") or "",
        zones=tuple(sorted(hint["name"] for hint in hints)),
    )


class DnsWatch:
    """Resolves a name again and again, and tells when its addresses changed.

    A name that can't be resolved, beyond what the resolver remembers, is a name without endpoints only if it never had
    any: a DNS outage must not empty a pool of engines that answer.
    """

    def __init__(
        self, name: DnsName, resolver: Resolver, changed: Callable[[Endpoints], None], *, interval: float = 10.0
    ) -> None:
        self._name = name
        self._resolver = resolver
        self._changed = changed
        self._interval = interval
        self._last: Endpoints | None = None
        self._task: asyncio.Task[None] | None = None
        self.problem = ""
        """Why the last look-up failed, if it did."""

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self) -> None:
        """Resolve once."""
        try:
            addresses = await self._resolver.resolve(self._name.name)
        except ResolveError as error:
            self.problem = str(error)
            return
        self.problem = ""
        endpoints = tuple(sorted(EngineEndpoint(address, self._name.port) for address in addresses))
        if endpoints != self._last:
            self._last = endpoints
            self._changed(endpoints)

    async def _look_for_ever(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(self._interval)
