"""From a snapshot to a plan: resolve, ask the law, see what each route wants, settle, and say what changes.

Routes that could not have a pool in common don't touch each other. So each such group is settled by itself, and again
only if something about it has changed. What they do share is the number of moves in an hour: if all groups together
would move more, those whose routes come first in order have their moves first.
"""

import dataclasses
from collections.abc import Callable, Container, Iterable, Mapping, Sequence

from isochrone.geo.latency import Point
from isochrone.model import Because, Change, ChangeKind, Placement, Plan, RouteKey, Shortfall, Snapshot
from isochrone.model.declared import present
from isochrone.plan import changes, demand, filters, held, lawful, why
from isochrone.plan.groups import groups
from isochrone.plan.held import Ended, Held
from isochrone.plan.latency import rtts_to_centres
from isochrone.plan.lawful import Callers, Lawbook, RouteLaw
from isochrone.plan.memo import Memo
from isochrone.plan.round import Seat, Terms
from isochrone.plan.settle import Settled, settle
from isochrone.plan.view import View
from isochrone.plan.wants import Want, options_of, want_of
from isochrone.plan.world import Route, World

HOUR = 3600


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Planned:
    """A plan, and what is needed to plan quickly once more."""

    plan: Plan
    prepared: "Prepared"
    """What `routing` needs, so that it doesn't work it out again."""
    memo: Memo


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """What is known before any route is given anything."""

    world: World
    book: Lawbook
    callers: Callers
    laws: Mapping[RouteKey, RouteLaw]
    wants: Mapping[RouteKey, Want]
    """Of routes that have engines of their own, in order."""


def plan(snapshot: Snapshot, *, now: int) -> Plan:
    """Everything decided, from what is declared and what was observed."""
    return replan(None, snapshot, now=now).plan


def replan(before: Planned | None, snapshot: Snapshot, *, now: int) -> Planned:
    """The same, with the help of the plan before: only what a change can touch is worked out again."""
    memo = Memo(before.memo if before is not None else None)
    prepared = prepare(snapshot, now=now, memo=memo)
    return Planned(plan=_decide(prepared, memo, now), prepared=prepared, memo=memo.finished())


def prepare(snapshot: Snapshot, *, now: int, memo: Memo | None = None) -> Prepared:
    """Resolves everything, and sees what each route wants."""
    memo = memo or Memo()
    world = _as_before(World.of(snapshot, now=now), memo)
    book = _book(world, snapshot, memo)
    callers = Callers(world, snapshot.tenants)
    points = tuple(site.point for site in world.sites)
    near = memo.answer("near", (points,), lambda: Near(points))
    ask_law, see = _Law(world, book, callers, memo), _Wishes(world, near, memo)
    laws = {route.key: ask_law.of(route) for route in world.routes.values()}
    seen = {route.key: see.of(route, laws[route.key]) for route in world.routes.values()}
    wants = {key: want for key, want in seen.items() if want is not None}
    return Prepared(world=world, book=book, callers=callers, laws=laws, wants=wants)


class Near:
    """Round trips from all sites to all centres."""

    def __init__(self, points: Sequence[Point | None]) -> None:
        self.rtts = rtts_to_centres(points)


def _as_before(world: World, memo: Memo) -> World:
    """The same world, of the records of the last one where these are equal."""
    sites = tuple(memo.same(("site", site.name), site) for site in world.sites)
    pools = {name: memo.same(("pool", name), pool) for name, pool in world.pools.items()}
    namespaces = dict(world.namespaces)
    return dataclasses.replace(
        world,
        sites=memo.same("sites", sites),
        pools=memo.same("pools", pools),
        namespaces=memo.same("namespaces", namespaces),
    )


def _book(world: World, snapshot: Snapshot, memo: Memo) -> Lawbook:
    policies = tuple(present(snapshot.policies).values())
    places, unbound = world.atlas.places, snapshot.settings.unbound
    read = memo.answer("policies", (policies,), lambda: lawful.read(policies))
    return memo.answer("book", (read, places, unbound), lambda: Lawbook(read, places, unbound=unbound))


@dataclasses.dataclass(frozen=True, slots=True)
class _Law:
    """Asks the law about routes."""

    world: World
    book: Lawbook
    callers: Callers
    memo: Memo

    def of(self, route: Route) -> RouteLaw:
        world, book, callers = self.world, self.book, self.callers
        question = ("law", lawful.face(route), callers.of(route), callers.is_open)
        given = (book, world.namespaces)
        return self.memo.answer(question, given, lambda: lawful.route_law(world, book, callers, route))


@dataclasses.dataclass(frozen=True, slots=True)
class _Wishes:
    """Sees what routes want."""

    world: World
    near: Near
    memo: Memo

    def of(self, route: Route, law: RouteLaw) -> Want | None:
        world, memo = self.world, self.memo
        given = (route.resource, law, world.namespaces)
        ask = memo.answer(("ask", route.key), given, lambda: filters.ask_of(world, route, law))
        if ask is None:
            return None
        # Routes that ask for the same share what they could have.
        known = (world.sites, world.pools, world.namespaces)
        options = memo.answer(("options", ask.key), known, lambda: options_of(world, ask))
        view = self._view(route, law)
        return memo.answer(("want", route.key), (ask, options, view), lambda: want_of(route, ask, options, view))

    def _view(self, route: Route, law: RouteLaw) -> View:
        """Routes with the same demand share a view."""
        observed = self.world.observed.demand.get(route.key)
        seen, sites = tuple(sorted(observed.items())) if observed else (), len(self.world.sites)
        question = ("demand", law.reach, seen, sites)
        asked = self.memo.answer(question, (), lambda: demand.demand(law.reach, dict(seen), sites))
        return self.memo.answer(("view", asked), (self.near,), lambda: View(asked, self.near.rtts))


