"""What is missing is applied, unless somebody else has one of that name: few questions for many objects."""

import asyncio
from collections.abc import Iterable

import pytest
from tests.unit.kube.shelf import Json, Shelf

from isochrone.api.conditions import Reason
from isochrone.kube.applying import Applier, Outcome
from isochrone.kube.kinds import path_of
from isochrone.render import labels
from isochrone.rollout.actions import Apply

OURS = {labels.INSTALLATION: "isochrone"}


def service(number: int, marks: Json, namespace: str = "demo") -> Json:
    metadata = {"name": f"s-{number}", "namespace": namespace, "labels": dict(marks)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {}}


def applied(shelf: Shelf, items: Iterable[Json], *, is_create_only: bool = False) -> Outcome:
    outcome = Outcome()
    actions = [
        Apply(item=each, because="it is missing", is_missing=True, is_create_only=is_create_only) for each in items
    ]
    asyncio.run(Applier(shelf, "isochrone").apply(actions, outcome, {}))
    return outcome


@pytest.mark.parametrize(
    ("count", "is_forbidden", "questions"),
    [
        (3, False, {("get", f"s-{number}") for number in range(3)}),
        (4, False, {("names", "services")}),
        (4, True, {("names", "services"), *(("get", f"s-{number}") for number in range(4))}),
    ],
    ids=["few", "many", "many that may not be listed"],
)
def test_what_is_asked_before_what_is_missing_is_applied(
    count: int, is_forbidden: bool, questions: set[tuple[str, str]]
) -> None:
    shelf = Shelf()
    shelf.is_forbidden = is_forbidden

    outcome = applied(shelf, [service(number, OURS) for number in range(count)])

    assert len(outcome.applied) == count
    assert {each for each in shelf.asked if each[0] != "apply"} == questions


@pytest.mark.parametrize("count", [2, 9], ids=["few", "many"])
def test_what_somebody_else_has_is_left_alone(count: int) -> None:
    shelf, theirs = Shelf(), service(1, {"theirs": "true"})
    shelf.items[path_of(theirs)] = theirs

    outcome = applied(shelf, [service(number, OURS) for number in range(count)])

    (fault,) = outcome.faults
    assert (fault.reason, fault.subject) == (Reason.CONFLICT, "Service demo/s-1")
    assert shelf.items[path_of(theirs)] == theirs
    assert len(outcome.applied) == count - 1


@pytest.mark.parametrize("count", [2, 9], ids=["few", "many"])
def test_what_is_ours_after_all_is_applied(count: int) -> None:
    shelf, there = Shelf(), service(1, OURS)
    shelf.items[path_of(there)] = there

    outcome = applied(shelf, [service(number, OURS) for number in range(count)])

    assert not outcome.faults
    assert len(outcome.applied) == count


@pytest.mark.parametrize("count", [2, 9], ids=["few", "many"])
def test_what_is_only_made_where_it_is_missing_stays_as_it_is(count: int) -> None:
    shelf, theirs = Shelf(), service(1, {"theirs": "true"})
    shelf.items[path_of(theirs)] = theirs

    outcome = applied(shelf, [service(number, OURS) for number in range(count)], is_create_only=True)

    assert not outcome.faults
    assert shelf.items[path_of(theirs)] == theirs


def test_each_namespace_is_asked_for_its_own() -> None:
    shelf, theirs = Shelf(), service(1, {"theirs": "true"}, "other")
    shelf.items[path_of(theirs)] = theirs

    outcome = applied(shelf, [service(number, OURS) for number in range(9)])

    assert not outcome.faults
    assert shelf.asked.count(("names", "services")) == 1
