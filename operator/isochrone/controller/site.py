"""`isochrone operator --site NAME`: the operator in a cluster that the hub can't reach.

It reads its own namespace in the hub and nothing else there, brings its cluster to what it finds, and reports. Without
the hub it goes on with what it had last: what somebody changes here is still put right.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from isochrone.controller.couriers import Load, is_underway
from isochrone.controller.settings import Pace
from isochrone.controller.waking import Waker
from isochrone.kube import announcing, contact, mailbox
from isochrone.kube.api import Api
from isochrone.kube.contact import Ack
from isochrone.kube.errors import ApiError
from isochrone.kube.member import Member
from isochrone.model import SiteReport
from isochrone.model.amounts import micro_stamp
from isochrone.render import announced
from isochrone.render.announced import Announcement

_LOG = logging.getLogger("isochrone.site")
_SIGN_EVERY = 15.0
_TELL_EVERY = 300.0


class SiteOperator:
    """One replica of it, while it leads in its cluster."""

    def __init__(
        self,
        site: str,
        hub: Api,
        here: Api,
        *,
        installation: str,
        pace: Pace,
        wall: Callable[[], float],
    ) -> None:
        self._site = site
        self._hub = hub
        self._member = Member(here, installation, clock=wall, ask=self._ask, others_every=pace.others)
        self._installation = installation
        self._pace = pace
        self._wall = wall
        self._taken: mailbox.Taken | None = None
        self._said: Announcement | None = None
        self._waker = Waker()
        self._told: SiteReport | None = None
        self._counts = contact.NONE
        self._shown = 0.0
        self._ack: Ack | None = None
        self._request = ""
        """Of a certificate, that has no answer yet."""

    async def run(self) -> None:
        """Until cancelled."""
        listening = asyncio.gather(self._listen_for_parcels(), self._listen_for_the_law())
        try:
            soon = self._pace.soon
            while True:
                is_busy = await self.once()
                pause = min(soon, self._pace.busy_look) if is_busy else min(self._pace.look, _SIGN_EVERY)
                soon = 2 * soon if is_busy else self._pace.soon
                await self._waker.settled(pause, debounce=0.0, most=1.0, clock=self._wall)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen_for_parcels(self) -> None:
        """Hear at once of what the hub has for us. If that fails, each look finds it all the same."""
        while True:
            with contextlib.suppress(ApiError):
                async for head in mailbox.heads(self._hub, self._site):
                    if self._taken is None or head != self._taken.head:
                        self._waker.wake()
            await asyncio.sleep(self._pace.busy_look)

    async def _listen_for_the_law(self) -> None:
        """Hear of what the hub tells all sites. Whoever may not, or can't, has it in his parcel some seconds later."""
        while True:
            with contextlib.suppress(ApiError):
                async for said in announcing.announcements(self._hub):
                    self._said = said
                    self._waker.wake()
            await asyncio.sleep(self._pace.look)

    async def once(self) -> bool:
        """One look at the hub, one delivery here, one report. Whether something is on its way."""
        try:
            await self._fetch()
        except ApiError as error:
            _LOG.warning("the hub: %s", error)
        load = self._load()
        self._request = ""
        try:
            reports = await self._member.deliver(load.parcels, paused=load.paused, looks=load.looks, pools=load.pools)
        except ApiError as error:
            _LOG.warning("this cluster: %s", error)
            return True
        report = reports[self._site]
        self._counts = contact.Counts(pods=report.gateway_pods, demand=report.demand)
        try:
            await self._tell(report)
        except ApiError as error:
            _LOG.warning("the hub doesn't take our report: %s", error)
        return self._taken is None or is_underway(report, load)

    def _load(self) -> Load:
        """What this cluster is to have: the parcel, with the law that was announced since."""
        if self._taken is None:
            return Load(parcels=(), looks=(self._site,))
        parcel = self._taken.parcel
        lawful = announced.applied(self._said, parcel) if self._said is not None else None
        head = self._taken.head
        return Load(parcels=(lawful or parcel,), paused=frozenset(head.paused), pools={self._site: head.pools})

    async def _fetch(self) -> None:
        now = self._wall()
        if now - self._shown >= _SIGN_EVERY:
            await self._show(self._ack)
        head = await mailbox.head(self._hub, self._site)
        if head is not None and (self._taken is None or head != self._taken.head):
            self._taken = await mailbox.take(self._hub, self._site, head, self._taken)

    async def _ask(self, site: str, csr: str) -> str | None:
        certificate = await mailbox.ask(self._hub, site, csr)
        self._request = contact.digest(csr.encode()) if certificate is None else ""
        return certificate

    async def _tell(self, report: SiteReport) -> None:
        """What is new; and all of it now and then, since its times are in it too."""
        before, ack = self._told, contact.ack_of(report, self._request)
        if before is None or contact.name_of(before) != ack.report or report.at - before.at >= _TELL_EVERY:
            await mailbox.tell(self._hub, self._installation, report, is_there=before is not None)
            self._told = report
        if ack != self._ack:
            await self._show(ack)

    async def _show(self, ack: Ack | None) -> None:
        now = self._wall()
        stamp, is_there = micro_stamp(now), self._shown > 0.0
        await contact.show(self._hub, self._site, stamp, ack, counts=self._counts, is_there=is_there)
        self._ack, self._shown = ack, now
