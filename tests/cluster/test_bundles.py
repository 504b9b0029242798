"""Bundles on a real API server: every object is taken, and a gateway starts from them with just the rights in them."""

import contextlib
import datetime as dt
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import pytest
from tests.cluster import optional_kinds
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.pod import Pod
from tests.contract.config_cases import sign_as
from tests.unit.source.publishing import public_pem
from tests.unit.supervisor import gateways
from tests.unit.upstream.certificates import Authority
from tests.worlds import examples, sites

from isochrone.model import Observed, SiteObservation, Snapshot
from isochrone.plan import plan, routing
from isochrone.render.bundle import Bundle, index_object, render
from isochrone.render.gateway_settings import GatewaySettings, ParentGateway, PeerIssuer, Ports
from isochrone.render.settings import RenderSettings
from isochrone_gateway.config import Release, report
from isochrone_gateway.config.index import Revision
from isochrone_gateway.config.report import PodReport

Json = dict[str, Any]

WORLDS: Final = 200
POD: Final = "isochrone-gateway-fra1-7d4b9c6f5d-x2x7q"
RELEASE: Final = Release(
    installation="isochrone", epoch=1, sequence=7, issued_at=dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)
)
PARENTS: Final = GatewaySettings(
    parents=(ParentGateway(namespace="edge", name="front", section="https"),), peer_issuer=PeerIssuer(name="peers")
)


@pytest.fixture(scope="module")
def plane(kube: pathlib.Path) -> Iterator[ControlPlane]:
    """A control plane of its own: bundles name their namespaces, and bring what isn't ours to delete elsewhere."""
    assert kube.exists()
    with ControlPlane(Options()) as plane:
        yield plane


@pytest.fixture(scope="module")
def server(plane: ControlPlane) -> Iterator[Client]:
    with Client(plane.kubeconfig) as client:
        for each in optional_kinds.crds():
            assert client.apply(each).ok
            client.wait_for_condition(each, "Established")
        for name in (*sites.NAMESPACES, "demo"):
            assert client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}).ok
        yield client


def bundles(
    snapshot: Snapshot, gateway: GatewaySettings | None = None, settings: RenderSettings | None = None
) -> list[Bundle]:
    planned = plan(snapshot, now=0)
    routings = routing(snapshot, planned, now=0)
    return list(render(snapshot, planned, routings.at, gateway=gateway, settings=settings))


def objects(snapshot: Snapshot) -> Iterator[Json]:
    for bundle in bundles(snapshot, PARENTS):
        yield from bundle.objects
        if bundle.config is not None:
            yield index_object(bundle, RELEASE)


class Taken:
    """Asks the server about each object that it wasn't asked about before, whatever its name."""

    def __init__(self, server: Client) -> None:
        self._server = server
        self._asked: set[str] = set()
        self.kinds: set[str] = set()

    def check(self, item: Json) -> None:
        form = json.dumps({**item, "metadata": {**item["metadata"], "name": ""}})
        if item["kind"] == "Namespace":
            # Those in the server have their name already, so another is created.
            item = {**item, "metadata": {**item["metadata"], "name": "another"}}
        if form not in self._asked:
            self._asked.add(form)
            self.kinds.add(item["kind"])
            answer = self._server.create(item, dry_run=True)
            assert answer.ok, f"{item['kind']} {item['metadata']['name']}: {answer.message}\n{json.dumps(item)}"


def test_every_object_of_the_examples_is_taken(server: Client) -> None:
    taken = Taken(server)
    for name in examples.NAMES:
        for each in objects(examples.example(name)):
            taken.check(each)
    assert {"Deployment", "NetworkPolicy", "Role", "ConfigMap", "Lease", "Service"} <= taken.kinds


def test_every_object_of_many_worlds_is_taken(server: Client) -> None:
    taken = Taken(server)
    for seed in range(WORLDS):
        for each in objects(sites.world(seed)):
            taken.check(each)
    others = {each["spec"]["names"]["kind"] for each in optional_kinds.crds()}
    assert {*others, "HorizontalPodAutoscaler", "ResourceClaimTemplate"} <= taken.kinds


