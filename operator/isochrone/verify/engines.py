"""Engines where nobody's data may be handled, or where their weights may not be.

Weights have no request that they belong to. They may be where they are lawful together with the data of somebody who
may call the route, as Inference and Ingress are: else the engines stand there for nothing, or against the law.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from isochrone.verify import ground, workloads
from isochrone.verify.callers import inside
from isochrone.verify.declared import Declared, Route, Site, callers
from isochrone.verify.finding import Finding, Rule
from isochrone.verify.gathered import Found
from isochrone.verify.meaning import UNBOUND, UNKNOWN, Places, Subject

COMPONENT: Final = "app.kubernetes.io/component"
ENGINE: Final = "engine"
GATEWAY: Final = "gateway"
_ROUTE: Final = "isochrone.dev/model-route"
_NAMESPACE: Final = "isochrone.dev/route-namespace"
_SCOPES: Final = ("Weights", "Inference", "Ingress")


def is_engine(found: Found) -> bool:
    """Whether an object runs engines."""
    return found.item["kind"] in workloads.KINDS and ENGINE in workloads.said(found.item, COMPONENT)


def route_of(found: Found) -> str:
    """The route whose engines they are."""
    labels = workloads.labels(found.item)
    return f"{labels.get(_NAMESPACE, '')}/{labels.get(_ROUTE, '')}"


class Standing:
    """Which routes' engines may stand where; asked once for each route and place."""

    def __init__(self, declared: Declared) -> None:
        self._declared = declared
        self._is_open = any(each.is_open for each in declared.sites.values())
        self._lawful: dict[tuple[str, object], bool] = {}

    def findings(
        self, site: Site, objects: Iterable[Found], *, leading: Mapping[str, frozenset[str]]
    ) -> Iterator[Finding]:
        """`leading`: engines -> the routes that they answer for, beside their own."""
        for found in objects:
            if is_engine(found):
                id_ = route_of(found)
                route = self._declared.routes.get(id_)
                if route is None or not route.is_served:
                    text = f"engines of {id_} run here, which is no route with engines that is declared"
                    yield Finding(rule=Rule.UNLAWFUL_ENGINES, site=site.name, where=found.where, message=text)
                elif not any(self.may_stand(each, site) for each in (id_, *leading.get(id_, ()))):
                    text = (
                        f"engines of {id_} stand in {site.place}, where no caller's data of any origin may be handled"
                        " together with their weights"
                    )
                    path = (f"site {site.name}", f"route {id_}", "weights", f"place {site.place}")
                    yield Finding(
                        rule=Rule.UNLAWFUL_ENGINES, site=site.name, where=found.where, message=text, path=path
                    )

    def may_stand(self, route: str, site: Site) -> bool:
        key = (route, site.place)
        if key not in self._lawful:
            places, known = Places([site.place]), self._declared.routes.get(route)
            asking = self._asking(known) if known else iter(())
            self._lawful[key] = any(self._is_lawful(subject, origins, places) for subject, origins in asking)
        return self._lawful[key]

    def _asking(self, route: Route) -> Iterator[tuple[Subject, tuple[str | None, ...]]]:
        """Whose data, and the origins that must all be lawful together."""
        is_called = False
        for tenant in callers(self._declared, route):
            is_called = True
            subject = Subject(route.who, tenant.who, route.classes | tenant.classes)
            added = (subject, *self._with_classes(subject)) if tenant.trusts_classes else (subject,)
            for each in added:
                yield each, tenant.origins.each
                if tenant.trusts_origin:
                    yield from ((each, (code,)) for code in inside(tenant.origins.codes))
        nobody = Subject(route.who, None, route.classes)
        if self._is_open or not is_called:
            yield nobody, (UNKNOWN,)
        if not is_called:
            yield from ((nobody, (code,)) for code in ground.known())

    def _with_classes(self, subject: Subject) -> Iterator[Subject]:
        """Where data that nothing binds is refused, a class may be what allows."""
        if self._declared.unbound == "Deny":
            named = {name for policy in self._declared.policies for name in policy.classes or ()}
            yield from (subject._replace(classes=subject.classes | {name}) for name in named)

    def _is_lawful(self, subject: Subject, origins: tuple[str | None, ...], places: Places) -> bool:
        return all(self._allows(subject, scope, origin, places) for scope in _SCOPES for origin in origins)

    def _allows(self, subject: Subject, scope: str, origin: str | None, places: Places) -> bool:
        selected = [each for each in self._declared.policies if each.enforces and each.selects(subject)]
        rows = [row for each in selected if (row := each.row(scope, origin, places)) != UNBOUND]
        return bool(functools.reduce(int.__and__, rows)) if rows else self._declared.unbound == "Allow"
