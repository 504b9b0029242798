"""Keeps operators still: whoever holds their Lease may write, and they don't.

An operator that leads stops when it finds that it holds the Lease no longer, at the latest when it could not renew it
for a while, which is sooner than its duration. So once that has passed after we took the Lease, nobody else writes.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.election import NAME
from isochrone.kube.errors import ApiError, Conflict, NotFound
from isochrone.model.amounts import micro_stamp
from isochrone.model.declared import SYSTEM_NAMESPACE

Json = Mapping[str, Any]

IDENTITY: Final = "isochrone-uninstall"
_PATH: Final = kinds.LEASE.path(SYSTEM_NAMESPACE, NAME)
_DURATION: Final = 15
_RENEW: Final = 1.0
"""Often: operators go by their own settings, which may be quicker."""
_IDLE: Final = 4.0
"""Seconds in which somebody would take a Lease that nobody holds: candidates look every two."""
_PAUSE: Final = 0.25
_TRIES: Final = 20


async def leader(api: Api) -> str | None:
    """Who leads: whoever renews the Lease while we look. Clocks of others are not compared. Raises ApiError."""
    first = await _lease(api)
    spec = first.get("spec") or {} if first is not None else {}
    limit = float(spec.get("leaseDurationSeconds") or _DURATION) if spec.get("holderIdentity") else _IDLE
    ends = time.monotonic() + limit
    while time.monotonic() < ends:
        await asyncio.sleep(_PAUSE)
        now = await _lease(api)
        found = now.get("spec") or {} if now is not None else {}
        if found != spec and found.get("holderIdentity") not in {None, "", IDENTITY}:
            return str(found["holderIdentity"])
    return None


@contextlib.asynccontextmanager
async def held(api: Api) -> AsyncIterator[None]:
    """No operator writes inside. The Lease is gone afterwards. Raises ApiError."""
    await asyncio.sleep(await _seize(api))
    renewing = asyncio.create_task(_renew(api))
    try:
        yield
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await _drop(api)


async def _seize(api: Api) -> float:
    """Take it, whoever has it. For how many seconds somebody may still be writing."""
    for _ in range(_TRIES):
        before = await _lease(api)
        spec = before.get("spec") or {} if before is not None else {}
        try:
            await _write(api, before)
        except NotFound:
            return 0.0  # without isochrone-system there is no Lease, and nobody who leads
        except Conflict:
            continue  # the one who holds it has just renewed it
        is_held = spec.get("holderIdentity") not in {None, "", IDENTITY}
        return float(spec.get("leaseDurationSeconds") or _DURATION) if is_held else 0.0
    raise Conflict(f"the Lease {SYSTEM_NAMESPACE}/{NAME} could not be taken: end the operator, and try again")


async def _renew(api: Api) -> None:
    while True:
        await asyncio.sleep(_RENEW)
        with contextlib.suppress(ApiError):
            await _write(api, await _lease(api))


async def _drop(api: Api) -> None:
    with contextlib.suppress(ApiError):
        lease = await _lease(api)
        if lease is not None and (lease.get("spec") or {}).get("holderIdentity") == IDENTITY:
            await api.delete(_PATH, uid=lease["metadata"]["uid"])


async def _write(api: Api, before: Json | None) -> None:
    spec = {
        "holderIdentity": IDENTITY,
        "leaseDurationSeconds": _DURATION,
        "renewTime": micro_stamp(time.time()),
    }
    metadata = before["metadata"] if before is not None else {"name": NAME, "namespace": SYSTEM_NAMESPACE}
    item = {"apiVersion": kinds.LEASE.api_version, "kind": kinds.LEASE.name, "metadata": metadata, "spec": spec}
    if before is None:
        await api.create(kinds.LEASE.path(SYSTEM_NAMESPACE), item)
    else:
        await api.replace(_PATH, item)


async def _lease(api: Api) -> Json | None:
    try:
        return await api.get(_PATH)
    except NotFound:
        return None
