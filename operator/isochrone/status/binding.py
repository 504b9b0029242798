"""Whom each policy may bind: routes and tenants that it selects, and whose data may come from where it binds.

Routes that look alike to the law are asked about once, and so are tenants.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from isochrone import law
from isochrone.api import InferenceTenant, ModelRoute
from isochrone.law import Policy, Scope
from isochrone.law.rights import Labels, asking, callable_by
from isochrone.model import RouteKey
from isochrone.model.declared import key_of

R = TypeVar("R", ModelRoute, InferenceTenant)
Named = tuple[str, ...]
"""Policies."""


class Bindings:
    """Policies, and the routes and tenants that they may bind."""

    def __init__(
        self,
        policies: Iterable[Policy],
        routes: Mapping[RouteKey, ModelRoute],
        tenants: Mapping[RouteKey, InferenceTenant],
        namespaces: Labels,
    ) -> None:
        self._policies, self._namespaces = tuple(policies), namespaces
        self._classes = frozenset(each for policy in self._policies for each in policy.data_classes or ())
        self._binding: dict[tuple[int, int], Named] = {}
        self.routes: dict[str, set[RouteKey]] = {policy.name: set() for policy in self._policies}
        self.tenants: dict[str, set[RouteKey]] = {policy.name: set() for policy in self._policies}
        self._routes, self._tenants = _Looks(_look_of_route), _Looks(_look_of_tenant)
        for key, route in routes.items():
            for name in self._of(route, None):
                self.routes[name].add(key)
        for key, tenant in tenants.items():
            for of in callable_by(tenant, routes, namespaces):
                for name in self._of(routes[of], tenant):
                    self.routes[name].add(of)
                    self.tenants[name].add(key)

    def of_tenant(self, tenant: RouteKey) -> int:
        """How many policies may bind a tenant."""
        return sum(tenant in bound for bound in self.tenants.values())

    def _of(self, route: ModelRoute, tenant: InferenceTenant | None) -> Named:
        key = (self._routes.number(route), self._tenants.number(tenant) if tenant is not None else -1)
        if key not in self._binding:
            self._binding[key] = self._asked(route, tenant)
        return self._binding[key]

    def _asked(self, route: ModelRoute, tenant: InferenceTenant | None) -> Named:
        """Without a tenant: whoever has no key. A tenant that may add classes by a header may have them all."""
        adds = tenant is not None and tenant.spec.data_class_header == "Trust"
        subject = asking(route, tenant, self._namespaces, added=self._classes if adds else ())
        origins = law.origins_of(tenant.spec.origins)[0].each if tenant is not None and tenant.spec.origins else None
        return tuple(
            policy.name
            for policy in self._policies
            if policy.selects(subject) and (origins is None or any(_binds(policy, each) for each in origins))
        )


class _Looks(Generic[R]):
    """Numbers for what the law sees of objects."""

    def __init__(self, look: Callable[[R], object]) -> None:
        self._look: Callable[[R], object] = look
        self._seen: dict[object, int] = {}
        self._numbers: dict[int, int] = {}

    def number(self, resource: R) -> int:
        found = self._numbers.get(id(resource))
        if found is None:
            found = self._numbers[id(resource)] = self._seen.setdefault(self._look(resource), len(self._seen))
        return found


def _binds(policy: Policy, origin: str | None) -> bool:
    """Whether it has a say about data from there; to refuse what is unknown is one too."""
    return policy.binds_origin(Scope.INFERENCE, origin) is not False


def _look_of_route(route: ModelRoute) -> object:
    return (_labels(route), key_of(route).namespace, frozenset(route.spec.data_classes or ()))


def _look_of_tenant(tenant: InferenceTenant) -> object:
    spec = tenant.spec
    classes, origins = frozenset(spec.data_classes or ()), frozenset(spec.origins or ())
    return (_labels(tenant), key_of(tenant).namespace, classes, origins, spec.data_class_header)


def _labels(resource: ModelRoute | InferenceTenant) -> frozenset[tuple[str, str]]:
    return frozenset(resource.metadata.labels.items())
