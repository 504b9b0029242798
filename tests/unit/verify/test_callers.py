"""Who may call a route with whose data, and how the law of a config is asked about them."""

from typing import Final

import msgspec
import pytest
from tests.unit.verify.by_hand import DE, EU, NO_SUM, US, Json, config, law, read
from tests.unit.verify.installation import policy, route, tenant

from isochrone.verify.book import Book, Both, Selected
from isochrone.verify.callers import Caller, Callers, inside, subject_of
from isochrone.verify.declared import Declared
from isochrone.verify.meaning import UNBOUND
from isochrone_gateway.config import Config
from isochrone_gateway.config.law import encode_row

ALL: Final = 0b1111
FIRST, BOTH, NEITHER = Selected((0,), (0,)), Selected((0, 1), (0, 1)), Selected((), ())


def book(made: Json, known: Declared | None = None) -> Book:
    return Book(known or read(), msgspec.convert(made, Config))


def callers(made: Json, known: Declared | None = None, number: int = 0) -> tuple[Caller, ...]:
    found = msgspec.convert(made, Config)
    return Callers(Book(known or read(), found), found).of(found.routes[number])


# One law beside the other


def with_default(made: Json, unbound: str) -> Json:
    return {**made, "site": {**made["site"], "unboundTraffic": unbound}}


@pytest.mark.parametrize(
    ("compiled", "declared", "unbound"),
    [
        pytest.param("Allow", "Allow", (ALL, ALL), id="both allow"),
        pytest.param("Deny", "Allow", (0, ALL), id="the config refuses"),
        pytest.param("Allow", "Deny", (ALL, 0), id="the config alone allows"),
    ],
)
def test_what_nothing_binds(compiled: str, declared: str, unbound: tuple[int, int]) -> None:
    asked = book(with_default(config(law=law(Inference={DE, US})), compiled), read(unbound=declared))
    for selected, origin in ((NEITHER, "DE"), (FIRST, "FR")):
        assert asked.both("Inference", selected, origin) == Both(*unbound, is_bound=False, ought_to_be_bound=False)
    bound = asked.both("Inference", FIRST, "DE")
    assert bound == Both(1 << DE | 1 << US, 1 << DE, is_bound=True, ought_to_be_bound=True)
    assert bound.bad == 1 << US


def two(modes: tuple[str, str] = ("Enforce", "Enforce")) -> Json:
    """Two compiled policies: one of DE and US, one of US and EU."""
    made = law(Inference={DE, US})
    made["policies"].append({**made["policies"][0], "name": "other", "scopes": {"Inference": 1}})
    made["policies"] = [{**each, "mode": mode} for each, mode in zip(made["policies"], modes, strict=True)]
    made["tables"].append({"rows": {"DE": 1}})
    made["rows"].append(encode_row(1 << US | 1 << EU))
    return made


@pytest.mark.parametrize(
    ("modes", "compiled", "is_bound"),
    [
        pytest.param(("Enforce", "Enforce"), 1 << US, True, id="intersected"),
        pytest.param(("Enforce", "Audit"), 1 << DE | 1 << US, True, id="one only audits"),
        pytest.param(("Audit", "Audit"), ALL, False, id="both only audit"),
    ],
)
def test_compiled_policies_together(modes: tuple[str, str], compiled: int, *, is_bound: bool) -> None:
    found = book(config(law=two(modes))).both("Inference", Selected((0, 1), (0,)), "DE")
    assert (found.compiled, found.is_bound) == (compiled, is_bound)


@pytest.mark.parametrize(
    ("mode", "lawful", "is_bound"),
    [pytest.param("Enforce", 0, True, id="intersected"), pytest.param("Audit", 1 << DE, True, id="one only audits")],
)
def test_declared_policies_together(mode: str, lawful: int, *, is_bound: bool) -> None:
    known = read([policy("fr", ["FR"], {"origins": {"include": ["DE"]}}, mode=mode)])
    found = book(config(), known).both("Inference", Selected((0,), (0, 1)), "DE")
    assert (found.lawful, found.ought_to_be_bound) == (lawful, is_bound)


def test_what_binds_only_where_it_is_compiled_or_only_where_it_is_declared() -> None:
    asked = book(config())
    compiled, declared = (asked.both("Inference", each, "DE") for each in (Selected((0,), ()), Selected((), (0,))))
    assert (compiled.is_bound, compiled.ought_to_be_bound) == (True, False)
    assert (declared.is_bound, declared.ought_to_be_bound) == (False, True)


