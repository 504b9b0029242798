"""The load balancer in front of a cluster: one address for the gateway of each site, whichever of its pods are ready.

It knows what a cloud's knows: the EndpointSlices of the gateways' Services, which Kubernetes fills from their selectors
and ports. On this machine it listens where the pods' ports are, at an address of the cluster's network.
"""

import asyncio
import contextlib
import itertools
from typing import Any

from tests.cluster.subnets import on_this_machine
from tests.cluster.watching import AsyncClient, Listed

Json = dict[str, Any]

_SLICES = "/apis/discovery.k8s.io/v1/endpointslices"
_GATEWAYS = {"labelSelector": "app.kubernetes.io/component=gateway"}
_SITE = "isochrone.dev/edge-node"
_PIECE = 64 * 1024


class Balancer:
    """Of one cluster. Its addresses are 10.`subnet`.255.1 and so on for pods, 127.`subnet`.255.1 for others."""

    def __init__(self, *, subnet: int) -> None:
        self._subnet = subnet
        self._numbers: dict[str, int] = {}
        self._slices: dict[str, Json] = {}
        self._servers: dict[tuple[str, int], asyncio.Server] = {}
        self._turns = itertools.count()
        self._open: set[asyncio.Task[None]] = set()
        """One for each connection."""

    def address(self, site: str) -> str:
        """Of a site's gateway, for its EdgeNode to advertise: pods reach it there."""
        number = self._numbers.setdefault(site, len(self._numbers) + 1)
        return f"10.{self._subnet}.255.{number}"

    async def run(self, client: AsyncClient) -> None:
        try:
            async for seen in client.follow(_SLICES, _GATEWAYS):
                if isinstance(seen, Listed):
                    self._slices = {each["metadata"]["uid"]: each for each in seen.items}
                elif seen.gone:
                    self._slices.pop(seen.item["metadata"]["uid"], None)
                else:
                    self._slices[seen.item["metadata"]["uid"]] = seen.item
                await self._listen()
        finally:
            for server in self._servers.values():
                server.close()
            for task in self._open:
                task.cancel()
            await asyncio.gather(*self._open, return_exceptions=True)

    def backends(self, site: str, port: int) -> list[str]:
        """Addresses of the pods that take connections, those that end excepted."""
        return sorted(
            {
                each["addresses"][0]
                for found in self._of(site)
                if any(entry["port"] == port for entry in found.get("ports") or [])
                for each in found.get("endpoints") or []
                if each.get("conditions", {}).get("ready")
            }
        )

    def _of(self, site: str) -> list[Json]:
        return [each for each in self._slices.values() if each["metadata"]["labels"].get(_SITE) == site]

    async def _listen(self) -> None:
        for found in self._slices.values():
            site = found["metadata"]["labels"].get(_SITE, "")
            for entry in found.get("ports") or []:
                port = entry["port"]
                if (site, port) not in self._servers:
                    host = on_this_machine(self.address(site))
                    self._servers[site, port] = await asyncio.start_server(self._serving(site, port), host, port)

    def _serving(self, site: str, port: int) -> Any:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._open.add(task)
            task.add_done_callback(self._open.discard)
            with contextlib.closing(writer):
                if backends := self.backends(site, port):
                    host = backends[next(self._turns) % len(backends)]
                    with contextlib.suppress(OSError):
                        await _join(reader, writer, on_this_machine(host), port)

        return serve


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    there, back = await asyncio.open_connection(host, port)
    with contextlib.closing(back):
        async with asyncio.TaskGroup() as group:
            group.create_task(_copy(reader, back))
            group.create_task(_copy(there, writer))


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Until one side ends: then the other side's end is passed on, or both are over."""
    with contextlib.suppress(OSError):
        while piece := await source.read(_PIECE):
            sink.write(piece)
            await sink.drain()
    with contextlib.suppress(OSError):
        if sink.can_write_eof():
            sink.write_eof()
