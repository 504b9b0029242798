"""A site's gateway without its sockets: it follows the config in its cluster, and says who may answer by it.

Source, follower, disk, age and law are the gateway's own. Time is the test's.
"""

import asyncio
import base64
import contextlib
import dataclasses
import pathlib
from collections.abc import AsyncGenerator, Collection, Iterator, Mapping
from typing import Final

from tests.unit.outage.cluster import Cluster
from tests.unit.source.publishing import ManualClock, until

from isochrone.kube import kinds
from isochrone.kube.errors import ApiError
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.gateway.config_maps import INDEX, SHARD
from isochrone_gateway.config import Config
from isochrone_gateway.config.places import Place
from isochrone_gateway.config.routes import EngineTarget, PeerTarget, Route
from isochrone_gateway.route.candidates import Option
from isochrone_gateway.route.mask import Age, Lawbook, age_of
from isochrone_gateway.route.origin import Origins
from isochrone_gateway.server.pipeline.rulings import Rulings, Standpoint
from isochrone_gateway.source.contact import Contact, age_seconds
from isochrone_gateway.source.follower import Follower, Pace
from isochrone_gateway.source.judging import Complete
from isochrone_gateway.source.reading import Away, Seen, SourceError
from isochrone_gateway.source.report import Happening
from isochrone_gateway.source.store import Store

_PACE: Final = Pace(start_patience=0.0, retry_first=0.0, retry_most=0.0, touch=0.0)


class ConfigMaps:
    """The source: the ConfigMaps of a site, read when the test says so."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.name = f"the ConfigMaps of {name}"
        self._cluster = cluster
        self._index = kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, f"{name}-config")
        self._looks: asyncio.Queue[None] = asyncio.Queue()

    def nudge(self) -> None:
        self._looks.put_nowait(None)

    async def observe(self) -> AsyncGenerator[Seen | Away, None]:
        while True:
            await self._looks.get()
            try:
                found = await self._cluster.get(self._index)
            except ApiError as error:
                yield Away(str(error))
            else:
                yield Seen(index=found["data"][INDEX].encode(), fetch=self._fetch)

    async def _fetch(self, names: Collection[str]) -> Mapping[str, bytes]:
        try:
            found = [await self._cluster.get(kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, name)) for name in names]
        except ApiError as error:
            raise SourceError(str(error)) from error
        return {each["metadata"]["name"]: base64.b64decode(each["binaryData"][SHARD]) for each in found}


@dataclasses.dataclass(frozen=True, slots=True)
class Engines:
    """A candidate with engines of ours: at the site itself, or at a peer."""

    place: Place
    peer: str
    """Empty where they are the site's own."""


class Gateway:
    """One pod's."""

    def __init__(self, cluster: Cluster, name: str, state: pathlib.Path, *, wall: float) -> None:
        self._name = name
        self._cluster = cluster
        self._state = state
        self._clock = ManualClock(wall=wall)
        self._complete: Complete | None = None
        self._rulings: Rulings | None = None
        self._begin()

    def _begin(self) -> None:
        self._source = ConfigMaps(self._cluster, self._name)
        self._follower = Follower(self._source, self, clock=self._clock.clock(), store=Store(self._state), pace=_PACE)
        self._task = asyncio.create_task(self._follower.run())

    # What the follower asks of its owner.

    async def apply(self, complete: Complete) -> tuple[str, ...]:
        config = complete.loaded.config
        country = config.places.places[config.site.place].country
        lawbook = Lawbook(config.law, config.places, site_country=country, unbound=config.site.unbound_traffic)
        self._complete, self._rulings = complete, Rulings(lawbook, config.site.place)
        return ()

    def confirmed(self, contact: Contact) -> None:
        """The follower's report has it."""

    def happened(self, what: Happening, detail: str) -> None:
        assert what not in {Happening.REFUSED, Happening.STORED_UNUSABLE, Happening.NOT_STORED}, detail

    # What the test does.

    def pass_by(self, seconds: float) -> None:
        self._clock.pass_by(seconds)

    async def look(self) -> None:
        """Look at the source once, to the end."""
        before = self._follower.report.counts
        count = before.reads + before.failed_reads
        self._source.nudge()
        await until(lambda: self._heard > count)
        if self._cluster.is_away:
            await until(lambda: self._follower.report.away is not None)
        else:
            await until(lambda: self.seconds == 0.0)
        await until(lambda: self._complete is not None)

    @property
    def _heard(self) -> int:
        return self._follower.report.counts.reads + self._follower.report.counts.failed_reads

    async def restart(self) -> None:
        """The pod's node starts anew: nothing is left but what is on the disk."""
        await self.stop()
        self._complete, self._rulings = None, None
        self._clock.boot, self._clock.running = f"{self._clock.boot}+", 0.0
        self._begin()

    async def stop(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def config(self) -> Config:
        assert self._complete is not None
        return self._complete.loaded.config

    @property
    def sequence(self) -> int:
        assert self._complete is not None
        return self._complete.revision.sequence

    @property
    def seconds(self) -> float:
        """Since its source was read."""
        return age_seconds(self._follower.report.contact, self._clock.clock())

    @property
    def age(self) -> Age:
        return age_of(self.seconds, self.config.site.age)

    def route(self, name: str) -> Route:
        return next(each for each in self.config.routes if each.name == name)

    def engines(self, name: str) -> list[Engines]:
        """All that a route has, lawful or not."""
        return [each for each, _ in self._options(self.route(name))]

    def offers(self, tenant_id: str, name: str) -> list[Engines]:
        """Those that may answer a tenant's request on this route now: none if it may not come in here at all."""
        config, rulings, route = self.config, self._rulings, self.route(name)
        assert rulings is not None
        tenant = next(each for each in config.tenants.tenants if each.id == tenant_id)
        origin = Origins(config.places).of_tenant(tenant)
        standpoint = Standpoint(tenant_id, origin, tenant.data_classes | route.data_classes, self.age)
        ruling = rulings.of(route.id, standpoint, ())
        if ruling.entry is not None:
            return []
        return [each for each, option in self._options(route) if ruling.lawful.allowed & option.place_bit]

    def _options(self, route: Route) -> Iterator[tuple[Engines, Option]]:
        places = self.config.places.places
        for number, tier in enumerate(route.tiers):
            for index, candidate in enumerate(tier.candidates):
                target = candidate.target
                if isinstance(target, EngineTarget | PeerTarget):
                    peer = target.site if isinstance(target, PeerTarget) else ""
                    option = Option(index, number, candidate, hops=len(places))
                    yield Engines(place=places[candidate.place], peer=peer), option
