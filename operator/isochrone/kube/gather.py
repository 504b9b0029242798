"""What a hub's cluster declares and runs, as a snapshot."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import msgspec
import pydantic

from isochrone.api import (
    GROUP,
    KINDS,
    VERSION,
    DataResidencyPolicy,
    EdgeNode,
    GPUPool,
    InferenceTenant,
    ModelProvider,
    ModelRoute,
    Resource,
)
from isochrone.kube.errors import ClusterError
from isochrone.kube.kinds import CONFIG_MAP
from isochrone.kube.reader import Object, Reader
from isochrone.model import Observed, RouteKey, Running, Settings, Snapshot
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels, rights
from isochrone.rollout import releases
from isochrone.rollout.demand import planned_by

R = TypeVar("R", bound=Resource)


async def gather(reader: Reader, *, settings: Settings | None = None) -> Snapshot:
    """All that the hub's API server knows. Raises ClusterError.

    Only the engines in the hub's own cluster are seen: what other clusters run is known to the operator.
    """
    chosen = Settings() if settings is None else settings
    return snapshot_of(
        await _all(reader),
        labels_of(await reader.list("/api/v1/namespaces")),
        observed=Observed(
            running=tuple(sorted(await _running(reader, chosen.installation))), demand=await _demand(reader)
        ),
        settings=chosen,
    )


async def declared(reader: Reader) -> Snapshot:
    """The objects of the six kinds, with their statuses, and nothing else. Raises ClusterError."""
    return snapshot_of(await _all(reader), {}, observed=Observed(), settings=Settings())


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


async def _all(reader: Reader) -> dict[type[Resource], tuple[Resource, ...]]:
    found: dict[type[Resource], tuple[Resource, ...]] = {}
    for kind in KINDS:
        items = await reader.list(f"/apis/{GROUP}/{VERSION}/{kind.info.plural}")
        found[kind] = tuple(read(kind, each) for each in items)
    return found


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


async def _running(reader: Reader, installation: str) -> list[Running]:
    wanted = f"{labels.MANAGED_BY}=isochrone,{labels.INSTALLATION}={installation},{labels.MODEL_ROUTE}"
    found = await reader.list("/apis/apps/v1/deployments", label_selector=wanted)
    return [each for each in map(running, found) if each is not None]


async def _demand(reader: Reader) -> Mapping[RouteKey, Mapping[str, int]]:
    """Where requests come from, as the operator plans by it; it is for those to know who may read what it keeps."""
    item = await reader.kept(CONFIG_MAP.path(SYSTEM_NAMESPACE, rights.RELEASES))
    try:
        text = (item or {}).get("data", {}).get(releases.KEY)
        return planned_by(releases.decoded(text).demand) if text else {}
    except msgspec.DecodeError:
        return {}


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