def _decide(prepared: Prepared, memo: Memo, now: int) -> Plan:
    world, wants = prepared.world, prepared.wants
    kept, ended = held.sort(world, wants, world.observed.running)
    there = held.without_waiting(world, wants, kept)
    cases = [_case(prepared, group, there, memo) for group in groups(wants)]
    settled = _within_budget(cases, _budget(world, now))
    return _told(prepared, settled, kept, ended)


Case = Callable[[int], Settled]
"""A group of routes, to be settled with at most so many moves."""


def _case(prepared: Prepared, wants: Sequence[Want], kept: Sequence[Held], memo: Memo) -> Case:
    world = prepared.world
    keys = {want.key for want in wants}
    here = tuple(each for each in kept if each.route in keys)
    every = (option for want in wants for at in want.options.values() for option in at)
    pools = {option.pool: world.pools[option.pool] for option in every if option.pool is not None}
    free = {(name, site): world.free(pool, site) for name, pool in pools.items() for site in pool.sites}
    percent = world.settings.move_gain_percent
    barred = _barred(world, keys, here)

    def case(moves: int) -> Settled:
        terms = Terms(
            free=lambda pool, site: free[pool, site],
            place_of=lambda site: world.sites[site].point,
            gain_percent=percent,
            barred=barred,
            moves=moves,
        )
        # Where sites are is known to wants already: these are others once any site is another.
        given = (tuple(wants), here, free, barred, percent)
        return memo.answer(("settled", wants[0].key, moves), given, lambda: settle(wants, here, terms))

    return case


def _barred(world: World, routes: Container[RouteKey], here: Iterable[Held]) -> dict[RouteKey, frozenset[int]]:
    """Where nothing new of a route is placed: what it has there should go, or failed lately."""
    leaving = [(each.route, each.site) for each in here if not each.is_wanted]
    failed = [(route, world.site_index[name]) for route, name in world.observed.failed if name in world.site_index]
    found: dict[RouteKey, set[int]] = {}
    for route, site in (*leaving, *failed):
        if route in routes:
            found.setdefault(route, set()).add(site)
    return {route: frozenset(sites) for route, sites in found.items()}


def _within_budget(cases: Sequence[Case], budget: int) -> list[Settled]:
    """All groups, with no more moves than there may be; those whose routes come first move first."""
    left, found = budget, []
    for case in cases:
        within = case(budget)
        if within.moves > left:
            within = case(left)
        left -= within.moves
        found.append(within)
    return found


def _budget(world: World, now: int) -> int:
    recent = sum(1 for moved in world.observed.moves if moved > now - HOUR)
    return max(0, world.settings.max_moves_per_hour - recent)


def _told(prepared: Prepared, settled: Sequence[Settled], kept: Iterable[Held], ended: Iterable[Ended]) -> Plan:
    """What was settled, as a plan."""
    world = prepared.world
    name_of = [site.name for site in world.sites]
    there: dict[RouteKey, dict[str, Held]] = {}
    for each in kept:
        there.setdefault(each.route, {})[name_of[each.site]] = each
    seats = {
        route: {name_of[site]: seat for site, seat in at.items()}
        for each in settled
        for route, at in each.seats.items()
    }
    going = changes.going_of(world, ended, [left for each in settled for left in each.left])
    placements: list[Placement] = []
    changed: list[Change] = []
    for route in {**seats, **going}:
        placed = seats.get(route, {})
        added = why_more(prepared.wants.get(route), placed.values())
        made, told = changes.of_route(route, placed, there.get(route, {}), going.get(route, ()), added=added)
        placements += made
        changed += told
    # What is in a pool that is gone can't be rendered.
    there_still = [each for each in world.observed.running if each.pool is None or each.pool in world.pools]
    staying = changes.staying(placements, changed, there_still, world.observed.unknown)
    deferred = [
        Change(
            route=each.route,
            kind=ChangeKind.MOVE,
            site=option.name,
            pool=option.pool,
            because=Because.BETTER,
            from_site=name_of[each.site],
        )
        for group in settled
        for each, option in group.deferred
    ]
    return Plan(
        placements=tuple(sorted(placements)),
        staying=tuple(sorted(staying)),
        shortfalls=_shortfalls(prepared, placements),
        changes=tuple(sorted(changed, key=_change_order)),
        deferred=tuple(sorted(deferred)),
    )


def why_more(want: Want | None, seats: Iterable[Seat]) -> Because:
    """Why a route has one of its sites that nothing moved to."""
    is_at_least = want is None or sum(seat.counts for seat in seats) <= want.min_sites
    return Because.MIN_SITES if is_at_least else Because.OBJECTIVE


def _shortfalls(prepared: Prepared, placements: Sequence[Placement]) -> tuple[Shortfall, ...]:
    world, wants = prepared.world, prepared.wants
    occupied = occupied_by(prepared, placements)
    placed: dict[RouteKey, dict[int, Placement]] = {}
    for each in placements:
        placed.setdefault(each.route, {})[world.site_index[each.site]] = each
    found = (why.shortfall(world, wants[key], placed.get(key, {}), occupied) for key in sorted(wants))
    return tuple(each for each in found if each is not None)


def occupied_by(prepared: Prepared, placements: Iterable[Placement]) -> why.Occupied:
    """The devices that placements leave free."""
    sized = ((each, prepared.wants[each.route].devices) for each in placements)
    return why.Occupied(prepared.world, sized)


def _change_order(change: Change) -> tuple[RouteKey, str, str]:
    return (change.route, change.site, change.kind.value)
