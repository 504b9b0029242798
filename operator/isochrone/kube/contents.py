"""All that is in a Namespace, of whatever kind: asked of discovery, since others' kinds are not known here."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any, Final

from isochrone.kube.api import Api
from isochrone.kube.kinds import Kind

Json = Mapping[str, Any]

_COMPUTED: Final = frozenset({"metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"})
"""Groups whose objects nobody has made."""


async def kinds_in_namespaces(api: Api) -> tuple[Kind, ...]:
    """Every kind that a Namespace may hold and that can be listed. Raises ApiError."""
    groups = (await api.get("/apis")).get("groups") or ()
    versions = ["v1"]
    versions += [each["preferredVersion"]["groupVersion"] for each in groups if each["name"] not in _COMPUTED]
    found = await asyncio.gather(*(api.get(f"/apis/{each}" if "/" in each else f"/api/{each}") for each in versions))
    return tuple(kind for version, listed in zip(versions, found, strict=True) for kind in _kinds(version, listed))


def _kinds(version: str, listed: Json) -> Iterator[Kind]:
    for each in listed.get("resources") or ():
        if each.get("namespaced") and "/" not in each["name"] and "list" in each.get("verbs", ()):
            yield Kind(version, each["kind"], each["name"])


async def of_namespace(api: Api, name: str) -> tuple[Json, ...]:
    """All objects in it. Raises ApiError, also if a single kind can't be listed."""
    wanted = await kinds_in_namespaces(api)
    listed = await asyncio.gather(*(api.list(kind.path(name)) for kind in wanted))
    return tuple(
        {"apiVersion": kind.api_version, "kind": kind.name, **item}
        for kind, found in zip(wanted, listed, strict=True)
        for item in found.items
    )
