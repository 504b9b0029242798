"""Engines move from site to site, and whoever asks, by whatever config, finds some that serve."""

import asyncio
import datetime as dt
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.unit.outage.installation import CLUSTER_OF, NAMES, Installation

from isochrone import manifests
from isochrone.kube import kinds
from isochrone.kube.hub import KINDS
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render import labels
from isochrone_gateway.config import report
from isochrone_gateway.config.index import Revision

Json = Mapping[str, Any]

EXAMPLE = Path(__file__).parents[3] / "examples" / "quickstart-multicluster"
EDGE = next(kind for kind in KINDS.values() if kind.name == "EdgeNode")
ROUTES = {"qwen": "qwen2.5-7b", "bge": "bge-m3"}
"""ModelRoute -> what clients call it."""
SECONDS = 20
STEPS = 60
LAG = 3
"""Steps, in each of which a third of the gateways look for a config."""


class Moment:
    """An installation with nodes that start what they are told to, and gateways that say what they run."""

    def __init__(self, made: Installation) -> None:
        self.made = made
        self.number = 0

    async def step(self) -> None:
        """All that happens in a while, one thing after the other; between any two, everybody is served."""
        self.made.wall.now += SECONDS
        self.number += 1
        await self.made.operate()
        await self.assert_served()
        for index, site in enumerate(CLUSTER_OF):
            self.made.gateways[site].pass_by(SECONDS)
            if (self.number + index) % LAG == 0:
                await self.made.gateways[site].look()
                await self.assert_served()
            await self._report(site)
        await self.start()
        await self.assert_served()

    async def start(self) -> None:
        """What nodes do."""
        for cluster in self.made.clusters.values():
            for item in (await cluster.list(kinds.DEPLOYMENT.path())).items:
                count = item["spec"].get("replicas", 1)
                path = kinds.DEPLOYMENT.path(item["metadata"]["namespace"], item["metadata"]["name"])
                await cluster.merge(path, {"status": _all_ready(count)})

    async def _report(self, site: str) -> None:
        gateway = self.made.gateways[site]
        at = dt.datetime.fromtimestamp(self.made.wall.now, dt.UTC)
        running = Revision(epoch=1, sequence=gateway.sequence, digest="0" * 64)
        said = report.encode(report.PodReport(pod="gateway", at=at, running=running))
        path = kinds.LEASE.path(SYSTEM_NAMESPACE, f"{NAMES[site]}-config")
        change = {"metadata": {"annotations": {report.annotation("gateway"): said}}}
        await self.made.clusters[CLUSTER_OF[site]].merge(path, change)

    async def assert_served(self) -> None:
        serving = {route: await self.serving(route) for route in ROUTES}
        for (site, gateway), route in itertools.product(self.made.gateways.items(), ROUTES):
            asked = {each.peer or site for each in gateway.engines(ROUTES[route])}
            assert asked & serving[route], (
                f"step {self.number}: {site} asks {asked} for {route}, {serving[route]} serve"
            )

    async def serving(self, route: str) -> set[str]:
        """Sites whose engines are ready, and whose gateways know it."""
        own = {site: gateway.engines(ROUTES[route]) for site, gateway in self.made.gateways.items()}
        return {site for site in await self.having(route) if any(not each.peer for each in own[site])}

    async def having(self, route: str) -> set[str]:
        found = set()
        for cluster in self.made.clusters.values():
            items = (await cluster.list(kinds.DEPLOYMENT.path())).items
            found |= {site for item in items if item.get("status", {}).get("readyReplicas")
                      for site in _engine_of(item, route)}  # fmt: skip
        return found


def _engine_of(item: Json, route: str) -> Iterator[str]:
    told = item["metadata"].get("labels", {})
    if told.get(labels.MODEL_ROUTE) == route:
        yield told[labels.EDGE_NODE]


def _all_ready(count: int) -> dict[str, int]:
    return {"replicas": count, "updatedReplicas": count, "readyReplicas": count}


async def settled(tmp_path: Path) -> Moment:
    """Everything runs."""
    made = Installation([dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests], tmp_path)
    moment = Moment(made)
    await made.declare()
    for _ in range(8):
        await made.go_on()
        await moment.start()
    await made.run_gateways()
    for _ in range(2 * LAG):
        await moment.step()
    return moment


@pytest.mark.parametrize(
    ("site", "is_replaced"),
    [
        pytest.param("fra1", False, id="Frankfurt"),
        pytest.param("fra1", True, id="Frankfurt, with another leader each few steps"),
        pytest.param("cdg1", False, id="Paris"),
    ],
)
def test_a_site_is_drained_and_everybody_is_served_meanwhile(tmp_path: Path, site: str, *, is_replaced: bool) -> None:
    async def scenario() -> None:
        moment = await settled(tmp_path)
        assert site in {each for route in ROUTES for each in await moment.having(route)}
        await moment.made.hub.merge(EDGE.path(None, site), {"spec": {"state": "Draining"}})
        for _ in range(STEPS):
            if is_replaced and moment.number % 7 == 0:
                moment.made.replace_leader()
            await moment.step()
        assert site not in {each for route in ROUTES for each in await moment.having(route)}
        await moment.made.hub.merge(EDGE.path(None, site), {"spec": {"state": "Active"}})
        for _ in range(LAG):
            await moment.step()
        for gateway in moment.made.gateways.values():
            await gateway.stop()

    asyncio.run(scenario())
