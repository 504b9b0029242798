"""Sites among each other, and routes that no pool can hold."""

import pytest
from tests.unit.validate.sample import FAR, Json, edge, needs, pool, route, said, serving

APART: Json = {"cluster": {"type": "Remote"}, "delivery": "Pull"}


def at(host: str, port: int = 8443, **gateway: str) -> Json:
    return {"gateway": {"advertise": {"host": host, "port": port}, **gateway}}


FINE = [
    pytest.param(
        [edge(**APART, **at("gw.example.com")), edge("muc", "MUC", **APART, **at("gw.example.com", 9443))],
        id="same-host-other-port",
    ),
    pytest.param(
        [edge(labels={"zone": "a"}), pool(edgeNodeSelector={"matchLabels": {"zone": "a"}}), route()],
        id="pool-by-selector",
    ),
    pytest.param(
        [
            edge(nodeSelector={"z": "a"}, gateway=FAR["gateway"]),
            edge("muc", "MUC", nodeSelector={"z": "b"}, gateway=FAR["gateway"]),
        ],
        id="shared-cluster-apart",
    ),
    pytest.param([edge(), route(serving=needs(devices=0))], id="cpu-needs-no-pool"),
    pytest.param(
        [edge(), pool(nodes=2, devicesPerNode=4), route(serving={**needs(devices=4), "replicasPerSite": 2})],
        id="fills-two-nodes",
    ),
    pytest.param(
        [
            edge(),
            pool("a", devicesPerNode=1),
            pool("b", devicesPerNode=1),
            route(serving={**serving(), "replicasPerSite": 2}),
        ],
        id="two-pools-add-up",
    ),
]

WRONG = [
    pytest.param(
        [edge(), pool(edgeNodeSelector={"matchLabels": {"zone": "a"}})],
        ["W MatchesNothing GPUPool h100 spec.edgeNodeSelector"],
        id="selector-misses",
    ),
    pytest.param(
        [edge(cluster={"type": "Remote"}, delivery="Pull"), edge("ams", "AMS", **FAR)],
        ["W NotAdvertised EdgeNode fra spec.gateway.advertise"],
        id="not-advertised",
    ),
    pytest.param(
        [edge(gateway=FAR["gateway"]), edge("muc", "MUC", gateway=FAR["gateway"])],
        ["W SharedCluster EdgeNode muc spec.nodeSelector"],
        id="shared-cluster",
    ),
    pytest.param(
        [edge(gateway=FAR["gateway"], nodeSelector={"z": "a"}), edge("muc", "MUC", gateway=FAR["gateway"])],
        ["W SharedCluster EdgeNode muc spec.nodeSelector"],
        id="shared-cluster-all-nodes",
    ),
    pytest.param(
        [edge(**APART, **at("gw.example.com")), edge("muc", "MUC", **APART, **at("gw.example.com"))],
        ["E AddressTaken EdgeNode muc spec.gateway.advertise.host"],
        id="same-address",
    ),
    pytest.param(
        [edge(**APART, **at("a", hostname="x.test")), edge("muc", "MUC", **APART, **at("b", hostname="x.test"))],
        ["E AddressTaken EdgeNode muc spec.gateway.hostname"],
        id="same-host-name",
    ),
    pytest.param([edge(), route()], ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"], id="no-pool"),
    pytest.param(
        [edge(), pool(), route(ns="lab")],
        ["E NoFittingDevice ModelRoute lab/chat spec.serving.resources"],
        id="pool-not-permitted",
    ),
    pytest.param(
        [edge(), pool(), route(serving=needs(devices=16))],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="too-many-devices",
    ),
    pytest.param(
        [edge(), pool(), route(serving=needs(deviceMemory="81Gi"))],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="device-memory",
    ),
    pytest.param(
        [edge(), pool(), route(serving=needs(deviceProducts=["A100"]))],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="product",
    ),
    pytest.param(
        [edge(), pool(maxPriority=5), route(serving={**serving(), "priority": 6})],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="priority",
    ),
    pytest.param(
        [edge(), pool(), route(placement={"capacityTypes": ["Spot"]}, serving=serving())],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="capacity-type",
    ),
    pytest.param(
        [edge(), pool(), route(placement={"poolSelector": {"matchLabels": {"a": "b"}}}, serving=serving())],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="pool-selector",
    ),
    pytest.param(
        [edge(state="Draining"), pool(), route()],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="site-drains",
    ),
    pytest.param(
        [edge(state="Disabled"), route(serving=needs(devices=0))],
        ["E NoCapacity ModelRoute shop/chat spec.placement"],
        id="no-site-for-cpu",
    ),
    pytest.param(
        [edge(), pool(devicesPerNode=1), route(serving={**serving(), "replicasPerSite": 2})],
        ["E NoCapacity ModelRoute shop/chat spec.serving.replicasPerSite"],
        id="too-few-devices",
    ),
    pytest.param(
        [edge(), pool(nodes=2, devicesPerNode=6), route(serving={**needs(devices=4), "replicasPerSite": 3})],
        ["E NoCapacity ModelRoute shop/chat spec.serving.replicasPerSite"],
        id="nothing-spans-nodes",
    ),
    pytest.param(
        [edge(), pool(nodes=4, devicesPerNode=4), route(serving=needs(devices=8))],
        ["E NoFittingDevice ModelRoute shop/chat spec.serving.resources"],
        id="no-replica-spans-nodes",
    ),
    pytest.param(
        [edge(), pool(), route(placement={"minSites": 2}, serving=serving())],
        ["E NoCapacity ModelRoute shop/chat spec.placement.minSites"],
        id="too-few-sites",
    ),
    pytest.param(
        [edge(), pool(), route(serving={**serving(), "replicasManagedBy": "Autoscaler", "maxReplicasPerSite": 9})],
        ["W NoCapacity ModelRoute shop/chat spec.serving.maxReplicasPerSite"],
        id="autoscaler",
    ),
]


@pytest.mark.parametrize("objects", FINE)
def test_nothing_is_said(objects: list[Json]) -> None:
    assert said(objects) == []


@pytest.mark.parametrize(("objects", "expected"), WRONG)
def test_it_is_said(objects: list[Json], expected: list[str]) -> None:
    assert sorted(said(objects)) == sorted(expected)
