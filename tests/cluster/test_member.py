"""Delivery to one cluster, on a real API server: what is applied, repaired, left alone and removed."""

import asyncio
import contextlib
import dataclasses
import pathlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
from tests.cluster import kubeconfig
from tests.cluster.controlplane import ControlPlane, Options, now
from tests.cluster.parcels import parcels
from tests.worlds import examples

from isochrone.api.conditions import Reason
from isochrone.kube.api import Api
from isochrone.kube.applying import unanswered
from isochrone.kube.errors import Unreachable
from isochrone.kube.kinds import DEPLOYMENT, NETWORK_POLICY, SERVICE, path_of
from isochrone.kube.member import Member
from isochrone.model import Parcel, SiteReport
from isochrone.render.gateway.config_maps import is_index

LIMIT: Final = 120.0
LOCAL: Final = "local"


@pytest.fixture
def plane(kube: pathlib.Path) -> Iterator[ControlPlane]:
    assert kube.exists()
    with ControlPlane(Options(audit=True)) as plane:
        yield plane


@dataclasses.dataclass
class Cluster:
    api: Api
    member: Member
    plane: ControlPlane

    async def deliver(self, wanted: list[Parcel], **options: Any) -> dict[str, SiteReport]:
        return await self.member.deliver(wanted, **options)

    def writes(self, *, since: str) -> int:
        verbs = {"create", "update", "patch", "delete"}
        events = self.plane.audit_events(since=since)
        return sum(each["verb"] in verbs and each["user"]["username"] == "admin" for each in events)


@pytest.fixture
def run(plane: ControlPlane) -> Callable[[Callable[[Cluster], Awaitable[None]]], None]:
    def start(work: Callable[[Cluster], Awaitable[None]]) -> None:
        async def whole() -> None:
            access = kubeconfig.read(plane.kubeconfig)
            async with asyncio.timeout(LIMIT), Api(access.url, tls=access.tls()) as api:
                await work(Cluster(api, Member(api, "isochrone", clock=time.time), plane))

        asyncio.run(whole())

    return start


Run = Callable[[Callable[[Cluster], Awaitable[None]]], None]


def wanted(sequence: int = 1, *sites: str) -> list[Parcel]:
    found = list(parcels(examples.example("quickstart-multicluster"), LOCAL, sequence=sequence))
    return [each for each in found if not sites or each.site in sites]


def emptied(parcel: Parcel, sequence: int) -> Parcel:
    revision = dataclasses.replace(parcel.revision, sequence=sequence)
    return dataclasses.replace(parcel, objects=(), revision=revision)


