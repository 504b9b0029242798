"""A network that is looked into, and then leaves its three clusters: what goes, what stays, and what is said of it."""

import base64
import functools
import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.cluster import accounts
from tests.cluster.client import Client
from tests.cluster.fleet import CRDS, SYSTEM
from tests.cluster.network import OF_SITE, Network, clusters, running
from tests.cluster.operators import PACE
from tests.cluster.traces import listed, traces
from tests.cluster.waiting import until

from isochrone.cli import main
from isochrone.kube import kinds

Json = dict[str, Any]

CLUSTERS: Final = ("hub", "cdg1", "iad1")
LIMIT: Final = 240.0
LEADING: Final = {**PACE, "election": {**PACE["election"], "duration": 15.0}}
"""Who leads is seen to lead, also on a busy machine: it is stopped here, not killed, and then gives the Lease back."""
OTHERS: Final[tuple[Json, ...]] = (
    {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "chat-engine", "namespace": SYSTEM, "labels": {"isochrone.dev/model-route": "chat"}},
        "data": {"of": "somebody else"},
    },
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "others", "namespace": SYSTEM, "labels": {"app.kubernetes.io/managed-by": "isochrone"}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "others"}},
            "template": {
                "metadata": {"labels": {"app": "others"}},
                "spec": {"containers": [{"name": "a", "image": "example.com/a:1"}]},
            },
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "theirs", "namespace": SYSTEM, "labels": {"isochrone.dev/installation": "theirs"}},
        "stringData": {"password": "of somebody else"},
    },
)
"""What looks like ours, and isn't."""


@pytest.fixture(scope="module")
def net(kube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    assert kube.exists()
    with clusters() as fleet:
        made = Network(fleet, tmp_path_factory.mktemp("uninstall"))
        for each in made.hub_operators:
            each.use(LEADING)
        with running(made):
            made.settled()
            yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kubeconfigs")


def uninstall(net: Network, folder: Path, *more: str) -> Result:
    for name in CLUSTERS:
        (folder / name).write_bytes(net.fleet[name].kubeconfig)
    result = CliRunner().invoke(main, ["uninstall", "--kubeconfig", str(folder / "hub"), *more])
    assert isinstance(result.exception, SystemExit | None), result.exception
    return result


def identities(api: Client, kind: kinds.Kind) -> dict[str, tuple[str, int]]:
    return {
        f"{each['metadata'].get('namespace', '')}/{each['metadata']['name']}": (
            each["metadata"]["uid"],
            each["metadata"].get("generation", 0),
        )
        for each in listed(api, kind.path())
    }


def resources(net: Network) -> dict[str, str]:
    """Kind and name -> uid."""
    group = "/apis/isochrone.dev/v1alpha1"
    plurals = [each["name"] for each in net.hub.api.request("GET", group).body["resources"] if "/" not in each["name"]]
    return {
        f"{plural}/{each['metadata']['name']}": each["metadata"]["uid"]
        for plural in plurals
        for each in listed(net.hub.api, f"{group}/{plural}")
    }


def plant(net: Network) -> None:
    for name in CLUSTERS:
        for each in OTHERS:
            assert net.fleet[name].api.apply(each).ok


def check_others(net: Network) -> None:
    for name in CLUSTERS:
        for each in OTHERS:
            answer = net.fleet[name].api.get(each)
            assert answer.ok, (name, each["metadata"]["name"])
            assert answer.body["metadata"]["labels"] == each["metadata"]["labels"]
            assert not answer.body["metadata"].get("deletionTimestamp")


def finalizers(net: Network) -> set[str]:
    edges = listed(net.hub.api, "/apis/isochrone.dev/v1alpha1/edgenodes")
    secrets = listed(net.hub.api, kinds.SECRET.path(SYSTEM))
    return {each for item in (*edges, *secrets) for each in item["metadata"].get("finalizers") or ()}


def stop_operators(net: Network) -> None:
    for each in (*net.hub_operators, net.site_operator):
        each.stop()


def start_again(net: Network) -> None:
    """As after a new installation."""
    crds = [yaml.safe_load(file.read_text()) for file in sorted(CRDS.glob("*.yaml"))]
    for each in [*crds, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}}]:
        assert net.hub.api.apply(each).ok
    for each in crds:
        net.hub.api.wait_for_condition(each, "Established")
    accounts.let_in(net.fleet)
    net.declare()
    for operator in (*net.hub_operators, net.site_operator):
        operator.stop()
        operator.start()
    net.converged(limit=LIMIT)


def ways(folder: Path) -> list[str]:
    """Administrators', into the clusters of sites."""
    return [f"--site-kubeconfig={name}={folder / name}" for name in ("cdg1", "iad1")]


