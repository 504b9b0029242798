"""The Secret with which a gateway shows who it is: what is written, what is left alone, and what is said of it."""

import asyncio
from typing import Any, Final

import pytest
from tests.unit.certificates import made
from tests.unit.certificates.made import FRA, NOW
from tests.unit.outage.cluster import Cluster

from isochrone.certificates import Credentials, sign
from isochrone.kube import kinds
from isochrone.kube.peering import Certificates, secret_of, seen
from isochrone.model import Parcel, PeerIdentity, Peering, Revision

Json = dict[str, Any]

NAME: Final = "isochrone-gateway-peer"
PATH: Final = kinds.SECRET.path("isochrone-system", NAME)
WHO, OTHER = made.authority(), made.authority()
CERTIFICATE: Final[Json] = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": {"name": NAME}}


def parcel(*objects: Json, issuer: str = "", keeps: bool = False) -> Parcel:
    return Parcel(
        site="fra1",
        installation="isochrone",
        revision=Revision(epoch=1, sequence=1, digest=""),
        objects=objects,
        peer=PeerIdentity(secret=NAME, identity=FRA, issuer=issuer),
        authorities="" if issuer else WHO.certificate,
        keeps_authorities=keeps,
    )


class World:
    """A cluster, and a hub that signs, or doesn't."""

    def __init__(self, *, signs: bool = True) -> None:
        self.cluster = Cluster("fra1", lambda: NOW)
        self._signs = signs
        self._certificates = Certificates(self.cluster, self._answer, clock=lambda: NOW)

    async def _answer(self, _: str, csr: str) -> str | None:
        return sign(csr, identity=FRA, authority=WHO, now=NOW) if self._signs else None

    async def hold(self, held: Credentials) -> None:
        metadata = {"name": NAME, "namespace": "isochrone-system"}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/tls"}
        await self.cluster.apply({**secret, "data": held.data})

    async def ensure(self, wanted: Parcel) -> tuple[Peering | None, str]:
        """Its report, and the fault in words."""
        key = secret_of(wanted)
        assert key is not None
        there = (await self.cluster.list(kinds.SECRET.path())).items
        found, fault = await self._certificates.ensure(wanted, dict.fromkeys([key], there[0]) if there else {})
        return found, fault.message if fault else ""

    async def held(self) -> Credentials:
        return Credentials.of((await self.cluster.get(PATH))["data"])


def test_a_site_gets_a_certificate() -> None:
    async def scenario() -> None:
        world = World()
        found, fault = await world.ensure(parcel())
        assert found is not None
        assert (found.issuer, found.trusted, fault) == (WHO.name, frozenset({WHO.name}), "")
        assert found == (await world.held()).peering

    asyncio.run(scenario())


@pytest.mark.parametrize("keeps", [False, True])
def test_a_site_whose_authority_the_hub_does_not_know_trusts_both_and_shows_what_it_has(*, keeps: bool) -> None:
    async def scenario() -> None:
        world, before = World(signs=False), made.credentials(OTHER)
        await world.hold(before)
        found, fault = await world.ensure(parcel(keeps=keeps))
        assert found is not None
        assert (found.issuer, found.trusted, fault) == (OTHER.name, frozenset({WHO.name, OTHER.name}), "")
        assert (await world.held()).certificate == before.certificate

    asyncio.run(scenario())


@pytest.mark.parametrize(("keeps", "trusted"), [(True, {WHO.name, OTHER.name}), (False, {WHO.name})])
def test_once_it_is_signed_for_the_other_one_goes_unless_it_is_to_be_kept(trusted: set[str], *, keeps: bool) -> None:
    async def scenario() -> None:
        world = World()
        await world.hold(made.credentials(OTHER))
        await world.ensure(parcel(keeps=True))
        found, _ = await world.ensure(parcel(keeps=keeps))
        assert found is not None
        assert (found.issuer, found.trusted) == (WHO.name, frozenset(trusted))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("objects", "said"),
    [
        ((CERTIFICATE,), "ClusterIssuer peers has not issued it yet: see `kubectl describe certificate"),
        ((), "ClusterIssuer peers is to issue it, and this cluster has no cert-manager.io/v1: install cert-manager"),
    ],
    ids=["not-yet", "no-cert-manager"],
)
def test_a_certificate_that_cert_manager_has_not_issued_is_said(objects: tuple[Json, ...], said: str) -> None:
    async def scenario() -> None:
        world = World()
        _, fault = await world.ensure(parcel(*objects, issuer="ClusterIssuer peers"))
        assert said in fault
        assert (await world.cluster.list(kinds.SECRET.path())).items == ()

    asyncio.run(scenario())


def test_what_cert_manager_has_issued_is_left_alone() -> None:
    async def scenario() -> None:
        world, issued = World(), made.credentials(OTHER)
        await world.hold(issued)
        found, fault = await world.ensure(parcel(CERTIFICATE, issuer="ClusterIssuer peers"))
        assert (found, fault) == (issued.peering, "")
        assert await world.held() == issued

    asyncio.run(scenario())


def test_what_a_site_has_is_known_before_anything_is_done() -> None:
    held = made.credentials(OTHER)
    others: Json = {"kind": "Secret", "type": "Opaque", "metadata": {}, "data": held.data}
    assert seen([others]) == Peering()
    assert seen([others, {**others, "type": "kubernetes.io/tls"}]) == held.peering
