"""Everything put together: objects of clusters in, findings and a summary of each site out."""

import copy
import dataclasses
import json
from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.unit.verify.by_hand import DE, HERE, OBJECTS, PEER, US, US_END, Json, candidates, config, edge, law, read
from tests.unit.verify.installation import policy, route, tenant
from tests.worlds.verified import RELEASE

from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.gateway import config_maps
from isochrone.verify import Egress, MalformedError, Report, Rule, Severity, SiteSummary, verify
from isochrone.verify.declared import Declared
from isochrone.verify.finding import Finding
from isochrone.verify.gathered import Found, gather
from isochrone.verify.ground import known as known_codes
from isochrone.verify.whom import SYSTEM
from isochrone_gateway.config import Config, Kind, Signer, issue, pack
from isochrone_gateway.config.signing import checksum
from isochrone_gateway.config.storage import store

COMPONENT: Final = "app.kubernetes.io/component"
EDGE_NODE: Final = "isochrone.dev/edge-node"
Cluster = list[Json]


def labelled(kind: str, name: str, namespace: str, labels: Json, **fields: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace, "labels": labels}, **fields}


def workload(name: str, namespace: str, labels: Json, *args: str) -> Json:
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "it", "args": list(args)}]}}
    return labelled("Deployment", name, namespace, labels, spec={"template": pod})


def closing(name: str, namespace: str, labels: Json) -> Json:
    """A policy that lets these pods talk to nobody, and nobody to them."""
    selector = {"podSelector": {"matchLabels": labels}, "policyTypes": ["Ingress", "Egress"]}
    return labelled("NetworkPolicy", name, namespace, labels, spec=selector)


def beside(site: str) -> Cluster:
    """What runs beside a site's config."""
    ours = {EDGE_NODE: site, COMPONENT: "gateway"}
    engines = {
        EDGE_NODE: site,
        COMPONENT: "engine",
        "isochrone.dev/model-route": "chat",
        "isochrone.dev/route-namespace": "shop",
    }
    return [
        workload("gateway", SYSTEM_NAMESPACE, ours, f"--config=kubernetes:{site}-config"),
        closing("gateway", SYSTEM_NAMESPACE, ours),
        workload("chat-engine", "shop", engines),
        closing("chat-engine", "shop", engines),
        labelled("Service", "chat-engine", "shop", {EDGE_NODE: site}, spec={"selector": engines}),
    ]


def stored(made: Json, *signers: Signer, labels: Json | None = None) -> Cluster:
    """A config in shards, and its index."""
    packed, site = pack(msgspec.convert(made, Config)), made["site"]["name"]
    index = issue(packed, site=site, release=RELEASE, signers=signers)
    given = {EDGE_NODE: site} if labels is None else labels
    return [*config_maps.shards(packed, "isochrone"), config_maps.index_map(index, f"{site}-config", given)]


def cluster(made: Json, *signers: Signer) -> Cluster:
    return copy.deepcopy([*stored(made, *signers), *beside(made["site"]["name"])])


def of(clusters: dict[str, Cluster]) -> dict[str, list[Found]]:
    return {
        name: [Found(each, f"{name}/{each['kind']}/{each['metadata']['name']}") for each in objects]
        for name, objects in clusters.items()
    }


BUCKET: Final = {"endpoint": "https://s3.example.com", "bucket": "acme", "place": 0, "accessKey": "a", "secretKey": "s"}
FAR: Final = tenant("far", "shop", 2, origins=["JP"])
"""So that engines may stand at both sites."""
KNOWN: Final = read([FAR])


def prove(known: Declared = KNOWN, /, *, trusted: Any = None, **clusters: Cluster) -> Report:
    return verify(known, of(clusters), trusted=trusted)


def both(**sections: Any) -> dict[str, Cluster]:
    return {"eu": cluster(config("fra1", **sections)), "us": cluster(config("iad1", **sections))}


def told(report: Report) -> list[tuple[Rule, str, str]]:
    return [(each.rule, each.site, each.message) for each in report.findings]


# What holds


def test_what_is_as_declared_is_proved() -> None:
    report = prove(**both())
    assert report.findings == ()
    assert report.holds
    assert [dataclasses.asdict(each) for each in report.sites] == [
        {
            "name": name,
            "place": place,
            "egress": Egress.BY_ADDRESS,
            "detail": "addresses and pods alone",
            "signed_by": (),
            "candidates": 4,
            "combinations": 1,
        }
        for name, place in (("fra1", "DE-HE (Declared)"), ("iad1", "US-VA (Declared)"))
    ]
    assert (report.policies, report.routes, report.tenants) == (1, 1, 2)
    assert (report.origins, report.classes) == (len(known_codes()), 3)
    assert report.combinations == 2


def test_what_is_declared_is_counted() -> None:
    known = read([policy("more", ["DE"]), policy("other", ["DE"]), route("notes", "shop")])
    report = prove(known)
    assert (report.policies, report.routes, report.tenants) == (3, 2, 1)


