"""What a hub's cluster declares and runs, as a snapshot."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeVar

import pydantic

from isochrone.api import (
    GROUP,
    VERSION,
    DataResidencyPolicy,
    EdgeNode,
    GPUPool,
    InferenceTenant,
    ModelProvider,
    ModelRoute,
    Resource,
)
from isochrone.kube.reader import ClusterError, Object, Reader
from isochrone.model import Observed, RouteKey, Running, Settings, Snapshot
from isochrone.render import labels

R = TypeVar("R", bound=Resource)


KINDS: Final = (EdgeNode, GPUPool, ModelRoute, DataResidencyPolicy, ModelProvider, InferenceTenant)


def gather(reader: Reader, *, settings: Settings | None = None) -> Snapshot:
    """All that the hub's API server knows. Raises ClusterError.

    Only the engines in the hub's own cluster are seen: what other clusters run is known to the operator.
    """
    chosen = Settings() if settings is None else settings
    return snapshot_of(
        {kind: _all(reader, kind) for kind in KINDS},
        labels_of(reader.list("/api/v1/namespaces")),
        observed=Observed(running=tuple(sorted(_running(reader, chosen.installation)))),
        settings=chosen,
    )


def declared(reader: Reader) -> Snapshot:
    """The objects of the six kinds, with their statuses, and nothing else. Raises ClusterError."""
    found: dict[type[Resource], tuple[Resource, ...]] = {kind: _all(reader, kind) for kind in KINDS}
    return snapshot_of(found, {}, observed=Observed(), settings=Settings())


def snapshot_of(
    declared: Mapping[type[Resource], Iterable[Resource]],
    namespaces: Mapping[str, Mapping[str, str]],
    *,
    observed: Observed,
    settings: Settings,
) -> Snapshot:
    """The objects of all six kinds, as a snapshot."""

    def each(kind: type[R]) -> tuple[R, ...]:
        return tuple(item for item in declared.get(kind, ()) if isinstance(item, kind))

    return Snapshot(
        edge_nodes=each(EdgeNode),
        pools=each(GPUPool),
        routes=each(ModelRoute),
        policies=each(DataResidencyPolicy),
        providers=each(ModelProvider),
        tenants=each(InferenceTenant),
        namespaces=namespaces,
        observed=observed,
        settings=settings,
    )


def labels_of(namespaces: Iterable[Object]) -> dict[str, Mapping[str, str]]:
    """Name -> labels."""
    return {each["metadata"]["name"]: each["metadata"].get("labels", {}) for each in namespaces}


def _all(reader: Reader, kind: type[R]) -> tuple[R, ...]:
    found = reader.list(f"/apis/{GROUP}/{VERSION}/{kind.info.plural}")
    return tuple(read(kind, each) for each in found)


def read(kind: type[R], obj: Object) -> R:
    """An object as the API server gives it. Raises ClusterError if it isn't what its CRD promises."""
    try:
        return kind.model_validate({"apiVersion": f"{GROUP}/{VERSION}", "kind": kind.__name__, **obj})
    except pydantic.ValidationError as error:
        name = obj.get("metadata", {}).get("name", "?")
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ClusterError(
            f"{kind.__name__} {name}: {where}: {first['msg']}. The cluster's CRDs are not those of this version:"
            " apply crds/ again"
        ) from error


def _running(reader: Reader, installation: str) -> Iterator[Running]:
    wanted = f"{labels.MANAGED_BY}=isochrone,{labels.INSTALLATION}={installation},{labels.MODEL_ROUTE}"
    for obj in reader.list("/apis/apps/v1/deployments", label_selector=wanted):
        if found := running(obj):
            yield found


def running(deployment: Object) -> Running | None:
    """What a Deployment of ours says of the engines; None if its labels don't say whose they are."""
    metadata = deployment["metadata"]
    found = metadata.get("labels", {})
    try:
        route = RouteKey(found[labels.ROUTE_NAMESPACE], found[labels.MODEL_ROUTE])
        site = found[labels.EDGE_NODE]
    except KeyError:
        return None
    spec, status = deployment.get("spec", {}), deployment.get("status", {})
    return Running(
        route=route,
        site=site,
        pool=metadata.get("annotations", {}).get(labels.GPU_POOL),
        replicas=spec.get("replicas", 1),
        ready=status.get("readyReplicas", 0),
        is_failing=_is_failing(status.get("conditions", ())),
    )


def _is_failing(conditions: Iterable[dict[str, Any]]) -> bool:
    """Whether its roll-out has taken longer than its deadline (Deployment.spec.progressDeadlineSeconds)."""
    return any(each.get("reason") == "ProgressDeadlineExceeded" for each in conditions)
