"""What this pod runs and refuses, told on a Lease of the gateway's own namespace (`config.report` has the form).

The hub has to know which pods of a site run what it delivered, and why one doesn't; it can't ask the pods, which may
be in clusters that it doesn't reach. So they tell it: at the start, whenever it changes, and each half minute, as a
sign of life. What became of requests, where they came from, and how far evidence goes is told along with that. It
changes all the time, so it is no reason to tell, but for two minutes after a change of the config more is told: that is
when the hub watches. All of it needs the verb patch on the Lease and nothing else. A Lease, because those are made to
be written often.

No request waits for any of this, and nothing fails with it: what can't be told is tried again, and logged once.
"""

import asyncio
import contextlib
import dataclasses
import datetime as dt
import random
import time
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import quote

from msgspec.structs import replace

from isochrone_gateway.config import report as contract
from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.report import Demand, Evidence, PodReport, RefusedConfig, Served
from isochrone_gateway.source.credentials import ServiceAccount
from isochrone_gateway.source.kube_api import ApiClient, ApiError
from isochrone_gateway.source.report import Happening, Refusal, Report

_LIMIT: Final = 10.0
"""Seconds for one attempt."""
_SERVER_ERROR: Final = 500


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds."""

    beat: float = 30.0
    """Between two reports of the same, less up to a fifth by chance, so that pods don't report all at once."""
    fresh: float = 10.0
    """The same while a config is new."""
    fresh_for: float = 120.0
    """How long a config is new."""
    between: float = 1.0
    """Between any two, at least; what changes meanwhile is told together."""
    first: float = 1.0
    most: float = 60.0
    """Until the next try; doubles from the first to the most, less up to a half by chance."""
    goodbye: float = 2.0
    """For taking the report back at the end."""


_DEFAULT_PACE: Final = Pace()


async def _uncounted(_: Revision) -> Served | None:
    return None


async def _not_known() -> Demand | None:
    return None


def _not_kept() -> Evidence | None:
    return None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Where what is told comes from, and whom a reporter tells of its own troubles."""

    report: Callable[[], Report]
    happened: Callable[[Happening, str], None]
    served: Callable[[Revision], Awaitable[Served | None]] = _uncounted
    """What became of requests under a config; None if another one runs."""
    demand: Callable[[], Awaitable[Demand | None]] = _not_known
    """Where requests come from."""
    evidence: Callable[[], Evidence | None] = _not_kept
    """How far evidence goes, and what is wrong with it."""
    wall: Callable[[], float] = time.time
    chance: Callable[[], float] = random.random


class LeaseReporter:
    """Tells it as one pod. Only what holds now is said: nothing queues."""

    def __init__(
        self,
        account: ServiceAccount,
        lease: str,
        around: Surroundings,
        *,
        pod: str,
        pace: Pace = _DEFAULT_PACE,
    ) -> None:
        namespace = account.namespace()
        self._path = f"/apis/coordination.k8s.io/v1/namespaces/{quote(namespace)}/leases/{quote(lease)}"
        self._name = {"name": lease, "namespace": namespace}
        self._pod = pod
        self._around = around
        self._pace = pace
        self._client = ApiClient(account, limit=_LIMIT)
        self._tried: PodReport | None = None
        """What was last to be told, whether or not it could be."""
        self._fresh_until = 0.0
        """By the loop's clock, when the config that runs is no longer new."""
        self._may_be_there = False
        """Whether there is something to take back."""
        self._news = asyncio.Event()
        self._failures = 0
        self._complaints: set[int] = set()

    def look(self) -> None:
        """Something may have changed; if it did, it is told."""
        if self._statement() != self._tried:
            self._news.set()

    async def run(self) -> None:
        """Report until cancelled."""
        while True:
            self._news.clear()
            try:
                await self._tell()
            except Exception as error:  # noqa: BLE001 - a bug here must not end what it only tells about
                self._failed(error)
                delay = self._backoff()
            else:
                self._succeeded()
                delay = self._pause() * (1.0 - self._around.chance() / 5.0)
            await self._rest(delay)

    async def close(self) -> None:
        """Take the report back: this pod runs nothing any more. A pod that dies without a goodbye falls silent."""
        if self._may_be_there and not self._failures:
            with contextlib.suppress(ApiError, TimeoutError):
                async with asyncio.timeout(self._pace.goodbye):
                    await self._apply({})
        self._client.close()

    async def _tell(self) -> None:
        before, self._tried = self._tried, self._statement()
        running = self._tried.running
        if before is None or before.running != running:
            self._fresh_until = asyncio.get_running_loop().time() + self._pace.fresh_for
        served = None if running is None else await self._around.served(running)
        demand = None if running is None else await self._around.demand()
        at = dt.datetime.fromtimestamp(self._around.wall(), dt.UTC)
        said = replace(self._tried, at=at, served=served, demand=demand, evidence=self._around.evidence())
        self._may_be_there = True
        await self._apply({contract.annotation(self._pod): contract.encode(said)})

    def _pause(self) -> float:
        """Until the next report if nothing happens."""
        is_fresh = asyncio.get_running_loop().time() < self._fresh_until
        return min(self._pace.fresh, self._pace.beat) if is_fresh else self._pace.beat

    def _statement(self) -> PodReport:
        return statement_of(self._around.report(), self._pod)

    async def _apply(self, annotations: dict[str, str]) -> None:
        # An empty object would be owned too, by a manager that would never leave.
        metadata = {**self._name, "annotations": annotations} if annotations else self._name
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
        await self._client.apply(self._path, lease, manager=contract.field_manager(self._pod))

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        status = error.status if isinstance(error, ApiError) else -1
        kind = min(status, _SERVER_ERROR)
        if kind not in self._complaints:
            self._complaints.add(kind)
            detail = str(error) if isinstance(error, ApiError) else f"telling it failed: {error!r}"
            self._around.happened(Happening.NOT_REPORTED, detail)

    def _succeeded(self) -> None:
        if self._complaints:
            self._around.happened(Happening.REPORTED, f"on the Lease {self._name['name']}")
        self._failures = 0
        self._complaints.clear()

    def _backoff(self) -> float:
        doubled = self._pace.first * 2.0 ** min(self._failures - 1, 30)
        return min(self._pace.most, doubled) * (1.0 - self._around.chance() / 2.0)

    async def _rest(self, delay: float) -> None:
        """Until it is time, or until there are news, but not at once: more of them may follow."""
        least = min(delay, self._pace.between)
        await asyncio.sleep(least)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay - least):
                await self._news.wait()


_NO_TIME: Final = dt.datetime.fromtimestamp(0, dt.UTC)


def statement_of(report: Report, pod: str) -> PodReport:
    """What there is to say; when it is said is not known yet."""
    running = None if report.running is None else report.running.complete.revision
    refused = None if report.refusal is None else _refused(report.refusal)
    return PodReport(pod=pod, at=_NO_TIME, running=running, refused=refused)


def _refused(refusal: Refusal) -> RefusedConfig:
    refused = refusal.refused
    return contract.refused(refused.reason, "; ".join(refused.problems), refused.revision)
