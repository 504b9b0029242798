"""What is told of each site and endpoint, and who asks: figures and rulings that can be worked out by hand."""

import decimal
from typing import Any

import pytest
from tests.unit.plan.small import AMS, CDG, CHAT, FRA, IAD, NOW, Json, chat, lost, network, planned, pool, site
from tests.unit.validate import sample
from tests.unit.validate.sample import needs

from isochrone.geo.latency import rtt_between_ms
from isochrone.geo.places import places
from isochrone.geo.population import centres_of
from isochrone.law import Origin, Scope, VerdictReason
from isochrone.model import (
    Because,
    Candidate,
    Observed,
    RouteKey,
    SiteObservation,
    Snapshot,
    ToEngine,
    ToPeer,
    ToProvider,
    WhyNot,
)
from isochrone.plan import explain
from isochrone.plan.explain import AtSite, Explanation

GERMANS = sample.tenant(origins=["DE"])
NEAREST: Json = {"strategy": "Nearest"}
US_ONLY = sample.policy("us-only", "US")


def explained(world: Snapshot, route: RouteKey = CHAT, **asked: Any) -> Explanation:
    found = explain(world, planned(world), route, now=NOW, **asked)
    assert found is not None
    return found


def at(found: Explanation, name: str) -> AtSite:
    return next(each for each in found.sites if each.site == name)


def mean_rtt(code: str, iata: str) -> float:
    """Microseconds from the people of a country to an airport."""
    point = places()[iata].point
    people = sum(each.people for each in centres_of(code))
    return 1000 * sum(each.people * rtt_between_ms(each.point, point) for each in centres_of(code)) / people


def test_a_site_that_serves_is_told_in_figures() -> None:
    world = network(
        site("fra", "FRA", egress={"pricePerGiB": "0.03"}),
        pool("fra", nodes=3, devicesPerNode=4, pricePerDeviceHour="2.00"),
        chat(serving={**needs(devices=2), "replicasPerSite": 2}),
        GERMANS,
        observed=Observed(sites={"fra": SiteObservation(taken={"gpu-fra": (1,)})}),
    )
    here = at(explained(world), "fra")

    assert (here.because, here.why_not, here.pool, here.replicas) == (Because.MIN_SITES, None, "gpu-fra", 2)
    # One device is others', four are the route's.
    assert (here.free, here.devices) == (7, 12)
    assert here.cost == decimal.Decimal("4.03")
    assert here.rtt == pytest.approx(mean_rtt("DE", "FRA"), abs=10)


def test_a_site_that_doesn_t_serve_is_told_by_the_pool_that_could() -> None:
    world = network(FRA, IAD, pool("fra"), pool("iad", devicesPerNode=8), chat(placement=NEAREST), GERMANS)
    there = at(explained(world), "iad")

    assert (there.because, there.why_not, there.pool, there.replicas) == (None, WhyNot.NOT_NEEDED, "gpu-iad", 0)
    assert (there.free, there.devices, there.cost) == (8, 8, decimal.Decimal("2.95"))
    assert there.rtt == pytest.approx(mean_rtt("DE", "IAD"), abs=10)


def test_engines_of_another_route_are_not_this_one_s() -> None:
    other = chat("other", placement={"poolSelector": {"matchLabels": {"for": "other"}}})
    world = network(
        FRA, IAD, pool("fra"), pool("iad", labels={"for": "other"}), chat(placement=NEAREST), other, GERMANS
    )
    there = at(explained(world), "iad")

    assert (there.because, there.why_not, there.replicas, there.free) == (None, WhyNot.NO_CAPACITY, 0, 0)


def test_of_pools_that_are_full_the_first_by_name_speaks_for_the_site() -> None:
    full = Observed(sites={"fra": SiteObservation(taken={"a": (8,), "b": (8,)})})
    found = explained(network(FRA, sample.pool("b", "fra"), sample.pool("a", "fra"), chat(), observed=full))

    assert (at(found, "fra").why_not, at(found, "fra").pool, at(found, "fra").free) == (WhyNot.NO_CAPACITY, "a", 0)


