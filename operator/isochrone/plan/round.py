"""One round: routes are asked in order, by priority, then by age. At each priority

1. what runs stays, unless it doesn't fit any more, or the route has more sites than it needs;
2. what a route lacks is added: replicas, then sites; if there is no room for all, in the place of lower priorities;
3. what something speaks against (a draining site, engines that fail) stays only where that is still too little;
4. what could be had clearly better elsewhere, where there is room, moves there.

A round starts from what runs, and ends with what should. `settle` repeats it until it changes nothing.
"""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from isochrone.model import Because, RouteKey
from isochrone.plan import choose, score
from isochrone.plan.choose import Places
from isochrone.plan.held import Held
from isochrone.plan.pack import Bin
from isochrone.plan.rooms import Free, Rooms
from isochrone.plan.view import Chosen
from isochrone.plan.wants import Option, Want

_ALL = 100
LEAVING = frozenset({Because.SITE_DRAINING, Because.FAILING})
"""Why engines are kept only where there is nothing better."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a round needs to know besides routes and what runs."""

    free: Free
    place_of: Places
    gain_percent: int
    barred: Mapping[RouteKey, frozenset[int]]
    """Sites that a route's engines are about to leave, or where they failed: they don't come back in the same plan."""
    moves: int
    """How many healthy engines may move because it pays."""


@dataclasses.dataclass(frozen=True, slots=True)
class Left:
    """Engines that a round sends away. `to` is where they move, if that is why."""

    held: Held
    because: Because
    to: int | None = None


@dataclasses.dataclass(slots=True)
class Seat:
    """Engines of a route at a site, in this round."""

    pool: str | None
    replicas: int
    held: Held | None
    because: Because
    is_autoscaled: bool

    @property
    def counts(self) -> bool:
        """Whether they serve: those at a lost site may not."""
        return self.because is not Because.SITE_LOST


