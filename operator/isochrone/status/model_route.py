"""ModelRoute: whether its name is its own, its references lead somewhere, and its engines are placed and ready.

Counts only, and the first sites where something is wrong: a network may have hundreds of sites.
"""

from typing import Final

from isochrone.api import ModelRoute
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.model_route import Counts, ModelRouteStatus, RouteException
from isochrone.model import RouteKey, Shortfall, WhyNot
from isochrone.model.declared import key_of, model_name, serves
from isochrone.model.words import WHY_NOT, count, listed
from isochrone.status.backends import resolved
from isochrone.status.engines import Engines, engines_of
from isochrone.status.facts import Facts
from isochrone.status.said import State, clipped, conditions, fails, holds, leaving, ready, waits
from isochrone.status.words import PLACING, WAY_OUT

MOST_EXCEPTIONS: Final = 16
_SHOWN: Final = 3


def status(facts: Facts, route: ModelRoute) -> ModelRouteStatus:
    key, is_leaving = key_of(route), route.metadata.deletion_timestamp is not None
    engines = engines_of(facts, route)
    states = [] if is_leaving else _states(facts, route, engines)
    has_engines = serves(route) or bool(engines.sites)
    return ModelRouteStatus(
        observed_generation=route.metadata.generation,
        conditions=conditions(route, states, _leaving(facts, key) if is_leaving else _summary(states), now=facts.now),
        model_name=model_name(route),
        url=_url(facts, key),
        sites=Counts(desired=engines.sites, ready=engines.ready_sites) if has_engines else None,
        replicas=Counts(desired=engines.replicas, ready=engines.ready) if has_engines else None,
        serving=f"{engines.ready}/{engines.replicas} at {count(engines.sites, 'site')}" if has_engines else None,
        exceptions=[
            RouteException(edge_node=each.site, reason=each.reason.value, message=clipped(each.message))
            for each in engines.troubles[:MOST_EXCEPTIONS]
        ]
        or None,
    )


def _states(facts: Facts, route: ModelRoute, engines: Engines) -> list[State]:
    references = resolved(facts, route)
    states = [_accepted(facts, route), references]
    if serves(route):
        return [*states, _placed(facts, key_of(route), engines), _serving(engines)]
    return [*states, _answered(facts, key_of(route), references)]


def _accepted(facts: Facts, route: ModelRoute) -> State:
    key, kind = key_of(route), ConditionType.ACCEPTED
    for name in (model_name(route), *(route.spec.aliases or ())):
        owner = facts.owners.get(name, key)
        if owner != key:
            message = f"ModelRoute {owner}, which is older, has the name {name}; take another one, or remove it there"
            return fails(kind, Reason.NAME_TAKEN, message)
    return holds(kind, Reason.ACCEPTED, f"it answers to {listed(facts.names.get(key, ()))}")


def _placed(facts: Facts, key: RouteKey, engines: Engines) -> State:
    kind, short = ConditionType.PLACED, facts.shortfalls.get(key)
    if short is not None:
        return _short(key, short)
    if not engines.sites:
        return waits(kind, "no site is chosen for it yet")
    return holds(kind, Reason.PLACED, f"{count(engines.replicas, 'replica')} at {count(engines.sites, 'site')}")


def _short(key: RouteKey, short: Shortfall) -> State:
    """What is missing, why at most sites, and what to do about that."""
    telling = [pair for pair in short.why_not if pair[0] is not WhyNot.NOT_NEEDED]
    whys = ", ".join(f"at {count(sites, 'site')} {WHY_NOT[why]}" for why, sites in telling[:_SHOWN])
    if telling:
        reason = PLACING[telling[0][0]]
    elif short.why_not:
        reason, whys = PLACING[WhyNot.NOT_NEEDED], "no other site would bring more callers near enough"
    else:
        reason, whys = Reason.NO_CAPACITY, f"there is no {'other ' if short.sites else ''}site"
    wanted = f"{short.sites} of {count(short.wanted_sites, 'site')}"
    replicas = f"{short.replicas} of {count(short.wanted_replicas, 'replica')}"
    message = f"{wanted}, {replicas}: {whys}; {WAY_OUT[reason]} (isochrone explain {key} tells of each site)"
    return fails(ConditionType.PLACED, reason, message)


def _serving(engines: Engines) -> State:
    kind = ConditionType.SERVING
    ready_ = f"{engines.ready} of {count(engines.replicas, 'replica')} ready"
    failing = [each for each in engines.troubles if each.reason is Reason.FAILING]
    if failing:
        where = listed((each.site for each in failing), most=_SHOWN)
        return fails(kind, Reason.FAILING, f"{ready_}; at {where} they don't become ready: see their logs and events")
    if not engines.sites:
        return waits(kind, "nothing of it runs, since it is not placed")
    if engines.ready < engines.replicas:
        return waits(kind, f"{ready_}, at {engines.ready_sites} of {count(engines.sites, 'site')}")
    return holds(kind, Reason.SERVING, f"{ready_}, at {count(engines.sites, 'site')}")


def _answered(facts: Facts, key: RouteKey, references: State) -> State:
    """A route without engines of its own serves by others."""
    kind = ConditionType.SERVING
    if not facts.running_sites:
        return waits(kind, "no EdgeNode is there whose gateway could answer")
    if facts.is_answered(key) is False:
        if references.status == "False":
            return fails(kind, references.reason, f"nobody answers: {references.message}")
        message = (
            "nobody may answer, whoever asks; add an endpoint or a site where the law allows it,"
            f" or bind it by another policy (isochrone explain {key} tells of each)"
        )
        return fails(kind, Reason.NO_LAWFUL_PLACE, message)
    return holds(kind, Reason.SERVING, "providers or other routes answer")


def _summary(states: list[State]) -> State:
    told = next((each.message for each in states if each.type is ConditionType.SERVING), "it is as declared")
    return ready(told)


def _leaving(facts: Facts, key: RouteKey) -> State:
    found = facts.running_of.get(key, ())
    if not found:
        return leaving("none of its engines runs any more")
    replicas = sum(each.replicas for each in found)
    return leaving(f"{count(replicas, 'replica')} at {count(len({each.site for each in found}), 'site')} still to end")


def _url(facts: Facts, key: RouteKey) -> str | None:
    """The Service of its name, which leads to the gateway of the cluster's own site."""
    if not facts.names.get(key) or not facts.running_sites:
        return None
    has_tls = all(facts.edges[name].spec.gateway.tls is not None for name in facts.running_sites)
    return f"{'https' if has_tls else 'http'}://{key.name}.{key.namespace}.svc/v1"
