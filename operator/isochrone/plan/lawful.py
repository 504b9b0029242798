"""Who may call a route, and where the law lets them be answered.

Callers that the law can't tell apart are one `Asking`: the policies that select them, and the origin of their data. A
route has few of them, however many tenants it has. Places are bits of an integer, as in `law.masks`.

A site is lawful for a route's engines if one and the same asking is lawful there in three scopes: Ingress, since only
the site's own gateway reaches them, Inference, and Weights. Where nobody may call yet, it is placed for whoever comes.
"""

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Sequence

from isochrone import law
from isochrone.api import DataResidencyPolicy, InferenceTenant
from isochrone.geo import codes
from isochrone.geo.areas import Area
from isochrone.law import Labelled, Mode, Origin, Place, Policy, Scope, Subject, masks, rights
from isochrone.model import RouteKey
from isochrone.model.declared import key_of, present
from isochrone.plan.world import Route, World

Face = tuple[tuple[tuple[str, str], ...], str, frozenset[str]]
"""What the law sees of a route: its labels, its namespace, the classes of its data."""


@dataclasses.dataclass(frozen=True, slots=True)
class Asking:
    """Requests that the law takes for alike. Data of unknown origin may come from everywhere."""

    selecting: tuple[int, ...]
    """Indexes of the policies that select them by all but origin."""
    origin: Origin


@dataclasses.dataclass(frozen=True, slots=True)
class Profile:
    """What the law sees of a tenant; tenants that look alike are one profile. None of it: without a key."""

    namespace: str
    labels: tuple[tuple[str, str], ...]
    data_classes: tuple[str, ...]
    origins: tuple[str, ...] | None
    chooses: bool
    """Whether a header may choose one origin."""
    adds: bool
    """Whether a header may add classes."""
    has_key: bool = True


NO_KEY = Profile("", (), (), None, chooses=False, adds=False, has_key=False)


class Lawbook:
    """The policies that decide, and their tables over an installation's places."""

    def __init__(self, policies: Iterable[Policy], places: Sequence[Place], *, unbound: str) -> None:
        self.policies = tuple(policy for policy in policies if policy.mode is Mode.ENFORCE)
        self.places = tuple(places)
        self.unbound = unbound
        self._everywhere = (1 << len(self.places)) - 1
        self._tables: dict[tuple[int, Scope], masks.Table] = {}
        self._answers: dict[tuple[Asking, Scope], int] = {}
        self._origins: dict[tuple[tuple[str, ...], bool, tuple[int, ...]], tuple[Origin, ...]] = {}

    def lawful(self, asking: Asking, scope: Scope) -> int:
        """The places where this is lawful, by the rules of `law.evaluate`."""
        found = self._answers.get((asking, scope))
        if found is None:
            found = self._answers[asking, scope] = self._lawful(asking, scope)
        return found

    def hop(self, asking: Asking) -> int:
        """Where engines or a peer's gateway may answer."""
        return self.lawful(asking, Scope.INFERENCE) & self.lawful(asking, Scope.INGRESS)

    def table(self, policy: int, scope: Scope) -> masks.Table:
        """One policy's table. A scope that it doesn't name has Inference's."""
        scope = scope if scope in self.policies[policy].allowances else Scope.INFERENCE
        found = self._tables.get((policy, scope))
        if found is None:
            found = self._tables[policy, scope] = masks.table(self.policies[policy], scope, self.places)
        return found

    def selecting(self, subject: Subject) -> tuple[int, ...]:
        """The policies that select a subject."""
        return tuple(index for index, policy in enumerate(self.policies) if policy.selects(subject))

    def rows(self, selecting: Iterable[int]) -> frozenset[str]:
        """The codes that a table lists for one of these policies."""
        scopes = (Scope.INFERENCE, Scope.INGRESS, Scope.WEIGHTS)
        return frozenset(code for policy in selecting for scope in scopes for code in self.table(policy, scope).rows)

    def origins(self, profile: Profile, selecting: tuple[int, ...]) -> tuple[Origin, ...]:
        """The origins that a caller's data may have, as far as it makes a difference."""
        if profile.origins is None:
            return (law.UNKNOWN,)
        key = (profile.origins, profile.chooses, selecting)
        if key not in self._origins:
            self._origins[key] = tuple(_origins(profile.origins, profile.chooses, self.rows(selecting)))
        return self._origins[key]

    def _lawful(self, asking: Asking, scope: Scope) -> int:
        lawful = self._everywhere
        for code in asking.origin.each:
            is_bound = False
            for policy in asking.selecting:
                mask = self.table(policy, scope).mask(code)
                if mask == masks.REFUSED:
                    return 0
                if mask != masks.NOT_BOUND:
                    is_bound, lawful = True, lawful & mask
            if not is_bound and self.unbound == "Deny":
                return 0
        return lawful


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RouteLaw:
    """Who asks a route, and where its engines may be."""

    askings: tuple[Asking, ...]
    """Those with a key, or whoever may come."""
    without_key: tuple[Asking, ...]
    """Those who come in where no key is needed."""
    inference: int
    """Places where Inference and Ingress are lawful for one of them."""
    engines: int
    """Of these, places where the Weights may be for the same one."""
    reach: tuple[tuple[Origin, int], ...]
    """Where the engines for data of each origin may be."""


