"""The hub's side of a site that pulls: first what is new is left there, then what came back is read."""

import asyncio
import dataclasses

from tests.cluster.parcels import bundles, parcel
from tests.unit.controller.test_made import SNAPSHOT
from tests.unit.kube.shelf import Shelf

from isochrone.controller.pulled import Pulled
from isochrone.kube import contact, kinds, mailbox
from isochrone.model import (
    NO_POOLS,
    GatewayPod,
    Parcel,
    PoolAt,
    Pools,
    Revision,
    RouteDemand,
    RouteServed,
    Served,
    SiteReport,
)

BUNDLE = next(iter(bundles(SNAPSHOT)))
SAID = SiteReport(site=BUNDLE.site, at=1)


async def nobody(site: str, csr: str) -> str | None:
    del site, csr
    return None


def delivered(hub: Pulled, given: Parcel) -> SiteReport:
    return asyncio.run(hub.deliver([given], paused=frozenset()))[BUNDLE.site]


def test_after_something_new_was_left_nothing_is_asked_for_with_that_look() -> None:
    shelf = Shelf()
    asyncio.run(mailbox.tell(shelf, "isochrone", SAID))
    asyncio.run(contact.show(shelf, BUNDLE.site, "2026-11-26T12:00:00.000000Z"))
    hub = Pulled(shelf, BUNDLE.site, clock=lambda: 5.0, vouch=nobody)
    first = parcel(BUNDLE, 1)
    assert delivered(hub, first) == SAID

    shelf.forget()
    assert delivered(hub, parcel(BUNDLE, 2)) == SAID
    assert shelf.asked == [("merge", mailbox.PARCEL)]

    said = dataclasses.replace(SAID, children=7)
    asyncio.run(mailbox.tell(shelf, "isochrone", said))
    assert delivered(hub, parcel(BUNDLE, 2)) == said


def test_the_site_is_told_of_its_pools_and_what_it_is_to_have_is_not_left_again_for_that() -> None:
    shelf, given = Shelf(), parcel(BUNDLE, 1)
    hub = Pulled(shelf, BUNDLE.site, clock=lambda: 5.0, vouch=nobody)
    asyncio.run(mailbox.tell(shelf, "isochrone", SAID))
    asyncio.run(contact.show(shelf, BUNDLE.site, "2026-11-26T12:00:00.000000Z"))
    pool = PoolAt(name="h100", nodes=2, devices_per_node=8, node_selector={"gpu": "h100"}, resource_name="a/gpu")
    here, elsewhere = {BUNDLE.site: (pool,)}, {BUNDLE.site: (pool,), "other": (pool, pool)}

    def left(pools: Pools) -> tuple[PoolAt, ...]:
        asyncio.run(hub.deliver([given], paused=frozenset(), pools=pools))
        head = asyncio.run(mailbox.head(shelf, BUNDLE.site))
        assert head is not None
        assert head.revision == given.revision
        return head.pools

    assert left(NO_POOLS) == ()
    shelf.forget()
    assert left(here) == (pool,)
    assert shelf.asked == [("merge", mailbox.PARCEL), ("get", mailbox.PARCEL)]
    shelf.forget()
    assert left(elsewhere) == (pool,)
    assert "merge" not in {verb for verb, _ in shelf.asked}, "what is elsewhere is no news"
    assert left(NO_POOLS) == ()


def test_what_became_of_requests_comes_with_each_sign_of_life() -> None:
    """It changes all the time, and is no reason to write a report."""
    first, second = (Revision(epoch=1, sequence=number, digest="config") for number in (1, 2))
    more = Served(seconds=70, answered=9, failed=2, worst=(RouteServed(route="demo/chat", failed=2),))
    pods = (
        GatewayPod(pod="a", at=1, running=first, served=Served(seconds=10)),
        GatewayPod(pod="b", at=1, running=second),
        GatewayPod(pod="c", at=1, running=first),
    )
    since = (
        GatewayPod(pod="a", at=60, running=first, served=more),
        GatewayPod(pod="b", at=60, running=first, served=more),
        GatewayPod(pod="c", at=60, running=first),
    )
    said = dataclasses.replace(SAID, gateway_pods=pods)
    assert contact.name_of(said) == contact.name_of(contact.counted(said, contact.Counts(pods=since)))
    shelf = Shelf()
    asyncio.run(mailbox.tell(shelf, "isochrone", said))
    asyncio.run(
        contact.show(
            shelf, BUNDLE.site, "2026-11-26T12:00:00.000000Z", contact.ack_of(said), counts=contact.Counts(pods=since)
        )
    )
    hub = Pulled(shelf, BUNDLE.site, clock=lambda: 60.0, vouch=nobody)
    found = delivered(hub, parcel(BUNDLE, 1)).gateway_pods
    assert [each.served for each in found] == [more, None, None], "of b, what it runs by now is not known to go well"
    assert [each.running for each in found] == [first, second, first]


def test_where_requests_come_from_is_no_reason_to_write_a_report_either() -> None:
    demand = {"demo/chat": RouteDemand(requests=90, seconds=86_400, daily={"DE": 90})}
    said = dataclasses.replace(SAID, demand=demand)
    assert contact.name_of(said) == contact.name_of(SAID)
    shelf = Shelf()
    asyncio.run(mailbox.tell(shelf, "isochrone", SAID))
    counts = contact.Counts(demand=demand)
    asyncio.run(contact.show(shelf, BUNDLE.site, "2026-11-26T12:00:00.000000Z", contact.ack_of(SAID), counts=counts))
    hub = Pulled(shelf, BUNDLE.site, clock=lambda: 60.0, vouch=nobody)
    assert delivered(hub, parcel(BUNDLE, 1)).demand == demand


def test_a_lease_of_another_version_tells_nothing_of_requests() -> None:
    shelf = Shelf()
    asyncio.run(contact.show(shelf, BUNDLE.site, "2026-11-26T12:00:00.000000Z"))
    assert asyncio.run(contact.look(shelf, BUNDLE.site)).counts.pods == ()
    path = kinds.LEASE.path(mailbox.namespace_of(BUNDLE.site), contact.LEASE)
    lease = shelf.items[path]
    shelf.items[path] = {**lease, "metadata": {**lease["metadata"], "annotations": {"isochrone.dev/served": "[1]"}}}
    found = asyncio.run(contact.look(shelf, BUNDLE.site))
    assert found == contact.Contact(sign="2026-11-26T12:00:00.000000Z", ack=None)
