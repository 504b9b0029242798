"""The supervisor's process: it holds the config, the sockets and the workers, and answers on the admin port.

Its life is one of four phases. `/readyz` is 200 only while it is serving and a worker answers requests; the age of the
config doesn't matter there, since a fleet that took itself out of service would be no safer and no use.
"""

import asyncio
import contextlib
import enum
import functools
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any, Final

from isochrone_gateway.config import Config, ConfigError
from isochrone_gateway.config.engines import ServiceEndpoints
from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.law import Law
from isochrone_gateway.config.report import Demand, Served
from isochrone_gateway.config.site import Drain, Listeners, LogLevel
from isochrone_gateway.ledger import exposition
from isochrone_gateway.ledger.logs import EventLog
from isochrone_gateway.route.mask import Age
from isochrone_gateway.server.admin import LIMITS, AdminHandler
from isochrone_gateway.server.settings import Settings
from isochrone_gateway.server.supervisor import awake, demand, messages, sockets, telling, tls, witness
from isochrone_gateway.server.supervisor.child import Program
from isochrone_gateway.server.supervisor.copying import Asked, asked_of
from isochrone_gateway.server.supervisor.discovery import Discovery, services_of
from isochrone_gateway.server.supervisor.fleet import Fleet
from isochrone_gateway.server.supervisor.ports import Port
from isochrone_gateway.server.supervisor.remembered import Remembered
from isochrone_gateway.server.supervisor.served import Tally, counts_of
from isochrone_gateway.server.supervisor.signals import heeding
from isochrone_gateway.server.supervisor.slices import Surroundings
from isochrone_gateway.server.supervisor.witness import Witness
from isochrone_gateway.source import lease
from isochrone_gateway.source.contact import Clock, Contact, age_seconds
from isochrone_gateway.source.credentials import in_cluster
from isochrone_gateway.source.follower import Follower
from isochrone_gateway.source.judging import Complete, Trust, lines
from isochrone_gateway.source.reading import Source
from isochrone_gateway.source.report import GOOD, Happening
from isochrone_gateway.source.store import Store

_GRACE: Final = 2.0
"""Seconds that idle connections stay open in a drain: a request may be on its way."""
_LAST: Final = 5.0
"""Seconds from the last word to the workers until they are killed. Only those count in which this process ran."""


class Phase(enum.StrEnum):
    """Where the gateway is in its life."""

    SERVING = "Serving"
    ANNOUNCING = "Announcing"
    """Not ready, but accepting: load balancers have to notice first."""
    CLOSING = "Closing"
    ENDING = "Ending"


