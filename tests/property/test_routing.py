"""What must hold of every site's table of candidates: the law, rights, and that trimming leaves nobody without."""

import dataclasses
from collections.abc import Iterator
from typing import Final

import pytest
from hypothesis import given
from tests.oracle import planning as oracle
from tests.oracle.planning import Json, Oracle
from tests.worlds import NOW, Dice, seeds, shuffled, world
from tests.worlds.drawing import WORLDS, examples

from isochrone.api.edge_node import State
from isochrone.api.model_provider import Endpoint
from isochrone.law.atlas import Atlas
from isochrone.model import Candidate, Plan, RouteKey, Routing, Snapshot, ToEngine, ToPeer, ToProvider
from isochrone.model.declared import present
from isochrone.plan import plan, routing

pytestmark = pytest.mark.soak

ALL: Final = 10_000
"""More candidates than any world has."""


def tables(before: Snapshot, made: Plan) -> dict[str, Routing]:
    found = routing(before, made, now=NOW)
    return {edge.metadata.name: found.at(edge.metadata.name) for edge in before.edge_nodes}


def listed(table: Routing) -> Iterator[tuple[RouteKey, Candidate]]:
    return ((key, each) for key, tiers in table.routes.items() for tier in tiers for each in tier)


@examples(WORLDS, part=200)
@given(seeds)
def test_every_candidate_is_there_allowed_and_lawful_for_somebody(seed: int) -> None:
    before = world(seed)
    made, judge = plan(before, now=NOW), Oracle(before)
    atlas = Atlas.of(present(before.edge_nodes).values(), present(before.providers).values())
    for site, table in tables(before, made).items():
        is_open = judge.sites[site].spec.gateway.anonymous_access == "Allow"
        assert set(table.routes) == set(judge.routes)
        assert all(tier for tiers in table.routes.values() for tier in tiers)
        for key, each in listed(table):
            place, scopes = where(judge, atlas, site, each)
            # Whom any site lets in without a key may be sent on to engines here, by a hop.
            anybody = is_open or isinstance(each.target, ToEngine)
            assert judge.is_lawful(key, place, scopes, anonymous=None if anybody else False), (site, key, each)
            assert_there(judge, made, site, each)
        for key, tiers in table.routes.items():
            targets = [each.target for tier in tiers for each in tier]
            assert len(set(targets)) == len(targets), key
            assert all(each.weight > 0 for tier in tiers for each in tier)


def where(judge: Oracle, atlas: Atlas, site: str, candidate: Candidate) -> tuple[Json, tuple[str, ...]]:
    """The place of a candidate, and what must be lawful there."""
    match candidate.target:
        case ToEngine():
            assert candidate.place == atlas.sites[site]
            return oracle.place_of(judge.sites[site]), oracle.DIRECT
        case ToPeer(site=peer):
            assert candidate.place == atlas.sites[peer]
            return oracle.place_of(judge.sites[peer]), oracle.PEER
        case ToProvider(provider=name, endpoint=endpoint):
            assert candidate.place == atlas.endpoints[name, endpoint]
            return oracle.endpoint_place(endpoint_of(judge.snapshot, name, endpoint)), oracle.DIRECT


def assert_there(judge: Oracle, made: Plan, site: str, candidate: Candidate) -> None:
    """Engines are where the plan has them or where they still run; peers can be reached."""
    match candidate.target:
        case ToEngine(route=route):
            assert (route, site) in standing(judge, made)
        case ToPeer(site=peer, route=route):
            edge = judge.sites[peer]
            assert peer != site
            assert (route, peer) in standing(judge, made)
            assert edge.spec.gateway.advertise is not None
            assert edge.spec.state is not State.DISABLED
            assert not judge.is_lost(peer, NOW)


def standing(judge: Oracle, made: Plan) -> set[tuple[RouteKey, str]]:
    running = {(each.route, each.site) for each in judge.snapshot.observed.running if each.ready > 0}
    return {(each.route, each.site) for each in made.placements} | running


def endpoint_of(before: Snapshot, provider: str, endpoint: str) -> Endpoint:
    specs = next(each.spec for each in before.providers if each.metadata.name == provider)
    return next(each for each in specs.endpoints if each.name == endpoint)


@examples(WORLDS, part=200)
@given(seeds)
def test_a_short_list_leaves_nobody_without_whom_a_long_one_serves(seed: int) -> None:
    before = world(seed)
    made, judge = plan(before, now=NOW), Oracle(before)
    atlas = Atlas.of(present(before.edge_nodes).values(), present(before.providers).values())
    generous = dataclasses.replace(before, settings=dataclasses.replace(before.settings, candidates=ALL))
    whole = tables(generous, made)
    for site, table in tables(before, made).items():
        is_open = judge.sites[site].spec.gateway.anonymous_access == "Allow"
        for key, tiers in table.routes.items():
            assert len(tiers) == len(whole[site].routes[key])
            for short, long in zip(tiers, whole[site].routes[key], strict=True):
                kept = set(short)
                assert kept <= set(long)
                assert list(short) == [each for each in long if each in kept]
                for who in judge.asking(key, anonymous=None if is_open else False) if len(kept) < len(long) else ():
                    for backend in {backend_of(each) for each in long}:
                        mine = [each for each in long if backend_of(each) == backend]
                        able = [each for each in mine if judge.allows(who, *where(judge, atlas, site, each))]
                        first = able[: before.settings.candidates]
                        assert set(first) <= kept, (site, key, who)


def backend_of(candidate: Candidate) -> object:
    """What a gateway takes for one choice."""
    match candidate.target:
        case ToEngine(route=route) | ToPeer(route=route):
            return route
        case ToProvider(provider=provider, model=model):
            return (provider, model)


@examples(WORLDS // 2, part=200)
@given(seeds)
def test_the_order_of_what_is_known_means_nothing(seed: int) -> None:
    before = world(seed)
    made = plan(before, now=NOW)
    assert tables(shuffled(Dice(seed), before), made) == tables(before, made)