class Callers:
    """Who may call which route, as profiles."""

    def __init__(self, world: World, tenants: Iterable[InferenceTenant]) -> None:
        self._by_namespace: dict[str, set[Profile]] = {}
        self._by_route: dict[RouteKey, set[Profile]] = {}
        self.is_open = any(site.is_open for site in world.sites)
        """Whether some site answers without a key."""
        for tenant in present(tenants).values():
            if tenant.spec.allowed_routes is None:
                self._by_namespace.setdefault(key_of(tenant).namespace, set()).add(_profile(tenant))
            for key in rights.listed(tenant, world.resources, world.namespaces):
                self._by_route.setdefault(key, set()).add(_profile(tenant))

    def of(self, route: Route) -> frozenset[Profile]:
        """Those with a key."""
        named, local = self._by_route.get(route.key, set()), self._by_namespace.get(route.key.namespace, set())
        return frozenset(named | local)


def read(policies: Iterable[DataResidencyPolicy]) -> tuple[Policy, ...]:
    """The policies that are there, by name."""
    return tuple(law.read(each)[0] for each in present(policies).values())


def route_law(world: World, book: Lawbook, callers: Callers, route: Route) -> RouteLaw:
    """The law about one route."""
    profiles = callers.of(route)
    without_key = _askings(book, _asked(world, book, route, NO_KEY)) if callers.is_open else ()
    pairs = [pair for profile in profiles for pair in _asked(world, book, route, profile)]
    if not profiles and not without_key:
        pairs = list(_anybody(book, subject(world, route, NO_KEY)))
    askings = _askings(book, pairs)
    every = (*askings, *without_key)
    inference = engines = 0
    reach: dict[Origin, int] = {}
    for asking in every:
        hop = book.hop(asking)
        there = hop & book.lawful(asking, Scope.WEIGHTS)
        inference, engines = inference | hop, engines | there
        reach[asking.origin] = reach.get(asking.origin, 0) | there
    return RouteLaw(
        askings=askings,
        without_key=without_key,
        inference=inference,
        engines=engines,
        reach=tuple(reach.items()),
    )


def subject(world: World, route: Route, profile: Profile, added: Iterable[str] = ()) -> Subject:
    """What policies select by."""
    spec = route.resource.spec
    tenant = Labelled("", dict(profile.labels)) if profile.has_key else None
    return Subject(
        route=Labelled(route.key.name, route.resource.metadata.labels),
        route_namespace=world.namespace(route.key.namespace),
        tenant=tenant,
        tenant_namespace=world.namespace(profile.namespace) if profile.has_key else None,
        data_classes=frozenset((*(spec.data_classes or ()), *profile.data_classes, *added)),
    )


