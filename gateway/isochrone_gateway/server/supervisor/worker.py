"""The process of one worker: an event loop, a data plane, and the listening sockets that it was given.

It does what the supervisor says and ignores signals, which terminals and init systems send to whole groups of
processes. If the supervisor dies, it stops accepting, finishes what is open within the config's `drain.max`, and ends:
a new supervisor may then bind the same addresses.
"""

import asyncio
import dataclasses
import gc
import os
import pathlib
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from typing import Any, Final

import msgspec
import uvloop

from isochrone_gateway.config import ConfigError, Loaded, assemble, read_index
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.ledger.collector import CollectorError, find_collector
from isochrone_gateway.ledger.logs import RequestLog, write_to
from isochrone_gateway.ledger.metrics import Registry
from isochrone_gateway.ledger.otlp import Exporter, exporter_to
from isochrone_gateway.ledger.queue import RecordQueue, Sink
from isochrone_gateway.route.limits import Meter
from isochrone_gateway.server.supervisor import messages, tls
from isochrone_gateway.server.supervisor.balance import Loads
from isochrone_gateway.server.supervisor.counts import Counts, Meters
from isochrone_gateway.server.supervisor.dataplane import Context, DataPlane, Handlers, find_factory
from isochrone_gateway.server.supervisor.messages import Channel, FromWorker, ToWorker, workers_end
from isochrone_gateway.server.supervisor.ports import Port
from isochrone_gateway.server.supervisor.proxied import Proxied, proxied_by
from isochrone_gateway.server.supervisor.tls import ServerTls
from isochrone_gateway.server.supervisor.vitals import Vitals
from isochrone_gateway.server.supervisor.writing import Writing
from isochrone_gateway.source import contact as contacts
from isochrone_gateway.source.contact import Contact
from isochrone_gateway.source.judging import lines
from isochrone_gateway.upstream.discovery import Endpoints

