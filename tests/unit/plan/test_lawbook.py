"""The law as a plan asks it: what of policies, routes and callers it sees, and that it is asked about all of them."""

import itertools
from typing import Any

import pytest
from tests.unit.plan.small import AMS, CHAT, FRA, IAD, NOW, Json, network, site
from tests.unit.plan.test_askings import OPEN, ROUTE, origins
from tests.unit.validate import sample

from isochrone import law
from isochrone.geo import codes
from isochrone.law import Labelled, Origin, Scope, Subject
from isochrone.model import RouteKey
from isochrone.model.declared import NAME_LABEL
from isochrone.plan import lawful
from isochrone.plan.lawful import NO_KEY, Asking, Profile
from isochrone.plan.planner import Prepared, prepare

EVERYBODY = Asking((0,), law.UNKNOWN)
GERMAN = Asking((0,), Origin.of("DE"))
SCOPES = (Scope.INFERENCE, Scope.INGRESS, Scope.WEIGHTS)


def prepared(*objects: Json, **settings: Any) -> Prepared:
    return prepare(network(*objects, **settings), now=NOW)


def allow(scope: str, *places: str, home: bool = False) -> Json:
    if home:
        return {"scope": scope, "originCountry": "Allow"}
    return {"scope": scope, "places": {"include": list(places)}}


# Policies


@pytest.mark.parametrize(
    ("policies", "settings", "asking", "expected"),
    [
        pytest.param([], {}, Asking((), law.UNKNOWN), 0b111, id="no policy: everywhere, and nowhere else"),
        pytest.param([], {"unbound": "Deny"}, Asking((), law.UNKNOWN), 0, id="unbound data goes nowhere"),
        pytest.param([sample.policy("us", "US")], {}, GERMAN, 0b100, id="one policy"),
        pytest.param([sample.policy("us", "US")], {"unbound": "Deny"}, GERMAN, 0b100, id="it is bound"),
        pytest.param(
            [sample.policy("de", "DE", binds={"origins": {"include": ["DE"]}})], {}, EVERYBODY, 0, id="refused: nowhere"
        ),
        pytest.param(
            [sample.policy("fr", "US", binds={"origins": {"include": ["FR"]}})], {}, GERMAN, 0b111, id="not bound"
        ),
        pytest.param(
            [sample.policy("a", "EU"), sample.policy("b", "DE", "US")],
            {},
            Asking((0, 1), Origin.of("DE")),
            0b010,
            id="each of two policies",
        ),
        pytest.param(
            [sample.policy("a", "DE", binds={"origins": {"include": ["DE"]}})],
            {},
            Asking((0,), Origin.of("DE", "FR")),
            0b010,
            id="each of two origins",
        ),
        pytest.param(
            [sample.policy("a", "DE", binds={"origins": {"include": ["DE"]}})],
            {"unbound": "Deny"},
            Asking((0,), Origin.of("DE", "FR")),
            0,
            id="one of two origins is not bound",
        ),
    ],
)
def test_where_it_is_lawful(policies: list[Json], settings: Json, asking: Asking, expected: int) -> None:
    """Amsterdam, Frankfurt and Ashburn are the places, in this order."""
    book = prepared(FRA, AMS, IAD, *policies, **settings).book
    for _ in range(2):
        assert book.lawful(asking, Scope.INFERENCE) == expected


def test_each_scope_and_each_asking_has_its_own_answer() -> None:
    policy = sample.policy("a", allow=[allow("Inference", "EU"), allow("Ingress", "US"), allow("Weights", "DE")])
    book = prepared(FRA, AMS, IAD, policy).book
    for _ in range(2):
        assert [book.lawful(GERMAN, scope) for scope in SCOPES] == [0b011, 0b100, 0b010]
        assert book.lawful(Asking((), law.UNKNOWN), Scope.INFERENCE) == 0b111
        assert book.hop(GERMAN) == 0


def test_policies_that_only_report_decide_nothing() -> None:
    book = prepared(FRA, sample.policy("b", "US"), sample.policy("a", "US", mode="Audit")).book

    assert [policy.name for policy in book.policies] == ["b"]


@pytest.mark.parametrize("scope", SCOPES)
def test_codes_that_any_scope_tells_apart_are_listed(scope: Scope) -> None:
    entries = [allow(each, "World", home=each is scope) for each in SCOPES]
    book = prepared(FRA, IAD, sample.policy("home", allow=entries), sample.policy("z", "EU")).book

    assert book.rows((0,)) == {"DE", "US"}
    assert book.rows((1,)) == set()
    assert book.rows((0, 1)) == {"DE", "US"}


# Origins


