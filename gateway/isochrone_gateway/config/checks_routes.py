"""Checks of routes: public names are claimed once, and each candidate's target exists at the place that the law
was asked for.
"""

from collections.abc import Iterator
from typing import assert_never

from isochrone_gateway.config.census import Census, Subject, find_repeated, repeated_items
from isochrone_gateway.config.document import Config, Kind
from isochrone_gateway.config.errors import Problem
from isochrone_gateway.config.routes import (
    Candidate,
    EngineTarget,
    PeerTarget,
    ProviderTarget,
    Route,
    Tier,
)


def check_routes(config: Config, census: Census) -> Iterator[Problem]:
    yield from repeated_items(Kind.ROUTES, "routes", (route.id for route in config.routes))
    yield from _check_names(config.routes)
    for route in config.routes:
        subject = _subject(route)
        yield from _check_bounds(subject, route)
        for index, tier in enumerate(route.tiers):
            yield from _check_tier(subject, f".tiers[{index}]", tier, census)


def _subject(route: Route) -> Subject:
    return Subject(kind=Kind.ROUTES, key=route.id, path=f'$.routes["{route.id}"]')


def _check_names(routes: tuple[Route, ...]) -> Iterator[Problem]:
    claims = [(name, route) for route in routes for name in (route.name, *sorted(route.aliases))]
    repeated = set(find_repeated(name for name, _ in claims))
    for name, route in claims:
        if name in repeated:
            others = sorted(other.id for claimed, other in claims if claimed == name)
            text = f"claims the name {name!r}, which is claimed by {' and '.join(others)}; a name has one owner"
            yield _subject(route).problem("", text)


def _check_bounds(subject: Subject, route: Route) -> Iterator[Problem]:
    if route.retry.backoff_base_ms > route.retry.backoff_max_ms:
        yield subject.problem(".retry", "has backoffBaseMs above backoffMaxMs; lower it")
    if max(route.timeouts.first_byte_ms, route.timeouts.idle_ms) > route.timeouts.total_ms:
        yield subject.problem(".timeouts", "has firstByteMs or idleMs above totalMs; lower it")


def _check_tier(subject: Subject, where: str, tier: Tier, census: Census) -> Iterator[Problem]:
    if not tier.candidates:
        yield subject.problem(where, "has no candidates; leave the tier out")
    elif all(candidate.weight == 0 for candidate in tier.candidates):
        yield subject.problem(where, "has weight 0 on every candidate; give one a weight or leave the tier out")
    for index, candidate in enumerate(tier.candidates):
        here = f"{where}.candidates[{index}]"
        yield from subject.out_of_range(f"{here}.place", candidate.place, length=census.places, what="places")
        yield from _check_target(subject, here, candidate, census)


def _check_target(subject: Subject, where: str, candidate: Candidate, census: Census) -> Iterator[Problem]:
    match candidate.target:
        case EngineTarget(pool=pool):
            if pool not in census.pools:
                yield subject.problem(f"{where}.target.pool", f"is {pool!r}, which is no engine pool of this site")
            yield from _check_place(subject, where, candidate, census.site_place)
        case PeerTarget(site=site):
            peer = census.peers.get(site)
            if peer is None:
                yield subject.problem(f"{where}.target.site", f"is {site!r}, which is no peer")
            else:
                yield from _check_place(subject, where, candidate, peer.place)
        case ProviderTarget() as target:
            yield from _check_provider(subject, where, candidate, target=target, census=census)
        case unreachable:
            assert_never(unreachable)


def _check_provider(
    subject: Subject, where: str, candidate: Candidate, *, target: ProviderTarget, census: Census
) -> Iterator[Problem]:
    provider = census.providers.get(target.provider)
    if provider is None:
        yield subject.problem(f"{where}.target.provider", f"is {target.provider!r}, which is no provider")
        return
    if candidate.model not in {model.name for model in provider.models}:
        yield subject.problem(f"{where}.model", f"is {candidate.model!r}, which {provider.name} doesn't list; list it")
    places = [endpoint.place for endpoint in provider.endpoints if endpoint.name == target.endpoint]
    if places:
        yield from _check_place(subject, where, candidate, places[0])
    else:
        text = f"is {target.endpoint!r}, which is no endpoint of {provider.name}"
        yield subject.problem(f"{where}.target.endpoint", text)


def _check_place(subject: Subject, where: str, candidate: Candidate, place: int) -> Iterator[Problem]:
    """A candidate at another place than its target would pass the law under a false flag."""
    if candidate.place != place:
        yield subject.problem(f"{where}.place", f"is {candidate.place}, but the target is at place {place}")
