"""The difference between what runs and what is to run, each with its reason.

Engines that are sent away for a reason that can wait run on until others are ready in their stead and all gateways know
of those: that is a move, also while the others are starting. The law and devices that somebody else needs don't wait:
that is a stop and a start.
"""

import dataclasses
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from typing import Final

from isochrone.model import Because, Change, ChangeKind, Placement, RouteKey, Running, Stand
from isochrone.plan.held import Ended, Held
from isochrone.plan.round import Left, Seat
from isochrone.plan.world import World

AT_ONCE: Final = frozenset(
    {
        Because.LAW_CHANGED,
        Because.SITE_DISABLED,
        Because.SITE_GONE,
        Because.ROUTE_GONE,
        Because.OUTBID,
    }
)
_UNNEEDED: Final = frozenset({Because.TOO_MANY_SITES, Because.BETTER})
_IN_SPITE: Final = frozenset({Because.SITE_LOST, Because.SITE_DRAINING, Because.FAILING})


@dataclasses.dataclass(frozen=True, slots=True)
class Going:
    """Engines that run and are to go."""

    site: str
    pool: str | None
    because: Because
    to: str | None = None


def counts(change: Change) -> bool:
    """Whether a change is one of the moves that `maxMovesPerHour` bounds: nothing forced it."""
    return change.kind is ChangeKind.MOVE and change.because is Because.BETTER


def going_of(world: World, ended: Iterable[Ended], left: Iterable[Left]) -> dict[RouteKey, list[Going]]:
    """What goes, by route, in order."""
    found: dict[RouteKey, list[Going]] = {}
    for each in ended:
        running = each.running
        found.setdefault(running.route, []).append(Going(running.site, running.pool, each.because))
    for gone in left:
        to = world.sites[gone.to].name if gone.to is not None else None
        going = Going(world.sites[gone.held.site].name, gone.held.pool, gone.because, to)
        found.setdefault(gone.held.route, []).append(going)
    return {route: sorted(at, key=lambda going: (going.site, going.pool or "")) for route, at in found.items()}


def of_route(
    route: RouteKey, seats: Mapping[str, Seat], held: Mapping[str, Held], going: Sequence[Going], *, added: Because
) -> tuple[list[Placement], list[Change]]:
    """What is to run of one route, and what changes. `held` is what runs and could stay. Both by site.

    `added` is why the route gets more sites, where it does.
    """
    new = sorted(site for site, seat in seats.items() if not _runs(held.get(site), seat))
    starting = sorted(site for site in seats if site not in new and not _stands(held[site]))
    pairs = _pairs(going, new, starting, seats)
    alone = set(new) - set(pairs.values())
    seats = {site: _in_no_ones_place(seat, added) if site in alone else seat for site, seat in seats.items()}
    reasons = _reasons(seats, new, going, pairs)
    placements, changes = [], []
    for site, seat in seats.items():
        because = _because(seat, held.get(site))
        placements.append(Placement(route=route, site=site, pool=seat.pool, replicas=seat.replicas, because=because))
        if site not in new and seat.replicas != held[site].replicas and not seat.is_autoscaled:
            changes.append(_change(route, ChangeKind.RESIZE, site, seat.pool, Because.RESIZED))
    for index, gone in enumerate(going):
        to = pairs.get(index)
        because = _why_gone(gone, seats[to] if to in new else None)
        if to is None or gone.because in AT_ONCE:
            changes.append(_change(route, ChangeKind.STOP, gone.site, gone.pool, because))
        else:
            changes.append(_change(route, ChangeKind.MOVE, to, seats[to].pool, because, gone.site))
    moved_to = {each.site for each in changes if each.kind is ChangeKind.MOVE}
    for site in new:
        if site not in moved_to:
            because, instead_of = reasons[site]
            changes.append(_change(route, ChangeKind.START, site, seats[site].pool, because, instead_of))
    return placements, changes


