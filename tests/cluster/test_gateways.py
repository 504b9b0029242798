"""Gateways as real processes in pods of real clusters: from what is in the API server alone, and with those rights."""

import base64
import http.client
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.engines import is_engine
from tests.cluster.fleet import SYSTEM, Fleet, Member, Site
from tests.cluster.lifecycle import Behaviour
from tests.cluster.parcels import ISSUED_AT
from tests.cluster.waiting import until
from tests.unit.supervisor.gateways import TOKEN, exists
from tests.unit.upstream.certificates import Authority
from tests.worlds.build import snapshot

from isochrone import manifests
from isochrone.model import Snapshot
from isochrone.plan import plan, routing
from isochrone.render.bundle import Bundle, index_object, render
from isochrone.render.gateway_settings import GatewaySettings
from isochrone_gateway.config import Release

pytestmark = pytest.mark.usefixtures("kube")

Json = dict[str, Any]

NAMES = ("fra1", "cdg1")
KEY = "ik_quickstart_2gjq5cqt7apxyx6r2kdcswxqea7s2cue"
EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart"
DATA, ADMIN = 8080, 9090


class World:
    """Frankfurt and Paris of the quickstart, each a cluster. Only Frankfurt's engines are scheduled."""

    def __init__(self, fleet: Fleet, folder: Path) -> None:
        self.fleet = fleet
        self._authority = Authority(folder)
        self._snapshot = _declared(fleet, folder / "manifests")
        self._sequence = 0
        for name in NAMES:
            self._prepare(fleet[name])
            self.deliver(name)

    def deliver(self, name: str, *, workers: int = 1) -> None:
        """Its bundle, in order, the index last."""
        self._sequence += 1
        release = Release(installation="isochrone", epoch=1, sequence=self._sequence, issued_at=ISSUED_AT)
        bundle = next(each for each in _bundles(self._snapshot, workers) if each.site == name)
        for each in (*bundle.objects, index_object(bundle, release)):
            _apply(self.fleet[name], each)

    def _prepare(self, site: Site) -> None:
        """What a hub copies: the certificate for peers, and the token of `/status`."""
        own = self._authority.issue(site.name, uri=f"spiffe://isochrone/site/{site.name}")
        _apply(site, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM}})
        write_secret(
            site,
            "peer",
            {"ca.crt": self._authority.bundle.read_bytes(), "tls.crt": own.certificate.read_bytes()}
            | {"tls.key": own.key.read_bytes()},
        )
        write_secret(site, "status", {"token": TOKEN.encode()})


def _declared(fleet: Fleet, folder: Path) -> Snapshot:
    shutil.copytree(EXAMPLE, folder)
    sites = folder / "sites.yaml"
    text = sites.read_text()
    for name in NAMES:
        text = text.replace(f"isochrone-gateway-{name}.{SYSTEM}.svc", fleet[name].gateway_address())
    sites.write_text(text)
    models = folder / "models.yaml"
    models.write_text(models.read_text().replace("    minSites: 2\n", ""))
    objects = [each.obj for each in manifests.read([str(folder)]).manifests]
    return snapshot(each for each in objects if each["kind"] != "EdgeNode" or each["metadata"]["name"] in NAMES)


def _bundles(declared: Snapshot, workers: int) -> Iterator[Bundle]:
    planned = plan(declared, now=0)
    gateway = GatewaySettings(workers=workers)
    yield from render(declared, planned, routing(declared, planned, now=0).at, gateway=gateway)


def _apply(site: Site, item: Mapping[str, Any]) -> None:
    answer = site.api.apply(item)
    assert answer.ok, answer.message


