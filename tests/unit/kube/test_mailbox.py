"""A parcel on its way: nothing of it is lost or out of order, and nothing is left or taken twice."""

import asyncio
import base64
import dataclasses

import msgspec
import pytest
from tests.bench_plan.network import network
from tests.cluster.parcels import bundles, parcel
from tests.unit.controller.test_made import SNAPSHOT, tightened
from tests.unit.kube.shelf import Shelf

from isochrone.kube import kinds, mailbox
from isochrone.model import Parcel, SecretCopy, SiteReport

BEFORE = next(iter(bundles(SNAPSHOT)))
AFTER = next(iter(bundles(dataclasses.replace(SNAPSHOT, policies=tightened(SNAPSHOT)))))
"""Under another law, which moves nothing in this network."""
COPY = SecretCopy(name="keys", data={"key": "c2VjcmV0"})


def same(one: Parcel, other: Parcel) -> bool:
    fields = [field.name for field in dataclasses.fields(Parcel)]
    return all(getattr(one, name) == getattr(other, name) for name in fields)


async def head_of(shelf: Shelf) -> mailbox.Head:
    found = await mailbox.head(shelf, BEFORE.site)
    assert found is not None
    return found


def put(shelf: Shelf, given: Parcel, before: mailbox.Left | None = None) -> mailbox.Left:
    return asyncio.run(mailbox.put(shelf, given, ("demo/paused",), before))


def take(shelf: Shelf, before: mailbox.Taken | None = None) -> mailbox.Taken:
    async def both() -> mailbox.Taken:
        return await mailbox.take(shelf, BEFORE.site, await head_of(shelf), before)

    return asyncio.run(both())


@pytest.mark.parametrize("sites", [1, 4])
def test_every_parcel_arrives_as_it_was(sites: int) -> None:
    for bundle in bundles(network(sites=sites, routes=6)):
        shelf, given = Shelf(), dataclasses.replace(parcel(bundle, 3), secrets=(COPY,), authorities="PEM")
        asyncio.run(mailbox.put(shelf, given, ()))
        head = asyncio.run(mailbox.head(shelf, bundle.site))
        assert head is not None

        taken = asyncio.run(mailbox.take(shelf, bundle.site, head))

        assert same(taken.parcel, given)
        assert head.revision == given.revision


def test_a_site_that_is_to_be_emptied_gets_an_empty_parcel() -> None:
    shelf, given = Shelf(), dataclasses.replace(parcel(BEFORE, 1), objects=())
    put(shelf, given)

    assert same(take(shelf).parcel, given)


def test_another_law_is_one_write_and_nothing_to_ask_for() -> None:
    shelf = Shelf()
    left = put(shelf, parcel(BEFORE, 1))
    taken = take(shelf)
    shelf.forget()

    put(shelf, parcel(AFTER, 2), left)
    assert shelf.asked == [("merge", mailbox.PARCEL)]

    shelf.forget()
    again = take(shelf, taken)
    assert shelf.asked == [("get", mailbox.PARCEL)]
    assert same(again.parcel, parcel(AFTER, 2))


def test_a_head_that_somebody_removed_is_made_anew() -> None:
    shelf = Shelf()
    left = put(shelf, parcel(BEFORE, 1))
    del shelf.items[path(mailbox.PARCEL)]

    put(shelf, parcel(AFTER, 2), left)

    assert same(take(shelf).parcel, parcel(AFTER, 2))


def test_a_report_is_patched_once_it_is_there() -> None:
    shelf = Shelf()
    said = [SiteReport(site=BEFORE.site, at=at) for at in (1, 2, 3)]
    for number, each in enumerate(said):
        asyncio.run(mailbox.tell(shelf, "isochrone", each, is_there=number > 0))
    assert [verb for verb, _ in shelf.asked] == ["apply", "merge", "merge"]
    assert asyncio.run(mailbox.report(shelf, BEFORE.site)) == said[-1]


def test_whoever_knows_nothing_leaves_all_of_it_anew_and_changes_nothing() -> None:
    shelf = Shelf()
    put(shelf, parcel(BEFORE, 1))
    before = dict(shelf.items)

    put(shelf, parcel(BEFORE, 1))

    assert shelf.items == before


def test_another_secret_is_heard_of_at_the_same_revision() -> None:
    shelf = Shelf()
    left = put(shelf, parcel(BEFORE, 1))
    taken = take(shelf)

    given = dataclasses.replace(parcel(BEFORE, 1), secrets=(COPY,))
    put(shelf, given, left)

    again = take(shelf, taken)
    assert again.head != taken.head
    assert again.parcel.secrets == (COPY,)
    assert COPY.data["key"] not in str(shelf.items[path(mailbox.PARCEL)])


def path(name: str) -> str:
    return kinds.CONFIG_MAP.path(mailbox.namespace_of(BEFORE.site), name)


def test_pieces_of_parcels_before_are_removed() -> None:
    shelf = Shelf()
    left = put(shelf, parcel(BEFORE, 1))
    smaller = dataclasses.replace(parcel(BEFORE, 2), objects=parcel(BEFORE, 2).objects[1:])
    after = put(shelf, smaller, left)

    assert set(left.pieces).isdisjoint(after.pieces)
    assert {key for key in shelf.items if "/parcel-" in key and "secrets" not in key} == set(map(path, after.pieces))


def test_a_piece_that_is_something_else_is_not_taken() -> None:
    shelf = Shelf()
    left = put(shelf, parcel(BEFORE, 1))
    where = path(left.pieces[0])
    shelf.items[where] = {**shelf.items[where], "binaryData": {"piece": base64.b64encode(b"other").decode()}}

    with pytest.raises(mailbox.DamagedError):
        take(shelf)


def test_a_head_that_holds_something_else_is_not_taken() -> None:
    shelf = Shelf()
    put(shelf, parcel(BEFORE, 1))
    head = asyncio.run(head_of(shelf))

    with pytest.raises(mailbox.DamagedError):
        asyncio.run(mailbox.take(shelf, BEFORE.site, msgspec.structs.replace(head, moving=b"other")))


def test_heads_are_what_is_there_and_what_changes() -> None:
    shelf = Shelf()
    put(shelf, parcel(BEFORE, 1))

    async def heard() -> list[mailbox.Head]:
        return [each async for each in mailbox.heads(shelf, BEFORE.site)]

    assert asyncio.run(heard()) == [asyncio.run(head_of(shelf))] * 2
