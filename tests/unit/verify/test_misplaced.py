"""Candidates at another place than their targets: such a config is not run, and its reader is told which and where."""

import pytest
from tests.unit.verify.by_hand import DE, EU, EU_END, HERE, PEER, US, Json, candidates, config, decoded

from isochrone.verify.misplaced import in_words
from isochrone_gateway.config import Problem, find_problems

JUDGED = "but what is sent there is judged as if it were in"


def told(*each: tuple[Json, int]) -> list[str]:
    made = config()
    made["routes"][0]["tiers"] = [candidates((HERE, DE)), candidates((PEER, US), (EU_END, EU), *each)]
    found = decoded(made)
    return [str(in_words(problem, found)) for problem in find_problems(found)]


@pytest.mark.parametrize(
    ("target", "place", "expected"),
    [
        pytest.param(
            HERE,
            US,
            f"the site itself, with engines shop/chat, is in DE-HE (Declared) (places[0]), {JUDGED} US-VA (Declared)"
            " (places[1])",
            id="engines",
        ),
        pytest.param(
            PEER,
            DE,
            f"peer iad1 is in US-VA (Declared) (places[1]), {JUDGED} DE-HE (Declared) (places[0])",
            id="a peer",
        ),
        pytest.param(
            EU_END,
            DE,
            f"provider acme, endpoint eu is in DE+FR (Declared) (places[2]), {JUDGED} DE-HE (Declared) (places[0])",
            id="a provider",
        ),
    ],
)
def test_a_candidate_elsewhere(target: Json, place: int, expected: str) -> None:
    assert told((target, place)) == [f'$.routes["shop/chat"].tiers[1].candidates[2].place: {expected}']


def test_places_that_there_are_not() -> None:
    first, second = told((EU_END, 4))
    assert first.endswith("is 4, but there are 4 places; point at one of them")
    assert second.endswith(f"provider acme, endpoint eu is in DE+FR (Declared) (places[2]), {JUDGED} places[4]")


@pytest.mark.parametrize(
    ("path", "text", "key"),
    [
        pytest.param("$.routes[x].retry", "is 1, but the target is at place 2", "shop/chat", id="of no candidate"),
        pytest.param("$.tiers[0].candidates[0].place", "is 1, and that is odd", "shop/chat", id="of something else"),
        pytest.param("$.tiers[0].candidates[0].place", "is 1, but the target is at place 2", "x", id="of no route"),
    ],
)
def test_other_problems_stay_as_they_are(path: str, text: str, key: str) -> None:
    problem = Problem(path=path, text=text, key=key)
    assert in_words(problem, decoded(config())) == problem


def test_what_is_as_it_should_be() -> None:
    assert told((EU_END, EU)) == []
