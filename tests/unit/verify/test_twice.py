"""Objects that are given twice: one of them will not be there."""

import dataclasses
from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, edge, read, site
from tests.unit.verify.clusters import both, prove
from tests.unit.verify.clusters import told as told_of

from isochrone.verify import Rule, twice
from isochrone.verify.declared import Declared
from isochrone.verify.gathered import Found

NODES: Final = read([edge(name, "DE-HE", nodeSelector={"site": name}) for name in ("fra1", "iad1")])
ONE: Final = read([edge("fra1", "DE-HE", nodeSelector={"site": "fra1"})])
NONE: Final = read()


def item(kind: str = "NetworkPolicy", name: str = "x", namespace: str | None = "shop", **fields: Any) -> Json:
    made = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": namespace}, **fields}
    return {name: value for name, value in made.items() if value is not None}


def told(known: Declared = NODES, /, **clusters: list[Json]) -> list[tuple[str, str]]:
    """`fra1` and `iad1` are the folders with their configs."""
    configs = {each: site(config(each)) for each in ("fra1", "iad1")}
    named = {name: f"cluster of {name}" if name in configs else name for name in clusters}
    given = {
        named[name]: [Found(each, f"{name}/{number}") for number, each in enumerate(there)]
        for name, there in clusters.items()
    }
    found = list(twice.findings(known, configs, given))
    assert {(each.rule, each.site) for each in found} <= {(Rule.GIVEN_TWICE, "")}
    return [(each.where, each.message) for each in found]


def isnt(first: str, what: str = "NetworkPolicy shop/x") -> str:
    return f"{what} isn't what it is in {first}: the last one applied is there; keep one"


SHARD: Final[Json] = {"binaryData": {"shard": "YQ=="}}
INDEX: Final[Json] = {"data": {"index.json": "{}"}}


@pytest.mark.parametrize(
    ("first", "second", "is_told"),
    [
        pytest.param(item(spec={"a": 1}), item(spec={"a": 2}), True, id="another content"),
        pytest.param(item(spec={"a": 1}), item(spec={"a": 1}), False, id="the same content"),
        pytest.param(item(spec={"a": 1}), item(name="y"), False, id="another name"),
        pytest.param(item(spec={"a": 1}), item(namespace="web"), False, id="another namespace"),
        pytest.param(item(spec={"a": 1}), item("CiliumNetworkPolicy"), False, id="another kind"),
        pytest.param(item(spec={"a": 1}), item(apiVersion="v2"), True, id="another version"),
        pytest.param(item(apiVersion=None, a=1), item(), False, id="what a cluster lists"),
        pytest.param(item(), item(apiVersion=None, a=1), False, id="what another cluster lists"),
        pytest.param(item("ConfigMap", data={"a": "1"}), item("ConfigMap", data={"a": "2"}), False, id="no config"),
        pytest.param(item("Secret", data={"a": "1"}), item("Secret"), False, id="what isn't read"),
        pytest.param(item("Namespace", data={"a": "1"}), item("Namespace"), False, id="a namespace"),
        pytest.param(item("Secret", **INDEX), item("Secret", **INDEX, a=1), False, id="a Secret with an index in it"),
    ],
)
def test_which_objects_are_given_twice(first: Json, second: Json, *, is_told: bool) -> None:
    assert told(fra1=[first, second]) == ([("fra1/1", isnt("fra1/0"))] if is_told else [])
    assert told(fra1=[first], iad1=[second]) == ([("iad1/0", isnt("fra1/0"))] if is_told else [])
    assert told(NONE, fra1=[first, second]) == ([("fra1/1", isnt("fra1/0"))] if is_told else [])
    assert told(NONE, fra1=[first], iad1=[second]) == []


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        *((kind, {"a": 1}) for kind in ("NetworkPolicy", "CiliumNetworkPolicy", "FQDNNetworkPolicy")),
        *((kind, {"a": 1}) for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "Pod")),
        *((kind, {"a": 1}) for kind in ("Service", "EndpointSlice")),
        ("ConfigMap", SHARD),
        ("ConfigMap", INDEX),
    ],
)
def test_of_which_kinds(kind: str, first: Json) -> None:
    text = isnt("fra1/0", f"{kind} shop/x")
    assert told(fra1=[item(kind, **first), item(kind, **first, b=1)]) == [("fra1/1", text)]