def test_room_in_a_pool_that_doesn_t_suit_is_none() -> None:
    full = Observed(sites={"fra": SiteObservation(taken={"b": (8,)})})
    pools = (sample.pool("a", "fra", maxPriority=0), sample.pool("b", "fra"))
    found = explained(network(FRA, *pools, chat(serving={"priority": 1}), observed=full))

    assert (at(found, "fra").why_not, at(found, "fra").pool) == (WhyNot.NO_CAPACITY, "b")


def test_of_pools_that_suit_one_with_room_speaks_for_the_site() -> None:
    full = Observed(sites={"iad": SiteObservation(taken={"a": (8,)})})
    pools = (sample.pool("a", "iad"), sample.pool("b", "iad"))
    found = explained(network(FRA, IAD, pool("fra"), *pools, chat(placement=NEAREST), GERMANS, observed=full))

    assert (at(found, "iad").why_not, at(found, "iad").pool, at(found, "iad").free) == (WhyNot.NOT_NEEDED, "b", 8)


def test_of_a_site_without_a_pool_there_is_nothing_to_tell() -> None:
    there = at(explained(network(FRA, IAD, pool("fra"), chat(), GERMANS)), "iad")

    assert (there.why_not, there.pool, there.cost, there.free, there.devices) == (WhyNot.NO_POOL, *[None] * 4)


def test_engines_without_devices_cost_what_they_send() -> None:
    paid = {"egress": {"pricePerGiB": "0.05"}}
    world = network(
        site("fra", "FRA", **paid), site("iad", "IAD", **paid), pool("iad"), chat(serving=needs(devices=0)), GERMANS
    )
    found = explained(world)

    for each, because, why_not in (("fra", Because.MIN_SITES, None), ("iad", None, WhyNot.NOT_NEEDED)):
        told = at(found, each)
        assert (told.because, told.why_not, told.pool, told.free) == (because, why_not, None, None)
        assert told.cost == decimal.Decimal("0.05")


def test_those_that_serve_come_first_and_the_nearer_before_the_further() -> None:
    world = network(
        site("nowhere", "QQQ"),
        IAD,
        site("b", "AMS"),
        site("a", "AMS"),
        CDG,
        FRA,
        pool("iad", labels={"for": "chat"}),
        pool("cdg", labels={"for": "chat"}),
        chat(placement={"minSites": 2, "poolSelector": {"matchLabels": {"for": "chat"}}}),
        GERMANS,
    )
    assert [each.site for each in explained(world).sites] == ["cdg", "iad", "fra", "a", "b", "nowhere"]


def test_where_a_site_is_not_known_to_be_its_round_trip_isn_t_either() -> None:
    found = explained(network(FRA, site("nowhere", "QQQ"), pool("fra"), chat(), GERMANS))

    assert at(found, "nowhere").rtt is None
    assert at(found, "fra").rtt is not None


def test_demand_is_told_as_it_was_seen_and_none_where_none_was() -> None:
    world = network(FRA, pool("fra"), chat(), GERMANS)
    seen = network(FRA, pool("fra"), chat(), GERMANS, observed=Observed(demand={CHAT: {"DE": 100}}))

    assert explained(seen).demand == {"DE": 100}
    assert explained(world).demand == {}


# The law


def by_scope(**places_: str) -> Json:
    allow = [{"scope": scope, "places": {"include": [area]}} for scope, area in places_.items()]
    return sample.policy("here", allow=allow)


