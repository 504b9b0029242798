"""Conditions, made of what a kind says of its objects.

    False     a fault: somebody has to do something, and the message says what
    Unknown   it is being worked on, or it can't be seen right now
    True      it is as declared

`Ready` is the sum: the first fault, else the first that is not known, else it is ready. A condition keeps the time of
its last transition until its status is another, and nothing else in it depends on the time.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Final, Literal

from isochrone.api import Resource
from isochrone.api.conditions import Condition, ConditionType, Reason
from isochrone.model.amounts import instant, stamp
from isochrone.model.declared import PAUSED, is_paused

Truth = Literal["True", "False", "Unknown"]

LONGEST: Final = 1024
"""Characters of a message. What is longer is no first difference."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """What becomes of a state that is not known for so long that it is a fault."""

    seconds: int
    reason: Reason


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """One condition, without its times."""

    type: ConditionType
    status: Truth
    reason: Reason
    message: str
    counts: bool = True
    """Whether `Ready` depends on it."""
    patience: Patience | None = None


def holds(kind: ConditionType, reason: Reason, message: str) -> State:
    return State(type=kind, status="True", reason=reason, message=message)


def fails(kind: ConditionType, reason: Reason, message: str) -> State:
    return State(type=kind, status="False", reason=reason, message=message)


def waits(kind: ConditionType, message: str, *, reason: Reason = Reason.PROGRESSING) -> State:
    return State(type=kind, status="Unknown", reason=reason, message=message)


def ready(message: str, *, reason: Reason = Reason.READY) -> State:
    """What `Ready` says if nothing speaks against it."""
    return holds(ConditionType.READY, reason, message)


def leaving(message: str, *, fault: State | None = None) -> State:
    """What `Ready` says of an object that is being deleted."""
    if fault is not None:
        return fails(ConditionType.READY, fault.reason, f"it is being deleted; {message}: {fault.message}")
    return waits(ConditionType.READY, f"it is being deleted; {message}", reason=Reason.DRAINING)


def conditions(resource: Resource, states: Sequence[State], summary: State, *, now: int) -> list[Condition]:
    """The conditions of an object: `Ready`, then the others in the order in which one leads to the next."""
    before = {each.type: each for each in (resource.status.conditions if resource.status else None) or ()}
    settled = [_settled(each, before.get(each.type), now) for each in states]
    whole = _sum(settled, summary, is_paused=is_paused(resource))
    return [_condition(each, before.get(each.type), resource, now) for each in (whole, *settled)]


def clipped(text: str, longest: int = LONGEST) -> str:
    """The text, cut where it is too long."""
    return text if len(text) <= longest else f"{text[: longest - 3]}..."


def _sum(states: Iterable[State], summary: State, *, is_paused: bool) -> State:
    counted = [summary, *(each for each in states if each.counts)]
    fault = next((each for each in counted if each.status == "False"), None)
    if fault is None and is_paused:
        message = f"nothing of it is changed until the annotation {PAUSED} is removed"
        return waits(ConditionType.READY, message, reason=Reason.PAUSED)
    first = fault or next((each for each in counted if each.status == "Unknown"), summary)
    return dataclasses.replace(first, type=ConditionType.READY)


def _settled(state: State, before: Condition | None, now: int) -> State:
    """The state, or the fault that it is once it has lasted for too long. A fault stays one until something changes."""
    patience = state.patience
    if patience is None or before is None:
        return state
    lasted = now - instant(before.last_transition_time).timestamp()
    is_overdue = before.status == "Unknown" and lasted >= patience.seconds
    if is_overdue or (before.status == "False" and before.reason == patience.reason):
        return dataclasses.replace(state, status="False", reason=patience.reason)
    return state


def _condition(state: State, before: Condition | None, resource: Resource, now: int) -> Condition:
    is_same = before is not None and before.status == state.status
    return Condition(
        type=state.type.value,
        status=state.status,
        observed_generation=resource.metadata.generation,
        last_transition_time=before.last_transition_time if before is not None and is_same else stamp(now),
        reason=state.reason.value,
        message=clipped(state.message),
    )