def test_sites_and_findings_come_in_order_however_clusters_were_given() -> None:
    """What fra1 lacks is told before what par1 does."""
    open_here = [each for each in cluster(config("fra1")) if each["kind"] != "NetworkPolicy"]
    report = prove(
        read([FAR, edge("par1", "FR", cluster={"type": "Remote"})]), us=cluster(config("iad1")), eu=open_here
    )
    assert [each.name for each in report.sites] == ["fra1", "iad1"]
    assert [(each.site, each.rule) for each in report.findings] == [
        ("fra1", Rule.EGRESS_OPEN),
        ("fra1", Rule.EGRESS_OPEN),
        ("fra1", Rule.INGRESS_OPEN),
        ("par1", Rule.MISSING_CONFIG),
    ]


def test_classes_of_origins_are_those_of_the_law_that_tells_most_apart() -> None:
    """Bavaria by itself, beside the rest of Germany, all others, and an unknown origin."""
    finer = law()
    finer["tables"][0]["rows"]["DE-BY"] = -1
    report = prove(eu=cluster(config("fra1", law=finer)), us=cluster(config("iad1")))
    assert report.classes == 4


def test_where_there_is_nothing_nothing_is_counted() -> None:
    report = prove(read([]))
    assert {(each.rule, each.site, each.where) for each in report.findings} == {
        (Rule.MISSING_CONFIG, "fra1", ""),
        (Rule.MISSING_CONFIG, "iad1", ""),
    }
    assert (report.sites, report.classes, report.combinations, report.holds) == ((), 0, 0, False)


def test_what_is_wrong_is_told_before_what_follows() -> None:
    """All that can happen to data without a policy begins with the policy that is missing."""
    first, *rest = prove(**both(law={})).findings
    assert (first.rule, first.site) == (Rule.WRONG_LAW, "fra1")
    assert first.message.startswith("the law lacks the policy eu: it is not enforced")
    assert {each.rule for each in rest} == {Rule.UNLAWFUL}
    assert {each.site for each in rest} == {"fra1", "iad1"}


@pytest.mark.parametrize(
    ("severities", "holds"),
    [([], True), ([Severity.WARNING], True), ([Severity.WARNING, Severity.ERROR], False)],
)
def test_warnings_do_no_harm(severities: list[Severity], *, holds: bool) -> None:
    made = tuple(
        Finding(rule=Rule.WRONG_LAW, site="x", where="y", message="z", severity=severity) for severity in severities
    )
    assert Report(findings=made, sites=(), policies=0, routes=0, tenants=0, origins=0, classes=0).holds is holds


def test_combinations_of_all_sites_are_added() -> None:
    each = SiteSummary(name="x", place="y", egress=Egress.NONE, detail="", signed_by=(), candidates=0, combinations=3)
    made = Report(findings=(), sites=(each, each), policies=0, routes=0, tenants=0, origins=0, classes=0)
    assert made.combinations == 6


def test_errors_come_first_and_causes_then_by_site_rule_place_and_words() -> None:
    plain = Finding(rule=Rule.WRONG_LAW, site="b", where="w", message="m")
    after = [
        dataclasses.replace(plain, message="n"),
        dataclasses.replace(plain, where="x", message="a"),
        dataclasses.replace(plain, rule=Rule.WRONG_PLACE, where="a"),
        dataclasses.replace(plain, site="c", rule=Rule.BROKEN_CONFIG),
        dataclasses.replace(plain, site="a", rule=Rule.UNLAWFUL),
        dataclasses.replace(plain, site="a", rule=Rule.UNLAWFUL_ENGINES),
        dataclasses.replace(plain, site="a", severity=Severity.WARNING),
    ]
    assert sorted([*reversed(after), plain], key=Finding.order) == [plain, *after]


def test_what_is_found_has_the_names_of_the_reference() -> None:
    """Programs read them, and may ask for them."""
    assert [each.value for each in Severity] == ["Error", "Warning"]
    assert [each.value for each in Egress] == ["ByName", "ByAddress", "ByPort", "None"]
    assert {each.value for each in Rule} == {
        *("BrokenConfig", "NotSigned", "MissingConfig", "NotRead", "NotDeclared"),
        *("WrongPlace", "WrongAddress", "WrongLaw", "WrongSubject", "WrongSetting"),
        *("Unlawful", "UnlawfulEngines", "EgressOpen", "IngressOpen"),
    }


def test_a_finding_is_an_error_in_one_case_unless_more_is_said_of_it() -> None:
    made = Finding(rule=Rule.WRONG_LAW, site="x", where="y", message="z")
    assert (made.severity, made.cases, made.path, made.policy) == (Severity.ERROR, 1, (), None)


# Who has a config, and who hasn't


def test_a_site_without_a_config() -> None:
    made = prove(eu=cluster(config("fra1")), us=beside("iad1"))
    text = "there is no config of this site, so nothing is known of what it would do"
    assert told(made) == [(Rule.MISSING_CONFIG, "iad1", text)]
    assert [each.name for each in made.sites] == ["fra1"]


