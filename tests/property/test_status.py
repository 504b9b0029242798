"""What must hold of the statuses of every world, whatever sites report.

Nothing raises, nothing that is the same is written again, and every status is one that the API server takes.
"""

import collections
from typing import Final

import pytest
from hypothesis import given
from tests.worlds import NOW, Dice, seeds, world
from tests.worlds.drawing import WORLDS, examples
from tests.worlds.reports import delivery, disturbed, written

from isochrone import admission, status
from isochrone.api import KINDS, VERSION, Resource, crd
from isochrone.api.conditions import ConditionType, Reason, Status
from isochrone.api.model_route import ModelRouteStatus
from isochrone.api.residency_policy import DataResidencyPolicyStatus
from isochrone.model import Delivery, ObjectKey, Plan, Snapshot
from isochrone.plan import replan, routing
from isochrone.status import Moment

pytestmark = pytest.mark.soak

FAULTS: Final = frozenset(
    {
        *(Reason.INVALID, Reason.NAME_TAKEN, Reason.REF_NOT_FOUND, Reason.REF_NOT_PERMITTED, Reason.REF_CYCLE),
        *(Reason.UNKNOWN_PLACE, Reason.UNKNOWN_BLOC, Reason.CREDENTIALS_INVALID, Reason.NO_LAWFUL_PLACE),
        *(Reason.NO_CAPACITY, Reason.NO_FITTING_DEVICE, Reason.FAILING, Reason.UNSATISFIABLE),
        *(Reason.DELIVERY_FAILED, Reason.CONFLICT, Reason.UNREACHABLE, Reason.FORBIDDEN, Reason.CONFIG_REJECTED),
        Reason.NOT_ENFORCED,
    }
)
SOON: Final = 30
"""Seconds in which nothing becomes too old."""


class Told:
    """A world with its statuses."""

    def __init__(self, seed: int) -> None:
        dice = Dice(seed)
        self.snapshot = disturbed(dice, world(seed), now=NOW)
        planned = replan(None, self.snapshot, now=NOW)
        tables = routing(self.snapshot, planned.plan, now=NOW, prepared=planned.prepared)
        sites = [site.name for site in planned.prepared.world.sites]
        self.plan: Plan = planned.plan
        self.asked = status.Asked.of(tables.at(each) for each in sites) if dice.chance(70) else None
        self.delivery: Delivery = delivery(dice, self.snapshot, now=NOW)
        self.statuses = self.of(self.snapshot, NOW)

    def of(self, snapshot: Snapshot, now: int) -> dict[ObjectKey, Status]:
        return dict(status.of(snapshot, self.plan, self.delivery, now=now, asked=self.asked))


def test_statuses_are_whole_valid_and_told_once() -> None:
    seen: collections.Counter[str] = collections.Counter()
    schemas = {kind.__name__: schema(kind) for kind in KINDS}

    @examples(WORLDS, part=100)
    @given(seeds)
    def hold(seed: int) -> None:
        told = Told(seed)
        assert len(told.statuses) == len(set(map(status.key_of, objects(told.snapshot))))
        for each in objects(told.snapshot):
            found = told.statuses[status.key_of(each)]
            assert found.observed_generation is not None
            assert_admitted(schemas[each.kind], each, found)
            assert_sound(found)
            seen.update(f"{each.kind} {one.type} {one.status} {one.reason}" for one in found.conditions or ())
        assert_settled(told)
        assert_told_once(told)
        list(status.families(told.statuses))

    hold()
    for kind, number in seen.most_common():
        print(f"{kind:72} {number}")  # noqa: T201 - the coverage is asked for
    assert {kind.split()[3] for kind in seen} >= FAULTS - {
        Reason.INVALID,
        Reason.UNKNOWN_BLOC,
        Reason.NO_FITTING_DEVICE,
    }


def objects(snapshot: Snapshot) -> list[Resource]:
    return [
        *snapshot.edge_nodes,
        *snapshot.pools,
        *snapshot.routes,
        *snapshot.policies,
        *snapshot.providers,
        *snapshot.tenants,
    ]


def schema(kind: type[Resource]) -> admission.Schema:
    """The kind's with its status alone, as a part of the object, so that it is looked at."""
    found = crd.definition(kind)
    for version in found["spec"]["versions"]:
        whole = version["schema"]["openAPIV3Schema"]
        parts = {name: whole["properties"][name] for name in ("apiVersion", "kind", "metadata", "status")}
        version["schema"]["openAPIV3Schema"] = {"type": "object", "properties": parts}
        version["subresources"] = {}
    return admission.Schema.from_crd(found)[VERSION]


def assert_admitted(kind: admission.Schema, resource: Resource, found: Status) -> None:
    namespaced = {"namespace": resource.metadata.namespace} if resource.metadata.namespace else {}
    metadata = {"name": resource.metadata.name, **namespaced}
    obj = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    assert admission.admit(kind, {**obj, "status": status.document(found)}) == []


def assert_sound(found: Status) -> None:
    conditions = {each.type: each for each in found.conditions or ()}
    assert next(iter(conditions)) == ConditionType.READY
    ready, *others = conditions.values()
    wrong = [each for each in others if each.status == "False"]
    assert {each.reason for each in wrong} <= FAULTS
    if ready.status == "False":
        # It says what one of the others says, or why the object can't be deleted.
        assert ready.reason in FAULTS
        assert "being deleted" in ready.message or any(
            (each.reason, each.message) == (ready.reason, ready.message) for each in wrong
        )
    if ready.status == "True":
        assert all(each.status == "True" or each.type in {"EgressEnforced", "Satisfiable"} for each in others)
    for each in conditions.values():
        assert each.observed_generation == found.observed_generation
        assert 0 < len(each.message) <= 1024
        assert "None" not in each.message
    if isinstance(found, ModelRouteStatus | DataResidencyPolicyStatus):
        assert len(found.exceptions or ()) <= 16


def assert_settled(told: Told) -> None:
    """Computed again, with what was written and a little later, every status is the same."""
    again = told.of(written(told.snapshot, told.statuses), NOW + SOON)
    assert again == told.statuses
    assert {key: status.document(each) for key, each in again.items()} == {
        key: status.document(each) for key, each in told.statuses.items()
    }


def assert_told_once(told: Told) -> None:
    calm = Moment(snapshot=told.snapshot, statuses=told.statuses, plan=told.plan, delivery=told.delivery)
    quiet = Moment(snapshot=told.snapshot, statuses={}, plan=Plan(), delivery=Delivery())
    first = status.events(quiet, calm)
    assert len({(each.key, each.reason, each.note) for each in first}) == len(first)
    assert all(0 < len(each.note) <= 1024 for each in first)
    assert status.events(calm, calm) == ()
