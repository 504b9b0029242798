"""Delivers parcels: one task per cluster, which tries again and again, so that no cluster holds up another.

A courier knows what its cluster is to have and looks whether it has it, quickly while something is on its way, seldom
when all is well, and ever more seldom while the cluster can't be reached. What it finds it tells the loop.
"""

import asyncio
import dataclasses
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

from isochrone.controller.settings import Pace
from isochrone.controller.slots import Slots
from isochrone.controller.waking import Waker
from isochrone.kube.applying import unanswered
from isochrone.kube.errors import ApiError
from isochrone.model import NO_POOLS, Parcel, Pools, SiteReport, essence

_LOG = logging.getLogger("isochrone.delivery")


class Deliverer(Protocol):
    """Something that brings parcels to one cluster."""

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        paused: frozenset[str],
        looks: Sequence[str] = (),
        pools: Pools = NO_POOLS,
    ) -> Mapping[str, SiteReport]:
        """One attempt; at the sites of `looks`, only a look. Raises ApiError if not even that can be had."""

    async def close(self) -> None:
        """Give up connections."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Load:
    """All that a cluster is to have."""

    parcels: tuple[Parcel, ...]
    paused: frozenset[str] = frozenset()
    looks: tuple[str, ...] = ()
    """Sites that are to be looked at and left as they are."""
    pools: Pools = dataclasses.field(default_factory=dict)
    """What GPUs sites have, of which others may hold some."""
    credentials: str = ""
    """Changes with the credentials: the connection is then made anew."""

    @property
    def version(self) -> tuple[object, ...]:
        """Equal for equal loads."""
        secrets = tuple((each.name, tuple(each.data.items())) for parcel in self.parcels for each in parcel.secrets)
        return (
            self.credentials,
            self.paused,
            self.looks,
            self.pools,
            secrets,
            *((parcel.site, parcel.revision, parcel.is_paused) for parcel in self.parcels),
        )


Connect = Callable[[], Awaitable[Deliverer]]
"""To the cluster. Raises ApiError."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all couriers share."""

    pace: Pace
    slots: Slots
    clock: Callable[[], float]
    tell: Callable[[Mapping[str, SiteReport]], None]
    known: Callable[[str], SiteReport]
    """The last report of a site, or an empty one."""
    chance: Callable[[], float] = random.random


class Courier:
    """Delivers to one cluster until it is stopped."""

    def __init__(self, cluster: str, connect: Connect, around: Surroundings) -> None:
        self.cluster = cluster
        self._connect = connect
        self._around = around
        self._load = Load(parcels=())
        self._waker = Waker()
        self._failures = 0
        self._deliverer: Deliverer | None = None
        self._credentials = ""
        self._complaint = ""
        self.has_tried = asyncio.Event()
        """Whether all that was given has been tried once."""
        self._task = asyncio.ensure_future(self._run())

    def give(self, load: Load, connect: Connect) -> None:
        """What the cluster is to have from now on."""
        is_news = load.version != self._load.version
        self._load, self._connect = load, connect
        if is_news:
            self._failures = 0
            self.has_tried.clear()
            self._waker.wake()

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            while True:
                is_busy = await self._once()
                await self._waker.settled(
                    self._pause(is_busy=is_busy), debounce=0.05, most=1.0, clock=self._around.clock
                )
        finally:
            await self._disconnect()

    async def _once(self) -> bool:
        """One attempt. Whether something is still on its way."""
        load = self._load
        try:
            async with self._around.slots.one(is_urgent=not self.has_tried.is_set()):
                deliverer = await self._connected(load)
                reports = await deliverer.deliver(load.parcels, paused=load.paused, looks=load.looks, pools=load.pools)
        except ApiError as error:
            self._failures += 1
            self._complain(str(error))
            reports = self._unanswered(load, error)
        else:
            self._failures = 0
            self._complaint = ""
        self._around.tell(reports)
        if load.version == self._load.version:
            self.has_tried.set()
        return any(is_underway(report, load) for report in reports.values())

    def _complain(self, why: str) -> None:
        """Once for each reason."""
        if why != self._complaint:
            _LOG.warning("cluster %s: %s", self.cluster, why)
            self._complaint = why

    async def _connected(self, load: Load) -> Deliverer:
        if self._deliverer is None or load.credentials != self._credentials:
            await self._disconnect()
            self._deliverer = await self._connect()
            self._credentials = load.credentials
        return self._deliverer

    async def _disconnect(self) -> None:
        if self._deliverer is not None:
            await self._deliverer.close()
            self._deliverer = None

    def _unanswered(self, load: Load, error: ApiError) -> Mapping[str, SiteReport]:
        now = int(self._around.clock())
        sites = (*(parcel.site for parcel in load.parcels), *load.looks)
        return {site: unanswered(self._around.known(site), error, f"cluster {self.cluster}", now=now) for site in sites}

    def _pause(self, *, is_busy: bool) -> float:
        pace = self._around.pace
        pause = pace.busy_look if is_busy else pace.look
        if self._failures:
            pause = min(pace.busy_look * 2.0 ** min(self._failures - 1, 10), pace.most_pause)
        return pause * (1.0 - self._around.chance() / 4)


def is_underway(report: SiteReport, load: Load) -> bool:
    """Whether a cluster isn't yet as it is to be: engines start, a gateway isn't ready, something failed."""
    wanted = {parcel.site: parcel.revision for parcel in load.parcels if not parcel.is_paused}
    return (
        bool(report.faults)
        or (report.site in wanted and report.delivered != wanted[report.site])
        or report.gateway_ready < report.gateway_replicas
        or report.gateway_outdated > 0
        or any(each.ready < each.replicas for each in report.running)
        or (report.delivered is not None and any(pod.newest < report.delivered.order for pod in report.gateway_pods))
    )


class Couriers:
    """All of them."""

    def __init__(self, *, pace: Pace, at_once: int, clock: Callable[[], float], changed: Callable[[], None]) -> None:
        self.reports: dict[str, SiteReport] = {}
        self._changed = changed
        self._couriers: dict[str, Courier] = {}
        self._around = Surroundings(pace=pace, slots=Slots(at_once), clock=clock, tell=self._tell, known=self._known)

    def give(self, cluster: str, load: Load, connect: Connect) -> None:
        """What a cluster is to have. A cluster that wasn't known gets a courier."""
        courier = self._couriers.get(cluster)
        if courier is None:
            courier = self._couriers[cluster] = Courier(cluster, connect, self._around)
        courier.give(load, connect)

    async def keep_only(self, clusters: frozenset[str], sites: frozenset[str]) -> None:
        """End the couriers of all others, and forget what was heard of other sites."""
        ended = [self._couriers.pop(name) for name in self._couriers.keys() - clusters]
        await asyncio.gather(*(courier.stop() for courier in ended))
        for site in self.reports.keys() - sites:
            del self.reports[site]

    async def tried(self, *, limit: float) -> None:
        """Wait until each has tried to deliver what it was given. A cluster that is away holds nobody up for long."""
        waiting = [asyncio.ensure_future(each.has_tried.wait()) for each in self._couriers.values()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=limit)
            for each in late:
                each.cancel()

    async def stop(self) -> None:
        """End them all. What was heard is kept."""
        await self.keep_only(frozenset(), frozenset(self.reports))

    def _known(self, site: str) -> SiteReport:
        return self.reports.get(site) or SiteReport(site=site, at=0)

    def _tell(self, reports: Mapping[str, SiteReport]) -> None:
        news = [site for site, each in reports.items() if essence(self._known(site)) != essence(each)]
        self.reports |= reports
        if news:
            self._changed()