def test_a_config_that_is_broken_isn_t_missing() -> None:
    broken = cluster(config("iad1"))
    broken[-6]["data"]["index.json"] = "{"
    report = prove(eu=cluster(config("fra1")), us=broken)
    assert {(each.rule, each.site, each.where) for each in report.findings} == {
        (Rule.BROKEN_CONFIG, "iad1", "us/ConfigMap/iad1-config")
    }


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(read([edge("iad1", "US-VA", state="Disabled")]), id="disabled"),
        pytest.param(
            dataclasses.replace(KNOWN, sites={"fra1": KNOWN.sites["fra1"]}),
            id="not declared",
        ),
    ],
)
def test_a_config_of_a_site_that_is_to_run_nothing(known: Declared) -> None:
    report = prove(known, **both())
    text = "a gateway of iad1 is to run, which is not declared, or Disabled"
    here = [each for each in report.findings if each.site == "iad1"]
    assert [(each.rule, each.where, each.message) for each in here] == [
        (Rule.NOT_DECLARED, "us/ConfigMap/iad1-config", text)
    ]
    assert [each.name for each in report.sites] == ["fra1"]


def test_a_site_that_is_disabled_needs_no_config() -> None:
    known = read([edge("iad1", "US-VA", state="Disabled"), FAR])
    made = config("fra1", peers=[])
    made["routes"][0]["tiers"] = [candidates((HERE, 0))]
    assert prove(known, eu=cluster(made)).findings == ()


# What is said of many sites is said once


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


def shard(kind: str, **sections: Any) -> str:
    """The name of the shard of a kind."""
    names = [each["metadata"]["name"] for each in stored(config(**sections)) if "binaryData" in each]
    (found,) = [each for each in names if each.startswith(kind)]
    return str(found)


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
        pytest.param("Providers", [{**WRITTEN["providers"][0], "headers": ["x-a"]}], id="providers"),
    ],
)
def test_a_site_with_a_section_of_its_own_is_looked_at_by_itself(kind: str, section: Any) -> None:
    report = prove(eu=cluster(config("fra1")), us=cluster(config("iad1", **{kind.lower(): section})))
    assert ("site iad1", f"{kind} section of its config") in {each.path for each in report.findings}
    assert {each.site for each in report.findings if each.rule is not Rule.UNLAWFUL} == {"iad1"}


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


# Unlawful ways, engines, pods, policies


def test_each_part_is_asked() -> None:
    made = both()
    for each in made["us"]:
        if each["kind"] == "Deployment" and each["metadata"]["name"] == "gateway":
            each["spec"]["template"]["spec"]["containers"][0]["args"] = []
    strict = [policy("any", ["DE"]), tenant("web", "shop", 1, origins=["DE"])]
    report = prove(read(strict), **made)
    assert {each.rule for each in report.findings if each.site == "iad1"} >= {
        Rule.WRONG_ADDRESS,
        Rule.UNLAWFUL_ENGINES,
    }
    wide = both(law=law(Inference={0, 1}))
    assert Rule.UNLAWFUL in {each.rule for each in prove(**wide).findings}
    opened = both()
    opened["us"] = [each for each in opened["us"] if each["kind"] != "NetworkPolicy"]
    assert {(each.rule, each.site) for each in prove(**opened).findings} == {
        (Rule.EGRESS_OPEN, "iad1"),
        (Rule.INGRESS_OPEN, "iad1"),
    }


def test_a_config_beside_which_nothing_runs_is_told() -> None:
    """Its index has no label of the site, and no object has."""
    report = prove(eu=cluster(config("fra1")), us=stored(config("iad1"), labels={}))
    assert told(report) == [
        (
            Rule.EGRESS_OPEN,
            "iad1",
            "no Deployment or StatefulSet of the gateway was given, so nothing holds it",
        ),
        (
            Rule.WRONG_ADDRESS,
            "iad1",
            "engine pool shop/chat has no engines among this site's objects: nobody answers there",
        ),
    ]


def test_a_gateway_that_may_talk_to_anybody_is_told() -> None:
    made = both()
    (held,) = [each for each in made["us"] if (each["kind"], each["metadata"]["name"]) == ("NetworkPolicy", "gateway")]
    held["spec"]["egress"] = [{}]
    report = prove(**made)
    assert told(report) == [(Rule.EGRESS_OPEN, "iad1", "a rule lets the gateway talk to anybody")]
    assert not report.holds


def test_a_gateway_that_can_t_read_its_config_is_told() -> None:
    made = both()
    for each in made["us"]:
        if each["metadata"]["name"] == "gateway":
            each["metadata"]["namespace"] = "demo"
    text = "the gateway runs in the namespace demo, and can't read the config that was verified, which is in"
    assert told(prove(**made)) == [(Rule.WRONG_ADDRESS, "iad1", f"{text} isochrone-system")]


