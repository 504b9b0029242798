"""The hub's side of a site that pulls: leaves parcels in its namespace, and takes its reports from there."""

import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence

from isochrone.certificates import CertificateError
from isochrone.kube import contact, mailbox
from isochrone.kube.api import Api
from isochrone.kube.contact import Ack, Contact
from isochrone.kube.errors import NotFound, Unreachable
from isochrone.kube.peering import Ask
from isochrone.model import NO_POOLS, Parcel, PoolAt, Pools, Revision, SiteReport

_LOG = logging.getLogger("isochrone.delivery")

SILENT_AFTER = 60.0
"""Seconds without a sign of life after which there is no contact with a site's operator."""


class Pulled:
    """One site; each is a cluster of its own."""

    def __init__(
        self,
        hub: Api,
        site: str,
        *,
        clock: Callable[[], float],
        vouch: Ask,
        is_telling: Callable[[Parcel], bool] = lambda _: False,
    ) -> None:
        """`is_telling` says whether the site hears of a parcel in another way, so that it can be left later."""
        self._hub = hub
        self._site = site
        self._clock = clock
        self._vouch = vouch
        self._is_telling = is_telling
        self._announced: Revision | None = None
        """What the site is hearing of."""
        self._put: tuple[Revision, object] | None = None
        self._left: mailbox.Left | None = None
        self._said: SiteReport | None = None
        self._sign = ("", 0.0)
        """The last sign of life, and when it was seen to change."""
        self._read: SiteReport | None = None
        """The report as it was read last."""
        self._first: SiteReport | None = None
        """The report that was there when we began: it may be from a backup."""

    async def deliver(
        self,
        parcels: Sequence[Parcel],
        *,
        paused: frozenset[str],
        looks: Sequence[str] = (),
        pools: Pools = NO_POOLS,
    ) -> Mapping[str, SiteReport]:
        """Leave what is new, and read what has come back. Raises ApiError.

        After something was left there can't be an answer yet, and other sites wait to be given theirs.
        """
        is_new = False
        here = pools.get(self._site, ())
        for parcel in parcels:
            more = (paused, here, parcel.authorities, parcel.keeps_authorities, parcel.secrets)
            version = (parcel.revision, more)
            if version == self._put:
                continue
            if self._put is not None and self._is_telling(parcel):
                is_new = is_new or parcel.revision != self._announced
                self._announced = parcel.revision
            else:
                await self._leave(parcel, paused, here)
                self._put, is_new = version, True
        if is_new and self._said is not None:
            return {self._site: self._said}
        self._said = None
        seen = await contact.look(self._hub, self._site)
        if seen.ack is None or seen.ack.request:
            await self._answer()
        self._said = await self._report(seen)
        return {self._site: self._said} if parcels or looks else {}

    async def _leave(self, parcel: Parcel, paused: frozenset[str], pools: tuple[PoolAt, ...]) -> None:
        namespace = mailbox.namespace_of(self._site)
        try:
            self._left = await mailbox.put(self._hub, parcel, paused, self._left, pools=pools)
        except NotFound as error:
            raise NotFound(
                f"there is no namespace {namespace} for this site: run `isochrone site join {self._site} --pull`"
            ) from error

    async def _answer(self) -> None:
        """What the site asks a certificate with came from its own namespace, so it is this site that asks."""
        csr = await mailbox.asked(self._hub, self._site)
        if csr is None or await self._is_old_news():
            return
        try:
            certificate = await self._vouch(self._site, csr)
        except CertificateError as error:
            _LOG.warning("site %s gets no certificate: %s", self._site, error)
            return
        if certificate is not None:
            await mailbox.answer(self._hub, self._site, csr, certificate)

    async def _is_old_news(self) -> bool:
        """Whether it is not certain yet what the site has now. It tells all of it within five minutes."""
        report = await mailbox.report(self._hub, self._site)
        self._first = self._first or report
        has_any = report is not None and report.peering is not None and report.peering.issuer != ""
        return has_any and report == self._first

    async def _report(self, seen: Contact) -> SiteReport:
        now = self._clock()
        if seen.sign != self._sign[0]:
            self._sign = (seen.sign, now)
        report = await self._current(seen.ack)
        self._first = self._first or report
        if report is None or not seen.sign:
            raise Unreachable(
                f"the operator of site {self._site} has not reported yet: install it in the site's cluster, with the"
                " chart isochrone-site"
            )
        if now - self._sign[1] > SILENT_AFTER:
            raise Unreachable(f"the operator of site {self._site} has been silent for more than {SILENT_AFTER:g} s")
        # It reports only what is new, and leaves out pods that have been silent: those that are in it speak still.
        pods = tuple(dataclasses.replace(pod, at=int(now)) for pod in report.gateway_pods)
        return contact.counted(dataclasses.replace(report, gateway_pods=pods), seen.counts)

    async def _current(self, ack: Ack | None) -> SiteReport | None:
        """What the site says by now. Its report is read only if it isn't the one that was read last."""
        known = self._read
        if ack is None or known is None or contact.name_of(known) != ack.report:
            known = self._read = await mailbox.report(self._hub, self._site)
        return known if ack is None or known is None else contact.acknowledged(known, ack)

    async def close(self) -> None:
        """The hub's connection is not ours to close."""
