"""Who asks, as the law sees them: tenants that it can't tell apart are one, and each origin that makes a difference."""

from typing import Any

import pytest
from tests.unit.plan.small import FRA, NOW, Json, network, site
from tests.unit.validate import sample

from isochrone import law
from isochrone.geo import codes
from isochrone.law import Origin, Scope
from isochrone.model import RouteKey
from isochrone.plan.planner import Prepared, prepare

STATES = sorted(code for code in codes.subdivisions() if code.startswith("US-") and codes.canonical(code) == code)
CHAT = RouteKey("shop", "chat")
ROUTE = sample.route("chat", tiers=sample.tiers(sample.to_provider()))
OPEN = site("ams", "AMS", gateway={"anonymousAccess": "Allow"})


def prepared(*objects: Json, **settings: Any) -> Prepared:
    return prepare(network(FRA, *objects, **settings), now=NOW)


def origins(*objects: Json, route: Json = ROUTE) -> list[list[str]]:
    """The origins of those with a key, as codes; none stands for unknown."""
    found = prepared(route, *objects).laws[CHAT].askings
    return sorted(sorted(each.origin.codes) for each in found)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([sample.tenant()], [[]], id="unknown"),
        pytest.param([sample.tenant(origins=["DE", "FR"])], [["DE", "FR"]], id="one of several"),
        pytest.param(
            [sample.tenant(origins=["DE"]), sample.tenant("b", key="2", origins=["DE"])], [["DE"]], id="alike"
        ),
        pytest.param(
            [sample.tenant(origins=["DE", "FR"], originHeader="Trust")],
            [["DE"], ["DE", "FR"], ["DE-TH"], ["FR"], ["FR-PDL"]],
            id="the header chooses, parts too",
        ),
        pytest.param(
            [
                sample.tenant(origins=["US"], originHeader="Trust"),
                sample.policy("ca", "US", binds={"origins": {"include": ["US-CA"]}}),
            ],
            [["US"], *([code] for code in STATES)],
            id="a part that a policy names",
        ),
        pytest.param([sample.tenant(ns="bank")], "anybody", id="of another namespace"),
        pytest.param(
            [sample.tenant(ns="bank", origins=["DE"], allowedRoutes=[{"name": "chat", "namespace": "shop"}])],
            "anybody",
            id="named, but not admitted",
        ),
        pytest.param(
            [sample.tenant(origins=["DE"], allowedRoutes=[{"name": "other"}])], "anybody", id="allowed others only"
        ),
        pytest.param(
            [sample.tenant(origins=["DE"], allowedRoutes=[{"name": "chat"}])], [["DE"]], id="allowed this one"
        ),
    ],
)
def test_who_asks(objects: list[Json], expected: object) -> None:
    found = origins(*objects)

    assert found == expected if expected != "anybody" else len(found) > 200


def test_a_tenant_of_another_namespace_asks_if_the_route_admits_it() -> None:
    admitting = sample.route("chat", tiers=sample.tiers(sample.to_provider()), allowedNamespaces={"names": ["bank"]})
    named = sample.tenant(ns="bank", origins=["DE"], allowedRoutes=[{"name": "chat", "namespace": "shop"}])

    assert origins(named, route=admitting) == [["DE"]]


def test_who_has_no_key_asks_where_some_site_needs_none() -> None:
    assert prepared(ROUTE).laws[CHAT].without_key == ()
    found = prepared(ROUTE, OPEN).laws[CHAT]

    assert [each.origin for each in found.without_key] == [law.UNKNOWN]
    assert found.askings == ()


def test_a_class_that_a_header_adds_counts_where_policies_are_what_allows() -> None:
    health = sample.policy("health", "EU", binds={"dataClasses": ["health"]})
    tenant = sample.tenant(origins=["DE"], dataClassHeader="Trust")
    denied = prepared(ROUTE, tenant, health, unbound="Deny")

    assert [denied.book.hop(each) for each in denied.laws[CHAT].askings] == [0, 1]
    assert [each.selecting for each in prepared(ROUTE, tenant, health).laws[CHAT].askings] == [()]


def test_engines_need_one_caller_for_whom_all_is_lawful() -> None:
    """For one the weights may be there, for the other inference: for nobody both."""
    elsewhere: Json = {"include": ["US"]}
    here: Json = {"include": ["EU"]}
    world = (
        sample.tenant("a", labels={"who": "a"}),
        sample.tenant("b", key="2", labels={"who": "b"}),
        sample.policy(
            "a",
            binds={"tenants": {"matchLabels": {"who": "a"}}},
            allow=[{"scope": "Inference", "places": elsewhere}, {"scope": "Weights", "places": here}],
        ),
        sample.policy(
            "b",
            binds={"tenants": {"matchLabels": {"who": "b"}}},
            allow=[
                {"scope": "Inference", "places": here},
                {"scope": "Ingress", "places": here},
                {"scope": "Weights", "places": elsewhere},
            ],
        ),
    )
    found = prepared(ROUTE, *world).laws[CHAT]

    assert (found.inference, found.engines) == (1, 0)


def test_the_book_answers_as_the_law_does() -> None:
    policies = [
        sample.policy("eu", "EU", binds={"origins": {"include": ["EU"]}}, unknownOrigin="Bind"),
        sample.policy("us", "US", binds={"origins": {"include": ["US-CA"]}}),
    ]
    found = prepared(ROUTE, sample.tenant(), *policies, site("iad", "IAD"))
    subject = next(iter(_subjects(found)))
    for origin in (law.UNKNOWN, Origin.of("DE"), Origin.of("US"), Origin.of("DE", "US"), Origin.of("JP", "Atlantis")):
        asking = type(found.laws[CHAT].askings[0])(found.book.selecting(subject), origin)
        for bit, place in enumerate(found.book.places):
            question = law.Question(subject=subject, origin=origin, scope=Scope.INFERENCE, place=place)
            allowed = law.evaluate(found.book.policies, question).allowed
            assert bool(found.book.lawful(asking, Scope.INFERENCE) >> bit & 1) is allowed, (origin, place)


def _subjects(found: Prepared) -> list[law.Subject]:
    from isochrone.plan.lawful import questions

    return [subject for subject, _ in questions(found.world, found.book, found.callers, found.world.routes[CHAT])]
