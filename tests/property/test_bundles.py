"""Whatever is declared: configs that gateways take, and objects that are well formed."""

import datetime as dt
import hashlib
import json
import os
from typing import Any

import pytest
from tests.worlds.sites import world

from isochrone.model import Plan, Snapshot, declared
from isochrone.plan import Routings, plan, public_names, routing
from isochrone.render.bundle import Bundle, Renderer, identity, index_object
from isochrone.render.config import Installation
from isochrone_gateway.config import Release, assemble, find_problems, pack, read_index

SEEDS = range(1000, 3000 if os.environ.get("ISOCHRONE_SOAK") else 1020)
RELEASE = Release(installation="isochrone", epoch=1, sequence=1, issued_at=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
CLUSTER_SCOPED = {"Namespace"}


def rendered(snapshot: Snapshot) -> tuple[Plan, Routings, Renderer]:
    planned = plan(snapshot, now=0)
    return planned, routing(snapshot, planned, now=0), Renderer(snapshot, planned)


@pytest.mark.parametrize("seed", SEEDS)
def test_all_of_a_world(seed: int) -> None:
    snapshot = world(seed)
    planned, routings, renderer = rendered(snapshot)
    installation = Installation(snapshot, planned)
    assert public_names(snapshot.routes) == declared.public_names(snapshot.routes), "plan and gateways agree"
    bundles = [renderer.bundle(routings.at(site)) for site in renderer.sites]
    for bundle in bundles:
        if bundle.config is None:
            assert bundle.objects == ()
            continue
        config = installation.config(routings.at(bundle.site))
        assert find_problems(config) == (), bundle.site
        assert pack(config).digest == bundle.config.digest, "what is packed once is what each would have packed"
        index = read_index(index_object(bundle, RELEASE)["data"]["index.json"].encode())
        assert assemble(index, bundle.config.blobs).config.site.name == bundle.site
        for each in bundle.objects:
            check_form(each)
    check_names(bundles)
    again = rendered(world(seed))
    assert [again[2].bundle(again[1].at(each.site)).digest for each in reversed(bundles)] == [
        each.digest for each in reversed(bundles)
    ]


def check_form(item: dict[str, Any]) -> None:
    assert list(item)[:3] == ["apiVersion", "kind", "metadata"]
    assert ("namespace" in item["metadata"]) is (item["kind"] not in CLUSTER_SCOPED)
    labels = item["metadata"]["labels"]
    assert labels["app.kubernetes.io/managed-by"] == "isochrone"
    assert all(isinstance(value, str) and len(value) <= 63 for value in labels.values())
    assert "ownerReferences" not in item["metadata"]
    assert json.loads(json.dumps(item)) == item
    check_filled(item, item["kind"])


def check_filled(value: Any, path: str) -> None:
    """No nulls anywhere; nothing empty but what means something by being there."""
    assert value is not None, path
    if isinstance(value, dict):
        for key, each in value.items():
            assert each != {} or key in {"emptyDir", "ports"}, f"{path}.{key}"
            check_filled(each, f"{path}.{key}")
    if isinstance(value, list):
        for number, each in enumerate(value):
            check_filled(each, f"{path}[{number}]")


def check_names(bundles: list[Bundle]) -> None:
    """In one cluster, two sites have an object in common only if it is the same for both."""
    seen: dict[tuple[Any, ...], str] = {}
    for bundle in bundles:
        for each in bundle.objects:
            text = hashlib.sha256(json.dumps(each).encode()).hexdigest()
            assert seen.setdefault((bundle.cluster, *identity(each)), text) == text, identity(each)
        assert len({identity(each) for each in bundle.objects}) == len(bundle.objects)


def test_the_worlds_have_what_is_hard() -> None:
    """Else the test above shows little."""
    worlds = [world(seed) for seed in range(1000, 1040)]
    edges = [edge for each in worlds for edge in each.edge_nodes]
    assert {edge.spec.state.value for edge in edges} == {"Active", "Draining", "Disabled"}
    assert len({edge.spec.cluster.type for edge in edges}) == 4
    assert sum(len(each.policies) >= 2 for each in worlds) > 10
    assert sum(any(edge.metadata.deletion_timestamp for edge in each.edge_nodes) for each in worlds) > 0
    assert sum(len(each.routes) >= 4 for each in worlds) > 5
