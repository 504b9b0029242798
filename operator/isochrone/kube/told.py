"""What the pods of a site's gateway say of their configuration, on the site's Lease."""

from collections.abc import Iterable, Mapping
from typing import Any

from isochrone.model import GatewayPod

Json = Mapping[str, Any]


def pods_of(children: Iterable[Json]) -> tuple[GatewayPod, ...]:
    """All that speak on the Leases among these objects."""
    del children
    return ()
