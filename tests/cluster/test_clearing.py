"""A cluster that an installation leaves, with the hub's own credentials and with an administrator's."""

import asyncio
import base64
import pathlib
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import pytest
from click.testing import CliRunner
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options
from tests.cluster.parcels import parcels
from tests.worlds import examples

from isochrone.cli import main
from isochrone.kube import access, found, kinds, kubeconfig
from isochrone.kube.access import Access
from isochrone.kube.api import Api
from isochrone.kube.clearing import Clearing, Limit
from isochrone.kube.errors import Unauthorized
from isochrone.kube.member import Member
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.rollout import removal
from isochrone.rollout.actions import Found
from isochrone.rollout.removal import Fate, Told

Json = dict[str, Any]

LIMIT: Final = 120.0
DEPLOYMENTS: Final = kinds.DEPLOYMENT.path(SYSTEM_NAMESPACE)


@pytest.fixture
def plane(kube: pathlib.Path) -> Iterator[ControlPlane]:
    """Joined, with what a site has."""
    assert kube.exists()
    with ControlPlane(Options(controllers=True)) as plane:
        both = ["--kubeconfig", str(plane.kubeconfig), "--site-kubeconfig", str(plane.kubeconfig)]
        joined = CliRunner().invoke(main, ["site", "join", "fra1", *both])
        assert joined.exit_code == 0, joined.output
        yield plane


def joined(plane: ControlPlane) -> Access:
    """The hub's way in."""
    with Client(plane.kubeconfig) as client:
        secret = client.request("GET", kinds.SECRET.path(SYSTEM_NAMESPACE, "isochrone-site-fra1")).body
    return kubeconfig.parse(base64.b64decode(secret["data"]["kubeconfig"]))