@pytest.mark.parametrize(
    ("table", "origin", "row"),
    [
        pytest.param({"rows": {"DE": 0}}, "DE", 1 << DE, id="its own"),
        pytest.param({"rows": {"DE": 0}}, "DE-BY", 1 << DE, id="its country's"),
        pytest.param({"rows": {"DE": 0, "DE-BY": 1}}, "DE-BY", 1 << US, id="its own before its country's"),
        pytest.param({"rows": {"DE": 0, "DE-BY": -1}}, "DE-BY", UNBOUND, id="its own says that it isn't bound"),
        pytest.param({"rows": {"DE": 0}}, "FR", UNBOUND, id="not bound otherwise"),
        pytest.param({"rows": {"DE": 0}, "otherwise": 1}, "FR", 1 << US, id="otherwise"),
        pytest.param({"unknown": "Deny", "otherwise": 1}, None, 0, id="unknown is refused"),
        pytest.param({"unknown": "Unbound", "otherwise": 1}, None, UNBOUND, id="unknown is not bound"),
        pytest.param({"unknown": 1}, None, 1 << US, id="unknown has a row"),
    ],
)
def test_a_table_is_looked_up(table: Json, origin: str | None, row: int) -> None:
    made = law(Inference={DE}, Logs={US})
    made["tables"][0] = table
    assert book(config(law=made)).row(0, "Inference", origin) == row
    assert book(config(law=made)).row(0, "Cache", origin) == row, "Inference holds for scopes without a table"


def test_a_scope_has_a_table_of_its_own() -> None:
    asked = book(config(law=law(Inference={DE}, Logs={US})))
    assert [asked.row(0, scope, "DE") for scope in ("Inference", "Logs")] == [1 << DE, 1 << US]


def test_what_was_asked_is_told_apart() -> None:
    asked = book(config(law=law(Inference={DE}, Logs={US})))
    for _ in range(2):
        assert asked.both("Inference", FIRST, "DE").compiled == 1 << DE
        assert asked.both("Logs", FIRST, "DE").compiled == 1 << US
        assert asked.both("Inference", NEITHER, "DE").compiled == ALL
        assert asked.both("Inference", FIRST, "FR").compiled == ALL


def test_origins_that_nothing_tells_apart_are_one() -> None:
    made = law()
    made["tables"][0] = {"rows": {"DE": 0, "FR-IDF": 0}}
    asked = book(config(law=made))
    assert asked.class_of["DE-BY"] == asked.class_of["DE"] == "DE"
    assert asked.class_of["FR-IDF"] == "FR-IDF", "the policy doesn't bind it, so it isn't as data of DE"
    assert asked.class_of["US-CA"] == asked.class_of["FR"] == asked.origins[0]
    assert asked.origins == (asked.class_of["FR"], "DE", "FR-IDF", None)
    assert sorted(map(str, asked.members["DE"]))[:3] == ["DE", "DE-BB", "DE-BE"]
    assert asked.members["FR-IDF"] == ("FR-IDF",)
    assert sum(map(len, asked.members.values())) == len(asked.class_of)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"origins": {"include": ["DE-BY"]}}, id="another policy"),
        pytest.param(None, id="another scope"),
    ],
)
def test_what_one_policy_says_of_one_scope_tells_origins_apart(other: Json | None) -> None:
    """The tables don't: they are of nobody."""
    home = {"scope": "Logs", "originCountry": "Allow"}
    made = [policy("two", ["FR"], other)] if other else [policy("eu", ["DE"], {"origins": {"include": ["EU"]}}, home)]
    asked = book(config(law={"policies": [], "tables": [], "rows": []}), read(made))
    assert (asked.class_of["DE-BE"] == asked.class_of["DE"]) is (other is None)
    assert asked.class_of["FR"] != asked.class_of["DE"]


@pytest.mark.parametrize(
    ("binds", "is_selected"),
    [
        pytest.param({}, True, id="anybody"),
        pytest.param({"routes": ["shop/chat"]}, True, id="route"),
        pytest.param({"routes": ["shop/web"]}, False, id="another route"),
        pytest.param({"tenants": ["web/client"]}, True, id="tenant"),
        pytest.param({"tenants": ["web/other"]}, False, id="another tenant"),
        pytest.param({"dataClasses": ["a", "x"]}, True, id="class"),
        pytest.param({"dataClasses": ["x"]}, False, id="another class"),
        pytest.param({"dataClasses": []}, False, id="no class"),
        pytest.param({"namespaces": ["shop"]}, True, id="namespace of the route"),
        pytest.param({"namespaces": ["web"]}, True, id="namespace of the tenant"),
        pytest.param({"namespaces": ["chat"]}, False, id="another namespace"),
        pytest.param({"routes": ["shop/chat"], "tenants": ["x/y"]}, False, id="all must hold"),
    ],
)
def test_whom_a_compiled_policy_selects(binds: Json, *, is_selected: bool) -> None:
    made = law()
    made["policies"][0]["binds"] = binds
    asked = book(config(law=made))
    (found,) = asked.policies
    assert asked.selects(found.binds, "shop/chat", "web/client", frozenset({"a", "b"})) is is_selected