def test_what_a_kind_of_others_does_not_have_is_refused(server: Client) -> None:
    """Else the tests above would show nothing of them."""
    policy: Json = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "a", "namespace": "apps"},
        "spec": {"endpointSelector": {}, "egress": [{"toFQDN": []}]},
    }
    answer = server.create(policy, dry_run=True)
    assert (answer.status, "toFQDN" in answer.message) == (400, True)


def test_pods_of_gateways_are_restricted(server: Client) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    assert server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": labels}}).ok
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "any", "namespace": "strict"}}
    assert server.apply(account).ok
    for bundle in bundles(examples.example("quickstart-multicluster")):
        (spec,) = (
            each["spec"]["template"]["spec"]
            for each in bundle.objects
            if each["kind"] == "Deployment" and each["metadata"]["name"] == bundle.gateway
        )
        metadata = {"name": "gateway", "namespace": "strict"}
        pod: Json = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": metadata,
            "spec": {**spec, "serviceAccountName": "any"},
        }
        answer = server.create(pod, dry_run=True)
        assert answer.ok, answer.message
        assert server.create({**pod, "spec": {**pod["spec"], "securityContext": {}}}, dry_run=True).status == 403


class Site:
    """Frankfurt of the quickstart, applied to the cluster, and its gateway as a process with its account's rights."""

    def __init__(self, server: Client, kubeconfig: pathlib.Path, folder: pathlib.Path) -> None:
        self._server = server
        self._folder = folder
        data, admin, peer = gateways.free_ports(3)
        ports = Ports(data=data, admin=admin, peer=peer, host="127.0.0.1")
        snapshot = examples.example("quickstart", observed=Observed(sites={"fra1": SiteObservation()}))
        settings = RenderSettings(trusted_keys={"hub": public_pem("hub").decode()})
        rendered = bundles(snapshot, GatewaySettings(ports=ports, workers=1), settings)
        self.bundle = next(bundle for bundle in rendered if bundle.site == "fra1")
        self.gateway = gateways.Gateway(folder, data, admin, subprocess.Popen([sys.executable, "-c", ""]))
        self.gateway.process.wait()
        self.pod = Pod(server, kubeconfig, "isochrone-system", folder / "account", name=self.bundle.gateway)

    def apply(self) -> None:
        """As a hub does: in the order of the bundle, the index last."""
        assert self.bundle.config is not None
        for each in (*self.bundle.objects, index_object(self.bundle, RELEASE, signers=[sign_as("hub")])):
            answer = self._server.apply(each)
            assert answer.ok, answer.message
        self.pod.renew_token()

    def mount_trust(self) -> None:
        """As a kubelet does: by the name in the pod's volume."""
        (volume,) = (each for each in self.pod_spec["volumes"] if each["name"] == "trust")
        name = volume["configMap"]["name"]
        stored = self._server.request("GET", f"/api/v1/namespaces/isochrone-system/configmaps/{name}")
        (self._folder / "trust").mkdir()
        for file, content in stored.body["data"].items():
            (self._folder / "trust" / file).write_text(content)

    def write_secrets(self) -> None:
        authority = Authority(self._folder)
        identity = authority.issue("fra1", uri="spiffe://isochrone/site/fra1")
        contents = {"peer/ca.crt": authority.bundle, "peer/tls.crt": identity.certificate, "peer/tls.key": identity.key}
        for name, source in contents.items():
            path = self._folder / "secrets" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(source.read_bytes())
        (self._folder / "secrets" / "status").mkdir()
        (self._folder / "secrets" / "status" / "token").write_text(gateways.TOKEN)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """The container's command and arguments, with folders of the test for those of the pod."""
        (container,) = self.pod_spec["containers"]
        folders = {each["mountPath"]: str(self._folder / each["name"]) for each in container["volumeMounts"]}
        arguments = [_replaced(each, folders) for each in container["args"]]
        variables = {
            "KUBERNETES_SERVICE_HOST": self.pod.account.host,
            "KUBERNETES_SERVICE_PORT": str(self.pod.account.port),
            **{each["name"]: POD for each in container["env"] if "fieldRef" in each.get("valueFrom", {})},
        }
        command = [sys.executable, "-m", "isochrone_gateway.server", *arguments]
        with (self._folder / "log").open("ab") as log:
            self.gateway.process = subprocess.Popen(
                [*command, f"--service-account={self.pod.account.folder}"],
                stdout=log,
                stderr=log,
                env={**os.environ, **variables},
            )
        try:
            yield
        finally:
            gateways.end(self.gateway.process)

    def said(self) -> PodReport | None:
        """What the pod says on the site's Lease."""
        (lease,) = (each for each in self.bundle.objects if each["kind"] == "Lease")
        annotations = self._server.get(lease).body["metadata"].get("annotations", {})
        value = annotations.get(report.annotation(POD))
        return None if value is None else report.decode(value)

    @property
    def pod_spec(self) -> Json:
        return next(
            each["spec"]["template"]["spec"]
            for each in self.bundle.objects
            if each["kind"] == "Deployment" and each["metadata"]["name"] == self.bundle.gateway
        )