@pytest.mark.parametrize(
    ("policy", "scope", "allowed"),
    [
        pytest.param(by_scope(Inference="EU"), Scope.INFERENCE, True, id="allowed"),
        pytest.param(by_scope(Inference="US", Ingress="US", Weights="US"), Scope.INFERENCE, False, id="all refused"),
        pytest.param(by_scope(Inference="EU", Ingress="US"), Scope.INGRESS, False, id="what comes in there"),
        pytest.param(by_scope(Inference="EU", Weights="US"), Scope.WEIGHTS, False, id="weights"),
        pytest.param(by_scope(Inference="EU", Ingress="US", Weights="US"), Scope.INGRESS, False, id="the first of two"),
    ],
)
def test_the_first_scope_that_is_refused_is_told(policy: Json, scope: Scope, allowed: bool) -> None:
    ruling = at(explained(network(FRA, pool("fra"), chat(), GERMANS, policy)), "fra").ruling

    assert (ruling.scope, ruling.origin, ruling.verdict.allowed) == (scope, Origin.of("DE"), allowed)
    assert ruling.verdict.policy == (None if allowed else "here")


def test_of_all_callers_the_one_is_told_whom_the_law_lets_go_furthest() -> None:
    """For data from Germany weights are the only thing that is refused; for all other data inference is."""
    policies = [
        sample.policy("french", "FR", binds={"origins": {"include": ["FR"]}}),
        sample.policy("spanish", "ES", binds={"origins": {"include": ["ES"]}}),
        sample.policy(
            "german",
            binds={"origins": {"include": ["DE"]}},
            allow=[
                {"scope": "Inference", "places": {"include": ["DE"]}},
                {"scope": "Weights", "places": {"include": ["US"]}},
            ],
        ),
    ]
    for origins in (["DE", "ES", "FR"], ["ES", "FR", "DE"]):
        tenants = [sample.tenant(f"of-{code.lower()}", key=str(at), origins=[code]) for at, code in enumerate(origins)]
        ruling = at(explained(network(FRA, pool("fra"), chat(), *tenants, *policies)), "fra").ruling

        assert (ruling.scope, ruling.origin, ruling.verdict.policy) == (Scope.WEIGHTS, Origin.of("DE"), "german")


def test_of_callers_whom_the_law_treats_alike_the_first_is_told() -> None:
    """Without the header it may be either's data; with it, one's."""
    tenant = sample.tenant(origins=["DE", "FR"], originHeader="Trust")
    ruling = at(explained(network(FRA, pool("fra"), chat(), tenant, US_ONLY)), "fra").ruling

    assert (ruling.origin, ruling.verdict.policy) == (Origin.of("DE", "FR"), "us-only")


def test_where_all_is_allowed_the_ruling_is_that_on_inference() -> None:
    ingress = by_scope(Inference="EU", Ingress="US")
    audit = {**ingress, "spec": {**ingress["spec"], "mode": "Audit"}}
    ruling = at(explained(network(FRA, pool("fra"), chat(), GERMANS, audit)), "fra").ruling

    assert (ruling.scope, ruling.verdict.allowed, ruling.verdict.audited) == (Scope.INFERENCE, True, ())


def test_where_no_policy_is_what_forbids_it_is_told() -> None:
    world = network(FRA, pool("fra"), chat(), GERMANS, unbound="Deny")
    ruling = at(explained(world), "fra").ruling

    assert (ruling.verdict.allowed, ruling.verdict.reason) == (False, VerdictReason.DEFAULT_DENY)


# Endpoints


def test_each_endpoint_of_a_provider_that_a_tier_names_is_told_with_its_price() -> None:
    provider = sample.provider(
        "acme",
        sample.endpoint("us", "US"),
        sample.endpoint("eu", "EU"),
        models=[
            {"name": "small", "pricePerMillionTokens": {"input": "0.1", "output": "0.2"}},
            {"name": "large", "pricePerMillionTokens": {"input": "1.5", "output": "2.5"}},
        ],
    )
    weights = sample.policy(
        "eu",
        allow=[
            {"scope": "Inference", "places": {"include": ["EU"]}},
            {"scope": "Ingress", "places": {"include": ["DE"]}},
        ],
    )
    route = chat(tiers=[{"backends": [{"serving": {}}]}, *sample.tiers(sample.to_provider())])
    found = explained(network(FRA, pool("fra"), route, provider, sample.provider("other"), GERMANS, weights))

    assert [(each.provider, each.endpoint, each.model) for each in found.endpoints] == [
        ("acme", "us", "large"),
        ("acme", "eu", "large"),
    ]
    assert {(each.input, each.output) for each in found.endpoints} == {(decimal.Decimal("1.5"), decimal.Decimal("2.5"))}
    # Whoever asks doesn't come in at an endpoint, and sends no weights there.
    assert [(each.ruling.scope, each.ruling.verdict.allowed) for each in found.endpoints] == [
        (Scope.INFERENCE, False),
        (Scope.INFERENCE, True),
    ]


