"""An API server that holds EndpointSlices: lists, watches from a revision, and the ways in which both fail."""

import asyncio
import contextlib
import enum
import json
from collections import Counter
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.source.scripted_api import END, STREAM, event, whole

Slice = dict[str, Any]
_PREFIX = "/apis/discovery.k8s.io/v1/namespaces/"
_LABEL = "kubernetes.io/service-name="


def slice_of(*hosts: str, ready: bool = True, family: str = "IPv4", ports: dict[str, int] | None = None) -> Slice:
    """One slice; the endpoint of host 10.0.0.7 is pod-7, or in IPv6 that of fd00::7."""
    return {
        "addressType": family,
        "ports": [{"name": name, "port": port} for name, port in (ports or {"http": 8000}).items()],
        "endpoints": [
            {
                "addresses": [host],
                "conditions": {"ready": ready, "serving": True, "terminating": not ready},
                "targetRef": {"kind": "Pod", "name": f"pod-{host.replace(':', '.').rpartition('.')[2]}"},
            }
            for host in hosts
        ],
    }


class End(enum.Enum):
    """How a watch ends out of order."""

    CUT = enum.auto()
    HANG = enum.auto()


class SliceApi:
    """The EndpointSlices of each Service, by `namespace/service`."""

    def __init__(self) -> None:
        self.slices: dict[str, dict[str, Slice]] = {}
        self.lists: Counter[str] = Counter()
        self.watches: Counter[str] = Counter()
        self.refusal = 0
        """The status of every answer, if not 0."""
        self._revision = 10
        self._log: list[tuple[int, str, bytes]] = []
        self._watchers: list[tuple[str, asyncio.Queue[bytes | End]]] = []

    def put(self, service: str, name: str, content: Slice) -> None:
        known = self.slices.setdefault(service, {})
        kind = "MODIFIED" if name in known else "ADDED"
        known[name] = {"metadata": {"name": name}, **content}
        self._happen(service, kind, known[name])

    def delete(self, service: str, name: str) -> None:
        self._happen(service, "DELETED", self.slices[service].pop(name))

    def forget_the_past(self) -> None:
        """Watches find that what they ask for is gone."""
        self._log.clear()
        for _, queue in self._watchers:
            queue.put_nowait(event("ERROR", {"code": 410, "message": "too old"}))

    def cut(self) -> None:
        """Close the connections of the watches that are open."""
        for _, queue in self._watchers:
            queue.put_nowait(End.CUT)

    def hang(self) -> None:
        """The watches that are open stay so, and say nothing more, not even their end."""
        for _, queue in self._watchers:
            queue.put_nowait(End.HANG)

    @property
    def watched(self) -> list[str]:
        """The Services that are watched now."""
        return sorted(service for service, _ in self._watchers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert "authorization: Bearer the-token" in head
                service, query = _asked(head.split()[1])
                is_watch = "watch" in query
                (self.watches if is_watch else self.lists)[service] += 1
                if self.refusal:
                    writer.write(whole({"message": f"refused with {self.refusal}"}, self.refusal))
                elif is_watch:
                    return await self._watch(service, query, reader, writer)
                else:
                    items = list(self.slices.get(service, {}).values())
                    writer.write(whole({"metadata": {"resourceVersion": str(self._revision)}, "items": items}))

    async def _watch(
        self, service: str, query: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Tell what happens, until the time is over or either side closes the connection."""
        queue: asyncio.Queue[bytes | End] = asyncio.Queue()
        for revision, whose, line in self._log:
            if whose == service and revision > int(query["resourceVersion"]):
                queue.put_nowait(line)
        watcher = (service, queue)
        self._watchers.append(watcher)
        writer.write(STREAM)
        telling = asyncio.ensure_future(self._tell(queue, writer, int(query["timeoutSeconds"])))
        closed = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait([telling, closed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._watchers.remove(watcher)
            for task in (telling, closed):
                task.cancel()
            await asyncio.gather(telling, closed, return_exceptions=True)

    async def _tell(self, queue: asyncio.Queue[bytes | End], writer: asyncio.StreamWriter, lasts: int) -> None:
        try:
            async with asyncio.timeout(lasts):
                while isinstance(said := await queue.get(), bytes):
                    writer.write(said)
        except TimeoutError:
            writer.write(END)
            return
        if said is End.HANG:
            await asyncio.Event().wait()
        writer.transport.abort()

    def _happen(self, service: str, kind: str, content: Slice) -> None:
        self._revision += 1
        content = json.loads(json.dumps(content))
        line = event(kind, content)
        self._log.append((self._revision, service, line))
        for whose, queue in self._watchers:
            if whose == service:
                queue.put_nowait(line)


def _asked(target: str) -> tuple[str, dict[str, str]]:
    """The Service and the query."""
    url = urlsplit(target)
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    assert url.path.startswith(_PREFIX), url.path
    assert url.path.endswith("/endpointslices"), url.path
    assert query["labelSelector"].startswith(_LABEL), query
    namespace = url.path.removeprefix(_PREFIX).partition("/")[0]
    return f"{namespace}/{query['labelSelector'].removeprefix(_LABEL)}", query
