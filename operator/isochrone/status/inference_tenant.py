"""InferenceTenant: whether its keys work, and its references lead somewhere."""

import datetime as dt

from isochrone.api import InferenceTenant
from isochrone.api.conditions import ConditionType, Reason
from isochrone.api.inference_tenant import InferenceTenantStatus
from isochrone.law import references
from isochrone.law.rights import callable_by
from isochrone.model.amounts import instant
from isochrone.model.declared import key_of
from isochrone.model.words import count
from isochrone.status.areas import unknown
from isochrone.status.facts import Facts
from isochrone.status.said import State, conditions, fails, holds, leaving, ready
from isochrone.status.words import LACKS


def status(facts: Facts, tenant: InferenceTenant) -> InferenceTenantStatus:
    is_leaving = tenant.metadata.deletion_timestamp is not None
    active = 0 if is_leaving else _active(facts, tenant)
    return InferenceTenantStatus(
        observed_generation=tenant.metadata.generation,
        conditions=conditions(
            tenant,
            [] if is_leaving else [_accepted(facts, tenant, active), _resolved(facts, tenant)],
            leaving("its keys are refused") if is_leaving else _summary(facts, tenant),
            now=facts.now,
        ),
        active_keys=active,
        policies=facts.bindings.of_tenant(key_of(tenant)),
    )


def _active(facts: Facts, tenant: InferenceTenant) -> int:
    """Keys that are not expired, and that no older tenant has."""
    now, own = dt.datetime.fromtimestamp(facts.now, dt.UTC), key_of(tenant)
    ends = ((key, None if key.expires is None else instant(key.expires)) for key in tenant.spec.keys)
    return sum((end is None or end > now) and facts.key_owners.get(key.sha256) == own for key, end in ends)


def _accepted(facts: Facts, tenant: InferenceTenant, active: int) -> State:
    kind, own = ConditionType.ACCEPTED, key_of(tenant)
    problem = unknown(tenant.spec.origins or ())
    if problem is not None:
        reason, message = problem
        return fails(kind, reason, f"spec.origins: {message}; until then its data may come from anywhere")
    for index, key in enumerate(tenant.spec.keys):
        owner = facts.key_owners.get(key.sha256, own)
        if owner != own:
            message = f"spec.keys[{index}]: InferenceTenant {owner}, which is older, has this key; make another"
            return fails(kind, Reason.CONFLICT, message)
    if not active:
        return fails(kind, Reason.INVALID, "spec.keys: all of them have expired; add a new one")
    return holds(kind, Reason.ACCEPTED, f"{active} of {count(len(tenant.spec.keys), 'key')} in force")


def _resolved(facts: Facts, tenant: InferenceTenant) -> State:
    kind = ConditionType.RESOLVED_REFS
    lacking = references.of_tenant(tenant, routes=facts.routes, namespaces=facts.snapshot.namespaces)
    first = next(lacking, None)
    if first is None:
        return holds(kind, Reason.RESOLVED, "every route that it names is there, and lets it in")
    index, key, lack = first
    reason, text = LACKS[lack]
    target, own = f"ModelRoute {key}", key_of(tenant).namespace
    return fails(kind, reason, f"spec.allowedRoutes[{index}]: {text.format(target=target, namespace=own)}")


def _summary(facts: Facts, tenant: InferenceTenant) -> State:
    if tenant.spec.state == "Suspended":
        return ready("its keys are refused, as spec.state says", reason=Reason.SUSPENDED)
    routes = sum(1 for _ in callable_by(tenant, facts.routes, facts.snapshot.namespaces))
    return ready(f"it may call {count(routes, 'route')}")
