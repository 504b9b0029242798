"""What a config that no gateway would run says of a candidate's place, with names: the contract has numbers alone."""

import dataclasses
import re
from typing import Final

from isochrone.verify.meaning import Place
from isochrone_gateway.config import Config, Problem
from isochrone_gateway.config.routes import EngineTarget, PeerTarget, ProviderTarget

_CANDIDATE: Final = re.compile(r"\.tiers\[([0-9]+)\]\.candidates\[([0-9]+)\]\.place$")
_ELSEWHERE: Final = re.compile(r"is ([0-9]+), but the target is at place ([0-9]+)")


def in_words(problem: Problem, config: Config) -> Problem:
    """The same problem; of a candidate at another place than its target, which target that is, and which places."""
    where, numbers = _CANDIDATE.search(problem.path), _ELSEWHERE.fullmatch(problem.text)
    route = next((each for each in config.routes if each.id == problem.key), None)
    if where is None or numbers is None or route is None:
        return problem
    candidate = route.tiers[int(where[1])].candidates[int(where[2])]
    judged, true = (_place(config, int(index)) for index in numbers.groups())
    text = f"{_named(candidate.target)} is in {true}, but what is sent there is judged as if it were in {judged}"
    return dataclasses.replace(problem, text=text)


def _named(target: EngineTarget | PeerTarget | ProviderTarget) -> str:
    match target:
        case EngineTarget(pool=pool):
            return f"the site itself, with engines {pool},"
        case PeerTarget(site=site):
            return f"peer {site}"
        case ProviderTarget(provider=provider, endpoint=endpoint):
            return f"provider {provider}, endpoint {endpoint}"


def _place(config: Config, index: int) -> str:
    number, known = f"places[{index}]", config.places.places
    return f"{Place(known[index].codes, known[index].evidence.value)} ({number})" if index < len(known) else number
