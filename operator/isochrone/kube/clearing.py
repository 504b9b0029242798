"""One cluster that an installation leaves: everything of it is removed, and what can't be is said.

Each wait ends with the limit that all of it has. What somebody else has made is never touched: only what carries the
installation's label is ours, and Namespaces only if we have made them and nothing of others is in them.
"""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.kube import contents, found, kinds
from isochrone.kube.api import Api
from isochrone.kube.applying import Applier, Outcome, named
from isochrone.kube.errors import ApiError, Conflict, Forbidden, NotFound, Unauthorized
from isochrone.kube.found import Objects
from isochrone.kube.kinds import Kind
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels, rights
from isochrone.render.bundle import identity
from isochrone.render.engines import CREATE_ONLY
from isochrone.render.joining import MANAGER as JOINED
from isochrone.rollout import removal
from isochrone.rollout.actions import Found, Identity
from isochrone.rollout.removal import Fate, Told

Json = Mapping[str, Any]

GUESTS: Final = (
    # The account last: with it goes the way in, and its token, which is removed with it.
    kinds.ROLE_BINDING,
    kinds.ROLE,
    kinds.CLUSTER_ROLE_BINDING,
    kinds.CLUSTER_ROLE,
    kinds.SERVICE_ACCOUNT,
)
"""What `isochrone site join` makes in a cluster for others, in the order in which it goes."""

_HANDED_OVER: Final = {
    "metadata": {
        "labels": {labels.MANAGED_BY: None, labels.INSTALLATION: None, labels.EDGE_NODE: None},
        "annotations": dict.fromkeys(CREATE_ONLY),
    }
}
"""Takes our marks off a Namespace that is others' from now on."""
_PAUSE: Final = 0.5


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """When waiting ends, by a clock that only goes forward."""

    until: float
    drain_until: float = 0.0
    """Until then gateways are given time to end what they do."""

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.until

    @property
    def is_draining(self) -> bool:
        return time.monotonic() < self.drain_until