@pytest.mark.parametrize(
    ("known", "others", "is_told"),
    [
        pytest.param(NODES, "iad1", True, id="both are some of the nodes"),
        pytest.param(ONE, "iad1", False, id="the other is a cluster of its own"),
        pytest.param(NONE, "iad1", False, id="each is a cluster of its own"),
        pytest.param(ONE, "mine", True, id="a folder without a config"),
        pytest.param(NONE, "mine", False, id="a folder without a config, beside a cluster of its own"),
    ],
)
def test_which_folders_may_be_of_one_cluster(known: Declared, others: str, *, is_told: bool) -> None:
    expected = [isnt("fra1/0")] if is_told else []
    given = {"fra1": [item(a=1)], others: [item(a=2)]}
    assert [text for _, text in told(known, **given)] == expected
    assert len(told(known, **dict(reversed(given.items())))) == len(expected)


@pytest.mark.parametrize("order", [("fra1", "iad1"), ("iad1", "fra1")])
def test_one_site_that_is_some_of_the_nodes_makes_a_cluster_shared(order: tuple[str, str]) -> None:
    configs = {each: dataclasses.replace(site(config(each)), cluster="eu") for each in order}
    given = {"eu": [Found(item(a=1), "eu/0")], "mine": [Found(item(a=2), "mine/0")]}
    assert len(list(twice.findings(ONE, configs, given))) == 1
    assert list(twice.findings(NONE, configs, given)) == []


def test_a_site_that_is_not_declared_is_a_cluster_of_its_own() -> None:
    known = read([edge("fra1", "DE-HE", nodeSelector={"site": "fra1"})])
    lacking = {name: each for name, each in known.sites.items() if name != "iad1"}
    assert told(dataclasses.replace(known, sites=lacking), fra1=[item(a=1)], iad1=[item(a=2)]) == []


def test_folders_without_a_config_are_compared_only_where_some_cluster_is_shared() -> None:
    """Where no config is sound, each may be a cluster of its own."""
    given = {"fra1": [Found(item(a=1), "fra1/0")], "iad1": [Found(item(a=2), "iad1/0")]}
    assert list(twice.findings(NODES, {}, given)) == []


def test_each_that_differs_is_told() -> None:
    """From the first in its folder, and where that has none before it, from the first of all."""
    found = told(fra1=[item(a=1), item(a=2), item(a=1)], iad1=[item(a=3), item(a=3)], more=[item(a=1)])
    assert found == [("fra1/1", isnt("fra1/0")), ("iad1/0", isnt("fra1/0"))]


def test_a_routes_service_leads_to_another_gateway_in_each_folder() -> None:
    first, second = (item("Service", "chat", spec={"externalName": name}) for name in ("a", "b"))
    assert told(fra1=[first], iad1=[second]) == []
    assert len(told(fra1=[first, second])) == 1
    assert len(told(fra1=[item("Service", "web", spec={})], iad1=[item("Service", "web")])) == 1
    assert len(told(fra1=[{**first, "kind": "Deployment"}], iad1=[{**second, "kind": "Deployment"}])) == 1


def test_it_is_part_of_the_proof() -> None:
    made = both()
    mine = item("Deployment", "mine", "shop", spec={"template": {}})
    made["eu"] += [mine, {**mine, "spec": {}}]
    text = isnt("eu/Deployment/mine", "Deployment shop/mine")
    assert (Rule.GIVEN_TWICE, "", text) in told_of(prove(**made))
