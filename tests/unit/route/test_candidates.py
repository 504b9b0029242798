"""Who answers a request, and what is said of those who don't."""

import collections
import math
from typing import Any

import pytest
from msgspec.structs import replace

from isochrone_gateway.config.routes import (
    Candidate,
    EngineTarget,
    PeerTarget,
    Price,
    ProviderTarget,
    Route,
    Target,
    Tier,
)
from isochrone_gateway.route.candidates import (
    Blocked,
    Choice,
    Figures,
    Nobody,
    Picker,
    Preferences,
    Request,
    Why,
)
from isochrone_gateway.route.endpoints import two_of
from isochrone_gateway.route.mask import Mask

EVERYWHERE = Mask(-1, (), ())
HERE, THERE = EngineTarget(pool="a/chat"), PeerTarget(site="par", pool="a/chat")
FAR = PeerTarget(site="iad", pool="a/chat")
TWO: tuple[Target, ...] = (HERE, THERE)
OPENAI = ProviderTarget(provider="openai", endpoint="eu")


class FakeStanding:
    """A standing that says what it is told."""

    def __init__(
        self, blocked: Blocked | None = None, last_resort_at: float | None = None, figures: Figures | None = None
    ) -> None:
        self.figures = figures or Figures()
        self._blocked = blocked
        self._last_resort_at = last_resort_at

    def blocked(self, now: float) -> Blocked | None:
        assert now == NOW
        return self._blocked

    def last_resort_at(self, now: float) -> float | None:
        assert now == NOW
        return self._last_resort_at


NOW = 100.0
FREE = FakeStanding()
DOWN = FakeStanding(Blocked(Why.NOT_READY))
COOLING = FakeStanding(Blocked(Why.COOLING, 130.0), 101.0)
READY_TO_PROBE = FakeStanding(Blocked(Why.COOLING, 130.0), 99.0)
RESTING = FakeStanding(Blocked(Why.KEYS_RESTING, 110.0))
LIMITED = FakeStanding(Blocked(Why.LIMITED, 120.0))


def to(target: Target, *, place: int = 0, **more: Any) -> Candidate:
    return Candidate(target=target, place=place, model="m", **more)


def picker(*tiers: list[tuple[Candidate, FakeStanding]], preferences: Preferences | None = None) -> Picker:
    route = Route(
        id="a/chat", name="chat", tiers=tuple(Tier(candidates=tuple(each for each, _ in tier)) for tier in tiers)
    )
    return Picker(route, [standing for tier in tiers for _, standing in tier], preferences or Preferences())


def ask(mask: Mask = EVERYWHERE, *, now: float = NOW, rand: float = 0.5, **changes: Any) -> Request:
    return Request(mask, now, rand, **changes)


def chosen(given: Choice | Nobody) -> str:
    assert isinstance(given, Choice), given
    return given.option.name


def test_the_nearest_of_one_backend_answers() -> None:
    pick = picker([(to(FAR, rtt_ms=88), FREE), (to(HERE), FREE), (to(THERE, rtt_ms=9), FREE)]).pick
    assert chosen(pick(ask())) == "engine/a/chat"
    assert chosen(pick(ask(tried=0b010))) == "peer/par/a/chat"
    assert chosen(pick(ask(tried=0b110))) == "peer/iad/a/chat"


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        pytest.param(Figures(), Figures(), "engine/a/chat", id="near"),
        pytest.param(Figures(waiting=3.0), Figures(), "peer/par/a/chat", id="near, but busy"),
        pytest.param(Figures(waiting=3.0), Figures(waiting=6.0), "engine/a/chat", id="both busy"),
        pytest.param(Figures(kv_use=1.0), Figures(), "peer/par/a/chat", id="a full cache"),
        pytest.param(Figures(kv_use=0.9), Figures(), "engine/a/chat", id="a well used cache"),
        pytest.param(Figures(rtt_ms=200.0), Figures(), "peer/par/a/chat", id="measured is believed"),
    ],
)
def test_load_counts(here: Figures, there: Figures, expected: str) -> None:
    standings = FakeStanding(figures=here), FakeStanding(figures=there)
    pick = picker([(to(HERE), standings[0]), (to(THERE, rtt_ms=40), standings[1])]).pick
    assert chosen(pick(ask())) == expected


