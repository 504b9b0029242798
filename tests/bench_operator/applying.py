"""How fast our delivery applies what isn't there yet, beside a bare client that sends the same patches.

    python -m tests.bench_operator.applying --kubeconfig FILE --core N --repeat N

Both on one core, in turn, with as many requests beside each other. What was applied is deleted in between.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import pathlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import aiohttp
import msgspec
from tests.bench_plan.network import network
from tests.cluster.parcels import bundles, parcel

from isochrone.kube import access
from isochrone.kube.access import Access
from isochrone.kube.api import Api, Limits
from isochrone.kube.errors import NotFound
from isochrone.kube.kinds import path_of
from isochrone.kube.member import Member
from isochrone.model import Parcel
from isochrone.rollout.actions import MANAGER

Json = Mapping[str, Any]

_AT_ONCE: Final = Limits().at_once
_SITES, _ROUTES = 33, 200


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rates:
    """Objects per second, of each round."""

    objects: int
    ours: list[float]
    bare: list[float]


async def measure(found: Access, *, repeat: int) -> Rates:
    """Round after round, now the one first, now the other; one before that which doesn't count."""
    given = _parcel()
    ours: list[float] = []
    bare: list[float] = []
    async with found.api() as api:
        await _deliver(found, given)
        for number in range(repeat + 1):
            for is_ours in (True, False) if number % 2 else (False, True):
                await _clean(api, given)
                took = await (_deliver(found, given) if is_ours else _send(found, given))
                if number:
                    (ours if is_ours else bare).append(len(_new(given)) / took)
        await _clean(api, given)
    return Rates(objects=len(_new(given)), ours=ours, bare=bare)


def _parcel() -> Parcel:
    """That of the site with the most engines."""
    most = max(bundles(network(sites=_SITES, routes=_ROUTES)), key=lambda each: len(each.objects))
    return parcel(most, sequence=1)


async def _deliver(found: Access, given: Parcel) -> float:
    """As the hub does at a cluster that it has not seen before."""
    async with found.api() as api:
        await api.get("/version")
        member = Member(api, given.installation, clock=time.time)
        began = time.perf_counter()
        reports = await member.deliver([given])
        took = time.perf_counter() - began
    if reports[given.site].faults:
        raise RuntimeError(f"not everything was applied: {reports[given.site].faults[0]}")
    return took


async def _send(found: Access, given: Parcel) -> float:
    """The same patches, and nothing else. The Namespaces are there, so we don't apply them either."""
    connector = aiohttp.TCPConnector(ssl=found.tls(), limit=_AT_ONCE)
    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(f"{found.url}/version") as answer:
            await answer.read()
        began = time.perf_counter()
        await _patch_all(session, found.url, _new(given))
        return time.perf_counter() - began


async def _patch_all(session: aiohttp.ClientSession, url: str, items: Sequence[Json]) -> None:
    left = iter(items)

    async def work() -> None:
        for item in left:
            async with session.patch(
                url + path_of(item),
                data=msgspec.json.encode(item),
                params={"fieldManager": MANAGER, "force": "true"},
                headers={"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"},
            ) as answer:
                msgspec.json.decode(await answer.read())
                answer.raise_for_status()

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))


async def _clean(api: Api, given: Parcel) -> None:
    """All but the Namespaces, which only controllers can end."""

    async def delete(item: Json) -> None:
        try:
            await api.delete(path_of(item))
        except NotFound:
            return

    await asyncio.gather(*(delete(each) for each in _new(given)))


def _new(given: Parcel) -> list[Json]:
    """What is applied in each round: all but the Namespaces, which stay."""
    return [each for each in given.objects if each["kind"] != "Namespace"]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--kubeconfig", type=pathlib.Path, required=True)
    parser.add_argument("--core", type=int, required=True)
    parser.add_argument("--repeat", type=int, required=True)
    given = parser.parse_args()
    os.sched_setaffinity(0, {given.core})
    found = asyncio.run(measure(access.from_file(given.kubeconfig), repeat=given.repeat))
    sys.stdout.write(json.dumps(dataclasses.asdict(found)))


if __name__ == "__main__":
    main()
