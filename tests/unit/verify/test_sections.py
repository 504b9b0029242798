"""What is said of many sites is said once, and what one of them has by itself is looked at by itself."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import HERE, PEER, US_END, Json, candidates, config, law, read
from tests.unit.verify.clusters import BUCKET, FAR, Cluster, both, cluster, prove, shard, told
from tests.unit.verify.installation import policy, route, tenant

from isochrone.verify import Rule
from isochrone.verify.finding import Finding


def test_what_is_true_of_several_sites_is_said_once() -> None:
    wider = law(Logs={0, 1})
    (each,) = prove(**both(law=wider)).findings
    assert each == Finding(
        rule=Rule.WRONG_LAW,
        site="fra1",
        where=f"eu/ConfigMap/fra1-config (shard {shard('law', law=wider)})",
        message=(
            "policy eu, scope Logs, data from DE: the table allows US-VA (Declared), the policy does not"
            " (PlaceNotAllowed) (and the same at 1 more of 2 sites)"
        ),
        path=("site fra1", "Law section of its config"),
        policy="eu",
        cases=17,
    )


def elsewhere() -> Json:
    """The law, but whom it refuses it sends to somebody else."""
    made = law()
    made["policies"][0]["refusal"] = {"wayOut": "ask mal.example"}
    return made


@pytest.mark.parametrize(
    ("edit", "rule", "kind"),
    [
        pytest.param(
            lambda made: made["site"].update(anonymousAccess=True), Rule.WRONG_SETTING, "Site", id="of the site"
        ),
        pytest.param(
            lambda made: made["site"].update(evidence={"objects": BUCKET}), Rule.NOT_DECLARED, "Site", id="a bucket"
        ),
        pytest.param(
            lambda made: made["site"].update(hostname="mal.example"), Rule.WRONG_ADDRESS, "Site", id="the site's name"
        ),
        pytest.param(
            lambda made: made.update(law=elsewhere()),
            Rule.WRONG_ADDRESS,
            "Law",
            id="where the law sends whom it refuses",
        ),
        pytest.param(
            lambda made: made["peers"][0].update(uri="spiffe://x/site/y"), Rule.WRONG_ADDRESS, "Peers", id="of peers"
        ),
        pytest.param(
            lambda made: made["engines"][0]["discovery"].update(service="x"),
            Rule.WRONG_ADDRESS,
            "Engines",
            id="engines",
        ),
        pytest.param(
            lambda made: made["places"].update(aliases={"DE": "US"}), Rule.WRONG_PLACE, "Places", id="of places"
        ),
        pytest.param(
            lambda made: made["tenants"]["tenants"][0].update(originHeader=True),
            Rule.WRONG_SUBJECT,
            "Tenants",
            id="of tenants",
        ),
        pytest.param(
            lambda made: made["routes"][0].update(dataClasses=["a"]), Rule.WRONG_SUBJECT, "Routes", id="of routes"
        ),
        pytest.param(
            lambda made: made["providers"][0].update(headers=["x-a"]), Rule.WRONG_ADDRESS, "Providers", id="providers"
        ),
    ],
)
def test_each_section_is_compared(edit: Callable[[Json], object], rule: Rule, kind: str) -> None:
    made = config("fra1")
    edit(made)
    found = [each for each in prove(eu=cluster(made), us=cluster(config("iad1"))).findings if each.rule is rule]
    assert found
    assert {each.path for each in found} == {("site fra1", f"{kind} section of its config")}
    assert all(each.where.startswith(f"eu/ConfigMap/fra1-config (shard {kind.lower()}") for each in found)
    assert all("and the same at" not in each.message for each in found)


WRITTEN: Final = config("iad1")
DE_HE, US_VA, DE_FR, NOWHERE = WRITTEN["places"]["places"]


@pytest.mark.parametrize(
    ("kind", "section"),
    [
        pytest.param("Law", law(Inference={0, 1}), id="law"),
        pytest.param("Law", elsewhere(), id="what the law tells whom it refuses"),
        pytest.param("Tenants", {"tenants": [{"id": "shop/web", "routes": ["shop/chat"]}]}, id="tenants"),
        pytest.param("Places", {**WRITTEN["places"], "aliases": {"DE": "US"}}, id="places"),
        pytest.param("Routes", [{**WRITTEN["routes"][0], "dataClasses": ["a"]}], id="routes"),
        pytest.param("Routes", [{**WRITTEN["routes"][0], "name": "a"}], id="a route's name"),
        pytest.param("Routes", [{**WRITTEN["routes"][0], "aliases": ["a"]}], id="a route's aliases"),
        pytest.param("Providers", [{**WRITTEN["providers"][0], "headers": ["x-a"]}], id="providers"),
    ],
)
def test_a_site_with_a_section_of_its_own_is_looked_at_by_itself(kind: str, section: Any) -> None:
    report = prove(eu=cluster(config("fra1")), us=cluster(config("iad1", **{kind.lower(): section})))
    assert ("site iad1", f"{kind} section of its config") in {each.path for each in report.findings}
    assert {each.site for each in report.findings if each.rule is not Rule.UNLAWFUL} == {"iad1"}


def answering(site: str, *routes: str) -> Cluster:
    """A site where these two routes answer to the model names `chat` and `other`."""
    made = config(site)
    (chat,) = made["routes"]
    made["routes"] = [
        {**chat, "id": f"shop/{each}", "name": name} for each, name in zip(routes, ("chat", "other"), strict=True)
    ]
    return cluster(made)


def test_the_same_names_of_other_routes_are_looked_at_by_themselves() -> None:
    known = read([FAR, route("other", "shop"), route("third", "shop")])
    report = prove(known, eu=answering("fra1", "chat", "other"), us=answering("iad1", "chat", "third"))
    assert {each.site for each in report.findings if "answers to the model name" in each.message} == {"iad1"}


def test_the_same_providers_at_other_places_are_looked_at_by_themselves() -> None:
    """Here the place that the provider's endpoint `us` is said to be at is another one."""
    moved = {**WRITTEN["places"], "places": [DE_HE, DE_FR, DE_FR, NOWHERE]}
    report = prove(eu=cluster(config("fra1")), us=cluster(config("iad1", places=moved)))
    told_of = {each.site for each in report.findings if "provider acme, endpoint us: processes in" in each.message}
    assert told_of == {"iad1"}


