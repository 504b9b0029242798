"""The hub is gone for a week. Its own sites lose their API server with it, the others only their hub.

Every hour it is asked who would answer whom, at every site: exactly those whom the law allows to (by the oracle of the
tests, with an age that the test counts itself), and for everybody who could be served lawfully, somebody does.
"""

import asyncio
import itertools
import pathlib
from collections.abc import Mapping
from typing import Any, Final

import pytest
from tests.oracle import residency
from tests.unit.certificates.network import is_valid, verifies
from tests.unit.outage.gateway import Engines, Gateway
from tests.unit.outage.installation import CLUSTER_OF, HOUR, NAMES, Installation, installed

from isochrone import manifests
from isochrone.certificates import State
from isochrone.kube import kinds
from isochrone.kube.errors import NotFound
from isochrone.model.declared import SYSTEM_NAMESPACE

Json = Mapping[str, Any]

EXAMPLE: Final = pathlib.Path(__file__).parents[3] / "examples" / "quickstart-multicluster"
WEEK: Final = 7 * 24
QWEN: Final = "qwen2.5-7b"
EUROPE, AMERICA = "demo/shop", "demo/west"
COUNTRY: Final = {"fra1": "DE", "ber1": "DE", "cdg1": "FR", "iad1": "US"}
SOFT_HOURS: Final = 24
HARD_HOURS: Final = {"fra1": 720, "ber1": 72, "cdg1": 720, "iad1": 720}
"""Berlin's platform team is strict."""
OLDER: Final = (("fra1", "Stale"), ("ber1", "Stale"), ("ber1", "Expired"))
WEST: Final[Json] = {
    "apiVersion": "isochrone.dev/v1alpha1",
    "kind": "InferenceTenant",
    "metadata": {"name": "west", "namespace": "demo"},
    "spec": {"keys": [{"name": "main", "sha256": "ab" * 32}], "origins": ["US"]},
}


def declared() -> list[Json]:
    """The example with engines at all sites, another tenant, and a site that is stricter."""
    found: list[dict[str, Any]] = [dict(each.obj) for each in manifests.read([str(EXAMPLE)]).manifests]
    for each in found:
        match each["kind"], each["metadata"]["name"]:
            case "EdgeNode", "ber1":
                each["spec"] = {**each["spec"], "staleness": {"hardMaxAge": "72h"}}
            case "ModelRoute", "qwen":
                each["spec"] = {**each["spec"], "placement": {"strategy": "Nearest", "minSites": 4}}
    return [*found, WEST]


def subject(tenant: str) -> Json:
    """Neither of them has labels that a policy asks for."""
    namespace = {"name": "demo"}
    name = tenant.partition("/")[2]
    return {"route": {"name": "qwen", "namespace": namespace}, "tenant": {"name": name, "namespace": namespace}}


class Watch:
    """What must hold at every hour."""

    def __init__(self, made: Installation, objects: list[Json]) -> None:
        self.made = made
        self._policies = {
            each["metadata"]["name"]: each["spec"] for each in objects if each["kind"] == "DataResidencyPolicy"
        }
        self._origins = {
            f"demo/{each['metadata']['name']}": each["spec"]["origins"]
            for each in objects
            if each["kind"] == "InferenceTenant"
        }
        self._read_at = dict.fromkeys(CLUSTER_OF, made.wall.now)

    def age(self, site: str) -> str:
        """As it should count."""
        if not self.made.clusters[CLUSTER_OF[site]].is_away:
            self._read_at[site] = self.made.wall.now
        hours = (self.made.wall.now - self._read_at[site]) / HOUR
        return "Fresh" if hours <= SOFT_HOURS else "Stale" if hours <= HARD_HOURS[site] else "Expired"

    def lawful(self, site: str, tenant: str) -> list[Engines]:
        """The candidates that the law allows at this hour, if the request may come in here at all."""
        gateway = self.made.gateways[site]
        here = gateway.config.places.places[gateway.config.site.place]
        if not self._allows(site, tenant, "Ingress", Engines(place=here, peer="")):
            return []
        return [each for each in gateway.engines(QWEN) if self._may_answer(site, tenant, each)]

    def _may_answer(self, site: str, tenant: str, each: Engines) -> bool:
        scopes = ("Inference", "Ingress") if each.peer else ("Inference",)
        return all(self._allows(site, tenant, scope, each) for scope in scopes)

    def _allows(self, site: str, tenant: str, scope: str, each: Engines) -> bool:
        question = {
            "scope": scope,
            "place": {"codes": sorted(each.place.codes), "evidence": each.place.evidence.value},
            "origin": self._origins[tenant],
            "age": self.age(site),
            "siteCountry": COUNTRY[site],
        }
        return residency.decide(self._policies, subject(tenant), question)["allowed"]

    async def served(self, site: str, tenant: str) -> list[str]:
        """The sites that would answer: both ends agree, and know each other."""
        offers = self.made.gateways[site].offers(tenant, QWEN)
        return [each.peer or site for each in offers if not each.peer or await self._is_let_in(site, each.peer, tenant)]

    async def _is_let_in(self, site: str, peer: str, tenant: str) -> bool:
        mine, theirs = await self.made.credentials(site), await self.made.credentials(peer)
        now = int(self.made.wall.now)
        for shown, trusted in ((mine, theirs), (theirs, mine)):
            assert is_valid(shown.certificate, now)
            assert verifies(shown.certificate, trusted.authorities)
        return any(not own.peer for own in self.made.gateways[peer].offers(tenant, QWEN))

    async def check(self) -> None:
        for site, tenant in itertools.product(CLUSTER_OF, (EUROPE, AMERICA)):
            gateway: Gateway = self.made.gateways[site]
            assert gateway.age.value == self.age(site), site
            assert gateway.offers(tenant, QWEN) == self.lawful(site, tenant), (site, tenant)
            served = await self.served(site, tenant)
            assert bool(served) is self.is_to_be_served(site, tenant), (site, tenant, served)
            if self.age(site) != "Fresh":
                assert {COUNTRY[each] for each in served} <= {COUNTRY[site]}

    def is_to_be_served(self, site: str, tenant: str) -> bool:
        """Data from Europe may not come in by Ashburn, and not by who has heard nothing for too long."""
        return tenant == AMERICA or (site != "iad1" and self.age(site) != "Expired")


