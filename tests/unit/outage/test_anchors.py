"""Evidence of sites in the hub's cluster, of one that it pushes to, and of one that pulls: anchored in the hub."""

import asyncio
import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.unit.outage.installation import CLUSTER_OF, NAMES, SETTINGS, Installation, installed

from isochrone import manifests
from isochrone.certificates import key_id
from isochrone.controller.anchoring import NAME
from isochrone.kube import kinds
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone_gateway.config import report

Json = Mapping[str, Any]

EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "quickstart-multicluster"
KEEPING: Final = ("fra1", "cdg1", "iad1")
ANCHORS: Final = kinds.CONFIG_MAP.path(SYSTEM_NAMESPACE, NAME)


def declared() -> list[Json]:
    items: list[Any] = [dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests]
    for item in items:
        if item["kind"] == "EdgeNode" and item["metadata"]["name"] in KEEPING:
            item["spec"].setdefault("gateway", {})["evidence"] = {}
    return items


async def say(made: Installation, site: str, n: int, letter: str) -> None:
    """What a pod of the site says on its Lease."""
    pod = f"{NAMES[site]}-0"
    at = dt.datetime.fromtimestamp(made.wall.now, dt.UTC)
    anchor = report.Anchored(n=n, at=made.wall.now - 5, digest=letter * 64)
    said = report.encode(report.PodReport(pod=pod, at=at, evidence=report.Evidence(anchor=anchor)))
    path = kinds.LEASE.path(SYSTEM_NAMESPACE, f"{NAMES[site]}-config")
    change = {"metadata": {"annotations": {report.annotation(pod): said}}}
    await made.clusters[CLUSTER_OF[site]].merge(path, change)


async def pass_by(made: Installation, n: int, letter: str = "a") -> None:
    """They say so, and it goes from hand to hand: who pulls shows with each sign of life what it saw before that."""
    for _ in range(3):
        made.wall.now += SETTINGS.pace.anchors + 1
        for site in KEEPING:
            await say(made, site, n, letter)
        for _ in range(3):
            await made.operate()


async def kept(made: Installation) -> Mapping[str, str]:
    found: Mapping[str, str] = (await made.hub.get(ANCHORS))["data"]
    return found


def test_anchors_of_all_sites_arrive_on_the_hub_and_never_go_back(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with installed(declared(), tmp_path) as made:
            await pass_by(made, 4)
            await pass_by(made, 5, "b")
            data = await kept(made)
            lines = {name for name in data if name.endswith(".jsonl")}
            assert lines == {f"{site}.jsonl" for site in KEEPING}
            assert all('"n":5' in data[name] for name in lines)

            for site in KEEPING:
                await assert_key(made, site, data)

            await pass_by(made, 3, "c")
            await pass_by(made, 9, "d")
            after = await kept(made)
            assert {name: after[name] for name in lines} == {name: data[name] for name in lines}
            assert {name for name in after if name.endswith(".back.jsonl")} == {
                f"{site}.back.jsonl" for site in KEEPING
            }
            assert made.passed is not None
            assert set(made.passed.delivery.anchoring.back) == set(KEEPING)

    asyncio.run(asyncio.wait_for(scenario(), 300))


async def assert_key(made: Installation, site: str, data: Mapping[str, str]) -> None:
    """Its private half is in the site's cluster alone; the hub has the public one."""
    assert made.passed is not None
    public = made.passed.delivery.reports[site].evidence_key
    assert data[f"{site}.{key_id(public)}.pem"] == public
    assert made.passed.delivery.anchoring.keys[site] == key_id(public)
    path = kinds.SECRET.path(SYSTEM_NAMESPACE, f"{NAMES[site]}-evidence")
    secret = await made.clusters[CLUSTER_OF[site]].get(path)
    listed = [item for name in sorted(made.clusters) for item in await everything(made, name)]
    holders = [item for item in listed if secret["data"]["private.pem"] in str(item.get("data", {}))]
    assert len(holders) == 1


async def everything(made: Installation, cluster: str) -> list[Json]:
    found: list[Json] = []
    for kind in (kinds.SECRET, kinds.CONFIG_MAP):
        found += (await made.clusters[cluster].list(kind.path())).items
    return found
