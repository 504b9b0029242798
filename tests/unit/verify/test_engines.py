"""Where engines may stand: wherever somebody's data may be handled together with their weights."""

from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, edge
from tests.unit.verify.installation import obj, policy, route, tenant

from isochrone.verify import Rule, declared
from isochrone.verify.engines import Standing, is_engine, route_of
from isochrone.verify.gathered import Found

COMPONENT: Final = "app.kubernetes.io/component"
LABELS: Final = {
    COMPONENT: "engine",
    "isochrone.dev/model-route": "chat",
    "isochrone.dev/route-namespace": "shop",
}
DE_DATA: Final = {"origins": {"include": ["DE"]}}


def found(kind: str = "Deployment", **labels: str) -> Found:
    return Found({"kind": kind, "metadata": {"name": "x", "labels": {**LABELS, **labels}}}, "x.yaml")


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "DaemonSet", "Pod", "Job", "ReplicaSet", "LeaderWorkerSet"]
)
def test_what_runs_engines(kind: str) -> None:
    assert is_engine(found(kind))
    assert not is_engine(found(kind, **{COMPONENT: "gateway"}))


@pytest.mark.parametrize("item", [{"kind": "Service", "metadata": {"labels": LABELS}}, {"kind": "Pod", "metadata": {}}])
def test_what_runs_none(item: Json) -> None:
    assert not is_engine(Found(item, "x"))


def test_whose_engines_they_are() -> None:
    assert route_of(found()) == "shop/chat"
    assert route_of(Found({"kind": "Pod", "metadata": {"labels": {COMPONENT: "engine"}}}, "x")) == "/"
    assert route_of(Found({"kind": "Pod", "metadata": {}}, "x")) == "/"


def standing(*objects: Json, unbound: str = "Allow", opened: bool = False) -> Standing:
    gateway = {"gateway": {"anonymousAccess": "Allow"}} if opened else {}
    given = [edge("fra1", "DE"), edge("iad1", "US", **gateway), route("chat", "shop"), *objects]
    made = {(each["kind"], each["metadata"]["name"]): each for each in given}
    return Standing(declared.read(list(made.values()), unbound=unbound))


def where(asked: Standing, id_: str = "shop/chat") -> str:
    """The sites where the route's engines may stand."""
    known = asked._declared.sites
    return ",".join(name for name in known if asked.may_stand(id_, known[name]))


def scoped(name: str, scope: str, place: str, binds: Json | None = None, **spec: Any) -> Json:
    return policy(name, ["World"], binds, {"scope": scope, "places": {"include": [place]}}, **spec)


WEB: Final = tenant("web", "shop", 1, origins=["DE"])
WORLDWIDE: Final = policy("de", ["DE"], DE_DATA, unknownOrigin="Ignore")


@pytest.mark.parametrize(
    ("objects", "sites"),
    [
        pytest.param([WEB], "fra1,iad1", id="nothing binds"),
        pytest.param([WEB, policy("de", ["DE"])], "fra1", id="Inference holds for all"),
        pytest.param([WEB, scoped("de", "Weights", "DE")], "fra1", id="weights"),
        pytest.param([WEB, scoped("de", "Ingress", "DE")], "fra1", id="entry"),
        pytest.param(
            [
                WEB,
                policy(
                    "de",
                    ["DE"],
                    None,
                    *({"scope": scope, "places": {"include": ["World"]}} for scope in ("Weights", "Ingress")),
                ),
            ],
            "fra1",
            id="inference alone",
        ),
        pytest.param([WEB, scoped("de", "Logs", "DE")], "fra1,iad1", id="records don't matter"),
        pytest.param([WEB, policy("de", ["DE"], mode="Audit")], "fra1,iad1", id="what only audits"),
        pytest.param([WEB, policy("de", ["DE"]), policy("us", ["US"])], "", id="two that exclude each other"),
        pytest.param([WEB, policy("de", ["DE"], {"dataClasses": ["a"]})], "fra1,iad1", id="of another class"),
        pytest.param([WEB, policy("de", ["US"], DE_DATA)], "iad1", id="of its origin"),
        pytest.param(
            [tenant("web", "shop", 1, origins=["FR"]), policy("de", ["DE"], DE_DATA)],
            "fra1,iad1",
            id="of others",
        ),
        pytest.param(
            [tenant("web", "shop", 1, origins=["DE", "FR"]), policy("de", ["DE"], DE_DATA)],
            "fra1",
            id="all its origins at once",
        ),
        pytest.param(
            [tenant("web", "shop", 1, origins=["DE", "FR"], originHeader="Trust"), policy("de", ["DE"], DE_DATA)],
            "fra1,iad1",
            id="one origin by the header",
        ),
        pytest.param(
            [
                tenant("web", "shop", 1, origins=["DE", "FR"], originHeader="Trust"),
                policy("de", ["DE"], {"origins": {"include": ["EU"]}}),
            ],
            "fra1",
            id="no origin by the header",
        ),
        pytest.param(
            [
                tenant("web", "shop", 1, origins=["DE"], originHeader="Trust"),
                policy("de", ["DE"], {"origins": {"include": ["DE-BY"]}}),
            ],
            "fra1,iad1",
            id="a part of its origin by the header, which nothing binds",
        ),
        pytest.param(
            [WEB, tenant("far", "shop", 2, origins=["JP"]), policy("de", ["DE"], DE_DATA)],
            "fra1,iad1",
            id="of one of two callers",
        ),
        pytest.param(
            [WEB, tenant("far", "bank", 2, origins=["JP"]), policy("de", ["DE"], DE_DATA)],
            "fra1",
            id="of one who may not call",
        ),
        pytest.param([policy("de", ["DE"])], "fra1", id="nobody may call: anybody's, bound"),
        pytest.param([policy("de", ["DE"], DE_DATA)], "fra1,iad1", id="nobody may call: of some origin"),
        pytest.param(
            [policy("w", ["DE"], {"origins": {"include": ["World"]}}, unknownOrigin="Ignore")],
            "fra1,iad1",
            id="nobody may call: of an unknown origin",
        ),
        pytest.param(
            [route("chat", "shop", dataClasses=["a"]), WEB, policy("de", ["DE"], {"dataClasses": ["a"]})],
            "fra1",
            id="of the route's class",
        ),
        pytest.param(
            [tenant("web", "shop", 1, dataClasses=["a"]), policy("de", ["DE"], {"dataClasses": ["a"]})],
            "fra1",
            id="of the tenant's class",
        ),
        pytest.param(
            [
                tenant("web", "shop", 1, dataClassHeader="Trust", dataClasses=["a"]),
                policy("de", ["DE"], {"dataClasses": ["a"]}),
            ],
            "fra1",
            id="a class that is added takes nothing away",
        ),
    ],
)
def test_where_engines_may_stand(objects: list[Json], sites: str) -> None:
    asked = standing(*objects)
    assert [where(asked) for _ in range(2)] == [sites, sites]


