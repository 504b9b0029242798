"""How conditions are made: when they last changed, what `Ready` makes of them, and how long they may be."""

import pytest
from tests.unit.plan.small import FRA, NOW
from tests.unit.status.network import Json, changed
from tests.unit.validate import sample
from tests.worlds.build import snapshot

from isochrone.api import EdgeNode
from isochrone.api.conditions import Condition, ConditionType, Reason
from isochrone.status.said import LONGEST, State, conditions, fails, holds, ready, waits

THEN = "2026-11-20T12:00:00Z"
TODAY = "1970-01-12T13:46:40Z"
PLACED, SERVING = ConditionType.PLACED, ConditionType.SERVING


def edge(obj: Json | None = None, **before: str) -> EdgeNode:
    """A site whose conditions had these statuses."""
    had = [
        {
            "type": kind,
            "status": status,
            "lastTransitionTime": THEN,
            "reason": "Ready",
            "message": "",
            "observedGeneration": 1,
        }
        for kind, status in before.items()
    ]
    plain = changed(obj or FRA, generation=4)
    whole = {**plain, "status": {"conditions": had}} if had else plain
    return snapshot([whole]).edge_nodes[0]


def made(resource: EdgeNode, *states: State, summary: State | None = None) -> list[Condition]:
    return conditions(resource, states, summary or ready("all is well"), now=NOW)


OK = holds(PLACED, Reason.PLACED, "placed")
FAULT = fails(PLACED, Reason.NO_CAPACITY, "no GPUs: add some")
OTHER_FAULT = fails(SERVING, Reason.FAILING, "they fail")
WAITING = waits(SERVING, "it starts")
ASIDE = State(
    type=ConditionType.EGRESS_ENFORCED, status="False", reason=Reason.NOT_ENFORCED, message="no", counts=False
)


@pytest.mark.parametrize(
    ("states", "summary", "expected"),
    [
        pytest.param([OK], None, ("True", "Ready", "all is well"), id="well"),
        pytest.param([OK, WAITING], None, ("Unknown", "Progressing", "it starts"), id="one-waits"),
        pytest.param([WAITING, FAULT], None, ("False", "NoCapacity", "no GPUs: add some"), id="a-fault-before-waiting"),
        pytest.param([FAULT, OTHER_FAULT], None, ("False", "NoCapacity", "no GPUs: add some"), id="the-first-fault"),
        pytest.param([ASIDE], None, ("True", "Ready", "all is well"), id="what-does-not-count"),
        pytest.param(
            [OK],
            ready("nothing runs", reason=Reason.DISABLED),
            ("True", "Disabled", "nothing runs"),
            id="disabled-as-it-is-to-be",
        ),
    ],
)
def test_ready_is_the_sum(states: list[State], summary: State | None, expected: tuple[str, str, str]) -> None:
    first, *others = made(edge(), *states, summary=summary)
    assert (first.type, first.status, first.reason, first.message) == ("Ready", *expected)
    assert [each.type for each in others] == [each.type for each in states]


@pytest.mark.parametrize(
    ("value", "states", "expected"),
    [
        pytest.param("true", [OK], "Unknown Paused", id="paused"),
        pytest.param("", [WAITING], "Unknown Paused", id="paused-while-it-waits"),
        pytest.param("true", [FAULT], "False NoCapacity", id="a-fault-all-the-same"),
        pytest.param("false", [OK], "True Ready", id="not-paused"),
    ],
)
def test_paused_objects(value: str, states: list[State], expected: str) -> None:
    paused = changed(FRA, annotations={"isochrone.dev/paused": value})
    first = made(edge(paused), *states)[0]
    assert f"{first.status} {first.reason}" == expected


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        pytest.param({}, TODAY, id="new"),
        pytest.param({"Placed": "False"}, THEN, id="the-same"),
        pytest.param({"Placed": "True"}, TODAY, id="another"),
        pytest.param({"Serving": "False"}, TODAY, id="another-type"),
    ],
)
def test_the_last_transition_is_when_the_status_became_another(before: dict[str, str], expected: str) -> None:
    found = {each.type: each for each in made(edge(None, **before), FAULT)}
    assert found["Placed"].last_transition_time == expected
    assert found["Placed"].observed_generation == 4


def test_a_message_has_an_end() -> None:
    long = made(edge(), fails(PLACED, Reason.NO_CAPACITY, "x" * 5000))[1].message
    assert len(long) == LONGEST
    assert long.endswith("x...")


def test_types_are_each_there_once() -> None:
    with_policy = snapshot([sample.policy()]).policies[0]
    found = conditions(with_policy, [OK, WAITING], ready(""), now=NOW)
    assert [each.type for each in found] == ["Ready", "Placed", "Serving"]
