"""Parcels of example networks, as a hub makes them."""

import datetime as dt
from collections.abc import Iterable

from isochrone.model import Parcel, Revision, Snapshot
from isochrone.plan import plan, routing
from isochrone.render.bundle import Bundle, index_object, render
from isochrone_gateway.config import Release

ISSUED_AT = dt.datetime(2026, 11, 26, 12, 0, tzinfo=dt.UTC)


def bundles(snapshot: Snapshot) -> list[Bundle]:
    planned = plan(snapshot, now=0)
    return list(render(snapshot, planned, routing(snapshot, planned, now=0).at))


def parcel(bundle: Bundle, sequence: int) -> Parcel:
    """At one revision; the index last."""
    release = Release(installation="isochrone", epoch=1, sequence=sequence, issued_at=ISSUED_AT)
    index = (index_object(bundle, release),) if bundle.config is not None else ()
    revision = Revision(epoch=1, sequence=sequence, digest=bundle.digest)
    return Parcel(site=bundle.site, installation="isochrone", revision=revision, objects=(*bundle.objects, *index))


def parcels(snapshot: Snapshot, cluster: str, *, sequence: int = 1) -> Iterable[Parcel]:
    """Those of all sites of a cluster."""
    return [parcel(bundle, sequence) for bundle in bundles(snapshot) if bundle.cluster == cluster]
