"""One Kubernetes Service: its EndpointSlices, and the endpoints of those of its ports that are wanted."""

import asyncio
import contextlib
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.site import LogLevel
from isochrone_gateway.server.supervisor.fleet import Say
from isochrone_gateway.server.supervisor.messages import Forget, Found
from isochrone_gateway.server.supervisor.remembered import Known
from isochrone_gateway.source.kube_watch import Collection
from isochrone_gateway.source.reading import Away
from isochrone_gateway.upstream.discovery import Endpoints, ready_endpoints

_RESTART: Final = 5.0
"""Seconds until a watch that failed with a bug of ours is started again."""

Slice = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServiceReport:
    """What is told of one Service. `read_at` is when it was last read, by the running clock."""

    name: str
    problem: str | None
    read_at: float | None
    endpoints: Mapping[str, int]
    """How many are ready, by the name of the port."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Whom a watch tells what, and what it may ask."""

    tell: Callable[[Found | Forget], None]
    say: Say
    clock: Callable[[], float]
    remembered: Callable[[ServiceEndpoints], Known | None]
    """What was found before a restart."""


class ServiceWatch:
    """Watches one Service until it is stopped."""

    def __init__(self, name: str, slices: Collection[Slice], around: Surroundings) -> None:
        self._name = name
        self._collection = slices
        self._around = around
        self._slices: tuple[Slice, ...] | None = None
        self._read_at: float | None = None
        self._problem: str | None = None
        self._wanted: frozenset[ServiceEndpoints] = frozenset()
        self._found: dict[ServiceEndpoints, Endpoints] = {}
        self._task = asyncio.get_running_loop().create_task(self._observe())

    def want(self, ports: frozenset[ServiceEndpoints]) -> None:
        """Find the endpoints of just these ports from now on."""
        for port in self._found.keys() - ports:
            del self._found[port]
            self._around.tell(Forget(port))
        self._wanted = ports
        if self._slices is not None:
            self._look(self._slices)
        elif self._problem is not None:
            self._recall()

    def known(self) -> Sequence[Known]:
        read_at = self._read_at
        return [] if read_at is None else [Known(port, found, read_at) for port, found in self._found.items()]

    def worth_keeping(self) -> Sequence[Known]:
        """What is known, or else what is still remembered."""
        if self._read_at is not None:
            return self.known()
        recalled = (self._around.remembered(port) for port in self._wanted)
        return [each for each in recalled if each is not None]

    def report(self) -> ServiceReport:
        return ServiceReport(
            name=self._name,
            problem=self._problem or (None if self._slices is not None else "it is being read"),
            read_at=self._read_at,
            endpoints={port.port_name: len(endpoints) for port, endpoints in self._found.items()},
        )

    def nudge(self) -> None:
        self._collection.nudge()

    def stop(self) -> asyncio.Task[None]:
        """Stop; gives what to wait for."""
        self.want(frozenset())
        self._task.cancel()
        return self._task

    async def _observe(self) -> None:
        while True:
            try:
                async with contextlib.aclosing(self._collection.observe()) as observed:
                    async for said in observed:
                        self._hear(said)
            except Exception as error:  # noqa: BLE001 - a bug here must not stop the finding of engines for ever
                self._hear(Away(f"watching it failed: {error!r}"))
            await asyncio.sleep(_RESTART)

    def _hear(self, said: Mapping[str, Slice] | Away) -> None:
        if isinstance(said, Away):
            if self._problem is None:
                self._around.say(LogLevel.WARNING, "DiscoveryAway", service=self._name, detail=said.problem)
            self._problem = said.problem
            if self._slices is None:
                self._recall()
            return
        slices = tuple(said.values())
        self._look(slices)
        self._slices, self._read_at = slices, self._around.clock()
        if self._problem is not None:
            self._problem = None
            self._around.say(LogLevel.INFO, "DiscoveryBack", service=self._name)

    def _look(self, slices: Sequence[Slice]) -> None:
        for port in self._wanted:
            self._find(port, ready_endpoints(slices, port.port_name))

    def _recall(self) -> None:
        """The server can't be asked, and wasn't yet: take what is remembered."""
        for port in self._wanted - self._found.keys():
            if (known := self._around.remembered(port)) is not None:
                self._read_at = known.read_at
                self._find(port, known.endpoints)

    def _find(self, port: ServiceEndpoints, endpoints: Endpoints) -> None:
        """Tell it if it is new."""
        if self._found.get(port) != endpoints:
            self._found[port] = endpoints
            self._around.tell(Found(port, endpoints))
            self._around.say(
                LogLevel.INFO, "EnginesFound", service=self._name, port=port.port_name, ready=len(endpoints)
            )
