"""A hub's cluster read with a kubeconfig: the same network as from files, and clear words where it can't be read."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tests.cluster.choice import Cluster
from tests.cluster.client import Client
from tests.corpus import server

from isochrone import manifests, validate
from isochrone.kube import gather
from isochrone.kube.errors import ClusterError
from isochrone.kube.reader import connected
from isochrone.model import RouteKey, Running, Snapshot
from isochrone.render import labels

QUICKSTART: Final = Path(__file__).parents[2] / "examples" / "quickstart-multicluster"


def read(kubeconfig: Path, context: str | None = None) -> Snapshot:
    async def reading() -> Snapshot:
        async with connected(kubeconfig, context) as reader:
            return await gather.gather(reader)

    return asyncio.run(reading())


def listed(kubeconfig: Path, path: str) -> None:
    async def reading() -> None:
        async with connected(kubeconfig) as reader:
            await reader.list(path)

    asyncio.run(reading())


@pytest.fixture(scope="module")
def applied(api: Client) -> Iterator[Snapshot]:
    """The quickstart, in the cluster; what files say of it is given."""
    read = manifests.read([str(QUICKSTART)]).manifests
    with server.installed(api), contextlib.ExitStack() as stack:
        for each in sorted(read, key=lambda manifest: manifest.kind != "Namespace"):
            stack.enter_context(api.existing(each.obj))
        yield validate.examine(read).snapshot


def specs(snapshot: Snapshot) -> dict[str, list[Any]]:
    kinds = (snapshot.edge_nodes, snapshot.pools, snapshot.routes)
    more = (snapshot.policies, snapshot.providers, snapshot.tenants)
    return {
        each.kind: sorted((item.key, item.metadata.labels, item.spec.model_dump_json()) for item in objects)
        for objects in (*kinds, *more)
        for each in objects[:1]
    }


def test_a_cluster_declares_what_its_files_do(applied: Snapshot, control_plane: Cluster) -> None:
    found = read(control_plane.kubeconfig)

    assert specs(found) == specs(applied)
    assert found.namespaces["demo"]["kubernetes.io/metadata.name"] == "demo"
    assert all(route.metadata.uid for route in found.routes)
    assert found.observed.running == ()


def test_lists_come_in_pages(applied: Snapshot, control_plane: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isochrone.kube.api._PAGE", 1)
    assert specs(read(control_plane.kubeconfig)) == specs(applied)


def deployment(namespace: str, name: str, **own: str) -> dict[str, Any]:
    marks = {labels.MANAGED_BY: "isochrone", labels.INSTALLATION: "isochrone", **own}
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": pod}
    metadata = {
        "name": name,
        "namespace": namespace,
        "labels": marks,
        "annotations": {labels.GPU_POOL: "europe-l4"},
    }
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def test_engines_in_the_hubs_cluster_are_found(
    applied: Snapshot, api: Client, namespace: str, control_plane: Cluster
) -> None:
    ours = {labels.EDGE_NODE: "fra1", labels.MODEL_ROUTE: "qwen", labels.ROUTE_NAMESPACE: "demo"}
    assert applied.routes
    with (
        api.existing(deployment(namespace, "engine", **ours)),
        api.existing(deployment(namespace, "other", **ours | {labels.INSTALLATION: "theirs"})),
        api.existing(deployment(namespace, "gateway", **{labels.EDGE_NODE: "fra1"})),
    ):
        found = read(control_plane.kubeconfig)

    assert found.observed.running == (
        Running(route=RouteKey("demo", "qwen"), site="fra1", pool="europe-l4", replicas=3, ready=0),
    )


def test_a_cluster_without_the_crds_is_told_apart(control_plane: Cluster) -> None:
    with pytest.raises(ClusterError, match="install Isochrone in this cluster first"):
        listed(control_plane.kubeconfig, "/apis/isochrone.dev/v0/edgenodes")


def test_what_is_not_there_is_said(control_plane: Cluster) -> None:
    with pytest.raises(ClusterError, match=r"GET /apis/other\.dev/v1/things: status 404"):
        listed(control_plane.kubeconfig, "/apis/other.dev/v1/things")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"token": "wrong"}, "credentials of the kubeconfig are not accepted", id="token"),
        pytest.param({"server": "https://127.0.0.1:1"}, "https://127.0.0.1:1 can't be reached", id="nobody-there"),
    ],
)
def test_what_goes_wrong_is_said(control_plane: Cluster, tmp_path: Path, change: dict[str, str], said: str) -> None:
    config = yaml.safe_load(control_plane.kubeconfig.read_text())
    if "token" in change:
        config["users"][0]["user"] = change
    else:
        config["clusters"][0]["cluster"] |= change
    changed = tmp_path / "kubeconfig"
    changed.write_text(yaml.safe_dump(config))

    with pytest.raises(ClusterError, match=said):
        read(changed)


@pytest.mark.parametrize(
    ("text", "context", "said"),
    [
        pytest.param(None, None, "kubeconfig .*missing", id="missing"),
        pytest.param("a: [", None, "kubeconfig .*missing", id="malformed"),
        pytest.param("{}", None, "kubeconfig .*missing", id="empty"),
    ],
)
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str | None, context: str | None, said: str) -> None:
    path = tmp_path / "missing"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ClusterError, match=said):
        read(path, context)


def test_a_context_that_is_not_there(control_plane: Cluster) -> None:
    with pytest.raises(ClusterError, match="elsewhere"):
        read(control_plane.kubeconfig, "elsewhere")