def test_a_route_without_engines_is_at_no_site() -> None:
    route = sample.route("chat", tiers=sample.tiers(sample.to_provider()))
    found = explained(network(FRA, pool("fra"), route, sample.provider(), GERMANS))

    assert (found.sites, found.entry) == ((), "fra")
    assert [each.endpoint for each in found.endpoints] == ["eu"]
    assert len(found.tiers) == 1


# Where requests come in


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(None, "fra", id="the nearest to those who ask"),
        pytest.param("iad", "iad", id="one that is named"),
        pytest.param("gone", "fra", id="one that isn't there"),
    ],
)
def test_who_answers_is_told_as_one_site_sees_it(entry: str | None, expected: str) -> None:
    world = network(IAD, FRA, AMS, pool("fra"), chat(), GERMANS)
    found = explained(world, entry=entry)

    assert found.entry == expected
    first = found.tiers[0][0].target
    assert first == (ToEngine(CHAT) if expected == "fra" else ToPeer("fra", CHAT))


def test_of_sites_as_near_the_first_by_name_is_the_entry() -> None:
    world = network(site("b", "FRA"), site("a", "FRA"), pool("a"), chat(), GERMANS)
    assert explained(world).entry == "a"


def test_where_no_site_is_known_to_be_the_first_by_name_is_the_entry() -> None:
    assert explained(network(site("b", "QQQ"), site("a", "QQQ"), chat(), GERMANS)).entry == "a"


def test_without_sites_nothing_comes_in() -> None:
    found = explained(network(chat(), GERMANS))
    assert (found.sites, found.entry, found.tiers) == ((), None, ())


def test_of_a_route_that_is_not_there_nothing_is_told() -> None:
    world = network(FRA, chat())
    assert explain(world, planned(world), RouteKey("shop", "other"), now=NOW) is None


# For data of one origin


def test_for_one_origin_round_trips_and_rulings_are_its_own() -> None:
    world = network(
        FRA, IAD, pool("fra"), pool("iad"), chat(), sample.tenant(origins=["DE", "US"], originHeader="Trust"), US_ONLY
    )
    found = explained(world, origin="DE")

    assert found.origin == Origin.of("DE")
    assert {each.ruling.origin for each in found.sites} == {Origin.of("DE")}
    assert at(found, "fra").rtt == pytest.approx(mean_rtt("DE", "FRA"), abs=10)
    assert (found.entry, explained(world, origin="US").entry) == ("fra", "iad")


def test_for_an_origin_where_nobody_lives_no_site_is_near() -> None:
    found = explained(network(FRA, AMS, pool("fra"), chat(), sample.tenant()), origin="AQ")
    assert ({each.rtt for each in found.sites}, found.entry) == ({None}, "ams")


def test_what_was_seen_counts_for_all_who_ask_but_not_for_one_origin() -> None:
    """All requests come from Germany. Of France it isn't known from where within, so from where people live."""
    seen = Observed(demand={CHAT: {"DE": 5}})
    world = network(FRA, CDG, chat(), sample.tenant(origins=["FR", "DE"], originHeader="Trust"), observed=seen)

    assert at(explained(world), "cdg").rtt == pytest.approx(mean_rtt("DE", "CDG"), abs=10)
    assert at(explained(world, origin="FR"), "cdg").rtt == pytest.approx(mean_rtt("FR", "CDG"), abs=10)


