"""Lets a site in, or out: `isochrone site join` and `isochrone site leave`.

Everything can be done again: what is there stays, what is missing is made, and what somebody else has made under one of
these names is left alone and said.
"""

import asyncio
import base64
import dataclasses
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from isochrone.api import GROUP, VERSION
from isochrone.kube import kinds, kubeconfig
from isochrone.kube.access import Access
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, Conflict, Forbidden, NotFound, Unauthorized
from isochrone.kube.kinds import path_of
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone.render.joining import MANAGER, Joining

Json = Mapping[str, Any]

_LIMIT: Final = 30.0
"""Seconds for the cluster to write a token, and to know it."""
_PAUSE: Final = 0.2


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """One of the two clusters, with the rights of an administrator."""

    name: str
    """As it is called in what is said, such as `the hub`."""
    access: Access
    api: Api


async def join(
    joining: Joining, hub: Cluster, member: Cluster, *, is_pull: bool, server: str | None
) -> AsyncIterator[str]:
    """Say what is done while it is done. Raises ApiError.

    `server` is the address for whoever is let in, where that isn't the one by which we reach the cluster.
    """
    host, guest = (hub, member) if is_pull else (member, hub)
    wanted = joining.for_pull() if is_pull else joining.for_push()
    for item in wanted:
        yield await _made(host, item)
    token = await _token(host, wanted[-1])
    access = dataclasses.replace(
        Access(url=server or host.access.url, authority=host.access.authority, token=token),
        server_name=None if server else host.access.server_name,
    )
    if server is None:
        await _tried(access)
    written = kubeconfig.written(access, name=joining.installation)
    kubeconfig.parse(written)
    for item in (
        joining.system_namespace(),
        joining.kubeconfig_in_site(written) if is_pull else joining.kubeconfig_in_hub(written),
    ):
        yield await _made(guest, item)


async def leave(joining: Joining, hub: Cluster, member: Cluster | None, *, is_forced: bool) -> AsyncIterator[str]:
    """Say what is done while it is done. Raises ApiError, and Conflict while the site is still declared."""
    if not is_forced and await _there(hub.api, f"/apis/{GROUP}/{VERSION}/edgenodes/{joining.site}"):
        raise Conflict(
            f"EdgeNode {joining.site} is still there, and without these credentials its cluster can't be cleaned up:"
            f" delete it first (kubectl delete edgenode {joining.site}), or use --force"
        )
    if member is not None:
        for item in joining.leaving_site():
            yield await _removed(member, item)
        others = await member.api.list(kinds.SECRET.path(SYSTEM_NAMESPACE), label_selector=joining.token_selector())
        if not others.items:
            for item in joining.leaving_last():
                yield await _removed(member, item)
    for item in joining.leaving_hub():
        yield await _removed(hub, item)


async def _made(cluster: Cluster, item: Json) -> str:
    before = await _there(cluster.api, path_of(item))
    if before is not None and item["kind"] == "Namespace":
        return _said("as before", item, cluster)
    if before is not None:
        _check_ours(before, item, cluster)
    made = await cluster.api.apply(item, manager=MANAGER)
    if before is None:
        return _said("made", item, cluster)
    is_same = before["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    return _said("as before" if is_same else "changed", item, cluster)


async def _removed(cluster: Cluster, item: Json) -> str:
    before = await _there(cluster.api, path_of(item))
    if before is None:
        return _said("not there", item, cluster)
    _check_ours(before, item, cluster)
    try:
        await cluster.api.delete(path_of(item), uid=before["metadata"]["uid"])
    except NotFound:
        return _said("not there", item, cluster)
    return _said("removed", item, cluster)


def _check_ours(there: Json, item: Json, cluster: Cluster) -> None:
    found = there["metadata"].get("labels") or {}
    marks: Mapping[str, str] = item["metadata"]["labels"]
    if all(found.get(name) == marks[name] for name in (labels.MANAGED_BY, labels.INSTALLATION)):
        return
    raise Conflict(
        f"{_named(item)} in {cluster.name} was not made by `isochrone site join` for this installation, so it is left"
        " alone: rename or delete it"
    )


async def _there(api: Api, path: str) -> Json | None:
    try:
        return await api.get(path)
    except NotFound:
        return None


async def _token(cluster: Cluster, secret: Json) -> str:
    """The token that the cluster writes into the Secret. Raises ApiError if it doesn't."""
    deadline = time.monotonic() + _LIMIT
    while True:
        data = (await cluster.api.get(path_of(secret))).get("data") or {}
        if data.get("token"):
            return base64.b64decode(data["token"]).decode()
        if time.monotonic() > deadline:
            raise ApiError(
                f"{cluster.name} wrote no token into {_named(secret)} within {_LIMIT:.0f} s: its controller manager"
                " does that; see whether it runs, and try again"
            )
        await asyncio.sleep(_PAUSE)


async def _tried(access: Access) -> None:
    """Whether it lets us in. A token may be a moment older than what all API servers of a cluster know."""
    deadline = time.monotonic() + _LIMIT
    async with access.api() as api:
        while True:
            try:
                await api.get("/api")
            except Forbidden:
                return  # it knows who asks
            except Unauthorized:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                return


def _said(what: str, item: Json, cluster: Cluster) -> str:
    return f"{what:<9} {_named(item)}, in {cluster.name}"


def _named(item: Json) -> str:
    metadata = item["metadata"]
    namespace = metadata.get("namespace")
    return f"{item['kind']} {f'{namespace}/' if namespace else ''}{metadata['name']}"
