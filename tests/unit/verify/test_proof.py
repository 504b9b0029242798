"""Everything put together: objects of clusters in, findings and a summary of each site out."""

import dataclasses

import pytest
from tests.unit.verify.by_hand import HERE, OBJECTS, US, US_END, candidates, config, edge, law, read
from tests.unit.verify.clusters import FAR, KNOWN, beside, both, cluster, labelled, prove, stored, told
from tests.unit.verify.installation import policy, route, tenant

from isochrone.verify import Egress, Report, Rule, Severity, SiteSummary
from isochrone.verify.declared import Declared
from isochrone.verify.finding import Finding
from isochrone.verify.ground import known as known_codes

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
        *("BrokenConfig", "NotSigned", "MissingConfig", "NotRead", "GivenTwice", "NotDeclared"),
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
    no_service = labelled("EndpointSlice", "chat-engine", "shop", {})
    apart = prove(eu=[*gone, no_service], us=cluster(config("iad1")))
    assert [each.severity for each in apart.findings] == [Severity.WARNING]


def test_the_world_by_hand_is_whole() -> None:
    assert {each["kind"] for each in OBJECTS} >= {"EdgeNode", "ModelProvider", "ModelRoute", "InferenceTenant"}