def phase(state: State) -> str:
    return "introduced" if state.coming else "replacing" if state.former else "settled"


@pytest.mark.parametrize("begins", ["settled", "introduced", "replacing"])
def test_sites_serve_within_the_law_while_the_hub_is_away(tmp_path: pathlib.Path, begins: str) -> None:
    """It goes at any step of a rotation of its authority."""

    async def scenario() -> None:
        objects = declared()
        async with installed(objects, tmp_path) as made:
            watch = Watch(made, objects)
            await watch.check()
            if begins != "settled":
                await made.rotate()
            for _ in range(6):
                if phase(await made.state()) == begins:
                    break
                await made.go_on()
                await watch.check()
            assert phase(await made.state()) == begins
            await a_week_without_the_hub(made, watch)
            before = made.passes
            for _ in range(8):
                await made.go_on()
                await watch.check()
            assert made.passes == before + 8
            assert phase(await made.state()) == "settled"
            assert {gateway.age.value for gateway in made.gateways.values()} == {"Fresh"}

    asyncio.run(asyncio.wait_for(scenario(), 900))


async def a_week_without_the_hub(made: Installation, watch: Watch) -> None:
    passes, sequences = made.passes, {site: each.sequence for site, each in made.gateways.items()}
    before = {site: await made.credentials(site) for site in CLUSTER_OF}
    made.hub.is_away = True
    ages = set()
    for hour in range(1, WEEK + 1):
        await made.go_on()
        if hour % 24 == 0:
            await asyncio.gather(*(gateway.restart() for gateway in made.gateways.values()))
            await asyncio.gather(*(gateway.look() for gateway in made.gateways.values()))
        await watch.check()
        ages |= {(site, watch.age(site)) for site in CLUSTER_OF}
    assert (made.passes, {site: each.sequence for site, each in made.gateways.items()}) == (passes, sequences)
    assert {site: await made.credentials(site) for site in CLUSTER_OF} == before
    assert ages == {*((site, "Fresh") for site in CLUSTER_OF), *OLDER}
    made.hub.is_away = False


def test_a_site_that_pulls_mends_itself_without_the_hub(tmp_path: pathlib.Path) -> None:
    async def scenario() -> None:
        async with installed(declared(), tmp_path) as made:
            made.hub.is_away = True
            cluster = made.clusters["iad1"]
            service = kinds.SERVICE.path(SYSTEM_NAMESPACE, NAMES["iad1"])
            kept = await cluster.get(service)
            await made.go_on(24)
            await cluster.delete(service)
            await made.go_on()
            assert (await cluster.get(service))["spec"] == kept["spec"]
            # Nobody does that in Paris, which the hub delivers to.
            await made.clusters["cdg1"].delete(service)
            await made.go_on()
            with pytest.raises(NotFound):
                await made.clusters["cdg1"].get(service)
            made.hub.is_away = False
            await made.go_on()
            assert (await made.clusters["cdg1"].get(service))["spec"]["ports"] == kept["spec"]["ports"]

    asyncio.run(asyncio.wait_for(scenario(), 900))
