"""Addresses behind the Service of engines: only Kubernetes' own controller may write them."""

from typing import Any, Final

import pytest
from tests.unit.verify.by_hand import Json, config, site

from isochrone.verify import Rule, slices
from isochrone.verify.gathered import Found

OURS: Final = "chat-engine"
BY_KUBERNETES: Final = {"endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io"}
BY_SOMEBODY: Final = {"endpointslice.kubernetes.io/managed-by": "somebody.example.com"}


def piece(
    *addresses: str, service: str = OURS, namespace: str | None = "shop", kind: str = "EndpointSlice", **labels: str
) -> Found:
    home = {} if namespace is None else {"namespace": namespace}
    item: Json = {
        "kind": kind,
        "metadata": {"name": "chat-engine-x", **home, "labels": {"kubernetes.io/service-name": service, **labels}},
        "endpoints": [{"addresses": [each]} for each in addresses],
    }
    return Found(item, "slice.yaml")


def told(*objects: Found) -> list[str]:
    found = list(slices.findings(site(config()), objects))
    assert {(each.rule, each.site, each.where) for each in found} <= {(Rule.WRONG_ADDRESS, "fra1", "slice.yaml")}
    return [each.message for each in found]


def behind(addresses: str) -> list[str]:
    return [f"{addresses} are behind the Service shop/chat-engine, by which engines of shop/chat are found"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(piece("203.0.113.7"), behind("203.0.113.7"), id="an address"),
        pytest.param(piece("203.0.113.7", **BY_SOMEBODY), behind("203.0.113.7"), id="somebody's own"),
        pytest.param(piece("203.0.113.7", **BY_KUBERNETES), [], id="Kubernetes' own"),
        pytest.param(piece("203.0.113.7", service="web"), [], id="of another Service"),
        pytest.param(piece("203.0.113.7", namespace="web"), [], id="of another namespace"),
        pytest.param(piece("203.0.113.7", namespace=None), [], id="of no namespace"),
        pytest.param(piece("203.0.113.7", kind="Other"), [], id="another kind"),
        pytest.param(piece("1.1.1.1", "1.1.1.2", "1.1.1.3"), behind("1.1.1.1, 1.1.1.2, 1.1.1.3"), id="three"),
        pytest.param(piece(*"abcde"), behind("a, b, c, 2 more"), id="many"),
        pytest.param(piece(), behind("addresses that may be added"), id="none yet"),
    ],
)
def test_who_writes_addresses_of_engines(given: Found, expected: list[str]) -> None:
    assert told(given) == expected


@pytest.mark.parametrize("rest", [{}, {"endpoints": None}, {"endpoints": [{}]}, {"endpoints": [{"addresses": None}]}])
def test_a_slice_that_says_nothing_may_come_to(rest: dict[str, Any]) -> None:
    item = {name: value for name, value in piece().item.items() if name != "endpoints"}
    assert told(Found({**item, **rest}, "slice.yaml")) == behind("addresses that may be added")


@pytest.mark.parametrize("labels", [{}, {"labels": None}])
def test_a_slice_of_no_service_is_nobodys(labels: dict[str, Any]) -> None:
    item = {"kind": "EndpointSlice", "metadata": {"name": "x", "namespace": "shop", **labels}}
    assert told(Found(item, "slice.yaml")) == []


def test_by_which_services_engines_are_found() -> None:
    made = config()
    (pool,) = made["engines"]
    fixed = {**pool, "id": "shop/notes", "discovery": {"type": "Static", "addresses": ["192.0.2.1:8000"]}}
    assert slices.pools(site({**made, "engines": [pool, fixed]})) == {("shop", "chat-engine"): "shop/chat"}
