"""DataResidencyPolicy: whether its names are known, whom it may bind, and whether a lawful place is left."""

import collections
from collections.abc import Iterator
from typing import Final

from isochrone import law
from isochrone.api import DataResidencyPolicy
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.residency_policy import DataResidencyPolicyStatus, PolicyException, Scope
from isochrone.law import Mode, Place, Policy, atlas
from isochrone.law.satisfiable import bound_origins, is_allowed, is_nowhere, is_satisfied
from isochrone.model import RouteKey, WhyNot
from isochrone.model.words import WHY_NOT, count, listed
from isochrone.status.areas import reason_of
from isochrone.status.facts import Facts
from isochrone.status.said import State, conditions, fails, holds, leaving, ready, waits

MOST_EXCEPTIONS: Final = 16
_UNLAWFUL: Final = frozenset({WhyNot.UNLAWFUL_INFERENCE, WhyNot.UNLAWFUL_WEIGHTS})
_KIND: Final = ConditionType.SATISFIABLE


def status(facts: Facts, resource: DataResidencyPolicy) -> DataResidencyPolicyStatus:
    is_leaving = resource.metadata.deletion_timestamp is not None
    policy, _ = law.read(resource)
    routes = sorted(facts.bindings.routes.get(policy.name, ()))
    tenants = facts.bindings.tenants.get(policy.name, ())
    without = [] if is_leaving or policy.mode is Mode.AUDIT else list(_without_place(facts, routes))
    states = [_accepted(resource), _satisfiable(facts, resource, policy, routes)]
    return DataResidencyPolicyStatus(
        observed_generation=resource.metadata.generation,
        conditions=conditions(
            resource,
            [] if is_leaving else states,
            leaving("sites are told that it binds no more")
            if is_leaving
            else _summary(policy, len(routes), len(tenants)),
            now=facts.now,
        ),
        bound_routes=len(routes),
        bound_tenants=len(tenants),
        lawful_edge_nodes=_lawful(policy, list(facts.places.values())),
        exceptions=without[:MOST_EXCEPTIONS] or None,
    )


def _accepted(resource: DataResidencyPolicy) -> State:
    kind, (_, problems) = ConditionType.ACCEPTED, law.read(resource)
    if problems:
        message = f"{problems[0].message}; until then, what names it allows nothing, and binds everybody"
        return fails(kind, reason_of(problems[0]), message)
    return holds(kind, Reason.ACCEPTED, "every place that it names is known")


def _satisfiable(facts: Facts, resource: DataResidencyPolicy, policy: Policy, routes: list[RouteKey]) -> State:
    nowhere = next((scope for scope in (Scope.INFERENCE, Scope.INGRESS) if is_nowhere(policy, scope)), None)
    if nowhere is not None:
        return _nowhere(resource, nowhere)
    places = {name: facts.places[name] for name in facts.places}
    for name, provider in facts.providers.items():
        places |= {f"{name}/{each.name}": atlas.processing(each) for each in provider.spec.endpoints}
    if not places:
        return waits(_KIND, "there is no site and no provider yet")
    if not routes:
        return holds(_KIND, Reason.SATISFIABLE, "it binds no route, so nothing depends on it")
    if is_satisfied(policy, list(places.values()), Scope.INFERENCE):
        return holds(_KIND, Reason.SATISFIABLE, "it allows inference at a site, or at a provider's endpoint")
    name, place = next(iter(places.items()))
    refusal = policy.allowance(Scope.INFERENCE).refusal(place, None)
    why = f"; {name}: {refusal.value}" if refusal is not None else ""
    message = (
        f"no site and no provider's endpoint satisfies it, and it binds {listed(routes, most=3)}{why};"
        " allow a place where you have one, or add one there"
    )
    return fails(_KIND, Reason.UNSATISFIABLE, message)


def _nowhere(resource: DataResidencyPolicy, scope: Scope) -> State:
    entry = next((each for each in resource.spec.allow if each.scope is scope), resource.spec.allow[0])
    what = scope.value.lower()
    if entry.places is not None and not entry.places.include:
        message = f"{what} is allowed nowhere, as spec.allow says: all that it binds is refused"
        return State(type=_KIND, status="False", reason=Reason.UNSATISFIABLE, message=message, counts=False)
    message = f"spec.allow: exclude takes away all that include allows, so {what} is allowed nowhere; exclude less"
    return fails(_KIND, Reason.UNSATISFIABLE, message)


def _summary(policy: Policy, routes: int, tenants: int) -> State:
    bound = f"{count(routes, 'route')} and {count(tenants, 'tenant')}"
    if policy.mode is Mode.AUDIT:
        return ready(f"it reports what it would refuse, and refuses nothing; {bound}", reason=Reason.AUDITING)
    return ready(f"it may bind {bound}")


def _lawful(policy: Policy, places: list[Place]) -> int:
    """At how many sites inference is allowed for some origin that the policy binds. Many are in one place."""
    bound = bound_origins(policy, places, Scope.INFERENCE)
    found = collections.Counter(places)
    return sum(sites for place, sites in found.items() if is_allowed(policy, place, bound, Scope.INFERENCE))


def _without_place(facts: Facts, routes: list[RouteKey]) -> Iterator[PolicyException]:
    """Routes that it binds and that are nowhere, since the law allows them at no site that would do."""
    for key in routes:
        short = facts.shortfalls.get(key)
        why = next((why for why, _ in short.why_not if why in _UNLAWFUL), None) if short is not None else None
        if short is not None and not short.sites and why is not None:
            sites = next(sites for each, sites in short.why_not if each is why)
            message = f"at {count(sites, 'site')} {WHY_NOT[why]}; add a site in a place that the policy allows"
            yield PolicyException(route=str(key), message=message)