@pytest.mark.parametrize(
    ("opened", "sites"), [pytest.param(True, "fra1,iad1", id="open"), pytest.param(False, "fra1", id="closed")]
)
def test_callers_without_a_key_count_if_any_site_lets_them_in(opened: bool, sites: str) -> None:
    assert where(standing(WEB, WORLDWIDE, opened=opened)) == sites


@pytest.mark.parametrize(
    ("objects", "sites"),
    [
        pytest.param([WEB], "", id="nothing binds"),
        pytest.param([WEB, policy("de", ["DE"])], "fra1", id="what binds allows"),
        pytest.param([WEB, policy("de", ["DE"], mode="Audit")], "", id="what only audits allows nothing"),
        pytest.param([WEB, policy("de", ["DE"], {"dataClasses": ["a"]})], "", id="a class that nobody may add"),
        pytest.param(
            [
                tenant("web", "shop", 1, dataClassHeader="Trust"),
                policy("de", ["DE"], {"dataClasses": ["a"]}),
                policy("any", ["DE"], {"namespaces": {"names": ["x"]}}),
            ],
            "fra1",
            id="a class that may be added",
        ),
    ],
)
def test_where_engines_may_stand_if_what_nothing_binds_is_refused(objects: list[Json], sites: str) -> None:
    assert where(standing(*objects, unbound="Deny")) == sites


def test_engines_are_told_apart_by_route_and_place() -> None:
    notes = {**route("notes", "shop"), "metadata": {"name": "notes", "namespace": "shop", "labels": {"app": "notes"}}}
    asked = standing(WEB, notes, policy("de", ["DE"], {"routes": {"matchLabels": {"app": "notes"}}}))
    for _ in range(2):
        assert (where(asked), where(asked, "shop/notes")) == ("fra1,iad1", "fra1")
    assert where(asked, "shop/ghost") == ""


# What is told


def told(
    *objects: Json, leading: dict[str, frozenset[str]] | None = None, route_name: str = "chat"
) -> list[tuple[str, tuple[str, ...]]]:
    asked = standing(*objects)
    here = asked._declared.sites["iad1"]
    gateway = found(**{COMPONENT: "gateway"})
    given = [gateway, found(**{"isochrone.dev/model-route": route_name})]
    findings = list(asked.findings(here, given, leading=leading or {}))
    assert {(each.rule, each.site, each.where) for each in findings} <= {(Rule.UNLAWFUL_ENGINES, "iad1", "x.yaml")}
    return [(each.message, each.path) for each in findings]


STAND: Final = (
    "engines of shop/chat stand in US (Declared), where no caller's data of any origin may be handled"
    " together with their weights"
)
PATH: Final = ("site iad1", "route shop/chat", "weights", "place US (Declared)")


def test_engines_that_may_stand_there() -> None:
    assert told(WEB) == []


def test_engines_that_may_not_stand_there() -> None:
    assert told(WEB, policy("de", ["DE"])) == [(STAND, PATH)]


@pytest.mark.parametrize(
    ("leading", "expected"),
    [
        pytest.param({"shop/chat": frozenset({"shop/more"})}, [], id="another route"),
        pytest.param({"shop/more": frozenset({"shop/more"})}, [(STAND, PATH)], id="others' engines"),
        pytest.param({"shop/chat": frozenset({"shop/ghost"})}, [(STAND, PATH)], id="a route that isn't declared"),
    ],
)
def test_engines_may_stand_for_another_route(leading: dict[str, frozenset[str]], expected: list[Any]) -> None:
    labelled = {**route("chat", "shop"), "metadata": {"name": "chat", "namespace": "shop", "labels": {"app": "chat"}}}
    binding = policy("de", ["DE"], {"routes": {"matchLabels": {"app": "chat"}}})
    assert told(WEB, labelled, route("more", "shop"), binding, leading=leading) == expected


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([], id="no such route"),
        pytest.param([obj("ModelRoute", "ghost", {}, ns="shop")], id="a route without engines"),
    ],
)
def test_engines_of_no_route(objects: list[Json]) -> None:
    text = "engines of shop/ghost run here, which is no route with engines that is declared"
    assert told(WEB, *objects, route_name="ghost") == [(text, ())]
