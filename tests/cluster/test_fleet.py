"""Several clusters at once: their nodes, their pods, and servers that go, come back, and go back in time."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.cluster.background import Background
from tests.cluster.fleet import SYSTEM, Fleet, Member, Site
from tests.cluster.kubelet import USER
from tests.cluster.lifecycle import Behaviour
from tests.cluster.waiting import throughout, until

pytestmark = pytest.mark.usefixtures("kube")

Json = dict[str, Any]

_HANG_GUARD = 100.0
_PODS = "/api/v1/namespaces/default/pods"


@pytest.fixture(scope="module")
def fleet(kube: object) -> Iterator[Fleet]:
    assert kube
    with Fleet(Member("fra1"), Member("iad1")) as fleet:
        yield fleet


@pytest.fixture
def site(fleet: Fleet) -> Iterator[Site]:
    """Frankfurt, without pods."""
    site = fleet["fra1"]
    yield site
    site.let_pods_fare(lambda _: Behaviour())
    site.api.request("DELETE", "/apis/apps/v1/namespaces/default/deployments")
    until(lambda: site.api.request("GET", _PODS).body["items"], holds=lambda pods: not pods)
    fleet.background.check()


def engine(name: str, *, replicas: int = 1, gpus: int = 8) -> Json:
    labels = {"app": name}
    pod = {
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
        "containers": [{"name": "engine", "image": "none", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


def create(site: Site, item: Json) -> None:
    answer = site.api.create(item)
    assert answer.ok, answer.message


def ready(site: Site, item: Json) -> int:
    return int(site.api.get(item).body["status"].get("readyReplicas", 0))


def pods(site: Site, name: str) -> list[Json]:
    found: list[Json] = site.api.request("GET", _PODS, params={"labelSelector": f"app={name}"}).body["items"]
    return found


def test_a_fleet_is_several_clusters_with_nodes(fleet: Fleet, record_property: Callable[[str, object], None]) -> None:
    record_property("seconds", fleet.seconds)
    record_property("mebibytes", fleet.mebibytes)
    assert fleet.seconds < _HANG_GUARD
    assert [site.name for site in fleet.sites] == ["hub", "fra1", "iad1"]
    has_kinds = [site.api.request("GET", "/apis/isochrone.dev/v1alpha1/edgenodes").ok for site in fleet.sites]
    assert has_kinds == [True, False, False]
    assert fleet.hub.api.get({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}).ok
    assert len({site.kubeconfig for site in fleet.sites}) == 3
    nodes = until(lambda: ready_nodes(fleet["iad1"]), holds=lambda found: len(found) == 3)
    assert nodes == {"cpu-1": None, "gpu-1": "8", "gpu-2": "8"}


def ready_nodes(site: Site) -> dict[str, str | None]:
    """Name -> GPUs. A node that was made a moment ago has no conditions yet."""
    return {
        node["metadata"]["name"]: node["status"]["allocatable"].get("nvidia.com/gpu")
        for node in site.api.request("GET", "/api/v1/nodes").body["items"]
        if any(each["type"] == "Ready" and each["status"] == "True" for each in node["status"].get("conditions", ()))
    }


def test_pods_run_where_there_are_gpus_and_end_when_deleted(site: Site) -> None:
    deployment = engine("three", replicas=3)
    create(site, deployment)
    until(lambda: ready(site, deployment), 2)
    waiting = until(lambda: [each for each in pods(site, "three") if "nodeName" not in each["spec"]])
    assert len(waiting) == 1, "there are GPUs for two"
    running = [each for each in pods(site, "three") if "nodeName" in each["spec"]]
    assert len({each["status"]["podIP"] for each in running}) == 2
    metadata = running[0]["metadata"]
    assert site.api.delete({"apiVersion": "v1", "kind": "Pod", "metadata": metadata}).ok
    until(lambda: metadata["uid"] not in {each["metadata"]["uid"] for each in pods(site, "three")})
    until(lambda: ready(site, deployment), 2)


def test_pods_fare_as_a_test_wants(site: Site) -> None:
    site.let_pods_fare(lambda _: Behaviour(waiting="ImagePullBackOff", message="no such image"))
    deployment = engine("stuck")
    create(site, deployment)
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}

    def state() -> Json:
        (pod,) = pods(site, "stuck")
        found: Json = pod["status"].get("containerStatuses", [{}])[0].get("state", {})
        return found

    until(lambda: len(pods(site, "stuck")), 1)
    until(state, waiting)
    site.let_pods_fare(lambda _: Behaviour(unready=True))
    until(state, holds=lambda found: "running" in found)
    assert ready(site, deployment) == 0
    site.let_pods_fare(lambda _: Behaviour())
    until(lambda: ready(site, deployment), 1)


def test_a_pod_costs_few_requests_under_a_name_of_their_own(site: Site) -> None:
    deployment = engine("cheap")
    create(site, deployment)
    until(lambda: ready(site, deployment), 1)
    (pod,) = pods(site, "cheap")

    def written() -> int:
        name = pod["metadata"]["name"]
        events = site.requests_of(USER)
        return sum(each["verb"] == "patch" and each["objectRef"].get("name") == name for each in events)

    assert 1 <= until(written) <= 2


def test_a_node_that_is_not_ready_takes_no_pods(site: Site) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "gpu-1"}}

    def taints() -> set[str]:
        return {each["key"] for each in site.api.get(node).body["spec"].get("taints", [])}

    site.set_node_ready("gpu-1", ready=False)
    until(taints, holds=lambda found: "node.kubernetes.io/not-ready" in found)
    site.set_node_ready("gpu-1", ready=True)
    until(taints, holds=lambda found: found == {"nvidia.com/gpu"})


def test_nodes_without_power_say_nothing(site: Site) -> None:
    deployment = engine("dark")
    create(site, deployment)
    until(lambda: ready(site, deployment), 1)
    site.set_power(lambda nodes: nodes.gpus > 0, on=False)
    site.let_pods_fare(lambda _: Behaviour(unready=True))
    throughout(lambda: ready(site, deployment), 1, seconds=0.7)
    site.set_power(lambda nodes: nodes.gpus > 0, on=True)
    until(lambda: ready(site, deployment), 0)


def test_pods_are_tended_again_when_the_api_server_is_back(site: Site, fleet: Fleet) -> None:
    before, after = engine("before", gpus=1), engine("after", gpus=1)
    site.let_pods_fare(lambda pod: Behaviour(unready=pod["metadata"]["labels"]["app"] == "before"))
    create(site, before)
    until(lambda: len(pods(site, "before")), 1)
    site.plane.stop_api_server()
    assert fleet["iad1"].api.request("GET", "/readyz").ok, "the others go on"
    site.let_pods_fare(lambda _: Behaviour())
    site.plane.start_api_server()
    create(site, after)
    until(lambda: [ready(site, each) for each in (before, after)], [1, 1])


def test_a_restored_cluster_knows_nothing_of_what_came_later(site: Site) -> None:
    kept, lost = engine("kept", gpus=1), engine("lost", gpus=1)
    create(site, kept)
    until(lambda: ready(site, kept), 1)
    version = int(site.api.get(kept).body["metadata"]["resourceVersion"])
    backup = site.plane.back_up()
    create(site, lost)
    until(lambda: ready(site, lost), 1)
    assert site.api.delete(kept).ok
    until(lambda: pods(site, "kept") == [])
    site.plane.restore(backup)
    assert site.api.get(lost).status == 404
    assert int(site.api.get(kept).body["metadata"]["resourceVersion"]) == version
    create(site, lost)
    until(lambda: [ready(site, each) for each in (kept, lost)], [1, 1])


def test_what_fails_in_the_background_fails_the_test() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise LookupError("no such thing")

    background = Background().__enter__()
    background.start(fail())
    until(lambda: bool(background._failures))
    with pytest.raises(BaseExceptionGroup) as failure:
        background.__exit__(None, None, None)
    assert failure.group_contains(LookupError, match="no such thing")
