"""The hub's side of a site that pulls: first what is new is left there, then what came back is read."""

import asyncio
import dataclasses

from tests.cluster.parcels import bundles, parcel
from tests.unit.controller.test_made import SNAPSHOT
from tests.unit.kube.shelf import Shelf

from isochrone.controller.pulled import Pulled
from isochrone.kube import contact, mailbox
from isochrone.model import Parcel, SiteReport

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
