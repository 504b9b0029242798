"""A parcel and what its cluster has: what is applied, in which order, and what is removed.

The order of what is applied is the parcel's, the gateway's index last. What is removed goes after that, in the opposite
order: a NetworkPolicy only once no pod is left that it guards, and an engine only once the site's gateways run a config
without it. Only what carries our installation's label is ours.
"""

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from isochrone.model import Parcel
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.bundle import identity
from isochrone.render.engines import CREATE_ONLY
from isochrone.render.gateway.config_maps import CONFIG, TRUST_COMPONENT
from isochrone.render.manifest import manifest
from isochrone.rollout import difference

Json = Mapping[str, Any]
Identity = tuple[str, str, str, str]
"""apiVersion, kind, namespace, name."""

MANAGER: Final = "isochrone"
"""Whose fields those are that we apply."""
_APPLY, _CREATE_ONLY = next(iter(CREATE_ONLY.items()))
_GUARD: Final = "NetworkPolicy"
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})
_KEPT: Final = frozenset({"Namespace"})
"""Kinds that are never removed: others may have put something there."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Apply:
    """One object to apply."""

    item: Json
    because: str
    """The first difference, in words."""
    is_missing: bool = False
    is_create_only: bool = False
    """Whether one that is there is left alone, whosever it is."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Remove:
    """One object to remove, if it is still this one."""

    identity: Identity
    uid: str
    resource_version: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Actions:
    """What brings a cluster to its parcel."""

    apply: tuple[Apply, ...] = ()
    remove: tuple[Remove, ...] = ()
    waiting: int = 0
    """Objects that are to go once others are gone."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What a cluster has of ours."""

    children: Mapping[Identity, Json]
    """With our installation's label."""
    pods: tuple[Json, ...] = ()
    """Those with our installation's label, on their way out too."""
    settled: Mapping[Identity, str] = dataclasses.field(default_factory=dict)
    """What the API server made of what we applied last, in words: that is no difference that applying again mends."""
    is_behind: bool = False
    """Whether a gateway of the site still runs an older config, and may ask engines that are to go."""


def decide(
    parcel: Parcel, found: Found, *, elsewhere: Collection[Identity] = (), paused: Collection[str] = ()
) -> Actions:
    """What to do. `elsewhere` is what other sites of the cluster want; `paused` are `NAMESPACE/NAME` of routes."""
    wanted = {identity(item): item for item in parcel.objects}
    changes = [change for each in parcel.objects if not _is_paused(each, paused) and (change := _change(each, found))]
    gone = [
        item
        for key, item in found.children.items()
        if _is_of(item, parcel.site) and key not in wanted and key not in elsewhere and not _is_paused(item, paused)
    ]
    ready = [item for item in gone if not _has_to_stay(item, parcel, found)]
    return Actions(apply=tuple(changes), remove=tuple(map(removal, backwards(ready))), waiting=len(gone) - len(ready))


def with_secrets(parcel: Parcel) -> Parcel:
    """The parcel with its Secrets among its objects, right after the Namespaces."""
    if not parcel.secrets:
        return parcel
    namespaces = tuple(item for item in parcel.objects if item["kind"] == "Namespace")
    rest = tuple(item for item in parcel.objects if item["kind"] != "Namespace")
    shared = labels.shared_labels(parcel.installation)
    secrets = tuple(
        manifest(
            "v1",
            "Secret",
            each.name,
            namespace=SYSTEM_NAMESPACE,
            labels={**shared, labels.EDGE_NODE: parcel.site},
            type="Opaque",
            data=dict(each.data),
        )
        for each in parcel.secrets
    )
    return dataclasses.replace(parcel, objects=(*namespaces, *secrets, *rest), secrets=())


def _change(item: Json, found: Found) -> Apply | None:
    key = identity(item)
    there = found.children.get(key)
    is_create_only = item["metadata"].get("annotations", {}).get(_APPLY) == _CREATE_ONLY
    if there is None:
        return Apply(item=item, because="it is missing", is_missing=True, is_create_only=is_create_only)
    if is_create_only:
        return None
    changed = difference.first(item, there) or difference.leftover(item, there, MANAGER)
    if changed and item["kind"] == "Secret":
        changed = "its content is not what was delivered"  # which is in no log and no event
    return Apply(item=item, because=changed) if changed and found.settled.get(key) != changed else None