def test_engines_of_no_namespace_are_in_the_default_one() -> None:
    """As the objects of Git are that name none."""
    chat = route("chat", "default")
    known = read([chat, tenant("web", "default", 1)])
    made = config("fra1", peers=[], tenants={"tenants": [{"id": "default/web"}]})
    made["routes"] = [{"id": "default/chat", "name": "chat"}]
    made["engines"][0]["id"], made["engines"][0]["discovery"]["namespace"] = "default/chat", "default"
    objects = cluster(made)
    for each in objects:
        if each["kind"] == "Service":
            del each["metadata"]["namespace"]
    found = [each for each in prove(known, eu=objects).findings if each.site == "fra1"]
    assert not [each.message for each in found if "engine pool" in each.message]


def test_a_peer_is_asked_by_the_config_that_it_has() -> None:
    """fra1 would send it there; but iad1 doesn't take it in."""
    wide = config("fra1", law=law(Inference={0, 1}, Logs={0}, State={0}))
    wide["routes"][0]["tiers"] = wide["routes"][0]["tiers"][:1]
    report = prove(eu=cluster(wide), us=cluster(config("iad1")))
    ways = [each.path[3:-1] for each in report.findings if each.rule is Rule.UNLAWFUL]
    assert ways == [("peer iad1",)]


def test_engines_may_stand_where_another_route_is_answered_by_them() -> None:
    """The policy keeps the route at home, but its engines answer for another, which it doesn't bind."""
    chat = {**route("chat", "shop"), "metadata": {"name": "chat", "namespace": "shop", "labels": {"app": "chat"}}}
    binding = policy("eu", ["DE"], {"routes": {"matchLabels": {"app": "chat"}}})
    known = read([chat, binding, route("more", "shop"), tenant("web", "shop", 1, origins=["DE"])])
    for is_led, target in ((True, HERE), (False, US_END)):
        made = config("iad1")
        made["routes"].append({"id": "shop/more", "name": "more", "tiers": [candidates((target, US))]})
        report = prove(known, eu=cluster(config("fra1")), us=cluster(made))
        assert (Rule.UNLAWFUL_ENGINES in {each.rule for each in report.findings}) is not is_led


def test_services_of_other_sites_in_the_same_cluster_are_theirs() -> None:
    """The engines of fra1 are to go, so its Service is gone; one of that name is iad1's, here or elsewhere."""
    gone = [each for each in cluster(config("fra1")) if each["kind"] != "Service"]
    text = "engine pool shop/chat leads to the Service shop/chat-engine, which is none of this site's objects"
    assert (Rule.WRONG_ADDRESS, "fra1", text) in told(prove(all=[*gone, *cluster(config("iad1"))]))
    apart = prove(eu=gone, us=cluster(config("iad1")))
    assert [each.severity for each in apart.findings] == [Severity.WARNING]


# Whose policies count

WIDE: Final[Json] = {
    "policyTypes": ["Ingress", "Egress"],
    "egress": [{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}],
    "ingress": [{}],
}
AT_ANY_PORT: Final = "talk to any address at any port, where it calls nobody"


def opening(labelled: str | None, asked: str | None, namespace: str = SYSTEM) -> Json:
    made = asking("open", asked, labelled)
    return {**made, "metadata": {**made["metadata"], "namespace": namespace}, "spec": {**made["spec"], **WIDE}}


@pytest.mark.parametrize("labelled", [None, "fra1", "iad1", "nowhere"])
@pytest.mark.parametrize("asked", [None, "fra1"])
def test_what_opens_counts_whatever_it_is_labelled_with(labelled: str | None, asked: str | None) -> None:
    made = both()
    made["eu"] += [opening(labelled, asked), opening(labelled, asked, "shop")]
    assert told(prove(**made)) == [
        (
            Rule.EGRESS_OPEN,
            "fra1",
            "a rule lets engines shop/chat talk to any address; their weights need port 443 alone",
        ),
        (Rule.EGRESS_OPEN, "fra1", f"a rule lets the gateway {AT_ANY_PORT}"),
        (Rule.INGRESS_OPEN, "fra1", "a rule lets anybody talk to engines shop/chat, past the gateway of this site"),
    ]


def closings(made: Cluster) -> Cluster:
    return [each for each in made if each["kind"] == "NetworkPolicy"]


def test_what_closes_in_another_cluster_closes_nothing_here() -> None:
    made = both()
    moved = closings(made["eu"])
    made["eu"] = [each for each in made["eu"] if each not in moved]
    made["us"] += moved
    assert {(rule, site) for rule, site, _ in told(prove(**made))} == {
        (Rule.EGRESS_OPEN, "fra1"),
        (Rule.INGRESS_OPEN, "fra1"),
    }


@pytest.mark.parametrize("own_nodes", [{}, {"site": "fra1"}], ids=["a cluster of its own", "some of a cluster's nodes"])
def test_what_opens_in_another_folder_counts_where_that_may_be_the_same_cluster(own_nodes: dict[str, str]) -> None:
    made = both()
    made["us"].append(opening("iad1", "fra1"))
    for each in made["eu"]:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["nodeSelector"] = own_nodes
    known = read([FAR, edge("fra1", "DE-HE", **({"nodeSelector": own_nodes} if own_nodes else {}))])
    expected = [(Rule.EGRESS_OPEN, "fra1", f"a rule lets the gateway {AT_ANY_PORT}")] if own_nodes else []
    assert told(prove(known, **made)) == expected


