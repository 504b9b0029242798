"""Who answers what comes in at a site, in which order and by which weight."""

from typing import Any

import pytest
from tests.unit.plan.small import (
    CHAT,
    FRA,
    NOW,
    Json,
    chat,
    europe,
    lost,
    network,
    planned,
    pool,
    running,
    site,
)
from tests.unit.validate import sample
from tests.unit.validate.sample import tiers, to_provider, to_route

from isochrone.model import Candidate, Observed, RouteKey, Snapshot, ToEngine, ToPeer, ToProvider
from isochrone.plan import routing

FREE: Json = {"allowedNamespaces": {"selector": {}}}
GERMANY = sample.tenant(origins=["DE"])


def at(world: Snapshot, entry: str, name: str = "chat") -> tuple[tuple[Candidate, ...], ...]:
    return routing(world, planned(world), now=NOW).at(entry).routes[RouteKey("shop", name)]


def short(world: Snapshot, entry: str, name: str = "chat") -> list[list[str]]:
    """Each tier in words, with weights other than 1."""
    return [[_word(each) for each in tier] for tier in at(world, entry, name)]


def _word(candidate: Candidate) -> str:
    return _name(candidate) if candidate.weight == 1 else f"{_name(candidate)} x{candidate.weight}"


def _name(candidate: Candidate) -> str:
    match candidate.target:
        case ToEngine(route=route):
            return f"own {route.name}"
        case ToPeer(site=peer, route=route):
            return f"{peer} {route.name}"
        case ToProvider(provider=provider, endpoint=endpoint):
            return f"{provider}/{endpoint}"


def three(**spec: Any) -> Snapshot:
    """Chat at three sites, asked from Germany."""
    observed = spec.pop("observed", None)
    settings = spec.pop("settings", {})
    objects = spec.pop("objects", [])
    return europe(
        chat(placement={"minSites": 3, "strategy": "Nearest"}, **spec), GERMANY, *objects, observed=observed, **settings
    )


def test_own_engines_come_first_then_peers_by_distance() -> None:
    assert short(three(), "fra") == [["own chat", "ams chat", "cdg chat"]]
    assert short(three(), "iad") == [["cdg chat", "ams chat", "fra chat"]]


def test_what_was_measured_counts() -> None:
    seen = Observed(rtts={("iad", "fra"): 1_000, ("fra", "iad"): 2_000, ("iad", "nowhere"): 1})
    first = at(three(observed=seen), "iad")[0][0]

    assert (first.target, first.rtt) == (ToPeer("fra", CHAT), 1_000)


def test_of_each_kind_of_caller_the_nearest_few_remain() -> None:
    assert short(three(settings={"candidates": 1}), "iad") == [["cdg chat"]]
    assert short(three(settings={"candidates": 1}), "fra") == [["own chat", "ams chat"]]


def test_who_may_be_served_at_one_place_only_keeps_it() -> None:
    """Frankfurt is the furthest from Ashburn, and the only place for German data."""
    world = three(
        settings={"candidates": 1},
        objects=[
            sample.tenant("us", origins=["US"], key="2"),
            sample.policy("de", "DE", binds={"origins": {"include": ["DE"]}}),
        ],
    )
    assert short(world, "iad") == [["own chat", "ams chat", "fra chat"]]


def test_a_site_that_nobody_can_reach_is_no_peer() -> None:
    far = {**site("ams", "AMS"), "spec": {"place": {"iata": "AMS"}}}
    world = network(FRA, far, pool("fra"), pool("ams"), chat(placement={"minSites": 2}), GERMANY)

    assert short(world, "fra") == [["own chat"]]
    assert short(world, "ams") == [["own chat", "fra chat"]]


def test_a_lost_site_is_no_peer() -> None:
    seen = Observed(running=(running("ams"), running("fra")), sites=lost("ams"))
    world = network(FRA, site("ams", "AMS"), pool("fra"), pool("ams"), chat(), GERMANY, observed=seen)

    assert short(world, "fra") == [["own chat"]]
    assert short(world, "ams") == [["own chat", "fra chat"]]


def test_peers_whose_engines_are_only_starting_wait() -> None:
    seen = Observed(running=(running("ams", ready=0), running("fra"), running("cdg")))

    assert short(three(observed=seen), "fra") == [["own chat", "cdg chat"]]


def test_unless_nobody_else_may_serve_somebody() -> None:
    seen = Observed(running=(running("ams", ready=0), running("fra"), running("cdg")))
    world = three(
        observed=seen,
        objects=[
            sample.tenant("nl", origins=["NL"], key="2"),
            sample.policy("nl", "NL", binds={"origins": {"include": ["NL"]}}),
        ],
    )
    assert short(world, "fra") == [["own chat", "ams chat", "cdg chat"]]


def test_until_a_move_is_done_those_that_run_are_asked() -> None:
    seen = Observed(running=(running("ams"),))
    world = network(
        FRA,
        site("ams", "AMS", state="Draining"),
        pool("fra"),
        pool("ams"),
        chat(),
        GERMANY,
        observed=seen,
    )
    assert [each.site for each in planned(world).placements] == ["fra"]
    assert short(world, "ams") == [["own chat"]]
    assert short(world, "fra") == [["own chat", "ams chat"]]


def test_what_the_law_sent_away_is_asked_no_more() -> None:
    seen = Observed(running=(running("ams"),))
    world = network(
        FRA,
        site("ams", "AMS"),
        pool("fra"),
        pool("ams"),
        chat(),
        GERMANY,
        sample.policy("de", "DE"),
        observed=seen,
    )
    assert short(world, "ams") == [["fra chat"]]