class Round:
    """One round. `seats` and `left` are what came of it."""

    def __init__(self, wants: Sequence[Want], held: Iterable[Held], terms: Terms) -> None:
        self._wants = wants
        self._terms = terms
        self._held: dict[RouteKey, list[Held]] = {want.key: [] for want in wants}
        for each in held:
            self._held[each.route].append(each)
        sizes = {want.key: want.devices for want in wants}
        self._rooms = Rooms(terms.free, ((each, sizes[each.route]) for at in self._held.values() for each in at))
        self.seats: dict[RouteKey, dict[int, Seat]] = {want.key: {} for want in wants}
        self.left: list[Left] = []
        self.moves: list[tuple[Held, Option]] = []
        self.deferred: list[tuple[Held, Option]] = []

    def run(self) -> "Round":
        for _, level in itertools.groupby(self._wants, key=lambda want: want.priority):
            routes = list(level)
            for want in routes:
                self._keep(want)
                self._end_surplus(want)
            for want in routes:
                self._grow(want)
                self._add(want)
                self._fall_back(want)
            for want in routes:
                self._improve(want)
        return self

    def _keep(self, want: Want) -> None:
        for held in self._held[want.key]:
            if held.is_wanted or held.because is Because.SITE_LOST:
                self._seat(want, held)

    def _seat(self, want: Want, held: Held) -> None:
        """Lets engines stay where they are, as many as fit and are wanted."""
        rooms, pool, site, size = self._rooms, held.pool, held.site, want.devices
        rooms.leave(pool, site, size, held.replicas)
        replicas = rooms.at_all(pool, site, size, min(held.replicas, want.replicas))
        if not replicas:
            self.left.append(Left(held, held.because if held.because in LEAVING else self._why_full(want, held)))
            return
        rooms.take(pool, site, size, replicas)
        self.seats[want.key][site] = Seat(pool, replicas, held, held.because, want.is_autoscaled)

    def _why_full(self, want: Want, held: Held) -> Because:
        """Outbid, if there would be room but for higher priorities. None of it has room that waits for others alone."""
        if not held.replicas:
            return Because.NO_LONGER_FITS
        pool = held.pool or ""
        alone = Bin(self._terms.free(pool, held.site))
        for other in self._wants:
            seat = self.seats[other.key].get(held.site)
            if seat is not None and seat.pool == pool and other.priority <= want.priority:
                alone.put(other.devices, seat.replicas)
        return Because.OUTBID if alone.room(want.devices, 1) else Because.NO_LONGER_FITS

    def _end_surplus(self, want: Want) -> None:
        while True:
            chosen = self._chosen(want)
            too_many = want.max_sites is not None and len(chosen) > want.max_sites
            if len(chosen) <= want.min_sites:
                return
            spare = [site for site in chosen if too_many or score.is_met_amply(want, _without(chosen, site))]
            if not spare:
                return
            worst = min(spare, key=lambda site: self._worth(want, chosen, site))
            self._unseat(want, worst, Because.TOO_MANY_SITES)

    def _worth(self, want: Want, chosen: Chosen, site: int) -> tuple[int, bool, int, int]:
        """How good the other sites are without this one: the best to end has the lowest."""
        seat, rest = self.seats[want.key][site], _without(chosen, site)
        total, cost = want.view.total_of(rest), self._cost(want, site)
        ready = seat.held is not None and seat.held.is_ready
        return (score.score(want, total, -cost), ready, total, -site)

    def _unseat(self, want: Want, site: int, because: Because, to: int | None = None) -> None:
        seat = self.seats[want.key].pop(site)
        self._rooms.give_back(seat.pool, site, want.devices, seat.replicas)
        if seat.held is not None:
            self.left.append(Left(seat.held, because, to))

    def _grow(self, want: Want) -> None:
        for site, seat in self.seats[want.key].items():
            if seat.counts:
                more = self._rooms.at_all(seat.pool, site, want.devices, want.replicas - seat.replicas)
                self._rooms.take(seat.pool, site, want.devices, more)
                seat.replicas += more

    def _add(self, want: Want) -> None:
        while want.max_sites is None or len(self._chosen(want)) < want.max_sites:
            chosen = self._chosen(want)
            option = self._find(want, chosen)
            if option is None:
                return
            replicas = self._rooms.at_all(option.pool, option.site, want.devices, want.replicas)
            because = Because.MIN_SITES if len(chosen) < want.min_sites else Because.OBJECTIVE
            self._rooms.take(option.pool, option.site, want.devices, replicas)
            self.seats[want.key][option.site] = Seat(option.pool, replicas, None, because, want.is_autoscaled)

    def _find(self, want: Want, chosen: Chosen) -> Option | None:
        """Where there is room for all replicas; if need be, in the place of others; else where most of them fit."""
        barred = self._barred(want)
        for room, least in self._ways(want):
            allowed = _except(room, barred)
            found = choose.addition(want, chosen, self._terms.place_of, room=allowed, least=least)
            if found is not None:
                return found
        return None

    def _ways(self, want: Want) -> Iterator[tuple[choose.Room, int]]:
        rooms, size, wanted = self._rooms, want.devices, want.replicas
        yield lambda option: rooms.left(option.pool, option.site, size, wanted), wanted
        if size:
            yield lambda option: rooms.at_all(option.pool, option.site, size, wanted), wanted
            yield lambda option: rooms.at_all(option.pool, option.site, size, wanted), 1

    def _fall_back(self, want: Want) -> None:
        """Keeps what something speaks against, where the route would otherwise have too little."""
        reluctant = [held for held in self._held[want.key] if held.because in LEAVING]
        for held in sorted(reluctant, key=lambda held: (held.because is Because.FAILING, held.site)):
            if self._lacks(want, held.site):
                self._seat(want, held)
            else:
                self._rooms.leave(held.pool, held.site, want.devices, held.replicas)
                self.left.append(Left(held, held.because))

    def _lacks(self, want: Want, site: int) -> bool:
        chosen = self._chosen(want)
        if want.max_sites is not None and len(chosen) >= want.max_sites:
            return False
        if len(chosen) < want.min_sites:
            return True
        limit, view = want.limit, want.view
        if limit is None or score.is_met(want, chosen):
            return False
        return view.missed_with(limit, chosen, site) < view.missed(limit, chosen)

    def _improve(self, want: Want) -> None:
        waiting: set[int] = set()
        while True:
            best = self._best_swap(want, waiting)
            if best is None:
                return
            site, option = best
            seat = self.seats[want.key][site]
            held, because = seat.held, seat.because
            if held is not None and held.is_running:
                if len(self.moves) >= self._terms.moves:
                    waiting.add(site)
                    self.deferred.append((held, option))
                    continue
                self.moves.append((held, option))
                because = Because.BETTER
            self._unseat(want, site, Because.BETTER, option.site)
            self._rooms.take(option.pool, option.site, want.devices, want.replicas)
            self.seats[want.key][option.site] = Seat(option.pool, want.replicas, None, because, want.is_autoscaled)

    def _best_swap(self, want: Want, waiting: set[int]) -> tuple[int, Option] | None:
        """The move that brings most, if it brings enough."""
        chosen, fresh, best = self._chosen(want), want.fresh, None
        if not fresh.options:
            return None
        # With a site more and none less: no swap is better than that.
        has_room = self._room_for_all(want)
        lowest = int(score.score(want, want.view.least_totals(chosen)[fresh.sites], fresh.costs).min())
        for site in chosen:
            seat = self.seats[want.key][site]
            most = self._most(want, chosen, site)
            if lowest > most or site in waiting or seat.because in LEAVING:
                continue
            found = choose.replacement(want, chosen, site, most=most, has_room=has_room)
            if found is not None and (best is None or found[0] < best[0]):
                best = (*found, site)
        return (best[2], best[1]) if best else None

    def _most(self, want: Want, chosen: Chosen, site: int) -> int:
        """The score at which it pays to be elsewhere rather than at this site."""
        now = score.score(want, want.view.total_of(chosen), self._cost(want, site))
        return min(now - 1, now * (_ALL - self._terms.gain_percent) // _ALL)

    def _room_for_all(self, want: Want) -> Callable[[Option], bool]:
        """Whether all of a route's replicas fit beside all that runs."""
        barred, left = self._barred(want), self._rooms.left
        size, wanted = want.devices, want.replicas

        def has_room(option: Option) -> bool:
            return left(option.pool, option.site, size, wanted) >= wanted and option.site not in barred

        return has_room

    def _barred(self, want: Want) -> frozenset[int]:
        return self._terms.barred.get(want.key, frozenset())

    def _cost(self, want: Want, site: int) -> int:
        pool = self.seats[want.key][site].pool
        return next(option.cost for option in want.options[site] if option.pool == pool)

    def _chosen(self, want: Want) -> Chosen:
        return tuple(sorted(site for site, seat in self.seats[want.key].items() if seat.counts))


def _without(chosen: Chosen, site: int) -> Chosen:
    return tuple(each for each in chosen if each != site)


def _except(room: choose.Room, barred: frozenset[int]) -> choose.Room:
    return (lambda option: 0 if option.site in barred else room(option)) if barred else room