class Clearing:
    """Of one cluster; `tell` hears what became of each thing."""

    def __init__(self, name: str, api: Api, installation: str, *, limit: Limit, tell: Callable[[Told], None]) -> None:
        self.name = name
        self.api = api
        self._installation = installation
        self._limit = limit
        self.tell = tell

    async def sweep(self, spared: Collection[str] = ()) -> None:
        """All that was delivered, but that of spared sites. Raises ApiError if the cluster can't be asked."""
        optional = (await found.abilities(self.api)).optional
        applier = Applier(self.api, self._installation)
        before: dict[Identity, Json] = {}
        while True:
            objects = await found.objects(self.api, self._installation, optional)
            there = {identity(item): item for item in removal.going(_found(objects), spared)}
            for key in before.keys() - there.keys():
                self.removed(before[key])
            before = there
            if not there:
                break
            decided = removal.decide(_found(objects), spared=spared, drains=self._limit.is_draining)
            outcome = Outcome()
            await applier.remove(decided.remove, outcome)
            is_hopeless = sum(fault.reason is Reason.FORBIDDEN for fault in outcome.faults) == len(there)
            if self._limit.is_over or is_hopeless:
                self._give_up(there.values(), {fault.subject: fault.message for fault in outcome.faults})
                break
            await asyncio.sleep(_PAUSE)
        for kind, message in objects.unreadable.items():
            self.left(kind.plural, f"they can't be listed: {message}")

    def _give_up(self, items: Collection[Json], refused: Mapping[str, str]) -> None:
        for item in items:
            self.left(named(item), refused.get(named(item)) or _why(item))

    async def remove(self, item: Json, path: str) -> bool:
        """One object, if it is still this one; whether it is gone. What refuses it is told."""
        try:
            await self.api.delete(path, uid=item["metadata"]["uid"])
        except NotFound:
            return True
        except (Forbidden, Unauthorized, Conflict) as error:
            self.left(named(item), str(error))
            return False
        return await self.gone(item, path)

    async def gone(self, item: Json, path: str) -> bool:
        """Wait until it is; whether it is."""
        last = item
        while not self._limit.is_over:
            try:
                last = await self.api.get(path)
            except NotFound:
                self.removed(item)
                return True
            if last["metadata"]["uid"] != item["metadata"]["uid"]:
                self.removed(item)
                return True
            await asyncio.sleep(_PAUSE)
        self.left(named(item), _why(last))
        return False

    async def guests(self, *, is_one: bool) -> None:
        """What `isochrone site join` has made here; `is_one` if we are let in by that ourselves. Raises ApiError."""
        chosen = f"{labels.MANAGED_BY}={JOINED},{labels.INSTALLATION}={self._installation}"
        for kind in GUESTS:
            try:
                listed = await self._list(kind, chosen)
            except Forbidden:
                self.left(f"{kind.name} {self._installation}-hub", _NEEDS_ADMINISTRATOR)
                continue
            for item in listed:
                if is_one and kind is kinds.SERVICE_ACCOUNT:
                    await self._leave(item)
                else:
                    await self.remove(item, kind.path(item["metadata"].get("namespace"), item["metadata"]["name"]))
        if not is_one:
            for item in await self._list(kinds.SECRET, chosen):
                await self.remove(item, kinds.SECRET.path(SYSTEM_NAMESPACE, item["metadata"]["name"]))

    async def _leave(self, account: Json) -> None:
        """Our own account: whether it is gone can't be asked without it."""
        try:
            await self.api.delete(kinds.SERVICE_ACCOUNT.path(SYSTEM_NAMESPACE, account["metadata"]["name"]))
        except ApiError as error:
            self.left(named(account), str(error))
        else:
            self.removed(account)

    async def _list(self, kind: Kind, selector: str) -> list[dict[str, Any]]:
        listed = await self.api.list(kind.path(SYSTEM_NAMESPACE), label_selector=selector)
        return [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in listed.items]

    async def namespaces(self, spared: Collection[str] = (), *, pulling: Collection[str] = ()) -> None:
        """Those that we have made, if nothing that stays is in them. Raises ApiError."""
        listed = await self.api.list(kinds.NAMESPACE.path())
        for item in ({"apiVersion": "v1", "kind": "Namespace", **each} for each in listed.items):
            is_mailbox = removal.is_mailbox(item, pulling, self._installation)
            if removal.marks(item).get(labels.INSTALLATION) == self._installation or is_mailbox:
                await self._namespace(item, spared, is_mailbox=is_mailbox)
            elif item["metadata"]["name"] == SYSTEM_NAMESPACE:
                await self._evidence(item)

    async def _evidence(self, namespace: Json) -> None:
        """What stays in a Namespace that somebody else has made, or that was handed over. Raises ApiError."""
        try:
            found = await self._list(kinds.VOLUME_CLAIM, f"{labels.INSTALLATION}={self._installation}")
            with contextlib.suppress(NotFound):
                found.append(dict(await self.api.get(kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, rights.ANCHORS))))
        except Forbidden as error:
            self.kept(named(namespace), f"whether evidence stays in it can't be seen: {error}")
            return
        for item in found:
            self.kept(named(item), _EVIDENCE)

    async def _namespace(self, item: Json, spared: Collection[str], *, is_mailbox: bool) -> None:
        name = item["metadata"]["name"]
        try:
            inside = await contents.of_namespace(self.api, name)
        except Forbidden:
            self.left(named(item), _NEEDS_ADMINISTRATOR)
            return
        except ApiError as error:
            self.left(named(item), f"what is in it can't be seen: {error}")
            return
        others = removal.staying(inside, self._installation, spared=spared, is_mailbox=is_mailbox)
        if others:
            await self.api.merge(kinds.NAMESPACE.path(None, name), _HANDED_OVER)
            self.kept(named(item), f"in it is what stays: {removal.listed(others)}. Our labels are off")
            return
        await self.remove(item, kinds.NAMESPACE.path(None, name))

    def removed(self, item: Json) -> None:
        self.tell(Told(cluster=self.name, what=named(item), fate=Fate.REMOVED))

    def kept(self, what: str, why: str) -> None:
        self.tell(Told(cluster=self.name, what=what, fate=Fate.KEPT, why=why))

    def left(self, what: str, why: str) -> None:
        self.tell(Told(cluster=self.name, what=what, fate=Fate.LEFT, why=why))


_EVIDENCE: Final = "evidence is never removed: delete it by hand once nobody needs it"
_NEEDS_ADMINISTRATOR: Final = (
    "the hub's credentials don't reach so far: run it again with an administrator's, --site-kubeconfig NAME=FILE"
)


def _found(objects: Objects) -> Found:
    return Found(children=objects.children, pods=objects.pods)


def _why(item: Json) -> str:
    held = item["metadata"].get("finalizers")
    if held and item["metadata"].get("deletionTimestamp"):
        return f"it is being deleted, and held by {', '.join(held)}: see who sets that, or remove it by hand"
    return "it was not gone in time: run it again, with a longer --timeout"