def test_what_closes_in_another_folder_never_counts() -> None:
    made = both()
    moved = closings(made["eu"])
    made["eu"] = [each for each in made["eu"] if each not in moved]
    made["us"] += moved
    for each in made["eu"]:
        if each["kind"] == "Deployment":
            each["spec"]["template"]["spec"]["nodeSelector"] = {"site": "fra1"}
    found = told(prove(read([FAR, edge("fra1", "DE-HE", nodeSelector={"site": "fra1"})]), **made))
    assert {(rule, site) for rule, site, _ in found} == {(Rule.EGRESS_OPEN, "fra1"), (Rule.INGRESS_OPEN, "fra1")}


@pytest.mark.parametrize(("site", "number"), [("fra1", 2), ("nowhere", 2)], ids=["another's", "nobody's"])
def test_pods_of_a_site_where_it_has_no_config(site: str, number: int) -> None:
    made = both()
    made["us"] += beside(site)
    text = "pods of this site are in a cluster without a sound config of it: nothing says where they stand"
    assert told(prove(**made)) == [(Rule.WRONG_PLACE, site, text)] * number


# What is gathered


KEY: Final = Ed25519PrivateKey.generate()


def trusts(key_id: str, message: bytes, signature: bytes) -> bool:
    return key_id == "hub" and KEY.sign(message) == signature


def test_who_signed_is_told() -> None:
    signer = Signer(key_id="hub", sign=KEY.sign)
    report = prove(trusted=trusts, eu=cluster(config("fra1"), signer), us=cluster(config("iad1")))
    assert [each.signed_by for each in report.sites] == [("hub",)]
    (each,) = report.findings
    assert (each.rule, each.site, each.where) == (Rule.NOT_SIGNED, "iad1", "us/ConfigMap/iad1-config")


def edited(index: Callable[[str], str] = str, objects: Callable[[Cluster], Cluster] = list) -> Cluster:
    made = stored(config("iad1"))
    made[-1]["data"]["index.json"] = index(made[-1]["data"]["index.json"])
    return objects(made)


def reissued(**fields: Any) -> Cluster:
    """The config of iad1 under an index that says something else."""
    made = stored(config("iad1"))
    packed = pack(msgspec.convert(config("iad1"), Config))
    release = dataclasses.replace(RELEASE, installation=fields.get("installation", "isochrone"))
    index = issue(packed, site=fields.get("site", "iad1"), release=release, signers=())
    return [*made[:-1], config_maps.index_map(index, "iad1-config", {EDGE_NODE: "iad1"})]


def without_shard(kind: str) -> Callable[[Cluster], Cluster]:
    return lambda made: [each for each in made if not each["metadata"]["name"].startswith(kind)]


def no_data(field: str, value: Json) -> Callable[[Cluster], Cluster]:
    """The law's object as it is, but for what it holds."""
    return lambda made: [
        {**each, field: value} if each["metadata"]["name"].startswith("law") else each for each in made
    ]


def no_base64(made: Cluster) -> Cluster:
    for each in made:
        if each["metadata"]["name"].startswith("law"):
            each["binaryData"]["shard"] = "?"
    return made


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        pytest.param(edited(index=lambda _: "{"), "is not a JSON object", id="an index that is none"),
        pytest.param(reissued(installation="lab"), "is of the installation 'lab', not of 'isochrone'", id="another's"),
        pytest.param(
            reissued(site="cdg1"), "site: $.site.name: is 'iad1', but the index is for 'cdg1'", id="another site's"
        ),
        pytest.param(
            edited(objects=without_shard("law")), "is missing, so the config is incomplete", id="a shard less"
        ),
        pytest.param(
            edited(objects=no_data("binaryData", {"other": ""})),
            "is missing, so the config is incomplete",
            id="a shard's object that holds none",
        ),
        pytest.param(edited(objects=no_base64), "is not base64", id="no base64"),
        pytest.param(
            stored(config("iad1", peers=[{**config("iad1")["peers"][0], "place": 99}])), "place", id="a bad reference"
        ),
    ],
)
def test_what_can_not_be_run_is_a_finding_and_no_config(objects: Cluster, says: str) -> None:
    found = gather(of({"us": objects}), installation="isochrone")
    assert found.configs == {}
    assert found.findings
    assert {(each.rule, each.site, each.where) for each in found.findings} == {
        (Rule.BROKEN_CONFIG, "iad1", "us/ConfigMap/iad1-config")
    }
    assert any(says in each.message for each in found.findings), found.findings


