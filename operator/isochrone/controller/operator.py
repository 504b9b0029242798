"""`isochrone operator` in the hub: puts the parts together and runs them until told to end."""

import asyncio
import contextlib
import dataclasses
import functools
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

import kopf
from prometheus_client import CollectorRegistry

from isochrone.controller import departures, watching
from isochrone.controller.anchoring import Anchors
from isochrone.controller.announcing import Announcer
from isochrone.controller.connections import Connections, Means
from isochrone.controller.couriers import Couriers
from isochrone.controller.interrupting import InterruptedPassError, Interruption
from isochrone.controller.keys import Keeper
from isochrone.controller.metrics import Metrics
from isochrone.controller.passes import Pass, Surroundings
from isochrone.controller.reconcile import Reconciler
from isochrone.controller.settings import OperatorSettings
from isochrone.controller.telling import Teller
from isochrone.controller.waking import Waker
from isochrone.kube.access import Access
from isochrone.kube.api import Api
from isochrone.kube.election import Election, NotLeadingError
from isochrone.kube.errors import ApiError, Conflict
from isochrone.kube.hub import Hub

_LOG = logging.getLogger("isochrone.operator")
_STOP_WITHIN = 10.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """Time, as an argument: seconds since 1970, and seconds that only go forward."""

    wall: Callable[[], float]
    monotonic: Callable[[], float]


