"""The planner on small worlds: one rule at a time."""

import pathlib

import yaml
from tests.worlds.build import snapshot

from isochrone.model import RouteKey, Snapshot, ToEngine, ToPeer, ToProvider
from isochrone.plan import explain, plan, routing

EXAMPLES = pathlib.Path(__file__).parents[3] / "examples"
QWEN, BGE = RouteKey("demo", "qwen"), RouteKey("demo", "bge")


def example(name: str) -> Snapshot:
    files = sorted((EXAMPLES / name).glob("*.yaml"))
    return snapshot(each for file in files for each in yaml.safe_load_all(file.read_text()))


def test_the_quickstart_is_placed_where_the_law_and_latency_want_it() -> None:
    found = plan(example("quickstart-multicluster"), now=0)
    assert [(each.route, each.site, each.replicas) for each in found.placements] == [
        (BGE, "fra1", 1),
        (QWEN, "cdg1", 2),
        (QWEN, "fra1", 2),
    ]
    assert found.shortfalls == ()


def test_a_far_site_sends_to_the_nearest_peer_and_then_to_the_lawful_endpoint() -> None:
    world = example("quickstart-multicluster")
    tiers = routing(world, plan(world, now=0), now=0).at("iad1").routes[QWEN]
    assert [[candidate.target for candidate in tier] for tier in tiers] == [
        [ToPeer("cdg1", QWEN), ToPeer("fra1", QWEN)],
        [ToProvider("openai", "eu", "gpt-4o-mini")],
    ]


def test_a_site_asks_its_own_engines_first() -> None:
    world = example("quickstart-multicluster")
    first = routing(world, plan(world, now=0), now=0).at("fra1").routes[QWEN][0][0]
    assert (first.target, first.rtt) == (ToEngine(QWEN), 0)


def test_it_says_why_a_site_is_not_used() -> None:
    world = example("quickstart-multicluster")
    told = explain(world, plan(world, now=0), QWEN, now=0)
    assert told is not None
    assert {each.site: str(each.because or each.why_not) for each in told.sites} == {
        "fra1": "MinSites",
        "cdg1": "MinSites",
        "ber1": "NotNeeded",
        "iad1": "UnlawfulInference",
    }
    assert {each.site: each.ruling.verdict.policy for each in told.sites}["iad1"] == "eu-data-stays"