def within(shown: Access, work: Callable[[Api], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(2 * LIMIT), shown.api() as api:
            await work(api)

    asyncio.run(whole())


def clearing(api: Api, told: list[Told]) -> Clearing:
    limit = Limit(until=time.monotonic() + LIMIT)
    return Clearing("the cluster of fra1", api, "isochrone", limit=limit, tell=told.append)


def whats(told: list[Told], fate: Fate) -> set[str]:
    return {each.what for each in told if each.fate is fate}


async def deliver(api: Api) -> None:
    wanted = list(parcels(examples.example("quickstart-multicluster"), "local"))
    reports = await Member(api, "isochrone", clock=time.time).deliver(wanted)
    assert [report.faults for report in reports.values()] == [(), ()]


def test_with_the_hubs_own_credentials_all_goes_but_what_they_do_not_reach(plane: ControlPlane) -> None:
    told: list[Told] = []

    async def work(api: Api) -> None:
        await deliver(api)
        left = clearing(api, told)
        await left.sweep()
        await left.namespaces()
        await left.guests(is_one=True)
        await let_in_no_more(api)

    within(joined(plane), work)
    assert whats(told, Fate.LEFT) == {
        "Namespace demo",
        f"Namespace {SYSTEM_NAMESPACE}",
        "ClusterRoleBinding isochrone-hub",
        "ClusterRole isochrone-hub",
    }
    assert all("--site-kubeconfig NAME=FILE" in each.why for each in told if each.fate is Fate.LEFT)
    removed = whats(told, Fate.REMOVED)
    assert f"ServiceAccount {SYSTEM_NAMESPACE}/isochrone-hub" in removed
    assert any(each.startswith("Deployment demo/") for each in removed)


async def let_in_no_more(api: Api) -> None:
    # The API server remembers for some seconds whom it let in.
    while True:
        try:
            await api.get("/api/v1/namespaces")
        except Unauthorized:
            return
        await asyncio.sleep(0.2)


def test_an_administrator_leaves_nothing(plane: ControlPlane) -> None:
    told: list[Told] = []

    async def work(api: Api) -> None:
        await deliver(api)
        left = clearing(api, told)
        await left.sweep()
        await left.guests(is_one=False)
        await left.namespaces()

    within(access.from_file(plane.kubeconfig), work)
    assert whats(told, Fate.LEFT) == set()
    assert {"Namespace demo", f"Namespace {SYSTEM_NAMESPACE}", "ClusterRole isochrone-hub"} <= whats(told, Fate.REMOVED)
    with Client(plane.kubeconfig) as client:
        for kind in (kinds.NAMESPACE, kinds.CLUSTER_ROLE, kinds.CLUSTER_ROLE_BINDING):
            names = [each["metadata"]["name"] for each in client.request("GET", kind.path()).body["items"]]
            assert not {"demo", SYSTEM_NAMESPACE, "isochrone-hub"} & set(names)


def test_what_is_spared_stays_with_its_namespace(plane: ControlPlane) -> None:
    told: list[Told] = []

    async def work(api: Api) -> None:
        await deliver(api)
        left = clearing(api, told)
        await left.sweep({"fra1"})
        await left.namespaces({"fra1"})

    within(access.from_file(plane.kubeconfig), work)
    with Client(plane.kubeconfig) as client:
        gateways = [each["metadata"]["name"] for each in client.request("GET", DEPLOYMENTS).body["items"]]
        assert gateways == ["isochrone-gateway-fra1"]
        space = client.request("GET", kinds.NAMESPACE.path(None, SYSTEM_NAMESPACE)).body
    assert f"Namespace {SYSTEM_NAMESPACE}" in whats(told, Fate.KEPT)
    assert "isochrone.dev/installation" not in space["metadata"]["labels"]


EVIDENCE: Final = f"PersistentVolumeClaim {SYSTEM_NAMESPACE}/evidence-gateway-0"
ANCHORS: Final = f"ConfigMap {SYSTEM_NAMESPACE}/isochrone-anchors"


def prove(plane: ControlPlane) -> None:
    """Evidence, what it is held against, and a claim and a ConfigMap of somebody else."""
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    claims = {"evidence-gateway-0": {"isochrone.dev/installation": "isochrone"}, "theirs": {}}
    made: list[Json] = [
        *({"kind": "PersistentVolumeClaim", "name": name, "labels": of, "spec": spec} for name, of in claims.items()),
        *({"kind": "ConfigMap", "name": name, "labels": {}} for name in ("isochrone-anchors", "others")),
    ]
    with Client(plane.kubeconfig) as client:
        for each in made:
            metadata = {"namespace": SYSTEM_NAMESPACE, "name": each.pop("name"), "labels": each.pop("labels")}
            assert client.apply({"apiVersion": "v1", "metadata": metadata, **each}).ok


def test_evidence_that_stays_is_told_also_where_the_namespace_is_others(plane: ControlPlane) -> None:
    ours: list[Told] = []
    theirs: list[Told] = []

    async def work(api: Api) -> None:
        await clearing(api, ours).namespaces()
        await clearing(api, theirs).namespaces()

    prove(plane)
    within(access.from_file(plane.kubeconfig), work)
    (said,) = [each.why for each in ours if each.what == f"Namespace {SYSTEM_NAMESPACE}"]
    assert "ConfigMap isochrone-anchors, others; PersistentVolumeClaim evidence-gateway-0, theirs" in said
    assert {each.what: each.fate for each in theirs} == {EVIDENCE: Fate.KEPT, ANCHORS: Fate.KEPT}
    assert all("delete it by hand" in each.why for each in theirs)


def test_evidence_that_can_not_be_seen_is_told_of(plane: ControlPlane) -> None:
    told: list[Told] = []
    with Client(plane.kubeconfig) as client:
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}}
        assert client.patch(space, {"metadata": {"labels": None}}).ok
    within(joined(plane), lambda api: clearing(api, told).namespaces())
    (found,) = [each for each in told if each.what == f"Namespace {SYSTEM_NAMESPACE}"]
    assert found.fate is Fate.KEPT
    assert "whether evidence stays in it can't be seen" in found.why


async def still_there(api: Api) -> list[Json]:
    """What a sweep has to remove."""
    objects = await found.objects(api, "isochrone", ())
    return [dict(each) for each in removal.going(Found(children=objects.children, pods=objects.pods), ())]


def test_what_somebody_else_holds_is_left_and_said(plane: ControlPlane) -> None:
    told: list[Told] = []
    with Client(plane.kubeconfig) as client:

        async def work(api: Api) -> None:
            await deliver(api)
            service = client.request("GET", kinds.SERVICE.path(SYSTEM_NAMESPACE)).body["items"][0]
            held = {"metadata": {"finalizers": ["example.com/held"]}}
            assert client.patch({"apiVersion": "v1", "kind": "Service", **service}, held).ok
            sweeping = asyncio.create_task(clearing(api, []).sweep())
            while len(await still_there(api)) > 1:  # noqa: ASYNC110 - nobody here would set an event
                await asyncio.sleep(0.2)
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            limit = Limit(until=time.monotonic())
            await Clearing("the cluster of fra1", api, "isochrone", limit=limit, tell=told.append).sweep()

        within(access.from_file(plane.kubeconfig), work)
    (left,) = [each for each in told if each.fate is Fate.LEFT]
    assert left.what.startswith(f"Service {SYSTEM_NAMESPACE}/")
    assert "held by example.com/held" in left.why
