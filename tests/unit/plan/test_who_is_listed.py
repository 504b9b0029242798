"""Which engines and endpoints stand in a site's table, at the edges of the rules."""

import pytest
from tests.unit.plan.small import (
    AMS,
    CDG,
    CHAT,
    FRA,
    IAD,
    NOW,
    POOLS,
    Json,
    chat,
    network,
    planned,
    pool,
    running,
    site,
)
from tests.unit.plan.test_tables import GERMANY, short, three, weighed
from tests.unit.validate import sample
from tests.unit.validate.sample import tiers, to_provider

from isochrone.model import (
    Because,
    Change,
    ChangeKind,
    Observed,
    Placement,
    Plan,
    RouteKey,
    Snapshot,
    ToEngine,
    ToPeer,
)
from isochrone.plan import routing
from isochrone.plan.planner import prepare

OUTSIDE = sample.route("chat", tiers=tiers(to_provider()))
OPEN = site("ams", "AMS", gateway={"anonymousAccess": "Allow"})


def test_routes_are_listed_by_name_whoever_is_asked_first() -> None:
    world = network(FRA, *POOLS, chat("a"), chat("c", serving={"priority": 1}), chat("b", serving={"priority": 2}))
    found = routing(world, planned(world), now=NOW).at("fra")

    assert [key.name for key in found.routes] == ["a", "b", "c"]


def test_what_is_known_already_need_not_be_resolved_again() -> None:
    world = network(FRA, *POOLS, chat())
    found = routing(network(), planned(world), now=NOW, prepared=prepare(world, now=NOW))

    assert found.at("fra") == routing(world, planned(world), now=NOW).at("fra")


# Who may be answered where


def test_where_no_key_is_needed_those_with_a_key_are_answered_too() -> None:
    """A policy for German data refuses what may be German, so nobody without a key may be answered."""
    bound = sample.policy("de", "EU", binds={"origins": {"include": ["DE"]}})
    world = network(FRA, OPEN, OUTSIDE, sample.provider("acme"), GERMANY, bound)

    assert (short(world, "ams"), short(world, "fra")) == ([["acme/eu"]], [["acme/eu"]])


def test_a_provider_answers_the_gateway_that_asks_it_where_no_peer_could() -> None:
    acme = sample.provider("acme", sample.endpoint("us", "US"))
    bound = sample.policy(
        "de",
        allow=[
            {"scope": "Inference", "places": {"include": ["EU", "US"]}},
            {"scope": "Ingress", "places": {"include": ["EU"]}},
        ],
    )
    assert short(network(FRA, OUTSIDE, acme, GERMANY, bound), "fra") == [["acme/us"]]


def test_engines_are_listed_for_those_whom_a_peer_lets_in() -> None:
    """Only who has no key may call, and only Amsterdam lets them in: it sends them on to what Frankfurt has."""
    world = network(FRA, OPEN, pool("fra"), chat())

    assert (short(world, "fra"), short(world, "ams")) == ([["own chat"]], [["fra chat"]])


def test_a_caller_for_whom_there_is_no_peer_at_all_waits_for_none() -> None:
    seen = Observed(running=(running("ams", ready=0), running("fra"), running("cdg")))
    american = sample.tenant("us", origins=["US"], key="2")
    bound = sample.policy("us", "US", binds={"origins": {"include": ["US"]}})
    world = network(FRA, AMS, CDG, *POOLS, chat(placement={"minSites": 3}), GERMANY, american, bound, observed=seen)
    assert short(world, "fra") == [["own chat", "cdg chat"]]


def test_own_engines_carry_the_weight_of_their_backend() -> None:
    shared = {"backends": [weighed({"serving": {}}, 9), to_provider()]}

    assert short(three(tiers=[shared], objects=[sample.provider("acme")]), "fra") == [
        ["own chat x9", "ams chat x9", "cdg chat x9", "acme/eu"]
    ]


def test_of_peers_that_are_as_near_the_first_by_name_comes_first() -> None:
    names = ["b", "e", "a", "d", "c", "f"]
    world = network(
        FRA,
        *(site(name, "AMS") for name in names),
        *(pool(name) for name in names),
        chat(placement={"minSites": 6}),
        GERMANY,
        observed=Observed(running=tuple(running(name) for name in names)),
        candidates=9,
    )
    assert short(world, "fra") == [[f"{name} chat" for name in sorted(names)]]


# Where engines stand


def asked(world: Snapshot, plan: Plan, entry: str = "fra") -> list[str]:
    """The sites whose engines are listed."""
    found = [each.target for tier in routing(world, plan, now=NOW).at(entry).routes[CHAT] for each in tier]
    return [each.site if isinstance(each, ToPeer) else entry for each in found if isinstance(each, ToEngine | ToPeer)]


def at(*names: str) -> tuple[Placement, ...]:
    return tuple(Placement(route=CHAT, site=name, pool=None, replicas=1, because=Because.KEPT) for name in names)


def test_those_that_stay_are_asked_like_those_that_are_planned() -> None:
    seen = Observed(running=(running("ams"), running("fra")))
    found = Plan(placements=at("fra"), staying=at("ams"))

    assert asked(network(FRA, AMS, *POOLS, chat(), GERMANY, observed=seen), found) == ["fra", "ams"]


@pytest.mark.parametrize(
    ("other", "is_asked"),
    [
        pytest.param(AMS, True, id="active"),
        pytest.param(site("ams", "AMS", state="Draining"), True, id="draining"),
        pytest.param(site("ams", "AMS", state="Disabled"), False, id="disabled"),
        pytest.param(IAD, False, id="no longer there"),
    ],
)
def test_who_is_a_peer(other: Json, *, is_asked: bool) -> None:
    world = network(FRA, other, *POOLS, chat(), GERMANY, observed=Observed(running=(running("ams"), running("fra"))))
    found = Plan(placements=at("fra", "ams"), shortfalls=(), changes=(), deferred=())

    assert asked(world, found) == (["fra", "ams"] if is_asked else ["fra"])


def test_who_runs_only_what_another_route_wants_is_not_asked() -> None:
    seen = Observed(running=(running("fra"), running("ams", "other")))
    change = Change(
        route=RouteKey("shop", "other"),
        kind=ChangeKind.MOVE,
        site="fra",
        pool=None,
        because=Because.FAILING,
        from_site="ams",
    )
    found = Plan(placements=at("fra"), shortfalls=(), changes=(change,), deferred=())

    assert asked(network(FRA, AMS, *POOLS, chat(), chat("other"), GERMANY, observed=seen), found) == ["fra"]


def test_engines_that_nobody_may_be_answered_by_are_not_asked() -> None:
    world = network(FRA, AMS, *POOLS, chat(), GERMANY, sample.policy("de", "DE"))

    assert asked(world, Plan(placements=at("ams", "fra")), entry="ams") == ["fra"]