def test_price_counts_if_it_shall() -> None:
    cheap, dear = Price(input="0.02", output="0.05"), Price(input="1", output="4")
    candidates = [(to(HERE, price=dear), FREE), (to(THERE, rtt_ms=40, price=cheap), FREE)]
    assert chosen(picker(candidates).pick(ask())) == "engine/a/chat"
    thrifty = Preferences(dollar_ms=20)
    assert chosen(picker(candidates, preferences=thrifty).pick(ask())) == "peer/par/a/chat"


@pytest.mark.parametrize(
    "blocked",
    [
        pytest.param(DOWN, id="not ready"),
        pytest.param(COOLING, id="cooling down"),
        pytest.param(RESTING, id="keys rest"),
        pytest.param(LIMITED, id="limited"),
    ],
)
def test_the_next_tier_is_asked_only_if_this_one_cannot(blocked: FakeStanding) -> None:
    tiers = [(to(HERE), blocked), (to(THERE, rtt_ms=500), FREE)], [(to(OPENAI), FREE)]
    assert chosen(picker(*tiers).pick(ask())) == "peer/par/a/chat"
    assert chosen(picker(*tiers).pick(ask(tried=0b010))) == "provider/openai/eu/m"


def test_weights_split_between_backends_however_many_sites_one_has() -> None:
    candidates = [
        (to(HERE, weight=90), FREE),
        (to(THERE, weight=90, rtt_ms=1), FREE),
        (to(FAR, weight=90, rtt_ms=2), FREE),
        (to(OPENAI, weight=10), FREE),
    ]
    pick = picker(candidates).pick
    counted = collections.Counter(chosen(pick(ask(rand=step / 1_000))).partition("/")[0] for step in range(1_000))
    assert counted["provider"] == 100


def test_a_weight_of_nothing_is_no_traffic_not_even_as_a_last_resort() -> None:
    pick = picker([(to(HERE, weight=0), READY_TO_PROBE), (to(OPENAI, weight=5), DOWN)]).pick
    assert pick(ask()) == Nobody(Why.NOT_READY, None)


def test_an_unlawful_candidate_is_never_chosen() -> None:
    candidates = [(to(HERE, place=0), FREE), (to(FAR, place=2, rtt_ms=900), FREE)]
    assert chosen(picker(candidates).pick(ask(mask=Mask(0b100, (), ())))) == "peer/iad/a/chat"
    assert picker(candidates).pick(ask(mask=Mask(0b010, (), ()))) == Nobody(Why.UNLAWFUL, None)
    cooling = [(to(HERE, place=0), READY_TO_PROBE), (to(FAR, place=2), DOWN)]
    assert picker(cooling).pick(ask(mask=Mask(0b100, (), ()))) == Nobody(Why.NOT_READY, None)


def test_like_prompts_keep_together_among_those_that_are_alike() -> None:
    candidates = [(to(HERE), FREE), (to(THERE, rtt_ms=4), FREE), (to(FAR, rtt_ms=88), FREE)]
    pick = picker(candidates).pick
    places = {key: {chosen(pick(ask(key=key, rand=step / 10))) for step in range(10)} for key in range(50)}
    assert all(len(names) == 1 for names in places.values())
    assert set.union(*places.values()) == {"engine/a/chat", "peer/par/a/chat"}


def test_of_two_that_are_alike_the_better_is_taken() -> None:
    pick = picker([(to(HERE, rtt_ms=4), FREE), (to(THERE, rtt_ms=1), FREE)]).pick
    assert {chosen(pick(ask(rand=step / 10))) for step in range(10)} == {"peer/par/a/chat"}