def face(route: Route) -> Face:
    """Routes with one face are one to the law."""
    resource = route.resource
    labels = tuple(sorted(resource.metadata.labels.items()))
    return (labels, route.key.namespace, frozenset(resource.spec.data_classes or ()))


def questions(world: World, book: Lawbook, callers: Callers, route: Route) -> Iterator[tuple[Subject, Origin]]:
    """Who may ask, with data from where."""
    profiles = [*sorted(callers.of(route), key=str), *([NO_KEY] if callers.is_open else [])]
    for profile in profiles:
        yield from _asked(world, book, route, profile)
    if not profiles:
        yield from _anybody(book, subject(world, route, NO_KEY))


def _asked(world: World, book: Lawbook, route: Route, profile: Profile) -> Iterator[tuple[Subject, Origin]]:
    """A profile's requests by origin. An added class can only refuse, unless policies are what allows."""
    added: list[tuple[str, ...]] = [()]
    if profile.adds and book.unbound == "Deny":
        named = {each for policy in book.policies for each in policy.data_classes or ()}
        added += [(each,) for each in sorted(named)]
    for classes in added:
        whose = subject(world, route, profile, classes)
        for origin in book.origins(profile, book.selecting(whose)):
            yield whose, origin


def _askings(book: Lawbook, pairs: Iterable[tuple[Subject, Origin]]) -> tuple[Asking, ...]:
    selecting: dict[int, tuple[int, ...]] = {}
    found = set()
    for whose, origin in pairs:
        if id(whose) not in selecting:
            selecting[id(whose)] = book.selecting(whose)
        found.add(Asking(selecting[id(whose)], origin))
    return tuple(sorted(found, key=_order))


def _origins(declared: Iterable[str], chooses: bool, rows: frozenset[str]) -> Iterator[Origin]:  # noqa: FBT001
    """All of them at once, as without a header; each alone, and each part of one, where the header chooses."""
    origin, _ = law.origins_of(declared)
    yield origin
    if chooses:
        yield from (Origin.of(code) for code in sorted(_parts(origin.codes, rows)))


def _parts(declared: frozenset[str], rows: frozenset[str]) -> Iterator[str]:
    """The codes, and those of their parts for which a policy's answer is another."""
    yield from declared
    inside = _inside(declared)
    yield from (code for code in inside if code in rows)
    others = {codes.country_of(code): code for code in inside if code not in rows}
    yield from others.values()


@functools.lru_cache(maxsize=4096)
def _inside(declared: frozenset[str]) -> tuple[str, ...]:
    """The codes that lie in these and are none of them."""
    area, parts = Area(declared), {part for code in declared for part in _subdivisions(code)}
    return tuple(sorted(part for part in parts - declared if area.covers(part)))


@functools.cache
def _subdivisions(code: str) -> tuple[str, ...]:
    """The codes of what lies within one, or partly does."""
    return tuple(part for part in codes.subdivisions() if code in codes.ancestors(part))


def _anybody(book: Lawbook, whose: Subject) -> Iterator[tuple[Subject, Origin]]:
    """Somebody without labels, from any country or part of one that makes a difference, or from nobody knows where."""
    listed = book.rows(book.selecting(whose))
    yield from ((whose, Origin.of(code)) for code in sorted({*codes.countries(), *listed}))
    yield whose, law.UNKNOWN


def _profile(tenant: InferenceTenant) -> Profile:
    spec = tenant.spec
    return Profile(
        namespace=key_of(tenant).namespace,
        labels=tuple(sorted(tenant.metadata.labels.items())),
        data_classes=tuple(sorted(spec.data_classes or ())),
        origins=tuple(sorted(spec.origins)) if spec.origins else None,
        chooses=spec.origin_header == "Trust",
        adds=spec.data_class_header == "Trust",
    )


def _order(asking: Asking) -> tuple[tuple[int, ...], list[str], bool]:
    return (asking.selecting, sorted(asking.origin.codes), asking.origin.or_elsewhere)
