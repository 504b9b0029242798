"""What a cluster has of an installation: its objects, its pods, and what its API server can do."""

import asyncio
import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, Final

from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.errors import Forbidden, NotFound
from isochrone.kube.kinds import Kind
from isochrone.model import Capability
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.bundle import identity
from isochrone.rollout.actions import Identity

Json = Mapping[str, Any]

_ONLY_OURS: Final = frozenset(
    {
        kinds.CONFIG_MAP,
        kinds.SECRET,
        kinds.LEASE,
        kinds.STATEFUL_SET,
        kinds.AUTOSCALER,
        kinds.HTTP_ROUTE,
        kinds.SERVICE_EXPORT,
        kinds.CERTIFICATE,
    }
)
"""Read in isochrone-system alone: nothing of ours is elsewhere, and others' are not for us to see."""
_CAPABILITIES: Final = {
    kinds.POD_MONITOR: Capability.SERVICE_MONITOR,
    kinds.HTTP_ROUTE: Capability.HTTP_ROUTE,
    kinds.SERVICE_EXPORT: Capability.SERVICE_EXPORT,
    kinds.CERTIFICATE: Capability.CERTIFICATE,
    kinds.CILIUM_NETWORK_POLICY: Capability.CILIUM_NETWORK_POLICY,
    kinds.FQDN_NETWORK_POLICY: Capability.FQDN_NETWORK_POLICY,
}
_IMAGE_VOLUMES_SINCE: Final = (1, 35)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What hardly ever changes."""

    version: str
    kubernetes: tuple[int, int]
    capabilities: frozenset[Capability]
    optional: tuple[Kind, ...]
    """Of the kinds that not every cluster has, those that this one has."""
    api_servers: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Objects:
    """All that is ours."""

    children: Mapping[Identity, Json]
    pods: tuple[Json, ...]
    unreadable: Mapping[Kind, str]
    """Kinds that we may not list, and what the API server says."""


async def abilities(api: Api) -> Abilities:
    """Raises ApiError."""
    version = await api.get("/version")
    there = await asyncio.gather(*(_has(api, kind) for kind in kinds.OPTIONAL_CHILDREN))
    optional = tuple(kind for kind, is_there in zip(kinds.OPTIONAL_CHILDREN, there, strict=True) if is_there)
    kubernetes = _version(version["gitVersion"])
    capabilities = {_CAPABILITIES[kind] for kind in optional}
    if kubernetes >= _IMAGE_VOLUMES_SINCE:
        capabilities.add(Capability.IMAGE_VOLUME)
    return Abilities(
        version=version["gitVersion"],
        kubernetes=kubernetes,
        capabilities=frozenset(capabilities),
        optional=optional,
        api_servers=await _api_servers(api),
    )


async def _has(api: Api, kind: Kind) -> bool:
    try:
        resources = await api.get(f"/apis/{kind.api_version}")
    except (NotFound, Forbidden):
        return False
    return any(each["name"] == kind.plural for each in resources.get("resources", ()))


def _version(text: str) -> tuple[int, int]:
    major, minor, *_ = text.removeprefix("v").split(".")
    return int(major), int(minor)


async def _api_servers(api: Api) -> tuple[str, ...]:
    try:
        found = await api.get(kinds.ENDPOINT_SLICE.path("default", "kubernetes"))
    except (NotFound, Forbidden):
        return ()
    hosts = [address for each in found.get("endpoints") or () for address in each.get("addresses", ())]
    ports = [each["port"] for each in found.get("ports") or () if each.get("port")]
    return tuple(sorted(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts for port in ports))


async def objects(api: Api, installation: str, optional: Iterable[Kind]) -> Objects:
    """Raises ApiError, but for kinds that may not be listed."""
    wanted = (kinds.NAMESPACE, *kinds.CHILDREN, *optional)
    chosen = f"{labels.MANAGED_BY}=isochrone,{labels.INSTALLATION}={installation}"
    listed, pods = await asyncio.gather(
        asyncio.gather(*(_listed(api, kind, chosen) for kind in wanted)),
        _listed(api, kinds.POD, f"{labels.INSTALLATION}={installation}"),
    )
    both = list(zip(wanted, listed, strict=True))
    return Objects(
        children={identity(item): item for _, found in both if not isinstance(found, str) for item in found},
        pods=() if isinstance(pods, str) else pods,
        unreadable={kind: found for kind, found in both if isinstance(found, str)},
    )


async def secret_of_system(api: Api, name: str) -> Json | None:
    """A Secret of isochrone-system, whosever it is; None if there is none. Raises ApiError."""
    try:
        return await api.get(kinds.SECRET.path(SYSTEM_NAMESPACE, name))
    except NotFound:
        return None


async def _listed(api: Api, kind: Kind, label_selector: str) -> tuple[Json, ...] | str:
    """The objects, or why they can't be seen."""
    namespace = SYSTEM_NAMESPACE if kind in _ONLY_OURS else None
    try:
        found = await api.list(kind.path(namespace), label_selector=label_selector)
    except Forbidden as error:
        return str(error)
    return tuple({"apiVersion": kind.api_version, "kind": kind.name, **item} for item in found.items)
