"""What is said of routes: whose name it is, where references lead, what is placed, and what is ready."""

from typing import Any, Final

import pytest
from tests.unit.plan.small import AMS, CHAT, FRA, NOW, chat, europe, lost, network, pool, running
from tests.unit.status.network import ROUTE, Json, calm, changed, conditions, delivered, edge, said, told
from tests.unit.validate import sample
from tests.worlds.build import seen
from tests.worlds.reports import report

from isochrone.api.conditions import Reason
from isochrone.api.model_route import ModelRouteStatus
from isochrone.model import (
    Because,
    Delivery,
    Fault,
    ObjectKey,
    Placement,
    Plan,
    Shortfall,
    SiteObservation,
    Snapshot,
    WhyNot,
)
from isochrone.status.words import PLACING, WAY_OUT


def one(snapshot: Snapshot, delivery: Delivery | None = None, **more: Any) -> ModelRouteStatus:
    found = told(snapshot, delivery, **more)[ROUTE]
    assert isinstance(found, ModelRouteStatus)
    return found


def placed(*sites: str, replicas: int = 1) -> Plan:
    every = (
        Placement(route=CHAT, site=each, pool=f"gpu-{each}", replicas=replicas, because=Because.KEPT) for each in sites
    )
    return Plan(placements=tuple(every))


def short(*why_not: tuple[WhyNot, int]) -> Plan:
    missing = Shortfall(route=CHAT, wanted_sites=2, sites=0, wanted_replicas=4, replicas=0, why_not=why_not)
    return Plan(shortfalls=(missing,))


def test_a_route_where_all_is_well() -> None:
    found = one(calm())
    assert [(each.type, each.status) for each in found.conditions or ()] == [
        ("Ready", "True"),
        ("Accepted", "True"),
        ("ResolvedRefs", "True"),
        ("Placed", "True"),
        ("Serving", "True"),
    ]
    assert said(found) == "True Ready: 1 of 1 replica ready, at 1 site"
    assert found.model_name == "chat"
    assert found.url == "http://chat.shop.svc/v1"
    assert found.serving == "1/1 at 1 site"
    assert found.sites is not None
    assert found.replicas is not None
    assert (found.sites.desired, found.sites.ready) == (1, 1)
    assert (found.replicas.desired, found.replicas.ready) == (1, 1)
    assert found.exceptions is None


def older(obj: Json, day: int) -> Json:
    return changed(obj, creationTimestamp=f"2026-01-{day:02d}T00:00:00Z")


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        pytest.param({}, {}, "True Accepted: it answers to chat", id="its-own"),
        pytest.param({"aliases": ["talk"]}, {}, "True Accepted: it answers to chat, talk", id="alias"),
        pytest.param(
            {"modelName": "talk"},
            {"modelName": "talk"},
            "False NameTaken: ModelRoute shop/first, which is older, has the name talk; take another one, or remove it"
            " there",
            id="name-of-an-older-one",
        ),
        pytest.param(
            {"aliases": ["talk"]},
            {"aliases": ["talk"]},
            "False NameTaken: ModelRoute shop/first, which is older, has the name talk; take another one, or remove it"
            " there",
            id="alias-of-an-older-one",
        ),
    ],
)
def test_whose_name_it_is(mine: Json, theirs: Json, expected: str) -> None:
    snapshot = calm(older(chat(**mine), 2), older(chat("first", **theirs), 1))
    found = told(snapshot)
    assert said(found[ROUTE], "Accepted") == expected
    assert said(found[ObjectKey("ModelRoute", "shop", "first")], "Accepted").startswith("True")


def test_who_has_no_name_has_no_url() -> None:
    taken = calm(older(chat(modelName="talk"), 2), older(chat("first", modelName="talk"), 1))
    assert one(taken).url is None


def test_the_url_is_https_where_gateways_have_certificates() -> None:
    sites = [changed(each, spec={"gateway": {"tls": {"secretName": "tls"}}}) for each in (FRA, AMS)]
    assert one(network(*sites, chat())).url == "https://chat.shop.svc/v1"
    assert one(network(sites[0], AMS, chat())).url == "http://chat.shop.svc/v1"
    assert one(network(chat())).url is None


