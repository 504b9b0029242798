"""Whatever is edited, planning again with what was known before comes to the plan that is made from nothing."""

import dataclasses
from typing import Any, Final

import pytest
from tests.unit.plan.small import CHAT, NOW, Json, chat, network, pool, running, site
from tests.unit.validate import sample

from isochrone.model import Observed, RouteKey, SiteObservation, Snapshot
from isochrone.plan import plan, replan

TEAM: Final[Json] = {"selector": {"matchLabels": {"team": "ai"}}}
RUNS: Final = Observed(running=(running("fra"),))


def world(observed: Observed = RUNS, *, without: str = "", **fields: Any) -> Snapshot:
    """Chat runs in Frankfurt; each field replaces an object, or is a setting."""
    settings = {key: value for key, value in fields.items() if key in {"unbound", "move_gain_percent"}}
    objects: dict[str, Json] = {
        "fra": site("fra", "FRA"),
        "ams": site("ams", "AMS"),
        "gpu_fra": pool("fra", pricePerDeviceHour="2.00", allowedNamespaces=TEAM),
        "gpu_ams": pool("ams", pricePerDeviceHour="1.80", allowedNamespaces=TEAM),
        "chat": chat(placement={"strategy": "Cheapest"}),
        "namespace": sample.namespace("shop", team="ai"),
        "policy": sample.policy("eu", "EU", binds={"namespaces": TEAM}),
        "tenant": sample.tenant(origins=["DE"]),
        **{key: value for key, value in fields.items() if key not in settings},
    }
    return network(*(each for key, each in objects.items() if key != without), observed=observed, **settings)


EDITS: Final = [
    pytest.param(world(chat=chat(placement={"minSites": 2})), id="a route"),
    pytest.param(world(chat=chat(placement={"edgeNodeSelector": {"matchLabels": {"a": "b"}}})), id="a selector"),
    pytest.param(world(gpu_fra=pool("fra", allowedNamespaces={"names": ["bank"]})), id="rights to a pool"),
    pytest.param(world(gpu_ams=pool("ams", pricePerDeviceHour="1.00", allowedNamespaces=TEAM)), id="a price"),
    pytest.param(world(without="gpu_fra"), id="no pool any more"),
    pytest.param(world(fra=site("fra", "FRA", state="Disabled")), id="a site is disabled"),
    pytest.param(world(fra=site("fra", "FRA", state="Draining")), id="a site is drained"),
    pytest.param(world(fra=site("fra", "IAD")), id="a site is elsewhere"),
    pytest.param(world(without="fra"), id="no site any more"),
    pytest.param(world(aaa=site("aaa", "IAD")), id="another site that comes first"),
    pytest.param(world(namespace=sample.namespace("shop")), id="labels of a namespace"),
    pytest.param(world(policy=sample.policy("eu", "NL")), id="a policy"),
    pytest.param(world(policy=sample.policy("eu", "US", binds={"namespaces": TEAM})), id="a policy by namespace"),
    pytest.param(world(policy=sample.policy("eu", "FR", "DE", mode="Audit")), id="a policy only reports"),
    pytest.param(world(without="policy", unbound="Deny"), id="what no policy binds"),
    pytest.param(world(tenant=sample.tenant(origins=["US"])), id="a tenant"),
    pytest.param(
        world(
            tenant=sample.tenant(origins=["US"]),
            policy=sample.policy("us", "US", binds={"origins": {"include": ["US"]}}),
        ),
        id="a tenant and its policy",
    ),
    pytest.param(world(move_gain_percent=5), id="the least gain"),
    pytest.param(world(Observed()), id="nothing runs"),
    pytest.param(world(Observed(running=(running("ams"),))), id="it runs elsewhere"),
    pytest.param(world(Observed(running=RUNS.running, failed=frozenset({(CHAT, "ams")}))), id="it failed"),
    pytest.param(
        world(Observed(running=RUNS.running, failed=frozenset({(CHAT, "gone")}))), id="it failed at a site that is gone"
    ),
    pytest.param(
        world(Observed(sites={"ams": SiteObservation(taken={"gpu-ams": (1,)})})), id="others have the devices"
    ),
    pytest.param(world(Observed(demand={CHAT: {"FR": 5}}, running=RUNS.running)), id="demand"),
    pytest.param(world(other=chat("other", serving={"priority": 9})), id="another route"),
    pytest.param(
        world(open=site("open", "CDG", gateway={"anonymousAccess": "Allow"}), without="tenant"), id="no key needed"
    ),
]


