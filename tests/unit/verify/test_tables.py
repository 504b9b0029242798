"""A compiled law beside the policies: what differs is said once for each kind of difference, and how bad it is."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import pytest
from tests.unit.verify.by_hand import DE, EU, NO_SUM, US, Json, config, law, read
from tests.unit.verify.installation import policy, route, tenant

from isochrone.verify import Rule, Severity
from isochrone.verify.book import Book
from isochrone.verify.declared import Declared
from isochrone.verify.tables import Said, differences
from isochrone_gateway.config import Config
from isochrone_gateway.config.law import encode_row

ERROR, WARNING = Severity.ERROR, Severity.WARNING
PARTS: Final = 17
"""Germany and its sixteen parts: what is said of one is said of all."""


def compare(made: Json, known: Declared | None = None) -> list[Said]:
    found = msgspec.convert(made, Config)
    return list(differences(Book(known or read(), found), found))


def of_law(found: Mapping[str, Any], known: Declared | None = None) -> list[Said]:
    return compare(config(law=found), known)


def wrong(message: str, name: str | None = "eu", severity: Severity = ERROR, cases: int = 1) -> Said:
    return Said(Rule.WRONG_LAW, message, name, severity, cases)


def with_table(scope: str = "Inference", **table: Any) -> Json:
    """The law with this in its one table, or in one more for a scope. Row 1 is DE and the USA, row 2 nowhere."""
    made = law()
    made["rows"] += [encode_row(1 << DE | 1 << US), encode_row(0)]
    made["tables"].append({**made["tables"][0], **table})
    made["policies"][0]["scopes"][scope] = 1
    return made


def every_scope(text: str, cases: int = 1, severity: Severity = ERROR) -> list[Said]:
    """Scopes without a table of their own take Inference's."""
    scopes = ("Ingress", "Inference", "Cache", "Logs", "Weights", "Metadata", "State")
    return [wrong(f"policy eu, scope {scope}, data from {text}", cases=cases, severity=severity) for scope in scopes]


BOUND_MORE: Final = "the table binds it, the policy does not"
LOST: Final = "the policy binds it, the table does not"
STRANGE: Final = "the law has rows for DE-XX, DE-ZZ, XA, which ISO 3166 has not assigned, or lists under another code"
LAXER: Final = "the table allows US-VA (Declared), the policy does not (PlaceNotAllowed)"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        pytest.param(law(), [], id="as declared"),
        pytest.param(with_table(rows={"DE": 1}), every_scope(f"DE: {LAXER}", PARTS), id="a place more"),
        pytest.param(
            with_table("Logs", rows={"DE": 1}),
            [wrong(f"policy eu, scope Logs, data from DE: {LAXER}", cases=PARTS)],
            id="a place more for one scope",
        ),
        pytest.param(
            with_table(rows={"DE": 2}),
            every_scope("DE: the table refuses DE-HE (Declared), which the policy allows", PARTS, WARNING),
            id="a place less",
        ),
        pytest.param(with_table(rows={}), every_scope(f"DE: {LOST}", PARTS), id="not bound"),
        pytest.param(
            with_table(rows={"DE": 0, "DE-BY": -1}), every_scope(f"DE-BY: {LOST}", 1), id="one part of it not bound"
        ),
        pytest.param(
            with_table(rows={"DE": 0, "VA": 0}), every_scope(f"VA: {BOUND_MORE}", 1, WARNING), id="another bound, too"
        ),
        pytest.param(
            with_table(unknown="Unbound"), every_scope(f"an unknown origin: {LOST}"), id="an unknown origin not bound"
        ),
        pytest.param(
            with_table(unknown=1),
            every_scope("an unknown origin: the table allows DE-HE (Declared), the policy does not (UnknownOrigin)"),
            id="an unknown origin let in",
        ),
        pytest.param(
            with_table(rows={"DE": 1, "DE-BY": -1, "DE-BE": 2, "VA": 0}),
            [
                each
                for scope in every_scope("")
                for each in (
                    scope._replace(message=f"{scope.message}DE: {LAXER}", cases=PARTS - 1),
                    scope._replace(message=f"{scope.message}VA: {BOUND_MORE}", severity=WARNING),
                    scope._replace(
                        message=f"{scope.message}DE-BE: the table refuses DE-HE (Declared), which the policy allows",
                        severity=WARNING,
                    ),
                )
            ],
            id="one of each kind stands for all of it",
        ),
        pytest.param(
            with_table(rows={"DE": 0, "DE-ZZ": 0, "DE-XX": 0, "XA": 0, "XB": 0}),
            [wrong(STRANGE, None, cases=4)],
            id="codes that are none",
        ),
        pytest.param(
            {**law(), "policies": []},
            [wrong("the law lacks the policy eu: it is not enforced")],
            id="a policy less",
        ),
        pytest.param(
            {**law(), "policies": [*law()["policies"], {**law()["policies"][0], "name": "mine"}]},
            [wrong("the law has a policy mine, which nobody declared", "mine", WARNING)],
            id="a policy more",
        ),
        pytest.param(
            {**law(), "policies": [{**law()["policies"][0], "mode": "Audit"}]},
            [wrong("policy eu is compiled as Audit, not Enforce")],
            id="it only audits",
        ),
    ],
)
def test_what_differs(found: Json, said: list[Said]) -> None:
    assert of_law(found) == said


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        pytest.param({}, [], id="of a file"),
        pytest.param({"generation": 0}, [], id="of none"),
        pytest.param({"generation": 1}, [], id="as it is compiled"),
        pytest.param(
            {"generation": 2},
            [wrong("policy eu is compiled as generation 1, but it is generation 2", severity=WARNING)],
            id="another",
        ),
    ],
)
def test_which_generation_evidence_will_tell(metadata: Json, said: list[Said]) -> None:
    made = policy("eu", ["DE"], {"origins": {"include": ["DE"]}})
    known = read([{**made, "metadata": {**made["metadata"], **metadata}}])
    assert of_law(law(), known) == said


