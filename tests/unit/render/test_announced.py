"""What sites make of an announcement is, to the byte, what the hub would have left for them."""

import dataclasses
from collections.abc import Mapping

import msgspec
import pytest
from tests.bench_plan.network import network
from tests.cluster.parcels import parcel
from tests.unit.controller.test_made import SNAPSHOT, made, rendered, tightened

from isochrone.controller.made import World, under
from isochrone.model import Parcel
from isochrone.render.announced import Announcement, announcement, applied
from isochrone.render.bundle import Bundle

MADE = made()
BEFORE = {site: parcel(each.bundle, 1) for site, each in MADE.items()}
AFTER = {site: parcel(each.bundle, 2) for site, each in under(tightened(SNAPSHOT), MADE).items()}
SITE, OTHER, *_ = sorted(BEFORE)


def said(parcels: Mapping[str, Parcel]) -> Announcement:
    """As it arrives."""
    return msgspec.json.decode(msgspec.json.encode(announcement(parcels.values())), type=Announcement)


def test_each_site_puts_together_what_the_hub_has_made() -> None:
    heard = said(AFTER)
    for site, before in BEFORE.items():
        found = applied(heard, before)
        assert found is not None
        assert found.revision == AFTER[site].revision != before.revision
        assert msgspec.json.encode(found.objects, order="sorted") == msgspec.json.encode(
            AFTER[site].objects, order="sorted"
        )


def test_the_law_is_said_once_for_all() -> None:
    [law] = said(AFTER).laws
    assert law.sites.keys() == BEFORE.keys()
    assert {each["metadata"]["name"] for each in law.shards} == {each.name for each in law.entries}
    alone = announcement([AFTER[SITE]])
    each = (len(msgspec.json.encode(said(AFTER))) - len(msgspec.json.encode(alone))) / (len(AFTER) - 1)
    assert each < 500


def other_bundle() -> Bundle:
    """Of a site that has something else than the hub thinks."""
    world = MADE[SITE].world
    changed = dataclasses.replace(world.snapshot, providers=world.snapshot.providers[1:])
    return rendered(World(snapshot=changed, plan=world.plan))[SITE]


@pytest.mark.parametrize(
    ("heard", "before"),
    [
        pytest.param(announcement([AFTER[OTHER]]), BEFORE[SITE], id="it is for others"),
        pytest.param(announcement([BEFORE[SITE]]), BEFORE[SITE], id="it is there already"),
        pytest.param(announcement([BEFORE[SITE]]), AFTER[SITE], id="something newer is there"),
        pytest.param(announcement([AFTER[SITE]]), parcel(other_bundle(), 1), id="it is for something else"),
        pytest.param(announcement([]), BEFORE[SITE], id="nothing is said"),
        pytest.param(
            announcement([AFTER[SITE]]), dataclasses.replace(BEFORE[SITE], objects=()), id="no gateway is there"
        ),
        pytest.param(
            announcement([dataclasses.replace(AFTER[SITE], objects=())]), BEFORE[SITE], id="no gateway is to be there"
        ),
    ],
)
def test_what_a_site_cannot_use_changes_nothing(heard: Announcement, before: Parcel) -> None:
    assert applied(heard, before) is None


def test_what_was_altered_on_the_way_is_not_used() -> None:
    heard = said(AFTER)
    [law] = heard.laws
    issue = msgspec.structs.replace(law.sites[SITE], revision=dataclasses.replace(AFTER[SITE].revision, sequence=9))
    altered = msgspec.structs.replace(law, sites={**law.sites, SITE: issue})
    assert applied(msgspec.structs.replace(heard, laws=(altered,)), BEFORE[SITE]) is None


def test_sites_of_different_worlds_hear_of_their_own_law() -> None:
    smaller = made(network(sites=2, routes=6))
    mixed = {**MADE, **dict([smaller.popitem()])}
    after = {site: parcel(each.bundle, 2) for site, each in under(tightened(SNAPSHOT), mixed).items()}
    heard = said(after)
    assert len(heard.laws) == 2
    for site, each in mixed.items():
        found = applied(heard, parcel(each.bundle, 1))
        assert found is not None
        assert found.objects == after[site].objects