def test_the_first_eight_problems_of_a_config_are_told() -> None:
    routes = [{"id": f"shop/r{number}", "name": "same"} for number in range(12)]
    found = gather(of({"us": stored(config("iad1", routes=routes))}), installation="isochrone")
    assert len(found.findings) == 8


def test_a_shard_is_looked_at_wherever_it_is_stored() -> None:
    """Both sites name the same shard of the law; what one cluster has of it is damaged."""
    good, bad = stored(config("fra1")), edited(objects=no_data("binaryData", {"shard": "AAAA"}))
    found = gather(of({"eu": good, "us": bad}), installation="isochrone")
    assert list(found.configs) == ["fra1"]
    (each,) = found.findings
    assert (each.rule, each.site) == (Rule.BROKEN_CONFIG, "iad1")
    assert each.message.startswith(f"{shard('law')}: $: has 3 bytes, the index says ")


def test_a_shard_is_held_to_each_index_that_names_it() -> None:
    """A gateway refuses a shard that holds another document than its index says, if others' indexes are right."""
    made = stored(config("iad1"))
    raw = json.loads(made[-1]["data"]["index.json"])
    for each in raw["shards"]:
        if each["kind"] == "Law":
            each["documentBytes"] += 1
    raw["checksum"] = checksum(raw)
    made[-1]["data"]["index.json"] = json.dumps(raw)
    found = gather(of({"eu": stored(config("fra1")), "us": made}), installation="isochrone")
    assert list(found.configs) == ["fra1"]
    assert [each.message for each in found.findings] == [
        f"{shard('law')}: $: does not hold the document that the index describes; write it again"
    ]


def test_a_shard_that_says_more_than_is_known_is_refused() -> None:
    packed = pack(msgspec.convert(config("iad1"), Config))
    strange = store(b'{"kind":"Law","more":1}', kind=Kind.LAW)
    entries = [*(each for each in packed.entries if each.kind != "Law"), strange.entry]
    packed = dataclasses.replace(
        packed, entries=tuple(entries), blobs={**packed.blobs, strange.entry.name: strange.blob}
    )
    index = issue(packed, site="iad1", release=RELEASE, signers=())
    made = [*config_maps.shards(packed, "isochrone"), config_maps.index_map(index, "x", {EDGE_NODE: "iad1"})]
    found = gather(of({"us": made}), installation="isochrone")
    assert [each.message for each in found.findings] == [
        f"{strange.entry.name}: $: Object contains unknown field `more`; remove it, or use a gateway that knows it"
    ]


NO_TENANT: Final = f"$.tenants.keys[\"{1:064x}\"].tenant: is 'shop/web', which is no tenant"
NO_PLACE: Final = "$.law.rows[0]: has bit 9, but there are 4 places"


@pytest.mark.parametrize(
    ("first", "sections", "expected"),
    [
        pytest.param({}, {"tenants": {"keys": {f"{1:064x}": {"tenant": "shop/web"}}}}, [NO_TENANT], id="of tenants"),
        pytest.param({}, {"law": law(Inference={9})}, [NO_PLACE], id="of the law"),
        pytest.param(
            {},
            {"routes": []},
            ['$.tenants.tenants["shop/web"].routes: has shop/chat: no such route'],
            id="of tenants, for want of a route",
        ),
        pytest.param(
            {"law": law(Inference={9})}, {"law": law(Inference={9})}, [NO_PLACE, NO_PLACE], id="of both sites alike"
        ),
    ],
)
def test_each_problem_of_a_config_is_told_once_of_each_site(first: Json, sections: Json, expected: list[str]) -> None:
    """fra1 was looked at before, and iad1 has much in common with it."""
    given = of({"eu": stored(config("fra1", **first)), "us": stored(config("iad1", **sections))})
    assert [each.message for each in gather(given, installation="isochrone").findings] == expected


def test_what_is_wrong_with_a_route_is_told_with_the_way_to_it() -> None:
    made = config("iad1")
    made["routes"][0]["tiers"][0]["candidates"][0]["place"] = DE
    (each,) = gather(of({"us": stored(made)}), installation="isochrone").findings
    assert each.path == ("site iad1", "Routes section of its config", "shop/chat")
    (each,) = gather(of({"us": edited(index=lambda _: "{")}), installation="isochrone").findings
    assert each.path == ()


def test_a_shard_in_another_namespace_is_none() -> None:
    """Of several namespaces that have it, the first in order is named."""
    law_shard = shard("law")

    def moved(made: Cluster) -> Cluster:
        (found,) = [each for each in made if each["metadata"]["name"] == law_shard]
        copies = [{**found, "metadata": {**found["metadata"], "namespace": namespace}} for namespace in ("b", "a", "c")]
        return [*copies, *(each for each in made if each is not found)]

    (each,) = gather(of({"us": edited(objects=moved)}), installation="isochrone").findings
    assert (each.rule, each.site) == (Rule.BROKEN_CONFIG, "iad1")
    assert each.message == (
        f"{law_shard}: $: is in the namespace a, but the index in isochrone-system: no gateway can read both"
    )