def test_policies_are_known_by_name() -> None:
    """However many there are, and in whatever order they are compiled."""
    known = read([policy("a", ["DE"], {"origins": {"include": ["DE"]}}), policy("z", ["FR"])])
    first, strange = law()["policies"][0], {"name": "b", "generation": 1, "digest": NO_SUM, "scopes": {"Inference": 0}}
    assert of_law({**law(), "policies": [strange, first, {**first, "name": "a"}]}, known) == [
        wrong("the law lacks the policy z: it is not enforced", "z"),
        wrong("the law has a policy b, which nobody declared", "b", WARNING),
    ]


def test_where_unbound_data_is_refused_what_binds_more_allows_more() -> None:
    known = read(unbound="Deny")
    for found in (with_table(rows={"DE": 0, "VA": 0}), {**law(), "policies": [*law()["policies"], *other()]}):
        said = of_law(found, known)
        assert said
        assert {each.severity for each in said} == {ERROR}


def other() -> list[Json]:
    return [{**law()["policies"][0], "name": "mine"}]


@pytest.mark.parametrize(
    ("unbound", "severity"), [pytest.param("Allow", WARNING, id="allow"), pytest.param("Deny", ERROR, id="deny")]
)
def test_what_only_audits_may_not_decide(unbound: str, severity: Severity) -> None:
    known = read([policy("eu", ["DE"], {"origins": {"include": ["DE"]}}, mode="Audit")], unbound=unbound)
    assert of_law(law(), known) == [wrong("policy eu is compiled as Enforce, not Audit", severity=severity)]


# Whom a policy binds


LABELLED: Final = [
    {**route("chat", "shop"), "metadata": {"name": "chat", "namespace": "shop", "labels": {"app": "chat"}}},
    {**route("notes", "shop"), "metadata": {"name": "notes", "namespace": "shop", "labels": {"app": "notes"}}},
    {**tenant("web", "shop", 1), "metadata": {"name": "web", "namespace": "shop", "labels": {"tier": "gold"}}},
    {**tenant("vip", "bank", 2), "metadata": {"name": "vip", "namespace": "bank", "labels": {"tier": "gold"}}},
    {"kind": "Namespace", "metadata": {"name": "bank", "labels": {"kind": "money"}}},
]
HERE: Final[Json] = {
    "routes": [{"id": "shop/chat", "name": "chat"}],
    "tenants": {"tenants": [{"id": "shop/web"}, {"id": "bank/vip"}]},
}


def binding(declared: Json, compiled: Json, unbound: str = "Allow") -> list[Said]:
    known = read([*LABELLED, policy("eu", ["DE"], {"origins": {"include": ["DE"]}, **declared})], unbound=unbound)
    made = law()
    made["policies"][0]["binds"] = compiled
    return compare(config(**HERE, law=made), known)