def test_the_same_question_has_the_same_answer() -> None:
    candidates = [(to(HERE), FREE), (to(THERE), FREE), (to(FAR), FREE), (to(OPENAI), FREE)]
    for step in range(20):
        request = ask(rand=step / 20)
        assert chosen(picker(candidates).pick(request)) == chosen(picker(candidates).pick(request))


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        pytest.param([COOLING, DOWN], Nobody(Why.COOLING, 101.0), id="soon"),
        pytest.param([RESTING, LIMITED], Nobody(Why.KEYS_RESTING, 110.0), id="the first to be free"),
        pytest.param([LIMITED, DOWN], Nobody(Why.LIMITED, 120.0), id="limited"),
        pytest.param([DOWN, DOWN], Nobody(Why.NOT_READY, None), id="nobody knows when"),
    ],
)
def test_when_nobody_can_answer_it_is_said_why_and_until_when(standings: list[FakeStanding], expected: Nobody) -> None:
    one, other = standings
    assert picker([(to(HERE), one)], [(to(OPENAI), other)]).pick(ask()) == expected


def test_the_best_that_merely_cools_down_is_the_last_resort() -> None:
    worse = FakeStanding(Blocked(Why.COOLING, 105.0), 99.0, Figures(waiting=9.0))
    given = picker([(to(HERE), worse), (to(THERE, rtt_ms=9), READY_TO_PROBE)], [(to(OPENAI), LIMITED)]).pick(ask())
    assert isinstance(given, Choice)
    assert (given.option.name, given.is_last_resort) == ("peer/par/a/chat", True)


@pytest.mark.parametrize(
    ("tried", "weight", "why"),
    [
        pytest.param(0b1, 1, Why.TRIED, id="tried"),
        pytest.param(0, 0, Why.NO_TRAFFIC, id="no traffic"),
    ],
)
def test_when_there_is_nobody_to_wait_for(tried: int, weight: int, why: Why) -> None:
    assert picker([(to(HERE, weight=weight), FREE)]).pick(ask(tried=tried)) == Nobody(why, None)


def test_a_route_without_candidates() -> None:
    assert picker().pick(ask()) == Nobody(Why.NO_TRAFFIC, None)
    assert picker().explain(ask()) == []


def test_every_candidate_is_explained() -> None:
    tiers = (
        [
            (to(EngineTarget(pool="a/other"), weight=1), FREE),
            (to(HERE, weight=1_000), FREE),
            (to(THERE, weight=1_000, rtt_ms=50), FREE),
            (to(FAR, weight=1_000, place=1), FREE),
            (to(ProviderTarget(provider="p", endpoint="q"), weight=0), FREE),
        ],
        [(to(OPENAI), FREE), (to(ProviderTarget(provider="x", endpoint="y")), LIMITED)],
    )
    found = picker(*tiers).explain(ask(mask=Mask(0b1, (), ()), tried=0b10_0000))
    assert [(each.name, each.tier, each.why) for each in found] == [
        ("engine/a/other", 0, Why.OTHER_BACKEND),
        ("engine/a/chat", 0, Why.CHOSEN),
        ("peer/par/a/chat", 0, Why.WORSE),
        ("peer/iad/a/chat", 0, Why.UNLAWFUL),
        ("provider/p/q/m", 0, Why.NO_TRAFFIC),
        ("provider/openai/eu/m", 1, Why.TRIED),
        ("provider/x/y/m", 1, Why.LIMITED),
    ]
    assert [each.score for each in found[1:3]] == [0, 50]
    assert math.isnan(found[3].score), "nothing is told about what the law forbids"
    assert found[6].until == 120


def test_candidates_of_a_later_tier_are_said_to_be_later() -> None:
    found = picker([(to(HERE), FREE)], [(to(OPENAI), FREE)]).explain(ask())
    assert [each.why for each in found] == [Why.CHOSEN, Why.LATER_TIER]


def test_nearly_one_is_still_someone() -> None:
    candidates = [(replace(to(HERE), weight=3), FREE), (to(OPENAI, weight=7), FREE)]
    assert chosen(picker(candidates).pick(ask(rand=math.nextafter(1.0, 0.0)))) == "provider/openai/eu/m"


def test_a_peer_needs_a_bit_of_its_own() -> None:
    """Of three places the peer and a provider are at place 1; what the provider needs is not enough for the peer."""
    route = Route(id="a/chat", name="chat", tiers=(Tier(candidates=(to(THERE, place=1), to(OPENAI, place=1))),))
    picker = Picker(route, [FREE, FREE], hops=3)
    assert chosen(picker.pick(ask(Mask(0b010_000, (), ())))) == "peer/par/a/chat"
    assert chosen(picker.pick(ask(Mask(0b000_010, (), ())))) == "provider/openai/eu/m"
    assert [each.why for each in picker.explain(ask(Mask(0b000_010, (), ())))] == [Why.UNLAWFUL, Why.CHOSEN]