def test_all_shards_that_are_missing_are_told() -> None:
    objects = edited(objects=lambda made: made[-1:])
    found = gather(of({"us": objects}), installation="isochrone")
    kinds = [each.message.partition("-")[0] for each in found.findings]
    assert len(set(kinds)) == len(kinds) == 8


def test_what_says_more_than_can_be_verified_is_refused() -> None:
    """A newer writer's index, with a field that isn't known here."""
    made = stored(config("iad1"))
    raw = json.loads(made[-1]["data"]["index.json"])
    raw |= {"version": "1.9", "more": 1}
    raw["checksum"] = checksum(raw)
    made[-1]["data"]["index.json"] = json.dumps(raw)
    found = gather(of({"us": made}), installation="isochrone")
    assert [each.message for each in found.findings] == ["index: $: says more than can be verified: index: $.more"]


def test_a_second_config_of_a_site_is_none() -> None:
    one, other = stored(config("iad1")), stored(config("iad1", law=law(Logs={0, 1})))
    other[-1]["metadata"] = {**other[-1]["metadata"], "name": "other", "labels": {}}
    found = gather(of({"us": [*one, *other]}), installation="isochrone")
    assert found.configs["iad1"].index_name == "iad1-config"
    (each,) = found.findings
    assert (each.rule, each.site, each.where) == (Rule.BROKEN_CONFIG, "iad1", "us/ConfigMap/other")
    assert each.message == (
        "us/ConfigMap/other: $: is a second config of the site, beside that of us/ConfigMap/iad1-config"
    )


def test_a_broken_config_of_nobody_is_told_too() -> None:
    made = edited(index=lambda _: "{")
    made[-1]["metadata"]["labels"] = None
    (each,) = gather(of({"us": made}), installation="isochrone").findings
    assert (each.site, each.where) == ("", "us/ConfigMap/iad1-config")


def test_shards_may_be_written_in_lines() -> None:
    made = stored(config("iad1"))
    for each in made[:-1]:
        text = each["binaryData"]["shard"]
        each["binaryData"]["shard"] = f"{text[:10]}\n  {text[10:]}\n"
    assert gather(of({"us": made}), installation="isochrone").findings == ()


def test_what_is_known_of_a_config() -> None:
    found = gather(of({"us": cluster(config("iad1"))}), installation="isochrone").configs["iad1"]
    assert (found.site, found.cluster, found.where) == ("iad1", "us", "us/ConfigMap/iad1-config")
    assert (found.index_name, found.signed_by) == ("iad1-config", ())
    assert found.config == msgspec.convert(config("iad1"), Config)
    assert found.shard_names["Law"] == shard("law")
    by_name = {each.name: each for each in found.index.shards}
    assert found.sections["Law"] == {by_name[shard("law")].document_sha256}
    assert list(found.sections) == ["Site", "Places", "Law", "Routes", "Engines", "Providers", "Tenants", "Peers"]


def asking(name: str, site: str | None, labelled: str | None = None, kind: str = "NetworkPolicy") -> Json:
    """A policy for pods of this site, or of all, that carries another site's label, or none."""
    field = "endpointSelector" if kind == "CiliumNetworkPolicy" else "podSelector"
    labels = {} if labelled is None else {"labels": {EDGE_NODE: labelled}}
    chosen = {} if site is None else {"matchLabels": {EDGE_NODE: site}}
    return {"kind": kind, "metadata": {"name": name, **labels}, "spec": {field: chosen}}


def names(found: Iterable[Found]) -> list[str]:
    return [each.item["metadata"]["name"] for each in found]


def test_objects_of_a_site_are_those_that_carry_its_label_where_its_config_is() -> None:
    given = of({"eu": cluster(config("fra1")), "us": [*cluster(config("iad1")), *beside("fra1")]})
    found = gather(given, installation="isochrone")
    assert {each.where.partition("/")[0] for each in found.objects["fra1"]} == {"eu"}
    assert names(each for each in found.objects["fra1"] if each.item["kind"] == "Service") == ["chat-engine"]
    assert {(site, each.where) for site, each in found.strays if each.item["kind"] == "Deployment"} == {
        ("fra1", "us/Deployment/gateway"),
        ("fra1", "us/Deployment/chat-engine"),
    }