def write_secret(site: Site, purpose: str, values: Mapping[str, bytes]) -> None:
    metadata = {"name": f"isochrone-gateway-{site.name}-{purpose}", "namespace": SYSTEM}
    data = {key: base64.b64encode(value).decode() for key, value in values.items()}
    _apply(site, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


@pytest.fixture(scope="module")
def world(kube: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    assert kube.exists()
    with Fleet(*(Member(name, gateways=2) for name in NAMES)) as fleet:
        yield World(fleet, tmp_path_factory.mktemp("gateways"))
        fleet.background.check()


def pods(site: Site) -> list[Json]:
    """Of the gateway, those that end excepted."""
    params = {"labelSelector": "app.kubernetes.io/component=gateway"}
    found = site.api.request("GET", f"/api/v1/namespaces/{SYSTEM}/pods", params=params).body["items"]
    return [each for each in found if "deletionTimestamp" not in each["metadata"]]


def deployment(site: Site) -> Json:
    metadata = {"name": f"isochrone-gateway-{site.name}", "namespace": SYSTEM}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata}


def ready_name(site: Site) -> str:
    """The gateway's one pod, once it is ready and alone."""

    def observe() -> list[tuple[str, str]]:
        return [
            (each["metadata"]["name"], condition["status"])
            for each in pods(site)
            for condition in each["status"].get("conditions", [])
            if condition["type"] == "Ready"
        ]

    found = until(observe, holds=lambda seen: [ready for _, ready in seen] == ["True"], why=site.gateways.logs)
    return found[0][0]


def ask(site: Site, method: str, path: str, body: Json | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(site.gateway_host(), DATA, timeout=20)
    try:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        connection.request(method, path, headers=headers, body=json.dumps(body).encode() if body else None)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def status(site: Site, pod: str, *, token: str = TOKEN) -> Json:
    """What the gateway says of itself; asked for at its pod, since no Service leads there. Empty if it refuses."""
    (address,) = (each["status"]["podIP"] for each in pods(site) if each["metadata"]["name"] == pod)
    connection = http.client.HTTPConnection(f"127.{address.split('.', 1)[1]}", ADMIN, timeout=20)
    try:
        connection.request("GET", "/status", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        found: Json = json.loads(answer.read()) if answer.status == 200 else {}
        return found
    finally:
        connection.close()


def chat(site: Site) -> tuple[int, str]:
    body = {"model": "smollm2", "messages": [{"role": "user", "content": "who are you?"}]}
    code, answer = ask(site, "POST", "/v1/chat/completions", body)
    found = json.loads(answer)
    return code, found["choices"][0]["message"]["content"] if code == 200 else answer.decode()


def until_answered(site: Site, starts: str) -> None:
    until(
        lambda: chat(site), holds=lambda found: found[0] == 200 and found[1].startswith(starts), why=site.gateways.logs
    )


def test_a_request_goes_through_gateway_and_engine(world: World) -> None:
    site = world.fleet["fra1"]
    ready_name(site)
    until_answered(site, "I am smollm2-fra1")


def test_a_site_without_engines_asks_its_peer_through_the_balancer(world: World) -> None:
    """Paris can't place its engines; both ends prove who they are with the certificates of their Secrets."""
    site = world.fleet["cdg1"]
    site.let_pods_fare(lambda pod: Behaviour(waiting="ImagePullBackOff" if is_engine(pod) else ""))
    ready_name(site)
    until_answered(site, "I am smollm2-fra1")


def test_secrets_are_renewed_in_the_running_process(world: World) -> None:
    site = world.fleet["fra1"]
    pod = ready_name(site)
    renewed = "another-token-that-is-long-enough"
    write_secret(site, "status", {"token": renewed.encode()})
    until(lambda: "workers" in status(site, pod, token=renewed))
    write_secret(site, "status", {"token": TOKEN.encode()})
    until(lambda: "workers" in status(site, pod), why=site.gateways.logs)
    assert ready_name(site) == pod


def test_a_pod_says_on_its_sites_lease_what_it_runs(world: World) -> None:
    site = world.fleet["fra1"]
    pod = ready_name(site)
    metadata = {"name": f"isochrone-gateway-{site.name}-config", "namespace": SYSTEM}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}

    def says() -> Json:
        said = site.api.get(lease).body["metadata"].get("annotations", {}).get(f"pod.isochrone.dev/{pod}", "{}")
        found: Json = json.loads(said)
        return found

    until(says, holds=bool, why=site.gateways.logs)
    account = f"system:serviceaccount:{SYSTEM}:isochrone-gateway-{site.name}"

    def patched() -> set[tuple[str, str]]:
        found = [each["objectRef"] for each in site.requests_of(account) if each["verb"] == "patch"]
        return {(each["resource"], each["name"]) for each in found}

    # It is in the audit log a moment after its answer.
    assert until(patched) == {("leases", metadata["name"])}


def test_a_process_that_dies_is_started_again(world: World) -> None:
    site = world.fleet["fra1"]
    pod = ready_name(site)
    (pid,) = site.gateways.pids()
    os.kill(pid, signal.SIGKILL)
    until(site.gateways.pids, holds=lambda found: bool(found - {pid}))
    assert ready_name(site) == pod
    until(lambda: restarts(site, pod), 1)


def restarts(site: Site, name: str) -> int:
    (pod,) = (each for each in pods(site) if each["metadata"]["name"] == name)
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def test_a_new_template_brings_a_new_process_before_the_old_one_goes(world: World) -> None:
    site = world.fleet["fra1"]
    before, pids = ready_name(site), site.gateways.pids()
    world.deliver("fra1", workers=2)
    until(lambda: [each["metadata"]["name"] for each in pods(site)], holds=lambda names: before not in names)
    assert ready_name(site) != before
    until(lambda: not any(exists(pid) for pid in pids))
    assert len(status(site, ready_name(site))["workers"]) == 2
    until_answered(site, "I am smollm2-fra1")


def test_a_missing_secret_keeps_a_pod_from_starting_as_a_kubelet_does(world: World) -> None:
    site = world.fleet["cdg1"]
    ready_name(site)
    metadata = {"name": "isochrone-gateway-cdg1-peer", "namespace": SYSTEM}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    kept = site.api.get(secret).body
    assert site.api.delete(secret).ok
    site.api.delete(pods(site)[0] | {"apiVersion": "v1", "kind": "Pod"})

    def waiting() -> str:
        seen = (each for pod in pods(site) for each in pod["status"].get("containerStatuses", []))
        return str([each["state"].get("waiting") for each in seen])

    problem = 'MountVolume.SetUp failed: secret "isochrone-gateway-cdg1-peer" not found'
    until(waiting, holds=lambda found: problem in found)
    _apply(site, {**secret, "data": kept["data"]})
    ready_name(site)


def test_a_gateway_that_is_deleted_leaves_no_process(world: World) -> None:
    site = world.fleet["cdg1"]
    ready_name(site)
    pids = until(site.gateways.pids, holds=lambda found: len(found) == 1)
    assert site.api.delete(deployment(site)).ok
    until(lambda: not site.gateways.pids() and not any(exists(pid) for pid in pids))
    with pytest.raises(OSError, match=r"closed|reset|refused"):
        ask(site, "GET", "/v1/models")
