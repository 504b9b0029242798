"""Pods that only seem to be there: how far they are when, and what is said of them."""

import dataclasses
import datetime as dt
from typing import Any

import pytest
from tests.cluster.lifecycle import Behaviour, Life, Stage, advance, begun, differs, pod_status

Json = dict[str, Any]

START = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)
SERVICE: Json = {"spec": {"containers": [{"name": "engine", "image": "vllm"}]}}
JOB: Json = {"spec": {"restartPolicy": "Never", **SERVICE["spec"]}}
SLOW = Behaviour(start=10, ready=20, run=30)


def after(seconds: int, pod: Json, fares: Behaviour) -> tuple[Life, float | None]:
    """Looked at every second for so long."""
    life, left = begun(START), None
    for second in range(seconds + 1):
        life, left = advance(life, pod, fares, START + dt.timedelta(seconds=second))
    return life, left


@pytest.mark.parametrize(
    ("seconds", "pod", "fares", "stage", "left"),
    [
        pytest.param(0, SERVICE, Behaviour(), Stage.READY, None, id="at once"),
        pytest.param(4, SERVICE, SLOW, Stage.CREATING, 6, id="starting"),
        pytest.param(10, SERVICE, SLOW, Stage.RUNNING, 20, id="started"),
        pytest.param(30, SERVICE, SLOW, Stage.READY, None, id="ready"),
        pytest.param(500, SERVICE, SLOW, Stage.READY, None, id="for ever"),
        pytest.param(500, SERVICE, Behaviour(waiting="ImagePullBackOff"), Stage.CREATING, None, id="no image"),
        pytest.param(500, SERVICE, Behaviour(unready=True), Stage.RUNNING, None, id="unready"),
        pytest.param(30, JOB, SLOW, Stage.RUNNING, 10, id="at work"),
        pytest.param(40, JOB, SLOW, Stage.DONE, None, id="done"),
    ],
)
def test_how_far_a_pod_is(seconds: int, pod: Json, fares: Behaviour, stage: Stage, left: float | None) -> None:
    life, found = after(seconds, pod, fares)
    assert (life.stage, found) == (stage, left)


def test_a_pod_becomes_what_its_behaviour_has_become() -> None:
    life, _ = after(0, SERVICE, Behaviour(waiting="ImagePullBackOff", message="not found"))
    assert (life.waiting, life.message) == ("ImagePullBackOff", "not found")
    stages = []
    for fares in (Behaviour(), Behaviour(unready=True), Behaviour(restarts=1)):
        life, _ = advance(life, SERVICE, fares, START)
        stages.append(life.stage)
    assert stages == [Stage.READY, Stage.RUNNING, Stage.READY]
    assert life.restarts == 1


def test_what_is_said_of_a_pod() -> None:
    life, _ = after(0, SERVICE, Behaviour())
    status = pod_status(SERVICE, life, address="10.1.2.3", host="10.1.0.1")
    ready = {each["type"]: each["status"] for each in status["conditions"]}
    assert (status["phase"], status["podIP"], ready["Ready"]) == ("Running", "10.1.2.3", "True")
    (container,) = status["containerStatuses"]
    assert (container["name"], container["ready"], list(container["state"])) == ("engine", True, ["running"])


@pytest.mark.parametrize(
    ("stage", "phase", "state"),
    [
        (Stage.CREATING, "Pending", "waiting"),
        (Stage.RUNNING, "Running", "running"),
        (Stage.READY, "Running", "running"),
        (Stage.DONE, "Succeeded", "terminated"),
    ],
)
def test_init_containers_end_before_the_others_start_and_sidecars_go_on(stage: Stage, phase: str, state: str) -> None:
    before = [{"name": "fetch", "image": "f"}, {"name": "sidecar", "image": "s", "restartPolicy": "Always"}]
    pod = {"spec": {**SERVICE["spec"], "initContainers": before}}
    started = None if stage is Stage.CREATING else START
    life = dataclasses.replace(begun(START), stage=stage, started=started)
    status = pod_status(pod, life, address="10.1.2.3", host="10.1.0.1")
    fetch, sidecar = (list(each["state"]) for each in status["initContainerStatuses"])
    assert (status["phase"], sidecar) == (phase, [state])
    assert fetch == (["waiting"] if stage is Stage.CREATING else ["terminated"])


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        pytest.param({"a": 1}, {"a": 1, "b": 2}, False, id="more is there"),
        pytest.param({"a": 1}, {"b": 2}, True, id="missing"),
        pytest.param({"a": None}, {}, False, id="to be absent, and is"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, True, id="of another kind"),
        pytest.param([{"type": "A", "x": 1}], [{"type": "B"}, {"type": "A", "x": 1}], False, id="by type"),
        pytest.param([{"name": "A", "x": 1}], [{"name": "A", "x": 2}], True, id="by name"),
        pytest.param([{"ip": "A"}], None, True, id="no list"),
        pytest.param(["a"], ["b"], True, id="plain"),
        pytest.param(["a", "b"], ["a", "b"], False, id="equal plain"),
        pytest.param([], ["a"], True, id="to be empty"),
    ],
)
def test_what_differs(wanted: object, found: object, expected: bool) -> None:
    assert differs(wanted, found) is expected
