"""The hub's cluster: what is declared in it, and what the operator keeps there.

Everything declared is listed at each look. Lists are read from the store, so nothing that was deleted is in them,
however long a watch was cut: watches only say when to look. What was parsed at one version is not parsed again.
"""

import asyncio
import base64
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from isochrone.api import GROUP, VERSION, EdgeNode, Resource
from isochrone.api import KINDS as API_KINDS
from isochrone.kube import gather, kinds, profiles
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, NotFound
from isochrone.kube.kinds import Kind
from isochrone.model.declared import SYSTEM_NAMESPACE

Json = Mapping[str, Any]
R = TypeVar("R", bound=Resource)

KINDS: Final[Mapping[type[Resource], Kind]] = {
    kind: Kind(f"{GROUP}/{VERSION}", kind.__name__, kind.info.plural, is_namespaced=kind.info.scope == "Namespaced")
    for kind in API_KINDS
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Declared:
    """What users say, at one moment."""

    resources: Mapping[type[Resource], tuple[Resource, ...]]
    plain: Mapping[type[Resource], tuple[Resource, ...]]
    """The same without statuses and versions: the very same objects as long as nobody declares something else."""
    raw: Mapping[tuple[str, str], Json]
    """(kind, key) -> the object as the API server has it."""
    namespaces: Mapping[str, Mapping[str, str]]
    secrets: Mapping[str, Json] = dataclasses.field(repr=False)
    """Those of isochrone-system, by name."""
    profiles: Mapping[str, Json] = dataclasses.field(default_factory=dict)
    """ClusterProfiles, as `NAMESPACE/NAME`, where an EdgeNode names one."""

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """All objects of a kind."""
        return tuple(each for each in self.resources.get(kind, ()) if isinstance(each, kind))


class Hub:
    """Reads and writes the hub's cluster."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self._parsed: dict[tuple[str, str], Resource] = {}
        self._plain: dict[str, Resource] = {}

    async def declared(self) -> Declared:
        """Raises ApiError, also for an object that this version can't read."""
        *lists, namespaces, secrets = await asyncio.gather(
            *(self.api.list(kind.path()) for kind in KINDS.values()),
            self.api.list(kinds.NAMESPACE.path()),
            self.api.list(kinds.SECRET.path(SYSTEM_NAMESPACE)),
        )
        seen: dict[tuple[str, str], Resource] = {}
        resources = {
            kind: tuple(self._read(kind, item, seen) for item in listed.items)
            for kind, listed in zip(KINDS, lists, strict=True)
        }
        self._parsed = seen
        plain = {kind: tuple(map(self._without_status, found)) for kind, found in resources.items()}
        self._plain = {each.metadata.uid: each for found in plain.values() for each in found}
        return Declared(
            resources=resources,
            plain=plain,
            raw={
                (kind.__name__, resource.key): item
                for kind, listed in zip(KINDS, lists, strict=True)
                for resource, item in zip(resources[kind], listed.items, strict=True)
            },
            namespaces=gather.labels_of(namespaces.items),
            secrets={item["metadata"]["name"]: item for item in secrets.items},
            profiles=await self._profiles() if any(map(_is_by_profile, resources[EdgeNode])) else {},
        )

    async def _profiles(self) -> Mapping[str, Json]:
        """None if they can't be read: that is a fault of the sites that need them, and of no others."""
        try:
            return await profiles.all_of(self.api)
        except ApiError:
            return {}

    def _read(self, kind: type[Resource], item: Json, seen: dict[tuple[str, str], Resource]) -> Resource:
        metadata = item["metadata"]
        version = metadata["uid"], metadata["resourceVersion"]
        # One that can't be read ends the look: to leave it out could lift a policy, or end a route.
        seen[version] = known = self._parsed.get(version) or gather.read(kind, item)
        return known

    def _without_status(self, resource: Resource) -> Resource:
        """As it was last, if only its status is another."""
        metadata = resource.metadata.model_copy(update={"resource_version": ""})
        found = resource.model_copy(update={"metadata": metadata, "status": None})
        known = self._plain.get(metadata.uid)
        return known if known is not None and known == found else found

    async def kept(self, name: str) -> Json | None:
        """A ConfigMap of ours in isochrone-system. Raises ApiError."""
        try:
            return await self.api.get(kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, name))
        except NotFound:
            return None

    async def keep(self, name: str, data: Mapping[str, str], before: Json | None) -> Json:
        """Write it, unless somebody has written it since `before` was read: then raises Conflict."""
        metadata: dict[str, Any] = {"name": name, "namespace": SYSTEM_NAMESPACE}
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}
        if before is None:
            return await self.api.create(kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE), item)
        metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
        return await self.api.replace(kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, name), item)


def _is_by_profile(resource: Resource) -> bool:
    return isinstance(resource, EdgeNode) and resource.spec.cluster.cluster_profile_ref is not None


def secret_value(secret: Json, key: str) -> bytes | None:
    """One entry of a Secret."""
    encoded = (secret.get("data") or {}).get(key)
    return None if encoded is None else base64.b64decode(encoded)


def keys_of(secret: Json) -> frozenset[str]:
    """Those entries of a Secret in which there is something."""
    return frozenset(key for key, encoded in (secret.get("data") or {}).items() if encoded)


def finalizers_of(item: Json) -> tuple[str, ...]:
    return tuple(item["metadata"].get("finalizers") or ())


async def set_finalizers(api: Api, path: str, item: Json, finalizers: Iterable[str]) -> None:
    """Exactly these, if the object is still as it was read. Raises ApiError."""
    metadata = {"finalizers": list(finalizers), "resourceVersion": item["metadata"]["resourceVersion"]}
    await api.merge(path, {"metadata": metadata})