@pytest.mark.parametrize(
    ("figures", "preferences", "expected"),
    [
        pytest.param(Figures(), {}, 40.0, id="as planned"),
        pytest.param(Figures(rtt_ms=7.0), {}, 7.0, id="as measured"),
        pytest.param(Figures(rtt_ms=0.0), {}, 0.0, id="measured as nothing"),
        pytest.param(Figures(waiting=2.0), {}, 140.0, id="a queue"),
        pytest.param(Figures(waiting=2.0), {"waiting_ms": 3.0}, 46.0, id="a queue that counts less"),
        pytest.param(Figures(kv_use=0.95), {}, 290.0, id="half of the last tenth of a cache"),
        pytest.param(Figures(kv_use=1.0), {"full_cache_ms": 10.0}, 50.0, id="a full cache that counts less"),
        pytest.param(Figures(kv_use=0.1), {}, 40.0, id="an empty cache"),
        pytest.param(Figures(), {"dollar_ms": 2.0}, 42.5, id="a price"),
    ],
)
def test_what_a_score_is_made_of(figures: Figures, preferences: dict[str, float], expected: float) -> None:
    candidate = to(HERE, rtt_ms=40, price=Price(input="0.25", output="1"))
    made = picker([(candidate, FakeStanding(figures=figures))], preferences=Preferences(**preferences))
    assert made.score(made.options[0]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("best", "other", "preferences", "is_as_good"),
    [
        pytest.param(0, 5, {}, True, id="five milliseconds"),
        pytest.param(0, 6, {}, False, id="six milliseconds"),
        pytest.param(1000, 1100, {}, True, id="a tenth"),
        pytest.param(1000, 1101, {}, False, id="more than a tenth"),
        pytest.param(0, 6, {"alike_ms": 6.0}, True, id="six, if they don't matter"),
    ],
)
def test_what_is_nearly_as_good_has_its_share(
    best: int, other: int, preferences: dict[str, float], *, is_as_good: bool
) -> None:
    candidates = [(to(HERE, rtt_ms=best), FREE), (to(THERE, rtt_ms=other), FREE)]
    pick = picker(candidates, preferences=Preferences(**preferences)).pick
    assert (len({chosen(pick(ask(key=key))) for key in range(50)}) == 2) is is_as_good


def test_of_two_that_are_equal_it_is_chance_that_decides() -> None:
    candidates = [(to(HERE), FREE), (to(THERE), FREE), (to(FAR), FREE)]
    made = picker(candidates)
    for step in range(10):
        first, _ = two_of(3, step / 10)
        assert chosen(made.pick(ask(rand=step / 10))) == made.options[first].name


def test_what_is_left_of_chance_decides_within_a_backend() -> None:
    """Each half of a backend's share goes to one of its two, as if it were alone."""
    own = [(to(HERE, weight=1), FREE), (to(THERE, weight=1), FREE)]
    alone, beside = picker(own), picker([(to(OPENAI, weight=3), FREE), *own])
    for step in range(10):
        rand = step / 10
        assert chosen(beside.pick(ask(rand=0.75 + rand / 4))) == chosen(alone.pick(ask(rand=rand)))


@pytest.mark.parametrize(
    ("rand", "expected"),
    [
        pytest.param(0.0, "engine/a/chat", id="first"),
        pytest.param(0.25, "provider/openai/eu/m", id="just past the first"),
        pytest.param(0.75, "provider/x/y/m", id="just past the second"),
    ],
)
def test_shares_lie_side_by_side(rand: float, expected: str) -> None:
    other = ProviderTarget(provider="x", endpoint="y")
    candidates = [(to(HERE, weight=1), FREE), (to(OPENAI, weight=2), FREE), (to(other, weight=1), FREE)]
    assert chosen(picker(candidates).pick(ask(rand=rand))) == expected


