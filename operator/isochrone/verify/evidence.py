"""What a site is declared to keep of where its requests were processed, and the bucket that this is copied to."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from isochrone.verify.meaning import Place

Json = Mapping[str, Any]

_SECONDS_OF_A_DAY: Final = 86_400


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a site is to keep of where its requests were processed."""

    on_failure: str
    """`Refuse` or `Count`: what becomes of requests while none can be written."""
    retention_s: int | None
    """None: all of it is kept."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket of a store."""

    endpoint: str
    address: str
    """With its name, and what names in it begin with."""
    place: Place
    secret: str
    """The Secret that holds its keys."""
    region: str = "us-east-1"
    authorities: tuple[str, str] | None = None
    """A Secret, and its key that holds whom to trust instead of the system's."""


def read(said: Json | None) -> Evidence | None:
    """`spec.gateway.evidence` of an EdgeNode."""
    if said is None:
        return None
    days = said.get("retentionDays")
    return Evidence(
        on_failure=said.get("onFailure", "Refuse"), retention_s=None if days is None else days * _SECONDS_OF_A_DAY
    )


def bucket(said: Json, place: Place) -> Bucket:
    """Its `objectStorage`."""
    parts = (said["endpoint"].rstrip("/"), said["bucket"], said.get("prefix"))
    authorities = said.get("caSecretRef")
    return Bucket(
        endpoint=said["endpoint"],
        address="/".join(part for part in parts if part),
        place=place,
        secret=said["secretName"],
        region=said.get("region", "us-east-1"),
        authorities=(authorities["name"], authorities["key"]) if authorities else None,
    )