ITS_OWN = sample.policy("its-own", "US", binds={"tenants": {"matchLabels": {"who": "german"}}})


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param("DE", False, id="the caller with data from there is bound"),
        pytest.param("DE-BE", False, id="and with data from a part of it"),
        pytest.param("FR", True, id="the other is not"),
        pytest.param("JP", True, id="if nobody has any: whoever could"),
    ],
)
def test_only_those_ask_whose_data_is_from_there(origin: str, allowed: bool) -> None:
    tenants = [
        sample.tenant("german", labels={"who": "german"}, origins=["DE"]),
        sample.tenant("french", key="2", origins=["FR"]),
    ]
    world = network(FRA, pool("fra"), chat(), *tenants, ITS_OWN)

    assert at(explained(world, origin=origin), "fra").ruling.verdict.allowed is allowed


def test_who_has_data_of_several_origins_may_have_it_from_one() -> None:
    tenants = [
        sample.tenant("both", labels={"who": "german"}, origins=["DE", "FR"]),
        sample.tenant("spanish", key="2", origins=["ES"]),
    ]
    world = network(FRA, pool("fra"), chat(), *tenants, ITS_OWN)

    assert not at(explained(world, origin="DE"), "fra").ruling.verdict.allowed


def test_who_may_have_data_from_anywhere_may_have_it_from_there() -> None:
    tenants = [
        sample.tenant("german", labels={"who": "german"}, origins=["DE"]),
        sample.tenant("anybody", key="2"),
    ]
    world = network(FRA, pool("fra"), chat(), *tenants, ITS_OWN)

    assert at(explained(world, origin="DE"), "fra").ruling.verdict.allowed


def test_a_lost_site_is_told_as_lost() -> None:
    found = explained(network(FRA, AMS, pool("fra"), pool("ams"), chat(), observed=Observed(sites=lost("fra"))))
    assert (at(found, "fra").why_not, at(found, "ams").because) == (WhyNot.SITE_LOST, Because.MIN_SITES)


# Who may answer data of one origin

EU_ONLY = sample.policy("eu-only", "EU", binds={"origins": {"include": ["DE"]}})
OPEN: Json = {"gateway": {"anonymousAccess": "Allow"}}
BOTH = sample.tenant(origins=["DE", "US"], originHeader="Trust")


def told(found: Explanation) -> list[list[str]]:
    return [[_name(each) for each in tier] for tier in found.tiers]


def barred(found: Explanation) -> dict[str, tuple[Scope, str | None]]:
    return {_name(each.candidate): (each.ruling.scope, each.ruling.verdict.policy) for each in found.refused}


def _name(candidate: Candidate) -> str:
    match candidate.target:
        case ToPeer(site=site):
            return site
        case ToProvider(endpoint=endpoint):
            return f"endpoint {endpoint}"
        case ToEngine():
            return "here"


def everywhere(*objects: Json, route: Json | None = None) -> Snapshot:
    """Engines at all sites, in Europe and America."""
    sites = (FRA, AMS, IAD, pool("fra"), pool("ams"), pool("iad"))
    return network(*sites, route or chat(placement={"minSites": 3}), *objects)


def test_for_one_origin_only_those_are_told_to_answer_who_may() -> None:
    world = everywhere(BOTH, EU_ONLY)

    found = explained(world, origin="DE", entry="fra")
    assert told(found) == [["here", "ams"]]
    assert barred(found) == {"iad": (Scope.INFERENCE, "eu-only")}
    assert (found.door is not None, found.door and found.door.verdict.bound) == (True, ("eu-only",))

    found = explained(world, origin="US", entry="fra")
    assert (told(found), barred(found)) == ([["here", "ams", "iad"]], {})