def test_a_provider_s_endpoints_are_listed_where_they_are_lawful() -> None:
    acme = sample.provider("acme", sample.endpoint("us", "US"), sample.endpoint("eu", "EU"))
    world = network(
        FRA, chat(tiers=tiers(to_provider())), acme, GERMANY, sample.policy("eu", "EU", unknownOrigin="Bind")
    )
    assert short(world, "fra") == [["acme/eu"]]


@pytest.mark.parametrize(
    ("backend", "provider"),
    [
        pytest.param(to_provider("other"), {}, id="no such provider"),
        pytest.param(to_provider("acme", "small"), {}, id="no such model"),
        pytest.param(to_provider(), {"allowedNamespaces": {"names": ["bank"]}}, id="no right"),
        pytest.param(to_route("nowhere"), {}, id="no such route"),
        pytest.param(to_route("closed", "bank"), {}, id="a route of another namespace that doesn't admit it"),
    ],
)
def test_what_is_not_there_or_not_allowed_is_left_out(backend: Json, provider: Json) -> None:
    closed = sample.route("closed", ns="bank", tiers=tiers(to_provider()))
    good = sample.provider("good")
    acme = sample.provider("acme", **provider)
    world = network(FRA, sample.route("chat", tiers=tiers(backend, to_provider("good"))), closed, good, acme, GERMANY)

    assert short(world, "fra") == [["good/eu"]]


def shared(*backends: Json) -> Json:
    return {"backends": list(backends)}


def weighed(backend: Json, weight: int) -> Json:
    return {**backend, "weight": weight}


def test_each_candidate_of_a_backend_carries_its_weight() -> None:
    acme = sample.provider("acme", sample.endpoint("a", "EU"), sample.endpoint("b", "EU"))
    world = europe(
        chat(tiers=[shared(weighed({"serving": {}}, 9), weighed(to_provider(), 1))], placement={"minSites": 2}),
        acme,
        GERMANY,
    )
    assert short(world, "iad") == [["ams chat x9", "fra chat x9", "acme/a", "acme/b"]]


def test_a_weight_of_nothing_is_nobody() -> None:
    world = network(
        FRA,
        sample.route("chat", tiers=[shared(weighed(to_provider("a"), 0), to_provider("b"))]),
        sample.provider("a"),
        sample.provider("b"),
        GERMANY,
    )
    assert short(world, "fra") == [["b/eu"]]


def test_another_route_shares_its_weight_by_its_own() -> None:
    """Of three parts one goes to chat's own provider, two to the other route: there one to three."""
    world = network(
        FRA,
        sample.route("chat", tiers=[shared(to_provider("a"), weighed(to_route("other"), 2))]),
        sample.route("other", tiers=[shared(to_provider("b"), weighed(to_provider("c"), 3)), shared(to_provider("d"))]),
        *(sample.provider(name) for name in "abcd"),
        GERMANY,
    )
    assert short(world, "fra") == [["a/eu x2", "b/eu", "c/eu x3"], ["d/eu x2"]]


def test_further_tiers_of_another_route_come_before_one_s_own() -> None:
    world = network(
        FRA,
        sample.route("chat", tiers=tiers(to_route("other"), to_provider("z"))),
        sample.route("other", tiers=tiers(to_provider("a"), to_provider("b"))),
        *(sample.provider(name) for name in "abz"),
        GERMANY,
    )
    assert short(world, "fra") == [["a/eu"], ["b/eu"], ["z/eu"]]


def test_the_engines_of_another_route_answer_as_its_own() -> None:
    world = europe(chat(), sample.route("front", tiers=tiers(to_route("chat"))), GERMANY)

    assert short(world, "iad", "front") == short(world, "iad", "chat")


def test_a_circle_is_cut_where_it_closes() -> None:
    world = network(
        FRA,
        sample.route("chat", tiers=tiers(to_route("other"), to_provider("a"))),
        sample.route("other", tiers=tiers(to_route("chat"), to_provider("b"))),
        sample.provider("a"),
        sample.provider("b"),
        GERMANY,
    )
    assert short(world, "fra") == [["b/eu"], ["a/eu"]]
    assert short(world, "fra", "other") == [["a/eu"], ["b/eu"]]


def test_who_stands_twice_stands_where_he_comes_first() -> None:
    world = network(
        FRA,
        sample.route("chat", tiers=[shared(to_provider("a")), shared(to_provider("a"), to_provider("b"))]),
        sample.provider("a"),
        sample.provider("b"),
        GERMANY,
    )
    assert short(world, "fra") == [["a/eu"], ["b/eu"]]


def test_who_needs_no_key_counts_where_none_is_needed() -> None:
    """Data of unknown origin may go to the US; German data may not."""
    open_site = site("ams", "AMS", gateway={"anonymousAccess": "Allow"})
    acme = sample.provider("acme", sample.endpoint("us", "US"))
    world = network(
        FRA,
        open_site,
        sample.route("chat", tiers=tiers(to_provider())),
        acme,
        GERMANY,
        sample.policy("de", "DE", binds={"origins": {"include": ["DE"]}}, unknownOrigin="Ignore"),
    )
    assert (short(world, "fra"), short(world, "ams")) == ([], [["acme/us"]])


def test_a_route_that_nobody_answers_is_known_all_the_same() -> None:
    assert at(network(FRA, sample.route("chat", tiers=tiers(to_provider())), GERMANY), "fra") == ()
