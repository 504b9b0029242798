"""Tenants: who may call what, found by the hash of a key."""

from collections.abc import Iterable, Mapping

from isochrone import law
from isochrone.api import InferenceTenant, ModelRoute
from isochrone.api.inference_tenant import Limits
from isochrone.law.rights import Labels, callable_by
from isochrone.model import RouteKey
from isochrone.model.amounts import instant
from isochrone.model.declared import by_age, key_of
from isochrone_gateway.config.rates import Rates
from isochrone_gateway.config.tenants import Budget, BudgetAction, BudgetWindow, Key, Tenant, Tenants


def tenants_of(tenants: Iterable[InferenceTenant], routes: Mapping[RouteKey, ModelRoute], known: Labels) -> Tenants:
    """All tenants. A key that two of them claim is the older one's: whoever copies a hash gains nothing."""
    keys: dict[str, Key] = {}
    oldest_first = by_age(tenants)
    for tenant in oldest_first:
        for key in tenant.spec.keys:
            expires = None if key.expires is None else instant(key.expires)
            keys.setdefault(key.sha256, Key(tenant=str(key_of(tenant)), name=key.name, expires=expires))
    return Tenants(keys=keys, tenants=tuple(_tenant(each, routes, known) for each in oldest_first))


def rates_of(limits: Limits | None) -> Rates:
    if limits is None:
        return Rates()
    return Rates(
        requests_per_minute=limits.requests_per_minute,
        tokens_per_minute=limits.tokens_per_minute,
        concurrent_requests=limits.concurrent_requests,
    )


def _tenant(tenant: InferenceTenant, routes: Mapping[RouteKey, ModelRoute], known: Labels) -> Tenant:
    spec = tenant.spec
    origin = law.origins_of(spec.origins)[0] if spec.origins else None
    return Tenant(
        id=str(key_of(tenant)),
        routes=frozenset(map(str, callable_by(tenant, routes, known))),
        origins=origin.codes if origin else frozenset(),
        or_elsewhere=origin is not None and origin.or_elsewhere,
        origin_header=spec.origin_header == "Trust",
        data_classes=frozenset(spec.data_classes or ()),
        data_class_header=spec.data_class_header == "Trust",
        limits=rates_of(spec.limits),
        budgets=tuple(
            Budget(amount=each.amount, window=BudgetWindow(each.window), action=BudgetAction(each.action))
            for each in spec.budgets or ()
        ),
        explain=spec.explain_header == "Allow",
        suspended=spec.state == "Suspended",
    )
