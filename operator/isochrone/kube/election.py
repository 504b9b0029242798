"""Who leads: one of several replicas, by a Lease as Kubernetes' own controllers hold one.

Whoever holds it renews it. Whoever doesn't watches it, and takes it once it has stood still for its duration on his
own clock: clocks of others are not compared. A leader stops well before anybody else may take over, so the two never
overlap, and one that was asleep (a paused machine) finds by its own clock that its time is over before it writes.
"""

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, Conflict, NotFound
from isochrone.model.amounts import micro_stamp
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import rights

Json = Mapping[str, Any]
Clock = Callable[[], float]

NAME: Final = rights.LEADER
_LOG: Final = logging.getLogger("isochrone.election")


class NotLeadingError(ApiError):
    """A write was about to be made by somebody who may no longer lead."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """In seconds."""

    duration: float = 15.0
    """How long a Lease that isn't renewed holds others off."""
    renew_within: float = 10.0
    """A leader that could not renew for so long stops."""
    retry: float = 2.0


class Election:
    """One candidate."""

    def __init__(
        self,
        api: Api,
        identity: str,
        *,
        wall: Clock,
        monotonic: Clock,
        timing: Timing | None = None,
    ) -> None:
        self._api = api
        self.identity = identity
        self._wall = wall
        self._monotonic = monotonic
        self._timing = timing or Timing()
        self._path = kinds.LEASE.path(SYSTEM_NAMESPACE, NAME)
        self._renewed_at: float | None = None
        self._seen: tuple[Any, float] | None = None
        """What the Lease said when it last changed, and when that was seen."""
        self._complaint = ""

    @property
    def is_leading(self) -> bool:
        """Whether nobody else can be leading now."""
        return self._renewed_at is not None and self._monotonic() - self._renewed_at < self._timing.renew_within

    def check(self) -> None:
        """Raises NotLeadingError unless this candidate leads."""
        if not self.is_leading:
            raise NotLeadingError(f"{self.identity} leads no longer")

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Lead whenever it is our turn, until cancelled. The Lease is given back in the end."""
        try:
            while True:
                await self._until_ours()
                await self._lead(lead)
        finally:
            await self._give_back()

    async def _until_ours(self) -> None:
        while not await self._try():  # noqa: ASYNC110 - it is asked, and nobody here would set an event
            await asyncio.sleep(self._timing.retry)

    async def _lead(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Run it, and cancel it when the Lease can't be renewed in time. What it raises is raised."""
        working = asyncio.ensure_future(lead())
        try:
            while self.is_leading:
                await asyncio.wait({working}, timeout=self._timing.retry)
                if working.done():
                    working.result()
                    return
                await self._try()
        finally:
            self._renewed_at = None
            working.cancel()
            with contextlib.suppress(asyncio.CancelledError, ApiError):
                await working

    async def _try(self) -> bool:
        """Take or renew it. False if it is somebody else's, or if the API server can't be asked."""
        began = self._monotonic()
        try:
            async with asyncio.timeout(self._timing.renew_within):
                is_ours = await self._claim()
        except (ApiError, TimeoutError) as error:
            self._complain(str(error) or "no answer in time")
            return False
        self._complaint = ""
        self._renewed_at = began if is_ours else None
        return is_ours

    def _complain(self, why: str) -> None:
        """Once for each reason."""
        if why != self._complaint:
            _LOG.warning("the Lease %s/%s can't be had: %s", SYSTEM_NAMESPACE, NAME, why)
            self._complaint = why

    async def _claim(self) -> bool:
        try:
            lease = await self._api.get(self._path)
        except NotFound:
            await self._api.create(kinds.LEASE.path(SYSTEM_NAMESPACE), self._lease({}, transitions=0))
            return True
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder != self.identity and holder and not self._has_stood_still(spec):
            return False
        transitions = int(spec.get("leaseTransitions") or 0) + (holder != self.identity)
        try:
            await self._api.replace(self._path, self._lease(lease, transitions=transitions))
        except Conflict:
            return False
        return True

    def _has_stood_still(self, spec: Json) -> bool:
        now = self._monotonic()
        if self._seen is None or self._seen[0] != spec:
            self._seen = (spec, now)
        return now - self._seen[1] >= self._timing.duration

    def _lease(self, before: Json, *, transitions: int, holder: str | None = None) -> Json:
        now = micro_stamp(self._wall())
        spec = before.get("spec") or {}
        is_same = spec.get("holderIdentity") == self.identity
        return {
            "apiVersion": kinds.LEASE.api_version,
            "kind": kinds.LEASE.name,
            "metadata": before.get("metadata") or {"name": NAME, "namespace": SYSTEM_NAMESPACE},
            "spec": {
                "holderIdentity": self.identity if holder is None else holder,
                "leaseDurationSeconds": int(self._timing.duration),
                "acquireTime": spec.get("acquireTime", now) if is_same else now,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    async def _give_back(self) -> None:
        """So that the next one needn't wait. Nothing is lost if that fails."""
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(self._timing.retry):
                lease = await self._api.get(self._path)
                spec = lease.get("spec") or {}
                if spec.get("holderIdentity") == self.identity:
                    transitions = int(spec.get("leaseTransitions") or 0)
                    await self._api.replace(self._path, self._lease(lease, transitions=transitions, holder=""))