def staying(
    placements: Sequence[Placement], changed: Iterable[Change], running: Sequence[Running], unknown: Container[Stand]
) -> list[Placement]:
    """Engines that are to go and serve until others can; unless the same route keeps some there, which take theirs.

    Those that move wait for those in whose place they are. Those that nothing replaces wait as long as no others of
    their route can be asked from everywhere, as where those that are replaced had failed.
    """
    kept = {(each.route, each.site) for each in placements}
    serving = {(each.route, each.site): each for each in running if each.ready > 0}
    alone = {route for route, _ in kept} - _asked_everywhere(placements, serving, unknown)
    leaving = {
        (each.route, each.from_site or each.site): each.because
        for each in changed
        if each.because not in AT_ONCE
        and (each.kind is ChangeKind.MOVE or (each.kind is ChangeKind.STOP and each.route in alone))
    }
    return [
        Placement(route=here.route, site=here.site, pool=here.pool, replicas=here.replicas, because=leaving[at])
        for at, here in serving.items()
        if at in leaving and at not in kept
    ]


def _asked_everywhere(
    placements: Iterable[Placement], serving: Mapping[Stand, Running], unknown: Container[Stand]
) -> set[RouteKey]:
    """Routes with engines that are ready where they are to be, and known to all gateways."""
    return {
        each.route
        for each in placements
        if (here := serving.get((each.route, each.site))) is not None
        and here.pool == each.pool
        and each.because is not Because.SITE_LOST
        and (each.route, each.site) not in unknown
    }


def _stands(held: Held) -> bool:
    """Whether they can be asked from everywhere."""
    return held.is_ready and held.is_known


def _runs(held: Held | None, seat: Seat) -> bool:
    return held is not None and held.pool == seat.pool


def _pairs(
    going: Sequence[Going], new: Sequence[str], starting: Sequence[str], seats: Mapping[str, Seat]
) -> dict[int, str]:
    """Where those that go (by index) are replaced. Each of these ways is tried for all, before the next.

    Engines that are still starting go on standing for those in whose place they came.
    """
    free = list(new)
    pairs: dict[int, str] = {}

    def pair(takes: Callable[[Going, str], bool], sites: list[str]) -> None:
        for index, each in enumerate(going):
            site = next((site for site in sites if takes(each, site)), None) if index not in pairs else None
            if site is not None:
                pairs[index] = site
                sites.remove(site)

    pair(lambda each, site: each.to == site, free)
    pair(lambda each, site: each.because is Because.BETTER and seats[site].because is Because.BETTER, free)
    pair(lambda each, site: each.site == site, free)
    pair(lambda each, _: each.because not in _UNNEEDED, free)
    pair(lambda *_: True, free)
    pair(lambda each, _: each.because not in AT_ONCE, list(starting))
    return pairs


def _why_gone(gone: Going, new: Seat | None) -> Because:
    """Why engines go, in whose place come new ones, if any. A move that came to nothing is one that isn't needed."""
    if gone.because not in _UNNEEDED:
        return gone.because
    return new.because if new is not None else Because.TOO_MANY_SITES


def _reasons(
    seats: Mapping[str, Seat], new: Sequence[str], going: Sequence[Going], pairs: Mapping[int, str]
) -> dict[str, tuple[Because, str | None]]:
    """Why new engines are where they are, and in whose place: of those that go, of those that are lost, or of none."""
    found: dict[str, tuple[Because, str | None]] = {}
    for index, site in pairs.items():
        found[site] = (going[index].because, going[index].site)
    lost = sorted(site for site, seat in seats.items() if seat.because is Because.SITE_LOST)
    for site in new:
        if site not in found:
            found[site] = (Because.SITE_LOST, lost.pop(0)) if lost else (seats[site].because, None)
    return found


def _in_no_ones_place(seat: Seat, added: Because) -> Seat:
    """Those that were to move there have their own place again, which others were to move to: it is one site more."""
    return dataclasses.replace(seat, because=added) if seat.because is Because.BETTER else seat


def _because(seat: Seat, held: Held | None) -> Because:
    """Why engines are there: what is new, for what the route wanted; what something speaks against, that."""
    if held is None or held.pool != seat.pool or seat.because in _IN_SPITE:
        return seat.because
    return Because.KEPT if seat.replicas == held.replicas or seat.is_autoscaled else Because.RESIZED


def _change(  # noqa: PLR0917 - it is a record
    route: RouteKey, kind: ChangeKind, site: str, pool: str | None, because: Because, from_site: str | None = None
) -> Change:
    return Change(route=route, kind=kind, site=site, pool=pool, because=because, from_site=from_site)
