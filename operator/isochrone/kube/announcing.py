"""What the hub tells all sites that pull at once: one object, which every one of them watches.

A change of the law is the same for all sites. Written into each site's parcel it would be as many writes as there are
sites, one after the other for the API server. Parcels follow all the same, without haste: who doesn't hear of it has it
a little later.
"""

import base64
import contextlib
import functools
import gzip
import zlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import msgspec

from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.mailbox import DamagedError
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import rights
from isochrone.render.announced import Announcement

Json = Mapping[str, Any]

NAME: Final = rights.ANNOUNCEMENT
_KEY: Final = "announcement"
_LEVEL: Final = 3
_MOST_BYTES: Final = 700_000
"""A ConfigMap holds 1 MiB, and base64 adds a third."""


def written(said: Announcement) -> dict[str, str] | None:
    """The data of the ConfigMap; None if that is more than one can hold."""
    packed = gzip.compress(msgspec.json.encode(said), _LEVEL, mtime=0)
    return {_KEY: base64.b64encode(packed).decode()} if len(packed) <= _MOST_BYTES else None


async def announcements(api: Api) -> AsyncIterator[Announcement]:
    """What was said last, and whatever is said until the API server ends the watch. Raises ApiError."""
    path, only = kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE), f"metadata.name={NAME}"
    listed = await api.list(path, field_selector=only)
    for item in listed.items:
        yield _read(item)
    async with contextlib.aclosing(api.watch(path, listed.resource_version, field_selector=only)) as events:
        async for event in events:
            if event.type in {"ADDED", "MODIFIED"}:
                yield _read(event.item)


def _read(item: Json) -> Announcement:
    try:
        return _unpacked((item.get("data") or {}).get(_KEY, ""))
    except (OSError, EOFError, zlib.error, ValueError, msgspec.DecodeError) as error:
        raise DamagedError(f"ConfigMap {SYSTEM_NAMESPACE}/{NAME} can't be read: {error}") from error


@functools.lru_cache(maxsize=1)
def _unpacked(data: str) -> Announcement:
    """A watch that begins anew says the same again."""
    return msgspec.json.decode(gzip.decompress(base64.b64decode(data)), type=Announcement)