def test_a_header_and_policies_make_a_difference_each() -> None:
    book = prepared(FRA, sample.policy("ca", "US", binds={"origins": {"include": ["US-CA"]}})).book
    told = Profile("shop", (), (), ("US",), chooses=False, adds=False)
    chooses = Profile("shop", (), (), ("US",), chooses=True, adds=False)
    expected = {
        (told, ()): [["US"]],
        (told, (0,)): [["US"]],
        (chooses, ()): [["US"], ["US"], [last_of("US")]],
        (chooses, (0,)): [["US"], ["US"], *([code] for code in parts_of("US"))],
    }
    for (profile, selecting), origins_ in (*expected.items(), *reversed(expected.items())):
        assert [sorted(each.codes) for each in book.origins(profile, selecting)] == origins_


def parts_of(code: str) -> list[str]:
    """Those that lie within it wholly, by their own codes."""
    parts = [each for each in codes.subdivisions() if codes.canonical(each) == each]
    return sorted(each for each in parts if code in codes.ancestors(each) and codes.country_of(each) == code)


def last_of(code: str) -> str:
    return parts_of(code)[-1]


@pytest.mark.parametrize(
    ("declared", "some"),
    [
        pytest.param(["GB"], {"GB", "GB-ZET"}, id="a country and one of its parts"),
        pytest.param(["GB-WLS"], {"GB-WLS", "GB-WRX"}, id="a part that has parts"),
        pytest.param(["GB-WLS", "US-CA"], {"GB-WLS", "GB-WRX", "US-CA"}, id="a part that has none"),
        pytest.param(["MA"], {"MA", "MA-ZAG"}, id="but no part that lies within another country too"),
        pytest.param(["EH"], {"EH"}, id="nor one that lies in it partly, where there are no others"),
        pytest.param(["DE", "DE-TH"], {"DE", "DE-ST", "DE-TH"}, id="a country and a part"),
    ],
)
def test_a_header_may_choose_parts(declared: list[str], some: set[str]) -> None:
    tenant = sample.tenant(origins=declared, originHeader="Trust")

    assert {code for each in origins(tenant) for code in each} == some


# Who asks


def subjects(found: Prepared) -> list[tuple[Subject, Origin]]:
    return list(lawful.questions(found.world, found.book, found.callers, found.world.routes[CHAT]))


def test_what_policies_select_by() -> None:
    route = sample.route("chat", labels={"app": "chat"}, dataClasses=["code"], tiers=ROUTE["spec"]["tiers"])
    found = prepared(FRA, route, sample.namespace("shop", team="ai"), sample.namespace("bank", team="money"))
    world, chat = found.world, found.world.routes[CHAT]
    profile = Profile("bank", (("tier", "gold"),), ("health",), None, chooses=False, adds=False)
    labelled, ours = Labelled("chat", {"app": "chat"}), Labelled("shop", {"team": "ai", NAME_LABEL: "shop"})

    assert lawful.subject(world, chat, profile, ["added"]) == Subject(
        route=labelled,
        route_namespace=ours,
        tenant=Labelled("", {"tier": "gold"}),
        tenant_namespace=Labelled("bank", {"team": "money", NAME_LABEL: "bank"}),
        data_classes=frozenset({"code", "health", "added"}),
    )
    assert lawful.subject(world, chat, NO_KEY) == Subject(
        route=labelled, route_namespace=ours, data_classes=frozenset({"code"})
    )


@pytest.mark.parametrize(
    ("route", "is_alike"),
    [
        pytest.param(sample.route("other", labels={"b": "2", "a": "1"}, dataClasses=["z", "y"]), True, id="another"),
        pytest.param(sample.route("other", labels={"a": "1"}, dataClasses=["y", "z"]), False, id="labels"),
        pytest.param(sample.route("other", labels={"a": "1", "b": "2"}, dataClasses=["y"]), False, id="classes"),
        pytest.param(
            sample.route("other", ns="bank", labels={"a": "1", "b": "2"}, dataClasses=["y", "z"]), False, id="namespace"
        ),
    ],
)
def test_routes_that_the_law_takes_for_one(route: Json, *, is_alike: bool) -> None:
    chat = sample.route("chat", labels={"a": "1", "b": "2"}, dataClasses=["y", "z"])
    one, other = prepared(FRA, chat, route).world.routes.values()

    assert (lawful.face(one) == lawful.face(other)) is is_alike


def test_tenants_that_the_law_takes_for_one() -> None:
    tenants = [
        sample.tenant(
            f"t{number}",
            key=str(number),
            labels=dict(labels),
            dataClasses=list(classes),
            origins=list(where),
        )
        for number, (labels, classes, where) in enumerate(
            zip(
                itertools.permutations([("a", "1"), ("b", "2"), ("c", "3")]),
                itertools.permutations(["x", "y", "z"]),
                itertools.permutations(["DE", "FR", "US"]),
                strict=True,
            )
        )
    ]
    found = prepared(FRA, ROUTE, *tenants)

    assert found.callers.of(found.world.routes[CHAT]) == {
        Profile(
            "shop",
            (("a", "1"), ("b", "2"), ("c", "3")),
            ("x", "y", "z"),
            ("DE", "FR", "US"),
            chooses=False,
            adds=False,
        )
    }


