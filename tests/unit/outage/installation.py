"""The quickstart of several clusters in memory, on a virtual clock: operators' own code and gateways' own decisions.

Frankfurt and Berlin are in the hub's cluster, the hub pushes to Paris, and Ashburn pulls. Nothing is waited for but
threads and tasks; hours pass when the test says so.
"""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from tests.unit.outage.cluster import Cluster
from tests.unit.outage.gateway import Gateway

from isochrone.api import EdgeNode
from isochrone.certificates import Credentials, State, stored
from isochrone.controller.announcing import Announcer
from isochrone.controller.connections import Connected
from isochrone.controller.couriers import Connect, Couriers, Load
from isochrone.controller.interrupting import Interruption
from isochrone.controller.keys import ROTATE, Keeper
from isochrone.controller.passes import Pass, Surroundings
from isochrone.controller.pulled import Pulled
from isochrone.controller.reconcile import Reconciler
from isochrone.controller.settings import OperatorSettings
from isochrone.controller.site import SiteOperator
from isochrone.controller.watching import Deletions
from isochrone.kube import kinds, mailbox
from isochrone.kube.applying import unanswered
from isochrone.kube.errors import ApiError
from isochrone.kube.hub import KINDS, Declared, Hub
from isochrone.model.declared import SYSTEM_NAMESPACE
from isochrone.render.clusters import cluster_of

Json = Mapping[str, Any]

SETTINGS: Final = OperatorSettings()
NOW: Final = 1_800_000_000
HOUR: Final = 3600
_SETTLED: Final = 8
CLUSTER_OF: Final = {"fra1": "hub", "ber1": "hub", "cdg1": "cdg1", "iad1": "iad1"}
NAMES: Final = {
    "fra1": "isochrone-gateway-fra1",
    "ber1": "isochrone-gateway-ber1",
    "cdg1": "isochrone-gateway",
    "iad1": "isochrone-gateway",
}
"""Of gateways: a site that has a cluster for itself needs no name there."""


class ByHand(Couriers):
    """Couriers that go when the test says so, each once."""

    def __init__(self, wall: "Wall") -> None:
        super().__init__(pace=SETTINGS.pace, at_once=1, clock=wall, changed=lambda: None)
        self._loads: dict[str, tuple[Load, Connect]] = {}
        self._wall = wall

    def give(self, cluster: str, load: Load, connect: Connect) -> None:
        self._loads[cluster] = (load, connect)

    async def keep_only(self, clusters: frozenset[str], sites: frozenset[str]) -> None:
        self._loads = {name: each for name, each in self._loads.items() if name in clusters}
        self.reports = {name: each for name, each in self.reports.items() if name in sites}

    async def go(self) -> None:
        for name, (load, connect) in sorted(self._loads.items()):
            try:
                deliverer = await connect()
                found = await deliverer.deliver(load.parcels, paused=load.paused, looks=load.looks, pools=load.pools)
            except ApiError as error:
                sites = (*(each.site for each in load.parcels), *load.looks)
                now = int(self._wall())
                found = {site: unanswered(self._known(site), error, f"cluster {name}", now=now) for site in sites}
            self.reports |= found


