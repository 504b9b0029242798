"""Failures only remove candidates: all of them counted out in a small world, with the gateway's own choice.

The verifier looks at no failure. So each candidate that the gateway picks under any set of failures, after any attempts
and at any age of its config, has to be one that the verifier has looked at, and that is lawful.
"""

import itertools
from collections.abc import Iterator
from typing import Final

import pytest
from tests.unit.verify.installation import OBJECTS
from tests.worlds.verified import World, rendered

from isochrone.verify import meaning
from isochrone.verify.book import Book
from isochrone.verify.callers import Caller, Callers, subject_of
from isochrone.verify.meaning import Place, Question
from isochrone_gateway.config import Config
from isochrone_gateway.config.routes import Candidate, EngineTarget, PeerTarget, Route
from isochrone_gateway.route.candidates import Blocked, Choice, Figures, Picker, Request, Why
from isochrone_gateway.route.mask import Age, Lawbook
from isochrone_gateway.route.mask import Question as Asked
from isochrone_gateway.server.pipeline.rulings import with_hops

NOW: Final = 100.0


class Standing:
    """Free, down, or cooling and a last resort."""

    figures = Figures()

    def __init__(self, state: str) -> None:
        self._state = state

    def blocked(self, _now: float) -> Blocked | None:
        return None if self._state == "free" else Blocked(Why.COOLING if self._state == "cooling" else Why.NOT_READY)

    def last_resort_at(self, now: float) -> float | None:
        return now if self._state == "cooling" else None


def picked(route: Route, places: int, request: Request) -> Iterator[Candidate]:
    """Everybody who is asked under any failures, attempt after attempt."""
    candidates = [each for tier in route.tiers for each in tier.candidates]
    for states in itertools.product(("free", "down", "cooling"), repeat=len(candidates)):
        picker = Picker(route, [Standing(each) for each in states], hops=places)
        request.tried = 0
        while isinstance(choice := picker.pick(request), Choice):
            yield choice.option.candidate
            request.tried |= 1 << choice.option.index


def true_place(world: World, config: Config, candidate: Candidate) -> Place:
    match candidate.target:
        case EngineTarget():
            return world.declared.sites[config.site.name].place
        case PeerTarget(site=name):
            return world.declared.sites[name].place
        case target:
            return world.declared.providers[target.provider].endpoints[target.endpoint].place


@pytest.fixture(scope="module", params=["Allow", "Deny"])
def world(request: pytest.FixtureRequest) -> World:
    return rendered(OBJECTS, unbound=request.param)


@pytest.mark.parametrize("site", ["fra1", "iad1"])
def test_whoever_is_asked_was_looked_at(world: World, site: str) -> None:
    config = world.configs[site]
    book = Book(world.declared, config)
    callers = Callers(book, config)
    asked = {
        (route.id, age, candidate)
        for route in config.routes
        for caller in callers.of(route)
        for origin, _ in caller.origins
        for age in Age
        for candidate in looked_at(world, book, config, (route, caller, origin, age))
    }
    assert {age for _, age, _ in asked} >= {Age.FRESH, Age.STALE}
    assert len({(route, candidate) for route, _, candidate in asked}) >= 5


def looked_at(world: World, book: Book, config: Config, case: tuple[Route, Caller, str | None, Age]) -> set[Candidate]:
    """Whom this caller's requests are sent to under all failures; each is checked."""
    route, caller, origin, age = case
    mask = {
        scope: Lawbook(
            config.law,
            config.places,
            site_country=config.places.places[config.site.place].country,
            unbound=config.site.unbound_traffic,
        ).mask(
            Asked(
                route.id,
                caller.tenant,
                _classes(config, route, caller),
                frozenset() if origin is None else frozenset({origin}),
                scope,
                age,
            )
        )
        for scope in ("Inference", "Ingress")
    }
    places = len(config.places.places)
    request = Request(with_hops(mask["Inference"], mask["Ingress"], places), NOW, 0.3)
    found = set(picked(route, places, request))
    for each in found:
        scopes = ("Inference", "Ingress") if isinstance(each.target, PeerTarget) else ("Inference",)
        for scope in scopes:
            assert book.both(scope, caller.selected, origin).compiled >> each.place & 1, "the verifier looks at it"
            question = Question(
                subject=subject_of(book, route.id, caller.tenant, caller.added),
                origin=() if origin is None else (origin,),
                scope=scope,
                place=true_place(world, config, each),
                default=world.declared.unbound,
                age=age.value,
                site_country=config.places.places[config.site.place].country,
            )
            assert meaning.decide(world.declared.policies, question).allowed
    return found


def _classes(config: Config, route: Route, caller: Caller) -> frozenset[str]:
    own = [each.data_classes for each in config.tenants.tenants if each.id == caller.tenant]
    return route.data_classes.union(*own, caller.added)
