"""What one pass of the hub comes to."""

import asyncio
import dataclasses
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.unit.certificates.network import is_valid, verifies
from tests.unit.outage.installation import CLUSTER_OF, HOUR, NAMES, SETTINGS, Installation

from isochrone import manifests, status
from isochrone.controller import state
from isochrone.kube import found
from isochrone.kube.hub import KINDS
from isochrone.kube.kinds import CONFIG_MAP, LEASE
from isochrone.model.declared import PAUSED, SYSTEM_NAMESPACE
from isochrone.plan import routing
from isochrone.render import labels
from isochrone.rollout.actions import Identity
from isochrone_gateway.config import report as reports
from isochrone_gateway.config.report import Demand, PodReport

Json = Mapping[str, Any]

KIND = {kind.name: kind for kind in KINDS.values()}
EDGE, ROUTE, POLICY = KIND["EdgeNode"], KIND["ModelRoute"], KIND["DataResidencyPolicy"]

EXAMPLE = Path(__file__).parents[3] / "examples" / "quickstart-multicluster"


def test_a_pass_says_whom_gateways_ask_also_when_nothing_is_rendered_anew(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(2)
        for _ in range(2):
            await made.operate()
            passed = made.passed
            assert passed is not None
            tables = routing(passed.snapshot, passed.plan, now=int(made.wall()))
            sites = sorted(each.metadata.name for each in passed.snapshot.edge_nodes)
            assert passed.asked == status.Asked.of(map(tables.at, sites))
            assert {str(key) for key in passed.asked.answered} == {"demo/bge", "demo/qwen"}

    asyncio.run(scenario())


def test_what_several_sites_ask_is_put_together() -> None:
    parts = [status.Asked(providers={name: frozenset({"openai"})}, answered=frozenset()) for name in ("fra1", "cdg1")]
    together = status.Asked.together(parts)
    assert together == status.Asked(
        providers={"fra1": frozenset({"openai"}), "cdg1": frozenset({"openai"})}, answered=frozenset()
    )
    assert together != dataclasses.replace(together, providers={})


async def children_of(made: Installation, site: str) -> dict[Identity, Json]:
    """What a site has, without what its certificate is in."""
    there = await found.objects(made.clusters[CLUSTER_OF[site]], "isochrone", ())
    return {
        key: item
        for key, item in there.children.items()
        if item["metadata"].get("labels", {}).get(labels.EDGE_NODE) == site and item["kind"] != "Secret"
    }


def test_where_somebody_has_stopped_all_else_certificates_are_renewed(tmp_path: Path) -> None:
    """At a site of the hub's cluster, at one that the hub pushes to, and at one that pulls; a new authority too."""
    stopped = ("ber1", "cdg1", "iad1")

    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(8)
        for site in stopped:
            await made.hub.merge(EDGE.path(None, site), {"metadata": {"annotations": {PAUSED: ""}}})
        before = {site: await made.credentials(site) for site in stopped}
        children = {site: await children_of(made, site) for site in stopped}
        others = await children_of(made, "fra1")
        await made.hub.merge(ROUTE.path("demo", "qwen"), {"spec": {"placement": {"minSites": 4}}})
        await made.rotate()
        for _ in range(35):
            made.wall.now += 24 * HOUR
            for _ in range(2):  # what is asked for is there with the next look
                await made.operate()
        now, authority = int(made.wall()), (await made.state()).signer
        for site in stopped:
            held = await made.credentials(site)
            assert held.certificate != before[site].certificate, site
            assert is_valid(held.certificate, now), site
            assert verifies(held.certificate, authority.certificate), site
        assert {site: await children_of(made, site) for site in stopped} == children
        assert await children_of(made, "fra1") != others

        for site in stopped:
            await made.hub.merge(EDGE.path(None, site), {"metadata": {"annotations": {PAUSED: None}}})
        await made.go_on(8)
        for site in stopped:
            assert await children_of(made, site) != children[site], "it goes on"

    asyncio.run(scenario())


def test_a_leader_who_knows_nothing_of_a_stopped_site_but_its_number_leaves_all_of_it_there(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(8)
        children = {site: await children_of(made, site) for site in CLUSTER_OF}
        for site in CLUSTER_OF:
            await made.hub.merge(EDGE.path(None, site), {"metadata": {"annotations": {PAUSED: ""}}})
        await made.hub.merge(ROUTE.path("demo", "qwen"), {"spec": {"placement": {"minSites": 4}}})
        made.replace_leader()
        await made.go_on(4)
        assert {site: await children_of(made, site) for site in CLUSTER_OF} == children

    asyncio.run(scenario())


@pytest.mark.parametrize("how", ["is_away", "refuses"])
def test_where_a_new_leader_is_not_let_in_at_first_all_runs_on(tmp_path: Path, how: str) -> None:
    """An API server that has just started refuses everybody for a moment. What it has isn't known then: not nothing."""

    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(8)
        made.replace_leader()
        setattr(made.clusters["cdg1"], how, True)
        for _ in range(3):
            await made.operate()
            assert made.passed is not None
            assert made.passed.plan.changes == ()
            assert "cdg1" in {each.site for each in made.passed.snapshot.observed.running}

    asyncio.run(scenario())


def test_a_slow_pass_of_a_hub_made_anew_is_no_time_in_which_nothing_was_declared(tmp_path: Path) -> None:
    """A law is declared right before a pass that takes longer than such a hub waits for the next."""
    kept = CONFIG_MAP.path(SYSTEM_NAMESPACE, state.NAME)
    laws = POLICY.path(None)

    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(8)
        children = {site: await children_of(made, site) for site in CLUSTER_OF}
        await made.hub.delete(kept)
        made.replace_leader()
        first, *others = (await made.hub.list(laws)).items
        for law in (first, *others):
            await made.hub.delete(POLICY.path(None, law["metadata"]["name"]))
        await made.operate()
        await made.hub.create(laws, first)
        made.wall.step = SETTINGS.pace.adopt
        await made.operate()
        assert {site: await children_of(made, site) for site in CLUSTER_OF} == children

        for law in others:
            await made.hub.create(laws, law)
        made.wall.step = 0.0
        await made.go_on(8)
        for site in CLUSTER_OF:
            assert (await children_of(made, site)).keys() == children[site].keys()

    asyncio.run(scenario())


FRENCH = Demand(seconds=7_200, routes={"demo/qwen": {"FR": 150}})


async def tell(made: Installation, site: str, demand: Demand | None) -> None:
    """What a gateway's pod says on its site's Lease, for the next hours."""
    said = PodReport(pod="a", at=dt.datetime.fromtimestamp(made.wall.now + 3 * HOUR, dt.UTC), demand=demand)
    note = {reports.annotation("a"): reports.encode(said)}
    path = LEASE.path(SYSTEM_NAMESPACE, f"{NAMES[site]}-config")
    await made.clusters[CLUSTER_OF[site]].merge(path, {"metadata": {"annotations": note}})


def placed_by(made: Installation) -> Mapping[str, Mapping[str, int]]:
    assert made.passed is not None
    return {str(route): percent for route, percent in made.passed.snapshot.observed.demand.items()}


@pytest.mark.parametrize("site", ["ber1", "cdg1", "iad1"])
def test_what_gateways_count_is_planned_by_and_kept(tmp_path: Path, site: str) -> None:
    """Told in the hub's cluster, in one that it pushes to, and by one that pulls."""

    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(8)
        assert not placed_by(made)
        await tell(made, site, FRENCH)
        await made.go_on(3)
        assert placed_by(made) == {"demo/qwen": {"FR": 100}}

        made.replace_leader()
        await made.operate()
        assert placed_by(made) == {"demo/qwen": {"FR": 100}}, "another leader, who has heard of no gateway"
        await made.go_on(8)
        assert placed_by(made) == {"demo/qwen": {"FR": 100}}, "and the gateway is silent"

    asyncio.run(scenario())


def test_while_a_site_is_not_known_to_count_nothing_new_is_taken(tmp_path: Path) -> None:
    async def scenario() -> None:
        made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
        await made.declare()
        await made.go_on(8)
        for path, spec in (("fra1", {"delivery": "GitOps"}), ("fra1", {"delivery": "Push"})):
            await made.hub.merge(EDGE.path(None, path), {"spec": spec})
            await tell(made, "cdg1", FRENCH)
            await made.go_on(2)
            assert bool(placed_by(made)) is (spec["delivery"] == "Push")

    asyncio.run(scenario())