OTHER: Final = sample.route("other", ns="bank")
CLOSED: Final = sample.provider("acme", allowedNamespaces={"names": ["bank"]})


def falling_back(*backends: Json) -> Json:
    return chat(tiers=[{"backends": [{"serving": {}}]}, *sample.tiers(*backends)])


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        pytest.param([chat()], "True Resolved: everything that it names is there, and lets it in", id="none"),
        pytest.param(
            [falling_back(sample.to_provider()), sample.provider()],
            "True Resolved: everything that it names is there, and lets it in",
            id="provider",
        ),
        pytest.param(
            [falling_back(sample.to_provider())],
            "False RefNotFound: spec.tiers[1].backends[0]: there is no ModelProvider acme; create it, or name another",
            id="no-provider",
        ),
        pytest.param(
            [falling_back(sample.to_provider(model="huge")), sample.provider()],
            "False RefNotFound: spec.tiers[1].backends[0]: ModelProvider acme has no model huge; add it there, or name"
            " another",
            id="no-model",
        ),
        pytest.param(
            [falling_back(sample.to_provider()), CLOSED],
            "False RefNotPermitted: spec.tiers[1].backends[0]: ModelProvider acme does not let namespace shop in;"
            " ask its owner to add it to spec.allowedNamespaces",
            id="provider-of-others",
        ),
        pytest.param(
            [falling_back(sample.to_route("other"))],
            "False RefNotFound: spec.tiers[1].backends[0]: there is no ModelRoute shop/other; create it, or name"
            " another",
            id="no-route",
        ),
        pytest.param(
            [falling_back(sample.to_route("other", "bank")), OTHER],
            "False RefNotPermitted: spec.tiers[1].backends[0]: ModelRoute bank/other does not let namespace shop in;"
            " ask its owner to add it to spec.allowedNamespaces",
            id="route-of-others",
        ),
        pytest.param(
            [falling_back(sample.to_route("b")), sample.route("b", tiers=sample.tiers(sample.to_route("chat")))],
            "False RefCycle: its backends lead back to it: shop/chat -> shop/b -> shop/chat; remove one of them",
            id="circle",
        ),
        pytest.param(
            [falling_back(sample.to_provider()), changed(sample.provider(), deletionTimestamp="2026-11-20T12:00:00Z")],
            "False RefNotFound: spec.tiers[1].backends[0]: there is no ModelProvider acme; create it, or name another",
            id="provider-that-is-being-deleted",
        ),
    ],
)
def test_where_its_references_lead(objects: list[Json], expected: str) -> None:
    found = one(calm(*objects))
    assert said(found, "ResolvedRefs") == expected
    assert said(found).startswith("True" if expected.startswith("True") else expected)


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        pytest.param(placed("fra", "ams", replicas=2), "True Placed: 4 replicas at 2 sites", id="placed"),
        pytest.param(Plan(), "Unknown Progressing: no site is chosen for it yet", id="not-yet"),
        pytest.param(
            short((WhyNot.NO_CAPACITY, 3), (WhyNot.SITE_DRAINING, 1)),
            "False NoCapacity: 0 of 2 sites, 0 of 4 replicas: at 3 sites the GPUs are taken, at 1 site the site is"
            " draining; add GPUs or sites, ask for less, or raise spec.serving.priority (isochrone explain shop/chat"
            " tells of each site)",
            id="full",
        ),
        pytest.param(
            short((WhyNot.NOT_NEEDED, 5), (WhyNot.UNLAWFUL_INFERENCE, 2)),
            "False NoLawfulPlace: 0 of 2 sites, 0 of 4 replicas: at 2 sites no caller's data may be processed there;"
            " add a site where the law allows it, or bind it by another policy (isochrone explain shop/chat tells of"
            " each site)",
            id="what-is-possible-is-no-reason",
        ),
        pytest.param(
            short((WhyNot.NOT_NEEDED, 2)),
            "False Unsatisfiable: 0 of 2 sites, 0 of 4 replicas: no other site would bring more callers near enough;"
            " ask for less in spec.placement, or add a site that suits (isochrone explain shop/chat tells of each"
            " site)",
            id="nothing-else",
        ),
        pytest.param(
            short(),
            "False NoCapacity: 0 of 2 sites, 0 of 4 replicas: there is no site; add GPUs or sites, ask for less,"
            " or raise spec.serving.priority (isochrone explain shop/chat tells of each site)",
            id="no-site",
        ),
    ],
)
def test_what_is_placed(plan: Plan, expected: str) -> None:
    assert said(one(calm(), plan=plan), "Placed") == expected


