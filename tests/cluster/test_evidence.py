"""Gateways that keep evidence, on a real API server: one workload takes the other's place, and claims are nobody's."""

import asyncio
import dataclasses
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

from click.testing import CliRunner, Result
from tests.cluster import kubeconfig
from tests.cluster.client import Client
from tests.cluster.controlplane import ControlPlane, Options, now
from tests.cluster.parcels import parcels
from tests.worlds.build import snapshot
from tests.worlds.examples import FOLDER

from isochrone import manifests
from isochrone.certificates import new_index_key
from isochrone.cli import main
from isochrone.kube import kinds
from isochrone.kube.api import Api
from isochrone.kube.kinds import DEPLOYMENT, SECRET, STATEFUL_SET
from isochrone.kube.member import Member
from isochrone.model import Observed, Parcel
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels, rights

NAME: Final = "isochrone-gateway-fra1"
KEY: Final = f"{NAME}-evidence"
LIMIT: Final = 120.0
LINE: Final = {"site": "fra1", "instance": "gateway-0", "at": 1.0, "n": 4, "digest": "ab" * 32}


def wanted(sequence: int, *, keeps: bool) -> list[Parcel]:
    """Frankfurt of the example, in the hub's cluster."""
    items: list[Any] = [dict(each.obj) for each in manifests.read([str(FOLDER / "quickstart-multicluster")]).manifests]
    for item in items:
        if keeps and item["kind"] == "EdgeNode" and item["metadata"]["name"] == "fra1":
            item["spec"].setdefault("gateway", {})["evidence"] = {}
    found = parcels(snapshot(items, Observed()), "local", sequence=sequence)
    key = KEY if keeps else ""
    return [dataclasses.replace(each, evidence_key=key) if each.site == "fra1" else each for each in found]


def run(plane: ControlPlane, work: Callable[[Api, Member], Awaitable[None]]) -> None:
    async def whole() -> None:
        access = kubeconfig.read(plane.kubeconfig)
        async with asyncio.timeout(LIMIT), Api(access.url, tls=access.tls()) as api:
            await work(api, Member(api, "isochrone", clock=time.time))

    asyncio.run(whole())


def writes(plane: ControlPlane, *, since: str) -> int:
    verbs = {"create", "update", "patch", "delete"}
    events = plane.audit_events(since=since)
    return sum(each["verb"] in verbs and each["user"]["username"] == "admin" for each in events)


async def workloads(api: Api) -> set[str]:
    """Of Frankfurt's gateway."""
    marks = f"{labels.EDGE_NODE}=fra1,{labels.COMPONENT}={labels.GATEWAY}"
    return {
        kind.name for kind in (DEPLOYMENT, STATEFUL_SET) if (await api.list(kind.path(), label_selector=marks)).items
    }


async def become_ready(api: Api, kind: kinds.Kind, *, outdated: int = 0) -> None:
    """As if its pods had started, but for those of a template before."""
    path = kind.path(SYSTEM_NAMESPACE, NAME)
    there = await api.get(path)
    counts = {"replicas": 2, "updatedReplicas": 2 - outdated, "readyReplicas": 2}
    status = {**counts, "observedGeneration": there["metadata"]["generation"]}
    await api.merge(path, {"status": status}, subresource="status")


def test_evidence_is_turned_on_and_off_again_and_a_gateway_is_ready_throughout(kube: Path) -> None:
    assert kube.exists()
    with ControlPlane(Options(audit=True)) as plane:

        async def work(api: Api, member: Member) -> None:
            await member.deliver(wanted(1, keeps=False))
            assert await workloads(api) == {"Deployment"}

            report = (await member.deliver(wanted(2, keeps=True)))["fra1"]
            assert report.faults == ()
            assert report.evidence_key.startswith("-----BEGIN PUBLIC KEY-----")
            assert (report.gateway_replicas, report.gateway_ready) == (2, 0)
            assert await workloads(api) == {"Deployment", "StatefulSet"}
            secret = await api.get(SECRET.path(SYSTEM_NAMESPACE, KEY))

            await become_ready(api, STATEFUL_SET, outdated=1)
            assert (await member.deliver(wanted(2, keeps=True)))["fra1"].gateway_outdated == 1
            await become_ready(api, STATEFUL_SET)
            report = (await member.deliver(wanted(2, keeps=True)))["fra1"]
            assert await workloads(api) == {"StatefulSet"}
            assert report.delivered == wanted(2, keeps=True)[-1].revision

            assert writes(plane, since="") > 0
            began = now()
            report = (await member.deliver(wanted(2, keeps=True)))["fra1"]
            assert (report.repairs, report.faults, writes(plane, since=began)) == ((), (), 0)
            assert (await api.get(SECRET.path(SYSTEM_NAMESPACE, KEY)))["data"] == secret["data"]

            await member.deliver(wanted(3, keeps=False))
            assert await workloads(api) == {"Deployment", "StatefulSet"}
            await become_ready(api, DEPLOYMENT)
            await member.deliver(wanted(3, keeps=False))
            assert await workloads(api) == {"Deployment"}

        run(plane, work)


def test_nobody_of_ours_may_touch_volumes_or_their_claims() -> None:
    given = [*rights.MEMBER, *rights.MEMBER_SYSTEM, *rights.HUB, *rights.HUB_SYSTEM, *rights.SITE]
    assert not [each for each in given if any("persistentvolume" in name for name in each.resources)]


def test_an_auditor_fetches_anchors_and_keeps_those_of_before(kube: Path, tmp_path: Path) -> None:
    assert kube.exists()
    key = new_index_key().public
    with ControlPlane() as plane, Client(plane.kubeconfig) as api:

        def audited(**data: str) -> Result:
            metadata = {"name": rights.ANCHORS, "namespace": SYSTEM_NAMESPACE}
            item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SYSTEM_NAMESPACE}}
            for each in (namespace, item):
                answer = api.apply(each)
                assert answer.ok, answer.message
            words = ["audit", "anchors", "--kubeconfig", str(plane.kubeconfig), "-o", str(tmp_path / "hub")]
            return CliRunner().invoke(main, words)

        nothing = audited()
        assert (nothing.exit_code, "keeps no anchors" in nothing.output) == (2, True)
        first = audited(**{"fra1.jsonl": json.dumps(LINE) + "\n", "fra1.0011223344556677.pem": key})
        assert (first.exit_code, "1 new anchor; " in first.output, "1 new key" in first.output) == (0, True, True)
        later = audited(**{"fra1.jsonl": json.dumps(LINE | {"n": 9}) + "\n", "fra1.0011223344556677.pem": key})
        assert (later.exit_code, "1 new anchor; " in later.output, "no new keys" in later.output) == (0, True, True)
        lines = [json.loads(line) for line in (tmp_path / "hub" / "anchors.jsonl").read_text().splitlines()]
        assert lines == [LINE, LINE | {"n": 9}]
        assert (tmp_path / "hub" / "keys" / "fra1.0011223344556677.pem").read_text() == key
        back = audited(**{"fra1.jsonl": json.dumps(LINE) + "\n", "fra1.back.jsonl": json.dumps(LINE | {"n": 2}) + "\n"})
        assert (back.exit_code, "gateway-0 said what contradicts an anchor" in back.output) == (1, True)
        other = audited(**{"fra1.0011223344556677.pem": new_index_key().public})
        assert (other.exit_code, "another key than the hub has" in other.output) == (2, True)
