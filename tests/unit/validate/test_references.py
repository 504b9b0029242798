"""References that lead nowhere, objects and names that are there twice."""

import pytest
from tests.unit.validate.sample import (
    EVERY,
    FAR,
    Json,
    edge,
    pool,
    provider,
    route,
    said,
    secret,
    serving,
    tenant,
    tiers,
    to_provider,
    to_route,
)

FINE = [
    pytest.param([], id="nothing"),
    pytest.param([edge(), pool(), route()], id="one-site"),
    pytest.param([edge(**FAR), edge("ams", "AMS", **FAR), pool(), route(), tenant()], id="two-sites"),
    pytest.param([provider(), route(tiers=tiers(to_provider())), tenant()], id="provider-only"),
    pytest.param(
        [edge(), pool(), provider(), route(serving=serving(), tiers=tiers({"serving": {}}, to_provider()))], id="tiers"
    ),
    pytest.param([edge(), pool(), route(), route("b", tiers=tiers(to_route("chat")))], id="route-to-route"),
    pytest.param(
        [edge(cluster={"type": "Kubeconfig", "kubeconfigSecretRef": {"name": "c", "key": "k"}}), secret("c", "k")],
        id="secret-with-key",
    ),
    pytest.param([edge(gateway={"tls": {"secretName": "web"}}), secret("web", "tls.crt")], id="certificate"),
    pytest.param(
        [edge(gateway={"tls": {"secretName": "web"}}, cluster={"type": "Remote"}, delivery="Pull"), secret("t", "k")],
        id="certificate-in-another-cluster",
    ),
    pytest.param(
        [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x"}, "spec": 5}], id="other-groups"
    ),
]

WRONG = [
    pytest.param([edge(), edge()], ["E DuplicateObject EdgeNode fra metadata.name"], id="twice"),
    pytest.param(
        [edge(), pool(), route(), route(ns="shop")],
        ["E DuplicateObject ModelRoute shop/chat metadata.name"],
        id="route-twice",
    ),
    pytest.param(
        [edge("fre"), pool(), route()], ["E RefNotFound GPUPool h100 spec.edgeNodeRef.name"], id="pool-to-no-site"
    ),
    pytest.param(
        [provider(), route(tiers=tiers(to_provider("acmee")))],
        ["E RefNotFound ModelRoute shop/chat spec.tiers[0].backends[0].provider.name"],
        id="no-provider",
    ),
    pytest.param(
        [provider(), route(tiers=tiers(to_provider(model="lage")))],
        ["E RefNotFound ModelRoute shop/chat spec.tiers[0].backends[0].provider.model"],
        id="no-model",
    ),
    pytest.param(
        [route(tiers=tiers(to_route("b")))],
        ["E RefNotFound ModelRoute shop/chat spec.tiers[0].backends[0].route.name"],
        id="no-route",
    ),
    pytest.param(
        [edge(), pool(), route(), tenant(allowedRoutes=[{"name": "chta"}])],
        ["E RefNotFound InferenceTenant shop/web spec.allowedRoutes[0].name"],
        id="tenant-to-no-route",
    ),
    pytest.param(
        [route("a", tiers=tiers(to_route("b"))), route("b", tiers=tiers(to_route("a")))],
        ["E RefCycle ModelRoute shop/a spec.tiers[0].backends[0].route"],
        id="cycle",
    ),
    pytest.param(
        [route("a", tiers=tiers(to_route("a", "shop")))],
        ["E RefCycle ModelRoute shop/a spec.tiers[0].backends[0].route"],
        id="cycle-of-one",
    ),
    pytest.param(
        [
            route("a", tiers=tiers(to_route("b"))),
            route("b", tiers=tiers(to_route("c"))),
            route("c", tiers=tiers(to_route("b"))),
        ],
        ["E RefCycle ModelRoute shop/b spec.tiers[0].backends[0].route"],
        id="cycle-further-on",
    ),
    pytest.param(
        [provider(keys=[{"name": "a", "secretRef": {"name": "s", "key": "k"}}]), route(tiers=tiers(to_provider()))],
        ["W SecretsNotChecked ModelProvider acme spec.keys[0].secretRef"],
        id="no-secrets",
    ),
    pytest.param(
        [edge(gateway={"tls": {"secretName": "web"}}), secret("t", "k")],
        ["W RefNotFound EdgeNode fra spec.gateway.tls.secretName"],
        id="no-certificate",
    ),
    pytest.param(
        [provider(keys=[{"name": "a", "secretRef": {"name": "s", "key": "k"}}]), secret("t", "k")],
        ["W RefNotFound ModelProvider acme spec.keys[0].secretRef.name"],
        id="no-such-secret",
    ),
    pytest.param(
        [provider(keys=[{"name": "a", "secretRef": {"name": "s", "key": "k"}}]), secret("s", "K")],
        ["E RefNotFound ModelProvider acme spec.keys[0].secretRef.key"],
        id="no-such-key",
    ),
    pytest.param(
        [edge(), pool(), route("a", modelName="m"), route("b", modelName="m")],
        ["E NameTaken ModelRoute shop/b spec.modelName"],
        id="name-twice",
    ),
    pytest.param(
        [edge(), pool(), route("a", aliases=["b"]), route("b")],
        ["E NameTaken ModelRoute shop/b metadata.name"],
        id="alias-is-name",
    ),
    pytest.param(
        [edge(), pool(allowedNamespaces=EVERY), route("a"), route("a", ns="lab")],
        ["E NameTaken ModelRoute shop/a metadata.name"],
        id="name-in-two-namespaces",
    ),
    pytest.param(
        [edge(), pool(), route(), tenant(ns="lab")],
        ["W CallsNothing InferenceTenant lab/web spec.allowedRoutes"],
        id="tenant-without-routes",
    ),
    pytest.param(
        [edge(), pool(), route(), tenant(allowedRoutes=[])],
        ["W CallsNothing InferenceTenant shop/web spec.allowedRoutes"],
        id="tenant-with-empty-list",
    ),
    pytest.param(
        [edge(), pool(), route(), tenant("a"), tenant("b")],
        ["E KeyShared InferenceTenant shop/b spec.keys[0].sha256"],
        id="key-shared",
    ),
]


def test_the_oldest_keeps_a_name() -> None:
    first, second = route("a", modelName="m"), route("b", modelName="m")
    first["metadata"]["creationTimestamp"] = "2026-02-01T00:00:00Z"
    second["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    assert said([edge(), pool(), first, second]) == ["E NameTaken ModelRoute shop/a spec.modelName"]


@pytest.mark.parametrize("objects", FINE)
def test_nothing_is_said(objects: list[Json]) -> None:
    assert said(objects) == []


@pytest.mark.parametrize(("objects", "expected"), WRONG)
def test_it_is_said(objects: list[Json], expected: list[str]) -> None:
    assert sorted(said(objects)) == sorted(expected)
