"""Who may use what."""

import pytest
from tests.unit.validate.sample import (
    EVERY,
    TEAM,
    Json,
    edge,
    namespace,
    policy,
    pool,
    provider,
    route,
    said,
    tenant,
    tiers,
    to_provider,
    to_route,
)

FINE = [
    pytest.param(
        [
            edge(),
            pool(),
            route(allowedNamespaces={"names": ["lab"]}),
            route("b", ns="lab", tiers=tiers(to_route("chat", "shop"))),
        ],
        id="route-to-other-namespace",
    ),
    pytest.param(
        [
            edge(),
            pool(),
            route(allowedNamespaces=EVERY),
            tenant(ns="lab", allowedRoutes=[{"namespace": "shop", "name": "chat"}]),
        ],
        id="tenant-of-other-namespace",
    ),
    pytest.param([edge(), pool(allowedNamespaces=TEAM), namespace("shop", team="ai"), route()], id="pool-by-label"),
]

WRONG = [
    pytest.param(
        [provider(), route(ns="lab", tiers=tiers(to_provider()))],
        ["E RefNotPermitted ModelRoute lab/chat spec.tiers[0].backends[0].provider.name"],
        id="provider-not-permitted",
    ),
    pytest.param(
        [edge(), pool(), route(), route("b", ns="lab", tiers=tiers(to_route("chat", "shop")))],
        ["E RefNotPermitted ModelRoute lab/b spec.tiers[0].backends[0].route.name"],
        id="route-not-permitted",
    ),
    pytest.param(
        [edge(), pool(), route(), tenant(ns="lab", allowedRoutes=[{"namespace": "shop", "name": "chat"}])],
        ["E RefNotPermitted InferenceTenant lab/web spec.allowedRoutes[0].name"],
        id="tenant-not-permitted",
    ),
    pytest.param(
        [provider(allowedNamespaces=TEAM), namespace("shop"), route(tiers=tiers(to_provider()))],
        ["E RefNotPermitted ModelRoute shop/chat spec.tiers[0].backends[0].provider.name"],
        id="label-missing",
    ),
    pytest.param(
        [provider(allowedNamespaces=TEAM), route(tiers=tiers(to_provider()))],
        ["W NamespaceUnknown ModelProvider acme spec.allowedNamespaces.selector"],
        id="label-not-known",
    ),
    pytest.param(
        [edge(), pool(), route(), policy(binds={"namespaces": TEAM})],
        ["W NamespaceUnknown DataResidencyPolicy eu-only spec.binds.namespaces.selector"],
        id="policy-label-not-known",
    ),
    pytest.param(
        [edge(), pool(allowedNamespaces=None)],
        ["W UsedByNobody GPUPool h100 spec.allowedNamespaces"],
        id="pool-for-nobody",
    ),
]


@pytest.mark.parametrize("objects", FINE)
def test_nothing_is_said(objects: list[Json]) -> None:
    assert said(objects) == []


@pytest.mark.parametrize(("objects", "expected"), WRONG)
def test_it_is_said(objects: list[Json], expected: list[str]) -> None:
    assert sorted(said(objects)) == sorted(expected)
