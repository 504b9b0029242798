"""What a hub or a member loses, and how the operator makes good for it. Each test ends with everything as planned."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.cluster.fleet import SYSTEM
from tests.cluster.network import EXAMPLE, LIMIT, PACE, Network, network
from tests.cluster.waiting import until

from isochrone import manifests

Json = dict[str, Any]

GROUP: Final = "isochrone.dev/v1alpha1"
PLURALS: Final = ("modelroutes", "inferencetenants", "dataresidencypolicies", "modelproviders", "gpupools", "edgenodes")
CLUSTERS: Final = ("hub", "cdg1", "iad1")
ADOPT: Final = 60.0
"""Seconds in which each next thing is declared here, also on a busy machine."""
KEYS: Final[tuple[Json, ...]] = tuple(
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": SYSTEM}}
    for name in ("isochrone-index-key", "isochrone-peer-ca")
)


@pytest.fixture(scope="module")
def net(kube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    assert kube.exists()
    with network(tmp_path_factory.mktemp("operators")) as made:
        made.converged()
        yield made


def edge_node(name: str) -> Json:
    return {"apiVersion": GROUP, "kind": "EdgeNode", "metadata": {"name": name}}


def templates(net: Network) -> dict[str, tuple[str, int]]:
    """Every Deployment of ours, and what would change if its pods restarted."""
    found = {}
    for cluster in CLUSTERS:
        listed = net.fleet[cluster].api.request("GET", "/apis/apps/v1/deployments").body["items"]
        for each in listed:
            metadata = each["metadata"]
            revision = metadata["annotations"]["deployment.kubernetes.io/revision"]
            found[f"{cluster}/{metadata['namespace']}/{metadata['name']}"] = (metadata["uid"], int(revision))
    return found


def restarts(net: Network) -> str:
    """What changed in templates, and when, with the logs: for whoever has to find out why."""
    found = []
    for cluster in CLUSTERS:
        sets = net.fleet[cluster].api.request("GET", "/apis/apps/v1/replicasets").body["items"]
        for each in sorted(sets, key=lambda item: item["metadata"]["creationTimestamp"]):
            metadata = each["metadata"]
            revision = metadata["annotations"]["deployment.kubernetes.io/revision"]
            what = json.dumps(each["spec"]["template"]["spec"], sort_keys=True)
            found.append(f"{cluster} {metadata['name']} {revision} {metadata['creationTimestamp']} {what}")
    return "\n".join([*found, net.tails()])


def again(net: Network, item: Json) -> None:
    """Declare it as it was, without what the API server added."""
    kept = ("name", "namespace", "labels")
    metadata = {key: item["metadata"][key] for key in kept if key in item["metadata"]}
    net.apply({**{key: item[key] for key in ("apiVersion", "kind", "spec")}, "metadata": metadata})


def until_gone(net: Network, item: Json) -> None:
    until(lambda: net.hub.api.get(item).status, holds=lambda status: status == 404, limit=LIMIT, why=net.tails)


def test_a_kubeconfig_in_use_is_held_until_its_site_is_gone(net: Network) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "cdg1", "namespace": SYSTEM}}
    before = until(
        lambda: net.hub.api.get(secret).body,
        holds=lambda found: "isochrone.dev/in-use" in found["metadata"].get("finalizers", ()),
        why=net.tails,
    )
    site = net.hub.api.get(edge_node("cdg1")).body
    assert net.hub.api.delete(secret).ok
    assert net.hub.api.get(secret).ok
    net.converged()
    assert net.hub.api.delete(edge_node("cdg1")).ok
    for each in (edge_node("cdg1"), secret):
        until_gone(net, each)
    ours = {"labelSelector": "app.kubernetes.io/managed-by=isochrone"}
    paths = ("/apis/apps/v1/deployments", "/api/v1/services", "/api/v1/configmaps", "/api/v1/secrets")
    left = [net.fleet["cdg1"].api.request("GET", path, params=ours).body["items"] for path in paths]
    assert left == [[], [], [], []]
    net.apply({**{key: before[key] for key in ("apiVersion", "kind", "data")}, "metadata": secret["metadata"]})
    again(net, site)
    net.converged()


def test_a_site_whose_cluster_is_gone_holds_nothing_up_and_is_cleaned_when_it_is_back(net: Network) -> None:
    site = net.hub.api.get(edge_node("cdg1")).body
    net.change("EdgeNode", "cdg1", {"cleanup": {"timeout": "2s"}})
    net.converged()
    plane = net.fleet["cdg1"].plane
    plane.stop_api_server()
    try:
        assert net.hub.api.delete(edge_node("cdg1")).ok
        gone = edge_node("cdg1")
        until(lambda: net.hub.api.get(gone).status, holds=lambda status: status == 404, limit=LIMIT, why=net.tails)
        net.converged(without=frozenset({"cdg1"}))
    finally:
        plane.start_api_server()
    deployments = "/apis/apps/v1/deployments"
    api = net.fleet["cdg1"].api
    until(lambda: api.request("GET", deployments).body["items"], holds=lambda found: not found, why=net.tails)
    again(net, site)
    net.converged()


def test_a_hub_that_goes_back_to_an_older_backup(net: Network) -> None:
    copy = net.hub.plane.back_up()
    for count in (3, 1, 2):
        net.change("ModelRoute", "bge", {"placement": {"maxSites": count}}, "demo")
        net.change("EdgeNode", "cdg1", {"gateway": {"replicas": count}})
        net.converged()
    net.hub.plane.restore(copy)
    net.converged()


def test_a_hub_that_is_made_anew_from_git_restarts_no_pod(net: Network) -> None:
    """Also where it can't look at first: the cluster of a site is away until all sites are declared."""
    net.settled()
    before = templates(net)
    for each in net.hub_operators:
        each.stop()
    lose_everything_declared(net)
    sites, others = declared_in_a_bad_order()
    plane = net.fleet["cdg1"].plane
    with net.operating({"pace": {**PACE["pace"], "adopt": ADOPT}}):
        plane.stop_api_server()
        try:
            net.apply(*sites)
            until(lambda: reached(net, "cdg1"), "False", why=net.tails)
        finally:
            plane.start_api_server()
        until(lambda: reached(net, "cdg1"), "True", why=net.tails)
        for item in others:
            net.apply(item)
            until(lambda: templates(net), before, why=lambda: restarts(net))
        net.converged()
        assert templates(net) == before


