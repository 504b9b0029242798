"""What becomes of a site whose EdgeNode is being deleted, and what is remembered of plans."""

from typing import Any

import pytest

from isochrone.api import EdgeNode
from isochrone.api.conditions import Reason
from isochrone.api.edge_node import State
from isochrone.model import Because, Change, ChangeKind, Fault, Plan, RouteKey, SiteObservation, SiteReport
from isochrone.rollout import leaving
from isochrone.rollout.leaving import Phase
from isochrone.rollout.recalled import FAILED_FOR, HOUR, Recalled, recalled

ASKED = "2026-11-26T12:00:00Z"
NOW = 1_795_694_400
CHAT = RouteKey("demo", "chat")


def edge(**spec: Any) -> EdgeNode:
    metadata = {"name": "fra1", "deletionTimestamp": ASKED}
    return EdgeNode.model_validate({"metadata": metadata, "spec": {"place": {"iata": "FRA"}, **spec}})


def report(children: int = 0, **more: Any) -> SiteReport:
    return SiteReport(site="fra1", at=NOW, children=children, **more)


AWAY = SiteObservation(unreachable_since=NOW)
FAULT = Fault(reason=Reason.FORBIDDEN, subject="Secret", message="may not")


@pytest.mark.parametrize(
    ("site", "found", "drained", "after", "phase"),
    [
        pytest.param(edge(), report(5), False, 0, Phase.DRAINING, id="draining"),
        pytest.param(edge(), report(5), True, 0, Phase.EMPTYING, id="emptying"),
        pytest.param(edge(), report(0), True, 0, Phase.GONE, id="clean"),
        pytest.param(edge(), report(0, faults=(FAULT,)), True, 0, Phase.EMPTYING, id="not-all-could-be-seen"),
        pytest.param(edge(), report(0, observation=AWAY), True, 0, Phase.EMPTYING, id="away"),
        pytest.param(edge(), None, True, 0, Phase.EMPTYING, id="never-seen"),
        pytest.param(edge(), report(5), True, 600, Phase.GONE_WITH_TOMBSTONE, id="out-of-time"),
        pytest.param(edge(), report(5), False, 599, Phase.DRAINING, id="in-time"),
        pytest.param(edge(cleanup={"timeout": "5s"}), None, False, 5, Phase.GONE_WITH_TOMBSTONE, id="its-own-time"),
        pytest.param(edge(cleanup={"policy": "Orphan"}), report(5), False, 0, Phase.GONE, id="orphaned"),
        pytest.param(edge(delivery="GitOps"), report(5), False, 0, Phase.GONE, id="not-ours-to-clean"),
    ],
)
def test_phases(site: EdgeNode, found: SiteReport | None, drained: bool, after: int, phase: Phase) -> None:
    assert leaving.phase(site, found, has_drained=drained, now=leaving.deadline(edge()) - 600 + after) is phase


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        pytest.param(Phase.DRAINING, State.DRAINING, id="draining"),
        pytest.param(Phase.EMPTYING, State.DISABLED, id="emptying"),
    ],
)
def test_how_it_is_planned(phase: Phase, state: State) -> None:
    planned = leaving.as_planned(edge(), phase)
    assert planned.spec.state is state
    assert planned.metadata.deletion_timestamp is None
    assert edge().spec.state is State.ACTIVE


def change(kind: ChangeKind, because: Because, site: str, from_site: str | None = None) -> Change:
    return Change(route=CHAT, kind=kind, site=site, pool=None, because=because, from_site=from_site)


def test_a_site_is_drained_once_nothing_moves_away() -> None:
    moving = Plan(changes=(change(ChangeKind.MOVE, Because.SITE_DRAINING, "iad1", "fra1"),))
    assert not leaving.drained("fra1", moving)
    assert leaving.drained("iad1", moving)
    assert leaving.drained("fra1", Plan())


def test_moves_that_nothing_forced_count_for_an_hour_and_once() -> None:
    better = Plan(changes=(change(ChangeKind.MOVE, Because.BETTER, "iad1", "fra1"),))
    forced = Plan(changes=(change(ChangeKind.MOVE, Because.LAW_CHANGED, "iad1", "fra1"),))
    assert recalled(Recalled(), forced, now=NOW).move_times == ()
    first = recalled(Recalled(), better, now=NOW)
    assert recalled(first, better, now=NOW + 60).move_times == (NOW,)
    assert recalled(first, Plan(), now=NOW + HOUR).move_times == ()


def test_where_engines_failed_is_remembered_for_a_while() -> None:
    failing = Plan(changes=(change(ChangeKind.MOVE, Because.FAILING, "iad1", "fra1"),))
    first = recalled(Recalled(), failing, now=NOW)
    assert set(first.failed) == {(CHAT, "fra1")}
    assert recalled(first, Plan(), now=NOW + FAILED_FOR).failed == {}