def _has_to_stay(item: Json, parcel: Parcel, found: Found) -> bool:
    """Whether something that is to go is needed for a while."""
    return (
        is_guarding(item, found.pods)
        or (found.is_behind and _is_engine(item))
        or (is_gateway(item) and _is_heir_starting(parcel, found))
    )


def _is_heir_starting(parcel: Parcel, found: Found) -> bool:
    """Whether less than half of the gateway's pods are ready in what takes the place of one that is to go.

    Not all of them: where there is no room for both, the last ones start only then.
    """
    heir = next(filter(is_gateway, parcel.objects), None)
    if heir is None:
        return False
    there = found.children.get(identity(heir)) or {}
    ready: int = (there.get("status") or {}).get("readyReplicas", 0)
    wanted: int = (there.get("spec") or {}).get("replicas", 1)
    return 2 * ready < wanted


def is_gateway(item: Json) -> bool:
    """Whether it is what runs a gateway's pods."""
    found: str | None = item["metadata"].get("labels", {}).get(labels.COMPONENT)
    return item["kind"] in _WORKLOADS and found == labels.GATEWAY


def _is_of(item: Json, site: str) -> bool:
    return item["kind"] not in _KEPT and item["metadata"].get("labels", {}).get(labels.EDGE_NODE) == site


def _is_engine(item: Json) -> bool:
    found: str | None = item["metadata"].get("labels", {}).get(labels.COMPONENT)
    return found == labels.ENGINE


def _is_paused(item: Json, paused: Collection[str]) -> bool:
    """Whether it belongs to a route that somebody stopped: its objects stay as they are."""
    if not paused:
        return False
    found = item["metadata"].get("labels", {})
    return f"{found.get(labels.ROUTE_NAMESPACE)}/{found.get(labels.MODEL_ROUTE)}" in paused


def is_guarding(item: Json, pods: Iterable[Json]) -> bool:
    """Whether it is a NetworkPolicy of pods that are still there."""
    return item["kind"] == _GUARD and _guards(item, pods)


def _guards(policy: Json, pods: Iterable[Json]) -> bool:
    chosen = policy["spec"].get("podSelector", {}).get("matchLabels", {}).items()
    namespace = policy["metadata"]["namespace"]
    return any(
        pod["metadata"]["namespace"] == namespace and chosen <= pod["metadata"].get("labels", {}).items()
        for pod in pods
    )


def unused_shards(found: Iterable[Json], named: Collection[str], *, before: str) -> tuple[Remove, ...]:
    """Pieces of configs that no index names, made before a moment (RFC 3339): newer ones may be named soon."""
    shards = (item for item in found if _is_shard(item) and item["metadata"]["name"] not in named)
    return tuple(sorted(removal(item) for item in shards if item["metadata"]["creationTimestamp"] < before))


def without_gateways(found: Iterable[Json]) -> tuple[Remove, ...]:
    """What the gateways of a cluster shared, and what nobody needs once the last of them is gone."""
    return tuple(sorted(removal(item) for item in found if _is_shard(item) or _is_trust(item)))


def _is_shard(item: Json) -> bool:
    return _is_config_map(item, CONFIG) and bool(item.get("immutable"))


def _is_trust(item: Json) -> bool:
    return _is_config_map(item, TRUST_COMPONENT)


def _is_config_map(item: Json, component: str) -> bool:
    return bool(item["kind"] == "ConfigMap" and item["metadata"].get("labels", {}).get(labels.COMPONENT) == component)


def backwards(items: Iterable[Json]) -> Iterator[Json]:
    """Those first that need others."""
    return iter(sorted(items, key=_last_first))


_FIRST_TO_GO: Final = (
    "HorizontalPodAutoscaler",
    "Deployment",
    "StatefulSet",
    "PodDisruptionBudget",
    "ResourceClaimTemplate",
)


def _last_first(item: Json) -> tuple[int, Identity]:
    kind = item["kind"]
    return _FIRST_TO_GO.index(kind) if kind in _FIRST_TO_GO else len(_FIRST_TO_GO), identity(item)


def removal(item: Json) -> Remove:
    metadata = item["metadata"]
    return Remove(identity=identity(item), uid=metadata["uid"], resource_version=metadata["resourceVersion"])