def test_without_a_tenant_only_the_route_has_a_namespace() -> None:
    made = law()
    made["policies"][0]["binds"] = {"namespaces": ["shop"]}
    (found,) = book(config(law=made)).policies
    assert book(config()).selects(found.binds, "shop/chat", None, frozenset())
    assert not book(config()).selects(found.binds, "web/chat", None, frozenset())


# Callers


def tenants(*each: Json) -> Json:
    return {"tenants": list(each)}


def who(found: tuple[Caller, ...]) -> list[tuple[str | None, list[str]]]:
    return [(each.tenant, sorted(each.added)) for each in found]


def test_tenants_that_may_call_and_nobody_last() -> None:
    made = tenants({"id": "a/any"}, {"id": "b/this", "routes": ["shop/chat"]}, {"id": "c/other", "routes": ["shop/x"]})
    assert who(callers(config(tenants=made))) == [("a/any", []), ("b/this", []), (None, [])]


def test_of_a_route_that_nobody_declared_nobody_is_a_caller() -> None:
    made = {"id": "shop/ghost", "name": "ghost"}
    assert callers(config(routes=[made])) == ()


def test_callers_are_those_of_their_route() -> None:
    made = config(tenants=tenants({"id": "a/b", "routes": ["shop/notes"]}))
    made["routes"].append({"id": "shop/notes", "name": "notes"})
    found = msgspec.convert(made, Config)
    asked = Callers(Book(read([route("notes", "shop")]), found), found)
    for _ in range(2):
        assert [who(asked.of(each)) for each in found.routes] == [[(None, [])], [("a/b", []), (None, [])]]


CLASSES: Final[Json] = {
    "binds": {"dataClasses": ["a", "b"]},
    "name": "one",
    "generation": 1,
    "digest": NO_SUM,
}
NAMED: Final = {
    "policies": [
        {**CLASSES, "scopes": {"Inference": 0}},
        {**CLASSES, "name": "two", "binds": {"dataClasses": ["c", "b"]}, "scopes": {"Inference": 0}},
        {**CLASSES, "name": "three", "binds": {}, "scopes": {"Inference": 0}},
    ],
    "tables": [{"rows": {"DE": 0}}],
    "rows": [encode_row(1)],
}


@pytest.mark.parametrize(
    ("trusts", "compiled", "declared", "added"),
    [
        pytest.param(False, "Deny", "Deny", [[]], id="not trusted"),
        pytest.param(True, "Allow", "Allow", [[], ["a"], ["b"], ["c"], ["d"]], id="one of those that are told apart"),
        pytest.param(
            True,
            "Deny",
            "Allow",
            [[], ["a"], ["b"], ["c"], ["d"], *map(list, ("ab", "ac", "ad", "bc", "bd", "cd"))],
            id="two, where a class may be what allows",
        ),
        pytest.param(
            True,
            "Allow",
            "Deny",
            [[], ["a"], ["b"], ["c"], ["d"], *map(list, ("ab", "ac", "ad", "bc", "bd", "cd"))],
            id="two, where a class ought to be what allows",
        ),
    ],
)
def test_classes_that_a_caller_may_add(trusts: bool, compiled: str, declared: str, added: list[list[str]]) -> None:
    """Of `d` and `e` one is enough: the same policy names both. A policy that names none adds none."""
    known = read([policy("eu", ["DE"], {"dataClasses": ["d", "e"]}), policy("any", ["DE"])], unbound=declared)
    made = config(law=NAMED, tenants=tenants({"id": "shop/web", "dataClassHeader": trusts}))
    assert who(callers(with_default(made, compiled), known)) == [*(("shop/web", each) for each in added), (None, [])]


def test_of_classes_that_the_same_policies_name_the_first_is_added() -> None:
    known = read([policy("eu", ["DE"], {"dataClasses": list("hgfedcba")})])
    made = config(
        law={"policies": [], "tables": [], "rows": []}, tenants=tenants({"id": "a/b", "dataClassHeader": True})
    )
    assert who(callers(made, known)) == [("a/b", []), ("a/b", ["a"]), (None, [])]