def test_without_an_origin_all_are_told_whom_somebody_may_ask() -> None:
    found = explained(everywhere(BOTH, EU_ONLY), entry="fra")
    assert (told(found), found.refused, found.door) == ([["here", "ams", "iad"]], (), None)


def test_what_is_refused_is_told_of_a_site_that_has_engines_too() -> None:
    found = explained(everywhere(BOTH, EU_ONLY), origin="DE")
    there = at(found, "iad")

    assert (there.because, there.replicas) == (Because.MIN_SITES, 1)
    assert (there.ruling.verdict.allowed, there.ruling.verdict.policy) == (False, "eu-only")


def test_of_those_that_serve_it_those_that_may_come_first() -> None:
    us_only = sample.policy("us-only", "US", binds={"origins": {"include": ["DE"]}})
    found = explained(everywhere(BOTH, us_only, site("cdg", "CDG")), origin="DE")
    assert [each.site for each in found.sites] == ["iad", "fra", "ams", "cdg"]


def test_those_that_don_t_serve_it_stand_by_distance_whatever_the_law_says() -> None:
    us_only = sample.policy("us-only", "US", binds={"origins": {"include": ["DE"]}})
    world = network(FRA, AMS, IAD, pool("iad"), site("ord", "ORD"), chat(), BOTH, us_only)
    assert [each.site for each in explained(world, origin="DE").sites] == ["iad", "fra", "ams", "ord"]


def test_weights_matter_where_engines_are_to_be_and_not_to_who_answers() -> None:
    """For the weights of a caller with data from the US engines are in Washington: data from Germany may go there."""
    policy = sample.policy(
        "german-weights",
        binds={"origins": {"include": ["DE"]}},
        allow=[
            {"scope": "Inference", "places": {"include": ["World"]}},
            {"scope": "Weights", "places": {"include": ["DE"]}},
        ],
    )
    found = explained(everywhere(BOTH, policy, site("cdg", "CDG")), origin="DE", entry="fra")

    assert at(found, "iad").ruling.verdict.allowed
    assert (at(found, "cdg").ruling.scope, at(found, "cdg").ruling.verdict.allowed) == (Scope.WEIGHTS, False)
    assert told(found) == [["here", "ams", "iad"]]


ACME = sample.provider("acme", sample.endpoint("us", "US"), sample.endpoint("eu", "EU"))
THEN_ACME = chat(
    placement={"minSites": 3}, tiers=[{"backends": [{"serving": {}}]}, *sample.tiers(sample.to_provider())]
)


def only(inference: str, ingress: str) -> Json:
    allow = [
        {"scope": "Inference", "places": {"include": inference.split(",")}},
        {"scope": "Ingress", "places": {"include": ingress.split(",")}},
    ]
    return sample.policy("only", allow=allow, binds={"origins": {"include": ["DE"]}})


@pytest.mark.parametrize(
    ("policy", "answers", "refuses"),
    [
        pytest.param(
            only("EU", "World"),
            [["here", "ams"], ["endpoint eu"]],
            {"iad": Scope.INFERENCE, "endpoint us": Scope.INFERENCE},
            id="by inference",
        ),
        pytest.param(
            only("World", "DE"),
            [["here"], ["endpoint us", "endpoint eu"]],
            {"ams": Scope.INGRESS, "iad": Scope.INGRESS},
            id="a peer lets it in again, and an endpoint does not",
        ),
        pytest.param(
            only("US", "World"),
            [["iad"], ["endpoint us"]],
            {"here": Scope.INFERENCE, "ams": Scope.INFERENCE, "endpoint eu": Scope.INFERENCE},
            id="not the site where it comes in",
        ),
        pytest.param(
            only("JP", "World"),
            [],
            dict.fromkeys(("here", "ams", "iad", "endpoint us", "endpoint eu"), Scope.INFERENCE),
            id="nobody: a tier of which nobody is left is none",
        ),
    ],
)
def test_each_candidate_is_told_as_what_may_answer_or_why_not(
    policy: Json, answers: list[list[str]], refuses: dict[str, Scope]
) -> None:
    found = explained(everywhere(BOTH, ACME, policy, route=THEN_ACME), origin="DE", entry="fra")

    assert told(found) == answers
    assert {name: scope for name, (scope, _) in barred(found).items()} == refuses
    assert {each.ruling.origin for each in found.refused} <= {Origin.of("DE")}
    assert found.door is not None
    assert (found.door.verdict.allowed, found.door.scope) == (True, Scope.INGRESS)


