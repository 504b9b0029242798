"""Addresses behind a Service: only Kubernetes' own controller may write them."""

from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, site

from isochrone.verify import slices
from isochrone.verify.gathered import Found

BY_KUBERNETES: Final = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
BY_SOMEBODY: Final = {"endpointslice.kubernetes.io/managed-by": "somebody.example.com"}


def piece(*addresses: str, **labels: str) -> Found:
    item: Json = {
        "kind": "EndpointSlice",
        "metadata": {
            "name": "chat-engine-x",
            "namespace": "shop",
            "labels": {"kubernetes.io/service-name": "chat-engine", **labels},
        },
        "endpoints": [{"addresses": [each]} for each in addresses],
    }
    return Found(item, "slice.yaml")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(piece("203.0.113.7"), "203.0.113.7", id="an address"),
        pytest.param(piece("203.0.113.7", **BY_SOMEBODY), "203.0.113.7", id="somebody's own"),
        pytest.param(piece("203.0.113.7", **BY_KUBERNETES), None, id="Kubernetes' own"),
        pytest.param(piece("1.1.1.1", "1.1.1.2", "1.1.1.3"), "1.1.1.1, 1.1.1.2, 1.1.1.3", id="three"),
        pytest.param(piece(*"abcde"), "a, b, c, 2 more", id="many"),
        pytest.param(piece(), "addresses that may be added", id="none yet"),
    ],
)
def test_who_writes_addresses_behind_a_service(given: Found, expected: str | None) -> None:
    assert list(slices.strange([given])) == ([(given, expected)] if expected else [])


@pytest.mark.parametrize("rest", [{}, {"endpoints": None}, {"endpoints": [{}]}, {"endpoints": [{"addresses": None}]}])
def test_a_slice_that_says_nothing_may_come_to(rest: dict[str, Any]) -> None:
    item = {name: value for name, value in piece().item.items() if name != "endpoints"}
    assert [text for _, text in slices.strange([Found({**item, **rest}, "x")])] == ["addresses that may be added"]


@pytest.mark.parametrize(
    ("labels", "service"),
    [
        pytest.param({"labels": {"kubernetes.io/service-name": "web", "a": "b"}}, "web", id="one"),
        pytest.param({"labels": {"a": "b"}}, "", id="other labels"),
        pytest.param({"labels": None}, "", id="no labels"),
        pytest.param({}, "", id="nothing"),
    ],
)
def test_of_which_service_a_slice_is(labels: dict[str, Any], service: str) -> None:
    given = Found({"kind": "EndpointSlice", "metadata": {"name": "x", "namespace": "shop", **labels}}, "x")
    assert slices.service_of(given) == service


def test_by_which_services_engines_are_found() -> None:
    made = config()
    (pool,) = made["engines"]
    fixed = {**pool, "id": "shop/notes", "discovery": {"type": "Static", "addresses": ["192.0.2.1:8000"]}}
    assert slices.pools(site({**made, "engines": [pool, fixed]})) == {("shop", "chat-engine"): "shop/chat"}
