"""A law for many sites at once: what of it is the same for all, and what makes each site's own index of it.

    announcement(parcels) -> Announcement      all that a change of the law changes in these parcels
    applied(announcement, parcel) -> Parcel    the same at a site, from the parcel that it had before

A site puts its new index together from the one that it has. The checksum says whether that is, to the byte, what the
hub has signed; where it isn't, the site had something else before, and waits for its parcel. Pure.
"""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from isochrone.model import Parcel, Revision
from isochrone.render.bundle import with_shards_of_law
from isochrone.render.gateway import config_maps
from isochrone_gateway.config import Index, Kind, encode_index
from isochrone_gateway.config import index as indexes
from isochrone_gateway.config.shards import content_digest
from isochrone_gateway.config.signing import checksum

Json = Mapping[str, Any]

_LAW: Final[str] = Kind.LAW


class Issue(msgspec.Struct, frozen=True, kw_only=True):
    """What is one site's own."""

    revision: Revision
    issued_at: dt.datetime
    signatures: tuple[indexes.Signature, ...]
    checksum: str
    """Of the whole index."""


class Law(msgspec.Struct, frozen=True, kw_only=True):
    """One law, and the sites whose it is."""

    shards: tuple[Json, ...]
    """ConfigMaps."""
    entries: tuple[indexes.ShardEntry, ...]
    """What an index says of them."""
    sites: Mapping[str, Issue]


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """Sites that were rendered of different worlds have different laws: theirs are over different places."""

    laws: tuple[Law, ...]


def announcement(parcels: Iterable[Parcel]) -> Announcement:
    """Of parcels in which nothing but the law is new."""
    laws: dict[tuple[str, ...], Law] = {}
    for parcel in parcels:
        index = _index(parcel)
        if index is not None:
            entries = tuple(each for each in index.shards if each.kind == _LAW)
            known = laws.get(named := tuple(each.name for each in entries))
            shards = tuple(filter(config_maps.is_law, parcel.objects)) if known is None else known.shards
            sites = {**(known.sites if known is not None else {}), parcel.site: _issue(index, parcel.revision)}
            laws[named] = Law(shards=shards, entries=entries, sites=sites)
    return Announcement(laws=tuple(laws.values()))


def applied(said: Announcement, parcel: Parcel) -> Parcel | None:
    """The site's parcel with the law that was announced; None if that isn't for what the site has, or is no news."""
    law = next((each for each in said.laws if parcel.site in each.sites), None)
    before = _index(parcel)
    if law is None or before is None:
        return None
    issue = law.sites[parcel.site]
    index = _under(law, issue, before)
    if issue.revision.order <= parcel.revision.order:
        return None
    if checksum(msgspec.to_builtins(index)) != issue.checksum:
        return None
    objects = [
        {**each, "data": {config_maps.INDEX: encode_index(index).decode()}} if config_maps.is_index(each) else each
        for each in parcel.objects
    ]
    return dataclasses.replace(parcel, revision=issue.revision, objects=with_shards_of_law(objects, law.shards))


def _issue(index: Index, revision: Revision) -> Issue:
    return Issue(revision=revision, issued_at=index.issued_at, signatures=index.signatures, checksum=index.checksum)


def _under(law: Law, issue: Issue, before: Index) -> Index:
    kept = [each for each in before.shards if each.kind != _LAW]
    entries = tuple(sorted([*kept, *law.entries], key=lambda each: each.name))
    revision = indexes.Revision(
        epoch=issue.revision.epoch, sequence=issue.revision.sequence, digest=content_digest(entries)
    )
    return msgspec.structs.replace(
        before,
        shards=entries,
        revision=revision,
        issued_at=issue.issued_at,
        signatures=issue.signatures,
        checksum=issue.checksum,
    )


def _index(parcel: Parcel) -> Index | None:
    item = next((each for each in reversed(parcel.objects) if config_maps.is_index(each)), None)
    if item is None:
        return None
    try:
        return msgspec.json.decode(item["data"][config_maps.INDEX], type=Index)
    except msgspec.DecodeError:
        return None  # the parcel that comes will have a good one
