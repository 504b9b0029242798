"""The gateway's Kubernetes source on a real API server: rights, watches, restarts, expiry."""

import asyncio
import base64
import contextlib
import dataclasses
import functools
import pathlib
import signal
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
from tests.cluster.choice import Cluster
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane
from tests.cluster.pod import Pod
from tests.contract.config_cases import RELEASE, sign_as
from tests.unit.source import publishing
from tests.unit.source.publishing import RecordingOwner, published, write_key
from tests.unit.supervisor import gateways

from isochrone_gateway.config import encode_index, report, shard
from isochrone_gateway.config.fencing import RefusalReason
from isochrone_gateway.config.report import PodReport
from isochrone_gateway.source import kube_watch, kubernetes
from isochrone_gateway.source.contact import age_seconds, system_clock
from isochrone_gateway.source.files import INDEX
from isochrone_gateway.source.follower import Follower
from isochrone_gateway.source.kube_api import ApiClient, ApiError
from isochrone_gateway.source.kube_watch import Pace
from isochrone_gateway.source.kubernetes import KubernetesSource
from isochrone_gateway.source.report import Happening

NAME = "isochrone-config"
# As in a chart: the index by name, shards by get alone.
RULES = [
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list", "watch"], "resourceNames": [NAME]},
    {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["patch"], "resourceNames": [NAME]},
]
POD = "gateway-x2x7q"
QUICK = Pace(between=0.05, first=0.05, most=0.5)
LASTING = dataclasses.replace(QUICK, watch=600.0)
"""With one watch for all of a test."""
LIMIT = 60.0

until = functools.partial(publishing.until, limit=LIMIT)


class Site:
    """A namespace with a gateway's service account, and the hub's pen."""

    def __init__(self, api: Client, file: pathlib.Path, namespace: str, folder: pathlib.Path) -> None:
        self._api = api
        self._namespace = namespace
        self._pod = Pod(api, file, namespace, folder)
        self.account = self._pod.account

    def let_in(self) -> None:
        self._pod.create()
        self._create("rbac.authorization.k8s.io/v1", "Role", "gateway", rules=RULES)
        self._create(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "gateway",
            subjects=[{"kind": "ServiceAccount", "name": "gateway", "namespace": self._namespace}],
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "gateway"},
        )

    def renew_token(self) -> None:
        self._pod.renew_token()

    def publish(self, sequence: int, *, lose: str = "") -> None:
        self.store(*published(sequence), lose=lose)

    def store(self, index: bytes, blobs: Mapping[str, bytes], *, lose: str = "") -> None:
        """Shards first, then the index, as a hub does."""
        for name, blob in blobs.items():
            if not lose or not name.startswith(lose):
                self._apply(name, binaryData={kubernetes.SHARD: base64.b64encode(blob).decode()})
        self._apply(NAME, data={INDEX: index.decode()})

    def delete_index(self) -> None:
        assert self._api.delete(self._object("v1", "ConfigMap", NAME)).ok

    def lease(self) -> dict[str, Any]:
        answer = self._api.get(self._object("coordination.k8s.io/v1", "Lease", NAME))
        assert answer.ok, answer.message
        return answer.body

    def make_lease(self) -> None:
        made = self._object("coordination.k8s.io/v1", "Lease", NAME)
        made["metadata"]["labels"] = {"a": "b"}
        answer = self._api.apply(made, manager="isochrone")
        assert answer.ok, answer.message

    def managers(self) -> set[str]:
        return {each["manager"] for each in self.lease()["metadata"]["managedFields"]}

    def said(self) -> PodReport | None:
        """What the pod says on the Lease."""
        value = self.lease()["metadata"].get("annotations", {}).get(report.annotation(POD))
        return None if value is None else report.decode(value)

    def touch_another(self) -> None:
        self._apply("another", data={"x": uuid.uuid4().hex})

    def _apply(self, name: str, **content: Any) -> None:
        answer = self._api.apply(self._object("v1", "ConfigMap", name, **content))
        assert answer.ok, answer.message

    def _create(self, version: str, kind: str, name: str, **content: Any) -> None:
        answer = self._api.create(self._object(version, kind, name, **content))
        assert answer.ok, answer.message

    def _object(self, version: str, kind: str, name: str, **content: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self._namespace}
        return {"apiVersion": version, "kind": kind, "metadata": metadata, **content}


@pytest.fixture
def site(api: Client, control_plane: Cluster, namespace: str, tmp_path: pathlib.Path) -> Site:
    made = Site(api, control_plane.kubeconfig, namespace, tmp_path / "account")
    made.let_in()
    return made


class World:
    def __init__(self, source: KubernetesSource) -> None:
        self.owner = RecordingOwner()
        self.clock = system_clock()
        self.follower = Follower(source, self.owner, clock=self.clock)

    @property
    def age(self) -> float:
        return age_seconds(self.follower.report.contact, self.clock)

    @property
    def away(self) -> str:
        return self.follower.report.away or ""

    async def until_runs(self, sequence: int) -> None:
        await until(lambda: self.owner.sequences[-1:] == [sequence])

    async def until_read_after(self, running: float) -> None:
        """Until the source was read at a later time than that of the boot clock."""
        await until(lambda: not self.away and self.clock.running() - self.age > running)