@pytest.mark.parametrize(
    ("declared", "compiled", "said"),
    [
        pytest.param({}, {}, [], id="anybody"),
        pytest.param({"dataClasses": ["a"]}, {"dataClasses": ["a"]}, [], id="classes"),
        pytest.param({"routes": {"matchLabels": {"app": "chat"}}}, {"routes": ["shop/chat"]}, [], id="routes"),
        pytest.param({"routes": {"matchLabels": {"app": "notes"}}}, {"routes": []}, [], id="routes that aren't here"),
        pytest.param(
            {"tenants": {"matchLabels": {"tier": "gold"}}}, {"tenants": ["shop/web", "bank/vip"]}, [], id="tenants"
        ),
        pytest.param({"namespaces": {"names": ["bank", "x"]}}, {"namespaces": ["bank"]}, [], id="namespaces"),
        pytest.param(
            {"namespaces": {"names": [], "selector": {"matchLabels": {"kind": "money"}}}},
            {"namespaces": ["bank"]},
            [],
            id="namespaces by their labels",
        ),
        pytest.param({"namespaces": {"names": ["shop"]}}, {"namespaces": ["shop"]}, [], id="the namespace of a route"),
        pytest.param(
            {"dataClasses": ["a", "b", "c", "d", "e"]},
            {"dataClasses": ["e", "x"]},
            [wrong("policy eu no longer binds by dataClasses: a, b, c")],
            id="classes lost",
        ),
        pytest.param(
            {"routes": {"matchLabels": {"app": "chat"}}},
            {"routes": []},
            [wrong("policy eu no longer binds by routes: shop/chat")],
            id="routes lost",
        ),
        pytest.param(
            {"tenants": {"matchLabels": {"tier": "gold"}}},
            {"tenants": ["shop/web"]},
            [wrong("policy eu no longer binds by tenants: bank/vip")],
            id="tenants lost",
        ),
        pytest.param(
            {"namespaces": {"names": ["bank"]}},
            {"namespaces": []},
            [wrong("policy eu no longer binds by namespaces: bank")],
            id="namespaces lost",
        ),
        pytest.param(
            {}, {"routes": ["shop/chat"]}, [wrong("policy eu no longer binds by routes: everybody")], id="only some"
        ),
        pytest.param(
            {"dataClasses": ["a"]},
            {},
            [wrong("policy eu binds more by dataClasses: everybody", severity=WARNING)],
            id="everybody",
        ),
        pytest.param(
            {"dataClasses": ["a"]},
            {"dataClasses": ["e", "d", "c", "b", "a"]},
            [wrong("policy eu binds more by dataClasses: b, c, d", severity=WARNING)],
            id="more classes",
        ),
    ],
)
def test_whom_a_policy_binds(declared: Json, compiled: Json, said: list[Said]) -> None:
    assert binding(declared, compiled) == said
    assert [each.severity for each in binding(declared, compiled, "Deny")] == [ERROR] * len(said)


def test_a_route_that_is_only_here_is_nobodys() -> None:
    """Whoever wrote it into the config is told elsewhere; selectors don't take it."""
    made = config(**{**HERE, "routes": [{"id": "shop/ghost", "name": "ghost"}]}, law=law())
    assert compare(made, read(LABELLED)) == []


def test_places_that_are_refused_too_many_are_named_by_the_first() -> None:
    known = read([policy("eu", ["DE", "US", "FR"], {"origins": {"include": ["DE"]}})])
    assert of_law(law(), known) == every_scope(
        "DE: the table refuses US-VA (Declared), which the policy allows", PARTS, WARNING
    )


def test_policies_of_nobody_are_told_by_name() -> None:
    found = {**law(), "policies": [*law()["policies"], *({**other()[0], "name": name} for name in "hgfedcba")]}
    assert [each.policy for each in of_law(found)] == list("abcdefgh")


@pytest.mark.parametrize(
    ("here", "namespace"),
    [
        pytest.param({"tenants": {"tenants": [{"id": "bank/vip"}]}}, "shop", id="of a route alone"),
        pytest.param({"routes": []}, "bank", id="of a tenant alone"),
    ],
)
def test_namespaces_are_those_of_routes_and_of_tenants(here: Json, namespace: str) -> None:
    known = read(
        [*LABELLED, policy("eu", ["DE"], {"origins": {"include": ["DE"]}, "namespaces": {"names": [namespace]}})]
    )
    made = law()
    made["policies"][0]["binds"] = {"namespaces": [namespace]}
    assert compare(config(**{**HERE, **here}, law=made), known) == []


def test_places_that_are_allowed_too_many_are_named_by_the_first() -> None:
    made = with_table(rows={"DE": 3})
    made["rows"].append(encode_row(1 << US | 1 << EU))
    assert of_law(made) == every_scope(f"DE: {LAXER}", PARTS)