def test_every_reason_why_not_has_its_own_and_a_way_out() -> None:
    assert set(PLACING) == set(WhyNot)
    assert set(PLACING.values()) == set(WAY_OUT)


FAILING: Final = running("ams", ready=1, replicas=2, is_failing=True)


@pytest.mark.parametrize(
    ("there", "expected", "counts"),
    [
        pytest.param(
            [running("fra", replicas=2), running("ams", replicas=2)],
            "True Serving: 4 of 4 replicas ready, at 2 sites",
            "4/4 at 2 sites",
            id="all",
        ),
        pytest.param(
            [running("fra", replicas=2, ready=1)],
            "Unknown Progressing: 1 of 4 replicas ready, at 1 of 2 sites",
            "1/4 at 2 sites",
            id="some",
        ),
        pytest.param([], "Unknown Progressing: 0 of 4 replicas ready, at 0 of 2 sites", "0/4 at 2 sites", id="none"),
        pytest.param(
            [running("fra", replicas=9), running("ams", replicas=2)],
            "True Serving: 4 of 4 replicas ready, at 2 sites",
            "4/4 at 2 sites",
            id="more-than-wanted",
        ),
        pytest.param(
            [running("fra", replicas=2), FAILING],
            "False Failing: 3 of 4 replicas ready; at ams they don't become ready: see their logs and events",
            "3/4 at 2 sites",
            id="failing",
        ),
        pytest.param(
            [running("fra", replicas=2), running("ams", replicas=2), running("cdg", ready=0, is_failing=True)],
            "True Serving: 4 of 4 replicas ready, at 2 sites",
            "4/4 at 2 sites",
            id="failing-where-it-ends",
        ),
    ],
)
def test_what_is_ready(there: list[Any], expected: str, counts: str) -> None:
    found = one(calm(chat(), running=tuple(there)), plan=placed("fra", "ams", replicas=2))
    assert said(found, "Serving") == expected
    assert found.serving == counts


def test_an_autoscaler_is_asked_how_many_it_wants() -> None:
    scaled = chat(serving={"replicasManagedBy": "Autoscaler", "maxReplicasPerSite": 5, "replicasPerSite": 2})
    plan = placed("fra", "ams", replicas=5)
    found = one(calm(scaled, running=(running("fra", replicas=3, ready=3),)), plan=plan)
    assert found.serving == "3/5 at 2 sites"


def test_engines_at_a_lost_site_are_not_counted() -> None:
    snapshot = calm(chat(), running=(running("fra"), running("ams")), sites=lost("ams"))
    found = one(snapshot, plan=placed("fra", "ams"))
    assert said(found, "Serving") == "True Serving: 1 of 1 replica ready, at 1 site"
    assert [(each.edge_node, each.reason, each.message) for each in found.exceptions or ()] == [
        ("ams", "Unreachable", "no contact since 1970-01-01T00:00:00Z; it is placed elsewhere as well")
    ]


def test_exceptions_say_what_is_wrong_where() -> None:
    fault = Fault(reason=Reason.FORBIDDEN, subject="Deployment shop/chat", message="may not be created: grant it")
    there = (running("fra"), running("ams", ready=0, is_failing=True), running("cdg", ready=0))
    found = one(
        calm(chat(), running=there),
        delivered(cdg=report("cdg", now=NOW, faults=(fault,)), fra=report("fra", now=NOW, faults=(fault,))),
        plan=placed("fra", "ams", "cdg"),
    )
    assert [(each.edge_node, each.reason, each.message) for each in found.exceptions or ()] == [
        ("ams", "Failing", "0 of 1 replica ready, and that for long: see their logs"),
        ("cdg", "Forbidden", "Deployment shop/chat: may not be created: grant it"),
    ]


