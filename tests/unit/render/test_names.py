"""Names within 63 characters, and no two alike."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isochrone.api import EdgeNode
from isochrone.render import names

ROUTES = st.from_regex(r"[a-z]([-a-z0-9]{0,54}[a-z0-9])?", fullmatch=True)
SITES = st.from_regex(r"[a-z]([-a-z0-9]{0,46}[a-z0-9])?", fullmatch=True)
LABEL = re.compile("[a-z]([-a-z0-9]{0,61}[a-z0-9])?")


def edge_node(name: str = "fra1", **spec: Any) -> EdgeNode:
    cluster = {"type": "Remote"}
    declared = {"place": {"iata": "FRA"}, "delivery": "GitOps", "cluster": cluster, **spec}
    return EdgeNode.model_validate({"kind": "EdgeNode", "metadata": {"name": name}, "spec": declared})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, "llama-engine", id="a cluster of its own"),
        pytest.param({"nodeSelector": {"zone": "a"}}, "llama-fra1-engine-79a5f8bf", id="some nodes of a cluster"),
        pytest.param({"cluster": {"type": "Local"}}, "llama-fra1-engine-79a5f8bf", id="the hub's own cluster"),
    ],
)
def test_engine_name(spec: dict[str, Any], expected: str) -> None:
    assert names.engine_name("llama", edge_node(**spec)) == expected


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        pytest.param({}, "isochrone-gateway", id="a cluster of its own"),
        pytest.param({"nodeSelector": {"zone": "a"}}, "isochrone-gateway-fra1", id="some nodes of a cluster"),
        pytest.param({"cluster": {"type": "Local"}}, "isochrone-gateway-fra1", id="the hub's own cluster"),
    ],
)
def test_gateway_name(spec: dict[str, Any], expected: str) -> None:
    assert names.gateway_name(edge_node(**spec)) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("a" * 63, "a" * 63, id="just fits"),
        pytest.param("a" * 64, f"{'a' * 54}-ffe054fe", id="one too long"),
        pytest.param(f"{'a' * 53}-{'b' * 20}", f"{'a' * 53}-af3ec493", id="no two hyphens where it is cut"),
    ],
)
def test_cut(name: str, expected: str) -> None:
    assert names.cut(name) == expected


@given(ROUTES, SITES, st.sampled_from([{}, {"nodeSelector": {"zone": "a"}}]))
def test_every_name_is_a_dns_label(route: str, site: str, spec: dict[str, Any]) -> None:
    edge = edge_node(site, **spec)
    for name in (names.engine_name(route, edge), names.gateway_name(edge)):
        assert LABEL.fullmatch(name), name


def test_names_that_could_be_read_in_two_ways_differ() -> None:
    shared = {"nodeSelector": {"zone": "a"}}
    found = {
        names.engine_name("a-b", edge_node("c", **shared)),
        names.engine_name("a", edge_node("b-c", **shared)),
        names.engine_name("a-b-c", edge_node()),
    }
    assert len(found) == 3


@given(SITES)
def test_a_stateful_set_leaves_room_for_the_labels_and_numbers_of_its_pods(site: str) -> None:
    name = names.stateful_name(edge_node(site, cluster={"type": "Local"}))
    assert LABEL.fullmatch(f"{name}-{'a' * 10}")
    assert LABEL.fullmatch(f"{name}-99")


def test_stateful_sets_of_sites_with_long_names_are_told_apart() -> None:
    found = {names.stateful_name(edge_node("s" * 47 + end, cluster={"type": "Local"})) for end in "ab"}
    assert len(found) == 2
    assert names.stateful_name(edge_node()) == "isochrone-gateway"
