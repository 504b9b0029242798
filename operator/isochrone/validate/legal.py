"""Questions to the law about a whole set of manifests: who asks, where the data comes from, where it could go."""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence

from isochrone import law
from isochrone.api import DataResidencyPolicy, EdgeNode, InferenceTenant, ModelProvider, ModelRoute
from isochrone.api.model_provider import Endpoint
from isochrone.law import Mode, Origin, Place, Policy, Question, Scope, Subject, Verdict, atlas
from isochrone.law.rights import asking
from isochrone.law.satisfiable import some_origins
from isochrone.model.declared import serves
from isochrone.validate import backends
from isochrone.validate.finding import Key
from isochrone.validate.holding import holding
from isochrone.validate.item import Item
from isochrone.validate.world import World, once


@dataclasses.dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could answer, and where it is."""

    name: str
    place: Place


@dataclasses.dataclass(frozen=True, slots=True)
class Enforced:
    """An Enforce policy whose names are all known, with the object that declares it."""

    item: Item[DataResidencyPolicy]
    policy: Policy


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """On whose behalf a route is asked, and each origin that the data may have."""

    tenant: Item[InferenceTenant] | None
    subject: Subject
    origins: tuple[Origin, ...]


@once
def enforced(world: World) -> tuple[Enforced, ...]:
    """The policies that decide. Those with unknown names are reported elsewhere, and would only echo here."""
    read = ((item, *law.read(item.resource)) for item in world.policies)
    return tuple(
        Enforced(item, policy) for item, policy, problems in read if not problems and policy.mode is Mode.ENFORCE
    )


@once
def candidates(world: World, route: Item[ModelRoute]) -> tuple[Candidate, ...] | None:
    """All that could answer for a route; None where something about it is not known."""
    found: dict[str, Candidate] = {}
    waiting, seen = [route], {route.key}
    while waiting:
        current = waiting.pop()
        own = _own(world, current)
        if own is None:
            return None
        found |= own
        for backend in backends.of(current):
            further = _further(world, backend)
            if isinstance(further, Item) and further.key not in seen:
                seen.add(further.key)
                waiting.append(further)
            elif isinstance(further, dict):
                found |= further
            elif further is None:
                return None
    return tuple(found.values())


@once
def callers(world: World, route: Item[ModelRoute]) -> tuple[Caller, ...]:
    """The tenants that may call a route."""
    return tuple(
        Caller(tenant=tenant, subject=subject(world, route, tenant), origins=_origins(tenant))
        for tenant in world.tenants
        if _may_call(world, tenant, route)
    )


def anybody(world: World, route: Item[ModelRoute], policies: Iterable[Policy], at: Iterable[Candidate]) -> Caller:
    """Somebody without labels, with data of any origin that could make a difference."""
    return Caller(
        tenant=None, subject=subject(world, route, None), origins=some_origins(policies, [each.place for each in at])
    )


def subject(world: World, route: Item[ModelRoute], tenant: Item[InferenceTenant] | None) -> Subject:
    """What policies select by."""
    return asking(route.in_its_namespace, tenant.in_its_namespace if tenant else None, world.namespaces)


def answer(
    policies: Sequence[Policy], caller: Caller, at: Iterable[Candidate]
) -> tuple[bool, list[tuple[str, Verdict]]]:
    """Whether any candidate is lawful for any of the origins; if none is, why not, for the first origin."""
    first: dict[str, Verdict] = {}
    for origin, candidate in itertools.product(caller.origins, at):
        question = Question(subject=caller.subject, origin=origin, scope=Scope.INFERENCE, place=candidate.place)
        verdict = law.evaluate(policies, question)
        if verdict.allowed:
            return True, []
        first.setdefault(candidate.name, verdict)
    return False, list(first.items())


@once
def every_place(world: World, scope: Scope) -> tuple[Candidate, ...] | None:
    """All sites, and for Inference all provider endpoints; None where one is not known, or where it is."""
    sites = _sites(world)
    if not world.is_whole(EdgeNode) or len(sites) < len(world.edge_nodes):
        return None
    if scope is not Scope.INFERENCE:
        return tuple(sites.values())
    outside = [_endpoints(provider) for provider in world.providers]
    if not world.is_whole(ModelProvider) or None in outside:
        return None
    return (*sites.values(), *(each for found in outside for each in (found or {}).values()))


@once
def _sites(world: World) -> dict[str, Candidate]:
    """The sites by name, without those of which it is not known where they are."""
    return {edge.name: candidate for edge in world.edge_nodes if (candidate := _site(edge))}


def _site(edge: Item[EdgeNode]) -> Candidate | None:
    place = atlas.of_site(edge.resource).place
    return Candidate(str(edge.key), place) if place.is_known else None


def endpoint(provider: Item[ModelProvider], declared: Endpoint) -> Candidate | None:
    """An endpoint as a candidate; None where a name in its places is not known."""
    place = atlas.processing(declared)
    return Candidate(f"{provider.key} endpoint {declared.name}", place) if place.codes else None


def _own(world: World, route: Item[ModelRoute]) -> dict[str, Candidate] | None:
    """The sites where a route's own engines could run."""
    if not serves(route.resource):
        return {}
    held = holding(world, route)
    located = _sites(world)
    found = {located[name].name: located[name] for name in held.sites if name in located}
    return found if held.is_certain and held.sites and len(found) == len(held.sites) else None


def _further(
    world: World, backend: backends.ToProvider | backends.ToRoute
) -> dict[str, Candidate] | Item[ModelRoute] | None:
    match backend:
        case backends.ToProvider():
            provider = world.provider(backend.ref.name)
            return _endpoints(provider) if provider else None
        case backends.ToRoute():
            return world.route(backend.key.namespace, backend.key.name)


def _endpoints(provider: Item[ModelProvider]) -> dict[str, Candidate] | None:
    found = [endpoint(provider, declared) for declared in provider.resource.spec.endpoints]
    known = {candidate.name: candidate for candidate in found if candidate is not None}
    return known if len(known) == len(found) else None


def _may_call(world: World, tenant: Item[InferenceTenant], route: Item[ModelRoute]) -> bool:
    allowed = tenant.resource.spec.allowed_routes
    if allowed is None:
        return tenant.namespace == route.namespace
    named = any(Key("ModelRoute", ref.namespace or tenant.namespace, ref.name) == route.key for ref in allowed)
    admitted = tenant.namespace == route.namespace or world.may_use(
        route.resource.spec.allowed_namespaces, tenant.namespace
    )
    return named and admitted is not False


def _origins(tenant: Item[InferenceTenant]) -> tuple[Origin, ...]:
    """All of its origins at once, as without a header; each alone, where the header may choose."""
    spec = tenant.resource.spec
    if not spec.origins:
        return (law.UNKNOWN,)
    origin, _ = law.origins_of(spec.origins)
    if spec.origin_header == "Trust":
        return (origin, *(Origin.of(code) for code in sorted(origin.codes)))
    return (origin,)
