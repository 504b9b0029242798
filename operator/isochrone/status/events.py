"""What is worth telling between two moments, as events on the objects that it is about.

    a condition turned False, or says another fault     Warning
    a condition turned True again                       Normal
    engines are started, moved, ended, resized          Normal, with the reason
    something that somebody deleted or changed          Warning, with the first difference
    a delivery is held                                  Normal; Warning where its owner has to act

What is so at both moments is told once, at the first. So the only memory is the moment before.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Final, Literal

from isochrone.api.conditions import Condition, ConditionType, Reason, Status
from isochrone.model import ChangeKind, Delivery, ObjectKey, Plan, RouteKey, Snapshot
from isochrone.model.declared import key_of
from isochrone.model.words import because
from isochrone.status.said import clipped

LONGEST_NOTE: Final = 1024
"""As events.k8s.io/v1 bounds it."""

_DOING: Final[Mapping[ChangeKind, tuple[str, str]]] = {
    ChangeKind.START: ("Starting", "engines start at {site}"),
    ChangeKind.STOP: ("Stopping", "engines at {site} end"),
    ChangeKind.MOVE: ("Moving", "engines move from {from_site} to {site}"),
    ChangeKind.RESIZE: ("Resizing", "engines at {site} get another number of replicas"),
}
_REPAIRED: Final = "Repaired"
_ASKS_FOR_HELP: Final = frozenset({Reason.CONFLICT, Reason.CONFIG_REJECTED, Reason.ERRORS_ROSE})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Event:
    """Something to tell about an object."""

    key: ObjectKey
    type: Literal["Normal", "Warning"]
    reason: str
    note: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was so. A start has no moment before: it is the first one again, with the statuses that are stored."""

    snapshot: Snapshot
    statuses: Mapping[ObjectKey, Status]
    plan: Plan
    delivery: Delivery


def events(before: Moment, after: Moment) -> tuple[Event, ...]:
    """What became so, each once."""
    found = {*_of_conditions(before.statuses, after.statuses)}
    found |= {*_of_plan(after)} - {*_of_plan(before)}
    found |= {*_of_delivery(after.delivery)} - {*_of_delivery(before.delivery)}
    return tuple(sorted(_noted(each) for each in found))


def _of_conditions(before: Mapping[ObjectKey, Status], after: Mapping[ObjectKey, Status]) -> Iterator[Event]:
    for key, status in after.items():
        earlier = {each.type: each for each in (before[key].conditions if key in before else None) or ()}
        for each in status.conditions or ():
            yield from _of_condition(key, earlier.get(each.type), each)


def _of_condition(key: ObjectKey, before: Condition | None, after: Condition) -> Iterator[Event]:
    was = before.status if before is not None else None
    if after.status == "False" and (before is None or _says(before) != _says(after)):
        yield Event(key=key, type="Warning", reason=after.reason, note=after.message)
    if after.status == "True" and (was == "False" or (was == "Unknown" and after.type == ConditionType.READY)):
        yield Event(key=key, type="Normal", reason=after.reason, note=after.message)


def _says(condition: Condition) -> tuple[str, str, str]:
    return (condition.status, condition.reason, condition.message)


def _of_plan(moment: Moment) -> Iterator[Event]:
    routes = {key_of(each): each for each in moment.snapshot.routes}
    for change in moment.plan.changes:
        reason, text = _DOING[change.kind]
        doing = text.format(site=change.site, from_site=change.from_site)
        note = f"{doing}: {because(change.because, routes.get(change.route))}"
        yield Event(key=_route(change.route), type="Normal", reason=reason, note=note)


def _of_delivery(delivery: Delivery) -> Iterator[Event]:
    for site, report in delivery.reports.items():
        for each in report.repairs:
            note = f"{each.subject} was put right: {each.difference}"
            yield Event(key=_site(site), type="Warning", reason=_REPAIRED, note=note)
    for site, held in delivery.held.items():
        kind: Literal["Normal", "Warning"] = "Warning" if held.reason in _ASKS_FOR_HELP else "Normal"
        yield Event(key=_site(site), type=kind, reason=held.reason.value, note=held.message)


def _noted(event: Event) -> Event:
    return dataclasses.replace(event, note=clipped(event.note, LONGEST_NOTE))


def _site(name: str) -> ObjectKey:
    return ObjectKey("EdgeNode", "", name)


def _route(key: RouteKey) -> ObjectKey:
    return ObjectKey("ModelRoute", key.namespace, key.name)