def bundle(net: Network, folder: Path, path: Path, *more: str) -> tuple[Result, dict[str, str]]:
    """The command, and path below the folder -> text."""
    for name in CLUSTERS:
        (folder / name).write_bytes(net.fleet[name].kubeconfig)
    words = ["support-bundle", "--kubeconfig", str(folder / "hub"), "--output", str(path), *more]
    result = CliRunner().invoke(main, words)
    assert isinstance(result.exception, SystemExit | None), result.exception
    with tarfile.open(path) as opened:
        files = {each.name.partition("/")[2]: opened.extractfile(each) for each in opened.getmembers()}
        return result, {name: file.read().decode() for name, file in files.items() if file is not None}


def secrets(net: Network) -> set[str]:
    """Every value of every Secret, as it is and as it is stored, but certificates and what accounts' tokens add."""
    found = set()
    for name in CLUSTERS:
        for item in listed(net.fleet[name].api, kinds.SECRET.path()):
            data = item.get("data") or {}
            private = {key: value for key, value in data.items() if not key.endswith(".crt") and key != "namespace"}
            found |= {each for value in private.values() for each in (value, base64.b64decode(value).decode())}
    return found


def test_a_support_bundle_tells_of_all_clusters_and_no_secret(net: Network, folder: Path, tmp_path: Path) -> None:
    plant(net)
    result, files = bundle(net, folder, tmp_path / "all.tar.gz", *ways(folder))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "all.tar.gz").stat().st_mode & 0o777 == 0o600
    assert files["hub/edgenode.yaml"].count("kind: EdgeNode") == 4
    assert "type: Delivered" in files["hub/edgenode.yaml"]
    assert files["hub/inferencetenant.yaml"].count("sha256: '[redacted]'") >= 1
    assert "isochrone-operator" in files["hub/lease.yaml"]
    assert set(json.loads(files["hub/releases.json"])["sites"]) == set(OF_SITE)
    for name in ("hub", "cluster-cdg1", "cluster-iad1"):
        assert "name: isochrone-gateway" in files[f"{name}/deployment.yaml"], files["errors.txt"]
        assert files[f"{name}/events.txt"]
    versions = json.loads(files["versions.json"])["clusters"]
    assert {name: each["sites"] for name, each in versions.items()} == {
        "hub": ["ber1", "fra1"],
        "cluster-cdg1": ["cdg1"],
        "cluster-iad1": ["iad1"],
    }
    assert all(each["apiServer"].startswith("v1.") for each in versions.values())
    # Kubelets only seem to be there, so no logs can be had: that is said.
    assert "hub: the log of Pod isochrone-gateway-fra1-" in files["errors.txt"]
    whole = "\n".join(files.values())
    assert [value for value in secrets(net) if value in whole] == []


def test_a_cluster_that_a_bundle_lacks_is_named(net: Network, folder: Path, tmp_path: Path) -> None:
    result, files = bundle(net, folder, tmp_path / "some.tar.gz")
    assert result.exit_code == 0
    assert (
        "cluster-iad1: everything: the hub has no way into it: give one with --site-kubeconfig" in files["errors.txt"]
    )
    assert not any(name.startswith("cluster-iad1/") for name in files)
    assert "name: isochrone-gateway" in files["cluster-cdg1/deployment.yaml"]
    assert "cluster-cdg1: Events: events.events.k8s.io is forbidden" in files["errors.txt"]
    assert "cluster-iad1: everything" in result.stderr


def test_while_an_operator_leads_nothing_is_let_go(net: Network, folder: Path) -> None:
    until(functools.partial(finalizers, net), holds=lambda found: len(found) == 2)
    result = uninstall(net, folder, "--yes")
    assert result.exit_code == 2
    assert "leads, and would take hold again: end it first" in result.output
    assert finalizers(net) == {"isochrone.dev/cleanup", "isochrone.dev/in-use"}


