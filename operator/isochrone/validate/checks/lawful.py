"""Routes, endpoints and tenants for which the law leaves no place."""

from collections.abc import Iterator

from isochrone.api import InferenceTenant, ModelRoute
from isochrone.law import Policy, Scope, Verdict
from isochrone.law.satisfiable import is_nowhere, is_satisfied
from isochrone.model.words import listed
from isochrone.validate import backends, legal
from isochrone.validate.checks.policies import contradicting
from isochrone.validate.finding import Finding, Rule
from isochrone.validate.item import Item
from isochrone.validate.world import World, once

_SHOWN = 3


def routes(world: World) -> Iterator[Finding]:
    """A route none of whose candidates is lawful, whoever calls and wherever the data comes from."""
    policies = _keepable(world)
    for route in world.routes:
        at = legal.candidates(world, route)
        if not at or not policies:
            continue
        lawful, why = legal.answer(policies, legal.anybody(world, route, policies, at), at)
        if not lawful and not any(legal.answer(policies, caller, at)[0] for caller in legal.callers(world, route)):
            yield route.error(
                Rule.NO_LAWFUL_PLACE,
                "spec",
                f"no place where it could be answered is lawful for any origin: {_reasons(why)}",
                way_out="add a lawful site, pool or provider for it, or bind the route by another policy",
            )


def endpoints(world: World) -> Iterator[Finding]:
    """An endpoint that is lawful for no origin on any of the routes that use it."""
    policies = _keepable(world)
    for provider in world.providers if policies else ():
        using = [route for route in world.routes if _uses(route, provider.name)]
        for i, declared in enumerate(provider.resource.spec.endpoints if using else ()):
            candidate = legal.endpoint(provider, declared)
            if candidate is None or any(_is_lawful(world, policies, route, candidate) for route in using):
                continue
            _, why = legal.answer(policies, legal.anybody(world, using[0], policies, [candidate]), [candidate])
            yield provider.warning(
                Rule.NO_LAWFUL_PLACE,
                f"spec.endpoints[{i}].processesIn",
                f"on no route that uses it is it lawful for any origin: {_reasons(why)}",
                way_out="declare the places more exactly (all of them must be lawful), or remove the endpoint",
            )


def callers(world: World) -> Iterator[Finding]:
    """Tenants whose data may go nowhere, on all of their routes or on some."""
    policies = _keepable(world)
    refused: dict[Item[InferenceTenant], list[tuple[str, str]]] = {}
    answered: set[Item[InferenceTenant]] = set()
    for route in world.routes if policies else ():
        at = legal.candidates(world, route)
        for caller in legal.callers(world, route) if at else ():
            if caller.tenant is None or at is None:
                continue
            lawful, why = legal.answer(policies, caller, at)
            if lawful:
                answered.add(caller.tenant)
            elif legal.answer(policies, legal.anybody(world, route, policies, at), at)[0]:
                refused.setdefault(caller.tenant, []).append((route.resource.key, _reasons(why)))
    for tenant, routes_ in refused.items():
        report = tenant.warning if tenant in answered else tenant.error
        yield report(
            Rule.NO_LAWFUL_PLACE,
            "spec.origins",
            f"its data may go nowhere on {listed(name for name, _ in routes_)}: {routes_[0][1]}",
            way_out="declare its origins (all of them must be allowed), or let it call other routes"
            if not tenant.resource.spec.origins
            else "add lawful places for these origins, or let it call other routes",
        )


@once
def _keepable(world: World) -> list[Policy]:
    """The policies that can be kept; the others are reported themselves, and would only echo here."""
    places = legal.every_place(world, Scope.INFERENCE)
    at_odds = {
        each.item for pair in contradicting(world, Scope.INFERENCE) if pair.is_total for each in (pair.one, pair.other)
    }
    return [
        each.policy
        for each in legal.enforced(world)
        if each.item not in at_odds
        and not is_nowhere(each.policy, Scope.INFERENCE)
        and (places is None or is_satisfied(each.policy, [place.place for place in places], Scope.INFERENCE))
    ]


def _uses(route: Item[ModelRoute], provider: str) -> bool:
    return any(isinstance(each, backends.ToProvider) and each.ref.name == provider for each in backends.of(route))


def _is_lawful(world: World, policies: list[Policy], route: Item[ModelRoute], candidate: legal.Candidate) -> bool:
    asking = (legal.anybody(world, route, policies, [candidate]), *legal.callers(world, route))
    return any(legal.answer(policies, caller, [candidate])[0] for caller in asking)


def _reasons(why: list[tuple[str, Verdict]]) -> str:
    shown = "; ".join(f"{name}: {_reason(verdict)}" for name, verdict in why[:_SHOWN])
    return shown + (f"; and {len(why) - _SHOWN} more" if len(why) > _SHOWN else "")


def _reason(verdict: Verdict) -> str:
    return f"{verdict.reason.value} ({verdict.policy})" if verdict.policy else verdict.reason.value
