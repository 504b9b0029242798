"""From a ModelRoute that is changed to its engine's Deployment that says so, in a cluster that the hub delivers to."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from tests.bench_operator import world
from tests.cluster.client import TYPE_APPLY, Client
from tests.cluster.watching import AsyncClient, Changed

Json = dict[str, Any]

_LIMIT: Final = 120.0
_DEPLOYMENTS: Final = f"/apis/apps/v1/namespaces/{world.NEAR_NAMESPACE}/deployments"
_FROM: Final = 2
"""CPUs; each change asks for one more."""


async def measure(kubeconfig: Path, *, count: int, pause: float, first: int = _FROM) -> list[float]:
    """Seconds of so many changes, made at moments that have nothing to do with what the operator does."""
    chance, found = random.Random(first), []
    async with AsyncClient(kubeconfig) as api:
        changes = api.follow(_DEPLOYMENTS)
        await anext(changes)
        for cpu in range(first, first + count):
            await asyncio.sleep(pause * (1 + chance.random()))
            async with asyncio.timeout(_LIMIT):
                found.append(await _once(api, changes, cpu))
        await changes.aclose()
    return found


async def _once(api: AsyncClient, changes: AsyncIterator[Any], cpu: int) -> float:
    item = world.route(cpu=cpu)
    path = f"/apis/isochrone.dev/v1alpha1/namespaces/{world.NEAR_NAMESPACE}/modelroutes/{world.NEAR}"
    params = {"fieldManager": "isochrone-test", "force": "true"}
    await api.request("PATCH", path, item, params=params, content_type=TYPE_APPLY)
    accepted = time.monotonic()
    async for change in changes:
        if isinstance(change, Changed) and asks_for(change.item, cpu):
            break
    return time.monotonic() - accepted


def asks_for(deployment: Json, cpu: int) -> bool:
    """Whether a container of its pods asks for so many CPUs."""
    containers = deployment["spec"]["template"]["spec"]["containers"]
    return any(each.get("resources", {}).get("requests", {}).get("cpu") == str(cpu) for each in containers)


def make_ready(api: Client) -> None:
    """Play the controllers and the kubelet: all Deployments of the near site say that their pods are ready."""
    for item in api.request("GET", "/apis/apps/v1/deployments").body["items"]:
        metadata = item["metadata"]
        replicas = item["spec"]["replicas"]
        status = {"observedGeneration": metadata["generation"], "replicas": replicas, "readyReplicas": replicas}
        status |= {"availableReplicas": replicas, "updatedReplicas": replicas}
        path = f"/apis/apps/v1/namespaces/{metadata['namespace']}/deployments/{metadata['name']}/status"
        answer = api.request("PATCH", path, {"status": status}, content_type="application/merge-patch+json")
        if not answer.ok:
            raise RuntimeError(answer.message)