def test_what_would_be_removed_is_said_first(net: Network, folder: Path) -> None:
    before = resources(net)
    dry = uninstall(net, folder, "--all", "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert "the hub: 4 EdgeNodes" in dry.output
    assert "6 CRDs" in dry.output
    assert "the cluster of cdg1: all that was delivered there" in dry.output
    assert "the cluster of iad1: by the operator in it alone" in dry.output
    refused = uninstall(net, folder, "--all")
    assert refused.exit_code == 2
    assert "nothing was changed: say --yes" in refused.output
    told = json.loads(uninstall(net, folder, "--all", "--dry-run", "--json").output)
    assert [each["name"] for each in told["clusters"]] == ["the cluster of cdg1", "the cluster of iad1"]
    assert resources(net) == before


def test_without_all_everything_stays_but_what_holds_it(net: Network, folder: Path) -> None:
    plant(net)
    stop_operators(net)
    before = _standing(net)
    result = uninstall(net, folder, "--yes")
    assert result.exit_code == 0, result.output
    assert "removed   our hold on EdgeNode fra1, in the hub" in result.output
    assert "removed   our hold on Secret cdg1, in the hub" in result.output
    assert finalizers(net) == set()
    assert _standing(net) == before
    assert not net.hub.api.request("GET", kinds.LEASE.path(SYSTEM, "isochrone-operator")).ok
    again = uninstall(net, folder, "--yes")
    assert (again.exit_code, "there was nothing to do" in again.output) == (0, True)


def _standing(net: Network) -> Mapping[str, Any]:
    """All that is to stay as it is, to the generation."""
    wanted = (kinds.DEPLOYMENT, kinds.SERVICE, kinds.NETWORK_POLICY, kinds.NAMESPACE, kinds.SECRET, kinds.CONFIG_MAP)
    found: dict[str, Any] = {
        f"{name} {kind.name}": identities(net.fleet[name].api, kind) for name in CLUSTERS for kind in wanted
    }
    crds = listed(net.hub.api, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")
    return {**found, "resources": resources(net), "crds": sorted(each["metadata"]["uid"] for each in crds)}


def test_all_of_it_goes_while_an_operator_leads(net: Network, folder: Path) -> None:
    start_again(net)
    until(functools.partial(finalizers, net), holds=lambda found: "isochrone.dev/cleanup" in found)
    result = uninstall(net, folder, "--all", "--yes", "--timeout", "8m", *ways(folder))
    assert result.exit_code == 0, f"{result.output}\n{net.tails()}"
    for site in OF_SITE:
        assert f"removed   what was delivered for EdgeNode {site}, by the operator" in result.output
    assert "removed   ClusterRole isochrone-hub, in the cluster of cdg1" in result.output
    assert "removed   Namespace isochrone-site-iad1, in the hub" in result.output
    assert "removed   CustomResourceDefinition edgenodes.isochrone.dev, in the hub" in result.output
    stop_operators(net)
    again = uninstall(net, folder, "--all", "--yes", *ways(folder))
    assert again.exit_code == 0, again.output
    for name in CLUSTERS:
        until(functools.partial(traces, net.fleet[name].api), holds=lambda found: not found, limit=LIMIT)
    check_others(net)


def test_without_an_operator_it_goes_too_and_a_cluster_that_is_away_is_cleaned_later(
    net: Network, folder: Path
) -> None:
    start_again(net)
    stop_operators(net)
    plane = net.fleet["cdg1"].plane
    plane.stop_api_server()
    try:
        result = uninstall(net, folder, "--all", "--yes", "--timeout", "60s", "--no-drain", "--json")
    finally:
        plane.start_api_server()
    told = json.loads(result.output)
    assert result.exit_code == 1
    left = {each["cluster"]: each["why"] for each in told["left"]}
    assert set(left) == {"the cluster of cdg1", "the cluster of iad1"}
    assert "can't be reached" in left["the cluster of cdg1"]
    assert "--site-kubeconfig cdg1=FILE" in left["the cluster of cdg1"]
    assert "--site-kubeconfig iad1=FILE" in left["the cluster of iad1"]
    removed = {(each["cluster"], each["what"]) for each in told["removed"]}
    assert ("the hub", "Secret isochrone-system/isochrone-peer-ca") in removed
    assert ("the hub", "Deployment isochrone-system/isochrone-gateway-fra1") in removed
    until(functools.partial(traces, net.hub.api), holds=lambda found: not found, limit=LIMIT)
    check_later(net, folder)


def check_later(net: Network, folder: Path) -> None:
    """What was left is cleaned with an administrator's way in, though the hub knows nothing of it any more."""
    result = uninstall(net, folder, "--all", "--yes", "--json", "--timeout", "8m", *ways(folder))
    told = json.loads(result.output)
    assert (result.exit_code, told["left"]) == (0, [])
    kept = {(each["cluster"], each["what"]): each["why"] for each in told["kept"]}
    said = kept["the cluster of iad1", f"Namespace {SYSTEM}"]
    assert said.startswith("in it is what stays: ")
    assert said.endswith(". Our labels are off")
    removed = {(each["cluster"], each["what"]) for each in told["removed"]}
    assert ("the cluster of cdg1", "Deployment isochrone-system/isochrone-gateway") in removed
    assert ("the cluster of iad1", "Deployment isochrone-system/isochrone-gateway") in removed
    for name in CLUSTERS:
        until(functools.partial(traces, net.fleet[name].api), holds=lambda found: not found, limit=LIMIT)
    check_others(net)
