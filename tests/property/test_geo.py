"""Invariants of the geography."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from isochrone.geo import blocs, codes, suggestions
from isochrone.geo.areas import NOWHERE, Area
from isochrone.geo.latency import LatencyModel, Point, distance_km, reach_km, rtt_ms
from isochrone.geo.suggestions import WORLD

NEAR = sorted(
    {
        "FR-ARA",
        "FR-69",
        "FR-67",
        "FR-6AE",
        "FR-GES",
        "GB-LND",
        "GB-ENG",
        "GB-EAW",
        "GB-GBN",
        "GB-NIR",
        "MA-LAA",
        "MA-11",
    }
    | {"MA", "EH", "SJ", "NO-21", "NO", "US-CA", "US-NY", "US", "PR", "FR", "GB", "GP", "DE", WORLD}
)
"""Codes that have much to do with one another, as codes drawn at random have not."""

known = st.sampled_from(NEAR) | st.sampled_from(sorted({*codes.countries(), *codes.subdivisions()})).map(
    codes.canonical
)
some = st.frozensets(known, max_size=5)
areas = st.builds(Area, some, some)
asked = known | st.sampled_from(["XK", "us-ca", "US-PR", "FR-GP", ""])
points = st.builds(Point, st.floats(-90, 90), st.floats(-180, 180))
models = st.builds(LatencyModel, inflation=st.floats(1, 10), last_mile_ms=st.floats(0, 500))


@given(areas, asked)
def test_what_is_covered_is_touched(area: Area, code: str) -> None:
    assert area.touches(code) or not area.covers(code)


@given(areas, asked)
def test_the_parts_of_what_is_covered_are_covered(area: Area, code: str) -> None:
    for above in codes.ancestors(code):
        assert area.covers(code) or not area.covers(above)


@given(areas, known)
def test_what_is_touched_is_touched_through_a_parent(area: Area, code: str) -> None:
    parents = codes.parents(code) or (WORLD,)
    assert not area.touches(code) or any(area.touches(parent) for parent in parents)


@given(areas, known, asked)
def test_an_exclusion_never_adds(area: Area, out: str, code: str) -> None:
    less = Area(area.include, area.exclude | {out})
    assert area.covers(code) or not less.covers(code)
    assert area.touches(code) or not less.touches(code)
    assert not less.covers(out)
    assert not less.touches(out)


@given(areas, known, asked)
def test_an_inclusion_never_takes_away(area: Area, new: str, code: str) -> None:
    more = Area(area.include | {new}, area.exclude)
    assert more.covers(code) or not area.covers(code)
    assert more.touches(code) or not area.touches(code)


@given(some, known)
def test_what_is_included_is_covered(include: frozenset[str], code: str) -> None:
    assert Area(include | {code}).covers(code)


@given(asked)
def test_the_empty_area_holds_nothing(code: str) -> None:
    assert not NOWHERE.touches(code)


@given(st.text() | asked)
def test_canonical_is_idempotent(code: str) -> None:
    assert codes.canonical(codes.canonical(code)) == codes.canonical(code)


@given(known)
def test_nothing_lies_within_itself(code: str) -> None:
    above = codes.ancestors(code)
    assert code not in above
    assert len(set(above)) == len(above)
    assert all(set(codes.ancestors(parent)) <= set(above) for parent in above)


names = st.sampled_from([*sorted(blocs.shipped()), "DE", "US-PR", WORLD, "Own1", "Own2", "Own3", "Nowhere"])
own = st.dictionaries(st.sampled_from(["Own1", "Own2", "Own3"]), st.lists(names, max_size=4))


# The first unknown name reads the tables for a suggestion, which on a busy machine takes longer than Hypothesis likes.
patient = settings(deadline=None)


@patient
@given(st.lists(names), own, st.randoms(use_true_random=False))
def test_order_does_not_matter_to_blocs(listed: list[str], mine: dict[str, list[str]], shuffle: random.Random) -> None:
    turned = {name: shuffle.sample(members, len(members)) for name, members in reversed(mine.items())}
    assert blocs.resolve(shuffle.sample(listed, len(listed)), turned) == blocs.resolve(listed, mine)


@patient
@given(st.lists(names), own)
def test_blocs_become_canonical_codes(listed: list[str], mine: dict[str, list[str]]) -> None:
    found, problems = blocs.resolve(listed, mine)
    assert found <= {WORLD, *map(codes.canonical, codes.countries()), *map(codes.canonical, codes.subdivisions())}
    assert problems or "Nowhere" not in listed


@patient
@given(st.text(max_size=12))
def test_a_suggestion_is_a_candidate(text: str) -> None:
    candidates = {"EU", "DE", "US-CA", WORLD}
    assert suggestions.suggest(text, candidates) in {None, *candidates}


@given(points, points)
def test_distance_is_symmetric_and_bounded(here: Point, there: Point) -> None:
    km = distance_km(here, there)
    assert km == distance_km(there, here)
    assert 0 <= km <= 20_016
    assert distance_km(here, here) == 0


@given(points, points, points)
def test_no_way_round_is_shorter(here: Point, there: Point, over: Point) -> None:
    assert distance_km(here, there) <= distance_km(here, over) + distance_km(over, there) + 1e-3


@given(st.floats(0, 20_000), st.floats(0, 20_000), models)
def test_farther_takes_longer(one: float, other: float, model: LatencyModel) -> None:
    near, far = sorted((one, other))
    assert rtt_ms(near, model) <= rtt_ms(far, model)
    assert rtt_ms(near, model) >= 2 * near / model.fibre_km_per_ms


@given(st.floats(0, 20_000), models)
def test_reach_is_the_inverse_of_rtt(km: float, model: LatencyModel) -> None:
    assert abs(reach_km(rtt_ms(km, model), model) - km) < 1e-6
