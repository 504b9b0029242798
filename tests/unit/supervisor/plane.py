"""A data plane that is just enough to see what supervisor and workers do.

/             the config's host name and the worker's pid
/peer         whose connection it is
/age          seconds since the source was last read
/stream?N     N pieces, one every 20 ms, then the host name; an error piece if interrupted
/crash        the worker dies
/hang         the worker's loop hangs
"""

import asyncio
import os
import time
from collections.abc import Mapping
from typing import Any

from isochrone_gateway.config import ConfigError, Loaded, Problem
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.server.exchange import Exchange, ExchangeHandler
from isochrone_gateway.server.supervisor.dataplane import Context, Handlers
from isochrone_gateway.server.supervisor.discovery import services_of
from isochrone_gateway.upstream.discovery import Endpoints
from isochrone_gateway.wire.http import status_line

REFUSED = "refused.example.com"
DEADLY = "deadly.example.com"
REFUSED_BY_ONE = "refused-by-one.example.com"


class Nothing:
    def on_body(self, data: bytes) -> None: ...
    def on_body_end(self) -> None: ...
    def on_disconnect(self) -> None: ...
    def on_writable(self) -> None: ...


class Hello:
    """Answers for one config."""

    def __init__(self, plane: "Plane", hostname: str, wanted: frozenset[ServiceEndpoints]) -> None:
        self._plane = plane
        self._hostname = hostname
        self.wanted = wanted

    def on_request(self, exchange: Exchange) -> ExchangeHandler:
        match exchange.head.path:
            case b"/stream":
                self._plane.start(self._stream(exchange))
            case b"/crash":
                os._exit(17)
            case b"/hang":
                time.sleep(3600)
            case b"/peer":
                _respond(exchange, exchange.peer[0])
            case b"/age":
                _respond(exchange, f"{self._plane.context.age():.3f}")
            case _:
                _respond(exchange, f"{self._hostname} {os.getpid()}")
        self._plane.requests.child().add()
        return Nothing()

    async def _stream(self, exchange: Exchange) -> None:
        exchange.start(status_line(200))
        for _ in range(int(exchange.head.query)):
            if self._plane.interrupted.is_set():
                exchange.write(b"interrupted\n")
                exchange.finish()
                return
            exchange.write(b"piece\n")
            await asyncio.sleep(0.02)
        exchange.write(self._hostname.encode())
        exchange.finish()


class Plane:
    def __init__(self, context: Context) -> None:
        self.context = context
        self.interrupted = asyncio.Event()
        self.requests = context.registry.counter("test_requests_total", "Requests.")
        self.reloads = 0
        self.wanted: frozenset[ServiceEndpoints] = frozenset()
        self.engines: dict[str, list[str]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def prepare(self, loaded: Loaded) -> Handlers:
        hostname = loaded.config.site.hostname or ""
        if hostname == REFUSED or (hostname == REFUSED_BY_ONE and self.context.worker == 1):
            raise ConfigError(Problem(source="plane", text="can't run this one"))
        if hostname == DEADLY:
            os._exit(23)
        hello = Hello(self, hostname, services_of(loaded.config))
        return Handlers(data=hello, peer=hello)

    def activate(self, handlers: Handlers) -> None:
        """Only of these Services the engines are shown. The worker tells all again."""
        self.wanted = handlers.data.wanted if isinstance(handlers.data, Hello) else frozenset()
        self.engines.clear()

    def found(self, services: Mapping[ServiceEndpoints, Endpoints]) -> None:
        for service in self.wanted & services.keys():
            endpoints = services[service]
            self.engines[f"{service.namespace}/{service.service}"] = [f"{each.host}:{each.port}" for each in endpoints]

    def measure(self) -> None:
        """All of its metrics are up to date."""

    def describe(self) -> dict[str, Any]:
        return {"targets": {"engine": "healthy"}, "reloads": self.reloads, "engines": self.engines}

    def reload(self) -> None:
        self.reloads += 1

    def refresh(self) -> None: ...

    def interrupt(self) -> None:
        self.interrupted.set()

    async def close(self) -> None:
        await asyncio.sleep(0)


def _respond(exchange: Exchange, text: str) -> None:
    exchange.respond(status_line(200), text.encode())