class Supervisor:
    """One gateway."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        *,
        program: Program,
        events: EventLog,
        clock: Clock,
        trust: Trust,
    ) -> None:
        self._settings = settings
        self._events = events
        self._clock = clock
        self._phase = Phase.SERVING
        self._sockets: dict[str, socket.socket] = {}
        self._addresses: dict[str, tuple[str, int]] = {}
        self._moved: tuple[str, ...] = ()
        self._admin: Port | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        store = None if settings.state is None else Store(settings.state)
        self._remembered = Remembered(store, clock, events.say)
        around = Surroundings(tell=self._found, say=events.say, clock=clock.running, remembered=self._remembered.find)
        self._discovery = Discovery(functools.partial(in_cluster, settings.service_account), around)
        self._services: frozenset[ServiceEndpoints] = frozenset()
        self._asked: tuple[Config, Age, Asked | None] | None = None
        """Where copies go: worked out once for a config and its age."""
        self._fleet = Fleet(settings.workers, program, events.say, known=self._known)
        witnessing = witness.Surroundings(
            say=events.say, said=self._fleet.witnessed, copies=self._copies, workers=settings.workers
        )
        self._witness = Witness(settings.evidence, settings.evidence_key, settings.pod, witnessing)
        self._tally = Tally(clock.running)
        self._fading = demand.Fading(clock.running)
        self._law: tuple[Law, frozenset[int]] | None = None
        """By which it was told apart what the hub may know."""
        self._follower = Follower(source, self, clock=clock, store=store, trust=trust)
        self._reporter = None if settings.lease is None else self._make_reporter(settings.lease)

    def _make_reporter(self, name: str) -> lease.LeaseReporter:
        around = lease.Surroundings(
            report=lambda: self._follower.report,
            happened=self.happened,
            served=self._served,
            demand=self._demand,
            evidence=self._witness.told,
            wall=self._clock.wall,
        )
        account = in_cluster(self._settings.service_account)
        return lease.LeaseReporter(account, name, around, pod=self._settings.pod)

    async def run(self) -> int:
        """Serve until told to end; gives the process's exit status. Raises OSError if the admin port is taken."""
        if self._settings.admin is not None:
            address = self._settings.admin
            self._open_admin(sockets.listen(address.host, address.port), None)
        heeded = {signal.SIGTERM: self.stop, signal.SIGINT: self.stop, signal.SIGHUP: self.reload}
        with heeding(heeded):
            return 1 if await self._live() else 0

    async def _live(self) -> bool:
        """Until all has ended; gives whether that was for want of hope."""
        following = asyncio.create_task(self._follower.run())
        remembering = asyncio.create_task(self._remembered.run(self._discovery.worth_keeping))
        reporting = asyncio.create_task(self._report())
        witnessing = asyncio.create_task(self._witness.run())
        try:
            hopeless = await self._wait()
            await self._drain()
        finally:
            for task in (reporting, remembering, following, witnessing):
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await self._discovery.close()
            await self._fleet.stop()
            await self._witness.finish()
            self._witness.close()
            self._close()
        return hopeless

    async def _report(self) -> None:
        if self._reporter is not None:
            try:
                await self._reporter.run()
            finally:
                await self._reporter.close()

    def stop(self) -> None:
        """Drain; the second time, end now."""
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()

    def reload(self) -> None:
        """Read the source, the certificates and the secrets again."""
        self._follower.nudge()
        self._discovery.nudge()
        if self._admin is not None:
            with contextlib.suppress(ConfigError):  # What was read before stays; the workers' report is enough.
                self._admin.refresh()
        self._fleet.tell(messages.Reload())

    async def _wait(self) -> bool:
        """Wait until told to end, or until there is no hope; gives whether it is that."""
        waits = [asyncio.create_task(event.wait()) for event in (self._stopping, self._fleet.hopeless)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in waits:
            task.cancel()
        if self._stopping.is_set():
            return False
        self._events.say(LogLevel.ERROR, "NoWorkerRuns", advice="the standard error of the workers says why")
        self._hurry.set()
        return True

    # Engines behind Services: discovery's side.

    def _found(self, message: messages.Found | messages.Forget) -> None:
        self._fleet.tell(message)
        self._remembered.changed()

    def _known(self) -> Iterator[messages.Found]:
        return (messages.Found(each.service, each.endpoints) for each in self._discovery.known())

    # What runs: the follower's side.

    async def apply(self, complete: Complete) -> tuple[str, ...]:
        """Run a config in all workers or in none."""
        config = complete.loaded.config
        if problems := await self._discovery.why_not(config):
            return problems
        if problems := self._witness.why_not(config):
            return problems
        try:
            self._listen(config.site.listeners)
        except ConfigError as error:
            return lines(error.problems)
        except OSError as error:
            return (str(error),)
        services = services_of(config)
        await self._remembered.read.wait()
        self._discovery.want(self._services | services)
        problems = await self._fleet.apply(complete, self._sockets)
        if not problems:
            self._begin(complete, await self._fleet.metrics())
            self._services = services
            self._events.level = config.site.logs.level
            self._note_moved(config.site.listeners)
        self._discovery.want(self._services)
        return problems

    def _begin(self, complete: Complete, metrics: exposition.Snapshots) -> None:
        """What is counted from now on counts for this config."""
        self._tally.begin(complete.revision, counts_of(metrics))
        config = complete.loaded.config
        if (law := (config.law, config.site.hub)) != self._law:
            self._law = law
            self._fading.begin(demand.counts_of(metrics))

    def _copies(self) -> Asked | None:
        """Where evidence is copied to by the config that runs, at its age."""
        report = self._follower.report
        if report.running is None:
            return None
        config = report.running.complete.loaded.config
        age = telling.age_state(report, age_seconds(report.contact, self._clock))
        if self._asked is None or self._asked[0] is not config or self._asked[1] is not age:
            self._asked = (config, age, asked_of(config, age, self._settings.secrets))
        return self._asked[2]

    async def _served(self, revision: Revision) -> Served | None:
        return self._tally.told(revision, counts_of(await self._fleet.metrics()))

    async def _demand(self) -> Demand:
        return self._fading.told(demand.counts_of(await self._fleet.metrics()))

    def confirmed(self, contact: Contact) -> None:
        self._fleet.confirm(contact)
        self._changed()

    def happened(self, what: Happening, detail: str) -> None:
        self._events.say(LogLevel.INFO if what in GOOD else LogLevel.WARNING, what, detail=detail)
        self._changed()

    def _changed(self) -> None:
        if self._reporter is not None:
            self._reporter.look()

    def _listen(self, listeners: Listeners) -> None:
        """Bind, once: workers inherit the sockets when they start, and keep them."""
        wanted = {"data": listeners.data, "peer": listeners.peer}
        for name, listener in wanted.items():
            if listener is not None and name not in self._addresses and not self._fleet.is_started:
                self._sockets[name] = sockets.listen(listener.host, listener.port)
                self._addresses[name] = (listener.host, listener.port)
        if self._admin is None:
            admin = listeners.admin
            context = tls.for_clients(admin, secrets=self._settings.secrets)
            self._open_admin(sockets.listen(admin.host, admin.port), context)
            self._addresses["admin"] = (admin.host, admin.port)

    def _note_moved(self, listeners: Listeners) -> None:
        """Listeners whose address has changed are where they were until a restart; that is told, not refused."""
        wanted = {"data": listeners.data, "peer": listeners.peer}
        if "admin" in self._addresses:
            wanted["admin"] = listeners.admin
        moved = []
        for name, listener in wanted.items():
            address = None if listener is None else (listener.host, listener.port)
            if address != self._addresses.get(name):
                moved.append(name)
        if moved and tuple(moved) != self._moved:
            self._events.say(LogLevel.WARNING, "ListenersMoved", listeners=moved, advice="restart the gateway")
        self._moved = tuple(moved)

    # What is told: the admin port's side.

    def why_not_ready(self) -> str:
        """Nothing if requests should come."""
        if self._phase is not Phase.SERVING:
            return f"{self._phase.lower()}: this gateway is about to end"
        report = self._follower.report
        if report.running is None:
            refusal = report.refusal
            why = report.away or (refusal.refused.problems[0] if refusal is not None else "it is being read")
            return f"there is no config yet: {why}"
        return "" if self._fleet.ready else "no worker answers requests"

    async def metrics(self) -> exposition.Snapshots:
        report = self._follower.report
        facts = {
            "isochrone_ready": float(not self.why_not_ready()),
            "isochrone_draining": float(self._phase is not Phase.SERVING),
            "isochrone_workers": self._fleet.size,
            "isochrone_workers_ready": self._fleet.ready,
            "isochrone_worker_restarts_total": self._fleet.restarts,
            "isochrone_events_dropped_total": self._events.dropped,
            **self._witness.facts(),
        }
        services = self._discovery.report()
        own = telling.snapshots(report, age_seconds(report.contact, self._clock), facts, services)
        return exposition.merge([await self._fleet.metrics(), own])

    async def status(self) -> dict[str, Any]:
        report = self._follower.report
        return {
            "phase": self._phase,
            "notReady": self.why_not_ready() or None,
            "config": telling.describe_config(report, age_seconds(report.contact, self._clock)),
            "discovery": telling.describe_discovery(self._discovery.report(), self._clock.running()),
            "listeners": {name: sockets.name(sock) for name, sock in self._sockets.items() if sock.fileno() >= 0},
            "restartNeededFor": list(self._moved),
            "evidence": self._witness.describe(),
            "workers": await self._fleet.describe(),
        }

    def _open_admin(self, sock: socket.socket, context: tls.ServerTls | None) -> None:
        self._admin = Port(asyncio.get_running_loop(), sock)
        self._admin.use(AdminHandler(self, token=self._settings.status_token), LIMITS, context)
        self._admin.acceptor.allow(True)

    # The end.

    async def _drain(self) -> None:
        limits = self._drain_limits()
        began = time.monotonic()
        self._enter(Phase.ANNOUNCING)
        if self._fleet.children:
            await self._wait_hurried(limits.announce_ms / 1000)
        self._enter(Phase.CLOSING)
        # The workers take what waits in the queues and then close their copies, so nothing waits for nobody.
        self._close_listeners()
        self._fleet.drain(_GRACE)
        ended = asyncio.ensure_future(self._fleet.wait_ended())
        await self._wait_hurried(limits.max_ms / 1000, ended)
        if not ended.done():
            self._enter(Phase.ENDING)
            self._fleet.interrupt()
            await awake.wait(ended, _LAST)
        ended.cancel()
        self._events.say(LogLevel.INFO, "Drained", seconds=round(time.monotonic() - began, 1))

    async def _wait_hurried(self, limit: float, *also: asyncio.Future[Any]) -> None:
        """Wait so long, but for no longer than until told to hurry, or until the other thing has come."""
        hurried = asyncio.ensure_future(self._hurry.wait())
        awaited: list[asyncio.Future[Any]] = [hurried, *also]
        await asyncio.wait(awaited, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()

    def _drain_limits(self) -> Drain:
        running = self._follower.report.running
        return Drain() if running is None else running.complete.loaded.config.site.drain

    def _close(self) -> None:
        if self._admin is not None:
            self._admin.close()
        self._close_listeners()

    def _close_listeners(self) -> None:
        for sock in self._sockets.values():
            sock.close()

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._events.say(LogLevel.INFO, "PhaseEntered", phase=phase)
