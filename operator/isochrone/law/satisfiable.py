"""Whether a policy can be kept: at some place on earth, and at the places that there are."""

from collections.abc import Collection, Iterable, Iterator

from isochrone.api.residency_policy import Scope
from isochrone.geo import codes
from isochrone.geo.areas import Area
from isochrone.geo.suggestions import WORLD
from isochrone.law.origin import UNKNOWN, Origin
from isochrone.law.policy import Place, Policy


def is_nowhere(policy: Policy, scope: Scope) -> bool:
    """Whether it allows the scope at no place at all."""
    allowance = policy.allowance(scope)
    return not allowance.origin_country and not any(allowance.area.covers(code) for code in parts(allowance.area))


def is_satisfied(policy: Policy, places: Collection[Place], scope: Scope) -> bool:
    """Whether it allows the scope at one of these for some origin that it binds."""
    bound = bound_origins(policy, places, scope)
    return not bound or any(is_allowed(policy, each, bound, scope) for each in places)


def is_allowed(policy: Policy, place: Place, bound: Iterable[str | None], scope: Scope) -> bool:
    """Whether it allows the scope at a place for data of one of these origins."""
    allowance = policy.allowance(scope)
    return any(allowance.refusal(place, code) is None for code in bound)


def bound_origins(policy: Policy, places: Iterable[Place], scope: Scope) -> list[str | None]:
    """Of the origins that make a difference, those that it binds (None: unknown)."""
    every = (code for origin in some_origins([policy], places, scope) for code in origin.each)
    return [code for code in every if policy.binds_origin(scope, code)]


def some_origins(
    policies: Iterable[Policy], places: Iterable[Place], scope: Scope = Scope.INFERENCE
) -> tuple[Origin, ...]:
    """Every origin at which an answer can change: the places' own countries, what policies name, another, unknown."""
    homes = {home for place in places for code in place.codes if (home := codes.country_of(code))}
    named = {code for policy in policies for area in areas(policy, scope) for code in area.include | area.exclude} - {
        WORLD
    }
    countries = {codes.country_of(code) for code in named}
    other = next((code for code in codes.countries() if code not in homes and code not in countries), None)
    ordered = dict.fromkeys((*sorted(homes), *sorted(named), *([other] if other else [])))
    return (*(Origin.of(code) for code in ordered), UNKNOWN)


def areas(policy: Policy, scope: Scope) -> Iterator[Area]:
    """What a policy names: the origins that it binds, and where it allows the scope."""
    if policy.origins is not None:
        yield policy.origins
    yield policy.allowance(scope).area


def parts(area: Area) -> frozenset[str]:
    """Codes of which one is covered if anything is: what is included, and its parts where some are excluded."""
    whole = frozenset(codes.countries()) if WORLD in area.include else area.include
    holes = {codes.country_of(code) for code in area.exclude if codes.is_subdivision(code)}
    inside = (code for code in codes.subdivisions() if codes.country_of(code) in holes) if holes else ()
    return whole | {codes.canonical(code) for code in inside}
