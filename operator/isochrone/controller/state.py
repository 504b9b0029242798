"""What the hub keeps of its releases: one ConfigMap in isochrone-system, written before anything is delivered."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from isochrone.kube.errors import ApiError
from isochrone.kube.hub import Hub
from isochrone.render import rights
from isochrone.rollout import releases as numbering
from isochrone.rollout.releases import Releases

Json = Mapping[str, Any]

NAME: Final = rights.RELEASES


@dataclasses.dataclass(frozen=True, slots=True)
class Kept:
    """The releases, and the ConfigMap as it was read or written last."""

    releases: Releases
    item: Json | None


async def read(hub: Hub) -> Kept:
    """What is kept; nothing yet in a new hub. Raises ApiError if it can't be read, or is not ours to read."""
    item = await hub.kept(NAME)
    if item is None:
        return Kept(Releases(), None)
    try:
        return Kept(numbering.decoded((item.get("data") or {}).get(numbering.KEY, "")), item)
    except msgspec.DecodeError as error:
        raise ApiError(
            f"ConfigMap {NAME} is damaged ({error}). Restore it, or delete it: sites then begin a new epoch"
        ) from error


async def write(hub: Hub, kept: Kept, releases: Releases) -> Kept:
    """Keep these, if they are new. Raises Conflict if somebody else has written since: then he leads."""
    if releases == kept.releases:
        return kept
    return Kept(releases, await hub.keep(NAME, {numbering.KEY: numbering.encoded(releases)}, kept.item))