def test_questions_come_in_order() -> None:
    """Tenants by what is seen of them, then who has no key; each with the classes that a header may add."""
    names = [f"class-{number}" for number in range(7)]
    policies = [
        *(sample.policy(f"p-{number}", "EU", binds={"dataClasses": [name]}) for number, name in enumerate(names)),
        sample.policy("q", "EU", binds={"namespaces": {"names": ["shop"]}}),
    ]
    tenants = [sample.tenant(f"t{number}", key=str(number), dataClasses=[name]) for number, name in enumerate(names)]
    adding = sample.tenant("z", key="9", dataClassHeader="Trust", labels={"z": "z"})
    found = subjects(prepared(FRA, ROUTE, OPEN, *policies, *tenants, adding, unbound="Deny"))

    assert [sorted(subject.data_classes) for subject, _ in found] == [
        [],
        *([name] for name in names),
        *([name] for name in names),
        [],
    ]
    assert [subject.tenant for subject, _ in found][-1] is None


def test_whom_a_policy_without_classes_can_not_tell() -> None:
    found = prepared(
        FRA, ROUTE, OPEN, sample.policy("eu", "EU"), sample.tenant(dataClassHeader="Trust"), unbound="Deny"
    )

    assert [sorted(subject.data_classes) for subject, _ in subjects(found)] == [[], []]


def test_where_no_key_is_needed_nobody_else_needs_to_ask() -> None:
    found = prepared(FRA, OPEN, ROUTE).laws[CHAT]

    assert (found.askings, found.without_key) == ((), (Asking((), law.UNKNOWN),))
    assert (found.inference, found.engines, found.reach) == (0b11, 0b11, ((law.UNKNOWN, 0b11),))


def test_whoever_may_come_may_come_from_anywhere() -> None:
    found = prepared(FRA, ROUTE, sample.policy("ca", "US", binds={"origins": {"include": ["US-CA"]}}))
    asked = [origin for _, origin in subjects(found)]
    # California is bound as the country is, the other states are not.
    different = {*codes.countries(), *parts_of("US")} - {"US-CA"}

    assert asked == [*(Origin.of(code) for code in sorted(different)), law.UNKNOWN]
    assert set(asked) == {asking.origin for asking in found.laws[CHAT].askings}


def test_askings_are_in_order() -> None:
    declared = [["DE"], ["DE", "FR", "NL"], ["DE", "IT", "AT"], ["DE", "NL", "BE"], ["AT", "SE"], ["US", "CA", "BE"]]
    tenants = [sample.tenant(f"t{number}", key=str(number), origins=each) for number, each in enumerate(declared)]
    tenants += [sample.tenant("known", key="8", ns="bank"), sample.tenant("z", key="9")]
    found = prepared(FRA, ROUTE, *tenants).laws[CHAT].askings

    assert [sorted(each.origin.codes) for each in found] == sorted([[], *(sorted(each) for each in declared)])


def test_askings_are_in_order_of_policies_then_of_origins_and_those_from_nowhere_else_come_first() -> None:
    """A policy for data about health. Where a misspelt origin is, is not known."""
    health = sample.policy("health", "EU", binds={"dataClasses": ["health"]})
    known = ["AT", "DE", "IT", "SE"]
    declared = itertools.product((["health"], []), known, (["XX"], []))
    tenants = [
        sample.tenant(f"t{number}", key=f"{number:x}", dataClasses=classes, origins=[code, *more])
        for number, (classes, code, more) in enumerate(declared)
    ]
    found = prepared(FRA, ROUTE, health, *tenants).laws[CHAT].askings

    assert [(each.selecting, *each.origin.codes, each.origin.or_elsewhere) for each in found] == list(
        itertools.product(((), (0,)), known, (False, True))
    )


def test_engines_that_nobody_may_reach_stand_nowhere() -> None:
    """A route in a namespace of its own, with its own label; both count."""
    bound = sample.policy("us", "US", binds={"routes": {"matchLabels": {"app": "chat"}}})
    other = sample.route("other", tiers=ROUTE["spec"]["tiers"])
    chat = sample.route("chat", labels={"app": "chat"}, tiers=ROUTE["spec"]["tiers"])
    laws = prepared(FRA, chat, other, bound, site("iad", "IAD")).laws

    assert (laws[CHAT].engines, laws[RouteKey("shop", "other")].engines) == (0b10, 0b11)
