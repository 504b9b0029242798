"""A change of the law, put into what was rendered already, is what rendering anew would give."""

import dataclasses
from typing import Any

import pytest
from tests.bench_operator import world as benched
from tests.bench_plan.network import network

from isochrone.api import DataResidencyPolicy
from isochrone.certificates import new_index_key
from isochrone.controller.made import Made, Rendered, World, under
from isochrone.model import Observed, RouteKey, SiteObservation, Snapshot
from isochrone.plan import plan, routing
from isochrone.render import bundle as bundles
from isochrone.status import Asked

NOW = 1_800_000_000
SNAPSHOT = network(sites=4, routes=6)
NOBODY = Asked.of(())
FIRST = SNAPSHOT.edge_nodes[0].metadata.name
NOWHERE = RouteKey("none", "none")
FOUND = Observed(sites={FIRST: SiteObservation(kubernetes=(1, 36))})


def tightened(snapshot: Snapshot) -> tuple[DataResidencyPolicy, ...]:
    """With Brazil's data in Brazil alone."""
    [found] = [each for each in snapshot.policies if each.metadata.name == "br-stays"]
    spec = DataResidencyPolicy.model_validate(benched.policy(is_tight=True)).spec
    metadata = found.metadata.model_copy(update={"generation": found.metadata.generation + 1})
    changed = found.model_copy(update={"spec": spec, "metadata": metadata})
    return tuple(changed if each is found else each for each in snapshot.policies)


def rendered(world: World, law: tuple[DataResidencyPolicy, ...] | None = None) -> dict[str, bundles.Bundle]:
    """All sites, under another law if one is given; who answers stays as it is planned."""
    answering = routing(world.snapshot, world.plan, now=NOW)
    snapshot = dataclasses.replace(world.snapshot, policies=law or world.snapshot.policies)
    return {each.site: each for each in bundles.render(snapshot, world.plan, answering.at)}


def made(snapshot: Snapshot = SNAPSHOT) -> dict[str, Made]:
    world = World(snapshot=snapshot, plan=plan(snapshot, now=NOW))
    return {site: Made.of(bundle, (), world) for site, bundle in rendered(world).items()}


def test_sites_under_another_law_are_as_if_rendered_anew() -> None:
    before = made()
    law = tightened(SNAPSHOT)

    after = under(law, before)

    anew = rendered(next(iter(before.values())).world, law)
    assert after.keys() == anew.keys() == before.keys()
    for site, each in after.items():
        assert each.bundle.objects == anew[site].objects
        assert each.bundle.config is not None
        assert each.bundle.config == anew[site].config
        assert each.content.digest == anew[site].digest != before[site].content.digest
        assert each.content.law != before[site].content.law


def test_what_is_not_of_the_law_is_the_very_same() -> None:
    before = made()

    after = under(tightened(SNAPSHOT), before)

    for site, each in after.items():
        kept = [item for item in each.bundle.objects if any(item is other for other in before[site].bundle.objects)]
        assert len(kept) == len(before[site].bundle.objects) - 1


def test_nothing_is_made_twice() -> None:
    law = tightened(SNAPSHOT)
    after = under(law, made())

    assert under(law, after) == {}


@pytest.mark.parametrize("field", ["resource_version", "labels", "annotations"])
def test_what_is_only_said_of_a_policy_is_no_change(field: str) -> None:
    value = "77" if field == "resource_version" else {"some": "thing"}
    policies = tuple(
        each.model_copy(update={"metadata": each.metadata.model_copy(update={field: value})})
        for each in SNAPSHOT.policies
    )

    assert under(policies, made()) == {}


@pytest.mark.parametrize("count", [0, 5], ids=["none is left", "one is gone"])
def test_policies_that_are_gone_are_a_change(count: int) -> None:
    before = made()

    after = under(SNAPSHOT.policies[:count], before)

    assert after.keys() == before.keys()


def test_each_site_stays_over_the_places_that_it_was_rendered_with() -> None:
    smaller = made(network(sites=2, routes=6))
    larger = made(network(sites=4, routes=6))
    site, other = sorted(smaller)
    mixed = {**larger, site: smaller[site]}
    law = tightened(SNAPSHOT)

    after = under(law, mixed)

    assert after[site].content.digest == rendered(smaller[site].world, law)[site].digest
    assert after[other].content.digest == rendered(larger[other].world, law)[other].digest
    assert after[site].world is not after[other].world


def other_world(**changes: Any) -> World:
    snapshot = dataclasses.replace(SNAPSHOT, **changes)
    return World(snapshot=snapshot, plan=plan(snapshot, now=NOW))


@pytest.mark.parametrize(
    ("changes", "is_same"),
    [
        ({}, True),
        ({"routes": SNAPSHOT.routes[1:]}, False),
        ({"policies": tightened(SNAPSHOT)}, False),
        ({"namespaces": {**SNAPSHOT.namespaces, "other": {}}}, False),
        (
            {"observed": FOUND},
            False,
        ),
    ],
    ids=["nothing", "a route", "a policy", "a namespace", "what was found"],
)
def test_what_was_rendered_is_taken_again_only_if_nothing_is_different(changes: dict[str, Any], is_same: bool) -> None:
    key = new_index_key()
    last = Rendered(made={}, world=other_world(), lost=frozenset(), key=key, asked=NOBODY)

    assert last.is_of(other_world(**changes), frozenset(), key) is is_same
    assert not last.is_of(other_world(), frozenset({"fra1"}), key)
    assert not last.is_of(other_world(), frozenset(), new_index_key())


def test_what_was_rendered_is_not_taken_for_another_plan() -> None:
    key, world = new_index_key(), other_world()
    last = Rendered(made={}, world=world, lost=frozenset(), key=key, asked=NOBODY)
    moved = dataclasses.replace(world, plan=dataclasses.replace(world.plan, shortfalls=world.plan.shortfalls[1:]))

    assert not last.is_of(moved, frozenset(), key)


def test_what_others_hold_is_in_the_plan_and_in_nothing_that_is_rendered() -> None:
    key, [seen] = new_index_key(), FOUND.sites.values()
    last = Rendered(made={}, world=other_world(observed=FOUND), lost=frozenset(), key=key, asked=NOBODY)
    held = dataclasses.replace(seen, taken={"none-of-these": (1,)}, untold="it may not be seen")

    assert last.is_of(other_world(observed=Observed(sites={FIRST: held})), frozenset(), key)


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"demand": {NOWHERE: {"DE": 100}}}, id="where requests come from"),
        pytest.param({"unknown": frozenset({(NOWHERE, FIRST)})}, id="which engines gateways know"),
    ],
)
def test_what_is_in_the_plan_alone_is_in_nothing_that_is_rendered(more: dict[str, Any]) -> None:
    key = new_index_key()
    last = Rendered(made={}, world=other_world(observed=FOUND), lost=frozenset(), key=key, asked=NOBODY)

    assert last.is_of(other_world(observed=dataclasses.replace(FOUND, **more)), frozenset(), key)
