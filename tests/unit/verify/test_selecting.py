"""Labels and selectors, as Kubernetes reads them."""

import pytest
from tests.unit.verify.by_hand import Json

from isochrone.verify.selecting import Labelled, Namespace, NamespacesOf, Selector


def expression(operator: str, *values: str) -> Json:
    return {"matchExpressions": [{"key": "a", "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("said", "labels", "matches"),
    [
        pytest.param({}, {"a": "1"}, True, id="anything"),
        pytest.param({"matchLabels": {"a": "1"}}, {"a": "1", "b": "2"}, True, id="a label"),
        pytest.param({"matchLabels": {"a": "1"}}, {"a": "2"}, False, id="another value"),
        pytest.param({"matchLabels": {"a": "1"}}, {}, False, id="no label"),
        pytest.param({"matchLabels": {"a": "1", "b": "2"}}, {"a": "1"}, False, id="one of two"),
        pytest.param(expression("In", "1", "2"), {"a": "2"}, True, id="in"),
        pytest.param(expression("In", "1", "2"), {"a": "3"}, False, id="not in"),
        pytest.param(expression("In", "1"), {}, False, id="in, and missing"),
        pytest.param(expression("NotIn", "1"), {"a": "2"}, True, id="NotIn"),
        pytest.param(expression("NotIn", "1"), {"a": "1"}, False, id="NotIn, but there"),
        pytest.param(expression("NotIn", "1"), {}, True, id="NotIn, and missing"),
        pytest.param(expression("Exists"), {"a": "1"}, True, id="Exists"),
        pytest.param(expression("Exists"), {"b": "1"}, False, id="Exists, but missing"),
        pytest.param(expression("DoesNotExist"), {"b": "1"}, True, id="DoesNotExist"),
        pytest.param(expression("DoesNotExist"), {"a": "1"}, False, id="DoesNotExist, but there"),
        pytest.param({"matchLabels": {"b": "1"}, **expression("Exists")}, {"b": "1"}, False, id="labels hold alone"),
        pytest.param({"matchLabels": {"b": "1"}, **expression("Exists")}, {"a": "1"}, False, id="expressions alone"),
        pytest.param({"matchLabels": {"b": "1"}, **expression("Exists")}, {"a": "1", "b": "1"}, True, id="both hold"),
    ],
)
def test_what_a_selector_matches(said: Json, labels: dict[str, str], *, matches: bool) -> None:
    found = Selector.read(said)
    assert found is not None
    assert found.matches(labels) is matches


def test_no_selector() -> None:
    assert Selector.read(None) is None
    assert NamespacesOf.read(None) is None


def test_an_operator_that_there_isn_t() -> None:
    found = Selector.read(expression("Near", "1"))
    assert found is not None
    with pytest.raises(ValueError, match="Near is no operator of a selector"):
        found.matches({"a": "1"})


@pytest.mark.parametrize(
    ("said", "has"),
    [
        pytest.param({}, False, id="none"),
        pytest.param({"names": ["shop"]}, True, id="named"),
        pytest.param({"names": ["x"]}, False, id="another named"),
        pytest.param({"selector": {"matchLabels": {"team": "a"}}}, True, id="by its labels"),
        pytest.param({"selector": {"matchLabels": {"team": "b"}}}, False, id="by others'"),
        pytest.param({"names": ["shop"], "selector": {"matchLabels": {"team": "b"}}}, True, id="named, not by labels"),
        pytest.param({"selector": {}}, True, id="all"),
    ],
)
def test_which_namespaces_are_meant(said: Json, *, has: bool) -> None:
    found = NamespacesOf.read(said)
    assert found is not None
    assert found.has(Namespace("shop", {"team": "a"})) is has


def test_an_id() -> None:
    assert Labelled("chat", {}, Namespace("shop", {})).id == "shop/chat"