@contextlib.asynccontextmanager
async def following(site: Site, pace: Pace = QUICK) -> AsyncIterator[World]:
    world = World(KubernetesSource(site.account, NAME, pace=pace))
    task = asyncio.create_task(world.follower.run())
    try:
        yield world
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run(test: Any) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(120):
            await test

    asyncio.run(bounded())


def test_an_index_is_followed_from_before_it_exists_to_after_it_is_deleted(site: Site) -> None:
    async def test() -> None:
        async with following(site) as world:
            await until(lambda: "there is no ConfigMap" in world.away)
            await asyncio.to_thread(site.publish, 1)
            await world.until_runs(1)
            await asyncio.to_thread(site.publish, 2)
            await world.until_runs(2)
            assert world.owner.applied[-1].loaded.config.site.hostname == "s2.example.com"
            await asyncio.to_thread(site.publish, 1)
            await until(lambda: world.follower.report.refusal is not None)
            refusal = world.follower.report.refusal
            assert refusal is not None
            assert refusal.refused.reason is RefusalReason.OLD_SEQUENCE
            await asyncio.to_thread(site.delete_index)
            await until(lambda: "there is no ConfigMap" in world.away)
            assert world.owner.sequences == [1, 2], "what runs goes on"

    run(test())


def test_a_shard_that_comes_late_is_waited_for(site: Site) -> None:
    async def test() -> None:
        async with following(site) as world:
            await asyncio.to_thread(site.publish, 1, lose="routes")
            await until(lambda: world.follower.report.refusal is not None)
            assert world.owner.sequences == []
            await asyncio.to_thread(site.publish, 1)
            await world.until_runs(1)

    run(test())


