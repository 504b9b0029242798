"""One object after the other to its cluster: applied, or removed; what can't be done is said, and the rest goes on."""

import asyncio
import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from isochrone.api.conditions import Reason
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, Conflict, Forbidden, NotFound, Unauthorized, Unreachable
from isochrone.kube.kinds import kind_of, path_of
from isochrone.model import Fault, SiteReport
from isochrone.render import labels
from isochrone.render.bundle import identity
from isochrone.render.gateway.config_maps import is_index
from isochrone.rollout import difference
from isochrone.rollout.actions import MANAGER, Apply, Identity, Remove

Json = Mapping[str, Any]

Collections = Mapping[str, Mapping[str, Json] | None]
"""Path -> the objects there by name, whosever they are; None where they could not be listed."""

_FEW: Final = 3
"""Missing objects of a kind in a namespace that are asked for one by one."""
_HANDOVER: Final = "isochrone-replicas"
"""Who holds the number of replicas between us and an autoscaler, so that it doesn't fall to 1."""


@dataclasses.dataclass(slots=True)
class Outcome:
    """What became of a list of actions."""

    faults: list[Fault] = dataclasses.field(default_factory=list)
    applied: list[Apply] = dataclasses.field(default_factory=list)
    removed: list[Remove] = dataclasses.field(default_factory=list)
    made: dict[Identity, Json] = dataclasses.field(default_factory=dict)
    """What was applied, as the API server has it."""
    settled: dict[Identity, str | None] = dataclasses.field(default_factory=dict)
    """What the API server made of what was applied, where that isn't what was asked for."""


def named(item: Json) -> str:
    """An object as people write it."""
    metadata = item["metadata"]
    namespace = metadata.get("namespace")
    return f"{item['kind']} {namespace}/{metadata['name']}" if namespace else f"{item['kind']} {metadata['name']}"


def fault_of(error: ApiError, subject: str) -> Fault:
    """What a failed request becomes in a condition."""
    match error:
        case Unreachable():
            reason = Reason.UNREACHABLE
        case Unauthorized():
            reason = Reason.CREDENTIALS_INVALID
        case Forbidden():
            reason = Reason.FORBIDDEN
        case Conflict():
            reason = Reason.CONFLICT
        case _:
            reason = Reason.DELIVERY_FAILED
    return Fault(reason=reason, subject=subject, message=str(error))


def unanswered(before: SiteReport, error: ApiError, subject: str, *, now: int) -> SiteReport:
    """What was known of a site before, and why its cluster can't be looked at now."""
    is_away = isinstance(error, Unreachable)
    since = (before.observation.unreachable_since or now) if is_away else None
    observation = dataclasses.replace(before.observation, unreachable_since=since)
    return dataclasses.replace(before, at=now, faults=(fault_of(error, subject),), repairs=(), observation=observation)