def test_a_fault_of_a_site_that_is_out_of_reach_now_is_no_exception() -> None:
    fault = Fault(reason=Reason.FORBIDDEN, subject="Deployment shop/chat", message="may not be created: grant it")
    away = report("fra", now=NOW, faults=(fault,), observation=SiteObservation(unreachable_since=NOW))
    assert one(calm(chat(), running=()), delivered(fra=away), plan=placed("fra")).exceptions is None


def test_at_most_sixteen_exceptions_are_told_the_first_by_name() -> None:
    names = [f"site-{number:02d}" for number in range(20)]
    sites = [changed(FRA, name=name) for name in names]
    there = tuple(running(name, ready=0, is_failing=True) for name in names)
    found = one(seen(network(*sites, chat()), running=there), plan=placed(*names))
    assert [each.edge_node for each in found.exceptions or ()] == names[:16]
    assert "at site-00, site-01, site-02 and 17 more" in said(found, "Serving")


EU: Final = sample.policy("eu-only", "EU")
FAR: Final = sample.provider("acme", sample.endpoint("us", "US"))


def only_providers(*objects: Json) -> Snapshot:
    route = sample.route("chat", tiers=sample.tiers(sample.to_provider()))
    return network(FRA, route, *objects)


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        pytest.param(
            only_providers(sample.provider()), "True Serving: providers or other routes answer", id="provider"
        ),
        pytest.param(
            only_providers(FAR, EU),
            "False NoLawfulPlace: nobody may answer, whoever asks; add an endpoint or a site where the law allows it,"
            " or bind it by another policy (isochrone explain shop/chat tells of each)",
            id="unlawful",
        ),
        pytest.param(
            only_providers(),
            "False RefNotFound: nobody answers: spec.tiers[0].backends[0]: there is no ModelProvider acme; create it,"
            " or name another",
            id="no-provider",
        ),
        pytest.param(
            network(sample.route("chat", tiers=sample.tiers(sample.to_provider())), sample.provider()),
            "Unknown Progressing: no EdgeNode is there whose gateway could answer",
            id="no-site",
        ),
    ],
)
def test_whether_somebody_answers_for_a_route_without_engines(snapshot: Snapshot, expected: str) -> None:
    found = one(snapshot)
    assert said(found, "Serving") == expected
    assert "Placed" not in conditions(found)
    assert (found.sites, found.replicas, found.serving) == (None, None, None)


def test_without_tables_nothing_is_said_of_who_may_answer() -> None:
    found = one(only_providers(FAR, EU), is_routed=False)
    assert said(found, "Serving") == "True Serving: providers or other routes answer"


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param((), "Unknown Draining: it is being deleted; none of its engines runs any more", id="done"),
        pytest.param(
            (running("fra", replicas=2), running("ams")),
            "Unknown Draining: it is being deleted; 3 replicas at 2 sites still to end",
            id="not-yet",
        ),
    ],
)
def test_a_route_that_is_being_deleted(there: tuple[Any, ...], expected: str) -> None:
    going = changed(chat(), deletionTimestamp="2026-11-20T12:00:00Z")
    found = one(calm(going, running=there))
    assert said(found) == expected
    assert list(conditions(found)) == ["Ready"]


def test_of_several_faults_ready_says_the_first() -> None:
    route = falling_back(sample.to_provider())
    found = one(calm(route), plan=short((WhyNot.NO_CAPACITY, 1)))
    assert said(found).startswith("False RefNotFound")
    assert said(found, "Placed").startswith("False NoCapacity")


def test_what_a_plan_leaves_out_is_told() -> None:
    found = one(europe(chat(placement={"minSites": 5})))
    assert said(found).startswith("False NoCapacity: 4 of 5 sites, 4 of 5 replicas: there is no other site; add GPUs")


def test_a_route_of_no_namespace_is_in_the_default_one() -> None:
    alone = sample.route("solo", ns="")
    found = told(network(FRA, pool("fra"), alone), Delivery())
    assert ObjectKey("ModelRoute", "default", "solo") in found
    assert set(found) == {edge(), ObjectKey("GPUPool", "", "gpu-fra"), ObjectKey("ModelRoute", "default", "solo")}