_BEAT: Final = 1.0
_TELL: Final = 0.1
"""Seconds between the times that the other workers are told our load."""
_REFRESH: Final = 60.0
"""Seconds between looks at the certificates' files."""
_FLUSH: Final = 2.0
"""Seconds for the last errors to leave."""
_LAST_GRACE: Final = 1.0
"""Seconds in which who asks again at the end is still told about it."""
_GRACE: Final = 2.0
_SETTLE: Final = 0.5
"""Seconds for connections that are half-way when the sockets close. Not without a supervisor: the next needs the
addresses."""
_IGNORED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Arguments(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker is started with, as JSON in its only argument. Numbers of sockets are file descriptors."""

    number: int
    plane: str
    channel: int
    loads: int
    workers: int
    counts: int | None = None
    data: int
    peer: int | None = None
    secrets: str | None = None
    log_percent: int = 100
    otlp: str | None = None
    evidence: str | None = None
    instance: str = ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Built:
    """A config that is ready to be used."""

    number: int
    loaded: Loaded
    slots: Mapping[str, int]
    handlers: Handlers
    data_tls: ServerTls | None
    data_proxied: Proxied | None
    peer_tls: ServerTls | None


class Worker:
    """One worker."""

    def __init__(self, arguments: Arguments, channel: Channel[ToWorker, FromWorker]) -> None:
        loop = asyncio.get_running_loop()
        self._channel = channel
        self._clock = contacts.system_clock()
        self._contact: Contact | None = None
        self._found: dict[ServiceEndpoints, Endpoints] = {}
        self._registry = Registry()
        self._log = RequestLog(write_to(1, turns=arguments.loads), percent=arguments.log_percent)
        sinks: list[Sink] = [self._log]
        self._spans = _find_exporter(arguments)
        if self._spans is not None:
            sinks.append(self._spans)
        self._records = RecordQueue(sinks=sinks)
        self._secrets = None if arguments.secrets is None else pathlib.Path(arguments.secrets)
        self._number = arguments.number
        self._loads = Loads(arguments.workers, arguments.loads)
        counts = None if arguments.counts is None else Counts(arguments.workers, arguments.counts)
        self._meters = None if counts is None else Meters(counts, arguments.number)
        self._ports = {"data": Port(loop, socket.socket(fileno=arguments.data), is_ahead=self._is_ahead)}
        if arguments.peer is not None:
            self._ports["peer"] = Port(loop, socket.socket(fileno=arguments.peer), is_ahead=self._is_ahead)
        evidence = None if arguments.evidence is None else pathlib.Path(arguments.evidence)
        self._evidence = Writing(arguments.number, evidence, arguments.instance, self._registry)
        self._vitals = Vitals(self._registry, self._ports, self._records, self._spans)
        self._built: Built | None = None
        self._running: Built | None = None
        self._is_accepting = False
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._plane: DataPlane = find_factory(arguments.plane)(
            Context(
                worker=arguments.number,
                registry=self._registry,
                records=self._records,
                age=self._age,
                secrets=self._secrets,
                connections=self._connections,
                evidence=self._evidence.keeping,
                exports_spans=self._spans is not None,
                meter=Meter if self._meters is None else self._meters.make,
            )
        )

    async def run(self) -> None:
        """Serve until told to end, or until the supervisor is gone."""
        self._records.start()
        if self._spans is not None:
            self._spans.start()
        for work in (self._obey(), self._beat(), self._refresh(), self._tell()):
            self._start(work)
        self._channel.send(messages.Hello())
        await self._ended.wait()
        for port in self._ports.values():
            port.close()
        await self._plane.close()
        await asyncio.to_thread(self._records.stop)
        if self._spans is not None:
            await asyncio.to_thread(self._spans.stop)
        await asyncio.to_thread(self._evidence.stop)
        self._send_beat()
        await self._channel.flush()
        self._channel.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the rest. A bug in it must end the worker, not leave half of one."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._after)

    def _after(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            sys.excepthook(type(error), error, error.__traceback__)
            sys.stderr.flush()
            signal.raise_signal(signal.SIGABRT)

    def _age(self) -> float:
        return contacts.age_seconds(self._contact, self._clock)

    def _connections(self) -> int:
        return sum(port.connections for port in self._ports.values())

    def _is_ahead(self) -> bool:
        self._loads.tell(self._number, self._connections())
        return self._loads.is_ahead(self._number)

    # What the supervisor says.

    async def _obey(self) -> None:
        while (message := await self._channel.receive()) is not None:
            self._do(message)
        await self._orphaned()

    def _do(self, message: ToWorker) -> None:
        match message:
            case messages.Prepare():
                self._start(self._prepare(message))
            case messages.Activate(number):
                self._activate(number)
            case messages.Confirmed() | messages.Found() | messages.Forget():
                self._learn(message)
            case messages.Accept():
                self._is_accepting = True
                for port in self._ports.values():
                    port.acceptor.allow(True)
            case messages.Ask(number, describe):
                self._answer(number, describe=describe)
            case messages.Reload():
                self._plane.reload()
                self._refresh_tls()
            case messages.Drain(grace):
                self._start(self._drain(grace, settle=_SETTLE))
            case messages.Interrupt():
                self._start(self._interrupt())

    def _learn(self, message: messages.Confirmed | messages.Found | messages.Forget) -> None:
        match message:
            case messages.Confirmed(contact):
                self._contact = contact
            case messages.Found(service, endpoints):
                self._found[service] = endpoints
                self._plane.found({service: endpoints})
            case messages.Forget(service):
                self._found.pop(service, None)

    async def _prepare(self, message: messages.Prepare) -> None:
        problems: tuple[str, ...] = ()
        try:
            self._built = await asyncio.to_thread(self._build, message)
        except ConfigError as error:
            problems = lines(error.problems)
        self._channel.send(messages.Prepared(message.number, problems))

    def _build(self, message: messages.Prepare) -> Built:
        """Load and prepare a config; on a thread, beside the serving of requests."""
        loaded = assemble(read_index(message.index), message.blobs)
        if self._meters is not None:
            self._meters.expect(message.slots)
        self._evidence.prepare(loaded)
        site = loaded.config.site
        peer = site.listeners.peer if "peer" in self._ports else None
        return Built(
            number=message.number,
            loaded=loaded,
            slots=message.slots,
            handlers=self._plane.prepare(loaded),
            data_tls=tls.for_clients(site.listeners.data, secrets=self._secrets),
            data_proxied=proxied_by(site),
            peer_tls=None if peer is None else tls.for_peers(peer, site.peer_trust, secrets=self._secrets),
        )

    def _activate(self, number: int) -> None:
        built = self._built
        if built is None or built.number != number:
            raise RuntimeError(f"asked to activate {number}, which is not prepared")
        self._built, self._running = None, built
        limits = built.loaded.config.site.limits
        self._log.is_on = built.loaded.config.site.logs.requests
        self._evidence.use(built.loaded)
        self._plane.activate(built.handlers)
        self._plane.found(self._found)  # Also for pools that are new.
        if self._meters is not None:
            self._meters.keep(built.slots)
        self._ports["data"].use(built.handlers.data, limits, built.data_tls, proxied=built.data_proxied)
        # A peer listener that the config has no longer stays where it is, behind the TLS that it had.
        if built.handlers.peer is not None and built.peer_tls is not None:
            self._ports["peer"].use(built.handlers.peer, limits, built.peer_tls, of_peers=True)
        if self._spans is not None:
            self._spans.site = built.loaded.config.site.name
        self._channel.send(messages.Activated(number))
        # What a config consists of lives long; frozen, it costs no collection anything any more.
        gc.collect()
        gc.freeze()

    def _answer(self, number: int, *, describe: bool) -> None:
        if describe:
            self._channel.send(messages.Description(number, msgspec.json.encode(self._plane.describe())))
        else:
            self._send_beat(number)

    # What goes on by itself.

    async def _beat(self) -> None:
        while True:
            self._send_beat()
            await asyncio.sleep(_BEAT)

    async def _tell(self) -> None:
        while True:
            if self._is_accepting:
                self._loads.tell(self._number, self._connections())
            await asyncio.sleep(_TELL)

    def _send_beat(self, asked: int = 0) -> None:
        self._vitals.read()
        self._plane.measure()
        evidence = self._evidence.told()
        self._channel.send(messages.Beat(self._connections(), self._registry.snapshot(), asked, evidence))

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(_REFRESH)
            self._plane.refresh()
            self._refresh_tls()

    def _refresh_tls(self) -> None:
        for name, port in self._ports.items():
            try:
                port.refresh()
            except ConfigError as error:
                sys.stderr.write(f"the certificate of the {name} port stays as it was: {error}\n")

    # The end.

    async def _drain(self, grace: float, *, settle: float = 0.0) -> None:
        self._stop_accepting()
        for port in self._ports.values():
            port.drain(grace, settle=settle)
        await asyncio.gather(*(port.wait_closed() for port in self._ports.values()))
        self._ended.set()

    def _stop_accepting(self) -> None:
        self._is_accepting = False
        self._loads.leave(self._number)

    async def _interrupt(self) -> None:
        self._stop_accepting()
        for port in self._ports.values():
            port.drain(_LAST_GRACE)
        self._plane.interrupt()
        closed = asyncio.gather(*(port.wait_closed() for port in self._ports.values()))
        await asyncio.wait([closed], timeout=_FLUSH)
        closed.cancel()
        self._ended.set()

    async def _orphaned(self) -> None:
        """The supervisor is gone."""
        if self._running is None:
            self._ended.set()
            return
        most = self._running.loaded.config.site.drain.max_ms / 1000
        self._start(self._drain(_GRACE))
        await asyncio.sleep(most)
        await self._interrupt()


def _find_exporter(arguments: Arguments) -> Exporter | None:
    """An exporter of spans, if they go anywhere. Settings are read here, since they may hold credentials."""
    try:
        collector = find_collector(os.environ, arguments.otlp)
    except CollectorError:  # The supervisor, which reads the same, has said so.
        return None
    instance = f"{socket.gethostname()}/{arguments.number}"
    return None if collector is None else exporter_to(collector, instance=instance)


async def _serve(arguments: Arguments) -> None:
    channel = await workers_end(socket.socket(fileno=arguments.channel))
    await Worker(arguments, channel).run()


def main() -> None:
    """Run a worker: `python -m isochrone_gateway.server.supervisor.worker ARGUMENTS`."""
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    arguments = msgspec.json.decode(sys.argv[1], type=Arguments)
    uvloop.run(_serve(arguments))


if __name__ == "__main__":
    main()