class Applier:
    """Applies and removes in one cluster."""

    def __init__(self, api: Api, installation: str) -> None:
        self._api = api
        self._installation = installation
        self._there: set[Identity] = set()
        """Objects of others that are there, as we were told to leave them alone."""

    async def apply(self, actions: Iterable[Apply], outcome: Outcome, found: Mapping[Identity, Json]) -> bool:
        """Kind by kind, in order. The index waits for its shards. Whether the index, if there was one, went out."""
        for _, group in itertools.groupby(actions, key=lambda each: (each.item["kind"], is_index(each.item))):
            each = tuple(group)
            if is_index(each[0].item) and any(_is_of_shard(fault) for fault in outcome.faults):
                return False
            others = await self._collections(each)
            await asyncio.gather(*(self._apply(action, outcome, found, others) for action in each))
            if any(fault.reason in {Reason.UNREACHABLE, Reason.CREDENTIALS_INVALID} for fault in outcome.faults):
                return False
        return True

    async def remove(self, removals: Iterable[Remove], outcome: Outcome) -> None:
        """Kind by kind, in order; only what is still as it was seen."""
        for _, group in itertools.groupby(removals, key=lambda each: each.identity[:2]):
            await asyncio.gather(*(self._remove(each, outcome) for each in group))

    async def _collections(self, actions: Iterable[Apply]) -> Collections:
        """What is where much is missing: one question for many objects. Where it can't be had, each is asked for."""
        missing = Counter(_collection(each.item) for each in actions if each.is_missing)
        paths = [path for path, count in missing.items() if count > _FEW]
        return dict(zip(paths, await asyncio.gather(*map(self._names, paths)), strict=True))

    async def _names(self, path: str) -> Mapping[str, Json] | None:
        try:
            return {each["metadata"]["name"]: each for each in (await self._api.names(path)).items}
        except ApiError:
            return None

    async def _apply(
        self, action: Apply, outcome: Outcome, found: Mapping[Identity, Json], others: Collections
    ) -> None:
        item, key = action.item, identity(action.item)
        try:
            if action.is_missing and not await self._may_make(action, others):
                return
            if there := found.get(key):
                await self._hand_over(item, there)
            made = await self._api.apply(item)
        except ApiError as error:
            outcome.faults.append(fault_of(error, named(item)))
            return
        outcome.applied.append(action)
        outcome.made[key] = made
        outcome.settled[key] = difference.first(item, made) or difference.leftover(item, made, MANAGER)

    async def _may_make(self, action: Apply, others: Collections) -> bool:
        """Whether there is none, or one that is ours after all. Raises Conflict if it is somebody else's."""
        item, key = action.item, identity(action.item)
        if key in self._there:
            return False
        there = await self._look(item, others)
        if there is None:
            return True
        if there["metadata"].get("labels", {}).get(labels.INSTALLATION) == self._installation:
            return not action.is_create_only
        if action.is_create_only:
            self._there.add(key)
            return False
        raise Conflict(
            f"{named(item)} is there already and is not ours, so it is left alone: rename or delete it, or label it"
            f" {labels.INSTALLATION}={self._installation} to hand it over"
        )

    async def _look(self, item: Json, others: Collections) -> Json | None:
        """An object of that name, whosever it is."""
        names = others.get(_collection(item))
        if names is not None:
            return names.get(item["metadata"]["name"])
        try:
            return await self._api.get(path_of(item))
        except NotFound:
            return None

    async def _hand_over(self, item: Json, there: Json) -> None:
        """Let somebody hold the replicas whom nobody applies for, before we give them up."""
        if item["kind"] not in {"Deployment", "StatefulSet"} or "replicas" in item["spec"]:
            return
        if not difference.owns(there, MANAGER, "spec", "replicas"):
            return
        await self._api.apply(replicas_of(item, there["spec"]["replicas"]), manager=_HANDOVER)

    async def _remove(self, removal: Remove, outcome: Outcome) -> None:
        api_version, kind, namespace, name = removal.identity
        metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
        item = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
        try:
            await self._api.delete(
                kind_of(item).path(namespace, name), uid=removal.uid, resource_version=removal.resource_version
            )
        except NotFound:
            return
        except Conflict:
            return  # it has changed since it was seen: the next look decides
        except ApiError as error:
            outcome.faults.append(fault_of(error, named(item)))
            return
        outcome.removed.append(removal)


def _collection(item: Json) -> str:
    """The path of all objects of its kind, in its namespace."""
    return path_of(item).rpartition("/")[0]


def replicas_of(item: Json, count: int) -> Json:
    """Nothing of a Deployment or StatefulSet but its number of replicas."""
    metadata = item["metadata"]
    return {
        "apiVersion": item["apiVersion"],
        "kind": item["kind"],
        "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
        "spec": {"replicas": count},
    }


def _is_of_shard(fault: Fault) -> bool:
    return fault.subject.startswith("ConfigMap ")