@pytest.mark.parametrize(
    ("policy", "sites"),
    [
        pytest.param(asking("p", None), {"fra1", "iad1"}, id="for all pods"),
        pytest.param(
            asking("p", None, "nowhere"), {"fra1", "iad1"}, id="for all pods, labelled as of a site that isn't"
        ),
        pytest.param(asking("p", None, "iad1"), {"fra1", "iad1"}, id="for all pods, labelled as of another site"),
        pytest.param(asking("p", "fra1", "iad1"), {"fra1"}, id="for its pods, labelled as of another site"),
        pytest.param(asking("p", "fra1", None, "CiliumNetworkPolicy"), {"fra1"}, id="for its pods, of Cilium"),
        pytest.param(asking("p", None, "x", "FQDNNetworkPolicy"), {"fra1", "iad1"}, id="for all pods, of GKE"),
        pytest.param(asking("p", "iad1", "fra1"), {"iad1"}, id="for another site's pods, labelled as its own"),
        pytest.param(asking("p", "iad1", None, "CiliumNetworkPolicy"), {"iad1"}, id="for another's pods, of Cilium"),
    ],
)
def test_policies_of_a_site_are_those_that_may_select_its_pods(policy: Json, sites: set[str]) -> None:
    """What is in another cluster is kept apart, and only opens."""
    given = of({"eu": [*cluster(config("fra1")), policy], "us": cluster(config("iad1"))})
    found = gather(given, installation="isochrone")
    assert {name for name, objects in found.objects.items() if "p" in names(objects)} == sites & {"fra1"}
    assert {name for name, objects in found.nearby.items() if "p" in names(objects)} == sites & {"iad1"}
    assert {each.only_opens for objects in found.objects.values() for each in objects} == {False}
    assert all(each.only_opens for objects in found.nearby.values() for each in objects)


def test_pods_of_a_site_may_carry_anothers_label() -> None:
    """Policies select pods by what pods are labelled with, not by the label of their Deployment."""
    made = cluster(config("fra1"))
    made[-3]["spec"]["template"]["metadata"] = {"labels": {EDGE_NODE: "iad1"}}
    found = gather(of({"eu": [*made, asking("p", "iad1"), asking("q", "ber1")]}), installation="isochrone")
    assert {"p", "q"} & set(names(found.objects["fra1"])) == {"p"}


def test_policies_that_ask_for_a_site_are_its_own_though_nothing_else_is() -> None:
    """Some workloads make pods in ways that aren't read here."""
    objects = [*stored(config("iad1")), asking("p", "iad1")]
    found = gather(of({"us": objects}), installation="isochrone")
    assert names(found.objects["iad1"]) == ["iad1-config", "p"]


def test_of_a_cluster_its_services_and_slices_are_kept_whosever_they_are() -> None:
    written = labelled("EndpointSlice", "more", "shop", {"kubernetes.io/service-name": "chat-engine"})
    given = of({"eu": [*cluster(config("fra1")), written], "us": []})
    found = gather(given, installation="isochrone").found
    assert {name: names(objects) for name, objects in found.items()} == {"eu": ["chat-engine", "more"], "us": []}
    text = (
        "addresses that may be added are behind the Service shop/chat-engine, by which engines of shop/chat are found"
    )
    made = both()
    made["eu"].append(written)
    assert told(prove(**made)) == [(Rule.WRONG_ADDRESS, "fra1", text)]


def test_what_is_not_read_is_told_and_counts_for_nothing() -> None:
    """Calico's policies have the name of Kubernetes' own: they would close what is open."""
    made = both()
    made["eu"] = [
        {**each, "apiVersion": "projectcalico.org/v3"} if each["kind"] == "NetworkPolicy" else each
        for each in made["eu"]
    ]
    report = prove(**made)
    assert [each for each in report.findings if each.rule is Rule.NOT_READ] == [
        Finding(
            rule=Rule.NOT_READ,
            site="",
            where=f"eu/NetworkPolicy/{name}",
            message=f"NetworkPolicy {name} (projectcalico.org/v3) may let pods talk to others, or start some, and"
            " is of a kind that isn't read here",
        )
        for name in ("chat-engine", "gateway")
    ]
    assert {each.rule for each in report.findings} == {Rule.NOT_READ, Rule.EGRESS_OPEN, Rule.INGRESS_OPEN}


def test_each_spec_of_a_policy_counts() -> None:
    made = both()
    world = {"endpointSelector": {}, "egress": [{"toEntities": ["world"]}]}
    made["eu"].append({"kind": "CiliumNetworkPolicy", "metadata": {"name": "c", "namespace": SYSTEM}, "specs": [world]})
    assert told(prove(**made)) == [(Rule.EGRESS_OPEN, "fra1", "a rule lets pods talk by the entities world")]


def test_what_no_api_server_would_take_is_refused() -> None:
    made = both()
    made["us"].append({"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": "all"})
    with pytest.raises(MalformedError, match=r"^us/NetworkPolicy/x: spec must be a map, not text$"):
        prove(**made)


def test_maps_that_are_no_configs_are_passed_over() -> None:
    strange: Cluster = [
        {"kind": "ConfigMap", "metadata": {"name": "a"}},
        {"kind": "ConfigMap", "metadata": {"name": "b"}, "data": {"x": "y"}, "binaryData": None},
        {"kind": "Secret", "metadata": {"name": "c"}, "data": {"index.json": "{"}},
    ]
    found = gather(of({"us": [*strange, *stored(config("iad1"))]}), installation="isochrone")
    assert found.findings == ()
    assert list(found.configs) == ["iad1"]


def test_the_world_by_hand_is_whole() -> None:
    assert {each["kind"] for each in OBJECTS} >= {"EdgeNode", "ModelProvider", "ModelRoute", "InferenceTenant"}