class Wall:
    """Seconds since 1970; `step` more each time that somebody asks."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.step = 0.0

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Installation:
    """All of it."""

    def __init__(self, declared: list[Json], folder: pathlib.Path) -> None:
        self.wall = Wall()
        self.clusters = {name: Cluster(name, self.wall) for name in ("hub", "cdg1", "iad1")}
        self.hub = self.clusters["hub"]
        self.passes = 0
        self.passed: Pass | None = None
        self._declared = declared
        self._keeper = Keeper(self.hub, "isochrone", wall=self.wall)
        hub = Hub(self.hub)
        announcer = Announcer(hub, self.wall)
        self._couriers = ByHand(self.wall)
        self._deliverers: dict[str, Connected | Pulled] = {
            "local": self._connected("hub"),
            "kubeconfig/cdg1/kubeconfig": self._connected("cdg1"),
            "remote/iad1": Pulled(
                self.hub, "iad1", clock=self.wall, vouch=self._keeper.vouch, is_telling=announcer.is_telling
            ),
        }
        around = Surroundings(
            connections=self._connections,
            keeper=self._keeper,
            deletions=Deletions(),
            announcer=announcer,
            interruption=Interruption(),
            wall=self.wall,
            monotonic=self.wall,
        )
        self._around = around
        self._reconciler = Reconciler(hub, self._couriers, SETTINGS, around)
        self._site_operator = SiteOperator(
            "iad1", self.hub, self.clusters["iad1"], installation="isochrone", pace=SETTINGS.pace, wall=self.wall
        )
        self._folder = folder
        self.gateways: dict[str, Gateway] = {}

    def _connected(self, name: str) -> Connected:
        api = self.clusters[name]
        return Connected(api, "isochrone", clock=self.wall, vouch=self._keeper.vouch, is_ours=False)

    def _connections(self, edge: EdgeNode, _: Declared) -> tuple[str, Connect]:
        deliverer = self._deliverers[cluster_of(edge)]

        async def connect() -> Connected | Pulled:
            return deliverer

        return "", connect

    def replace_leader(self) -> None:
        """By another replica, which has seen nothing."""
        self._couriers.reports.clear()
        self._reconciler = Reconciler(Hub(self.hub), self._couriers, SETTINGS, self._around)

    async def declare(self) -> None:
        paths = {kind.name: kind for kind in KINDS.values()} | {"Namespace": kinds.NAMESPACE}
        for item in self._declared:
            await self.hub.create(paths[item["kind"]].path(item["metadata"].get("namespace")), item)
        for cluster in self.clusters.values():
            await cluster.create(kinds.NAMESPACE.path(), {"metadata": {"name": SYSTEM_NAMESPACE}, "kind": "Namespace"})
        await self.hub.create(kinds.NAMESPACE.path(), {"metadata": {"name": mailbox.namespace_of("iad1")}})

    async def run_gateways(self) -> None:
        for site, cluster in CLUSTER_OF.items():
            self.gateways[site] = Gateway(self.clusters[cluster], NAMES[site], self._folder / site, wall=self.wall.now)
            await self.gateways[site].look()

    async def operate(self) -> None:
        """What operators do in a moment: the leader of the hub, if there can be one, and the one in Ashburn."""
        with contextlib.suppress(ApiError):
            self.passed = await self._reconciler.once()
            self.passes += 1
            await self._couriers.go()
        await self._site_operator.once()

    async def go_on(self, hours: int = 1) -> None:
        """Hours pass, and whoever is there does what he does."""
        for _ in range(hours):
            self.wall.now += HOUR
            for gateway in self.gateways.values():
                gateway.pass_by(HOUR)
            await self.operate()
            await asyncio.gather(*(gateway.look() for gateway in self.gateways.values()))

    async def rotate(self) -> None:
        """Ask for another authority, as a user does."""
        path = kinds.SECRET.path(SYSTEM_NAMESPACE, stored.SECRET)
        await self.hub.merge(path, {"metadata": {"annotations": {ROTATE: ""}}})

    async def state(self) -> State:
        """How far that is."""
        secret = await self.hub.get(kinds.SECRET.path(SYSTEM_NAMESPACE, stored.SECRET))
        return stored.state_of(secret["data"])

    async def credentials(self, site: str) -> Credentials:
        """What the pods of a site have in their volume: a cluster that is away takes nothing from them."""
        cluster = self.clusters[CLUSTER_OF[site]]
        was_away, cluster.is_away = cluster.is_away, False
        try:
            secret = await cluster.get(kinds.SECRET.path(SYSTEM_NAMESPACE, f"{NAMES[site]}-peer"))
        finally:
            cluster.is_away = was_away
        return Credentials.of(secret["data"])


@contextlib.asynccontextmanager
async def installed(declared: list[Json], folder: pathlib.Path) -> AsyncIterator[Installation]:
    """It runs, with what is declared delivered everywhere."""
    made = Installation(declared, folder)
    await made.declare()
    # Bundles go out in waves, and certificates of who pulls come with the second look.
    await made.go_on(_SETTLED)
    await made.run_gateways()
    try:
        yield made
    finally:
        for gateway in made.gateways.values():
            await gateway.stop()