def test_classes_that_two_policies_name_are_told_apart() -> None:
    known = read([policy("eu", ["DE"], {"dataClasses": ["a"]}), policy("x", ["DE"], {"dataClasses": ["b"]})])
    made = config(
        law={"policies": [], "tables": [], "rows": []}, tenants=tenants({"id": "a/b", "dataClassHeader": True})
    )
    assert who(callers(made, known)) == [("a/b", []), ("a/b", ["a"]), ("a/b", ["b"]), (None, [])]


def test_a_policy_selects_by_the_classes_of_route_tenant_and_header_together() -> None:
    known = read(
        [
            route("chat", "shop", dataClasses=["a"]),
            tenant("web", "shop", 1, dataClasses=["c"]),
            policy("eu", ["DE"], {"dataClasses": ["a"]}),
            policy("x", ["DE"], {"dataClasses": ["c"]}),
            policy("y", ["DE"], {"dataClasses": ["d"]}),
        ]
    )
    made = config(law=NAMED, tenants=tenants({"id": "shop/web", "dataClasses": ["c"], "dataClassHeader": True}))
    made["routes"][0]["dataClasses"] = ["a"]
    found = {(each.tenant, *sorted(each.added)): each.selected for each in callers(made, known)}
    assert found["shop/web",] == Selected((0, 1, 2), (0, 1))
    assert found["shop/web", "d"] == Selected((0, 1, 2), (0, 1, 2))
    assert found[None,] == Selected((0, 2), (0,))


@pytest.mark.parametrize(
    ("of_tenant", "origins"),
    [
        pytest.param({}, [(None, 1)], id="nothing is declared"),
        pytest.param({"origins": ["DE"]}, [("DE", 1)], id="one"),
        pytest.param({"origins": ["DE"], "orElsewhere": True}, [("DE", 1), (None, 1)], id="or elsewhere"),
        pytest.param({"origins": ["FR", "US", "DE"]}, [("DE", 1), ("FR", 2)], id="two that nothing tells apart"),
        pytest.param({"origins": ["DE"], "originHeader": True}, [("DE", 17)], id="or any part of it"),
        pytest.param({"origins": ["DE-BY"], "originHeader": True}, [("DE-BY", 1)], id="it has no parts"),
        pytest.param({"origins": ["FR-971"]}, [("GP", 1)], id="by another code"),
        pytest.param({"origins": ["XX", "DE"]}, [("DE", 1), (None, 1)], id="what is no code"),
    ],
)
def test_where_the_data_of_a_caller_may_come_from(of_tenant: Json, origins: list[tuple[str | None, int]]) -> None:
    made = tenants({"id": "shop/first", "origins": ["JP"]}, {"id": "shop/web", **of_tenant})
    found = callers(config(tenants=made))
    assert list(found[1].origins) == origins
    assert found[1].codes == sum(alike for _, alike in origins)
    assert found[2].origins == ((None, 1),)


def test_origins_of_tenants_are_told_apart() -> None:
    """By what they are, whether elsewhere is one of them, and whether a header chooses."""
    some: list[Json] = [{}, {"origins": ["DE"]}, {"origins": ["DE"], "orElsewhere": True}]
    some.append({"origins": ["DE"], "originHeader": True})
    found = callers(config(tenants=tenants(*({"id": f"shop/{number}", **each} for number, each in enumerate(some)))))
    assert [each.codes for each in found] == [1, 1, 2, 17, 1]


def test_callers_in_words() -> None:
    made = [Caller(name, frozenset(added), NEITHER, ()) for name in ("shop/web", None) for added in ("", "hgfedcba")]
    assert list(map(str, made)) == [
        "tenant shop/web",
        "tenant shop/web with data of a+b+c+d+e+f+g+h",
        "a caller without a key",
        "a caller without a key with data of a+b+c+d+e+f+g+h",
    ]


def test_a_subject_as_it_is_declared() -> None:
    known = read([route("chat", "shop", dataClasses=["a"]), tenant("web", "shop", 1, dataClasses=["c"])])
    asked = book(config(), known)
    found = subject_of(asked, "shop/chat", "shop/web", frozenset({"x"}))
    assert (found.route.id, found.tenant and found.tenant.id) == ("shop/chat", "shop/web")
    assert found.classes == {"a", "c", "x"}
    for nobody in (None, "shop/ghost"):
        found = subject_of(asked, "shop/chat", nobody, frozenset())
        assert found.tenant is None
        assert found.classes == {"a"}


def test_what_a_header_may_choose() -> None:
    assert inside(frozenset({"GB-ENG"})) >= {"GB-ENG", "GB-LND"}
    assert not inside(frozenset({"GB-ENG"})) & {"GB", "GB-SCT", "DE"}
    assert "MA-12" not in inside(frozenset({"MA"})), "it lies in two"
    assert "MA-12" in inside(frozenset({"MA", "EH"}))