def test_everything_is_there_and_then_nothing_is_written(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        reports = await cluster.deliver(wanted())
        assert {site: report.faults for site, report in reports.items()} == {"ber1": (), "fra1": ()}
        assert all(report.delivered == each.revision for each in wanted() for report in [reports[each.site]])
        for parcel in wanted():
            for item in parcel.objects:
                await cluster.api.get(path_of(item))

        assert cluster.writes(since="") > 0
        began = now()
        again = await cluster.deliver(wanted())
        assert cluster.writes(since=began) == 0
        assert [(each.repairs, each.faults) for each in again.values()] == [((), ()), ((), ())]
        assert again["fra1"].children >= 20
        assert {each.site for report in again.values() for each in report.running} == {"fra1"}

    run(work)


def test_what_somebody_deleted_or_changed_is_put_right(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        await cluster.deliver(wanted())
        policy = next(each for each in wanted()[0].objects if each["kind"] == "NetworkPolicy")
        opened = {"spec": {"ingress": [*policy["spec"]["ingress"], {}]}}
        await cluster.api.merge(path_of(policy), opened)
        deployment = next(each for each in wanted()[0].objects if each["kind"] == "Deployment")
        await cluster.api.delete(path_of(deployment))

        reports = await cluster.deliver(wanted())

        repairs = {repair.subject.split()[0]: repair.difference for repair in reports[wanted()[0].site].repairs}
        assert repairs == {
            "NetworkPolicy": f"spec.ingress has {len(policy['spec']['ingress']) + 1} entries,"
            f" not {len(policy['spec']['ingress'])}",
            "Deployment": "it was deleted",
        }
        assert (await cluster.api.get(path_of(policy)))["spec"]["ingress"] == policy["spec"]["ingress"]
        await cluster.api.get(path_of(deployment))

    run(work)


def test_what_others_own_is_left_alone(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        parcel = wanted()[0]
        service = next(each for each in parcel.objects if each["kind"] == "Service")
        foreign = {**service, "metadata": {**service["metadata"], "labels": {"theirs": "true"}}}
        for namespace in (each for each in parcel.objects if each["kind"] == "Namespace"):
            theirs = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace["metadata"]["name"]}}
            await cluster.api.create("/api/v1/namespaces", theirs)
        await cluster.api.create(SERVICE.path(service["metadata"]["namespace"]), foreign)

        reports = await cluster.deliver([parcel])

        (fault,) = reports[parcel.site].faults
        assert (fault.reason, fault.subject.split()[0]) == (Reason.CONFLICT, "Service")
        assert "is not ours" in fault.message
        assert reports[parcel.site].delivered is None
        there = await cluster.api.get(path_of(service))
        assert there["metadata"]["labels"] == {"theirs": "true"}
        namespace = await cluster.api.get("/api/v1/namespaces/isochrone-system")
        assert "isochrone.dev/installation" not in namespace["metadata"]["labels"]
        index = next(each for each in parcel.objects if is_index(each))
        await cluster.api.get(path_of(index))

    run(work)


def test_what_is_no_longer_wanted_goes_and_the_other_site_stays(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        both = wanted()
        await cluster.deliver(both)
        after = await cluster.deliver([emptied(both[0], 2), *wanted(2)[1:]])
        assert after[both[0].site].faults == ()
        assert after[both[0].site].children == 0
        selector = "isochrone.dev/edge-node="
        for kind in (DEPLOYMENT, SERVICE, NETWORK_POLICY):
            gone = await cluster.api.list(kind.path(), label_selector=f"{selector}{both[0].site}")
            left = await cluster.api.list(kind.path(), label_selector=f"{selector}{both[1].site}")
            assert (gone.items, bool(left.items)) == ((), True)
        await cluster.api.get("/api/v1/namespaces/demo")

    run(work)


def test_a_policy_stays_as_long_as_the_pods_that_it_guards(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        parcel = wanted()[0]
        await cluster.deliver([parcel])
        deployment = next(each for each in parcel.objects if each["kind"] == "Deployment")
        namespace, labels = deployment["metadata"]["namespace"], deployment["spec"]["template"]["metadata"]["labels"]
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "last", "namespace": namespace, "labels": labels},
            "spec": {
                "containers": [{"name": "c", "image": "i"}],
                "serviceAccountName": deployment["spec"]["template"]["spec"]["serviceAccountName"],
                "automountServiceAccountToken": False,
            },
        }
        await cluster.api.create(f"/api/v1/namespaces/{namespace}/pods", pod)

        report = (await cluster.deliver([emptied(parcel, 2)]))[parcel.site]
        assert report.delivered != emptied(parcel, 2).revision
        left = await cluster.api.list(NETWORK_POLICY.path(namespace))
        assert len(left.items) == 1

        await cluster.api.merge(f"/api/v1/namespaces/{namespace}/pods/last", {"metadata": {"finalizers": None}})
        await cluster.api.delete(f"/api/v1/namespaces/{namespace}/pods/last")
        report = (await cluster.deliver([emptied(parcel, 2)]))[parcel.site]
        assert report.delivered == emptied(parcel, 2).revision
        assert (await cluster.api.list(NETWORK_POLICY.path(namespace))).items == ()

    run(work)


def test_replicas_are_handed_to_an_autoscaler_as_they_are(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        parcel = wanted()[0]
        target = next(each for each in parcel.objects if each["kind"] == "Deployment")
        grown = _with(parcel, target, lambda spec: {**spec, "replicas": 8}, 1)
        given_up = _with(parcel, target, lambda spec: {k: v for k, v in spec.items() if k != "replicas"}, 2)
        await cluster.deliver([grown])
        seen = await _replicas_during(cluster, path_of(target), [given_up])
        assert seen == {8}
        await cluster.api.merge(path_of(target), {"spec": {"replicas": 5}}, subresource="scale")
        await cluster.deliver([given_up])
        assert (await cluster.api.get(path_of(target)))["spec"]["replicas"] == 5

    run(work)


def _with(parcel: Parcel, target: Any, change: Callable[[dict[str, Any]], dict[str, Any]], sequence: int) -> Parcel:
    items = tuple(
        {**each, "spec": change(each["spec"])} if each is target or each == target else each for each in parcel.objects
    )
    return dataclasses.replace(parcel, objects=items, revision=dataclasses.replace(parcel.revision, sequence=sequence))


async def _replicas_during(cluster: Cluster, path: str, parcels: list[Parcel]) -> set[int]:
    """Every number that the Deployment had while these were delivered, as a watch sees it."""
    there = await cluster.api.get(path)
    collection, _, name = path.rpartition("/")
    seen = {there["spec"]["replicas"]}

    async def follow() -> None:
        version = there["metadata"]["resourceVersion"]
        watch = cluster.api.watch(collection, version, field_selector=f"metadata.name={name}")
        async with contextlib.aclosing(watch) as events:
            async for event in events:
                if event.type != "BOOKMARK":
                    seen.add(event.item["spec"]["replicas"])
                if event.item["metadata"].get("annotations", {}).get("test") == "seen":
                    return

    watching = asyncio.create_task(follow())
    await cluster.deliver(parcels)
    await cluster.api.merge(path, {"metadata": {"annotations": {"test": "seen"}}})
    await watching
    return seen


def test_a_cluster_that_is_away_is_told_apart_and_comes_back(run: Run) -> None:
    async def work(cluster: Cluster) -> None:
        (parcel,) = wanted(1, "fra1")
        before = (await cluster.deliver([parcel]))[parcel.site]
        await asyncio.to_thread(cluster.plane.stop_api_server)
        with pytest.raises(Unreachable) as raised:
            await cluster.deliver([parcel])
        away = unanswered(before, raised.value, "cluster local", now=before.at + 5)
        assert away.observation.unreachable_since == before.at + 5
        assert [fault.reason for fault in away.faults] == [Reason.UNREACHABLE]
        assert (away.running, away.delivered) == (before.running, parcel.revision)
        later = unanswered(away, raised.value, "cluster local", now=before.at + 9)
        assert later.observation.unreachable_since == before.at + 5
        await asyncio.to_thread(cluster.plane.start_api_server)
        back = (await cluster.deliver([parcel]))[parcel.site]
        assert back.is_reachable
        assert back.faults == ()

    run(work)


def test_what_may_not_be_done_is_said_and_the_rest_goes_on(run: Run, plane: ControlPlane) -> None:
    async def work(cluster: Cluster) -> None:
        rules = [
            {"apiGroups": ["*"], "resources": ["*"], "verbs": ["get", "list", "watch"]},
            {
                "apiGroups": ["", "rbac.authorization.k8s.io", "networking.k8s.io", "policy", "coordination.k8s.io"],
                "resources": ["*"],
                "verbs": ["*"],
            },
            {"nonResourceURLs": ["*"], "verbs": ["get"]},
        ]
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "some"}}
        await cluster.api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", {**role, "rules": rules})
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": "some"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "some"},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "some"}],
        }
        await cluster.api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
        access = kubeconfig.read(plane.issue_kubeconfig("some"))
        parcel = wanted()[0]
        async with Api(access.url, tls=access.tls()) as api:
            report = (await Member(api, "isochrone", clock=time.time).deliver([parcel]))[parcel.site]
        assert {fault.reason for fault in report.faults} == {Reason.FORBIDDEN}
        assert {fault.subject.split()[0] for fault in report.faults} == {"Deployment"}
        assert 'cannot patch resource "deployments"' in report.faults[0].message
        assert report.delivered is None
        assert any(is_index(each) for each in parcel.objects)
        await cluster.api.get(path_of(next(each for each in parcel.objects if is_index(each))))

    run(work)