class Operator:
    """One replica."""

    def __init__(
        self,
        access: Access,
        identity: str,
        settings: OperatorSettings,
        *,
        clocks: Clocks,
        metrics: Metrics | None = None,
    ) -> None:
        self._access = access
        self._settings = settings
        self._clocks = clocks
        self._metrics = metrics or Metrics(CollectorRegistry())
        self._passed_at = clocks.monotonic()
        self._waker = Waker()
        self._deletions = watching.Deletions()
        self._laws = watching.Laws()
        self._interruption = Interruption()
        plain = access.api()
        self.election = Election(
            plain, identity, wall=clocks.wall, monotonic=clocks.monotonic, timing=settings.election
        )
        self._metrics.leading.set_function(lambda: float(self.election.is_leading))
        self._apis = (plain, access.api(check=self.election.check))
        self.passed: Pass | None = None
        """The last pass that was made here."""

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set. Raises what can't be mended by trying again."""
        watching_task: asyncio.Task[Any] = asyncio.create_task(self._watch(stop))
        leading: asyncio.Task[Any] = asyncio.create_task(self.election.run(self._lead))
        secrets: asyncio.Task[Any] = asyncio.create_task(
            watching.secrets(self._apis[0], self._waker.wake, pause=self._settings.pace.busy_look)
        )
        stopping: asyncio.Task[Any] = asyncio.create_task(stop.wait())
        tasks = {watching_task, leading, secrets, stopping}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.set()
            for task in (leading, secrets, stopping):
                task.cancel()
            await asyncio.wait(tasks, timeout=_STOP_WITHIN)
            watching_task.cancel()
            for api in self._apis:
                await api.close()
        for task in done - {stopping}:
            task.result()

    async def _watch(self, stop: asyncio.Event) -> None:
        """Kopf has a thread and a loop of its own: when it ends, it ends whatever else is in its loop."""
        loop, ended = asyncio.get_running_loop(), threading.Event()

        def tell(plural: str, metadata: Mapping[str, Any], *, is_gone: bool) -> None:
            loop.call_soon_threadsafe(functools.partial(self._heard, plural, metadata, is_gone=is_gone))

        logins = watching.Logins(self._login, wall=self._clocks.wall)
        thread = asyncio.create_task(asyncio.to_thread(watching.follow, watching.registry(logins, tell), ended))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((thread, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.set()
            stopping.cancel()
        await thread

    def _heard(self, plural: str, metadata: Mapping[str, Any], *, is_gone: bool) -> None:
        self._deletions.note(plural, metadata.get("namespace"), metadata["name"], is_gone=is_gone)
        is_law = self._laws.is_new(plural, metadata, is_gone=is_gone)
        if is_law:
            self._interruption.happen()
        self._waker.wake(is_urgent=is_law)

    def _login(self) -> kopf.ConnectionInfo:
        access = self._access
        return kopf.ConnectionInfo(
            server=access.url,
            ca_data=access.authority,
            certificate_data=access.client_certificate,
            private_key_data=access.client_key,
            token=access.bearer(),
            scheme="Bearer" if access.bearer() else None,
        )

    async def _lead(self) -> None:
        """Pass after pass, for as long as this replica leads."""
        _LOG.info("%s leads", self.election.identity)
        settings, clocks = self._settings, self._clocks
        api = self._apis[1]
        couriers = Couriers(
            pace=settings.pace, at_once=settings.clusters_at_once, clock=clocks.wall, changed=self._waker.wake
        )
        keeper = Keeper(api, settings.installation, wall=clocks.wall)
        hub = Hub(api)
        announcer = Announcer(hub, clocks.monotonic)
        means = Means(
            clock=clocks.wall,
            check=self.election.check,
            vouch=keeper.vouch,
            is_telling=announcer.is_telling,
            others_every=settings.pace.others,
        )
        connections = Connections(api, settings.installation, means)
        around = Surroundings(
            connections=connections.of,
            keeper=keeper,
            deletions=self._deletions,
            announcer=announcer,
            anchors=Anchors(hub, clocks.monotonic, every=settings.pace.anchors),
            interruption=self._interruption,
            wall=clocks.wall,
            monotonic=clocks.monotonic,
        )
        reconciler = Reconciler(hub, couriers, settings, around)
        teller = Teller(api, self.election.identity, wall=clocks.wall, least_pause=settings.pace.status)
        try:
            while True:
                due = await self._pass(reconciler, teller, api)
                pace = settings.pace
                await self._waker.settled(
                    pace.resync if due is None else min(pace.resync, due),
                    debounce=pace.debounce,
                    most=pace.most_debounce,
                    clock=clocks.monotonic,
                )
        finally:
            with contextlib.suppress(ApiError):
                await couriers.stop()

    async def _pass(self, reconciler: Reconciler, teller: Teller, api: Api) -> float | None:
        """One pass, and in how many seconds the next one is due even if nothing happens."""
        began = self._clocks.monotonic()
        try:
            self.passed = await reconciler.once()
            self._passed_at = self._clocks.monotonic()
            self._metrics.pass_seconds.observe(self._passed_at - began)
            self._metrics.passed(self.passed)
            self._metrics.passes.labels("made").inc()
            await departures.settle(api, self.passed.declared, self.passed.phases)
            if self.passed.is_complete:
                found, due = await self._interruption.turn.unless(teller.tell(self.passed))
                self._metrics.told(found)
                self._interruption.end()
                soon = self._settings.pace.look if self.passed.is_watching else None
                return min(filter(None, (due, soon)), default=None)
            self._interruption.end()
        except InterruptedPassError:
            _LOG.info("the law has changed: this pass is given up for the next")
            self._metrics.passes.labels("interrupted").inc()
            return 0.0
        except (NotLeadingError, Conflict) as error:
            _LOG.warning("somebody else has written: %s", error)
            self._metrics.passes.labels("superseded").inc()
            reconciler.forget()
        except ApiError as error:
            self._metrics.passes.labels("failed").inc()
            _LOG.warning("no pass: %s", error)
        return None

    def stuck(self, limit: float) -> str | None:
        """Why this replica should be started anew; None if all is well."""
        silent = self._clocks.monotonic() - self._passed_at
        if self.election.is_leading and silent > limit:
            return f"this replica leads and has made no pass for {int(silent)} s"
        return None

    def unready(self) -> str | None:
        """Why this replica can't do its part yet; None if it can."""
        return "the hub has not been read yet" if self.election.is_leading and self.passed is None else None
