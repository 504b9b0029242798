"""The sites that pull, all in one process: each watches its parcel, takes it, and reports as a site's operator does.

Beyond the hub there is nothing here: no cluster, no gateway. What a site was given counts as applied, and as running
at its gateway, as soon as it is complete and whole. Each parcel is one line of JSON on standard output.
"""

import argparse
import asyncio
import contextlib
import os
import pathlib
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from tests.bench_operator.far import FarApi
from tests.bench_operator.laws import Laws

from isochrone.kube import access, announcing, contact, gather, mailbox
from isochrone.kube.errors import ApiError
from isochrone.model import GatewayPod, Parcel, Running, SiteObservation, SiteReport
from isochrone.model.amounts import micro_stamp
from isochrone.render import announced

Json = Mapping[str, Any]

_SIGN_EVERY: Final = 15.0
_PAUSE: Final = 0.5
_INSTALLATION: Final = "isochrone"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One parcel at one site. Times are of the machine's monotonic clock, which all processes share."""

    site: str
    sequence: int
    at: float
    """When it was there, complete and whole."""
    acked: float
    """When the hub had the report."""
    generations: Mapping[str, int]
    """Policy -> the generation of it that is in the config."""


class Watcher:
    """One site."""

    def __init__(self, api: FarApi, site: str, laws: Laws) -> None:
        self._api = api
        self._site = site
        self._laws = laws
        self._taken: mailbox.Taken | None = None
        self._parcel: Parcel | None = None
        self._told = ""
        self._ack: contact.Ack | None = None
        self._is_shown = False

    async def run(self) -> None:
        """Until cancelled."""
        await asyncio.gather(self._again(self._follow_parcels), self._again(self._follow_the_law))

    async def _again(self, follow: Callable[[], Awaitable[None]]) -> None:
        while True:
            with contextlib.suppress(ApiError):
                await follow()
            await asyncio.sleep(_PAUSE)

    async def live(self, offset: float) -> None:
        """Show signs of life, not all at one time."""
        await asyncio.sleep(offset)
        while True:
            with contextlib.suppress(ApiError):
                await self._show()
            await asyncio.sleep(_SIGN_EVERY)

    async def _follow_parcels(self) -> None:
        async for head in mailbox.heads(self._api, self._site):
            self._taken = await mailbox.take(self._api, self._site, head, self._taken)
            await self._has(self._taken.parcel)

    async def _follow_the_law(self) -> None:
        async for said in announcing.announcements(self._api):
            lawful = announced.applied(said, self._taken.parcel) if self._taken is not None else None
            if lawful is not None:
                await self._has(lawful)

    async def _has(self, parcel: Parcel) -> None:
        if self._parcel is not None and parcel.revision <= self._parcel.revision:
            return
        self._parcel = parcel
        at, report = time.monotonic(), report_of(parcel, now=int(time.time()))
        ack = contact.ack_of(report)
        if self._told != ack.report:
            await mailbox.tell(self._api, _INSTALLATION, report, is_there=self._told != "")
            self._told = ack.report
        self._ack = ack
        await self._show()
        seen = Seen(
            site=self._site,
            sequence=parcel.revision.sequence,
            at=at,
            acked=time.monotonic(),
            generations=self._laws.generations(parcel.objects),
        )
        sys.stdout.buffer.write(msgspec.json.encode(seen) + b"\n")
        sys.stdout.buffer.flush()

    async def _show(self) -> None:
        await contact.show(self._api, self._site, micro_stamp(time.time()), self._ack, is_there=self._is_shown)
        self._is_shown = True


def report_of(parcel: Parcel, *, now: int) -> SiteReport:
    """What the operator of a site says where everything was applied and runs."""
    pod = GatewayPod(pod="gateway-0", at=now, running=parcel.revision)
    return SiteReport(
        site=parcel.site,
        at=now,
        delivered=parcel.revision,
        children=len(parcel.objects),
        running=tuple(sorted(_running(parcel.objects))),
        gateway_replicas=1,
        gateway_ready=1,
        gateway_pods=(pod,),
        version="v1.37.0",
        observation=SiteObservation(kubernetes=(1, 37)),
    )


def _running(objects: Iterable[Json]) -> Iterable[Running]:
    for item in objects:
        if item["kind"] == "Deployment":
            ready = item["spec"].get("replicas", 1)
            if (found := gather.running({**item, "status": {"readyReplicas": ready}})) is not None:
                yield found


async def _run(kubeconfig: pathlib.Path, rtt: float, sites: list[str]) -> None:
    laws, found = Laws(), access.from_file(kubeconfig)
    tls = found.tls()
    async with contextlib.AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        for number, site in enumerate(sites):
            api = await stack.enter_async_context(FarApi(found, rtt=rtt, tls=tls))
            watcher = Watcher(api, site, laws)
            tasks.create_task(watcher.run())
            tasks.create_task(watcher.live(_SIGN_EVERY * number / len(sites)))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=pathlib.Path, required=True)
    parser.add_argument("--rtt", type=float, required=True)
    parser.add_argument("--cores", required=True)
    parser.add_argument("sites", nargs="+")
    given = parser.parse_args()
    os.sched_setaffinity(0, {int(each) for each in given.cores.split(",")})
    asyncio.run(_run(given.kubeconfig, given.rtt, given.sites))


if __name__ == "__main__":
    main()