def test_the_same_law_over_places_in_another_order_is_another_law() -> None:
    """All that iad1 says of itself, its peer and the provider is true; but the law's first place is America there."""
    made = config("iad1", places={**WRITTEN["places"], "places": [US_VA, DE_HE, DE_FR, NOWHERE]})
    made["site"]["place"], made["peers"][0]["place"] = 0, 1
    made["routes"][0]["tiers"] = [candidates((HERE, 0), ({**PEER, "site": "fra1"}, 1)), candidates((US_END, 0))]
    eu, us = made["providers"][0]["endpoints"]
    eu["statePlace"] = us["place"] = 0
    report = prove(eu=cluster(config("fra1")), us=cluster(made))
    assert {(each.rule, each.site) for each in report.findings} == {(Rule.WRONG_LAW, "iad1"), (Rule.UNLAWFUL, "iad1")}


def test_callers_are_those_of_each_site() -> None:
    """The law lacks the policy of Japanese data; only at iad1 somebody is known who has any."""
    known = read([FAR, policy("jp", ["JP"], {"origins": {"include": ["JP"]}})])
    tenants = [*WRITTEN["tenants"]["tenants"], {"id": "shop/far", "routes": ["shop/chat"], "origins": ["JP"]}]
    report = prove(known, eu=cluster(config("fra1")), us=cluster(config("iad1", tenants={"tenants": tenants})))
    assert {each.site for each in report.findings if each.rule is Rule.UNLAWFUL} == {"iad1"}


def test_a_route_that_nobody_declared_is_found_at_the_site_that_has_it() -> None:
    known = read([FAR, route("more", "shop")])
    made = {name: config(name) for name in ("fra1", "iad1")}
    made["fra1"]["routes"].append({"id": "shop/more", "name": "more"})
    made["iad1"]["routes"].append({"id": "shop/ghost", "name": "ghost"})
    assert told(prove(known, eu=cluster(made["fra1"]), us=cluster(made["iad1"]))) == [
        (Rule.NOT_DECLARED, "iad1", "route shop/ghost is not declared")
    ]


@pytest.mark.parametrize(
    ("right", "wrong", "lost"),
    [
        pytest.param({"chat": "health"}, {"chat": None}, "chat", id="of the same route"),
        pytest.param(
            {"chat": None, "more": "health"}, {"more": None, "other": "health"}, "more", id="as another route has it"
        ),
    ],
)
def test_where_a_site_has_lost_a_data_class_its_law_is_asked_anew(
    right: dict[str, str | None], wrong: dict[str, str | None], lost: str
) -> None:
    """Health data may be in Germany alone, and the compiled law says so; but at iad1 this is no health data."""
    classes = {"more": ["health"], "other": ["health"], "chat": ["health"] if right["chat"] else []}
    declared_routes = [route(name, "shop", dataClasses=each) for name, each in classes.items()]
    known = read([*declared_routes, policy("eu", ["DE"], {"dataClasses": ["health"]})])
    compiled = law()
    compiled["policies"][0]["binds"] = {"dataClasses": ["health"]}
    compiled["tables"] = [{"rows": {}, "otherwise": 0, "unknown": 0}]
    sections = {"law": compiled, "tenants": {"tenants": [{"id": "shop/web", "origins": ["DE"]}]}}

    def routed(site: str, routes: dict[str, str | None]) -> Cluster:
        made = [
            {"id": f"shop/{name}", "name": name, "dataClasses": [each] if each else []} for name, each in routes.items()
        ]
        return cluster(config(site, routes=made, **sections))

    report = prove(known, eu=routed("fra1", right), us=routed("iad1", wrong))
    unlawful = {(each.site, each.path[1]) for each in report.findings if each.rule is Rule.UNLAWFUL}
    assert unlawful == {("iad1", f"route shop/{lost}")}


def test_one_default_is_not_taken_for_another() -> None:
    known = read([tenant("web", "shop", 1, origins=["FR"])], unbound="Deny")
    lax, strict = config("iad1"), config("fra1")
    strict["site"]["unboundTraffic"] = "Deny"
    lax["tenants"]["tenants"][0]["origins"] = strict["tenants"]["tenants"][0]["origins"] = ["FR"]
    report = prove(known, eu=cluster(strict), us=cluster(lax))
    assert {each.site for each in report.findings if each.rule is Rule.UNLAWFUL} == {"iad1"}