@pytest.mark.parametrize("after", EDITS)
def test_what_is_edited_is_planned_as_from_nothing(after: Snapshot) -> None:
    before = world()
    first = replan(None, before, now=NOW)
    found = replan(first, after, now=NOW)

    assert found.plan == plan(after, now=NOW)
    again = replan(found, before, now=NOW)
    assert again.plan == first.plan


NEAREST: Final = chat(placement={"strategy": "Nearest"})
TWO: Final = sample.tenant(origins=["DE", "FR"])
FROM_HOME: Final = (
    sample.policy("de", "DE", binds={"origins": {"include": ["DE"]}}),
    sample.policy("us", "US", binds={"origins": {"include": ["US"]}}),
)


def atlantic(*objects: Json) -> Snapshot:
    """Germans and Americans, each to be answered at home, and soon."""
    wanted = chat(placement={"latencyObjective": {"rtt": "80ms", "percentile": 99}})
    return network(site("fra", "FRA"), pool("fra"), wanted, sample.tenant(origins=["DE", "US"]), *FROM_HOME, *objects)


ONE_THING: Final = [
    pytest.param(
        world(Observed()),
        world(Observed(sites={"ams": SiteObservation(taken={"gpu-ams": (1,)})})),
        id="what others hold",
    ),
    pytest.param(world(Observed()), world(Observed(failed=frozenset({(CHAT, "ams")}))), id="where it failed"),
    pytest.param(world(chat=NEAREST), world(chat=NEAREST, fra=site("fra", "LIS")), id="where a site is"),
    pytest.param(
        world(chat=NEAREST, tenant=TWO, ams=site("ams", "CDG")),
        world(
            Observed(demand={CHAT: {"FR": 5}}, running=RUNS.running), chat=NEAREST, tenant=TWO, ams=site("ams", "CDG")
        ),
        id="who asks",
    ),
    pytest.param(
        atlantic(site("iad", "IAD"), pool("iad")),
        atlantic(sample.provider("acme", sample.endpoint("us", "US"))),
        id="a site's place is that of an endpoint",
    ),
]


@pytest.mark.parametrize(("before", "after"), ONE_THING)
def test_one_thing_that_changes_the_plan_is_seen(before: Snapshot, after: Snapshot) -> None:
    first = replan(None, before, now=NOW)
    found = replan(first, after, now=NOW)

    assert found.plan == plan(after, now=NOW) != first.plan


def test_what_nobody_edits_is_kept_as_it_is() -> None:
    """All answers, as the same objects: none is worked out anew."""
    first = replan(None, world(), now=NOW)
    again = replan(first, world(), now=NOW + 1)
    answers = [(question, answer) for question, (_, answer) in first.memo._now.items()]

    assert len(answers) > 10
    assert [question for question, answer in answers if again.memo._now[question][1] is not answer] == []


def test_routes_that_look_alike_to_the_law_share_its_answer() -> None:
    prepared = replan(None, world(other=chat("other"), bank=sample.route("chat", ns="bank")), now=NOW).prepared
    keys = (CHAT, RouteKey("shop", "other"), RouteKey("bank", "chat"))
    chats, others, bank = (prepared.laws[key] for key in keys)

    assert chats is others
    assert chats is not bank
    assert prepared.wants[CHAT].view is prepared.wants[keys[1]].view


def test_moves_of_the_last_hour_are_counted_once() -> None:
    cheap = world(move_gain_percent=5)
    for moved, expected in ((0, 1), (19, 1), (20, 0), (21, 0)):
        observed = dataclasses.replace(cheap.observed, moves=(NOW - 1,) * moved)
        found = plan(dataclasses.replace(cheap, observed=observed), now=NOW)
        assert (len(found.changes), len(found.deferred)) == (expected, 1 - expected)
