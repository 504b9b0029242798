"""Policies that can't be kept, alone or together, and policies that bind nothing."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Final

from isochrone.api import InferenceTenant, ModelRoute
from isochrone.api.residency_policy import Scope
from isochrone.geo import codes
from isochrone.law import Evidence, Place, Policy, Subject
from isochrone.law import read as law_of
from isochrone.law.satisfiable import is_nowhere, is_satisfied, parts, some_origins
from isochrone.model.words import listed
from isochrone.validate import legal
from isochrone.validate.finding import Finding, Key, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World, once

_SCOPES: Final = (Scope.INFERENCE, Scope.INGRESS)
"""Where nowhere means that requests are refused. Of the others (a cache, logs), nowhere is a way of doing without."""


def nowhere(world: World) -> Iterator[Finding]:
    """A policy that allows inference, or ingress, at no place on earth."""
    for enforced in legal.enforced(world):
        for i, entry in enumerate(enforced.item.resource.spec.allow):
            if entry.scope not in _SCOPES or not is_nowhere(enforced.policy, entry.scope):
                continue
            what, field = entry.scope.value.lower(), f"spec.allow[{i}].places"
            if entry.places is not None and not entry.places.include:
                yield enforced.item.warning(
                    Rule.UNSATISFIABLE,
                    field,
                    f"{what} is allowed nowhere: all that this policy binds is refused",
                    way_out="keep it only if that is what you want",
                )
            else:
                yield enforced.item.error(
                    Rule.UNSATISFIABLE,
                    field,
                    f"exclude takes away all that include allows: {what} is allowed nowhere",
                    way_out="remove codes or blocs from exclude",
                )


def contradictions(world: World) -> Iterator[Finding]:
    """Two policies that bind the same data and have no place in common."""
    for pair in (pair for scope in _SCOPES for pair in contradicting(world, scope)):
        one, other = pair.one.item, pair.other.item
        origins = "any origin" if pair.is_total else f"origin {listed(code or 'unknown' for code in pair.origins)}"
        report = other.error if pair.is_total else other.warning
        yield report(
            Rule.UNSATISFIABLE,
            "spec.allow",
            f"together with DataResidencyPolicy {one.name}, no place is left for {_of(pair.scope)}data of {origins}"
            f" on {listed(pair.routes)}",
            way_out=f"let them have a place in common, or bind less ({one.manifest.source})",
        )


def without_place(world: World) -> Iterator[Finding]:
    """A policy that none of the sites and endpoints satisfies, although it binds a route."""
    for scope in _SCOPES:
        places = legal.every_place(world, scope)
        if places is None or not places:
            continue
        for enforced in _sound(world, scope):
            bound = _bound_routes(world, enforced.policy)
            if not bound or is_satisfied(enforced.policy, [each.place for each in places], scope):
                continue
            refusal = enforced.policy.allowance(scope).refusal(places[0].place, None)
            among = "sites" if scope is Scope.INGRESS else "sites and endpoints"
            yield enforced.item.error(
                Rule.UNSATISFIABLE,
                "spec.allow",
                f"none of the {len(places)} {among} satisfies it{_for(scope)}, and it binds {listed(bound)};"
                f" {places[0].name}: {refusal}",
                way_out="allow a place where you have a site or a provider, or add one there"
                if scope is Scope.INFERENCE
                else "allow ingress at a place where you have a site, or add a site there",
            )


def bind_nothing(world: World) -> Iterator[Finding]:
    """A policy whose selectors match no route and no tenant."""
    if not world.routes or not world.is_whole(ModelRoute, InferenceTenant):
        return
    open_classes = any(tenant.resource.spec.data_class_header == "Trust" for tenant in world.tenants)
    for item in world.policies:
        policy, _ = law_of(item.resource)
        undecided = any(world.may_use(policy.namespaces, route.namespace) is None for route in world.routes)
        if undecided or (policy.data_classes is not None and open_classes) or _bound_routes(world, policy):
            continue
        yield item.warning(
            Rule.BINDS_NOTHING,
            "spec.binds",
            f"it binds none of the {len(world.routes)} ModelRoutes, whoever calls them",
            way_out="check the selectors, namespaces and data classes under spec.binds",
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Two policies without a place in common, the routes that both may bind, and the origins (None: unknown)."""

    scope: Scope
    one: legal.Enforced
    other: legal.Enforced
    routes: tuple[Key, ...]
    origins: tuple[str | None, ...]

    @property
    def is_total(self) -> bool:
        """Whether no origin is left."""
        return self.one.policy.origins is None and self.other.policy.origins is None and None in self.origins


@once
def contradicting(world: World, scope: Scope) -> tuple[Contradiction, ...]:
    """All pairs of policies that contradict each other on some route. What both take from Inference, it tells."""
    sound = [each for each in legal.enforced(world) if not is_nowhere(each.policy, scope)]
    subjects = {route.key: _subjects(world, route) for route in world.routes}
    bound = {
        each.item: {key for key, asked in subjects.items() if any(map(each.policy.selects, asked))} for each in sound
    }
    found = []
    for one, other in itertools.combinations(sound, 2):
        if not (_names(one.policy, scope) or _names(other.policy, scope)):
            continue
        both = [
            key
            for key in sorted(bound[one.item] & bound[other.item])
            if any(one.policy.selects(who) and other.policy.selects(who) for who in subjects[key])
        ]
        origins = _apart(one.policy, other.policy, scope) if both else ()
        if origins:
            found.append(Contradiction(scope=scope, one=one, other=other, routes=tuple(both), origins=tuple(origins)))
    return tuple(found)


def _sound(world: World, scope: Scope) -> Iterator[legal.Enforced]:
    """The policies with an entry of their own for the scope that some place on earth satisfies."""
    for enforced in legal.enforced(world):
        if _names(enforced.policy, scope) and not is_nowhere(enforced.policy, scope):
            yield enforced


def _names(policy: Policy, scope: Scope) -> bool:
    return scope in policy.allowances


def _of(scope: Scope) -> str:
    return "" if scope is Scope.INFERENCE else f"{scope.value.lower()} of "


def _for(scope: Scope) -> str:
    return "" if scope is Scope.INFERENCE else f" for scope {scope.value}"


def _apart(one: Policy, other: Policy, scope: Scope) -> list[str | None]:
    """The origins (None: unknown) that both bind, and for which no place satisfies both."""
    both = [policy.allowance(scope) for policy in (one, other)]
    everywhere = parts(both[0].area) | parts(both[1].area)
    found: list[str | None] = []
    for origin in (code for known in some_origins([one, other], (), scope) for code in known.each):
        home = codes.country_of(origin) if origin else None
        tried = everywhere | {home} if home else everywhere
        bound = all(policy.binds_origin(scope, origin) for policy in (one, other))
        if bound and not any(all(each.refusal(_surely(code), origin) is None for each in both) for code in tried):
            found.append(origin)
    return found


def _surely(code: str) -> Place:
    return Place(frozenset({code}), Evidence.ATTESTED)


@once
def _subjects(world: World, route: Item[ModelRoute]) -> list[Subject]:
    return [legal.subject(world, route, None), *(caller.subject for caller in legal.callers(world, route))]


def _bound_routes(world: World, policy: Policy) -> list[str]:
    """The routes that it may bind, for anybody or for one of their tenants."""
    return [str(route.key) for route in world.routes if any(map(policy.selects, _subjects(world, route)))]