def test_a_provider_with_several_models_is_several_backends() -> None:
    small = replace(to(OPENAI, weight=1), model="small")
    pick = picker([(to(OPENAI, weight=1), FREE), (small, FREE)]).pick
    assert [chosen(pick(ask(rand=rand))) for rand in (0.4, 0.6)] == ["provider/openai/eu/m", "provider/openai/eu/small"]


def cooling(at: float | None, **figures: float) -> FakeStanding:
    return FakeStanding(Blocked(Why.COOLING, 130.0), at, Figures(**figures))


@pytest.mark.parametrize(
    ("tiers", "expected"),
    [
        pytest.param([[cooling(NOW), DOWN]], "engine/a/chat", id="from now on"),
        pytest.param([[cooling(99.0), cooling(99.0)]], "engine/a/chat", id="the first of two that are equal"),
        pytest.param([[cooling(99.0, waiting=1.0), cooling(99.0)]], "peer/par/a/chat", id="the better one"),
        pytest.param([[DOWN, cooling(99.0, waiting=9.0)], [cooling(99.0)]], "peer/par/a/chat", id="the earlier tier"),
    ],
)
def test_whose_turn_it_is_as_a_last_resort(tiers: list[list[FakeStanding]], expected: str) -> None:
    made = [[(to(target), one) for target, one in zip(TWO, each, strict=False)] for each in tiers]
    given = picker(*made).pick(ask())
    assert isinstance(given, Choice)
    assert (given.option.name, given.is_last_resort) == (expected, True)


def test_who_is_chosen_while_free_is_no_last_resort() -> None:
    given = picker([(to(HERE), FREE)]).pick(ask())
    assert isinstance(given, Choice)
    assert not given.is_last_resort


@pytest.mark.parametrize(
    ("standings", "expected"),
    [
        pytest.param([RESTING, COOLING], Nobody(Why.COOLING, 101.0), id="cooling before resting keys"),
        pytest.param([LIMITED, RESTING], Nobody(Why.KEYS_RESTING, 110.0), id="resting keys before limits"),
        pytest.param([DOWN, LIMITED], Nobody(Why.LIMITED, 120.0), id="limits before what isn't ready"),
        pytest.param([cooling(None), DOWN], Nobody(Why.COOLING, 130.0), id="cooling, and no last resort"),
    ],
)
def test_what_may_pass_soonest_is_told(standings: list[FakeStanding], expected: Nobody) -> None:
    one, other = standings
    assert picker([(to(HERE), one), (to(THERE), other)]).pick(ask()) == expected


@pytest.mark.parametrize(
    ("fields", "tried", "expected"),
    [
        pytest.param([{"weight": 0}, {"place": 1}], 0, Why.UNLAWFUL, id="unlawful before no traffic"),
        pytest.param([{"place": 1}, {}], 0b10, Why.TRIED, id="tried before unlawful"),
        pytest.param([{"weight": 0, "place": 1}], 0, Why.UNLAWFUL, id="what is unlawful is nothing else"),
        pytest.param([{"weight": 0}], 0b1, Why.NO_TRAFFIC, id="what gets no traffic wasn't tried"),
    ],
)
def test_why_there_is_nobody_to_wait_for(fields: list[dict[str, Any]], tried: int, expected: Why) -> None:
    candidates = [(to(target, **each), FREE) for target, each in zip(TWO, fields, strict=False)]
    assert picker(candidates).pick(ask(Mask(0b1, (), ()), tried=tried)) == Nobody(expected, None)


def test_a_last_resort_is_explained_as_the_one_that_is_chosen() -> None:
    found = picker([(to(HERE), cooling(99.0)), (to(THERE), COOLING)]).explain(ask())
    assert [(each.why, each.until) for each in found] == [(Why.CHOSEN, None), (Why.COOLING, 130.0)]


def test_what_became_of_a_candidate_is_told_in_these_words() -> None:
    """Clients that ask for it read them in a header."""
    assert [why.value for why in Why] == [
        "Chosen",
        "Worse",
        "LaterTier",
        "OtherBackend",
        "NoTraffic",
        "Tried",
        "Unlawful",
        "UnlawfulThere",
        "NotReady",
        "CoolingDown",
        "KeysResting",
        "Limited",
    ]