def test_a_hub_that_loses_its_keys_makes_others_and_restarts_no_pod(net: Network) -> None:
    """Gateways trust the new key and run what it signed; the new authority is trusted by all before it signs."""
    net.settled()
    before, keys = templates(net), [net.hub.api.get(each).body for each in KEYS]
    for each in KEYS:
        assert net.hub.api.delete(each).ok
    until(lambda: [net.hub.api.get(each).status for each in KEYS], holds=lambda found: found == [200, 200])
    assert [each["data"] for each in keys] != [net.hub.api.get(each).body["data"] for each in KEYS]
    net.settled()
    assert templates(net) == before


def lose_everything_declared(net: Network) -> None:
    """All custom resources and all that the operator keeps, as in a new cluster."""
    for plural in PLURALS:
        for item in net.hub.api.request("GET", f"/apis/{GROUP}/{plural}").body["items"]:
            kind = {"apiVersion": GROUP, "kind": item.get("kind") or _kind(plural)}
            named = {
                **kind,
                "metadata": {key: item["metadata"][key] for key in ("name", "namespace") if key in item["metadata"]},
            }
            assert net.hub.api.patch(named, {"metadata": {"finalizers": None}}).ok
            assert net.hub.api.delete(named).ok
    kept = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "isochrone-releases", "namespace": SYSTEM}}
    assert net.hub.api.delete(kept).ok


def _kind(plural: str) -> str:
    names = ("ModelRoute", "InferenceTenant", "DataResidencyPolicy", "ModelProvider", "GPUPool", "EdgeNode")
    return dict(zip(PLURALS, names, strict=True))[plural]


def declared_in_a_bad_order() -> tuple[list[Json], list[Json]]:
    """Sites, and all else with the law last: what a hub sees in between must not reach any gateway."""
    found = [each.obj for each in manifests.read([str(EXAMPLE)]).manifests if each.kind != "Namespace"]
    order = ["ModelProvider", "GPUPool", "ModelRoute", "InferenceTenant", "DataResidencyPolicy"]
    others = [item for item in found if item["kind"] != "EdgeNode"]
    return (
        [item for item in found if item["kind"] == "EdgeNode"],
        sorted(others, key=lambda item: order.index(item["kind"])),
    )


def reached(net: Network, site: str) -> str:
    conditions = net.hub.api.get(edge_node(site)).body.get("status", {}).get("conditions", ())
    return next((each["status"] for each in conditions if each["type"] == "Reachable"), "Unknown")