def test_where_data_may_not_come_in_nobody_answers_it() -> None:
    found = explained(everywhere(BOTH, ACME, only("World", "US"), route=THEN_ACME), origin="DE", entry="fra")

    assert found.door is not None
    assert (found.door.verdict.allowed, found.door.verdict.policy, found.door.scope) == (False, "only", Scope.INGRESS)
    assert told(found) == []
    assert barred(found) == dict.fromkeys(("here", "ams", "iad", "endpoint us", "endpoint eu"), (Scope.INGRESS, "only"))


def test_who_may_come_in_is_who_must_be_answered_lawfully() -> None:
    """One caller may come in at Frankfurt but be answered by nobody there, the other the other way round."""
    tenants = [
        sample.tenant("one", labels={"who": "one"}, origins=["DE"]),
        sample.tenant("other", key="2", labels={"who": "other"}, origins=["DE"]),
        sample.tenant("american", key="3", origins=["US"]),
    ]
    policies = [
        {**only("US", "EU"), "metadata": {"name": "of-one"}},
        {**only("EU", "US"), "metadata": {"name": "of-other"}},
    ]
    for policy, who in zip(policies, ("one", "other"), strict=True):
        policy["spec"] = {**policy["spec"], "binds": {"tenants": {"matchLabels": {"who": who}}}}
    found = explained(everywhere(*tenants, *policies), origin="DE", entry="fra")

    assert found.door is not None
    assert found.door.verdict.allowed
    assert told(found) == []
    # Of what the first sends, Washington may process it, and may not let it in.
    assert barred(found) == {
        "here": (Scope.INFERENCE, "of-one"),
        "ams": (Scope.INFERENCE, "of-one"),
        "iad": (Scope.INGRESS, "of-one"),
    }


@pytest.mark.parametrize(
    ("is_open", "answers"),
    [
        pytest.param(False, ["here", "ams"], id="where a key is needed"),
        pytest.param(True, ["here", "ams", "iad"], id="where none is"),
    ],
)
def test_who_has_no_key_asks_where_none_is_needed(is_open: bool, answers: list[str]) -> None:
    """The policy binds who has a key. Paris lets in whoever comes; does Frankfurt?"""
    keyed = sample.policy("keyed", "EU", binds={"tenants": {"matchLabels": {"who": "german"}}})
    german = sample.tenant("german", labels={"who": "german"}, origins=["DE"])
    american = sample.tenant("american", key="2", origins=["US"])
    fra = site("fra", "FRA", **(OPEN if is_open else {}))
    world = network(
        *(fra, AMS, IAD, site("cdg", "CDG", **OPEN), pool("fra"), pool("ams"), pool("iad")),
        *(chat(placement={"minSites": 3}), german, american, keyed),
    )
    assert told(explained(world, origin="DE", entry="fra")) == [answers]


def test_where_nobody_has_a_key_and_one_is_needed_it_is_told_for_whoever_comes() -> None:
    world = network(FRA, site("ams", "AMS", **OPEN), pool("fra"), pool("ams"), chat(placement={"minSites": 2}))
    found = explained(world, origin="DE", entry="fra")

    assert found.door is not None
    assert found.door.verdict.allowed
    assert told(found) == [["here"]]


def test_where_there_is_no_site_there_is_no_door() -> None:
    found = explained(network(chat(), GERMANS), origin="DE")
    assert (found.door, found.refused, found.entry) == (None, (), None)
