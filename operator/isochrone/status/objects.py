"""The status of every object: one function per kind, and what they have in common."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

from isochrone.api import (
    DataResidencyPolicy,
    EdgeNode,
    GPUPool,
    InferenceTenant,
    ModelProvider,
    ModelRoute,
    Resource,
)
from isochrone.api.conditions import Status
from isochrone.model import Delivery, ObjectKey, Plan, Snapshot
from isochrone.model.declared import DEFAULT_NAMESPACE, age_of
from isochrone.status import edge_node, gpu_pool, inference_tenant, model_provider, model_route, residency_policy
from isochrone.status.facts import Asked, Facts

R = TypeVar("R", bound=Resource)

_KINDS: Final[Mapping[type[Resource], Callable[[Facts, Any], Status]]] = {
    EdgeNode: edge_node.status,
    GPUPool: gpu_pool.status,
    ModelRoute: model_route.status,
    DataResidencyPolicy: residency_policy.status,
    ModelProvider: model_provider.status,
    InferenceTenant: inference_tenant.status,
}


def of(
    snapshot: Snapshot, plan: Plan, delivery: Delivery, *, now: int, asked: Asked | None = None
) -> Mapping[ObjectKey, Status]:
    """The status of every object of a snapshot, in order of their keys.

    `asked` is what the tables of all sites say. Without it, a site is taken to call every provider that a route may
    use, and nothing is said of whether anybody may answer.
    """
    facts = Facts(snapshot, plan, delivery, now=now, asked=asked)
    every = sorted(_resources(snapshot), key=lambda each: (key_of(each), age_of(each), each.metadata.uid))
    found: dict[ObjectKey, Status] = {}
    for each in every:
        if key_of(each) not in found:
            found[key_of(each)] = _KINDS[type(each)](facts, each)
    return found


def stored(snapshot: Snapshot) -> Mapping[ObjectKey, Status]:
    """The statuses that the objects have."""
    return {key_of(each): each.status for each in _resources(snapshot) if each.status is not None}


def document(status: Status) -> dict[str, Any]:
    """A status as it is written: what is not known is not there."""
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def key_of(resource: Resource) -> ObjectKey:
    """What identifies an object."""
    is_namespaced = resource.info.scope == "Namespaced"
    namespace = (resource.metadata.namespace or DEFAULT_NAMESPACE) if is_namespaced else ""
    return ObjectKey(type(resource).__name__, namespace, resource.metadata.name)


def _resources(snapshot: Snapshot) -> Iterator[Resource]:
    yield from snapshot.edge_nodes
    yield from snapshot.pools
    yield from snapshot.routes
    yield from snapshot.policies
    yield from snapshot.providers
    yield from snapshot.tenants