def test_a_change_arrives_at_once_without_another_list(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = 0
    get = ApiClient.get

    async def counted(self: ApiClient, path: str, parameters: Any = None) -> bytes:
        nonlocal lists
        lists += parameters is not None
        return await get(self, path, parameters)

    monkeypatch.setattr(ApiClient, "get", counted)

    async def test() -> None:
        took = []
        async with following(site, LASTING) as world:
            await asyncio.to_thread(site.publish, 1)
            await world.until_runs(1)
            loop = asyncio.get_running_loop()
            for sequence in range(2, 8):
                await asyncio.to_thread(site.publish, sequence)
                began = loop.time()
                await world.until_runs(sequence)
                took.append(loop.time() - began)
        assert lists == 1
        assert min(took) < 2, "what else this machine does may hold up some of them"

    run(test())


def test_a_watch_that_ends_is_followed_by_another_and_counts_as_read(site: Site) -> None:
    async def test() -> None:
        async with following(site, Pace(watch=1.0, between=0.05)) as world:
            await asyncio.to_thread(site.publish, 1)
            await world.until_runs(1)
            reads, now = world.follower.report.counts.reads, world.clock.running()
            await until(lambda: world.follower.report.counts.reads >= reads + 3)
            await world.until_read_after(now)
            await asyncio.to_thread(site.publish, 2)
            await world.until_runs(2)
            assert world.owner.saw(Happening.SOURCE_BACK) in ([], ["ConfigMap isochrone-config"])

    run(test())


def test_a_renewed_token_is_used_and_a_wrong_one_is_told(site: Site) -> None:
    async def test() -> None:
        async with following(site, Pace(watch=1.0, between=0.05, first=0.05, most=0.2)) as world:
            await asyncio.to_thread(site.publish, 1)
            await world.until_runs(1)
            (site.account.folder / "token").write_text("wrong")
            await until(lambda: "Unauthorized" in world.away)
            age = world.age
            await asyncio.sleep(0.3)
            assert world.age > age, "it grows older"
            now = world.clock.running()
            await asyncio.to_thread(site.renew_token)
            await world.until_read_after(now)

    run(test())


def test_without_rights_it_says_which_are_missing(
    api: Client, control_plane: Cluster, namespace: str, tmp_path: pathlib.Path
) -> None:
    site = Site(api, control_plane.kubeconfig, namespace, tmp_path / "account")
    site._pod.create()

    async def test() -> None:
        async with following(site) as world:
            await until(lambda: "cannot list resource" in world.away)

    run(test())


async def watch_from(site: Site, revision: str) -> int:
    """How a watch from that revision fails: the status, of the answer or in its first event."""
    client = ApiClient(site.account)
    selector = {"fieldSelector": f"metadata.name={NAME}", "resourceVersion": revision, "timeoutSeconds": "5"}
    path = f"/api/v1/namespaces/{site.account.namespace()}/configmaps"
    collection = kube_watch.Collection(client, path, selector, bytes)
    try:
        async with contextlib.aclosing(client.watch(path, selector, silence=20)) as lines:
            async for line in lines:
                collection._take(kube_watch.decode(line, kube_watch._Event))
    except ApiError as error:
        return error.status
    finally:
        client.close()
    return 0


def test_a_gateway_in_a_pod(site: Site, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command, with what a pod has: two variables and a service account's folder."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", site.account.host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(site.account.port))
    options = ("--config", f"kubernetes:{NAME}", "--service-account", str(site.account.folder))
    with gateways.running(tmp_path, *options, publish=False, workers=1) as gateway:
        for sequence in (1, 2):
            made = gateways.make_config(gateway.data, gateway.admin, hostname=f"s{sequence}.example.com")
            index, blobs = shard(made, dataclasses.replace(RELEASE, sequence=sequence))
            site.store(encode_index(index), blobs)
            if sequence == 1:
                gateways.until(gateway.is_ready, log=lambda: gateway.log)
            gateways.until(lambda expected=f"s{sequence}.example.com": gateway.runs(expected), limit=LIMIT)  # type: ignore[misc]
        assert gateway.status()["config"]["source"] == f"ConfigMap {NAME}"


def test_a_pod_says_on_the_lease_what_it_runs_and_refuses(
    site: Site, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the right to patch this Lease, and no other right to it."""
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", site.account.host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(site.account.port))
    monkeypatch.setenv("POD_NAME", POD)

    def running() -> int | None:
        said = site.said()
        return said.running.sequence if said and said.running else None

    def refused() -> str | None:
        said = site.said()
        return said.refused.reason if said and said.refused else None

    options = ("--config", f"kubernetes:{NAME}", "--service-account", str(site.account.folder))
    with gateways.running(tmp_path, *options, publish=False, workers=1) as gateway:

        def publish(sequence: int) -> None:
            made = gateways.make_config(gateway.data, gateway.admin, hostname=f"s{sequence}.example.com")
            index, blobs = shard(made, dataclasses.replace(RELEASE, sequence=sequence))
            site.store(encode_index(index), blobs)

        gateways.until(lambda: "ConfigNotReported" in gateway.log, log=lambda: gateway.log)
        site.make_lease()
        publish(1)
        gateways.until(lambda: running() == 1, log=lambda: gateway.log)
        publish(2)
        gateways.until(lambda: running() == 2, log=lambda: gateway.log)
        assert refused() is None
        publish(1)
        gateways.until(lambda: refused() == "OldSequence", log=lambda: gateway.log)
        assert running() == 2
        assert site.managers() == {"isochrone", report.field_manager(POD)}
        gateway.signal(signal.SIGTERM)
        assert gateway.wait(LIMIT) == 0
        assert gateway.log.count("ConfigNotReported") == 1
        assert site.said() is None
        assert site.managers() == {"isochrone"}


def test_a_pod_whose_trusted_keys_come_later(
    site: Site, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", site.account.host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(site.account.port))
    keys = tmp_path / "trust"
    options = ("--service-account", str(site.account.folder), "--trusted-keys", str(keys))
    with gateways.running(tmp_path, "--config", f"kubernetes:{NAME}", *options, publish=False, workers=1) as gateway:
        made = gateways.make_config(gateway.data, gateway.admin, hostname="s1.example.com")
        index, blobs = shard(made, RELEASE, signers=[sign_as("hub")])
        site.store(encode_index(index), blobs)
        gateways.until(lambda: "is not signed by a trusted key, only by hub" in gateway.log, log=lambda: gateway.log)
        assert gateway.log.count("TrustedKeysUnusable") == 1
        assert not gateway.is_ready()
        keys.mkdir()
        write_key(keys, "hub")
        gateways.until(lambda: "ConfigAccepted" in gateway.log, log=lambda: gateway.log)
        gateways.until(gateway.is_ready, log=lambda: gateway.log)
        assert gateway.log.count("TrustedKeysRead") == 1


def test_an_api_server_that_goes_and_comes_back(own_plane: ControlPlane, tmp_path: pathlib.Path) -> None:
    namespace = "edge"

    async def test(site: Site, in_thread: Callable[..., Any]) -> None:
        async with following(site) as world:
            await world.until_runs(1)
            await in_thread(own_plane.stop_api_server)
            await until(lambda: bool(world.away))
            age = world.age
            await asyncio.sleep(1)
            assert world.age > age + 0.9
            assert world.owner.sequences == [1]
            now = world.clock.running()
            await in_thread(own_plane.start_api_server)
            await world.until_read_after(now)
            assert await watch_from(site, "1") == 410, "this API server's cache begins with its start"
            await in_thread(site.publish, 2)
            await world.until_runs(2)
            away, back = world.owner.saw(Happening.SOURCE_AWAY), world.owner.saw(Happening.SOURCE_BACK)
            assert len(away) == len(back) >= 1

    with Client(own_plane.kubeconfig) as api:
        assert api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}).ok
        site = Site(api, own_plane.kubeconfig, namespace, tmp_path / "account")
        site.let_in()
        site.publish(1)
        run(test(site, asyncio.to_thread))
