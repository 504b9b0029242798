"""What was found goes back to users: the statuses of their objects, and events.

A status is written only if it says something new, and not more often than every few seconds per object. A status that
could not be written is written by the next pass, and an event that could not be is lost: it tells nothing that the
status doesn't.
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

from isochrone import status as statuses
from isochrone.api.conditions import Status
from isochrone.controller.passes import Pass
from isochrone.kube.api import Api
from isochrone.kube.errors import ApiError, Conflict
from isochrone.kube.hub import KINDS
from isochrone.kube.kinds import EVENT
from isochrone.model import ObjectKey
from isochrone.model.amounts import micro_stamp, stamp
from isochrone.status import Event, Moment

Json = Mapping[str, Any]

_LOG: Final = logging.getLogger("isochrone.status")
_CONTROLLER: Final = "isochrone.dev/operator"
MANAGER: Final = "isochrone-status"
_AT_ONCE: Final = 8
_MOST_EVENTS: Final = 100
"""In one pass: whatever happened then, nobody reads more."""
_OF_CLUSTER: Final = "default"
"""The namespace of events on objects that have none."""


class Teller:
    """Writes statuses and events while its replica leads."""

    def __init__(self, api: Api, identity: str, *, wall: Callable[[], float], least_pause: float) -> None:
        self._api = api
        self._identity = identity
        self._wall = wall
        self._least_pause = least_pause
        self._written: dict[ObjectKey, float] = {}
        self._before: Moment | None = None
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def tell(self, passed: Pass) -> tuple[Mapping[ObjectKey, Status], float | None]:
        """All statuses, and in how many seconds one is due that may not be written yet. Raises NotLeadingError only."""
        snapshot = passed.told
        now = self._wall()
        found = await asyncio.to_thread(
            statuses.of, snapshot, passed.plan, passed.delivery, now=int(now), asked=passed.asked
        )
        stored = statuses.stored(snapshot)
        after = Moment(snapshot=snapshot, statuses=found, plan=passed.plan, delivery=passed.delivery)
        before = self._before or Moment(snapshot=snapshot, statuses=stored, plan=passed.plan, delivery=passed.delivery)
        changed = [key for key, status in found.items() if stored.get(key) != status]
        due = {key: self._written.get(key, 0.0) + self._least_pause - now for key in changed}
        await asyncio.gather(*(self._write(key, found[key]) for key in changed if due[key] <= 0))
        waiting = [seconds for seconds in due.values() if seconds > 0]
        await self._report(statuses.events(before, after), passed)
        self._before = after
        self._written = {key: at for key, at in self._written.items() if key in found}
        return found, min(waiting, default=None)

    async def _write(self, key: ObjectKey, status: Status) -> None:
        kind = _KINDS[key.kind]
        metadata = {"name": key.name, **({"namespace": key.namespace} if key.namespace else {})}
        item = {
            "apiVersion": kind.api_version,
            "kind": kind.name,
            "metadata": metadata,
            "status": statuses.document(status),
        }
        async with self._few:
            try:
                path = kind.path(key.namespace or None, key.name)
                await self._api.apply(item, path=path, manager=MANAGER, subresource="status")
            except ApiError as error:
                _LOG.warning("the status of %s %s can't be written: %s", key.kind, key.name, error)
                return
        self._written[key] = self._wall()

    async def _report(self, found: tuple[Event, ...], passed: Pass) -> None:
        now = self._wall()
        for event in found[:_MOST_EVENTS]:
            regarding = passed.declared.raw.get((event.key.kind, _resource_key(event.key)))
            if regarding is None:
                continue
            item = event_object(event, regarding, instance=self._identity, now=now)
            try:
                await self._api.create(EVENT.path(item["metadata"]["namespace"]), item)
            except Conflict:
                continue  # told already
            except ApiError as error:
                _LOG.warning("an event can't be written: %s", error)
                return


_KINDS: Final = {kind.__name__: found for kind, found in KINDS.items()}


def _resource_key(key: ObjectKey) -> str:
    return f"{key.namespace}/{key.name}" if key.namespace else key.name


def event_object(event: Event, regarding: Json, *, instance: str, now: float) -> Json:
    """An event as `events.k8s.io/v1` has it. The same one told twice within a second has one name."""
    metadata = regarding["metadata"]
    text = f"{event.key}{event.reason}{event.note}{stamp(now)}"
    name = f"{metadata['name'][:200]}.{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    reference = {key: metadata[key] for key in ("namespace", "name", "uid", "resourceVersion") if key in metadata}
    kind = _KINDS[event.key.kind]
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {"name": name, "namespace": metadata.get("namespace", _OF_CLUSTER)},
        "eventTime": micro_stamp(now),
        "reportingController": _CONTROLLER,
        "reportingInstance": instance[:128],
        "action": event.reason,
        "reason": event.reason,
        "regarding": {"apiVersion": kind.api_version, "kind": kind.name, **reference},
        "note": event.note,
        "type": event.type,
    }
