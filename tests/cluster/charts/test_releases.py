"""Both charts on a real API server: installed, upgraded, taken out; and the operator with their accounts alone.

Pods only seem to run here, so the operator is a process with the token of the chart's account. The tests build on one
another, in this order.
"""

import base64
import contextlib
import dataclasses
import functools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from click.testing import CliRunner
from tests.cluster import kubeconfig, optional_kinds, tools
from tests.cluster.charts.conftest import Run
from tests.cluster.charts.releases import RELEASES, SYSTEM, Release
from tests.cluster.client import Client
from tests.cluster.fleet import CRDS, Fleet, Site
from tests.cluster.kubectl import kubectl
from tests.cluster.operators import OperatorProcess
from tests.cluster.traces import listed, traces
from tests.cluster.waiting import until

from isochrone.cli import main
from isochrone.kube import kinds
from isochrone.kube import kubeconfig as kubeconfigs
from isochrone.render.joining import OPERATOR

Json = Mapping[str, Any]

QUICKSTART: Final = Path(__file__).parents[3] / "examples" / "quickstart"
GROUP: Final = "/apis/isochrone.dev/v1alpha1"
CRD_PATH: Final = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
LIMIT: Final = 240.0
_OURS: Final = "app.kubernetes.io/name=isochrone-operator"
_RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}
_NAMESPACE: Final = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": SYSTEM, "labels": {"kubernetes.io/metadata.name": SYSTEM, **_RESTRICTED}},
}


@dataclasses.dataclass
class Hub:
    """A cluster, and who works on it."""

    site: Site
    helm: Run
    operator: OperatorProcess | None = None

    @property
    def api(self) -> Client:
        return self.site.api

    def run(self, *words: str) -> str:
        """Helm, which has to succeed."""
        done = self.helm(*words, kubeconfig=self.site.plane.kubeconfig)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pods(self) -> list[Json]:
        return [
            each
            for each in listed(self.api, f"/api/v1/namespaces/{SYSTEM}/pods", labelSelector=_OURS)
            if not each["metadata"].get("deletionTimestamp")
        ]

    def declared(self) -> dict[str, str]:
        """Resources and their definitions, by name -> uid."""
        plurals = [each["name"] for each in self.api.request("GET", GROUP).body["resources"] if "/" not in each["name"]]
        paths = [CRD_PATH, *(f"{GROUP}/{plural}" for plural in plurals)]
        found = [item for path in paths for item in listed(self.api, path)]
        return {_name(each): each["metadata"]["uid"] for each in found if "isochrone.dev" in json.dumps(each)}

    def serving(self) -> dict[str, tuple[str, int]]:
        """Gateways and engines, by name -> uid and generation."""
        chosen = "app.kubernetes.io/managed-by=isochrone"
        found = listed(self.api, "/apis/apps/v1/deployments", labelSelector=chosen)
        return {_name(each): (each["metadata"]["uid"], each["metadata"]["generation"]) for each in found}

    def kubeconfig_of(self, account: str) -> bytes:
        """With a token of a service account, and nothing else."""
        path = kinds.SERVICE_ACCOUNT.path(SYSTEM, account) + "/token"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        answer = self.api.request("POST", path, body)
        assert answer.ok, answer.message
        access = kubeconfigs.parse(self.site.kubeconfig)
        token = answer.body["status"]["token"]
        assert access.authority is not None
        return kubeconfig.render(access.url, authority=access.authority, token=token).encode()


def _name(item: Json) -> str:
    return f"{item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


@pytest.fixture(scope="module")
def hub(kube: Path, helm: Run) -> Iterator[Hub]:
    """Without our CRDs: the chart brings them."""
    assert kube.exists()
    with Fleet() as fleet:
        for file in CRDS.glob("*.yaml"):
            assert fleet.hub.api.delete(yaml.safe_load(file.read_text())).ok
        until(lambda: listed(fleet.hub.api, CRD_PATH), holds=lambda found: not found)
        assert fleet.hub.api.apply(_NAMESPACE).ok
        made = Hub(fleet.hub, helm)
        yield made
        if made.operator is not None:
            made.operator.stop()


