"""Who may call a route of a config, with whose data: a tenant or nobody known, some data classes, some origins.

A tenant whose header is trusted may add any data classes to a request. Of these only few matter: whatever the tables
let through with many classes added, they let through with at most two of them, one that brings on a declared policy
that refuses, and, where data that nothing binds is refused, one that brings on a compiled policy. Fewer classes bring
on no other policies of either kind. So none, each alone, and pairs are all that has to be looked at.
"""

import collections
import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from isochrone.verify import ground
from isochrone.verify.book import UNKNOWN, Book, Selected
from isochrone.verify.meaning import Subject
from isochrone_gateway.config import Config
from isochrone_gateway.config.routes import Route
from isochrone_gateway.config.site import UnboundTraffic
from isochrone_gateway.config.tenants import Tenant

NOBODY: Final = None
"""Who calls without a key."""


class Caller(NamedTuple):
    """Somebody's data on one route."""

    tenant: str | None
    added: frozenset[str]
    """Data classes from the request's header."""
    selected: Selected
    origins: tuple[tuple[str | None, int], ...]
    """One of each class that the data may come from, and for how many of its origins it stands."""

    @property
    def codes(self) -> int:
        """How many origins its data may have."""
        return sum(alike for _, alike in self.origins)

    def __str__(self) -> str:
        who = "a caller without a key" if self.tenant is None else f"tenant {self.tenant}"
        return f"{who} with data of {'+'.join(sorted(self.added))}" if self.added else who


class Callers:
    """The callers of all routes of configs that have tenants, law and routes in common."""

    def __init__(self, book: Book, config: Config) -> None:
        self._book = book
        self._tenants = config.tenants.tenants
        self._of_route: dict[str, tuple[Caller, ...]] = {}
        self._origins: dict[tuple[frozenset[str], bool, bool], tuple[tuple[str | None, int], ...]] = {}
        self._can_deny = config.site.unbound_traffic is UnboundTraffic.DENY or book.declared.unbound == "Deny"

    def of(self, route: Route) -> tuple[Caller, ...]:
        """All that may be, those without a key last."""
        if route.id not in self._of_route:
            # Of a route that nobody declared nothing can be proved; that it is there, is an error.
            is_known = route.id in self._book.declared.routes
            self._of_route[route.id] = tuple(self._made(route)) if is_known else ()
        return self._of_route[route.id]

    def _made(self, route: Route) -> Iterator[Caller]:
        for tenant in self._tenants:
            if tenant.routes is None or route.id in tenant.routes:
                origins = self._origins_of(tenant)
                for added in self._additions if tenant.data_class_header else (frozenset(),):
                    selected = self._selected(route, tenant, added)
                    yield Caller(tenant.id, added, selected, origins)
        none: frozenset[str] = frozenset()
        yield Caller(NOBODY, none, self._selected(route, None, none), ((UNKNOWN, 1),))

    def _selected(self, route: Route, tenant: Tenant | None, added: frozenset[str]) -> Selected:
        book, id_ = self._book, tenant.id if tenant else None
        classes = route.data_classes | (tenant.data_classes if tenant else frozenset()) | added
        compiled = tuple(
            number for number, each in enumerate(book.policies) if book.selects(each.binds, route.id, id_, classes)
        )
        subject = subject_of(book, route.id, id_, added)
        said = tuple(number for number, each in enumerate(book.declared.policies) if each.selects(subject))
        return Selected(compiled, said)

    @functools.cached_property
    def _additions(self) -> tuple[frozenset[str], ...]:
        """Of classes that the same policies name, one."""
        named: dict[str, set[tuple[str, int]]] = {}
        for number, compiled in enumerate(self._book.policies):
            for each in compiled.binds.data_classes or ():
                named.setdefault(each, set()).add(("compiled", number))
        for number, said in enumerate(self._book.declared.policies):
            for each in said.classes or ():
                named.setdefault(each, set()).add(("declared", number))
        alike: dict[frozenset[tuple[str, int]], str] = {}
        for each in sorted(named):
            alike.setdefault(frozenset(named[each]), each)
        singles = sorted(alike.values())
        pairs: Iterable[tuple[str, ...]] = itertools.combinations(singles, 2) if self._can_deny else ()
        return (frozenset(), *(frozenset({each}) for each in singles), *map(frozenset, pairs))

    def _origins_of(self, tenant: Tenant) -> tuple[tuple[str | None, int], ...]:
        """Each jurisdiction that a gateway may judge the tenant's data by: GeoIP and the header narrow to one."""
        key = (tenant.origins, tenant.or_elsewhere, tenant.origin_header)
        if key not in self._origins:
            codes: set[str | None] = {ground.canonical(each) or UNKNOWN for each in tenant.origins}
            if tenant.or_elsewhere or not codes:
                codes.add(UNKNOWN)
            if tenant.origin_header:
                codes |= inside(tenant.origins)
            self._origins[key] = self._told_apart(codes)
        return self._origins[key]

    def _told_apart(self, origins: Iterable[str | None]) -> tuple[tuple[str | None, int], ...]:
        """One of each class, the first by code, an unknown one last."""
        first: dict[str | None, str | None] = {}
        alike: collections.Counter[str | None] = collections.Counter()
        for each in sorted(origins, key=lambda each: (each is None, each or "")):
            alike[first.setdefault(self._book.class_of[each], each)] += 1
        return tuple(alike.items())


def subject_of(book: Book, route: str, tenant: str | None, added: frozenset[str]) -> Subject:
    """The same as it is declared. Who isn't declared is reported elsewhere; its labels are nobody's."""
    said = book.declared
    labelled, owner = said.routes[route], said.tenants.get(tenant) if tenant else None
    classes = labelled.classes | (owner.classes if owner else frozenset()) | added
    return Subject(labelled.who, owner.who if owner else None, classes)


@functools.lru_cache(maxsize=1024)
def inside(origins: frozenset[str]) -> frozenset[str]:
    """Every code that a header may choose: all of it lies within these."""
    area = ground.union(origins, {})
    return frozenset(code for code in ground.known() if ground.covers(area, code))