def _replaced(argument: str, folders: dict[str, str]) -> str:
    option, _, path = argument.partition("=")
    mount = next((each for each in folders if path.startswith(each)), None)
    return argument if mount is None else f"{option}={folders[mount]}{path.removeprefix(mount)}"


@pytest.fixture
def site(server: Client, plane: ControlPlane, tmp_path: pathlib.Path) -> Site:
    made = Site(server, plane.kubeconfig, tmp_path)
    made.write_secrets()
    made.apply()
    return made


def test_a_gateway_runs_from_a_bundle_with_the_rights_in_it(site: Site) -> None:
    gateway, config = site.gateway, site.bundle.config
    assert config is not None
    with site.running():
        gateways.until(lambda: "is not signed by a trusted key" in gateway.log, limit=60, log=lambda: gateway.log)
        site.mount_trust()
        gateways.until(gateway.is_ready, limit=60, log=lambda: gateway.log)
        status = gateway.status()
        assert status["config"]["running"]["revision"] == {"epoch": 1, "sequence": 7, "digest": config.digest}
        assert (status["config"]["running"]["site"], status["restartNeededFor"]) == ("fra1", [])
        assert status["config"]["running"]["signedBy"] == ["hub"]

        def problems() -> list[str | None]:
            return [each["problem"] for each in gateway.status()["discovery"]]

        gateways.until(lambda: set(problems()) == {None}, limit=60, log=lambda: f"{problems()}\n{gateway.log}")

        def reported() -> bool:
            said = site.said()
            return said is not None and said.running == Revision(epoch=1, sequence=7, digest=config.digest)

        gateways.until(reported, limit=60, log=lambda: f"{site.said()}\n{gateway.log}")
    assert [each for each in gateway.log.splitlines() if "ConfigNotReported" in each and "forbidden" in each] == []
    assert site.said() is None


def test_a_gateway_may_ask_for_nothing_else(site: Site, server: Client) -> None:
    namespaces = sorted({each["metadata"]["namespace"] for each in site.bundle.objects if each["kind"] == "Role"})
    assert namespaces == ["demo", "isochrone-system"]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "openai", "namespace": "isochrone-system"}}
    assert server.apply(secret).ok
    index = f"/api/v1/namespaces/isochrone-system/configmaps?fieldSelector=metadata.name%3D{site.bundle.gateway}-config"
    slices = "/apis/discovery.k8s.io/v1/namespaces/{}/endpointslices"
    with site.pod.client() as pod:
        asked = {path: pod.request("GET", path).status for path in (index, slices.format("demo"))}
        assert set(asked.values()) == {200}, asked
        leases = "/apis/coordination.k8s.io/v1/namespaces/isochrone-system/leases"
        refused = [
            leases,
            f"{leases}/{site.bundle.gateway}-config",
            "/api/v1/namespaces/isochrone-system/secrets/openai",
            "/api/v1/namespaces/isochrone-system/configmaps",
            "/api/v1/namespaces/demo/configmaps",
            "/api/v1/namespaces/demo/pods",
            slices.format("apps"),
            "/api/v1/nodes",
        ]
        assert {path: pod.request("GET", path).status for path in refused} == dict.fromkeys(refused, 403)