def pod(hub: Hub, name: str) -> dict[str, Any]:
    """That a release's Deployment makes; of an account that is there before anything is installed."""
    (made,) = (each for each in RELEASES[name].objects(hub.helm) if each["kind"] == "Deployment")
    template = made["spec"]["template"]
    metadata = {**template["metadata"], "name": "try", "namespace": SYSTEM}
    spec = {**template["spec"], "serviceAccountName": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def test_an_api_server_takes_all_that_is_rendered(hub: Hub) -> None:
    words = ("apply", "--server-side", "--dry-run=server", "--validate=strict", "--namespace", SYSTEM, "-f", "-")
    with contextlib.ExitStack() as stack:
        for crd in optional_kinds.monitoring():
            stack.enter_context(hub.api.existing(crd))
            hub.api.wait_for_condition(crd, "Established")
        for name, release in RELEASES.items():
            apply = functools.partial(kubectl, hub.site.plane.kubeconfig, *words, stdin=release.text(hub.helm))
            # A new kind is known a moment later than its definition.
            done = until(apply, holds=lambda done: "no matches for kind" not in done.stderr)
            assert done.returncode == 0, f"{name}: {done.stderr}"
            assert "Warning" not in done.stderr, name


@pytest.mark.parametrize("name", [name for name in RELEASES if name != "site-push"])
def test_pods_are_admitted_where_the_standard_restricted_is_enforced(name: str, hub: Hub) -> None:
    wanted = pod(hub, name)
    made = hub.api.create(wanted, dry_run=True)
    assert made.ok, made.message
    del wanted["spec"]["containers"][0]["securityContext"]["capabilities"]
    assert "violates PodSecurity" in hub.api.create(wanted, dry_run=True).message, "else this proves nothing"


def older(folder: Path) -> Path:
    """The chart as an earlier version might have been: an EdgeNode has another short name."""
    copy = shutil.copytree(Path(Release("isochrone").arguments[1]), folder / "isochrone")
    file = copy / "templates" / "crds" / "isochrone.dev_edgenodes.yaml"
    text = file.read_text()
    file.write_text(text.replace("    - edge\n", "    - pop\n"))
    assert file.read_text() != text
    return copy


def short_names(hub: Hub) -> list[str]:
    found = hub.api.request("GET", f"{CRD_PATH}/edgenodes.isochrone.dev").body["spec"]["names"]["shortNames"]
    return list(found)


def test_an_operator_needs_no_more_than_the_account_of_the_chart(
    hub: Hub, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("charts")
    hub.run("install", "isochrone", str(older(folder)), "--namespace", SYSTEM, "--wait", "--timeout", "4m")
    assert len(hub.pods()) == 2, "the Pod Security Standard restricted is enforced, and admits them"
    assert short_names(hub) == ["pop"]
    operator = OperatorProcess(hub.kubeconfig_of(OPERATOR), folder, "operator")
    hub.operator = operator.start()
    done = kubectl(hub.site.plane.kubeconfig, "apply", "-f", str(QUICKSTART))
    assert done.returncode == 0, done.stderr
    until(
        lambda: {each.partition("/")[2] for each in hub.serving()},
        holds=lambda found: (
            len([each for each in found if each.startswith("isochrone-gateway-")]) == 4
            and any(each.startswith("smollm2") for each in found)
        ),
        limit=LIMIT,
        why=operator.tail,
    )
    until(lambda: _held(hub), holds=lambda found: found == {"isochrone.dev/cleanup"}, why=operator.tail)
    until(lambda: operator.metric("isochrone_operator_leading"), holds=lambda leading: leading == 1, why=operator.tail)
    assert "orbidden" not in operator.log.read_text()


def _held(hub: Hub) -> set[str]:
    edges = listed(hub.api, f"{GROUP}/edgenodes")
    return {each for item in edges for each in item["metadata"].get("finalizers", ())}


def test_an_upgrade_brings_new_definitions_and_keeps_what_is_declared(hub: Hub) -> None:
    before, serving = hub.declared(), set(hub.serving())
    release = Release("isochrone", {"replicas": 3})
    hub.run("upgrade", *release.arguments, "--wait", "--timeout", "4m")
    assert short_names(hub) == ["edge"]
    assert hub.declared() == before
    assert len(before) == 6 + 9
    assert serving <= set(hub.serving())
    assert len(hub.pods()) == 3


def test_what_serves_outlives_the_release_and_a_new_one_takes_over(hub: Hub) -> None:
    assert hub.operator is not None
    hub.operator.stop()
    declared, serving = hub.declared(), hub.serving()
    hub.run("uninstall", "isochrone", "--namespace", SYSTEM, "--wait")
    assert (hub.declared(), hub.serving()) == (declared, serving)
    until(hub.pods, holds=lambda found: found == [])  # which the garbage collector deletes
    assert not hub.api.request("GET", kinds.SERVICE_ACCOUNT.path(SYSTEM, OPERATOR)).ok
    roles = listed(hub.api, "/apis/rbac.authorization.k8s.io/v1/clusterroles")
    assert [_name(each) for each in roles if "isochrone" in each["metadata"]["name"]] == []
    hub.run("install", *Release("isochrone").arguments, "--wait", "--timeout", "4m")
    assert (hub.declared(), hub.serving()) == (declared, serving)
    assert len(hub.pods()) == 2
    hub.run("uninstall", "isochrone", "--namespace", SYSTEM, "--wait")


def test_afterwards_nothing_has_to_be_left(hub: Hub) -> None:
    assert _held(hub) == {"isochrone.dev/cleanup"}, "an operator that is gone holds EdgeNodes still"
    words = [
        "uninstall",
        "--kubeconfig",
        str(hub.site.plane.kubeconfig),
        "--all",
        "--yes",
        "--no-drain",
        "--timeout",
        "3m",
    ]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    until(functools.partial(traces, hub.api), holds=lambda found: not found, limit=LIMIT)
    assert [each for each in listed(hub.api, CRD_PATH) if "isochrone" in each["metadata"]["name"]] == []


def test_a_site_that_pulls_is_admitted(hub: Hub) -> None:
    assert hub.api.apply(_NAMESPACE).ok
    hub.run("install", *RELEASES["site-pull"].arguments, "--wait", "--timeout", "4m")
    until(hub.pods, holds=lambda found: len(found) == 2)
    hub.run("uninstall", "isochrone-site", "--namespace", SYSTEM, "--wait")


def test_the_notes_of_push_lead_into_the_hub(hub: Hub, tmp_path: Path) -> None:
    """They are run as they are; the hub is this cluster too."""
    hub.run("install", *RELEASES["site-push"].arguments, "--wait", "--timeout", "4m")
    secret = kinds.SECRET.path(SYSTEM, "isochrone-token-cdg1")
    until(lambda: "token" in hub.api.request("GET", secret).body.get("data", {}))
    notes = hub.run("get", "notes", "isochrone-site", "--namespace", SYSTEM)
    commands = notes.partition("1. ")[2].partition("\n")[2].partition("2. ")[0]
    config = yaml.safe_load(hub.site.kubeconfig)
    config["contexts"].append({"name": "HUB", "context": config["contexts"][0]["context"]})
    (tmp_path / "config").write_text(json.dumps(config))
    path = f"{tools.built().parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        env={"PATH": path, "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config"), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{commands}\n{done.stderr}"
    made = hub.api.request("GET", kinds.SECRET.path(SYSTEM, "isochrone-site-cdg1")).body["data"]["kubeconfig"]
    file = tmp_path / "of-the-hub"
    file.write_bytes(base64.b64decode(made))
    kubeconfigs.parse(file.read_bytes())
    with Client(file) as client:
        assert client.request("GET", "/apis/apps/v1/deployments").ok
        assert client.request("GET", kinds.SECRET.path(SYSTEM)).ok
        assert not client.request("GET", kinds.SECRET.path("kube-system")).ok
    hub.run("uninstall", "isochrone-site", "--namespace", SYSTEM, "--wait")
