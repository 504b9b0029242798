"""What is told, and that it is told once."""

import dataclasses
from typing import Any

import pytest
from tests.unit.plan.small import CHAT, NOW, planned, running
from tests.unit.status.network import calm, delivered, told
from tests.worlds.reports import report

from isochrone.api.conditions import Condition, Reason, Status
from isochrone.model import Because, Change, ChangeKind, Delivery, Held, ObjectKey, Plan, Repair, Snapshot
from isochrone.status import Event, Moment, events
from isochrone.status.events import LONGEST_NOTE

CALM: Snapshot = calm()
ROUTE = ObjectKey("ModelRoute", "shop", "chat")
SITE = ObjectKey("EdgeNode", "", "fra")


def moment(
    status: dict[ObjectKey, Status] | None = None, plan: Plan | None = None, delivery: Delivery | None = None
) -> Moment:
    return Moment(snapshot=CALM, statuses=status or {}, plan=plan or Plan(), delivery=delivery or Delivery())


def being(kind: str, status: Any, reason: str, message: str = "why") -> dict[ObjectKey, Status]:
    condition = Condition(
        type=kind, status=status, last_transition_time="2026-11-20T12:00:00Z", reason=reason, message=message
    )
    return {ROUTE: Status(conditions=[condition])}


def short(found: tuple[Event, ...]) -> list[str]:
    return [f"{each.type} {each.reason}: {each.note}" for each in found]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param({}, being("Ready", "True", "Ready"), [], id="new-and-well"),
        pytest.param({}, being("Ready", "False", "NoCapacity"), ["Warning NoCapacity: why"], id="new-and-at-fault"),
        pytest.param({}, being("Ready", "Unknown", "Progressing"), [], id="new-and-waiting"),
        pytest.param(
            being("Placed", "True", "Placed"),
            being("Placed", "False", "NoCapacity"),
            ["Warning NoCapacity: why"],
            id="fault",
        ),
        pytest.param(
            being("Placed", "False", "NoCapacity"), being("Placed", "False", "NoCapacity"), [], id="the-same-fault"
        ),
        pytest.param(
            being("Placed", "False", "NoCapacity"),
            being("Placed", "False", "NoCapacity", "another"),
            ["Warning NoCapacity: another"],
            id="another-fault",
        ),
        pytest.param(
            being("Placed", "False", "NoCapacity"), being("Placed", "True", "Placed"), ["Normal Placed: why"], id="back"
        ),
        pytest.param(
            being("Placed", "False", "NoCapacity"), being("Placed", "Unknown", "Progressing"), [], id="on-the-way-back"
        ),
        pytest.param(
            being("Serving", "Unknown", "Progressing"),
            being("Serving", "True", "Serving"),
            [],
            id="part-of-what-is-ready",
        ),
        pytest.param(
            being("Ready", "Unknown", "Progressing"), being("Ready", "True", "Ready"), ["Normal Ready: why"], id="ready"
        ),
        pytest.param(being("Ready", "False", "NoCapacity"), {}, [], id="gone"),
    ],
)
def test_conditions(before: dict[ObjectKey, Status], after: dict[ObjectKey, Status], expected: list[str]) -> None:
    assert short(events(moment(before), moment(after))) == expected


def changing(kind: ChangeKind, because: Because, from_site: str | None = None) -> Plan:
    change = Change(route=CHAT, kind=kind, site="fra", pool="gpu-fra", because=because, from_site=from_site)
    return Plan(changes=(change,))


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(
            changing(ChangeKind.START, Because.MIN_SITES),
            "Normal Starting: engines start at fra: the route wants 1 site at least",
            id="start",
        ),
        pytest.param(
            changing(ChangeKind.STOP, Because.LAW_CHANGED),
            "Normal Stopping: engines at fra end: the law allows it there no longer",
            id="stop",
        ),
        pytest.param(
            changing(ChangeKind.MOVE, Because.SITE_DRAINING, "ams"),
            "Normal Moving: engines move from ams to fra: the site is draining",
            id="move",
        ),
        pytest.param(
            changing(ChangeKind.RESIZE, Because.RESIZED),
            "Normal Resizing: engines at fra get another number of replicas: the number of replicas changed",
            id="resize",
        ),
    ],
)
def test_engines_that_come_and_go(plan: Plan, expected: str) -> None:
    found = events(moment(), moment(plan=plan))
    assert short(found) == [expected]
    assert found[0].key == ROUTE
    assert events(moment(plan=plan), moment(plan=plan)) == ()
    assert events(moment(plan=plan), moment()) == ()


def repaired(difference: str) -> Delivery:
    repair = Repair(subject="Service shop/chat", difference=difference)
    return delivered(fra=report("fra", now=NOW, repairs=(repair,)))


def test_repairs() -> None:
    first, second = repaired("it was deleted"), repaired("spec.ports[0].port was 81")
    assert short(events(moment(), moment(delivery=first))) == [
        "Warning Repaired: Service shop/chat was put right: it was deleted"
    ]
    assert events(moment(delivery=first), moment(delivery=first)) == ()
    assert short(events(moment(delivery=first), moment(delivery=second))) == [
        "Warning Repaired: Service shop/chat was put right: spec.ports[0].port was 81"
    ]


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        pytest.param(Reason.PROGRESSING, "Normal", id="a-wave"),
        pytest.param(Reason.PAUSED, "Normal", id="its-owner"),
        pytest.param(Reason.CONFIG_REJECTED, "Warning", id="a-refusal"),
        pytest.param(Reason.ERRORS_ROSE, "Warning", id="errors"),
        pytest.param(Reason.CONFLICT, "Warning", id="a-guard"),
    ],
)
def test_what_is_held(reason: Reason, kind: str) -> None:
    held = dataclasses.replace(delivered(), held={"fra": Held(reason=reason, message="it waits")})
    found = events(moment(), moment(delivery=held))
    assert short(found) == [f"{kind} {reason.value}: it waits"]
    assert found[0].key == SITE


def test_one_fault_is_told_once_though_two_conditions_say_it() -> None:
    snapshot = calm(running=(running("fra", ready=0, is_failing=True),))
    before, after = moment(told(CALM)), moment(told(snapshot, plan=planned(CALM)))
    assert [each.reason for each in events(before, after)] == ["Failing"]


def test_a_note_has_an_end() -> None:
    found = events(moment(), moment(delivery=repaired("x" * 5000)))
    assert [len(each.note) for each in found] == [LONGEST_NOTE]
